"""Charts of a plan say what they draw, with a unit on every axis, and say so where there is nothing to draw."""

import numpy as np
import pytest

import bedrock_lab as lab
from bedrock_lab.views import screening

PRICES = lab.prices("2026-11-22")
MODEL = "us.anthropic.claude-sonnet-4-6"
UNITS = {"unit_input_tpm": 900.0, "unit_output_tpm": 150.0, "unit_price": "1m=0.09,6m=0.05"}


@pytest.fixture(scope="module")
def plan():
    """Plan two office weeks with units that pay."""
    trace = lab.from_averages(requests_per_month=20_000, input_mean=900, output_mean=150, shape="office", seed=0)
    return lab.plan(trace, PRICES, model=MODEL, deferrable=0.2, **UNITS)


NAMES = ("screening", "regret", "tornado", "cash_flow", "backtest", "flips")


@pytest.mark.parametrize("name", NAMES)
def test_every_axis_of_numbers_has_a_title(plan, name):
    """Charts with data title the axis that carries their numbers, and end their reading with a stop."""
    chart = getattr(lab.views, f"{name}_chart")(plan)
    assert chart.figure["data"]
    assert chart.reading.endswith(".")
    numbers = "xaxis" if chart.figure["data"][0].get("orientation") == "h" else "yaxis"
    assert "[" in chart.figure["layout"][numbers]["title"]["text"]


def test_screening_lines_cross_where_their_costs_are_equal(plan):
    """At a load drawn as break-even the two cheapest lines of neighbouring points cost the same, within a step."""
    x, y = screening.crossings(np.array([0.0, 1.0, 2.0]), np.array([[0.0, 3.0], [4.0, 4.0], [8.0, 5.0]]))
    assert (x, y) == ([1.0], [4.0])
    chart = screening.screening_chart(plan)
    at_today = {line["name"]: dict(zip(line["x"], line["y"], strict=True)).get(100.0) for line in chart.figure["data"]}
    best = plan.recommended
    assert at_today[best.name] == pytest.approx(best.cost_usd_per_month, rel=1e-4)


def test_cash_flow_adds_up_to_the_plan(plan):
    """The stacked bars of a month are the plan's cost."""
    data = lab.views.cash_flow_chart(plan).figure["data"]
    assert sum(bars["y"][0] for bars in data) == pytest.approx(plan.recommended.cost_usd_per_month, rel=1e-4)


def test_latency_that_nobody_measured_is_not_drawn(plan):
    """Without latencies the chart says so; with one it draws that candidate alone."""
    assert "No latency" in lab.views.pareto_chart(plan).reading
    chart = lab.views.pareto_chart(plan, {plan.recommended.name: 1.2})
    assert chart.figure["data"][0]["x"] == [1.2]


def test_a_short_trace_has_no_regret():
    """An hour cannot be resampled: regret is said to be unknown, and nothing is drawn."""
    trace = lab.from_averages(requests_per_month=400_000, input_mean=900, output_mean=150, seed=0)
    short = lab.plan(trace, PRICES, model=MODEL, period_s=3600, explain=False)
    if short.candidates[0].regret_usd_per_month is None:
        assert "not known" in lab.views.regret_chart(short).reading
    assert "Too few" in lab.views.backtest_chart(short).reading
    assert lab.views.flips_chart(short).figure["data"] == []
