"""The parts of a page that only a series of runs can have: since the last run, and over the runs."""

import html
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from bedrock_lab.assumptions import Origin
from bedrock_lab.reports.since import figures, headline, sentence
from bedrock_lab.views.charts import BLUE, GREEN, RED, Chart, chart_of, rounded
from bedrock_lab.views.page import Section
from bedrock_lab.views.tables import Table

MOST_DRAWN, MOST_LISTED = 60, 12
Runs = Sequence[tuple[str, Mapping[str, Any]]]


class _Of(NamedTuple):
    """Whose figures are drawn."""

    origin: Any


def since_sections(since: Mapping[str, Any], origin: Origin | None) -> list[Section]:
    """Say what changed since the last run, and why."""
    found = [_text("Since the last run", f"<p>{html.escape(sentence(since))}</p>")]
    if since["causes"]:
        found += [_drawn(causes_chart(since, origin), origin), _listed("Why it changed", _causes_table(since, origin))]
    if since["figures"]:
        found.append(_listed("Figures that changed", _figures_table(since, origin)))
    if since["given_otherwise"]:
        items = "".join(f"<li>{html.escape(text)}</li>" for text in since["given_otherwise"])
        found.append(Section(kind="text", html=f"<p>What the run was given otherwise:</p><ul>{items}</ul>"))
    return found


def trend_sections(runs: Runs, origin: Origin | None) -> list[Section]:
    """Show how the report's main figure went over its runs; nothing before there are two."""
    name = headline(runs[-1][1]["results"]) if runs else None
    if name is None:
        return []
    points = [(r["started"], figures(r["results"])[name]) for _, r in runs if name in figures(r["results"])]
    if len(points) < 2:
        return []
    rows = [(when[:16].replace("T", " "), f"{float(value):,.2f}") for when, value in points[-MOST_LISTED:]]
    table = Table(("Run, UTC", name), tuple(reversed(rows)), (name,), origin)
    return [
        _text("Over the runs", ""),
        _drawn(trend_chart(points[-MOST_DRAWN:], name, origin), origin),
        _listed("Over the runs", table),
    ]


def trend_chart(points: Sequence[tuple[str, Decimal]], name: str, origin: Origin | None) -> Chart:
    """Draw a figure over the runs."""
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [when[:19] for when, _ in points],
        "y": rounded([float(value) for _, value in points]),
        "name": name,
        "line": {"color": BLUE},
    }
    return chart_of(
        _Of(origin),
        f"{name} over the runs",
        f"One point a run that ended well, {len(points)} in all; the last is this one.",
        [line],
        {"xaxis": {"title": {"text": "Run [UTC]"}}, "yaxis": {"title": {"text": name}, "rangemode": "tozero"}},
    )


def causes_chart(since: Mapping[str, Any], origin: Origin | None) -> Chart:
    """Draw the way from what the last run found to what this one does."""
    steps = [s for s in since["causes"] if Decimal(s["usd"])]
    values = [float(since["before_usd"]), *(float(s["usd"]) for s in steps), float(since["after_usd"])]
    fall = {
        "type": "waterfall",
        "x": ["last run", *(s["cause"] for s in steps), "this run"],
        "y": rounded(values),
        "measure": ["absolute", *["relative"] * len(steps), "total"],
        "increasing": {"marker": {"color": RED}},
        "decreasing": {"marker": {"color": GREEN}},
        "totals": {"marker": {"color": BLUE}},
        "name": "USD",
    }
    order = ", ".join(since["order"])
    return chart_of(
        _Of(origin),
        "From the last run to this one",
        f"Each step is credited with what those before it leave, in this order: {order}. They sum to the difference.",
        [fall],
        {"yaxis": {"title": {"text": f"USD, {since['basis']}"}}, "showlegend": False, "hovermode": "closest"},
    )


def _causes_table(since: Mapping[str, Any], origin: Origin | None) -> Table:
    rows = [(s["cause"], f"{float(s['usd']):+,.2f}", s["detail"]) for s in since["causes"]]
    rows.append(("together", f"{float(since['difference_usd']):+,.2f}", f"{since['basis']}"))
    return Table(("Because of", "USD", "What"), tuple(rows), ("USD",), origin)


def _figures_table(since: Mapping[str, Any], origin: Origin | None) -> Table:
    rows = tuple((f["name"], _number(f["before"]), _number(f["after"])) for f in since["figures"])
    return Table(("Figure", "Last run", "This run"), rows, ("Last run", "This run"), origin)


def _number(value: float) -> str:
    return f"{value:,.2f}" if abs(value) >= 100 else f"{value:,.6g}"


def _text(heading: str, rest: str) -> Section:
    return Section(kind="text", html=f"<h2>{html.escape(heading)}</h2>{rest}")


def _listed(label: str, table: Table) -> Section:
    box = (
        f'<div class="scroll" role="region" aria-label="{html.escape(label)}" tabindex="0">{table._repr_html_()}</div>'
    )
    return Section(kind="table", html=box, origin=table.origin)


def _drawn(chart: Chart, origin: Origin | None) -> Section:
    layout = {k: v for k, v in chart.figure["layout"].items() if k not in {"title", "meta"}}
    figure = {"data": chart.figure["data"], "layout": layout}
    return Section(kind="figure", figure=figure, caption=chart.title, note=chart.reading, origin=origin)
