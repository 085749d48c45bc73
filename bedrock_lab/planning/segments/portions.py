"""One segment of an assignment: what it buys, what that costs, why, and what it was set against."""

import dataclasses
from collections.abc import Iterable, Mapping

from bedrock_lab.planning.answers import phrase, usd
from bedrock_lab.planning.candidates import Candidate
from bedrock_lab.planning.result import Action
from bedrock_lab.planning.segments.assigning import Held, Variant
from bedrock_lab.planning.segments.costs import Costs, baseline_costs, costs_of, total
from bedrock_lab.planning.segments.cutting import Cut
from bedrock_lab.planning.segments.leaf import Leaf
from bedrock_lab.planning.segments.result import Bought, Compared, SegmentPlan
from bedrock_lab.planning.segments.segment import Substitute
from bedrock_lab.planning.segments.sharing import shares_of, use_by_each
from bedrock_lab.planning.segments.steps import in_words, own_steps, route_step
from bedrock_lab.planning.segments.variants import AS_IT_IS, name_of

Key = tuple[str, str, str, str]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """A segment with its ways, the one chosen, and what is held and paid by leaf.

    Attributes
    ----------
    held
        By leaf: what is bought, and which of those who share it this is.
    costs, before
        By leaf: cost of what is bought, and on demand as it stands.
    """

    cut: Cut
    ways: tuple[Variant, ...]
    chosen: Variant
    held: Mapping[Key, tuple[Held, int]]
    costs: Mapping[Key, Costs]
    before: Mapping[Key, Costs]

    @property
    def substitute(self) -> Substitute | None:
        """The substitute chosen."""
        return next((s for s in self.cut.segment.substitutes if name_of(s) == self.chosen.name), None)


def segment_plan(of: Portion, *, whole_usd: float, explain: bool) -> SegmentPlan:
    """Say what a segment should buy."""
    leaves = of.chosen.leaves
    decision = _decision(of)
    decided = decision == "recommend"
    before = total([of.before[leaf.key] for leaf in of.ways[0].leaves])
    cost = total([of.costs[leaf.key] for leaf in leaves]) if decided else None
    question = leaves[0].market.question
    bought = tuple(_bought(of, leaf) for leaf in leaves) if decided else ()
    return SegmentPlan(
        name=of.cut.segment.name,
        rules=of.cut.segment.rules,
        requests=sum(leaf.plan.requests for leaf in of.ways[0].leaves),
        share=before.usd / whole_usd if whole_usd else 0.0,
        decision=decision,
        baseline_usd_per_month=before.usd,
        cost_usd_per_month=None if cost is None else cost.usd,
        range=None if cost is None else cost.range,
        ci95=None if cost is None else cost.ci95,
        saving_ci95=None if cost is None else cost.saving_ci95(before),
        slo=question.slo,
        slo_met=slo_of(_held_candidate(of, leaf) for leaf in leaves) if decided else None,
        deferrable=question.deferrable,
        deadline_h=question.deadline_h,
        bought=bought,
        substitute=of.substitute if decided else None,
        why=_why(of, bought, cost, before) if decided else _undecided(of),
        compared=_compared(of),
        not_offered=tuple(
            {"option": entry["option"], "reason": entry["reason"]}
            for entry in {tuple(e.items()): e for leaf in leaves for e in leaf.plan.not_offered}.values()
        ),
        flips=tuple(f for leaf in leaves if _alone(of, leaf) for f in leaf.market.flips())
        if explain and question.risk == "mean"
        else (),
        actions=tuple(_actions(of, before)) if decided else tuple(a for leaf in leaves for a in leaf.plan.actions),
    )


def _alone(of: Portion, leaf: Leaf) -> bool:
    return not of.held[leaf.key][0].shared


def _decision(of: Portion) -> str:
    """Decide as the least decided leaf; what shares capacity is decided."""
    words = {leaf.plan.decision for leaf in of.chosen.leaves if _alone(of, leaf)}
    return next((word for word in ("infeasible", "undecided") if word in words), "recommend")


def _held_candidate(of: Portion, leaf: Leaf) -> Candidate | None:
    """Return the candidate a leaf buys; None where it shares, of which nothing says how fast it is."""
    return leaf.judged if _alone(of, leaf) else None


def slo_of(candidates: Iterable[Candidate | None]) -> bool | None:
    """Whether all meet the SLO: False where one does not, None where one is not known."""
    met = [None if c is None else c.slo_met for c in candidates]
    if any(m is False for m in met):
        return False
    return True if all(met) else None


