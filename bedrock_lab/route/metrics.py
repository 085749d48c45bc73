"""Measures of a policy with their intervals, from resampled prompts or resampled tasks."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.route.curves import aiq, apgr, cpt, curve, pgr, ranking

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

RESAMPLES = 200
BUDGETS = (0.2, 0.5)
LEVELS = (0.5, 0.8)
GRID = np.linspace(0, 1, 101)


@dataclasses.dataclass(frozen=True, slots=True)
class Figure:
    """A measure with its 95 % interval; None where the labels do not carry it."""

    value: float | None
    lo: float | None
    hi: float | None

    def to_dict(self) -> dict[str, float | None]:
        """Return plain values for JSON."""
        return {"value": self.value, "lo": self.lo, "hi": self.hi}


class Mean(NamedTuple):
    """A mean with its 95 % interval."""

    value: float
    lo: float
    hi: float


@dataclasses.dataclass(frozen=True, slots=True)
class Measures:
    """What a policy is worth.

    Attributes
    ----------
    apgr
        Mean of the gap recovered over all shares; 0.5 is a random router.
    pgr20, pgr50
        Gap recovered with 20 and 50 % of calls to the strong model.
    cpt50, cpt80
        Least share of calls to the strong model that recovers 50 and 80 % of the gap.
    aiq
        Mean quality of the best hull over the costs between both models alone.
    """

    apgr: Figure
    pgr20: Figure
    pgr50: Figure
    cpt50: Figure
    cpt80: Figure
    aiq: Figure

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {field.name: getattr(self, field.name).to_dict() for field in dataclasses.fields(self)}


def measures(
    scores: Floats,
    weak: Floats,
    strong: Floats,
    groups: Places,
    *,
    costs: tuple[Floats, Floats] | None,
    seed: int,
    resamples: int = RESAMPLES,
) -> Measures:
    """Measure a policy; intervals from groups drawn with replacement.

    Parameters
    ----------
    groups
        Rows that are drawn together.
    costs
        Cost of each prompt by the weak and the strong model [USD]; None: the share of the strong model stands for it.
    """
    ranked = ranking(scores)

    def all_of(weights: Floats | None) -> list[float]:
        drawn = curve(ranked, weak, strong, weights)
        paid = GRID if costs is None else np.interp(GRID, drawn.share, curve(ranked, *costs, weights).quality)
        values = [apgr(drawn), *(pgr(drawn, share) for share in BUDGETS), *(cpt(drawn, level) for level in LEVELS)]
        return [*values, aiq(paid, np.interp(GRID, drawn.share, drawn.quality))]

    rng = np.random.default_rng(seed)
    count = int(groups.max()) + 1
    samples = []
    for _ in range(resamples):
        weights = np.bincount(rng.integers(0, count, count), minlength=count)[groups].astype(np.float64)
        if weights.any():
            samples.append(all_of(weights))
    centre, spread = all_of(None), np.array(samples)
    return Measures(*(_figure(value, spread[:, i]) for i, value in enumerate(centre)))


def mean_of(values: Floats, groups: Places, *, seed: int, resamples: int = RESAMPLES) -> Mean:
    """Return a mean with its interval, from groups drawn with replacement.

    >>> mean_of(np.array([1.0, 1.0]), np.array([0, 1]), seed=0)
    Mean(value=1.0, lo=1.0, hi=1.0)
    """
    count = int(groups.max()) + 1
    sums, sizes = np.bincount(groups, weights=values), np.bincount(groups)
    drawn = np.random.default_rng(seed).integers(0, count, (resamples, count))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    lo, hi = np.quantile(means, (0.025, 0.975))
    return Mean(float(values.mean()), float(lo), float(hi))


def _figure(value: float, samples: Floats) -> Figure:
    """Give the interval of a bootstrap; none where a resample has no gap to recover."""
    if np.isnan(value):
        return Figure(None, None, None)
    if np.isnan(samples).mean() > 0.025:
        return Figure(value, None, None)
    lo, hi = np.nanquantile(samples, (0.025, 0.975))
    return Figure(value, float(lo), float(hi))
