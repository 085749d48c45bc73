"""Choosing a threshold on some prompts so that a target of quality holds on others.

Thresholds are tried from the safest on (everything to the strong model) towards the cheapest, and the first one whose
lower bound misses the target ends the search: a fixed sequence of tests needs no correction for how many were made
(Angelopoulos et al., "Learn then Test", 2021). The bound is that of a mean on *another* sample, so that it holds for
what the target will be checked on, not for the expectation alone.
"""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.errors import InputError

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

CONFIDENCE = 0.95
STEPS = 100
"""Shares of the strong model that are tried."""


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """The quality wanted: a mean [0..1], or a share of the way from the weak to the strong model on the same prompts.

    Raises
    ------
    InputError
        A value outside 0..1.
    """

    quality: float | None = None
    gap: float = 0.8

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        for name, value in (("quality", self.quality), ("gap", self.gap)):
            if value is not None and not 0 <= value <= 1:
                raise InputError(f"{name} {value:g}: allowed is 0..1")

    def needed(self, weak: Floats, strong: Floats) -> Floats:
        """Return the quality each prompt needs for the mean to meet the target."""
        return weak + self.gap * (strong - weak) if self.quality is None else np.full(len(weak), self.quality)

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.gap:.0%} of the gap" if self.quality is None else f"a quality of {self.quality:g}"


@dataclasses.dataclass(frozen=True, slots=True)
class Choice:
    """A threshold, and what it gave on the prompts it was chosen on.

    Attributes
    ----------
    share
        Sent to the strong model.
    quality
        Mean quality.
    margin
        How far the mean of as many unseen prompts stays above the target, with 95 % confidence.
    """

    threshold: float
    share: float
    quality: float
    margin: float


def choose(
    scores: Floats, weak: Floats, strong: Floats, groups: Places, *, target: Target, unseen: int
) -> Choice | None:
    """Return the cheapest threshold that keeps a target on unseen prompts; None where even the strong model may not.

    Parameters
    ----------
    groups
        Rows of one group are alike: one task, or the same prompt twice.
    unseen
        Prompts on which the target is to hold, in groups like these.
    """
    needed = target.needed(weak, strong)
    found: Choice | None = None
    for threshold in thresholds(scores):
        taken = scores >= threshold
        quality = np.where(taken, strong, weak)
        margin = lower_bound(quality - needed, groups, unseen)
        if margin < 0:
            break
        found = Choice(float(threshold), float(taken.mean()), float(quality.mean()), margin)
    return found


def lower_bound(values: Floats, groups: Places, unseen: int) -> float:
    """Return what the mean of unseen prompts exceeds with 95 % confidence, by the spread between groups.

    The variance of a mean of grouped rows is the sum of the squared sums of deviations by group, over n squared; that
    of the unseen mean is the same at its own size. Student's t has a degree of freedom less than there are groups.
    """
    from scipy.special import stdtrit

    n, mean = len(values), float(values.mean())
    sums = np.bincount(groups, weights=values - mean)
    count = len(np.unique(groups))
    if count < 2:
        return -math.inf
    variance = float((sums**2).sum()) / n**2 * count / (count - 1)
    return mean - float(stdtrit(count - 1, CONFIDENCE)) * math.sqrt(variance * (1 + n / unseen))


def thresholds(scores: Floats) -> list[float]:
    """List thresholds from everything-strong to nothing-strong.

    >>> thresholds(np.array([1.0, 2.0]))[:2]
    [1.0, 2.0]
    """
    levels = np.unique(np.quantile(scores, np.linspace(0, 1, STEPS + 1), method="inverted_cdf"))
    return [*levels.tolist(), float(np.nextafter(levels[-1], np.inf))]
