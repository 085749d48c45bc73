"""Where ways of buying cross: cost against load and against latency, and the money over a year."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from bedrock_lab.planning.candidates import Candidate
from bedrock_lab.planning.costing import Costing
from bedrock_lab.planning.purchase import Purchase
from bedrock_lab.planning.result import Plan
from bedrock_lab.views.charts import BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY, Chart, Costed, chart_of, rounded
from bedrock_lab.views.costs import shown_candidates

COLOURS = (BLUE, ORANGE, GREEN, RED, SKY, PINK)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
LOADS = 26
UP_TO = 2.5
"""Largest load drawn, against today's."""


def screening_chart(plan: Costed, held: Candidate | None = None) -> Chart:
    """Cost against load for the cheapest candidate of each way, sizes as they are, with the points where they cross.

    One more that is to be kept in view is drawn whatever it costs.
    """
    best = _one_each(plan)
    if held is not None and held.name not in {p.name for p in best}:
        best = [*best[: len(COLOURS) - 1], held.purchase]
    loads = np.linspace(0.0, UP_TO, LOADS)
    growth = plan.scenario.growth
    costs = np.array(
        [
            Costing(plan.demand, dataclasses.replace(plan.scenario, growth=growth * float(x))).monthly(best)
            for x in loads
        ]
    )
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": p.name,
            "x": rounded(100 * loads),
            "y": rounded(costs[:, i]),
            "line": {"color": COLOURS[i], "dash": DASHES[i], "width": 2},
        }
        for i, p in enumerate(best)
    ]
    x, y = crossings(loads, costs)
    if x:
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": "Break-even",
                "x": rounded([100 * at for at in x]),
                "y": rounded(y),
                "marker": {"color": GREY, "size": 10, "symbol": "diamond"},
            }
        )
    where = f" The cheapest one changes at {', '.join(f'{at:.0%}' for at in x)} of today's load." if x else ""
    return chart_of(
        plan,
        "Screening curve",
        f"Each line is a purchase of a fixed size; the load keeps its shape.{where}",
        data,
        {
            "xaxis": {"title": {"text": "Load against the plan's [%]"}, "rangemode": "tozero"},
            "yaxis": {"title": {"text": "Cost [USD/month]"}, "rangemode": "tozero"},
            "height": 460,
        },
    )


def _one_each(plan: Costed) -> list[Purchase]:
    """Return the cheapest candidate on sale of each option, at most six, what is recommended first.

    One that is dearer than on demand at the largest load drawn is left out: its line would flatten the others.
    """
    most = UP_TO * plan.baseline.cost_usd_per_month
    chosen = [plan.recommended] if plan.recommended else []
    found: dict[tuple[str, str], Candidate] = {(c.purchase.option, c.purchase.tier): c for c in chosen}
    for c in plan.by_cost():
        if c.purchase.availability == "yes" and c.cost_usd_per_month <= most:
            found.setdefault((c.purchase.option, c.purchase.tier), c)
    return [c.purchase for c in list(found.values())[: len(COLOURS)]]


def crossings(loads: Any, costs: Any) -> tuple[list[float], list[float]]:
    """Return where the cheapest of several lines changes: (loads, costs), between the points straight lines.

    >>> crossings(np.array([0.0, 1.0, 2.0]), np.array([[0.0, 3.0], [4.0, 4.0], [8.0, 5.0]]))
    ([1.0], [4.0])
    """
    first = costs.argmin(axis=1)
    x, y = [], []
    for i in np.flatnonzero(first[1:] != first[:-1]).tolist():
        before, after = costs[i], costs[i + 1]
        a, b = int(first[i]), int(first[i + 1])
        gap, closes = before[b] - before[a], (before[b] - before[a]) - (after[b] - after[a])
        share = float(gap / closes) if closes else 0.0
        x.append(float(loads[i] + share * (loads[i + 1] - loads[i])))
        y.append(float(before[a] + share * (after[a] - before[a])))
    return x, y


def cash_flow_chart(plan: Plan) -> Chart:
    """Stack what is billed each month: committed, by the hour, by the token."""
    months = plan.finance.months
    parts = (
        ("Committed", BLUE, "", [m.committed_usd for m in months]),
        ("By the hour", ORANGE, "/", [m.hourly_usd for m in months]),
        ("By the token", GREEN, ".", [m.variable_usd for m in months]),
    )
    renews = [str(m.month) for m in months if m.renews]
    said = f" A commitment renews in month {', '.join(renews)}." if renews else ""
    return chart_of(
        plan,
        "Cash flow by month",
        f"Twelve months of {plan.finance.candidate} at the same demand.{said}",
        [
            {
                "type": "bar",
                "name": name,
                "x": [m.month for m in months],
                "y": rounded(values),
                "marker": {"color": colour, "pattern": {"shape": pattern}},
            }
            for name, colour, pattern, values in parts
            if any(values)
        ],
        {
            "xaxis": {"title": {"text": "Month"}, "dtick": 1},
            "yaxis": {"title": {"text": "Billed [USD/month]"}, "rangemode": "tozero"},
            "barmode": "stack",
            "height": 380,
        },
    )


def pareto_chart(plan: Costed, latency_s: Mapping[str, float] | None = None, metric: str = "ttft_p95") -> Chart:
    """Cost against latency of the candidates whose latency is known, with the SLO line.

    Parameters
    ----------
    latency_s
        Latency of candidates by name [s], measured or predicted; others are left out.
    metric
        What it is, by the SLO's words.
    """
    known = [c for c in shown_candidates(plan) if c.name in (latency_s or {})]
    title = "Cost against latency"
    if not latency_s or not known:
        said = "No latency of these ways of buying is measured or predicted here: nothing to draw."
        no_axes = {"visible": False}
        return chart_of(plan, title, said, [], {"height": 60, "xaxis": no_axes, "yaxis": no_axes})
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "markers+text",
            "name": "Candidates",
            "x": rounded([latency_s[c.name] for c in known]),
            "y": rounded([c.cost_usd_per_month for c in known]),
            "text": [c.name for c in known],
            "textposition": "top center",
            "marker": {"color": BLUE, "size": 10},
        }
    ]
    limit = plan.slo.get(metric)
    if limit is not None:
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"SLO {metric}",
                "x": [limit, limit],
                "y": rounded([0.0, max(c.cost_usd_per_month for c in known)]),
                "line": {"color": RED, "dash": "dash"},
            }
        )
    return chart_of(
        plan,
        title,
        f"Left and low is better; {len(shown_candidates(plan)) - len(known)} candidates have no known latency.",
        data,
        {
            "xaxis": {"title": {"text": f"{metric} [s]"}, "rangemode": "tozero"},
            "yaxis": {"title": {"text": "Cost [USD/month]"}, "rangemode": "tozero"},
            "hovermode": "closest",
            "height": 440,
        },
    )
