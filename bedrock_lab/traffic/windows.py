"""Sums over windows [i*w, (i+1)*w) of a Trace, i = 0 .. floor(span/w)."""

from collections.abc import Sequence

import numpy as np

from bedrock_lab.errors import InputError
from bedrock_lab.traffic.arrays import to_numpy
from bedrock_lab.traffic.trace import Trace

MOST_WINDOWS = 100_000_000


def window_index(trace: Trace, window_s: float) -> np.ndarray:
    """Return the window each row falls in, counted from the clock's start.

    Raises
    ------
    InputError
        When the length is not above 0 s, or no multiple of the windows the trace holds.
    """
    if not 0 < window_s < np.inf:
        raise InputError(f"window_s is {window_s}; a length above 0 s is allowed")
    if trace.window_s is not None:
        ratio = window_s / trace.window_s
        if abs(ratio - round(ratio)) > 1e-9 or ratio < 0.5:
            raise InputError(
                f"window_s is {window_s:g}; {trace.source} holds windows of {trace.window_s:g} s, "
                "of which only multiples can be summed"
            )
    times = to_numpy(trace.table.column("time_s").combine_chunks())
    if times[-1] / window_s > MOST_WINDOWS:
        raise InputError(f"window_s is {window_s:g}; over {trace.span_s:g} s that makes more than 1e8 windows")
    return np.floor(times / window_s).astype(np.int64)


def window_count(trace: Trace, window_s: float) -> int:
    """Return the number of windows of `window_s` [s] that the trace reaches into."""
    return int(window_index(trace, window_s)[-1]) + 1


def window_sums(
    trace: Trace, window_s: float, columns: Sequence[str], *, mask: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Sum columns over windows.

    Parameters
    ----------
    trace
        Requests, or windows whose length divides `window_s`.
    window_s
        The length of a window [s].
    columns
        Count columns such as ``input_tokens``; ``requests`` counts the rows of a Trace of requests.
    mask
        One boolean a row: sum these rows only; the windows stay those of the whole trace.

    Returns
    -------
    dict
        One float64 array a column, all of one length, the last window counted as full. A null counts as
        nothing, and so does every row of a column that is absent: see `Trace.expresses`.

    Examples
    --------
    >>> from bedrock_lab.traffic import make_trace
    >>> trace = make_trace({"time_s": np.array([0.0, 59.0, 60.0]), "input_tokens": np.array([1, 2, 4])},
    ...                    origin="synthetic", source="three requests", format="example")
    >>> window_sums(trace, 60, ["requests", "input_tokens"])["input_tokens"].tolist()
    [3.0, 4.0]
    """
    index = window_index(trace, window_s)
    length = int(index[-1]) + 1
    chosen = slice(None) if mask is None else np.asarray(mask, dtype=bool)
    out: dict[str, np.ndarray] = {}
    for name in columns:
        values = trace.column(name)
        if values is None and name == "requests":
            values = np.ones(len(index))
        if values is None:
            out[name] = np.zeros(length)
            continue
        known = np.nan_to_num(values, nan=0.0) if values.dtype.kind == "f" else values
        out[name] = np.bincount(index[chosen], weights=known[chosen], minlength=length)
    return out