def _bought(of: Portion, leaf: Leaf) -> Bought:
    held, place = of.held[leaf.key]
    assert held.purchase is not None
    mates = tuple(other.segment for i, other in enumerate(held.leaves) if i != place)
    return Bought(
        variant=leaf.variant,
        model=leaf.model,
        model_id=leaf.plan.model_id,
        region=leaf.region,
        purchase=held.purchase,
        usd_per_month=of.costs[leaf.key].usd,
        shared_with=mates,
        share_of_capacity=float(use_by_each(shares_of(held.leaves), held.purchase)[place]) if mates else None,
    )


def _why(of: Portion, bought: tuple[Bought, ...], cost: Costs | None, before: Costs) -> str:
    """Say in a sentence what is bought and why."""
    said = []
    for leaf, b in zip(of.chosen.leaves, bought, strict=True):
        judged = leaf.judged
        if b.shared_with and judged is not None:
            alone = usd(judged.cost_usd_per_month)
            said.append(
                f"{in_words(b.purchase)} shared with {', '.join(b.shared_with)}, {alone} a month if it stood alone"
            )
        elif judged is not None:
            said.append(phrase(judged, leaf.market.question.deferrable))
        if len(bought) > 1:
            said[-1] = f"{b.model}: {said[-1]}"
    substitute, text = of.substitute, "; ".join(said)
    if substitute is not None:
        text += (
            f"; {substitute.share:.0%} of the requests go to {substitute.model}, at a quality of at least "
            f"{substitute.quality_at_least:g} ({substitute.quality_source})"
        )
    if cost is None or not before.usd:
        return f"{text}."
    saved = 1 - cost.usd / before.usd
    against = f"{saved:.0%} below on demand as it stands" if saved > 0.005 else "nothing known to be on sale is cheaper"
    return f"{text}; {against}."


def _undecided(of: Portion) -> str:
    return " ".join(leaf.plan.answer for leaf in of.chosen.leaves if leaf.plan.decision != "recommend")


def _actions(of: Portion, before: Costs) -> list[Action]:
    """Route first, then what each leaf's own plan says."""
    made, substitute = [], of.substitute
    if substitute is not None:
        after = total([baseline_costs(leaf) for leaf in of.chosen.leaves])
        made.append(route_step(substitute, before, after, of.chosen.leaves[0]))
    return made + [step for leaf in of.chosen.leaves for step in own_steps(leaf, of.held[leaf.key][0])]


def _compared(of: Portion) -> tuple[Compared, ...]:
    """List ways of serving the segment, each with nothing shared: its own by way of buying, and substitutes."""
    made = _ways(of) + [_variant(of, variant) for variant in of.ways[1:]]
    return tuple(sorted((c for c in made if c is not None), key=lambda c: c.usd_per_month))


def _ways(of: Portion) -> list[Compared | None]:
    """Cheapest of each way of buying; of several models, what each should buy alone."""
    as_it_is = of.ways[0].leaves
    chosen = of.chosen.name == AS_IT_IS
    if len(as_it_is) > 1:
        return [_variant(of, of.ways[0])]
    leaf = as_it_is[0]
    best: dict[str, Candidate] = {}
    for c in leaf.plan.by_cost():
        best.setdefault(c.purchase.way, c)
    taken = leaf.judged if chosen and _alone(of, leaf) and leaf.plan.decision == "recommend" else None
    return [
        Compared(
            name=c.name,
            model=leaf.model,
            usd_per_month=c.cost_usd_per_month,
            range=c.range,
            availability=c.purchase.availability,
            slo_met=c.slo_met,
            recommended=taken is not None and c.purchase == taken.purchase,
        )
        for c in best.values()
    ]


def _variant(of: Portion, variant: Variant) -> Compared | None:
    """Cost a variant with nothing shared; None where a part of it has no price, which `not_offered` says."""
    substitute = next((s for s in of.cut.segment.substitutes if name_of(s) == variant.name), None)
    judged = [(leaf, leaf.judged) for leaf in variant.leaves]
    if not judged or any(c is None for _, c in judged):
        return None
    cost = total([costs_of(Held(leaves=(leaf,), purchase=c.purchase))[0] for leaf, c in judged if c is not None])
    models = dict.fromkeys(leaf.model for leaf in variant.leaves)
    return Compared(
        name=variant.name,
        model=", ".join(models),
        usd_per_month=cost.usd,
        range=cost.range,
        availability="yes",
        slo_met=slo_of(c for _, c in judged),
        recommended=variant.name == of.chosen.name and _decision(of) == "recommend",
        substitute=substitute,
        reason=variant.reason,
    )
