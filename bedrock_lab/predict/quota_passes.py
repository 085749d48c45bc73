"""Requests sent against a quota again and again, and what that says: shares with intervals, minutes, limits."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.predict.quota import DAY_S, Limits
from bedrock_lab.predict.quota_buckets import LIMITS, Buckets, Floats
from bedrock_lab.predict.quota_demand import Demand
from bedrock_lab.predict.quota_engine import Load, Outcome, run, steps_of
from bedrock_lab.predict.quota_retries import Retries
from bedrock_lab.stats import NON_COVERAGE

REPLICATIONS, FEWEST = 10, 3
WORK = 2_000_000
"""Requests of all passes together from which on there are fewer of them."""
MOST_BATCHES, FEWEST_BATCHES = 30, 10
NEEDED_STEPS = 24


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything a pass depends on beside the requests.

    Attributes
    ----------
    burndown, reserved_burndown, most, service, arrivals
        As in `Demand.load`.
    filling
        How buckets refill: ``rolling`` or ``clock``.
    """

    limits: Limits
    burndown: float
    reserved_burndown: float = 1.0
    most: str = "max_tokens"
    service: str = "service_s"
    arrivals: str = "time_s"
    filling: str = "rolling"
    retries: Retries = dataclasses.field(default_factory=Retries)

    def load(self, demand: Demand) -> Load:
        """Return the requests as the engine takes them."""
        return demand.load(
            burndown=self.burndown,
            reserved_burndown=self.reserved_burndown,
            most=self.most,
            service=self.service,
            arrivals=self.arrivals,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Passes:
    """What passes counted, by minute of arrival: arrays (passes, minutes), and by limit.

    Attributes
    ----------
    requests
        Requests by minute.
    refusals
        First attempts refused, by minute and limit in the order of `LIMITS`, mean of the passes.
    reserved, settled
        Quota tokens taken by starts, and kept at ends, by minute in which that was, mean of the passes.
    """

    requests: Floats
    throttled: Floats
    failed: Floats
    refusals: Floats
    reserved: Floats
    settled: Floats

    @property
    def throttle_probability(self) -> float:
        """Share of first attempts that are refused."""
        return float(self.throttled.mean(axis=0).sum() / self.requests.sum())

    @property
    def failed_share(self) -> float:
        """Share of requests that no attempt got in."""
        return float(self.failed.mean(axis=0).sum() / self.requests.sum())

    @property
    def shares(self) -> dict[str, float]:
        """Both shares by name."""
        return {"throttle_probability": self.throttle_probability, "failed_share": self.failed_share}


def passes(demand: Demand, case: Case, *, seed: int, replications: int) -> Passes:
    """Send the requests `replications` times.

    A pass draws the jitter of retries and, where the trace has no date and buckets fill by the clock, where in the day
    it begins. Pass i draws the same numbers in every case: common random numbers.
    """
    load = case.load(demand)
    counted, attempts = [], case.retries.attempts
    for i in range(replications):
        rng = np.random.default_rng([seed, i])
        phase_s = float(rng.random()) * DAY_S if demand.midnight_s is None else demand.midnight_s
        draws = rng.random((len(demand), attempts - 1))
        out = run(load, case.limits, filling=case.filling, phase_s=phase_s, retries=case.retries, draws=draws)
        counted.append(_counts(load, out, demand.minute))
        if case.filling == "rolling" and not out.refused.any():
            counted *= replications  # nothing was drawn upon
            break
    by_pass = [np.array(each) for each in zip(*counted, strict=True)]
    return Passes(
        requests=np.bincount(demand.minute).astype(float),
        throttled=by_pass[0],
        failed=by_pass[1],
        refusals=by_pass[2].mean(axis=0),
        reserved=by_pass[3].mean(axis=0),
        settled=by_pass[4].mean(axis=0),
    )


def passes_for(requests: int, wanted: int | None) -> tuple[int, int]:
    """Return how often so many requests are sent, and how often for a variant: less often where they are very many."""
    most = wanted or max(FEWEST, min(REPLICATIONS, WORK // requests))
    return most, min(most, max(1, min(FEWEST, WORK // (10 * requests))))


def _counts(load: Load, out: Outcome, minute: NDArray[np.int64]) -> tuple[Floats, ...]:
    minutes = int(minute[-1]) + 1
    refused = out.refused > 0
    by_limit = np.bincount(minute[refused] * len(LIMITS) + out.refused[refused] - 1, minlength=minutes * len(LIMITS))
    in_time = ~out.failed
    start, end = out.started_s[in_time], out.started_s[in_time] + load.service_s[in_time]

    def sums(at_s: Floats, tokens: Floats) -> Floats:
        """Sum by minute; what comes after the trace's last minute is left out."""
        index = np.floor(at_s / 60.0).astype(np.int64)
        whole: Floats = np.bincount(index, weights=tokens, minlength=minutes)[:minutes].astype(float)
        return whole

    return (
        np.bincount(minute[refused], minlength=minutes).astype(float),
        np.bincount(minute[out.failed], minlength=minutes).astype(float),
        by_limit.reshape(minutes, len(LIMITS)).astype(float),
        sums(start, load.reserved[in_time]),
        sums(end, load.used[in_time]),
    )


def interval(counts: Floats, requests: Floats) -> dict[str, Any]:
    """Return a share of the requests with its 95 % interval: {value, lo, hi, basis}.

    The variance is that of the share over batches of successive minutes (a ratio estimate, so that what depends on its
    neighbours does not count as independent), plus that between passes. With under 20 minutes there are too few batches
    and the passes speak alone; where nothing was counted there is no upper end.
    """
    total = float(requests.sum())
    shares = counts.sum(axis=1) / total
    value = float(shares.mean())
    if value == 0:
        return {"value": 0.0, "lo": 0.0, "hi": None, "basis": "nothing was refused: see headroom"}
    between = float(shares.var(ddof=1)) * (1 + 1 / len(shares)) if len(shares) > 1 else 0.0
    batches = min(MOST_BATCHES, len(requests) // 2)
    if batches < FEWEST_BATCHES:
        degrees, variance, basis = len(shares) - 1, between, f"{len(shares)} passes; too short for batches of minutes"
    else:
        edges = np.linspace(0, len(requests), batches, endpoint=False).astype(int)
        hits, asked = np.add.reduceat(counts.mean(axis=0), edges), np.add.reduceat(requests, edges)
        within = batches / (batches - 1) * float(np.square(hits - value * asked).sum()) / total**2
        degrees, variance = batches - 1, within + between
        basis = f"{batches} batches of minutes and {len(shares)} passes"
    if degrees < 1:
        return {"value": value, "lo": None, "hi": None, "basis": "one pass: no interval"}
    half = student(degrees) * float(np.sqrt(variance))
    return {"value": value, "lo": max(0.0, value - half), "hi": min(1.0, value + half), "basis": basis}


def student(degrees: int) -> float:
    """Return the quantile of Student's t that leaves 2.5 % above it.

    >>> round(student(9), 4), round(student(29), 4)
    (2.2622, 2.0452)
    """
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 1 - NON_COVERAGE / 2))


def needed(load: Load, burst_s: float, name: str) -> float:
    """Return the least quota of one kind under which no first attempt is refused, a rolling bucket alone.

    Parameters
    ----------
    name
        ``tpm``, ``rpm`` or ``tpd``.
    """
    steps, _ = steps_of(load)

    def fits(quota: float) -> bool:
        limits: dict[str, Any] = {name: quota}
        return Buckets(Limits(**limits, burst_s=burst_s)).leap(steps) == len(steps.at_s)

    # one request must fit into a bucket; all of them at once into one always do
    scale = 1.0 if name == "tpd" else 60.0 / burst_s
    low = (1.0 if name == "rpm" else max(1.0, float(load.reserved.max()))) * scale
    everything = len(load.time_s) if name == "rpm" else np.maximum(load.reserved, load.used).sum()
    high = 1.01 * max(low, float(everything) * scale)
    for _ in range(NEEDED_STEPS):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high
