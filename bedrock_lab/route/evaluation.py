"""Evaluate policies on labels: what each is worth on prompts it has not seen, and which, if any, may be used."""

import dataclasses
from collections.abc import Callable, Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.catalogue.pricelist import prices as load_prices
from bedrock_lab.errors import InputError
from bedrock_lab.route.choosing import Target, lower_bound
from bedrock_lab.route.costs import Costs, costs_of
from bedrock_lab.route.curves import curve, ranking
from bedrock_lab.route.folds import GROUPED, KINDS, SHUFFLED, groups_of
from bedrock_lab.route.labels import Labels
from bedrock_lab.route.metrics import GRID, mean_of, measures
from bedrock_lab.route.policy import POLICIES, Policy, fit_policy, named
from bedrock_lab.route.result import Evaluation, Judged, Point, Recommended
from bedrock_lab.route.trial import Trial, chosen, held_out, tried

Places = NDArray[np.intp]
Score = Callable[[str], float]

YARDSTICK = "random"
"""The best mixture of the two models: a share of prompts drawn at random goes to the strong one."""

NO_ROUTE = (YARDSTICK, "best-single")


def evaluate_routes(
    labels: Labels,
    policies: Sequence[str | Policy | Score] | None = None,
    *,
    folds: str | None = None,
    quality: float | None = None,
    gap: float | None = None,
    weak_model: str | None = None,
    strong_model: str | None = None,
    output_tokens: int | None = None,
    region: str | None = None,
    prices: Prices | None = None,
    seed: int = 0,
    today: date | None = None,
) -> Evaluation:
    """Measure policies on prompts held out from them, and choose a threshold for the one that may be used.

    Parameters
    ----------
    policies
        Names, policies that were learned before, or functions prompt -> score; default all that can be learned.
    folds
        ``shuffled`` or ``grouped`` by task; default both where tasks are named, and then the grouped ones decide.
    quality, gap
        What is wanted: a mean quality [0..1], or a share of the way from the weak to the strong model; default 80 %.
    weak_model, strong_model
        Bedrock ids whose prices hold; without them the share of the strong model stands for the cost.
    output_tokens
        Of an answer, where the labels do not say.

    Raises
    ------
    InputError
        A policy is unknown, tasks are missing, or a value is out of range.
    """
    kinds = _kinds(labels, folds)
    target = _target(quality, gap)
    if seed < 0:
        raise InputError(f"seed {seed}: allowed is 0 or more")
    costs = _costs(labels, prices, weak_model, strong_model, region, output_tokens)
    asked = [named(p) for p in policies] if policies is not None else [Policy(name=name) for name in _learnable(labels)]
    groups = groups_of(labels, kinds[-1])
    judged, warnings = [], list(labels.warnings)
    for policy in asked:
        try:
            judged.append(_judged(policy, labels, kinds, groups, target, costs, seed))
        except InputError as error:
            if policies is not None:
                raise
            warnings.append(f"{policy.name} is left out: {error}")
    mixture = tried(Policy(name=YARDSTICK), labels, groups, target=target, costs=costs, seed=seed)
    best, reason = _best(judged, mixture, kinds[-1], target)
    recommended = None
    if best is not None:
        policy = next(p for p in asked if p.name == best.policy)
        day = today or date.today()  # noqa: DTZ011 - a day in words, not an instant
        recommended = _final(policy, best, labels, groups, target=target, costs=costs, seed=seed, day=day)
        reason = (
            reason if recommended else f"by all labels the best mixture of the two models keeps {target} as cheaply"
        )
    return Evaluation(
        source=labels.source,
        origin=labels.origin,
        rows=len(labels),
        sha256=labels.sha256,
        weak=labels.weak_name,
        strong=labels.strong_name,
        points=_points(labels, groups, costs, seed),
        strong_needed_share=float((labels.gain > 0).mean()),
        weak_alone_share=float((labels.gain < 0).mean()),
        policies=tuple(judged),
        kinds=kinds,
        target=target,
        mixture=mixture,
        recommended=recommended,
        reason=reason,
        costs=costs,
        seed=seed,
        warnings=tuple(warnings),
    )


def _kinds(labels: Labels, folds: str | None) -> tuple[str, ...]:
    if folds is not None and folds not in KINDS:
        raise InputError(f"folds {folds!r}: allowed are {' and '.join(KINDS)}")
    if folds is not None:
        groups_of(labels, folds)
        return (folds,)
    return (SHUFFLED, GROUPED) if labels.tasks is not None and len(set(labels.tasks)) > 1 else (SHUFFLED,)


def _target(quality: float | None, gap: float | None) -> Target:
    if quality is not None and gap is not None:
        raise InputError("quality and gap are two ways to say what is wanted; give one")
    return Target(quality=quality) if gap is None else Target(gap=gap)


