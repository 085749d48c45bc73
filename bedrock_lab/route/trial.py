"""A policy tried as it would be used: learned and given a threshold on one half, its promise checked on the other."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.route.choosing import Choice, Target, choose
from bedrock_lab.route.costs import Costs
from bedrock_lab.route.folds import folds_of, held_out_scores
from bedrock_lab.route.labels import Labels
from bedrock_lab.route.policy import Policy, fit_policy

Places = NDArray[np.intp]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What became of a promise.

    Attributes
    ----------
    share, quality
        Of the strong model, and mean quality, on the half that was not seen.
    needed
        Quality that meets the target there.
    margin
        How far above the target it was promised to stay, on the half the threshold was chosen on.
    usd
        Mean cost of a request on the unseen half [USD]; None where prices are not known.
    kept
        Whether the target held there.
    """

    threshold: float
    share: float
    quality: float
    needed: float
    margin: float
    usd: float | None
    kept: bool

    @property
    def paid(self) -> float:
        """What it costs to compare by: USD a request, or the share of the strong model."""
        return self.share if self.usd is None else self.usd


def chosen(policy: Policy, labels: Labels, groups: Places, *, target: Target, unseen: int, seed: int) -> Choice | None:
    """Choose a threshold by scores of prompts that the policy has not seen."""
    scores = held_out(policy, labels, groups, seed)
    return choose(scores, labels.weak, labels.strong, groups, target=target, unseen=unseen)


def held_out(policy: Policy, labels: Labels, groups: Places, seed: int) -> NDArray[np.float64]:
    """Score prompts by the policy as it is, or, where it learns here, by what other folds taught it."""
    if policy.ready:
        return policy.scores(labels.prompts, labels.tasks)
    return held_out_scores(policy.name, labels, folds_of(groups, seed))


def tried(
    policy: Policy, labels: Labels, groups: Places, *, target: Target, costs: Costs | None, seed: int
) -> Trial | None:
    """Learn and choose on one half of the groups, and look at the other; None where no threshold promises enough."""
    halves = folds_of(groups, seed, folds=2)
    first, second = (np.flatnonzero(halves == half) for half in (0, 1))
    seen, unseen = labels.part(first), labels.part(second)
    choice = chosen(policy, seen, regrouped(groups[first]), target=target, unseen=len(unseen), seed=seed)
    if choice is None:
        return None
    learned = policy if policy.ready else fit_policy(policy.name, seen)
    strong = learned.scores(unseen.prompts, unseen.tasks) >= choice.threshold
    quality = float(np.where(strong, unseen.strong, unseen.weak).mean())
    needed = float(target.needed(unseen.weak, unseen.strong).mean())
    return Trial(
        threshold=choice.threshold,
        share=float(strong.mean()),
        quality=quality,
        needed=needed,
        margin=choice.margin,
        usd=None if costs is None else costs.part(second).mean(strong),
        kept=quality >= needed - 1e-12,
    )


def regrouped(groups: Places) -> Places:
    """Return groups numbered from 0 on, without gaps."""
    return np.unique(groups, return_inverse=True)[1]
