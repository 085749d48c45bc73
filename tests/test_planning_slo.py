"""An SLO held by simulation: what is recommended keeps it, what binds is named, the nearest within reach is."""

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_lab.catalogue.pricelist import prices
from bedrock_lab.errors import InputError
from bedrock_lab.planning.checking import simulate
from bedrock_lab.planning.planner import plan
from bedrock_lab.planning.predicted import Predicted
from bedrock_lab.planning.stretch import busiest
from bedrock_lab.predict.sim_measures import could_not_wait, points_of_all
from bedrock_lab.traffic import make_trace

P = prices("2026-11-22")
PRO = "amazon.nova-pro"
UNITS = {"unit_input_tpm": 15_000, "unit_output_tpm": 6_000, "unit_price": "1m=5,6m=4"}


def traffic(times_s, inputs=500.0, outputs=100.0, origin="log"):
    """Make a trace of equal requests."""
    count = len(times_s)
    columns = {"time_s": times_s, "input_tokens": np.full(count, inputs), "output_tokens": np.full(count, outputs)}
    return make_trace(columns, origin=origin, source="a log", format="table")


EACH_SECOND = traffic(np.arange(900.0))


@dataclasses.dataclass(frozen=True)
class Fixed:
    """A service that takes as long for each first token, and as long for each further one [s]."""

    ttft_s: float
    tpot_s: float
    by_concurrency = False

    def draw(self, rng, input_tokens, output_tokens, concurrency):  # noqa: ARG002 - the protocol's arguments
        """Return both times."""
        ttft = np.full(len(input_tokens), self.ttft_s)
        return ttft, ttft + (output_tokens - 1) * self.tpot_s


FAST = Fixed(0.5, 0.01)  # 0.5 s to the first token, 0.5 + 99 x 0.01 = 1.49 s in all


def planned(trace=EACH_SECOND, **asked):
    """Plan a trace taken at its word."""
    return plan(trace, P, **({"model": PRO, "shape": "flat", "latency": FAST, "explain": False} | asked))


def test_a_loose_slo_changes_nothing():
    """Where everything holds, the plan is that without an SLO, and every claim is a met one."""
    loose = planned(slo="e2e_p95=30", **UNITS)
    free = planned(latency=None, **UNITS)
    assert (loose.decision, loose.recommended.name) == (free.decision, free.recommended.name)
    assert [(c.name, c.cost_usd_per_month, c.range) for c in loose.candidates] == [
        (c.name, c.cost_usd_per_month, c.range) for c in free.candidates
    ]
    assert loose.recommended.slo_met is True
    assert loose.headroom.tightened == ()


def test_the_quota_of_requests_binds():
    """One request a second under 30 a minute: half of them find the bucket empty, and no limit of seconds mends it."""
    found = planned(option="on-demand", slo="e2e_p95=2", rpm=30)
    assert (found.decision, found.recommended) == ("infeasible", None)
    assert found.headroom.binding.constraint == "rpm"
    assert "30 requests/min" in found.answer
    assert planned(option="on-demand", slo="e2e_p95=2", rpm=60).recommended.slo_met is True


def test_the_quota_of_tokens_binds():
    """600 tokens a second under 18,000 a minute, and requests enough: the tokens bind, not the requests."""
    asked = {"option": "on-demand", "slo": "e2e_p95=2", "max_tokens": 100, "rpm": 600}
    found = planned(tpm=18_000, **asked)
    assert (found.decision, found.headroom.binding.constraint) == ("infeasible", "tpm")
    assert "requests/min" not in found.headroom.binding.words
    assert planned(tpm=40_000, **asked).decision == "recommend"


def test_two_quotas_bind_together():
    """Where lifting either alone leaves the other short, both are named."""
    found = planned(option="on-demand", slo="e2e_p95=2", max_tokens=100, rpm=30, tpm=18_000)
    assert found.headroom.binding.constraint == "rpm and tpm"


@pytest.mark.parametrize(
    ("law", "slo", "constraint", "nearest"),
    [
        (Fixed(2.0, 0.01), "ttft_p95=1.5", "service ttft", {"ttft_p95": 2.0}),
        (Fixed(2.0, 0.01), "e2e_p95=1.5", "service ttft", {"e2e_p95": 2.99}),
        (Fixed(0.5, 0.05), "e2e_p95=2", "service tpot", {"e2e_p95": 5.45}),  # 0.5 + 99 x 0.05
        (Fixed(0.5, 0.05), "e2e_p95=2,ttft_p99=0.7", "service tpot", {"e2e_p95": 5.45, "ttft_p99": 0.7}),
    ],
)
def test_the_service_itself_binds(law, slo, constraint, nearest):
    """A service that answers slower than the limit is out of reach at any size; what it can do is the nearest SLO."""
    found = planned(latency=law, slo=slo, option="on-demand,provisioned", **UNITS)
    assert (found.decision, found.headroom.binding.constraint) == ("infeasible", constraint)
    assert found.headroom.nearest.slo == pytest.approx(nearest)
    assert "nearest within reach" in found.answer


