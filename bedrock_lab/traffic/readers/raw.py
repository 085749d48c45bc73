"""What a reader hands over: columns of one file, not yet sorted."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from bedrock_lab.assumptions import Origin
from bedrock_lab.errors import InputError
from bedrock_lab.traffic.arrays import from_numpy, to_numpy
from bedrock_lab.traffic.clock import iso_utc, utc_ns
from bedrock_lab.traffic.columns import COLUMNS
from bedrock_lab.traffic.readers import unsaid
from bedrock_lab.traffic.readers.files import FileError
from bedrock_lab.traffic.trace import Skipped, Trace, make_trace
from bedrock_lab.traffic.usage import BUCKETS


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """The rows of one file, or of several joined, in file order.

    Parameters
    ----------
    columns
        Arrow arrays by column name.
    start_ns
        When `time_s` is 0 [ns since 1970]; None where the file's clock has no date.
    unsaid
        Of invocation logs: how many records do not say what, and of which application profile.
    """

    file: str
    format: str
    origin: Origin
    columns: dict[str, Any]
    expresses: tuple[str, ...]
    start_ns: int | None = None
    kind: str = "requests"
    window_s: float | None = None
    prefix_hashes: Any = None
    prefix_block_tokens: int | None = None
    notes: tuple[str, ...] = ()
    unsaid: Mapping[str, int] = dataclasses.field(default_factory=dict)
    reordered: int = 0
    duplicates: int = 0
    skipped: tuple[Skipped, ...] = ()


def clock_columns(file: str, times: Any) -> tuple[Any, int | None]:
    """Turn parsed times, int64 nanoseconds or float64 seconds, into `time_s` and its zero.

    Seconds of a billion and more are counted from 1970; none of a hundred billion are.
    """
    values = to_numpy(times)
    if values.dtype.kind == "i":
        start = int(values.min())
        return from_numpy((values - start) / 1e9), start
    first = float(values.min(initial=np.inf))
    if first >= 1e11:
        raise FileError(file, f"the times begin at {first:.0f}: milliseconds? seconds or ISO 8601 are allowed")
    if first >= 1e9:
        start = int(first) * 1_000_000_000
        return from_numpy(values - int(first)), start
    return times, None


def join(parts: list[Raw]) -> Raw:
    """Put the rows of several files of one format under one another, on one clock."""
    first = parts[0]
    if len(parts) == 1:
        return first
    for part in parts:
        if (part.format, part.kind, part.window_s) != (first.format, first.kind, first.window_s):
            raise InputError(
                f"{part.file} is {part.format} ({part.kind}), {first.file} is {first.format} ({first.kind}); "
                "a folder holds one format"
            )
        if (part.start_ns is None) != (first.start_ns is None):
            raise InputError(f"{part.file} and {first.file} have clocks that cannot be joined; one gives no date")
    starts = [part.start_ns for part in parts if part.start_ns is not None]
    start = min(starts) if starts else None
    tables = [table_of(part, start) for part in parts]
    whole = pa.concat_tables(tables, promote_options="default").unify_dictionaries().combine_chunks()
    arrays = {name: whole.column(name).combine_chunks() for name in whole.column_names}
    hashes = arrays.pop("prefix_hashes", None)
    return dataclasses.replace(
        first,
        columns={name: arrays[name] for name in COLUMNS if name in arrays},
        start_ns=start,
        origin=joint_origin(parts),
        expresses=tuple(b for b in BUCKETS if any(b in part.expresses for part in parts)),
        prefix_hashes=hashes,
        notes=tuple(dict.fromkeys([*(note for part in parts for note in part.notes), *gaps(parts)])),
        unsaid=summed(part.unsaid for part in parts),
        reordered=sum(part.reordered for part in parts),
        duplicates=sum(part.duplicates for part in parts),
        skipped=tuple(item for part in parts for item in part.skipped),
    )


def summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Add up counts by name.

    >>> summed([{"a": 1}, {"a": 2, "b": 1}])
    {'a': 3, 'b': 1}
    """
    total: Counter[str] = Counter()
    for part in counts:
        total.update(part)
    return dict(total)


def table_of(part: Raw, start: int | None) -> Any:
    """Return a part's rows with the clock started at `start`."""
    columns = dict(part.columns)
    if start is not None and part.start_ns is not None:
        columns["time_s"] = from_numpy(to_numpy(columns["time_s"]) + (part.start_ns - start) / 1e9)
    if part.prefix_hashes is not None:
        columns["prefix_hashes"] = part.prefix_hashes
    return pa.Table.from_arrays(list(columns.values()), names=list(columns))


def gaps(parts: list[Raw]) -> list[str]:
    """Say which files lack a bucket that others have."""
    had = {bucket for part in parts for bucket in part.expresses}
    return [
        f"{part.file} does not say {bucket}_tokens; they are unknown there"
        for part in parts
        for bucket in BUCKETS
        if bucket in had and bucket not in part.expresses
    ]


def joint_origin(parts: list[Raw]) -> Origin:
    """Return the origin of joined files: an invented part marks the whole."""
    origins = {part.origin for part in parts}
    invented = [origin for origin in (Origin.EMULATED, Origin.SYNTHETIC) if origin in origins]
    return invented[0] if invented else parts[0].origin


def trace_of_raw(raw: Raw, source: str, skipped: tuple[Skipped, ...], *, rebase: bool = True) -> Trace:
    """Make the Trace of what was read."""
    trace = make_trace(
        raw.columns,
        origin=raw.origin,
        source=source,
        format=raw.format,
        kind=raw.kind,
        start_time=None if raw.start_ns is None else iso_utc(raw.start_ns),
        expresses=raw.expresses,
        window_s=raw.window_s,
        skipped=(*raw.skipped, *skipped),
        prefix_hashes=raw.prefix_hashes,
        prefix_block_tokens=raw.prefix_block_tokens,
        notes=(*raw.notes, *unsaid.notes(raw.unsaid)),
        rebase=rebase,
    )
    return dataclasses.replace(
        trace, reordered=trace.reordered + raw.reordered, duplicates=trace.duplicates + raw.duplicates
    )


def raw_of_trace(trace: Trace, file: str) -> Raw:
    """Turn a Trace that was read back into rows that can be joined to others."""
    return Raw(
        file=file,
        format=trace.format,
        origin=trace.origin,
        columns={
            name: trace.table.column(name).combine_chunks() for name in trace.table.column_names if name != "window_s"
        },
        expresses=trace.expresses,
        start_ns=None if trace.start_time is None else utc_ns(trace.start_time),
        kind=trace.kind,
        window_s=trace.window_s,
        prefix_hashes=trace.prefix_hashes,
        prefix_block_tokens=trace.prefix_block_tokens,
        notes=trace.notes,
        reordered=trace.reordered,
        duplicates=trace.duplicates,
        skipped=trace.skipped,
    )
