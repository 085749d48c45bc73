"""requests.parquet: a run's records by intended time, as a trace like any other."""

import array
import contextlib
import datetime as dt
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bedrock_lab.assumptions import Origin
from bedrock_lab.client.record import Record
from bedrock_lab.errors import LabError
from bedrock_lab.measuring.concluding.totals import Totals
from bedrock_lab.measuring.sending.journal import FIELDS, files, lines, read_line
from bedrock_lab.traffic.arrays import from_numpy, to_numpy
from bedrock_lab.traffic.columns import COLUMNS, PERCENTILES
from bedrock_lab.traffic.parquet import KEY, PLAIN
from bedrock_lab.traffic.trace import READER_VERSION
from bedrock_lab.traffic.usage import BUCKETS

TABLE = "requests.parquet"
CHUNK, GROUP = 2_048, 8
"""Rows that are held as objects at a time, and how many such chunks make a row group of the file."""

KINDS = {"number": pa.float64(), "count": pa.int64(), "text": pa.dictionary(pa.int32(), pa.string()), "id": pa.string()}
NOT_OURS = {"window_s", "requests", "account", *PERCENTILES}
SCHEMA = pa.schema([(name, KINDS[kind]) for name, kind in COLUMNS.items() if name not in NOT_OURS])


def in_order(out: Path, call: Mapping[str, Any]) -> Iterator[list[Record]]:
    """Go through the records by intended time, some thousand at a time."""
    paths = files(out)
    places, starts, lengths = array.array("i"), array.array("q"), array.array("i")
    intended = array.array("d")
    for place, path in enumerate(paths):
        for start, line in lines(path):
            places.append(place)
            starts.append(start)
            lengths.append(len(line))
            intended.append(read_line(line)["intended_s"])
    order = np.argsort(np.frombuffer(intended), kind="stable") if intended else np.empty(0, dtype=np.int64)
    handles = [os.open(path, os.O_RDONLY) for path in paths]
    try:
        for first in range(0, len(order), CHUNK):
            chunk = order[first : first + CHUNK].tolist()
            yield [record_of(os.pread(handles[places[i]], lengths[i], starts[i]), call) for i in chunk]
    finally:
        for handle in handles:
            os.close(handle)


def record_of(line: bytes, call: Mapping[str, Any]) -> Record:
    """Make the record that a line was written from."""
    row = read_line(line)
    record = Record(**call, **{name: row[name] for name in FIELDS if name in row})
    for name in ("cost_usd", "cost_bound_usd"):
        if name in row:
            setattr(record, name, Decimal(row[name]))
    return record


def assemble(out: Path, call: Mapping[str, Any], origin: Origin, source: str, notes: Sequence[str]) -> Totals:
    """Write requests.parquet from the records, and add them up.

    Parameters
    ----------
    call
        What all records have in common.
    """
    totals = Totals.empty()
    partial = out / f".{TABLE}.part"
    writer: Any = None
    tables: list[Any] = []
    try:
        for records in in_order(out, call):
            if writer is None:
                first = records[0]
                meta = _metadata(first, origin, source, notes)
                schema = SCHEMA.with_metadata({KEY: json.dumps(meta).encode()})
                writer, zero_s = pq.ParquetWriter(partial, schema, compression="zstd"), first.intended_s or 0.0
            tables.append(_table(records, zero_s, schema))
            if len(tables) == GROUP:
                writer.write_table(pa.concat_tables(tables))
                tables.clear()
            for record in records:
                totals.add(record)
        if writer is not None:
            if tables:
                writer.write_table(pa.concat_tables(tables))
            writer.close()
            partial.replace(out / TABLE)
    except OSError as error:
        raise LabError(f"{out / TABLE}: writing failed ({error.strerror or error})") from None
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()
    return totals


def _table(records: Sequence[Record], zero_s: float, schema: Any) -> Any:
    rows = [record.to_row() for record in records]
    for row in rows:
        row["time_s"] = row["intended_s"] - zero_s
    columns = [_column([row[name] for row in rows], schema.field(name).type) for name in schema.names]
    return pa.Table.from_arrays(columns, schema=schema)


def _column(values: list[Any], kind: Any) -> Any:
    """Make an arrow column; the library's own way from lists imports pandas."""
    if kind in {pa.float64(), pa.int64()}:
        valid = np.array([value is not None for value in values])
        numbers = [0 if value is None else value for value in values]
        return from_numpy(np.array(numbers, dtype=np.float64 if kind == pa.float64() else np.int64), valid)
    builder = pa.lib.StringBuilder()
    builder.append_values(values)
    texts = builder.finish()
    return texts if kind == pa.string() else texts.dictionary_encode()


def _metadata(first: Record, origin: Origin, source: str, notes: Sequence[str]) -> dict[str, Any]:
    started = first.started_at or 0.0
    meta = dict.fromkeys(PLAIN)
    meta |= {
        "kind": "requests",
        "origin": str(origin),
        "source": source,
        "format": "measure",
        "start_time": dt.datetime.fromtimestamp(started, dt.UTC).isoformat(),
        "expresses": list(BUCKETS),
        "reordered": 0,
        "duplicates": 0,
        "reader_version": READER_VERSION,
        "notes": list(notes),
    }
    return {**meta, "skipped": []}


def _read(out: Path, name: str) -> Any:
    with pq.ParquetFile(out / TABLE) as file:
        return file.read(columns=[name]).column(name).combine_chunks()


def column(out: Path, name: str) -> NDArray[np.float64]:
    """Read one number of every request, in the order of their intended times; NaN where unknown."""
    return to_numpy(_read(out, name)).astype(np.float64)


def outcomes(out: Path) -> NDArray[np.bool_]:
    """Return which requests were answered, in the order of their intended times."""
    held = _read(out, "outcome")
    words = held.dictionary.to_pylist()
    return np.asarray(to_numpy(held.indices) == (words.index("ok") if "ok" in words else -1))
