"""Tables of a plan: plain rows, shown as HTML in a notebook and on a page."""

import dataclasses
import html
from collections.abc import Iterable, Sequence
from typing import Any

from bedrock_lab.assumptions import Assumption, Origin
from bedrock_lab.planning.answers import length, span, usd
from bedrock_lab.planning.demand import DAY_S
from bedrock_lab.planning.rechecking import Recheck
from bedrock_lab.planning.result import Action, Plan
from bedrock_lab.traffic.profiling import profile
from bedrock_lab.traffic.trace import Trace
from bedrock_lab.views.costs import shown_candidates
from bedrock_lab.views.text import in_columns


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under headers; columns named in `numeric` stand flush right.

    `origin` is that of the traffic behind the figures; None for facts that rest on no traffic.
    """

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[str, ...] = ()
    origin: Origin | None = None

    def _repr_html_(self) -> str:
        def cell(tag: str, header: str, text: str) -> str:
            look = ' style="text-align:right"' if header in self.numeric else ' style="text-align:left"'
            return f"<{tag}{look}>{html.escape(text)}</{tag}>"

        head = "".join(cell("th", h, h) for h in self.headers)
        body = "".join(
            "<tr>" + "".join(cell("td", h, t) for h, t in zip(self.headers, row, strict=True)) + "</tr>"
            for row in self.rows
        )
        origin = f' data-origin="{self.origin or ""}"'
        return f"<table{origin}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def __repr__(self) -> str:
        return in_columns(self.headers, self.rows)


def table_of(
    headers: Sequence[str],
    rows: Iterable[Sequence[Any]],
    numeric: Sequence[str] = (),
    origin: Origin | None = None,
) -> Table:
    """Make a table of rows, empty cells for None."""
    cells = tuple(tuple("" if v is None else str(v) for v in row) for row in rows)
    return Table(tuple(headers), cells, tuple(numeric), origin)


def number(value: Any) -> str:
    """Write a value for people.

    >>> number(180000.0), number(0.15), number("flat")
    ('180,000', '0.15', 'flat')
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "" if value is None else str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.4g}"


def amount(dollars: float) -> str:
    """Write an amount under a header that names the unit.

    >>> amount(1234.5)
    '1,234'
    """
    return usd(dollars).removesuffix(" USD")


def candidates_table(plan: Plan) -> Table:
    """List the candidates worth showing, the cheapest first."""
    baseline = plan.baseline.cost_usd_per_month
    rows = [
        (
            c.name,
            c.purchase.scope,
            {"none": "none", "1m": "1 month", "3m": "3 months", "6m": "6 months"}.get(c.purchase.term or "", ""),
            amount(c.cost_usd_per_month),
            span(c).replace(" USD", ""),
            f"{c.cost_usd_per_month / baseline - 1:+.1%}" if baseline else "",
            f"{amount(c.saving_ci95[0])} to {amount(c.saving_ci95[1])}" if c.saving_ci95 else "",
            c.purchase.availability,
            *([{True: "yes", False: "no", None: "no evidence"}[c.slo_met]] if plan.slo else []),
        )
        for c in shown_candidates(plan)
    ]
    headers = [
        *("Candidate", "Scope", "Commitment", "USD/month", "Range", "Against on-demand", "Saving, 95 %", "On sale"),
        *(["SLO met"] if plan.slo else []),
    ]
    return table_of(headers, rows, ("USD/month", "Range", "Against on-demand", "Saving, 95 %"), plan.origin)


def assumptions_table(plan: Plan) -> Table:
    """List what is assumed: value, range, how it is known, from where."""
    return assumptions_rows(plan.assumptions)


def assumptions_rows(assumptions: Iterable[Assumption]) -> Table:
    """List assumptions."""
    rows = [
        (
            a.name,
            number(a.value),
            f"{number(a.lo)} to {number(a.hi)}" if a.spread else "",
            a.unit,
            a.kind,
            a.source,
        )
        for a in assumptions
    ]
    return table_of(("Assumption", "Value", "Range", "Unit", "Known as", "Source"), rows, ("Value",))


def prices_table(plan: Plan) -> Table:
    """List the prices the plan rests on, each with its source and date."""
    rows = [(p["what"], p["usd"], p["since"], p["source"]) for p in plan.price_sources]
    return table_of(("Price", "USD", "Since", "Source"), rows, ("USD",))


def not_offered_table(plan: Plan) -> Table:
    """List what cannot be bought for this traffic, and why."""
    return table_of(("Option", "Why not"), [(e["option"], e["reason"]) for e in plan.not_offered])


def flips_table(plan: Plan) -> Table:
    """List how far each quantity may move before another way of buying wins."""
    rows = [(f.assumption, number(f.base), number(f.value), f.becomes) for f in plan.flips]
    rows = rows or [("none found", "", "", "no quantity within the range tried changes the choice")]
    headers = ("Quantity", "Now", "Turns over at", "Then the cheapest is")
    return table_of(headers, rows, ("Now", "Turns over at"), plan.origin)


