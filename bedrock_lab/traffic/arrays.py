"""Between numpy and arrow by way of their buffers.

The library's own conversions import pandas, which takes longer than reading a trace.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from bedrock_lab.errors import InputError
from bedrock_lab.traffic.columns import COLUMNS, OUTCOMES

CODED = pa.dictionary(pa.int32(), pa.string())
LARGEST = 2**53


def from_numpy(values: np.ndarray, valid: np.ndarray | None = None) -> Any:
    """Turn a numeric array into an arrow array; where `valid` is false the value is null."""
    values = np.ascontiguousarray(values)
    kind = {"f": pa.float64(), "i": pa.int64()}[values.dtype.kind]
    bits, nulls = None, 0
    if valid is not None and not valid.all():
        bits = pa.py_buffer(np.packbits(valid, bitorder="little"))
        nulls = int(len(valid) - valid.sum())
    return pa.Array.from_buffers(kind, len(values), [bits, pa.py_buffer(values)], nulls)


def validity(array: Any) -> np.ndarray:
    """Return where an arrow array holds a value."""
    buffer = array.buffers()[0]
    if buffer is None:
        return np.ones(len(array), dtype=bool)
    bits = np.unpackbits(np.frombuffer(buffer, dtype=np.uint8), bitorder="little")
    return bits[array.offset : array.offset + len(array)].astype(bool)


def to_numpy(array: Any) -> np.ndarray:
    """Turn a numeric arrow array into numpy; one with nulls becomes float64 with NaN."""
    dtype = np.dtype(array.type.to_pandas_dtype())
    values = np.frombuffer(array.buffers()[1], dtype=dtype)[array.offset : array.offset + len(array)]
    return np.where(validity(array), values, np.nan) if array.null_count else values


def texts(array: Any) -> np.ndarray:
    """Turn a text array, coded or plain, into an object array with None for null."""
    if not pa.types.is_dictionary(array.type):
        return np.array(array.to_pylist(), dtype=object)
    words = np.array([*array.dictionary.to_pylist(), None], dtype=object)
    codes = to_numpy(array.indices)
    return np.asarray(words[np.where(np.isnan(codes), len(words) - 1, codes).astype(np.int64)])


def whole(name: str, values: np.ndarray) -> np.ndarray:
    """Return counts as int64 or refuse what is negative, fractional or too large."""
    with np.errstate(invalid="ignore"):
        bad = (values < 0) | (values > LARGEST) | (values != np.floor(values))
    if bad.any():
        at = int(np.argmax(bad))
        raise InputError(f"{name} is {values[at]:g} in row {at + 1}; whole numbers of 0 or more are allowed")
    return values.astype(np.int64)


def canonical(name: str, values: Any) -> Any:
    """Return a column as the arrow array a Trace holds; None and NaN become null.

    Raises
    ------
    InputError
        When no Trace has such a column, or a value does not belong in it.
    """
    if name not in COLUMNS:
        raise InputError(f"no column {name!r} in a trace; known: {', '.join(COLUMNS)}")
    kind = COLUMNS[name]
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if kind in {"text", "id"}:
        return text_column(name, kind, values)
    numbers = numeric(name, values)
    if (
        kind == "count"
        and numbers.dtype.kind in "iu"
        and 0 <= numbers.min(initial=0) <= numbers.max(initial=0) <= LARGEST
    ):
        return from_numpy(numbers.astype(np.int64, copy=False))
    numbers = numbers.astype(np.float64, copy=False)
    valid = ~np.isnan(numbers)
    if kind == "number":
        return from_numpy(numbers, valid)
    return from_numpy(whole(name, np.where(valid, numbers, 0)), valid)


def numeric(name: str, values: Any) -> np.ndarray:
    """Return values as an array of numbers or refuse them."""
    try:
        numbers = to_numpy(values) if isinstance(values, pa.Array) else np.asarray(values)
        if numbers.dtype.kind == "O":
            numbers = numbers.astype(np.float64)
    except (TypeError, ValueError):
        numbers = np.empty(0, dtype=bool)
    if numbers.dtype.kind not in "iuf" or numbers.ndim != 1:
        raise InputError(f"{name} holds something that is no number")
    return numbers


def text_column(name: str, kind: str, values: Any) -> Any:
    """Return a text column coded (`text`) or plain (`id`)."""
    if not isinstance(values, pa.Array):
        cells = [None if v is None or (isinstance(v, float) and np.isnan(v)) else str(v) for v in values]
        values = pa.array(cells, type=pa.string())
    is_coded = pa.types.is_dictionary(values.type)
    try:
        column = values.cast(CODED) if is_coded else values.cast(pa.string())
        if kind == "id":
            column = column.cast(pa.string())
        elif not is_coded:
            column = column.dictionary_encode()
        column.validate(full=True)
    except pa.ArrowException:
        raise InputError(f"{name} holds something that is no text") from None
    if name == "outcome":
        unknown = sorted(set(column.dictionary.to_pylist()) - set(OUTCOMES))
        if unknown:
            raise InputError(f"outcome is {unknown[0]!r}; {', '.join(OUTCOMES)} are allowed")
    return column


def strings(values: Sequence[Any]) -> Any:
    """Make an arrow array of texts by its buffers: arrow's own way imports pandas."""
    known = None
    if None in values:
        known = np.fromiter((value is not None for value in values), dtype=bool, count=len(values))
        values = ["" if value is None else value for value in values]
    cells: Sequence[Any] = values if set(map(type, values)) <= {str} else list(map(str, values))
    joined = "".join(cells)
    data = joined.encode("utf-8", "replace")
    if len(data) != len(joined):
        cells = [cell.encode("utf-8", "replace") for cell in cells]
    ends = np.zeros(len(cells) + 1, dtype=np.int32)
    np.cumsum(np.fromiter(map(len, cells), dtype=np.int32, count=len(cells)), out=ends[1:])
    bits = None if known is None else bits_of(known)
    return pa.Array.from_buffers(pa.string(), len(cells), [bits, pa.py_buffer(ends), pa.py_buffer(data)])


def bits_of(known: np.ndarray) -> Any:
    """Return the validity buffer of an arrow array; None where everything is there."""
    return None if known.all() else pa.py_buffer(np.packbits(known, bitorder="little"))
