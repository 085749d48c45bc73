"""The busiest stretch of a trace: what an SLO is held against where a trace is long."""

import dataclasses
from typing import Any

import numpy as np

from bedrock_lab.traffic.trace import Trace

MOST_REQUESTS = 4_000
"""Requests of a stretch: p99 has an interval from 299 independent ones on."""
LEAST_S = 600.0
"""Its least length [s]: buckets of a minute run empty ten times over."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Part of a trace, by its place in it [s]; the whole of it where `whole`."""

    begin_s: float
    end_s: float
    requests: int
    of_requests: int

    @property
    def whole(self) -> bool:
        """Whether it is all there is."""
        return self.requests == self.of_requests

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**dataclasses.asdict(self), "whole": self.whole}


def busiest(trace: Trace, *, most: int = MOST_REQUESTS, least_s: float = LEAST_S) -> tuple[Trace, Stretch]:
    """Cut the busiest stretch out of a trace of requests: `least_s` long, or as long as `most` requests take there.

    Busiest is the one with the largest sum of requests, input and output tokens, each against its mean.
    """
    times = trace.column("time_s")
    count = len(trace)
    if times is None or count <= most:
        last = 0.0 if times is None else float(times[-1])
        return trace, Stretch(begin_s=0.0, end_s=last, requests=count, of_requests=count)
    shortest = float((times[most - 1 :] - times[: count - most + 1]).min())
    length = max(least_s, shortest)
    ends = np.searchsorted(times, times + length, side="right")
    load = np.ones(count)
    for side in ("input", "output"):
        tokens = trace.column(f"{side}_tokens")
        if tokens is not None and np.nansum(tokens) > 0:
            load += np.nan_to_num(tokens) / (np.nansum(tokens) / count)
    so_far = np.concatenate([[0.0], np.cumsum(load)])
    begin = int(np.argmax(so_far[ends] - so_far[:-1]))
    end = int(ends[begin])
    mask = np.zeros(count, dtype=bool)
    mask[begin:end] = True
    place = Stretch(begin_s=float(times[begin]), end_s=float(times[end - 1]), requests=end - begin, of_requests=count)
    return trace.select(mask), place