def _costs(
    labels: Labels,
    prices: Prices | None,
    weak_model: str | None,
    strong_model: str | None,
    region: str | None,
    output_tokens: int | None,
) -> Costs | None:
    if weak_model is None and strong_model is None:
        return None
    if weak_model is None or strong_model is None:
        raise InputError("give both --weak-model and --strong-model, or neither")
    return costs_of(
        labels, prices or load_prices(), weak_model, strong_model, region=region, output_tokens=output_tokens
    )


def _learnable(labels: Labels) -> list[str]:
    return [name for name in POLICIES if name != "task" or labels.tasks is not None]


def _judged(
    policy: Policy,
    labels: Labels,
    kinds: tuple[str, ...],
    groups: Places,
    target: Target,
    costs: Costs | None,
    seed: int,
) -> Judged:
    """Measure a policy on every kind of folds, and try it."""
    paid = None if costs is None else (costs.weak, costs.strong)
    found, curves = {}, {}
    for kind in kinds:
        alike = groups_of(labels, kind)
        scores = held_out(policy, labels, alike, seed)
        found[kind] = measures(scores, labels.weak, labels.strong, alike, costs=paid, seed=seed)
        drawn = curve(ranking(scores), labels.weak, labels.strong)
        curves[kind] = tuple(np.interp(GRID, drawn.share, drawn.quality).tolist())
    trial = tried(policy, labels, groups, target=target, costs=costs, seed=seed)
    return Judged(policy=policy.name, folds=found, curves=curves, trial=trial)


def _best(judged: list[Judged], mixture: Trial | None, deciding: str, target: Target) -> tuple[Judged | None, str]:
    """Return the cheapest policy that beats the best mixture and kept its promise; and why, or why none."""
    routes = [j for j in judged if j.policy not in NO_ROUTE]
    better = [j for j in routes if (lo := j.folds[deciding].apgr.lo) is not None and lo > 0.5]
    if not better:
        return (
            None,
            f"no policy is surely better than prompts drawn at random ({deciding} folds); mix, or take one model",
        )
    promised = [(j, j.trial) for j in better if j.trial is not None]
    if not promised:
        return None, f"no threshold promises {target} on unseen prompts; take the strong model, or label more"
    kept = [(j, trial) for j, trial in promised if trial.kept]
    if not kept:
        return None, f"no policy kept {target} on the prompts held back"
    best, trial = min(kept, key=lambda pair: pair[1].paid)
    if mixture is not None and mixture.kept and mixture.paid <= trial.paid:
        return None, "the best mixture of the two models costs no more at that quality"
    return best, ""


def _final(
    policy: Policy,
    judged: Judged,
    labels: Labels,
    groups: Places,
    *,
    target: Target,
    costs: Costs | None,
    seed: int,
    day: date,
) -> Recommended | None:
    """Learn from all labels, with a threshold chosen on scores of prompts held out; None where a mixture is as good."""
    promised = [
        chosen(way, labels, groups, target=target, unseen=len(labels), seed=seed)
        for way in (policy, Policy(name=YARDSTICK))
    ]
    choice, mixture = promised
    if choice is None or (mixture is not None and mixture.share <= choice.share):
        return None
    learned = policy if policy.ready else fit_policy(policy.name, labels)
    strong = held_out(policy, labels, groups, seed) >= choice.threshold
    quality = np.where(strong, labels.strong, labels.weak)
    trained = {
        "labels_sha256": labels.sha256,
        "rows": len(labels),
        "date": day.isoformat(),
        "weak": labels.weak_name,
        "strong": labels.strong_name,
        "target": str(target),
        "share": choice.share,
        "quality": choice.quality,
        "margin": choice.margin,
        "quality_at_least": max(0.0, lower_bound(quality, groups, len(labels))),
        "folds": {kind: found.to_dict() for kind, found in judged.folds.items()},
    }
    return Recommended(
        policy=dataclasses.replace(learned, threshold=choice.threshold, trained=trained),
        choice=choice,
        quality=mean_of(quality, groups, seed=seed),
        usd=None if costs is None else mean_of(costs.of(strong), groups, seed=seed),
    )


def _points(labels: Labels, groups: Places, costs: Costs | None, seed: int) -> tuple[Point, ...]:
    """Return the models alone, and what knowing every answer beforehand would give."""
    every = np.ones(len(labels), dtype=bool)
    ways = (("always weak", ~every), ("always strong", every), ("oracle", labels.gain > 0))
    return tuple(
        Point(
            name=name,
            share=float(strong.mean()),
            quality=mean_of(np.where(strong, labels.strong, labels.weak), groups, seed=seed),
            usd=None if costs is None else mean_of(costs.of(strong), groups, seed=seed),
        )
        for name, strong in ways
    )
