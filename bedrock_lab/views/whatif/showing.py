"""A scenario in figures: tiles with their difference to the base, the options as a table, scenarios side by side."""

from collections.abc import Iterator, Mapping

from bedrock_lab.assumptions import Kind
from bedrock_lab.planning.answers import phrase, span, usd
from bedrock_lab.planning.result import Plan
from bedrock_lab.views.costs import shown_candidates
from bedrock_lab.views.result import Tile
from bedrock_lab.views.tables import Table, amount, number
from bedrock_lab.views.whatif.controls import Control
from bedrock_lab.views.whatif.state import State

DECISIONS = {
    "undecided": "undecided: the trace is too short to judge capacity",
    "infeasible": "nothing that is allowed is on sale",
}


def against(value: float | None, base: float | None) -> str:
    """Write a difference to the base.

    >>> against(1200.0, 1000.0), against(1000.0, 1000.0), against(None, 1000.0)
    ('+200 USD (+20.0%) against the base', 'as in the base', '')
    """
    if value is None or base is None:
        return ""
    if abs(value - base) < 0.005:
        return "as in the base"
    share = f" ({value / base - 1:+.1%})" if base > 0 else ""
    sign = "+" if value > base else "-"
    return f"{sign}{usd(abs(value - base))}{share} against the base"


def tiles_of(state: State, base: State) -> tuple[Tile, ...]:
    """Give the figures to see first."""
    best, was = state.recommended, base.recommended
    said = DECISIONS.get(state.evaluation.decision, "")
    cost = best.cost_usd_per_month if best else None
    first = Tile(
        label="Recommended, a month",
        value=usd(cost) if cost is not None else state.evaluation.decision,
        note="; ".join(
            filter(None, (best.name if best else said, against(cost, was.cost_usd_per_month if was else None)))
        ),
    )
    now = state.baseline.cost_usd_per_month
    saved, before = state.evaluation.saving_usd_per_month, base.evaluation.saving_usd_per_month
    tiles = [
        first,
        Tile(label="On demand, a month", value=usd(now), note=against(now, base.baseline.cost_usd_per_month)),
        Tile(
            label="Saving, a month",
            value="not known" if saved is None else usd(saved),
            note="; ".join(filter(None, (f"{saved / now:.1%}" if saved and now else "", against(saved, before)))),
        ),
        Tile(
            label="Range of the recommended",
            value=span(best) if best else "not known",
            note="over every assumption that has a range",
        ),
    ]
    if state.held is not None:
        kept = state.held.cost_usd_per_month
        dearer = kept - (cost if cost is not None else now)
        than = "the recommended" if cost is not None else "on demand"
        tiles.append(Tile(label=f"Kept in view: {state.held.name}", value=usd(kept), note=f"{usd(dearer)} over {than}"))
    return tuple(tiles)


def sentence_of(state: State) -> str:
    """Say in one sentence what would be bought."""
    best = state.recommended
    if best is None:
        return f"{state.what_if.name}: {DECISIONS[state.evaluation.decision]}."
    words = phrase(best, state.scenario.deferrable)
    marked = f" (on {state.origin} traffic)" if state.origin.invented else ""
    return f"{state.what_if.name}: buy {words}, {usd(best.cost_usd_per_month)} a month ({span(best)}){marked}."


def options_table(state: State, base: State) -> Table:
    """List the candidates worth showing, the cheapest first, beside the base's cost of the same."""
    before = {c.name: c.cost_usd_per_month for c in base.evaluation.candidates}
    best = state.recommended
    shown = shown_candidates(state)
    if state.held is not None and state.held.name not in {c.name for c in shown}:
        shown = [*shown, state.held]
    rows = []
    for c in shown:
        marks = (best is not None and c.name == best.name, state.held is not None and c.name == state.held.name)
        notes = [word for word, holds in zip(("recommended", "kept in view"), marks, strict=True) if holds]
        notes += [] if c.purchase.availability == "yes" else ["not known to be on sale"]
        rows.append(
            (
                c.name,
                amount(c.cost_usd_per_month),
                span(c).replace(" USD", ""),
                amount(before[c.name]) if c.name in before else "",
                ", ".join(notes),
            )
        )
    headers = ("Option", "USD/month", "Range", "In the base, USD/month", "Note")
    return Table(headers, tuple(rows), headers[1:4], state.origin)


