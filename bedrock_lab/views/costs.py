"""What each way of buying costs: the candidates worth showing, and their chart."""

from bedrock_lab.planning.candidates import Candidate
from bedrock_lab.planning.result import Plan
from bedrock_lab.views.charts import BLUE, GREEN, GREY, Chart, Costed, chart_of, rounded

MOST_BARS = 12
ALIKE = 0.02
"""Candidates of one option and term whose costs differ by less are shown once."""


def shown_candidates(plan: Costed) -> list[Candidate]:
    """Return the candidates worth showing: the cheapest of each way of buying first, then the next cheapest."""
    ordered = plan.by_cost()
    first: dict[tuple[str, str, str | None, str | None], Candidate] = {}
    for c in ordered:
        first.setdefault((c.purchase.option, c.purchase.tier, c.purchase.scope, c.purchase.term), c)
    chosen = list(first.values())
    for c in ordered:
        like = [s for s in chosen if (s.purchase.option, s.purchase.term) == (c.purchase.option, c.purchase.term)]
        if all(abs(c.cost_usd_per_month - s.cost_usd_per_month) > ALIKE * s.cost_usd_per_month for s in like):
            chosen.append(c)
    return sorted(chosen[:MOST_BARS], key=lambda c: c.cost_usd_per_month)


def candidates_chart(plan: Costed) -> Chart:
    """Monthly cost of candidates with their ranges, the cheapest on top."""
    shown = shown_candidates(plan)
    groups = (
        ("Recommended", GREEN, "", lambda c: plan.recommended is not None and c.name == plan.recommended.name),
        ("On sale", BLUE, "", lambda c: c.purchase.availability == "yes"),
        ("Not known to be on sale", GREY, "/", lambda _: True),
    )
    data = []
    left = list(shown)
    for name, colour, pattern, belongs in groups:
        mine = [c for c in left if belongs(c)]
        left = [c for c in left if c not in mine]
        if not mine:
            continue
        ends = [c.span for c in mine]
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": name,
                "y": [c.name for c in mine],
                "x": rounded([c.cost_usd_per_month for c in mine]),
                "marker": {"color": colour, "pattern": {"shape": pattern}},
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": rounded(
                        [max(0.0, high - c.cost_usd_per_month) for c, (_, high) in zip(mine, ends, strict=True)]
                    ),
                    "arrayminus": rounded(
                        [max(0.0, c.cost_usd_per_month - low) for c, (low, _) in zip(mine, ends, strict=True)]
                    ),
                    "color": GREY,
                    "thickness": 1.5,
                },
            }
        )
    return chart_of(
        plan,
        "Candidates by cost",
        "Bars are the cost at the central value of every assumption, whiskers the range and the sampling interval.",
        data,
        {
            "xaxis": {"title": {"text": "Cost [USD/month]"}, "rangemode": "tozero"},
            "yaxis": {
                "categoryorder": "array",
                "categoryarray": [c.name for c in reversed(shown)],
                "automargin": True,
            },
            "barmode": "overlay",
            "hovermode": "closest",
            "height": 140 + 34 * len(shown),
        },
    )


def savings_chart(plan: Plan) -> Chart:
    """From on demand as it stands to the plan, a bar a step, each beyond the steps before it."""
    steps = [(a.step, a.saves_usd_per_month) for a in plan.actions if a.saves_usd_per_month is not None]
    start = plan.baseline.cost_usd_per_month
    lefts, level = [], start
    for _, saved in steps:
        lefts.append(level - max(saved, 0.0))
        level -= saved
    names = ["On demand as it stands", *(step for step, _ in steps), "Plan"]
    groups = (
        ("Cost", GREY, [start, *([0.0] * len(steps)), level], [0.0] * len(names)),
        ("Saved", GREEN, [0.0, *(max(s, 0.0) for _, s in steps), 0.0], [0.0, *lefts, 0.0]),
        ("Dearer", BLUE, [0.0, *(max(-s, 0.0) for _, s in steps), 0.0], [0.0, *lefts, 0.0]),
    )
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "y": names,
            "x": rounded(lengths),
            "base": rounded(bases),
            "marker": {"color": colour},
        }
        for name, colour, lengths, bases in groups
        if any(lengths)
    ]
    return chart_of(
        plan,
        "What each step saves",
        "Each step saves what is left after the steps above it, in the order of the list of actions.",
        data,
        {
            "xaxis": {"title": {"text": "Cost [USD/month]"}, "rangemode": "tozero"},
            "yaxis": {"categoryorder": "array", "categoryarray": names[::-1], "automargin": True},
            "barmode": "overlay",
            "hovermode": "closest",
            "height": 160 + 40 * len(names),
        },
    )
