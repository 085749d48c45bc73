"""The whole of a plan by segment: each segment in words and figures, what is shared, and the sums."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from bedrock_lab.planning.candidates import Candidate, Part
from bedrock_lab.planning.purchase import Purchase
from bedrock_lab.planning.segments.assigning import Assignment, Held, Variant
from bedrock_lab.planning.segments.costs import Costs, baseline_costs, costs_of, total
from bedrock_lab.planning.segments.cutting import Cut
from bedrock_lab.planning.segments.leaf import Leaf
from bedrock_lab.planning.segments.notes import assumptions_of, prices_of, sentence, warnings_of
from bedrock_lab.planning.segments.portions import Portion, segment_plan, slo_of
from bedrock_lab.planning.segments.result import SegmentedPlan, SegmentPlan, Shared
from bedrock_lab.planning.segments.sharing import shares_of, use_by_each
from bedrock_lab.planning.segments.steps import shared_steps
from bedrock_lab.planning.segments.variants import Basis

CLOSED = (
    "every variant of every segment, and every group that may share capacity of a model in a Region, tried; sizes are "
)
CLOSED += "exact by load-duration"


def summed(
    on: Basis,
    parts: Sequence[Cut],
    variants: Sequence[Sequence[Variant]],
    assignment: Assignment,
    *,
    asked: Mapping[str, Any],
    explain: bool,
) -> SegmentedPlan:
    """Bring what was assigned into a plan."""
    held_by = {leaf.key: (held, i) for held in assignment.held for i, leaf in enumerate(held.leaves)}
    costs: dict[tuple[str, str, str, str], Costs] = {}
    for held in assignment.held:
        if held.purchase is not None:
            costs |= {leaf.key: cost for leaf, cost in zip(held.leaves, costs_of(held), strict=True)}
    as_they_are = [leaf for ways in variants for leaf in ways[0].leaves]
    before = {leaf.key: baseline_costs(leaf) for leaf in as_they_are}
    whole = total(list(before.values()))
    made = [
        segment_plan(
            Portion(cut=part, ways=tuple(ways), chosen=chosen, held=held_by, costs=costs, before=before),
            whole_usd=whole.usd,
            explain=explain,
        )
        for part, ways, chosen in zip(parts, variants, assignment.variants, strict=True)
    ]
    chosen_leaves = [leaf for variant in assignment.variants for leaf in variant.leaves]
    decision = _decision(made)
    baseline = _candidate(_on_demand(as_they_are), whole, whole, slo_of(leaf.plan.baseline for leaf in as_they_are))
    recommended = None
    if decision == "recommend":
        recommended = _recommended(assignment.held, chosen_leaves, costs, before, whole)
    first = chosen_leaves[0]
    models = list(dict.fromkeys(t.model.id for t in on.rows.targets))
    ids = list(dict.fromkeys(t.model_id for t in on.rows.targets))
    return SegmentedPlan(
        model=models[0] if len(models) == 1 else None,
        model_id=ids[0] if len(ids) == 1 else f"{len(ids)} models",
        region=first.region,
        as_of=on.prices.as_of.isoformat(),
        source=on.trace.source,
        origin=on.trace.origin,
        requests=int(on.trace.requests),
        period_s=first.market.demand.period_s,
        decision=decision,
        answer=sentence(on, made, recommended, baseline, assignment),
        baseline=baseline,
        recommended=recommended,
        candidates=_candidates(recommended, baseline, assignment, costs, whole),
        segments=tuple(made),
        shared=tuple(_shared(held, costs) for held in assignment.held if held.shared),
        certificate=_certificate(assignment, chosen_leaves),
        assumptions=assumptions_of(chosen_leaves, made),
        warnings=warnings_of(on, made, assignment),
        price_sources=prices_of(on, assignment),
        seed=on.flags.seed,
        asked=asked,
        held=assignment.held,
        leaves={leaf.key: leaf for ways in variants for variant in ways for leaf in variant.leaves},
    )


def _decision(made: Sequence[SegmentPlan]) -> str:
    """Decide the whole as its least decided part."""
    words = {s.decision for s in made}
    return next((word for word in ("infeasible", "undecided") if word in words), "recommend")


def _on_demand(leaves: Sequence[Leaf]) -> Purchase:
    """On demand as the trace stands; named by its scope where all have one."""
    scopes = {leaf.plan.baseline.purchase.scope for leaf in leaves}
    stands = all(leaf.plan.baseline.purchase.availability == "yes" for leaf in leaves)
    return dataclasses.replace(
        leaves[0].plan.baseline.purchase,
        scope=scopes.pop() if len(scopes) == 1 else None,
        availability="yes" if stands else "no",
    )


def _candidate(
    purchase: Purchase, costs: Costs, baseline: Costs, slo_met: bool | None, parts: tuple[Part, ...] = ()
) -> Candidate:
    return Candidate(
        purchase=purchase,
        cost_usd_per_month=costs.usd,
        range=costs.range,
        ci95=costs.ci95,
        saving_ci95=costs.saving_ci95(baseline),
        slo_met=slo_met,
        parts=parts,
    )


def _by_segment(name: str) -> Purchase:
    return Purchase(name=name, option="mix", tier="default", scope=None, availability="yes")


def _recommended(
    held: Sequence[Held],
    leaves: Sequence[Leaf],
    costs: Mapping[tuple[str, str, str, str], Costs],
    before: Mapping[tuple[str, str, str, str], Costs],
    whole: Costs,
) -> Candidate:
    """Add up what is recommended; one part alone stands as its own plan has it."""
    if len(held) == 1 and not held[0].shared and len(before) == 1:
        alone = leaves[0].plan.recommended
        assert alone is not None
        return alone
    bought = {leaf.key: h.purchase for h in held for leaf in h.leaves}
    parts = []
    for leaf in leaves:
        purchase = bought[leaf.key]
        assert purchase is not None
        share = leaf.plan.baseline.cost_usd_per_month / whole.usd if whole.usd else 0.0
        role = f"segment {leaf.segment}"
        parts.append(Part(role=role, purchase=purchase, usd_per_month=costs[leaf.key].usd, share=share))
    met = slo_of(_candidate_of(leaf, bought[leaf.key]) for leaf in leaves)
    return _candidate(_by_segment("by-segment"), total([costs[leaf.key] for leaf in leaves]), whole, met, tuple(parts))


def _candidate_of(leaf: Leaf, purchase: Purchase | None) -> Candidate | None:
    """Return the candidate of a leaf that a purchase is; None for shared capacity, of which nothing says how fast."""
    return next((c for c in leaf.plan.candidates if c.purchase == purchase), None)


def _candidates(
    recommended: Candidate | None,
    baseline: Candidate,
    assignment: Assignment,
    costs: Mapping[tuple[str, str, str, str], Costs],
    whole: Costs,
) -> tuple[Candidate, ...]:
    made = [] if recommended is None else [recommended]
    if any(held.shared for held in assignment.held):
        apart = [
            costs_of(Held(leaves=(leaf,), purchase=leaf.judged.purchase))[0]
            if held.shared and leaf.judged
            else costs[leaf.key]
            for held in assignment.held
            for leaf in held.leaves
            if leaf.key in costs
        ]
        made.append(_candidate(_by_segment("by-segment-apart"), total(apart), whole, None))
    if recommended is None or recommended.purchase != baseline.purchase:
        made.append(baseline)
    return tuple(made)


def _shared(held: Held, costs: Mapping[tuple[str, str, str, str], Costs]) -> Shared:
    purchase = held.purchase
    assert purchase is not None
    parts = use_by_each(shares_of(held.leaves), purchase)
    first = held.leaves[0]
    return Shared(
        segments=tuple(leaf.segment for leaf in held.leaves),
        model=first.model,
        region=first.region,
        purchase=purchase,
        shares={leaf.segment: float(part) for leaf, part in zip(held.leaves, parts, strict=True)},
        fixed_usd_per_month=purchase.fixed_usd_per_month,
        usd_per_month=sum(costs[leaf.key].usd for leaf in held.leaves),
        apart_usd_per_month=sum(leaf.judged.cost_usd_per_month for leaf in held.leaves if leaf.judged is not None),
        actions=tuple(shared_steps(held)),
    )


def _certificate(assignment: Assignment, leaves: Sequence[Leaf]) -> dict[str, Any]:
    cost = assignment.usd_per_month
    relaxed = list(dict.fromkeys(text for leaf in leaves for text in leaf.plan.certificate.relaxed))
    return {
        "lower_bound_usd": assignment.lower_bound_usd,
        "gap": max(0.0, 1 - assignment.lower_bound_usd / cost) if cost > 0 else None,
        "method": CLOSED,
        "relaxed": [*relaxed, *assignment.notes],
    }
