"""What is done to the rows of a Trace: check, sort, take, move the clock."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from bedrock_lab.errors import InputError, listing
from bedrock_lab.traffic.arrays import canonical, from_numpy, to_numpy

CENTURY_S = 100 * 365.25 * 86_400


def checked(columns: Mapping[str, Any], source: str, kind: str, window_s: float | None) -> dict[str, Any]:
    """Return the columns as arrow arrays of one length, or refuse them."""
    needed = {"time_s"} if kind == "requests" else {"time_s", "requests"}
    missing = sorted(needed - set(columns))
    if missing:
        raise InputError(f"{source}: a trace of {kind} needs the column {missing[0]}")
    if kind == "windows" and not (window_s is not None and 0 < window_s < np.inf):
        raise InputError(f"{source}: window_s is {window_s}; a length above 0 s is allowed")
    arrays = {name: canonical(name, values) for name, values in columns.items()}
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(f"{source}: columns differ in length: {listing(f'{n} {k}' for n, k in lengths.items())}")
    if not lengths["time_s"]:
        raise InputError(f"{source}: no rows; a trace has at least one")
    times = to_numpy(arrays["time_s"])
    if not np.isfinite(times).all():
        raise InputError(f"{source}: time_s is missing or infinite in row {int(np.argmin(np.isfinite(times))) + 1}")
    if times.max() / 2 - times.min() / 2 > CENTURY_S / 2:
        raise InputError(
            f"{source}: times run from {times.min():.3g} to {times.max():.3g}; seconds within a century are expected"
        )
    if window_s is not None:
        arrays["window_s"] = from_numpy(np.full(len(times), float(window_s)))
    return arrays


def arrival_order(times: np.ndarray, ids: Any) -> tuple[np.ndarray, int, int]:
    """Return the rows by time without later duplicates, how many came late, how many are duplicates."""
    late = int((times < np.maximum.accumulate(times)).sum())
    order = np.argsort(times, kind="stable")
    if ids is None:
        return order, late, 0
    codes = to_numpy(ids.dictionary_encode().indices)[order]
    named = ~np.isnan(codes)
    keep = ~named
    _, first = np.unique(codes[named], return_index=True)
    keep[np.flatnonzero(named)[first]] = True
    return order[keep], late, int(len(order) - keep.sum())


def take(table: pa.Table, hashes: Any, rows: np.ndarray) -> tuple[pa.Table, Any]:
    """Return some rows of a table and of the prefix hashes beside it."""
    index = from_numpy(rows.astype(np.int64))
    return table.take(index).combine_chunks(), None if hashes is None else hashes.take(index)


def rebased(table: pa.Table) -> tuple[pa.Table, float]:
    """Return the table with its clock started at the first row, and by how much it was moved [s]."""
    times = to_numpy(table.column("time_s").combine_chunks())
    offset = float(times[0])
    if offset == 0.0:
        return table, 0.0
    index = table.column_names.index("time_s")
    return table.set_column(index, "time_s", from_numpy(times - offset)), offset
