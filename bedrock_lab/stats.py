"""Percentiles with intervals, effective sample sizes and bootstrap: how sure a figure is."""

import dataclasses
import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.errors import InputError

Floats = NDArray[np.float64]

NON_COVERAGE = 0.05

ROUNDING = 1e-12
"""Relative spread up to which values are equal: differences of times are rounded."""

MOST_REGRESSED = 20_000
"""Sequences up to this length are judged by an autoregression, longer ones by batch means."""


@dataclasses.dataclass(frozen=True, slots=True)
class Percentile:
    """A percentile and its interval; None where the sample is too small to say.

    ``value`` needs n >= 1/(1-p); ``lo`` and ``hi`` need a pair of ranks that covers with 95 %.
    """

    p: float
    value: float | None
    lo: float | None
    hi: float | None
    n: int
    n_eff: int

    def to_dict(self) -> dict[str, Any]:
        """Return ``{value lo hi}``."""
        return {"value": self.value, "lo": self.lo, "hi": self.hi}


def rank(n: int, p: float) -> int:
    """Rank (from 1) of the p-th percentile among n values: the ceil(n p)-th smallest.

    >>> rank(20, 0.95), rank(100, 0.5), rank(3, 0.0)
    (19, 50, 1)
    """
    # n*p may land a rounding error above a whole number (0.95*20 is 19 exactly as a decimal)
    return max(1, math.ceil(round(n * p, 9)))


def percentile(values: Floats, p: float) -> float:
    """Take the ceil(n p)-th smallest value.

    >>> percentile(np.arange(1.0, 11.0), 0.9)
    9.0
    """
    if not 0 <= p <= 1:
        raise InputError(f"percentile {p}: allowed are shares from 0 to 1")
    if len(values) == 0:
        raise InputError("percentile of no values")
    return float(np.partition(values, rank(len(values), p) - 1)[rank(len(values), p) - 1])


@functools.lru_cache(maxsize=4096)
def interval_ranks(n: int, p: float) -> tuple[int, int] | None:
    """Ranks (from 1) whose values enclose the p-th percentile with 95 %, the closest such pair.

    With ``B ~ Binomial(n, p)`` the pair (l, u) encloses it with probability ``P(l <= B <= u - 1)``.
    The tails need not be equal; the pair is chosen by ranks alone, so the coverage is not spent on looking.

    >>> interval_ranks(58, 0.95), interval_ranks(59, 0.95)
    (None, (50, 59))
    """
    from scipy.special import bdtr  # scipy.stats has the same, and takes a second and 40 MB to import

    cdf = np.concatenate([[0.0], bdtr(np.arange(n + 1), n, p)])  # cdf[k] = P(B <= k - 1)
    if n < 2 or cdf[n] - cdf[1] < 1 - NON_COVERAGE:
        return None
    best: tuple[int, float, int, int] | None = None
    middle = rank(n, p)
    spread = int(6 * math.sqrt(n * p * (1 - p))) + 3
    for low in range(max(1, middle - spread), min(n, middle + 1) + 1):
        # the smallest u with P(low <= B <= u - 1) >= 0.95
        upper = int(np.searchsorted(cdf, cdf[low] + 1 - NON_COVERAGE, side="left"))
        if upper > n or upper <= low:
            continue
        found = (upper - low, -(cdf[upper] - cdf[low]), low, upper)
        best = found if best is None or found < best else best
    return None if best is None else (best[2], best[3])


def percentile_interval(values: Floats, p: float, n_eff: int | None = None) -> Percentile:
    """Percentile with its order-statistic interval on the effective sample size.

    Dependent samples carry less information than their number: the ranks are those of `n_eff` values,
    stretched back over the n at hand.

    >>> percentile_interval(np.arange(1.0, 60.0), 0.95).to_dict()
    {'value': 57.0, 'lo': 50.0, 'hi': 59.0}
    >>> percentile_interval(np.arange(1.0, 11.0), 0.95).to_dict()
    {'value': None, 'lo': None, 'hi': None}
    """
    n = len(values)
    n_eff = n if n_eff is None else max(0, min(n, n_eff))
    if n == 0 or n < math.ceil(1 / (1 - p) - 1e-9):
        return Percentile(p, None, None, None, n, n_eff)
    ordered = np.sort(values)
    value = float(ordered[rank(n, p) - 1])
    ranks = interval_ranks(n_eff, p)
    if ranks is None:
        return Percentile(p, value, None, None, n, n_eff)
    low, high = ranks
    stretch = n / n_eff
    i = max(0, math.floor((low - 1) * stretch))
    j = min(n - 1, math.ceil(high * stretch) - 1)
    return Percentile(p, value, float(ordered[i]), float(ordered[j]), n, n_eff)


