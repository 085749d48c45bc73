"""How sure a choice is: regret by candidate, what moves the cost, what turns the choice, and the past judged."""

from bedrock_lab.planning.result import Plan
from bedrock_lab.views.charts import BLUE, GREEN, GREY, ORANGE, RED, Chart, Costed, chart_of, rounded
from bedrock_lab.views.costs import shown_candidates


def regret_chart(plan: Plan) -> Chart:
    """Mean regret of each candidate over the resamples, beside how often it is the cheapest."""
    known = [c for c in shown_candidates(plan) if c.regret_usd_per_month is not None]
    title = "Regret by candidate"
    if not known:
        return chart_of(plan, title, "The trace is too short to resample: regret is not known.", [], {"height": 160})
    most = max(plan.baseline.cost_usd_per_month, known[0].regret_usd_per_month or 0.0)
    far = [c for c in known if (c.regret_usd_per_month or 0.0) > most]
    known = [c for c in known if c not in far]
    apart = f" Left out, with a regret above the whole cost on demand: {len(far)}." if far else ""
    known.sort(key=lambda c: c.regret_usd_per_month or 0.0)
    mine = plan.recommended.name if plan.recommended else None
    return chart_of(
        plan,
        title,
        "How much dearer than the cheapest a choice is on average over the resamples; "
        f"the figure at the bar is the share in which it is the cheapest.{apart}",
        [
            {
                "type": "bar",
                "orientation": "h",
                "name": "Mean regret",
                "y": [c.name for c in known],
                "x": rounded([c.regret_usd_per_month for c in known]),
                "text": [f"{c.cheapest_share or 0.0:.0%}" for c in known],
                "textposition": "auto",
                "marker": {"color": [GREEN if c.name == mine else BLUE for c in known]},
            }
        ],
        {
            "xaxis": {"title": {"text": "Mean regret [USD/month]"}, "rangemode": "tozero"},
            "yaxis": {"automargin": True, "categoryorder": "array", "categoryarray": [c.name for c in known][::-1]},
            "hovermode": "closest",
            "height": 150 + 34 * len(known),
        },
    )


def tornado_chart(plan: Costed) -> Chart:
    """Cost of the plan at the two ends of each assumption, the longest bar on top."""
    bars = plan.tornado
    title = "What moves the cost"
    if not bars:
        return chart_of(plan, title, "No assumption that moves the cost has a range.", [], {"height": 160})
    chosen = plan.recommended or plan.baseline
    centre = chosen.cost_usd_per_month
    data = []
    for end, colour, pattern, name in ((0, BLUE, "", "At the low end"), (1, ORANGE, "/", "At the high end")):
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": name,
                "y": [b.assumption for b in bars],
                "x": rounded([b.usd_per_month[end] - centre for b in bars]),
                "base": rounded([centre] * len(bars)),
                "text": [f"{b.ends[end]:.4g}" for b in bars],
                "marker": {"color": colour, "pattern": {"shape": pattern}},
            }
        )
    return chart_of(
        plan,
        title,
        "Each assumption is put at the two ends of its range, the others as they are; the ends stand at the bars.",
        data,
        {
            "xaxis": {"title": {"text": "Cost of the plan [USD/month]"}},
            "yaxis": {
                "automargin": True,
                "categoryorder": "array",
                "categoryarray": [b.assumption for b in bars][::-1],
            },
            "barmode": "overlay",
            "hovermode": "closest",
            "height": 260 + 40 * len(bars),
        },
    )


def backtest_chart(plan: Plan) -> Chart:
    """Cost of the choices made on the past, beside hindsight and staying on demand, for each part judged."""
    folds = plan.backtest.folds if plan.backtest else ()
    title = "Chosen on the past, judged on what came"
    if not folds:
        return chart_of(plan, title, "Too few windows to choose on one part and judge on another.", [], {"height": 160})
    days = [f"day {f.chosen_on_s / 86_400:.3g} to {(f.chosen_on_s + f.judged_s) / 86_400:.3g}" for f in folds]
    sides = (
        ("On demand", GREY, ".", [f.on_demand_usd for f in folds]),
        ("Chosen on the past", BLUE, "", [f.usd for f in folds]),
        ("Best in hindsight", GREEN, "/", [f.foresight_usd for f in folds]),
    )
    return chart_of(
        plan,
        title,
        "Where the middle bar is close to the right one, the past was a good guide.",
        [
            {
                "type": "bar",
                "name": name,
                "x": days,
                "y": rounded(values),
                "marker": {"color": colour, "pattern": {"shape": pattern}},
            }
            for name, colour, pattern, values in sides
        ],
        {
            "xaxis": {"title": {"text": "Part judged"}},
            "yaxis": {"title": {"text": "Cost of the part [USD]"}, "rangemode": "tozero"},
            "barmode": "group",
            "height": 400,
        },
    )


def flips_chart(plan: Plan) -> Chart:
    """How far each quantity is from turning the choice, against today's value."""
    flips = sorted(plan.flips, key=lambda f: f.distance)[:12]
    title = "What would turn the choice"
    if not flips:
        return chart_of(plan, title, "Nothing that was moved turns it.", [], {"height": 160})
    names = [f"{f.assumption} to {f.value:.3g}: {f.becomes}" for f in flips]
    return chart_of(
        plan,
        title,
        "The shorter the bar, the less it takes; what wins beyond stands beside the name.",
        [
            {
                "type": "bar",
                "orientation": "h",
                "name": "Distance",
                "y": names,
                "x": rounded([100 * f.distance for f in flips]),
                "marker": {"color": [RED if f.in_range else BLUE for f in flips]},
            }
        ],
        {
            "xaxis": {
                "title": {"text": "Change needed [% of today's value]"},
                "rangemode": "tozero",
            },
            "yaxis": {"automargin": True, "categoryorder": "array", "categoryarray": names[::-1]},
            "hovermode": "closest",
            "height": 150 + 34 * len(flips),
        },
    )
