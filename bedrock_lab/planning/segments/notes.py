"""What a plan by segment says beside its figures: one sentence, what is assumed, what to know, the prices."""

import dataclasses
from collections.abc import Sequence

from bedrock_lab.assumptions import Assumption, Kind
from bedrock_lab.planning import notes
from bedrock_lab.planning.answers import span, usd
from bedrock_lab.planning.candidates import Candidate
from bedrock_lab.planning.decide import Decision
from bedrock_lab.planning.facts import Fact, price_facts
from bedrock_lab.planning.segments.assigning import Assignment
from bedrock_lab.planning.segments.leaf import Leaf
from bedrock_lab.planning.segments.result import SegmentPlan
from bedrock_lab.planning.segments.steps import in_words, priced
from bedrock_lab.planning.segments.variants import Basis


def sentence(
    on: Basis,
    made: Sequence[SegmentPlan],
    recommended: Candidate | None,
    baseline: Candidate,
    assignment: Assignment,
) -> str:
    """Answer in one sentence."""
    marked = f" (on {on.trace.origin} traffic)" if on.trace.origin.invented else ""
    if recommended is None:
        open_ = [f"{s.name} ({s.decision})" for s in made if s.decision != "recommend"]
        return f"Not every segment is decided: {', '.join(open_)}; the others stand beside it{marked}."
    cost, base = recommended.cost_usd_per_month, baseline.cost_usd_per_month
    ways = [f"{s.name}: {_way(s)}" for s in made[:4]]
    more = f" and {len(made) - 4} more" if len(made) > 4 else ""
    saved = base - cost
    against = f", {saved / base:.0%} below {usd(base)} on demand" if base and saved > 0.005 * base else ""
    shared = [
        f"{in_words(h.purchase)} shared by {', '.join(leaf.segment for leaf in h.leaves)}"
        for h in assignment.held
        if h.shared and h.purchase
    ]
    also = f"; {'; '.join(shared)}" if shared else ""
    many = "1 segment" if len(made) == 1 else f"{len(made)} segments"
    head = f"{many} for {usd(cost)} a month ({span(recommended)}){against}"
    return f"{head}: {'; '.join(ways)}{more}{also}{marked}."


def _way(segment: SegmentPlan) -> str:
    if any(b.shared_with for b in segment.bought):
        return "shared capacity"
    return " + ".join(dict.fromkeys(b.purchase.name for b in segment.bought)) + (
        f" with {segment.substitute.share:.0%} to {segment.substitute.model}" if segment.substitute else ""
    )


def assumptions_of(leaves: Sequence[Leaf], made: Sequence[SegmentPlan]) -> tuple[Assumption, ...]:
    """List what is assumed: once where all assume it alike, else by segment."""
    held: dict[str, list[tuple[str, Assumption]]] = {}
    for leaf in leaves:
        for a in leaf.plan.assumptions:
            held.setdefault(a.name, []).append((leaf.segment, a))
    found: list[Assumption] = []
    for name, pairs in held.items():
        kinds = list(dict.fromkeys(a for _, a in pairs))
        everywhere = len({segment for segment, _ in pairs}) == len(made)
        if len(kinds) == 1 and everywhere:
            found.append(kinds[0])
        else:
            named = dict.fromkeys((f"{name} of {segment}", a) for segment, a in pairs)
            found += [dataclasses.replace(a, name=label) for label, a in named]
    for s in made:
        if s.substitute is not None and s.substitute.quality_at_least is not None:
            found.append(
                Assumption(
                    name=f"quality_at_least of {s.name}",
                    value=float(s.substitute.quality_at_least),
                    kind=Kind.CLAIMED,
                    source=s.substitute.quality_source,
                    unit="lower bound of the mean quality",
                )
            )
    return tuple(found)


def warnings_of(on: Basis, made: Sequence[SegmentPlan], assignment: Assignment) -> tuple[str, ...]:
    """List what a reader should be told, each with the segments it is about."""
    about: dict[str, dict[str, None]] = {}
    for held in assignment.held:
        for leaf in held.leaves:
            bought = set(_on_capacity(leaf, leaf.judged)) if held.shared else set()
            for text in (t for t in leaf.plan.warnings if t not in bought):
                about.setdefault(text, {})[leaf.segment] = None
        if held.shared and held.purchase is not None:
            first = held.leaves[0]
            for text in _on_capacity(first, priced(held.purchase, 0.0)):
                about.setdefault(text, {}).update(dict.fromkeys(leaf.segment for leaf in held.leaves))
    everywhere = {s.name for s in made}
    said = [
        text if text in on.rows.warnings or about[text].keys() == everywhere else f"{', '.join(about[text])}: {text}"
        for text in about
    ]
    if on.flags.risk != "mean" and not assignment.held[0].leaves[0].market.short:
        said.append("whether segments share capacity is judged by the mean cost, each one's own choice by --risk")
    return tuple(dict.fromkeys([*on.rows.warnings, *said, *assignment.notes]))


def _on_capacity(leaf: Leaf, candidate: Candidate | None) -> list[str]:
    """Say what is to be known of capacity that is bought."""
    decision = Decision("recommend", candidate, candidate)
    listed = list(leaf.plan.candidates)
    found = [*notes.commitment(leaf.market, listed, decision), notes.unlisted_units(leaf.market, decision)]
    return [text for text in found if text]


def prices_of(on: Basis, assignment: Assignment) -> tuple[Fact, ...]:
    """List the prices behind what is bought and on demand as it stands."""
    found: dict[tuple[tuple[str, str], ...], Fact] = {}
    for held in assignment.held:
        for leaf in held.leaves:
            bought = [leaf.plan.baseline.purchase, *([held.purchase] if held.purchase else [])]
            for fact in price_facts(leaf.rows, on.prices, bought, leaf.market.figures):
                found[tuple(fact.items())] = fact
    return tuple(found.values())
