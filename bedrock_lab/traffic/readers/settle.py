"""From the cells of a file to the columns of a Trace, two ways.

The fast way takes whole columns and gives up at the first doubt; the slow way goes row by row and says which
line is wrong. The slow way decides: what the fast one accepts, it accepts with the same values.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from bedrock_lab.errors import InputError
from bedrock_lab.traffic.arrays import CODED, LARGEST, from_numpy, to_numpy, validity
from bedrock_lab.traffic.readers.fields import OUTCOME_WORDS, Field, parse_cell
from bedrock_lab.traffic.readers.files import FileError

Row = tuple[int, Callable[[str], Any]]
"""A row's line number and a function from a file's column name to its cell."""


def settle_fast(table: Any, fields: Sequence[Field]) -> dict[str, Any] | None:
    """Turn typed arrow columns into a Trace's, or None where a row-by-row reading must decide."""
    out: dict[str, Any] = {}
    for field in fields:
        column = table.column(field.source)
        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        array = fast_column(field, column)
        if array is None:
            return None
        out[field.name] = array
    return out


def fast_column(field: Field, column: Any) -> Any:
    """Return one column as a Trace holds it, or None in doubt."""
    kind = field.kind
    if kind in {"text", "id", "outcome"}:
        return fast_text(kind, column)
    if kind == "time" and pa.types.is_timestamp(column.type) and not column.null_count:
        return column.cast(pa.timestamp("ns", tz=column.type.tz)).view(pa.int64())
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return fast_numbers(field, column)
    return None


def fast_numbers(field: Field, column: Any) -> Any:
    """Return a column of numbers or whole counts, or None where one does not belong."""
    numbers = to_numpy(column).astype(np.float64, copy=False)
    valid = validity(column)
    needed = field.required or field.kind == "time"
    if not np.isfinite(numbers[valid]).all() or (needed and not valid.all()):
        return None
    if field.kind != "count":
        return from_numpy(numbers if field.per == 1.0 else numbers / field.per, valid)
    counts = np.where(valid, numbers, 0.0)
    if counts.min(initial=0) < 0 or counts.max(initial=0) > LARGEST or (counts != np.floor(counts)).any():
        return None
    return from_numpy(counts.astype(np.int64), valid)


def fast_text(kind: str, column: Any) -> Any:
    """Return a text column, coded unless it holds ids."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return None
    column = column.cast(pa.string())
    if kind == "id":
        return column
    coded = column.dictionary_encode()
    if kind == "outcome":
        words = coded.dictionary.to_pylist()
        if not set(words) <= set(OUTCOME_WORDS):
            return None
        known = pa.array([OUTCOME_WORDS[word] for word in words], type=pa.string())
        coded = pa.DictionaryArray.from_arrays(coded.indices, known).cast(pa.string()).dictionary_encode()
    return coded


def settle_slow(file: str, rows: Iterable[Row], fields: Sequence[Field], unit: str = "") -> dict[str, Any]:
    """Turn rows into a Trace's columns, or raise at the first cell that does not belong.

    An empty cell of a required column is accepted in a row whose outcome is throttled or failed: such a
    request has no usage.
    """
    cells: dict[str, list[Any]] = {field.name: [] for field in fields}
    for line, get in rows:
        try:
            row = {field.name: parse_cell(field, get(field.source)) for field in fields}
            check_row(row, fields, cells["time_s"])
        except InputError as error:
            raise FileError(file, str(error), line, unit) from None
        for name, value in row.items():
            cells[name].append(value)
    if not cells["time_s"]:
        raise FileError(file, "no rows below the header; a trace has at least one")
    return {field.name: array_of(field, cells[field.name]) for field in fields}


def check_row(row: dict[str, Any], fields: Sequence[Field], times: list[Any]) -> None:
    """Refuse a row without its time or, where it completed, without its tokens."""
    refused = row.get("outcome") in {"throttled", "failed"}
    for field in fields:
        if row[field.name] is not None:
            continue
        if field.kind == "time" or (field.required and not refused):
            allowed = "a time" if field.kind == "time" else "a whole number of 0 or more"
            raise InputError(f"{field.source} is empty; {allowed} is needed")
    if times and type(times[0]) is not type(row["time_s"]):
        raise InputError("the time is of another kind than in the first row; seconds or ISO 8601 throughout")


def array_of(field: Field, cells: list[Any]) -> Any:
    """Return parsed cells as an arrow array."""
    if field.kind == "time":
        return pa.array(cells, type=pa.int64() if isinstance(cells[0], int) else pa.float64())
    kinds = {"count": pa.int64(), "number": pa.float64(), "id": pa.string(), "text": CODED, "outcome": CODED}
    return pa.array(cells, type=kinds[field.kind])
