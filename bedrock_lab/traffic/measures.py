"""The figures of a Profile, one function each."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bedrock_lab.traffic.columns import OUTCOMES
from bedrock_lab.traffic.trace import Trace
from bedrock_lab.traffic.usage import BUCKETS, CACHE_WRITES
from bedrock_lab.traffic.windows import window_sums

MINUTE_S = 60.0


def counts_by_window(trace: Trace, window_s: int) -> tuple[np.ndarray, int] | None:
    """Return the requests in every window that has any, and the number of all windows.

    None where the trace holds windows that do not fit into these.
    """
    if trace.window_s is not None and (window_s / trace.window_s) % 1.0 > 1e-9:
        return None
    times = trace.column("time_s")
    if times is None:
        return None
    index = np.floor(times / window_s).astype(np.int64)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(index)) + 1])
    requests = trace.column("requests") if trace.kind == "windows" else None
    if requests is None:
        counts = np.diff(np.concatenate([starts, [len(index)]]))
    else:
        counts = np.add.reduceat(np.nan_to_num(requests), starts)
    return counts, int(index[-1]) + 1


def dispersion(counts: np.ndarray, windows: int) -> float | None:
    """Return the population variance over the mean of the counts of all windows, given those above 0."""
    total = float(counts.sum())
    return float(np.square(counts.astype(np.float64)).sum() / total - total / windows) if total else None


def peak_to_mean(counts: np.ndarray, windows: int) -> float | None:
    """Return the largest count over the mean of all windows."""
    total = float(counts.sum())
    return float(counts.max()) * windows / total if total else None


def gap_cv(trace: Trace) -> float | None:
    """Return the standard deviation of the gaps between arrivals over their mean."""
    times = trace.column("time_s")
    if trace.kind != "requests" or times is None or len(times) < 3:
        return None
    gaps = np.diff(times)
    mean = float(gaps.mean())
    return float(gaps.std()) / mean if mean > 0 else None


def percentile(ordered: np.ndarray, percent: int) -> Any:
    """Return the ceil(n p)-th smallest of sorted values.

    >>> percentile(np.arange(1, 101), 95)
    95
    """
    return ordered[-(-len(ordered) * percent // 100) - 1].item()


def spread(values: np.ndarray, percents: Sequence[int]) -> dict[str, float | int | None]:
    """Return mean, percentiles and maximum."""
    if not len(values):
        return dict.fromkeys(["mean", *(f"p{p}" for p in percents), "max"])
    ordered = np.sort(values)
    parts = {f"p{p}": percentile(ordered, p) for p in percents}
    return {"mean": float(values.mean()), **parts, "max": ordered[-1].item()}


def whole(values: np.ndarray) -> np.ndarray:
    """Return the counts that are known, as integers."""
    known = values[~np.isnan(values)] if values.dtype.kind == "f" else values
    return known.astype(np.int64)


def lengths(trace: Trace, column: str) -> dict[str, float | int | None]:
    """Return the total of a token column and, of single requests, its spread."""
    values = trace.column(column)
    empty: dict[str, float | int | None] = dict.fromkeys(["total", "mean", "p50", "p90", "p99", "max"])
    if values is None:
        return empty
    known = whole(values)
    total = int(known.sum())
    if trace.kind == "windows":
        counts = trace.column("requests")
        counted = 0 if counts is None else int(np.nansum(counts[~np.isnan(values.astype(np.float64))]))
        return {**empty, "total": total, "mean": total / counted if counted else None}
    return {"total": total, **spread(known, (50, 90, 99))}


def per_minute(trace: Trace, column: str) -> dict[str, float | int | None]:
    """Return the spread of a token column's sums by minute."""
    fits = trace.window_s is None or (MINUTE_S / trace.window_s) % 1.0 < 1e-9
    if not fits or trace.column(column) is None:
        return spread(np.empty(0), (50, 95, 99))
    sums = window_sums(trace, MINUTE_S, [column])[column]
    return spread(sums.astype(np.int64), (50, 95, 99))


def cache_total(trace: Trace, buckets: Sequence[str]) -> dict[str, int] | None:
    """Return the total of cache buckets, None where the format expresses none of them."""
    if not set(buckets) & set(trace.expresses):
        return None
    columns = [trace.column(f"{bucket}_tokens") for bucket in buckets]
    return {"total": sum(int(whole(values).sum()) for values in columns if values is not None)}


def outcomes(trace: Trace) -> dict[str, int | None]:
    """Count the outcomes, all None where no row has one."""
    values = trace.text("outcome")
    if values is None:
        return dict.fromkeys(OUTCOMES)
    counts = trace.column("requests") if trace.kind == "windows" else None
    each = np.ones(len(trace)) if counts is None else np.nan_to_num(counts)
    return {name: int(each[values == name].sum()) for name in OUTCOMES}


def prefix_reuse(trace: Trace) -> dict[str, Any] | None:
    """Return how much of the input stands in blocks that an earlier request had.

    A request's last block holds what is left of its input; the others are full.
    """
    inputs, hashes, block = trace.column("input_tokens"), trace.prefix_hashes, trace.prefix_block_tokens
    if inputs is None or hashes is None or not block or trace.kind != "requests":
        return None
    ids = np.asarray(hashes.flatten())
    if not len(ids):
        return None
    number = np.array([0 if n is None else n for n in hashes.value_lengths().to_pylist()])
    row = np.repeat(np.arange(len(number)), number)
    place = np.arange(len(ids)) - np.repeat(np.cumsum(number) - number, number)
    known = np.nan_to_num(inputs.astype(np.float64))
    tokens = np.clip(known[row] - place * block, 0, block)
    _, first = np.unique(ids, return_index=True)
    total = float(known.sum())
    return {
        "block_tokens": block,
        "blocks": len(ids),
        "unique_blocks": len(first),
        "reused_token_share": float((tokens.sum() - tokens[first].sum()) / total) if total else None,
        "kind": "upper bound",
    }


def cannot_answer(trace: Trace, found: dict[str, Any]) -> tuple[str, ...]:
    """Say in words what the trace does not hold."""
    unsaid = [bucket for bucket in BUCKETS if bucket not in trace.expresses]
    if {"cache_read", *CACHE_WRITES} <= set(unsaid):
        unsaid = ["cache", *(bucket for bucket in unsaid if not bucket.startswith("cache_"))]
    missing = [f"{bucket} tokens: the format does not hold them" for bucket in unsaid]
    if trace.kind == "windows":
        missing.append("max_tokens, and how requests of one window differ: the rows are sums")
        missing.append(f"gaps and token percentiles of single requests: the rows are sums over {trace.window_s:g} s")
        counts = trace.column("requests")
        if counts is not None and np.isnan(counts).all():
            missing.append("number of requests: no window counts them")
        finer = [w for w, value in found["dispersion"].items() if value is None]
        if finer:
            missing.append(f"dispersion at {', '.join(finer)} s: the windows are longer")
    for name, why in (("model", "which model"), ("outcome", "which requests were throttled or failed")):
        if trace.text(name) is None:
            missing.append(f"{why}: no row has {name}")
    if trace.start_time is None:
        missing.append("time of day: the clock has no date")
    if found["prefix"] is None:
        missing.append("prefix reuse: there are no prefix hashes")
    if found["input_tokens"]["total"] is None:
        missing.append("input tokens: no row has them")
    return tuple(missing)
