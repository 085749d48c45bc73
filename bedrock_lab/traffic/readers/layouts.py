"""Rows out of CSV, JSON lines and parquet, whatever the columns are called."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.json as pajson
import pyarrow.parquet as pq

from bedrock_lab.errors import InputError
from bedrock_lab.traffic.readers.fields import Field, moment
from bedrock_lab.traffic.readers.files import FileError, Looks, one_line, text_of
from bedrock_lab.traffic.readers.settle import Row, settle_fast, settle_slow

UTC_NS, NAIVE_NS = pa.timestamp("ns", tz="UTC"), pa.timestamp("ns")
BLOCK = 1 << 26


def columns_of(file: str, data: bytes, looks: Looks, fields: Sequence[Field]) -> dict[str, Any]:
    """Read the fields out of a file; `time_s` comes as int64 [ns since 1970] or float64 [s].

    Raises
    ------
    FileError
        With the line, where a cell or a line is not what it has to be.
    """
    read = {"csv": csv_columns, "json": json_columns, "parquet": parquet_columns}[looks.layout]
    return read(file, data, looks, fields)


def arrow_types(fields: Sequence[Field], time_type: Any) -> dict[str, Any]:
    """Return the arrow type in which each column of a file is read."""
    return {
        field.source: time_type
        if field.kind == "time"
        else pa.float64()
        if field.kind in {"count", "number"}
        else pa.string()
        for field in fields
    }


def time_types(fields: Sequence[Field], cell: Any) -> list[Any]:
    """Return the arrow types that may hold the times of a file whose first one is `cell`."""
    field = next(field for field in fields if field.kind == "time")
    try:
        return [pa.float64()] if isinstance(moment(field, cell), float) else [NAIVE_NS, UTC_NS]
    except InputError:
        return []


def csv_columns(file: str, data: bytes, looks: Looks, fields: Sequence[Field]) -> dict[str, Any]:
    """Read CSV."""
    rows = csv_rows(file, data, looks)
    first = next(rows, None)
    time = next(field.source for field in fields if field.kind == "time")
    for kind in time_types(fields, first[1](time)) if first else []:
        types = arrow_types(fields, kind)
        options = pacsv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            null_values=[""],
            strings_can_be_null=True,
        )
        parsing = pacsv.ParseOptions(delimiter=looks.delimiter, newlines_in_values=b'"' in data)
        # the header's own line is skipped: its names are known, trimmed and without a byte order mark
        reading = pacsv.ReadOptions(column_names=list(looks.names), skip_rows=1)
        try:
            table = pacsv.read_csv(pa.BufferReader(data), reading, parsing, options)
        except (pa.ArrowException, KeyError, ValueError):
            continue
        columns = settle_fast(table, fields)
        if columns is not None:
            return columns
    return settle_slow(file, csv_rows(file, data, looks), fields)


def csv_rows(file: str, data: bytes, looks: Looks) -> Iterator[Row]:
    """Go through the rows below the header of a CSV file."""
    reader = csv.reader(io.StringIO(text_of(file, data), newline=""), delimiter=looks.delimiter, strict=True)
    position = {name: i for i, name in reversed(list(enumerate(looks.names)))}
    below = False
    try:
        for cells in reader:
            if not cells:
                continue
            if below:
                if len(cells) != len(looks.names):
                    reason = f"has {len(cells)} cells, the header {len(looks.names)}; is the line cut off?"
                    raise FileError(file, reason, reader.line_num)
                yield reader.line_num, cell_getter(cells, position)
            below = True
    except csv.Error as error:
        raise FileError(file, f"no CSV ({error}); is the file cut off?", reader.line_num) from None


def cell_getter(cells: list[str], position: dict[str, int]) -> Callable[[str], str]:
    """Return a function from a column's name to its cell in one row."""
    return lambda name: cells[position[name]]


def json_columns(file: str, data: bytes, looks: Looks, fields: Sequence[Field]) -> dict[str, Any]:
    """Read JSON lines."""
    del looks
    first = next(json_rows(file, data), None)
    time = next(field.source for field in fields if field.kind == "time")
    for kind in time_types(fields, first[1](time)) if first else []:
        as_text = pa.types.is_timestamp(kind)
        table = json_table(data, arrow_types(fields, pa.string() if as_text else kind))
        try:
            if table is not None and as_text:
                index = table.column_names.index(time)
                table = table.set_column(index, time, table.column(time).cast(kind))
            columns = None if table is None else settle_fast(table, fields)
        except pa.ArrowException:
            continue
        if columns is not None:
            return columns
    return settle_slow(file, json_rows(file, data), fields)


def json_table(data: bytes, types: dict[str, Any]) -> Any:
    """Read JSON lines into an arrow table of the types given, or None where they do not fit."""
    parsing = pajson.ParseOptions(explicit_schema=pa.schema(types), unexpected_field_behavior="ignore")
    try:
        return pajson.read_json(pa.BufferReader(data), pajson.ReadOptions(block_size=BLOCK), parsing)
    except (pa.ArrowException, ValueError):
        return None


def json_rows(file: str, data: bytes) -> Iterator[Row]:
    """Go through the objects of a file of JSON lines."""
    for line, text in enumerate(io.StringIO(text_of(file, data)), start=1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except (ValueError, RecursionError):
            raise FileError(file, "no whole JSON object; is the line cut off?", line) from None
        if not isinstance(row, dict):
            raise FileError(file, f"a JSON {type(row).__name__}; JSON lines hold one object a line", line)
        yield line, row.get


def parquet_columns(file: str, data: bytes, looks: Looks, fields: Sequence[Field]) -> dict[str, Any]:
    """Read parquet; a bad cell is named by its row, counted from 1."""
    del looks
    try:
        table = pq.ParquetFile(pa.BufferReader(data)).read(columns=[field.source for field in fields])
        columns = settle_fast(table, fields)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise FileError(file, f"the parquet data cannot be read ({one_line(error)})") from None
    return columns or settle_slow(file, parquet_rows(table), fields, unit="row")


def parquet_rows(table: Any) -> Iterator[Row]:
    """Go through the rows of an arrow table, times as text."""
    names = table.column_names
    cells = [
        column.cast(pa.string()).to_pylist() if pa.types.is_temporal(column.type) else column.to_pylist()
        for column in table.columns
    ]
    for i, row in enumerate(zip(*cells, strict=True), start=1):
        yield i, dict(zip(names, row, strict=True)).get
