"""Requests out of windows of sums, for a quota: as many as were counted, each of its window's mean."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bedrock_lab.errors import InputError
from bedrock_lab.predict.quota_buckets import Floats
from bedrock_lab.traffic.columns import COLUMNS, TOKEN_COLUMNS
from bedrock_lab.traffic.trace import Trace, make_trace

Ints = NDArray[np.int64]
MOST = 5_000_000
"""Requests that are spread out one by one."""


def spread(trace: Trace) -> tuple[Trace, Floats]:
    """Spread the requests of each window evenly over it.

    Each has the mean tokens of its window, model, tier and outcome, whole ones that sum to the window's; the time it
    takes is the window's median server latency, where that is known.

    Returns
    -------
    tuple
        The requests, and when each would arrive if all of a window came at its beginning [s].

    Raises
    ------
    InputError
        The windows do not count requests, or too many.

    Examples
    --------
    >>> windows = make_trace({"time_s": np.array([0.0]), "requests": np.array([3]), "input_tokens": np.array([10])},
    ...                      origin="log", source="metrics", format="example", kind="windows", window_s=60.0)
    >>> made, at_once = spread(windows)
    >>> made.column("time_s").tolist(), made.column("input_tokens").tolist(), at_once.tolist()
    ([10.0, 30.0, 50.0], [4, 3, 3], [0.0, 0.0, 0.0])
    """
    counted = trace.column("requests")
    if counted is None or np.isnan(np.asarray(counted, dtype=float)).any():
        raise InputError(
            f"a quota needs the requests of each window; {trace.source} does not count them (a bill has tokens alone): "
            "read the metrics (trace from-cloudwatch) or the logs"
        )
    number = np.asarray(counted, dtype=np.int64)
    if not 0 < number.sum() <= MOST:
        raise InputError(
            f"{trace.source} counts {number.sum():,} requests; 1 to {MOST:,} are spread over windows: read fewer days"
        )
    row = np.repeat(np.arange(len(trace)), number)
    place = np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number)
    begin = np.asarray(trace.column("time_s"), dtype=float)[row]
    times = begin + (place + 0.5) * (float(trace.window_s or 0.0) / number[row])
    order = np.argsort(times, kind="stable")
    row, place = row[order], place[order]
    columns = {"time_s": times[order]}
    for name in trace.table.column_names:
        if name in TOKEN_COLUMNS:
            columns[name] = _shared(np.asarray(trace.column(name), dtype=float), number, row, place)
        elif COLUMNS[name] == "text":
            columns[name] = trace.table.column(name).combine_chunks().take(pa.array(row))
    median = trace.column("server_latency_p50_s")
    if median is not None:
        columns["e2e_s"] = np.asarray(median, dtype=float)[row]
    made = make_trace(
        columns,
        origin=trace.origin,
        source=trace.source,
        format=trace.format,
        start_time=trace.start_time,
        expresses=trace.expresses,
        rebase=False,
    )
    return made, begin[order]


def _shared(total: Floats, number: Ints, row: Ints, place: Ints) -> Floats:
    """Share each window's tokens among its requests, to the token; NaN stays unknown."""
    known = np.nan_to_num(total)
    each, left = np.divmod(known, np.maximum(number, 1))
    shared = each[row] + (place < left[row])
    return np.asarray(np.where(np.isnan(total)[row], np.nan, shared))
