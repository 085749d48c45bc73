"""What a plan assumes of prices, caches and latencies, and what it is chosen by."""

import dataclasses

import numpy as np
import pytest

import bedrock_lab as lab
from bedrock_lab.assumptions import Origin
from bedrock_lab.catalogue import prices
from bedrock_lab.errors import InputError
from bedrock_lab.planning.decide import decide
from bedrock_lab.planning.planner import plan
from bedrock_lab.planning.slo import trace_meets
from bedrock_lab.traffic import make_trace

P = prices("2026-11-22")
SONNET = {"model": "us.anthropic.claude-sonnet-4-6"}
UNITS = {"unit_input_tpm": 20_000, "unit_output_tpm": 1e9, "unit_price": "none=3,1m=2"}


def hours(seed=0, days=14, **more):
    """Make sums of every hour of two weeks, one busy day in three."""
    rng = np.random.default_rng(seed)
    busy = np.repeat(rng.random(days) < 0.35, 24)
    inputs = np.round(np.where(busy, 6e6, 1e6) * rng.uniform(0.8, 1.2, days * 24))
    return make_trace(
        {"time_s": np.arange(days * 24) * 3_600.0, "requests": np.full(days * 24, 10), "input_tokens": inputs,
         "output_tokens": np.full(days * 24, 1_000)} | more,
        origin=Origin.LOG, source="hourly sums", format="test", kind="windows", window_s=3_600.0,
    )  # fmt: skip


def test_a_risk_is_chosen_by_the_dearest_tenth():
    """The candidate with the least CVaR wins under cvar90, the one with the least mean otherwise."""
    found = plan(hours(), P, **SONNET, **UNITS, option="on-demand,provisioned", explain=False, risk="cvar90")
    pool = [c for c in found.candidates if c.purchase.availability == "yes"]
    least = min(c.cvar90_usd_per_month for c in pool)
    assert found.recommended.cvar90_usd_per_month == pytest.approx(least)
    assert any("dearest tenth" in w for w in found.warnings)
    mean = decide(list(found.candidates), short=False)
    assert mean.candidate.cost_usd_per_month == min(c.cost_usd_per_month for c in pool)


def test_a_risk_can_change_the_choice():
    """Of two candidates, the one cheaper on average has the dearer tenth."""
    found = plan(hours(), P, **SONNET, option="on-demand", explain=False)
    one = found.candidates[0]
    safe = dataclasses.replace(one, cost_usd_per_month=100.0, cvar90_usd_per_month=110.0)
    bold = dataclasses.replace(one, cost_usd_per_month=90.0, cvar90_usd_per_month=150.0)
    assert decide([safe, bold], short=False).candidate is bold
    assert decide([safe, bold], short=False, risk="cvar90").candidate is safe


def test_a_response_cache_takes_cost_and_load_off():
    """A fifth of requests answered: four fifths of every cost by the token, and units as for four fifths of demand."""
    trace = hours()
    asked = {**SONNET, **UNITS, "option": "on-demand,provisioned", "explain": False}
    whole, less = (plan(trace, P, **asked, assume=a) for a in ({"growth": 0.8}, {"response_cache_share": 0.2}))
    assert less.baseline.cost_usd_per_month == pytest.approx(whole.baseline.cost_usd_per_month)
    assert less.recommended.cost_usd_per_month == pytest.approx(whole.recommended.cost_usd_per_month)
    ranged = plan(trace, P, **asked, assume={"response_cache_share": "0.1..0.3"})
    full = plan(trace, P, **asked).baseline.cost_usd_per_month
    assert ranged.baseline.range == pytest.approx((0.7 * full, 0.9 * full))
    assert any("response cache" in w for w in ranged.warnings)


def test_a_price_and_its_range():
    """Token prices 10 % below to 10 % above the list's move on-demand by as much."""
    found = plan(hours(), P, **SONNET, option="on-demand", explain=False, assume={"token_price": "0.9..1.1"})
    cost = found.baseline.cost_usd_per_month
    assert found.baseline.range == pytest.approx((0.9 * cost, 1.1 * cost))


def test_a_latency_error_turns_a_narrow_pass_into_no_evidence():
    """Latencies of 0.95 s meet 1 s; where they may be off by a tenth they neither meet nor miss it."""
    n = 2_000
    trace = make_trace(
        {"time_s": np.arange(n) * 1.0, "input_tokens": np.full(n, 100), "output_tokens": np.full(n, 10),
         "ttft_s": np.random.default_rng(0).uniform(0.94, 0.96, n)},
        origin=Origin.LOG, source="rows of a test", format="test",
    )  # fmt: skip
    assert trace_meets(trace, {"ttft_p95": 1.0}) is True
    assert trace_meets(trace, {"ttft_p95": 1.0}, error=0.1) is None
    assert trace_meets(trace, {"ttft_p95": 0.8}, error=0.1) is False
    assert trace_meets(trace, {"ttft_p95": 0.9}, error=0.1) is None


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"risk": "worst"}, "allowed is mean or cvar90"),
        ({"assume": {"response_cache_share": 1.2}}, "allowed is a share from 0 to 1"),
        ({"assume": {"token_price": 0}}, "allowed is more than 0"),
        ({"assume": {"latency_error": -0.1}}, "allowed is 0 or more"),
    ],
)
def test_what_cannot_be_is_refused(asked, says):
    """One line: the value and what is allowed."""
    with pytest.raises(InputError, match=says):
        plan(hours(), P, **SONNET, explain=False, **asked)


def test_a_plan_chosen_by_its_dearest_tenth_is_not_swept_by_the_mean():
    """Evaluate and sweep resample nothing: they say so instead of choosing otherwise."""
    chosen = plan(hours(), P, **SONNET, explain=False, risk="cvar90")
    for again in (lambda: lab.evaluate(chosen, growth=1.1), lambda: lab.sweep(chosen, {"growth": [1.0, 1.1]})):
        with pytest.raises(InputError, match="needs resamples"):
            again()
