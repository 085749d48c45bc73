"""A sweep answers each scenario as the planner does, and keeps what came in."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import bedrock_lab as lab
from bedrock_lab.cli.main import app
from bedrock_lab.errors import InputError
from bedrock_lab.planning.costing import Costing
from bedrock_lab.planning.evaluating import market_at

MODEL = "us.anthropic.claude-sonnet-4-6"
PRICES = lab.prices("2026-11-22")
TRACE = lab.from_averages(requests_per_month=9_000, input_mean=900, output_mean=150, shape="office", seed=0)


def planned(price):
    """Plan with units of a price."""
    units = {"unit_input_tpm": 500.0, "unit_output_tpm": 100.0, "unit_price": price}
    return lab.plan(TRACE, PRICES, model=MODEL, deferrable=0.2, explain=False, **units)


PLANS = [planned(price) for price in ("1m=14,6m=10", "1m=0.05,6m=0.03", "none=0.06,1m=0.05")]


@settings(max_examples=12)
@given(
    plan=st.sampled_from(PLANS),
    growth=st.floats(0.3, 3),
    waits=st.sampled_from([0.0, 0.4, 1.0]),
    price=st.floats(0.3, 3),
)
def test_each_scenario_is_the_planners_own_answer(plan, growth, waits, price):
    """Choice and cost are those of the market's own choice; regret is what the plan's purchase costs more."""
    values = {"growth": growth, "deferrable": waits, "unit_price_factor": price}
    row = lab.sweep(plan, {name: [value] for name, value in values.items()}).rows[0]
    market = market_at(plan, values)
    best = market.choose(market.scenario)
    mine = plan.recommended.purchase
    costing = Costing(market.demand, market.scenario)
    cost = float(costing.monthly([best])[0])
    assert row["way"] == best.way
    assert row["cost_usd_per_month"] == pytest.approx(cost)
    fixed = mine.fixed_usd_per_month * (price if mine.has_units else 1)
    held = fixed + float(costing.variable([mine])[0]) * market.demand.per_month
    assert row["regret_usd_per_month"] == pytest.approx(held - cost, abs=1e-6)


def test_every_combination_is_a_row():
    """Two by three values are six scenarios, and the grid's values are in them."""
    found = lab.sweep(PLANS[0], {"growth": [1, 2], "cache_reads_counted": [0, 0.5, 1]})
    assert len(found.to_frame()) == found.asked == 6
    assert {(r["growth"], r["cache_reads_counted"]) for r in found.rows} == {
        (g, c) for g in (1, 2) for c in (0, 0.5, 1)
    }


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ({"growht": [1]}, "growht: cannot be varied; allowed: growth"),
        ({"growth": [-1]}, "growth -1: allowed is 0 or more"),
        ({"deferrable": [0, 2]}, "share from 0 to 1"),
        ({"growth": range(100_001)}, "allowed are 100,000"),
        ({}, "names no values"),
        ({"growth": [float("nan")]}, "finite"),
    ],
)
def test_a_wrong_grid_is_one_line(grid, words):
    """Names and values are refused before anything is computed."""
    with pytest.raises(InputError, match=words):
        lab.sweep(PLANS[0], grid)


@pytest.fixture
def file(tmp_path):
    """Write the trace."""
    TRACE.write(tmp_path / "t.parquet")
    return str(tmp_path / "t.parquet")


def test_the_command_writes_a_table(file, tmp_path):
    """A row a scenario, and one JSON object that counts them."""
    import pandas as pd

    out = str(tmp_path / "s.parquet")
    asked = ["sweep", file, "--model", MODEL, "--date", "2026-11-22", "--json", "--out", out]
    done = CliRunner().invoke(app, [*asked, "--vary", "growth=0.5..2:3", "--vary", "deferrable=0..0.5:2"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["done"] == len(pd.read_parquet(out)) == 6