def known_table(state: State, plan: Plan, controls: Mapping[str, Control]) -> Table:
    """List what every figure rests on: each value, its range, how it is known and from where."""
    changed = set(state.changes)
    rows = [
        (
            a.name,
            number(a.value),
            f"{number(a.lo)} to {number(a.hi)}" if a.spread else "",
            a.unit,
            "stated here" if a.name in changed else str(a.kind),
            a.source,
        )
        for a in state.assumptions
    ]
    listed = {a.name for a in state.assumptions}
    for name, value in state.changes.items():
        if name not in listed and name in controls:
            shown = ", ".join(value) if isinstance(value, list) else number(value)
            rows.append((name, shown, "", controls[name].unit, "stated here", "moved in the panel"))
    rows.append(("prices", plan.as_of, "", "day", str(Kind.PUBLISHED), "price list; each price in the plan's table"))
    rows.append(("traffic", plan.source, "", "", str(plan.origin), f"{plan.requests:,} requests"))
    return Table(("Quantity", "Value", "Range", "Unit", "Known as", "Source"), tuple(rows), ("Value",), state.origin)


def compared_table(states: Mapping[str, State], base: State) -> Table:
    """Set scenarios side by side."""
    rows = []
    for name, state in states.items():
        best = state.recommended
        cost = best.cost_usd_per_month if best else None
        saved = state.evaluation.saving_usd_per_month
        rows.append(
            (
                name,
                ", ".join(f"{n} {_value(v)}" for n, v in state.changes.items()) or "nothing changed",
                best.name if best else state.evaluation.decision,
                "" if cost is None else amount(cost),
                amount(state.baseline.cost_usd_per_month),
                "" if saved is None else amount(saved),
                against(cost, base.recommended.cost_usd_per_month if base.recommended else None),
            )
        )
    headers = (
        "Scenario",
        "Changed",
        "Recommended",
        "USD/month",
        "On demand, USD/month",
        "Saving, USD/month",
        "Against the base",
    )
    return Table(headers, tuple(rows), headers[3:6], base.origin)


def _value(value: object) -> str:
    return "+".join(map(str, value)) if isinstance(value, list) else number(value)


def warnings_of(state: State, plan: Plan, controls: Mapping[str, Control]) -> tuple[str, ...]:
    """Say what limits the figures: where a value leaves what was recorded or is assumed."""
    return tuple(dict.fromkeys((*_beyond(state, plan, controls), *state.market.warnings)))


def _beyond(state: State, plan: Plan, controls: Mapping[str, Control]) -> Iterator[str]:
    if state.origin.invented:
        yield f"{state.origin} traffic: nobody's bill"
    if state.market.short:
        yield "the trace is under two weeks: bought capacity is shown and never recommended"
    held = {a.name: a for a in plan.assumptions}
    for name, value in state.changes.items():
        control, known = controls.get(name), held.get(name)
        if name == "growth" and value > 1:
            yield f"growth {value:.4g}: no such load was recorded; the trace's shape is taken to scale with it"
        elif known is not None and known.spread and known.lo is not None and known.hi is not None:
            if not known.lo <= value <= known.hi:
                yield f"{name} {number(value)} is outside the range assumed, {number(known.lo)} to {number(known.hi)}"
        elif name in {"deferrable", "response_cache_share"} and control is not None and value > control.value:
            yield f"{name} {value:.4g}: stated here, measured nowhere; the plan has {control.value:.4g}"
        elif name in {"token_price", "unit_price_factor"}:
            yield f"{name} {value:.4g}: not the prices the plan found; an overlay or unit_price states real ones"
    mine = state.held
    if mine is not None and mine.purchase.availability != "yes":
        yield f"{mine.name} is not known to be on sale, or what a unit carries is not known"
