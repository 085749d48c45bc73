"""The charts of the panel, by tab: each drawn of a state alone, so that it shows with and without widgets."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bedrock_lab.planning.demand import HOURS_PER_WEEK
from bedrock_lab.views.charts import BLUE, ORANGE, RED, Chart, chart_of, load_duration_chart
from bedrock_lab.views.risks import tornado_chart
from bedrock_lab.views.screening import pareto_chart, screening_chart
from bedrock_lab.views.whatif.state import State

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SCALE = [[0.0, "#F4F6F8"], [0.25, "#56B4E9"], [0.6, BLUE], [0.85, ORANGE], [1.0, RED]]


def heatmap_chart(state: State) -> Chart:
    """Draw what an hour of the week is worth on demand, by hour and weekday."""
    demand, now = state.demand, state.scenario
    hours = demand.hour_of_week
    factor = now.volume * now.price * now.shape.mean * 3600.0 / demand.window_s
    sums = np.bincount(hours, weights=demand.on_demand_usd * factor, minlength=HOURS_PER_WEEK)
    counts = np.bincount(hours, minlength=HOURS_PER_WEEK)
    mean = np.divide(sums, counts, out=np.full(HOURS_PER_WEEK, np.nan), where=counts > 0)
    cells = [[None if np.isnan(v) else float(f"{v:.4g}") for v in row] for row in mean.reshape(7, 24).tolist()]
    dated = demand.start_hour is not None
    days = DAYS if dated else tuple(f"day {n}" for n in range(1, 8))
    seen = int((counts > 0).sum())
    unseen = "" if seen == HOURS_PER_WEEK else f" The trace shows {seen} of 168 hours; the others are empty."
    return chart_of(
        state,
        "When the money is spent",
        f"What the mean minute of each hour of the week would cost on demand, by the hour.{unseen}",
        [
            {
                "type": "heatmap",
                "x": list(range(24)),
                "y": list(days),
                "z": cells,
                "zmin": 0,
                "colorscale": SCALE,
                "colorbar": {"title": {"text": "USD/h"}},
                "hovertemplate": "%{y} %{x}:00, %{z} USD/h<extra></extra>",
                "name": "on demand",
            }
        ],
        {
            "xaxis": {
                "title": {"text": "Hour of the day [UTC]" if dated else "Hour from the first request"},
                "dtick": 3,
            },
            "yaxis": {"autorange": "reversed"},
            "hovermode": "closest",
            "height": 360,
        },
    )


def cost_chart(state: State) -> Chart:
    """Draw cost against load, with the units kept in view."""
    return screening_chart(state, state.held)


Draw = Callable[[State], Chart]


def tabs_of(latency_s: Mapping[str, float] | None) -> dict[str, tuple[str, Draw]]:
    """Return the tabs: name -> (label, how it is drawn)."""

    def pareto(state: State) -> Chart:
        return pareto_chart(state, latency_s)

    return {
        "cost": ("Cost against load", cost_chart),
        "duration": ("Load-duration", load_duration_chart),
        "pareto": ("Pareto", pareto),
        "tornado": ("Tornado", tornado_chart),
        "heatmap": ("Heatmap", heatmap_chart),
    }


def bare(chart: Chart) -> dict[str, Any]:
    """Return a figure without its title and ground, to stand under a heading on any ground."""
    layout = {k: v for k, v in chart.figure["layout"].items() if k != "title"}
    clear = "rgba(0,0,0,0)"
    margin = {"l": 70, "r": 20, "t": 40, "b": 60}
    layout = {"margin": margin} | layout | {"paper_bgcolor": clear, "plot_bgcolor": clear, "autosize": True}
    return {"data": chart.figure["data"], "layout": layout, "config": {"displaylogo": False, "responsive": True}}