def test_the_quota_of_units_binds():
    """30,000 tokens a minute of input need two units of 15,000 where on demand takes none; one is not enough."""
    asked = {"option": "provisioned", "slo": "e2e_p95=2", "rpm": 1, **UNITS}
    found = planned(max_units=1, **asked)
    assert (found.decision, found.headroom.binding.constraint) == ("infeasible", "units")
    assert "2 would hold" in found.headroom.binding.words
    assert {c.purchase.units for c in found.candidates} == {1}
    assert planned(max_units=2, **asked).recommended.purchase.units == 2


def test_too_small_a_base_is_made_larger():
    """One unit is cheapest by its price but overflows into a quota of one a minute: two are bought, of every term."""
    cheap = planned(latency=None, option="on-demand,provisioned", **UNITS)
    assert cheap.recommended.purchase.units is None
    found = planned(option="on-demand,provisioned", slo="e2e_p95=2", rpm=1, **UNITS)
    assert (found.recommended.purchase.units, found.recommended.slo_met) == (2, True)
    assert {c.slo_met for c in found.candidates if (c.purchase.units or 0) < 2} == {False}
    assert any("does not hold the SLO" in w for w in found.warnings)


def test_reserved_tokens_are_made_larger():
    """The least Reserved purchase does not carry what a small quota leaves; a larger one of the same term does."""
    times = np.sort(np.random.default_rng(0).uniform(0, 900, 3_000))
    found = planned(
        traffic(times, 2_000.0, 300.0), model="us.anthropic.claude-sonnet-4-6", latency=FAST,
        option="on-demand,reserved", slo="e2e_p95=5", rpm=20,
    )  # fmt: skip
    assert found.recommended.purchase.option == "reserved"
    assert found.recommended.slo_met is True
    needed = 3_000 / 15 * 2_000
    assert 1000 * found.recommended.purchase.reserved_input_ktpm == pytest.approx(needed, rel=0.2)


def claims(found):
    """Return the predictions of a plan by candidate."""
    return {c.name: c.predicted for c in found.candidates if c.predicted is not None}


def test_the_simulation_of_a_plan_is_its_claim():
    """``simulate`` on the plan's JSON, with its law and seed and nothing else, gives every claim to the last digit."""
    times = np.sort(np.random.default_rng(1).uniform(0, 600, 1_500))
    trace = traffic(times)
    law = "lognormal=0.8,0.6"
    found = planned(trace, latency=law, slo="e2e_p95=4", tpm=50_000, rpm=60, max_tokens=200, seed=3, **UNITS)
    saved = json.loads(json.dumps(found.to_dict()))
    assert found.headroom.stretch.whole
    for name, claim in claims(found).items():
        played = simulate(trace, P, plan=saved, candidate=name, service=law, seed=3)
        (term,) = played.slo
        value, lo, hi = (None if v is None or math.isinf(v) else v for v in claim.percentiles["e2e_p95"])
        assert (term.value_s, term.lo_s, term.hi_s) == (value, lo, hi)
        assert term.met == claim.met({"e2e_p95": 4.0})
    again = planned(trace, latency=law, slo="e2e_p95=4", tpm=50_000, rpm=60, max_tokens=200, seed=3, **UNITS)
    assert again.to_dict() == found.to_dict()


def test_what_is_recommended_keeps_the_slo_within_its_interval():
    """The upper end of the simulated percentile's interval is within the limit."""
    times = np.sort(np.random.default_rng(1).uniform(0, 600, 1_500))
    found = planned(traffic(times), latency="lognormal=0.8,0.6", slo="e2e_p95=4", rpm=60, **UNITS)
    value, _, hi = found.recommended.predicted.percentiles["e2e_p95"]
    assert value <= hi <= 4.0


@settings(max_examples=12, deadline=None)
@given(
    limits=st.tuples(st.floats(0.3, 6.0), st.floats(0.3, 6.0)),
    rpm=st.sampled_from([20, 60, 100, 200]),
    seed=st.integers(0, 5),
)
def test_a_tighter_slo_is_never_cheaper(limits, rpm, seed):
    """Of two limits the looser one costs no more, and is within reach where the tighter one is."""
    times = np.sort(np.random.default_rng(seed).uniform(0, 600, 1_200))
    tight, loose = (
        planned(traffic(times), latency="lognormal=0.8,0.6", slo={"e2e_p95": limit}, rpm=rpm, seed=seed, **UNITS)
        for limit in sorted(limits)
    )
    if tight.recommended is not None:
        assert loose.recommended.cost_usd_per_month <= tight.recommended.cost_usd_per_month * (1 + 1e-12)


