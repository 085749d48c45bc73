"""Tables of a plan: plain rows, shown as HTML in a notebook and on a page."""

import dataclasses
import html
from collections.abc import Iterable, Sequence
from typing import Any

from bedrock_lab.planning.answers import span, usd
from bedrock_lab.planning.result import Plan
from bedrock_lab.views.charts import shown_candidates

NUMBERS = "num"


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under headers; columns named in `numeric` stand flush right."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        def cell(tag: str, header: str, text: str) -> str:
            look = ' style="text-align:right"' if header in self.numeric else ' style="text-align:left"'
            return f"<{tag}{look}>{html.escape(text)}</{tag}>"

        head = "".join(cell("th", h, h) for h in self.headers)
        body = "".join(
            "<tr>" + "".join(cell("td", h, t) for h, t in zip(self.headers, row, strict=True)) + "</tr>"
            for row in self.rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def __repr__(self) -> str:
        widths = [max(len(str(v)) for v in column) for column in zip(self.headers, *self.rows, strict=True)]
        return "\n".join(
            "  ".join(str(v).ljust(w) for v, w in zip(row, widths, strict=True)).rstrip()
            for row in (self.headers, *self.rows)
        )


def _table(headers: Sequence[str], rows: Iterable[Sequence[Any]], numeric: Sequence[str] = ()) -> Table:
    return Table(tuple(headers), tuple(tuple("" if v is None else str(v) for v in row) for row in rows), tuple(numeric))


def number(value: Any) -> str:
    """Write a value for people.

    >>> number(180000.0), number(0.15), number("flat")
    ('180,000', '0.15', 'flat')
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "" if value is None else str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.4g}"


def candidates_table(plan: Plan) -> Table:
    """List the candidates worth showing, the cheapest first."""
    baseline = plan.baseline.cost_usd_per_month
    rows = [
        (
            c.name,
            c.purchase.scope,
            {"none": "none", "1m": "1 month", "3m": "3 months", "6m": "6 months"}.get(c.purchase.term or "", ""),
            usd(c.cost_usd_per_month),
            span(c),
            f"{c.cost_usd_per_month / baseline - 1:+.1%}" if baseline else "",
            c.purchase.availability,
            {True: "yes", False: "no", None: "no evidence"}[c.slo_met],
        )
        for c in shown_candidates(plan)
    ]
    headers = ("Candidate", "Scope", "Commitment", "USD/month", "Range", "Against on-demand", "On sale", "SLO met")
    return _table(headers, rows, ("USD/month", "Range", "Against on-demand"))


def assumptions_table(plan: Plan) -> Table:
    """List what is assumed: value, range, how it is known, from where."""
    rows = [
        (
            a.name,
            number(a.value),
            f"{number(a.lo)} to {number(a.hi)}" if a.spread else "",
            a.unit,
            a.kind,
            a.source,
        )
        for a in plan.assumptions
    ]
    return _table(("Assumption", "Value", "Range", "Unit", "Known as", "Source"), rows, ("Value",))


def prices_table(plan: Plan) -> Table:
    """List the prices the plan rests on, each with its source and date."""
    rows = [(p["what"], p["usd"], p["since"], p["source"]) for p in plan.price_sources]
    return _table(("Price", "USD", "Since", "Source"), rows, ("USD",))


def not_offered_table(plan: Plan) -> Table:
    """List what cannot be bought for this traffic, and why."""
    return _table(("Option", "Why not"), [(e["option"], e["reason"]) for e in plan.not_offered])


def flips_table(plan: Plan) -> Table:
    """List how far each quantity may move before another way of buying wins."""
    rows = [(f.assumption, number(f.base), number(f.value), f.becomes) for f in plan.flips]
    rows = rows or [("none found", "", "", "no quantity within the range tried changes the choice")]
    return _table(("Quantity", "Now", "Turns over at", "Then the cheapest is"), rows, ("Now", "Turns over at"))


def actions_table(plan: Plan) -> Table:
    """List the steps that carry the decision out, and what each bills."""
    rows = [(a.step, a.detail, usd(a.usd_per_month) if a.usd_per_month is not None else "") for a in plan.actions]
    return _table(("Step", "Detail", "USD/month"), rows, ("USD/month",))
