"""Quality against the share of prompts sent to the strong model, and what is read off that curve.

A policy gives every prompt a score; the strong model gets the highest ones. Prompts of one score are drawn at random
among themselves, so that each group of equal scores is a straight piece of the curve.

Measures: PGR, APGR and CPT as RouteLLM (Ong et al., 2024) defines them; AIQ on the non-decreasing hull as RouterBench
(Hu et al., 2024).
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True)
class Ranking:
    """The order in which a score sends prompts to the strong model: `order` of the rows, `ends` of equal scores."""

    order: NDArray[np.intp]
    ends: NDArray[np.intp]


def ranking(scores: Floats) -> Ranking:
    """Rank prompts by score, the highest first."""
    order = np.argsort(-scores, kind="stable")
    sorted_ = scores[order]
    last = np.flatnonzero(np.diff(sorted_) != 0)
    return Ranking(order, np.append(last, len(scores) - 1))


@dataclasses.dataclass(frozen=True, slots=True)
class Curve:
    """Mean quality, and mean cost where it is known, against the share sent to the strong model.

    Attributes
    ----------
    share
        From 0 to 1, one point a group of equal scores.
    quality
        At each share [0..1].
    """

    share: Floats
    quality: Floats

    @property
    def weak(self) -> float:
        """Quality of the weak model alone."""
        return float(self.quality[0])

    @property
    def strong(self) -> float:
        """Quality of the strong model alone."""
        return float(self.quality[-1])

    def at(self, share: float) -> float:
        """Return the quality at a share."""
        return float(np.interp(share, self.share, self.quality))


def curve(ranked: Ranking, weak: Floats, strong: Floats, weights: Floats | None = None) -> Curve:
    """Draw the curve of a ranking.

    Parameters
    ----------
    weights
        How often each row counts; a bootstrap's counts.

    >>> ranked = ranking(np.array([3.0, 1.0, 1.0, 0.0]))
    >>> drawn = curve(ranked, np.array([0.0, 0, 1, 1]), np.array([1.0, 1, 0, 1]))
    >>> drawn.share.tolist(), drawn.quality.tolist()
    ([0.0, 0.25, 0.75, 1.0], [0.5, 0.75, 0.75, 0.75])
    """
    w = np.ones(len(weak)) if weights is None else weights
    total = float(w.sum())
    counts, gains = np.cumsum(w[ranked.order])[ranked.ends], np.cumsum((w * (strong - weak))[ranked.order])[ranked.ends]
    base = float((w * weak).sum()) / total
    return Curve(np.append(0.0, counts / total), base + np.append(0.0, gains / total))


def pgr(drawn: Curve, share: float) -> float:
    """Return the gap recovered at a share: 0 is the weak model alone, 1 the strong; NaN where they are alike."""
    return _recovered(drawn, drawn.at(share))


def apgr(drawn: Curve) -> float:
    """Return the mean of PGR over all shares; a random router has 0.5.

    >>> drawn = curve(ranking(np.arange(4.0)), np.zeros(4), np.array([0.0, 0, 1, 1]))
    >>> apgr(drawn)
    0.75
    """
    return _recovered(drawn, float(np.trapezoid(drawn.quality, drawn.share)))


def cpt(drawn: Curve, level: float) -> float:
    """Return the least share of calls to the strong model that recovers `level` of the gap; NaN where none does.

    >>> cpt(curve(ranking(np.arange(4.0)), np.zeros(4), np.array([0.0, 0, 1, 1])), 0.5)
    0.25
    """
    gap = drawn.strong - drawn.weak
    if not gap > 0:
        return float("nan")
    wanted = drawn.weak + level * gap
    reached = np.flatnonzero(drawn.quality >= wanted - 1e-12)
    if not len(reached):
        return float("nan")
    i = int(reached[0])
    if i == 0:
        return 0.0
    (x0, x1), (y0, y1) = drawn.share[i - 1 : i + 1], drawn.quality[i - 1 : i + 1]
    return float(x0 + (x1 - x0) * min(1.0, (wanted - y0) / (y1 - y0)))


def aiq(cost: Floats, quality: Floats) -> float:
    """Average improvement in quality: mean height of the non-decreasing concave hull over its costs.

    Parameters
    ----------
    cost, quality
        Points of a policy, the cheapest model alone and the dearest alone among them.

    >>> aiq(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 1.0]))
    0.75
    """
    order = np.lexsort((-quality, cost))
    hull: list[tuple[float, float]] = []
    best = -np.inf
    for x, y in zip(cost[order].tolist(), quality[order].tolist(), strict=True):
        if y <= best:
            continue
        best = y
        while len(hull) > 1 and _turns_up(hull[-2], hull[-1], (x, y)):
            hull.pop()
        hull.append((x, y))
    xs, ys = np.array(hull).T
    lo, hi = float(cost.min()), float(cost.max())
    if hi <= lo:
        return best
    if xs[-1] < hi:
        xs, ys = np.append(xs, hi), np.append(ys, best)
    return float(np.trapezoid(ys, xs) / (hi - lo))


def _turns_up(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    return (b[1] - a[1]) * (c[0] - a[0]) <= (c[1] - a[1]) * (b[0] - a[0])


def _recovered(drawn: Curve, quality: float) -> float:
    gap = drawn.strong - drawn.weak
    return (quality - drawn.weak) / gap if gap > 0 else float("nan")
