"""Steps of a plan by segment: who saves what, in one order, so that no step claims what another already has."""

import dataclasses
from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from bedrock_lab.planning.actions import actions
from bedrock_lab.planning.answers import capacity_words
from bedrock_lab.planning.attribution import Saving
from bedrock_lab.planning.candidates import Candidate
from bedrock_lab.planning.decide import Decision
from bedrock_lab.planning.intervals import corners
from bedrock_lab.planning.listing import costed_of
from bedrock_lab.planning.mixing import joined
from bedrock_lab.planning.purchase import Purchase
from bedrock_lab.planning.result import Action
from bedrock_lab.planning.scenario import Scenario
from bedrock_lab.planning.segments.assigning import Held
from bedrock_lab.planning.segments.costs import Costs
from bedrock_lab.planning.segments.leaf import Leaf
from bedrock_lab.planning.segments.segment import Substitute
from bedrock_lab.planning.segments.sharing import cost_of, shared_loads, shares_of
from bedrock_lab.planning.steps import STEPS, Told, fall_in_words, rest
from bedrock_lab.pricing import Floats


def route_step(substitute: Substitute, before: Costs, after: Costs, leaf: Leaf) -> Action:
    """Send a share of the requests to a cheaper model."""
    saved, corner = before.usd - after.usd, before.corners - after.corners
    return Action(
        step=f"Route {substitute.share:.0%} of the requests to {substitute.model}",
        detail=f"quality is at least {substitute.quality_at_least:g}: {substitute.quality_source}",
        saves_usd_per_month=saved,
        range=(min(saved, float(corner.min())), max(saved, float(corner.max()))),
        risk="medium: the bound holds for prompts like those it was measured on; its tokenizer may count otherwise",
        effort="medium",
        command="bedrock-lab route evaluate LABELS --save POLICY.json, then "
        "lab.Router(client, 'POLICY.json', models=...) with an audit share",
        look_again=f"{(leaf.market.prices.as_of + timedelta(days=30)).isoformat()}: what the audit says of the quality",
    )


def own_steps(leaf: Leaf, held: Held) -> list[Action]:
    """List the steps of a leaf: its plan's where it stands alone, else those that come before capacity is shared."""
    if not held.shared:
        return list(leaf.plan.actions)
    candidate = _without_capacity(leaf)
    decision = Decision("recommend", candidate, candidate)
    made = actions(leaf.market, decision, leaf.plan.baseline, leaf.plan.model_id)
    return [dataclasses.replace(step, usd_per_month=None) for step in made if step.saves_usd_per_month is not None]


def shared_steps(held: Held) -> list[Action]:
    """Buy what several share: committed capacity first, then units by the hour."""
    purchase = held.purchase
    assert purchase is not None
    mix, first = purchase.mix, held.leaves[0]
    base = purchase if mix is None else mix.base
    stages = [(kind, p) for kind, p in (("base", base), ("hours", purchase if mix else None)) if p is not None]
    costs = [_over(held.leaves, p) for p in (None, *(p for _, p in stages))]
    segments = ", ".join(leaf.segment for leaf in held.leaves)
    half = [_half(leaf.market.scenario) for leaf in held.leaves]
    falls = fall_in_words(_monthly(held.leaves, purchase, half), _monthly(held.leaves, None, half))
    bills = {
        "base": 0.0 if base is None else base.fixed_usd_per_month,
        "hours": 0.0 if mix is None else mix.hourly_usd_per_month,
        "overflow": float(costs[-1][0]) - purchase.fixed_usd_per_month,
    }
    told = Told(first.market, priced(purchase, float(costs[-1][0])), first.plan.baseline, first.plan.model_id, falls)
    made: list[Action] = []
    for (kind, _), before, after in zip(stages, costs[:-1], costs[1:], strict=True):
        saved = before - after
        saving = Saving(adds=kind, usd_per_month=float(saved[0]), range=(float(saved.min()), float(saved.max())))
        made += STEPS[kind](told, bills, saving)
    made += rest(told, bills, {kind for kind, _ in stages})
    return [dataclasses.replace(step, detail=f"for {segments} together, used alike; {step.detail}") for step in made]


def in_words(purchase: Purchase) -> str:
    """Name shared capacity in words."""
    mix = purchase.mix
    if mix is None:
        return capacity_words(purchase)
    hourly = f"up to {max(mix.schedule)} units by the hour of the week"
    return hourly if mix.base is None else f"{capacity_words(mix.base)} and {hourly}"


def _without_capacity(leaf: Leaf) -> Candidate:
    """Cost a leaf where everything goes its way by the token, as it does beside shared capacity."""
    bought = joined(leaf.ends)
    costed, _ = costed_of(leaf.market, [leaf.plan.baseline.purchase, bought], resample=False)
    return costed[1]


def priced(purchase: Purchase, usd: float) -> Candidate:
    """Take shared capacity as a candidate, its cost that of all who share it [USD/month]."""
    return Candidate(
        purchase=purchase, cost_usd_per_month=usd, range=(usd, usd), ci95=None, saving_ci95=None, slo_met=None
    )


def _over(leaves: Sequence[Leaf], purchase: Purchase | None) -> Floats:
    """Cost of all at central values and at each corner of what is assumed [USD/month]."""
    ends = [corners(m.scenario, m.assumptions, m.shapes, m.extra_usd) for m in (leaf.market for leaf in leaves)]
    at = [[leaf.market.scenario for leaf in leaves], *(list(pair) for pair in zip(*ends, strict=True))]
    return np.array([_monthly(leaves, purchase, scenarios) for scenarios in at])


def _monthly(leaves: Sequence[Leaf], purchase: Purchase | None, scenarios: Sequence[Scenario]) -> float:
    shares = shares_of(leaves, scenarios)
    if purchase is None:
        return sum(float(np.sum(load.usd * load.mass)) for load in shared_loads(shares)) * shares[0].demand.per_month
    return cost_of(shares, purchase)


def _half(scenario: Scenario) -> Scenario:
    return dataclasses.replace(scenario, growth=scenario.growth / 2)
