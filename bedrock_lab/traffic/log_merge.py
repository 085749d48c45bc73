"""From the parts of a log to one trace on disk, by time and without duplicates, some rows in memory at a time."""

import json
import os
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bedrock_lab.assumptions import Origin
from bedrock_lab.errors import InputError
from bedrock_lab.traffic.arrays import from_numpy, to_numpy
from bedrock_lab.traffic.clock import iso_utc
from bedrock_lab.traffic.columns import COLUMNS
from bedrock_lab.traffic.identities import hidden
from bedrock_lab.traffic.log_parts import AT, HASHES, Part, Parts, failing
from bedrock_lab.traffic.parquet import KEY
from bedrock_lab.traffic.readers import unsaid
from bedrock_lab.traffic.readers.raw import summed
from bedrock_lab.traffic.trace import READER_VERSION, Skipped
from bedrock_lab.traffic.usage import BUCKETS

ROWS = 65_536
"""Rows written at a time."""


def merge(parts: Parts, chosen: Sequence[Part], out: Path, source: str, skipped: Sequence[Skipped]) -> dict[str, Any]:
    """Write the trace of some parts, whole or not at all.

    Returns
    -------
    dict
        Its metadata.

    Raises
    ------
    InputError
        The file cannot be written.
    LabError
        Writing failed.
    """
    order, at, reordered, duplicates = arranged(parts, chosen)
    start = int(at[order[0]])
    meta = {
        "kind": "requests",
        "origin": Origin.LOG,
        "source": source if parts.identities else hidden(source, parts.salt),
        "format": "bedrock-logs",
        "start_time": iso_utc(start),
        "expresses": [b for b in BUCKETS if any(b in part.expresses for part in chosen)],
        "window_s": None,
        "reordered": reordered,
        "duplicates": duplicates,
        "reader_version": READER_VERSION,
        "prefix_block_tokens": max((part.block_tokens for part in chosen if part.block_tokens), default=None),
        "notes": list(unsaid.notes(summed(part.unsaid for part in chosen))),
        "skipped": [item.to_dict() for part in chosen for item in part.skipped] + [item.to_dict() for item in skipped],
    }
    partial = out.with_name(f".{out.name}.{os.getpid()}.part")
    if out.is_dir():
        raise InputError(f"{out}: is a folder; give the name of a file to write")
    try:
        with failing(out), pq.ParquetWriter(partial, schema_of(parts, chosen, meta), compression="zstd") as writer:
            for rows in np.split(order, range(ROWS, len(order), ROWS)):
                writer.write_table(gathered(parts, chosen, rows, at[rows] - start, writer.schema))
        with failing(out):
            partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    return meta


def arranged(parts: Parts, chosen: Sequence[Part]) -> tuple[np.ndarray, np.ndarray, int, int]:
    """Return all rows by time without later duplicates, their times [ns], how many came late and are duplicates.

    Ids are told apart by two hashes of 64 bits.
    """
    at = np.concatenate([to_numpy(parts.read(part, [AT]).column(AT).combine_chunks()) for part in chosen])
    ids = np.empty((len(at), 2), dtype=np.int64)
    named = np.zeros(len(at), dtype=bool)
    begin = 0
    for part in chosen:
        end = begin + part.rows
        if "request_id" in parts.names(part):
            names = parts.read(part, ["request_id"]).column("request_id").to_pylist()
            named[begin:end] = [name is not None for name in names]
            ids[begin:end, 0] = array("q", map(hash, names))
            ids[begin:end, 1] = array("q", [hash((name, 1)) for name in names])
        begin = end
    late = int((at < np.maximum.accumulate(at)).sum())
    order = np.argsort(at, kind="stable")
    by_id = order[np.lexsort((ids[order, 1], ids[order, 0]))]  # stable: of equal ids the first in time leads
    again = (ids[by_id[1:]] == ids[by_id[:-1]]).all(axis=1) & named[by_id[1:]] & named[by_id[:-1]]
    dropped = np.zeros(len(at), dtype=bool)
    dropped[by_id[1:][again]] = True
    return order[~dropped[order]], at, late, int(dropped.sum())


def schema_of(parts: Parts, chosen: Sequence[Part], meta: dict[str, Any]) -> pa.Schema:
    """Return the columns of all parts together, in a trace's order, with its metadata."""
    kinds: dict[str, Any] = {}
    for part in chosen:
        kinds |= {field.name: field.type for field in pq.read_schema(parts.folder / part.file)}
    fields = [pa.field("time_s", pa.float64())]
    fields += [pa.field(name, kinds[name]) for name in (*COLUMNS, HASHES) if name in kinds]
    return pa.schema(fields, {KEY: json.dumps(meta).encode()})


def gathered(parts: Parts, chosen: Sequence[Part], rows: np.ndarray, since_ns: np.ndarray, schema: pa.Schema) -> Any:
    """Return some rows, read from the parts that hold them."""
    ends = np.cumsum([part.rows for part in chosen])
    of_row = np.searchsorted(ends, rows, side="right")
    pieces, places = [], []
    for number in np.unique(of_row).tolist():
        mine = np.flatnonzero(of_row == number)
        part = chosen[number]
        inside = rows[mine] - (ends[number] - part.rows)
        pieces.append(parts.read(part).take(from_numpy(inside.astype(np.int64))))
        places.append(mine)
    table = pa.concat_tables(pieces, promote_options="default").unify_dictionaries().combine_chunks()
    back = np.empty(len(rows), dtype=np.int64)
    back[np.concatenate(places)] = np.arange(len(rows))
    table = table.take(from_numpy(back))
    columns = [
        from_numpy(since_ns / 1e9)
        if field.name == "time_s"
        else table.column(field.name)
        if field.name in table.column_names
        else pa.nulls(len(rows), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)