def effective_size(values: Floats) -> int:
    """Effective number of independent values in a sequence; constant ones and fewer than 16 count as they are.

    ``n_eff = n * variance / long-run variance``, never above n. Up to 20,000 values the long-run variance is that of an
    autoregression of their ranks, its order chosen by AICc: 0 where no dependence shows, so that n_eff of independent
    values is n and not a noise around it. Beyond that it is taken from the means of up to 200 batches. A correlation of
    successive values below 2 / sqrt(n) cannot be told from chance.

    Source: Hurvich and Tsai, Biometrika 76 (1989), for AICc; Plummer et al., R News 6 (2006), for the autoregression.

    >>> effective_size(np.repeat(np.arange(100.0) % 7, 50)) < 500
    True
    """
    n = len(values)
    low, high = (float(values.min()), float(values.max())) if n else (0.0, 0.0)
    if n < 16 or high - low <= ROUNDING * max(abs(low), abs(high)):
        return n
    found = _by_batches(values) if n > MOST_REGRESSED else _by_regression(mean_ranks(values))
    return max(1, min(n, round(found)))


def mean_ranks(values: Floats) -> Floats:
    """Rank values from 1; equal ones share the mean of their ranks.

    >>> mean_ranks(np.array([5.0, 2.0, 5.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, code, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[code])


def _by_regression(ranks: Floats) -> float:
    """Effective size by an autoregression, fitted by the Levinson-Durbin recursion."""
    n = len(ranks)
    centred = ranks - ranks.mean()
    longest = min(int(10 * math.log10(n)), n // 5)
    covariance = np.array([centred[: n - k] @ centred[k:] for k in range(longest + 1)]) / n
    weights, left = np.empty(0), float(covariance[0])
    best, size = math.inf, float(n)
    for order in range(longest + 1):
        if order:
            partial = (covariance[order] - weights @ covariance[order - 1 : 0 : -1]) / left
            weights = np.append(weights - partial * weights[::-1], partial)
            left *= 1 - partial**2
            if left <= 0:
                break
        score = n * math.log(left) + 2 * (order + 1) * n / (n - order - 2)
        if score < best:
            best = score
            residual = left * (n - 1) / (n - order - 1)
            size = n * float(covariance[0] / residual) * float(1 - weights.sum()) ** 2
    return size


def _by_batches(values: Floats) -> float:
    """Effective size by the means of successive batches, about sqrt(n) of them."""
    n = len(values)
    batches = min(200, math.isqrt(n))
    size = n // batches
    kept = values[: batches * size].reshape(batches, size)
    between = float(kept.mean(axis=1).var(ddof=1))
    return n * float(kept.var(ddof=1)) / (size * between) if between > 0 else float(n)


def bootstrap_totals(blocks: Floats, strata: NDArray[np.int64], draws: int, rng: np.random.Generator) -> Floats:
    """Resample the total of blocks, each drawn anew among those of its own stratum.

    Resampling n blocks understates their variance by (n - 1) / n; the deviations are scaled up by as much.
    A stratum of one block does not vary.

    Parameters
    ----------
    blocks
        Array (blocks, quantities): what each block contributes to each quantity.
    strata
        Stratum of each block.
    draws
        Resamples.

    Returns
    -------
    ndarray
        Totals, an array (draws, quantities).

    >>> same = bootstrap_totals(np.ones((14, 1)), np.zeros(14, dtype=int), 200, np.random.default_rng(0))
    >>> float(same.min()), float(same.max())
    (14.0, 14.0)
    """
    totals = np.tile(blocks.sum(axis=0), (draws, 1))
    for stratum in np.unique(strata):
        mine = blocks[strata == stratum]
        n = len(mine)
        if n > 1:
            counts = rng.multinomial(n, np.full(n, 1 / n), size=draws)
            totals += math.sqrt(n / (n - 1)) * (counts @ mine - mine.sum(axis=0))
    return totals


def interval_of(draws: Floats) -> tuple[Floats, Floats]:
    """95 % interval of resampled quantities, one column each: (lo, hi)."""
    ordered = np.sort(draws, axis=0)
    n = len(draws)
    return ordered[rank(n, NON_COVERAGE / 2) - 1], ordered[rank(n, 1 - NON_COVERAGE / 2) - 1]