@pytest.mark.parametrize(
    "asked", [{"slo": "e2e_p95=1", "option": "on-demand"}, {"slo": "e2e_p95=4", "rpm": 60, "option": "on-demand"}]
)
def test_the_nearest_slo_is_within_reach(asked):
    """Asked for the nearest SLO, the planner recommends the candidate named, at the cost named."""
    times = np.sort(np.random.default_rng(2).uniform(0, 600, 1_000))
    law = "lognormal=0.8,0.6"
    near = planned(traffic(times), latency=law, **asked).headroom.nearest
    found = planned(traffic(times), latency=law, **(asked | {"slo": dict(near.slo)}))
    assert (found.recommended.name, found.recommended.slo_met) == (near.candidate, True)
    assert found.recommended.cost_usd_per_month == near.usd_per_month


def test_invented_latencies_decide_nothing():
    """A fit of emulated timings predicts, but no SLO is met or missed by it; refusals of a quota are missed still."""

    class Emulated(Fixed):
        """A law of emulated origin."""

        origin = "emulated"

    found = planned(latency=Emulated(9.0, 0.1), slo="ttft_p95=1", option="on-demand")
    assert (found.decision, found.recommended.slo_met) == ("recommend", None)
    assert found.recommended.predicted.percentiles["ttft_p95"][0] == pytest.approx(9.0)
    assert planned(latency=Emulated(0.1, 0.1), slo="ttft_p95=1", option="on-demand", rpm=30).decision == "infeasible"


def test_published_figures_stand_in_and_say_so():
    """Without a fit the published medians are drawn from, carried as assumptions, and decide nothing."""
    found = planned(model="amazon.nova-micro", latency=None, slo="ttft_p50=1", option="on-demand")
    assert found.recommended.predicted.percentiles["ttft_p50"][0] == pytest.approx(0.25, rel=0.1)
    assert found.recommended.slo_met is None
    assert found.headroom.evidence["kind"] == "published"
    held = {a.name: a for a in found.assumptions}
    assert held["published_ttft_p50 amazon.nova-micro standard"].spread


def test_the_busiest_stretch_of_a_long_trace():
    """A burst of a thousand in the middle of a quiet day is what is played, with its place and its number."""
    quiet = np.arange(0.0, 86_400.0, 60.0)
    burst = 40_000 + np.arange(1_000) * 0.5
    part, place = busiest(traffic(np.sort(np.concatenate([quiet, burst]))), most=1_000, least_s=300.0)
    assert (place.requests, place.of_requests, place.whole) == (len(part), 2_440, False)
    assert 39_900 <= place.begin_s <= 40_000
    assert 40_480 <= place.end_s <= 40_560
    whole, all_of_it = busiest(EACH_SECOND)
    assert (len(whole), all_of_it.whole) == (900, True)


def test_requests_nobody_serves_are_endless():
    """Of 20 requests of which 5 are refused the 15th smallest is the last finite one: p50 is, p90 is endless."""
    points = points_of_all(np.arange(1.0, 16.0), 15, 5)
    assert (points["p50"], points["p90"], points["p95"]) == (10.0, math.inf, math.inf)
    played = simulate(traffic(np.zeros(20)), rpm=15, max_attempts=1, service="constant=1", slo="e2e_p50=2,e2e_p90=2")
    assert could_not_wait(played.runs.first, played.runs.work) == (15, 5)
    assert [term.value_s for term in played.slo] == [1.0, None]
    assert played.slo[1].met is not True


def test_a_prediction_is_met_only_where_every_limit_is():
    """One limit that is open leaves it open, one that is missed misses it."""
    made = Predicted(
        percentiles={"ttft_p95": (1.0, 0.9, 1.1), "e2e_p95": (5.0, 4.0, 6.0)}, unserved_share=0.0, decides=True
    )
    assert made.met({"ttft_p95": 1.1, "e2e_p95": 6.0}) is True
    assert made.met({"ttft_p95": 1.1, "e2e_p95": 5.0}) is None
    assert made.met({"ttft_p95": 0.8, "e2e_p95": 5.0}) is False


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"rpm": 30, "latency": None}, "rpm 30 counts for nothing without an SLO"),
        ({"rpm": 0, "slo": "e2e_p95=1"}, "rpm 0: allowed is a number above 0"),
        ({"max_tokens": 10, "slo": "e2e_p95=1"}, "max_tokens 10 counts for nothing without a quota of tokens"),
        ({"max_units": 0}, "max_units 0: allowed is a whole number"),
        ({"latency": 3}, "latency int: allowed is a fit"),
        ({"latency": None, "latency_group": "a", "slo": "e2e_p95=1"}, "latency_group a: names a group of a fit"),
        ({"latency": "normal=1", "slo": "e2e_p95=1"}, "service 'normal=1'"),
    ],
)
def test_refused(asked, message):
    """What is wrong, its value, what is allowed."""
    with pytest.raises(InputError, match=message):
        planned(**asked)