STEP_HEADERS = ("Step", "Detail", "USD/month", "Saves USD/month", "Risk and effort", "Look again", "Command or text")


def actions_table(plan: Plan) -> Table:
    """List the steps that carry the decision out, what each bills and saves, and how to take it."""
    return table_of(STEP_HEADERS, [step_cells(a) for a in plan.actions], ("USD/month", "Saves USD/month"), plan.origin)


def step_cells(a: Action) -> tuple[str, ...]:
    """Write a step."""

    def money(dollars: float | None, ends: tuple[float, float] | None = None) -> str:
        if dollars is None:
            return ""
        if ends is None or amount(ends[0]) == amount(ends[1]):
            return amount(dollars)
        return f"{amount(dollars)} ({amount(ends[0])} to {amount(ends[1])})"

    return (
        a.step,
        a.detail,
        money(a.usd_per_month),
        money(a.saves_usd_per_month, a.range),
        f"risk {a.risk}; effort {a.effort}" + ("" if a.reversible else "; cannot be taken back"),
        a.look_again,
        a.command,
    )


def backtest_table(plan: Plan) -> Table:
    """List what would have been chosen on the past, and what it cost on what came."""
    folds = plan.backtest.folds if plan.backtest else ()
    rows = [
        (
            f"{f.chosen_on_s / DAY_S:.3g}",
            f"{f.judged_s / DAY_S:.3g}",
            f.chosen,
            amount(f.usd),
            f.best,
            amount(f.foresight_usd),
            amount(f.on_demand_usd),
        )
        for f in folds
    ]
    headers = ("Chosen on [days]", "Judged on [days]", "Chosen", "USD", "Best in hindsight", "Its USD", "On demand USD")
    return table_of(headers, rows, ("USD", "Its USD", "On demand USD"), plan.origin)


def finance_table(plan: Plan) -> Table:
    """Read the plan as finance does."""
    f = plan.finance
    month = f.months[0]

    def share(value: float | None) -> str:
        return "" if value is None else f"{value:.1%}"

    rows = [
        ("Committed, USD a month", amount(month.committed_usd)),
        ("By the hour without commitment, USD a month", amount(month.hourly_usd)),
        ("By the token, USD a month", amount(month.variable_usd)),
        ("Owed over the term whatever the traffic, USD", amount(f.obligation_usd)),
        ("USD per 1M tokens", "" if f.usd_per_1m_tokens is None else f"{f.usd_per_1m_tokens:.4g}"),
        ("USD per 1,000 requests", "" if f.usd_per_1k_requests is None else f"{f.usd_per_1k_requests:.4g}"),
        ("Coverage", share(f.coverage)),
        ("Utilisation", share(f.utilisation)),
        (
            "Idle on the day in ten that uses least, USD",
            "" if f.unused_usd_per_day_p90 is None else amount(f.unused_usd_per_day_p90),
        ),
        *(
            (f"Dearer than on demand if demand falls by {loss.fall:.0%}, USD a month", amount(loss.usd_per_month))
            for loss in f.losses
        ),
    ]
    return table_of((f.candidate, ""), rows, ("",), plan.origin)


def recheck_table(found: Recheck) -> Table:
    """List what an old plan, the best and on demand cost on new traffic, by day or shorter block."""
    rows = [
        (f"{24 * begin / DAY_S:,.1f}", amount(mine), amount(best), amount(on_demand))
        for begin, mine, best, on_demand in found.by_block
    ]
    headers = ("From hour", f"{found.name} (plan) USD", f"{found.best} (best) USD", "on demand USD")
    return table_of(headers, rows, headers, found.origin)


def traffic_table(trace: Trace) -> Table:
    """Describe a trace in the words of the field: how much, how long, how bursty."""
    found = profile(trace)
    per_minute = found.tokens_per_minute
    tokens = {"Input": found.input_tokens, "Output": found.output_tokens}
    rows: list[tuple[str, str]] = [
        ("Requests", f"{found.requests:,} in {length(found.period_s / DAY_S)}, {found.rate_per_s:.3g} a second"),
        (
            "Requests in the busiest minute",
            f"{number(found.peak_to_mean_1m)} x the mean" if found.peak_to_mean_1m else "not known",
        ),
        *(
            (f"{side} tokens of a request", f"mean {number(t['mean'])}, p50 {number(t['p50'])}, p99 {number(t['p99'])}")
            for side, t in tokens.items()
            if t and t.get("p99") is not None
        ),
        *(
            (
                f"{side.capitalize()} tokens per minute",
                f"mean {number(t['mean'])}, p95 {number(t['p95'])}, highest {number(t['max'])}",
            )
            for side, t in per_minute.items()
            if t
        ),
        *(("How it was made", note) for note in trace.notes),
        *(("Cannot say", what) for what in found.cannot_answer),
    ]
    return table_of(("Traffic", ""), rows, origin=trace.origin)
