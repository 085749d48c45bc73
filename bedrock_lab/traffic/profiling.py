"""Describe a Trace: how much, how bursty, how long, and what it cannot say."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from bedrock_lab.errors import InputError
from bedrock_lab.traffic.checked import checked
from bedrock_lab.traffic.columns import GROUPING
from bedrock_lab.traffic.html import summary_table
from bedrock_lab.traffic.measures import (
    cache_total,
    cannot_answer,
    counts_by_window,
    dispersion,
    gap_cv,
    lengths,
    outcomes,
    peak_to_mean,
    per_minute,
    prefix_reuse,
)
from bedrock_lab.traffic.trace import Trace
from bedrock_lab.traffic.usage import CACHE_WRITES

DISPERSION_WINDOWS = (1, 10, 60)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a Trace holds; every field is a plain value.

    Percentiles are of the rows as they are, without intervals: the ceil(n p)-th smallest value. A value that the
    trace cannot give is None and is named in `cannot_answer`.

    Parameters
    ----------
    period_s
        How long the trace stands for [s]; `rate_per_s` is requests over it.
    interarrival_cv
        Population standard deviation of the gaps between arrivals over their mean; None below two gaps.
    dispersion
        By window length [s]: population variance of the requests in a window over their mean.
    peak_to_mean_1m
        The most requests in a minute over the mean of all minutes.
    input_tokens, output_tokens
        ``total mean p50 p90 p99 max`` over the requests whose count is known [tokens].
    tokens_per_minute
        ``input`` (uncached) and ``output``: ``mean p50 p95 p99 max`` over all minutes [tokens/min].
    prefix
        From prefix hashes: which share of the input tokens stood in a block that an earlier request had. An upper
        bound on what a prompt cache could read.
    cache_read_tokens, cache_write_tokens
        ``total`` [tokens], or None where the format cannot say.
    outcomes
        Requests by outcome. All None where no row has one: a file that lists requests without saying how they
        ended is not taken as proof that none failed.
    """

    format: str
    kind: str
    origin: str
    start_time: str | None
    requests: int
    span_s: float
    period_s: float
    rate_per_s: float
    interarrival_cv: float | None
    dispersion: dict[str, float | None]
    peak_to_mean_1m: float | None
    reordered: int
    duplicates: int
    skipped: tuple[dict[str, Any], ...]
    input_tokens: dict[str, float | int | None]
    output_tokens: dict[str, float | int | None]
    tokens_per_minute: dict[str, dict[str, float | int | None]]
    prefix: dict[str, Any] | None
    cache_read_tokens: dict[str, int] | None
    cache_write_tokens: dict[str, int] | None
    outcomes: dict[str, int | None]
    notes: tuple[str, ...]
    cannot_answer: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        values = dataclasses.asdict(self)
        return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}

    def flat(self) -> dict[str, Any]:
        """Return one value a name, nested ones joined by dots."""
        return dict(flattened("", self.to_dict()))

    def to_frame(self) -> Any:
        """Return a pandas DataFrame of two columns, measure and value."""
        import pandas as pd

        return pd.DataFrame(list(self.flat().items()), columns=["measure", "value"], dtype=object)

    def _repr_html_(self) -> str:
        """Show the values in a notebook."""
        return summary_table(f"Profile ({self.origin})", self.flat())


def flattened(prefix: str, value: Any) -> list[tuple[str, Any]]:
    """List the leaves of nested dictionaries; lists are joined to text."""
    if isinstance(value, dict) and value:
        return [leaf for k, v in value.items() for leaf in flattened(f"{prefix}.{k}" if prefix else k, v)]
    return [(prefix, "; ".join(map(str, value)) if isinstance(value, list) else value)]


def profile(trace: Trace, period_s: float | None = None) -> Profile:
    """Describe a Trace.

    Parameters
    ----------
    trace
        Requests or windows.
    period_s
        How long the rows stand for [s], where that is not their span in whole minutes.

    Examples
    --------
    >>> from bedrock_lab.traffic import make_trace
    >>> trace = make_trace({"time_s": np.array([0.0, 10.0, 80.0]), "input_tokens": np.array([5, 7, 9])},
    ...                    origin="synthetic", source="three requests", format="example")
    >>> profile(trace).rate_per_s, profile(trace).input_tokens["total"]
    (0.025, 21)
    """
    trace = checked(trace)
    period = trace.period_s if period_s is None else float(period_s)
    if not 0 < period < np.inf:
        raise InputError(f"period_s is {period_s}; a length above 0 s is allowed")
    counts = {w: counts_by_window(trace, w) for w in DISPERSION_WINDOWS}
    minute = counts[60]
    reads, writes = cache_total(trace, ("cache_read",)), cache_total(trace, CACHE_WRITES)
    found: dict[str, Any] = {
        "interarrival_cv": gap_cv(trace),
        "dispersion": {str(w): None if c is None else dispersion(*c) for w, c in counts.items()},
        "peak_to_mean_1m": None if minute is None else peak_to_mean(*minute),
        "input_tokens": lengths(trace, "input_tokens"),
        "output_tokens": lengths(trace, "output_tokens"),
        "tokens_per_minute": {b: per_minute(trace, f"{b}_tokens") for b in ("input", "output")},
        "prefix": prefix_reuse(trace),
        "cache_read_tokens": reads,
        "cache_write_tokens": writes,
        "outcomes": outcomes(trace),
    }
    return Profile(
        format=trace.format,
        kind=trace.kind,
        origin=str(trace.origin),
        start_time=trace.start_time,
        requests=trace.requests,
        span_s=trace.span_s,
        period_s=period,
        rate_per_s=trace.requests / period,
        reordered=trace.reordered,
        duplicates=trace.duplicates,
        skipped=tuple(item.to_dict() for item in trace.skipped),
        notes=trace.notes,
        cannot_answer=cannot_answer(trace, found),
        **found,
    )


def profile_by(trace: Trace, by: Sequence[str]) -> list[dict[str, Any]]:
    """Describe each group of rows, the largest first.

    Parameters
    ----------
    trace
        Requests or windows.
    by
        Columns to group by, such as ``["app", "model"]``; a row without a value is in the group None.

    Returns
    -------
    list
        ``{"group": {column: value}, "profile": {...}}``. Every group's rate is over the whole trace's period; its
        windows begin at its own first arrival.
    """
    for name in by:
        if name not in GROUPING:
            raise InputError(f"cannot group by {name!r}; known: {', '.join(GROUPING)}")
    if not by:
        raise InputError(f"nothing to group by; known: {', '.join(GROUPING)}")
    keys = [trace.text(name) for name in by]
    cells = [np.full(len(trace), None, dtype=object) if key is None else key for key in keys]
    groups: dict[tuple[Any, ...], int] = {}
    codes = np.fromiter((groups.setdefault(k, len(groups)) for k in zip(*cells, strict=True)), np.int64)
    out = []
    for key, code in groups.items():
        part = profile(trace.select(codes == code), trace.period_s)
        out.append({"group": dict(zip(by, key, strict=True)), "profile": part.to_dict()})
    return sorted(out, key=lambda item: (-item["profile"]["requests"], [str(v) for v in item["group"].values()]))
