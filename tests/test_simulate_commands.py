"""``simulate`` from the command line and `lab.simulate`: plans checked at seconds, and every mistake one line."""

import json
from pathlib import Path

import numpy as np
import pytest

import bedrock_lab as lab
from bedrock_lab.cli.main import run
from bedrock_lab.errors import InputError
from bedrock_lab.planning.checking_plan import NEEDED
from bedrock_lab.traffic.trace import make_trace

PRICES = lab.prices("2026-11-22")
PRO = "amazon.nova-pro"
DATE = ("--date", "2026-11-22")
UNITS = ("--unit-input-tpm", "6000", "--unit-output-tpm", "3000", "--unit-price", "none=9,1m=4", "--shape", "flat")


def make(count=1200, origin="log", **columns):
    """Make a request a second, of 100 tokens in and 50 out unless stated."""
    held = {"time_s": np.arange(count) * 1.0, "input_tokens": np.full(count, 100), "output_tokens": np.full(count, 50)}
    return make_trace(held | columns, origin=origin, source="a request a second", format="example")


def timed(count=1200, **more):
    """Make the same with timings: lognormal, median 2 s to the end and a quarter of it to the first token."""
    e2e = np.random.default_rng(0).lognormal(np.log(2), 0.3, count)
    return make(count, ttft_s=e2e / 4, e2e_s=e2e, **more)


@pytest.fixture
def file(tmp_path):
    return str(make().write(tmp_path / "trace.parquet"))


@pytest.fixture
def call(capsys):
    """Return a caller of the command line: exit code, what it printed, what it said on stderr."""

    def run_it(*arguments):
        code = run(arguments)
        out, said = capsys.readouterr()
        return code, out, said

    return run_it


@pytest.fixture
def plan(file, tmp_path, call):
    """Plan the trace with units to be bought, and return the file of what it printed."""
    code, out, _ = call("plan", file, "--model", PRO, *UNITS, *DATE, "--json")
    assert code == 0
    path = tmp_path / "plan.json"
    path.write_text(out, encoding="utf-8")
    return str(path)


def test_the_answer_has_the_words_of_the_contract(file, call):
    code, out, said = call("simulate", file, "--model", PRO, *DATE, "--json")
    found = json.loads(out)
    assert code == 0
    words = "requests throttled_share overflow_share utilisation cost_usd ttft_s e2e_s wait_s replications seed"
    assert set(words.split()) <= set(found)
    assert (found["requests"], found["replications"], found["seed"]) == (1200, 10, 0)
    assert (found["throttled_share"], found["overflow_share"], found["utilisation"]) == (0, 0, None)
    assert found["cost_usd"] == pytest.approx(1200 * (100 * 0.8 + 50 * 3.2) / 1e6)
    assert found["ttft_s"] is None
    assert found["e2e_s"] is None
    assert found["wait_s"]["p95"] == {"value": 0.0, "lo": 0.0, "hi": 0.0}
    assert "latencies are null" in said


def test_a_plan_is_checked_at_seconds(file, plan, call):
    """One unit of 6,000 and 3,000 tokens a minute is what a request a second of 100 and 50 asks: nothing runs over.

    Twenty minutes of it cost 4/3 USD; a month as planned.
    """
    code, out, _ = call("simulate", file, "--plan", plan, "--candidate", "provisioned-1x-1m", *DATE, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["overflow_share"] == 0
    assert found["utilisation"] == pytest.approx(1.0, abs=0.001)
    assert found["cost_usd"] == pytest.approx(4 * 1200 / 3600)
    assert found["plan"]["planned_usd_per_month"] == pytest.approx(730 * 4)
    assert found["plan"]["difference_usd_per_month"] == pytest.approx(0, abs=1e-6)
    assert found["plan"]["comparable"]


def test_a_plan_in_windows_of_a_minute_misses_what_runs_over_in_seconds(tmp_path):
    """A minute's requests all in its first second fit the minute, and a bucket of ten seconds not.

    60 requests of 100 and 50 tokens at once: a pool of 10 s, 1,000 and 500, is in debt after the eleventh; then 60 more
    tokens a second pay it off, within the minute. 11 of each 60 are taken up, the rest goes on demand.
    """
    trace = make(time_s=np.repeat(np.arange(20) * 60.0, 60))
    plan = lab.plan(
        trace, PRICES, model=PRO, unit_input_tpm=6000, unit_output_tpm=3000, unit_price="1m=4", shape="flat"
    )
    minute = lab.simulate(trace, PRICES, plan=plan, candidate="provisioned-1x-1m", prompt_cache=0.0)
    ten = lab.simulate(trace, PRICES, plan=plan, candidate="provisioned-1x-1m", burst_s=10.0)
    assert minute.overflow_share == pytest.approx(0, abs=1e-3)
    assert ten.overflow_share == pytest.approx(50 / 60, abs=1e-3)
    per_request = (100 * 0.8 + 50 * 3.2) / 1e6
    assert ten.cost_usd == pytest.approx(4 / 3 + 1000 * per_request, rel=1e-3)
    assert ten.plan["difference_usd_per_month"] == pytest.approx(1000 * per_request * 2_628_000 / 1200, rel=1e-2)


def test_what_the_plan_assumes_of_a_unit_is_a_range(tmp_path):
    """Throughput from 3,000 to 12,000: at half the tokens about half of the requests run over."""
    trace = make()
    plan = lab.plan(
        trace, PRICES, model=PRO, unit_input_tpm="3000..9000", unit_output_tpm=30_000, unit_price="1m=4", shape="flat"
    )
    found = lab.simulate(trace, PRICES, plan=plan, candidate="provisioned-1x-1m")
    low, high = found.range["overflow_share"]
    assert (low, found.overflow_share) == (0, 0)
    assert high == pytest.approx(0.5, abs=0.05)
    assert {"capacity_input_tpm", "capacity_admission", "burst_s"} <= {a.name for a in found.assumptions}


def test_an_undecided_plan_is_simulated_as_it_stands(file, tmp_path, call):
    """With nothing recommended the baseline is played, and said so."""
    cheap = (*UNITS[:4], "--unit-price", "1m=0.1")
    _, out, _ = call("plan", file, "--model", PRO, *cheap, *DATE, "--json")
    path = tmp_path / "plan.json"
    path.write_text(out, encoding="utf-8")
    assert json.loads(out)["decision"] == "undecided"
    code, out, said = call("simulate", file, "--plan", str(path), *DATE, "--json")
    assert code == 0
    assert json.loads(out)["plan"]["candidate"] == "on-demand"
    assert "recommends nothing (undecided)" in said


def test_flex_and_batch_take_what_can_wait():
    """A fifth of the requests, at their own prices; batch has no quota, flex waits for what the default tier leaves."""
    trace = make(max_tokens=np.full(1200, 50))
    plan = lab.plan(trace, PRICES, model=PRO, deferrable=0.2, shape="flat", option="on-demand,flex,batch")
    for name, price in (("flex", 0.5), ("batch", 0.5)):
        found = lab.simulate(trace, PRICES, plan=plan, candidate=name, tpm=9000, max_attempts=1, deadline_h=1.0)
        rows = {row["option"]: row for row in found.runs.options}
        full = (100 * 0.8 + 50 * 3.2) / 1e6
        assert rows[name]["share"] == pytest.approx(0.2, abs=0.03)
        assert rows[name]["cost_usd"] == pytest.approx(rows[name]["requests"] * full * price)
        assert found.throttled_share == 0
    late = lab.simulate(trace, PRICES, model=PRO, deferrable=0.2, deadline_h=6.0, turnaround_h=8.0)
    assert late.runs.mean("late_share") == 1
    assert late.to_dict()["e2e_s"] is None  # what batch takes is no answer's latency


def test_a_mix_is_taken_apart():
    """A unit for half of the tokens takes whom it has room for; the others go on demand or, if they can wait, to flex.

    50 tokens a second flow in and 100 are asked: 600 of 1,200 requests, and thirty more out of the full bucket.
    """
    trace = make()
    whole = lab.plan(
        trace, PRICES, model=PRO, unit_input_tpm=3000, unit_output_tpm=9000, unit_price="1m=4", shape="flat",
        deferrable=0.25,
    ).to_dict()  # fmt: skip
    base, over, later = (
        next(c for c in whole["candidates"] if c["name"] == name) for name in ("provisioned-1x-1m", "on-demand", "flex")
    )
    roles = zip(("base", "overflow", "deferred"), (base, over, later), strict=True)
    mix = {**over, "name": "mix-1", "option": "mix", "parts": [{"role": role, **part} for role, part in roles]}
    whole["candidates"].append(mix)
    found = lab.simulate(trace, PRICES, plan=whole, candidate="mix-1")
    share = {row["option"]: row["share"] for row in found.runs.options}
    assert share["provisioned-1x-1m"] == pytest.approx((1200 * 50 + 3000) / 1200 / 100, abs=0.01)
    assert share["flex"] / (share["flex"] + share["on-demand"]) == pytest.approx(0.25, abs=0.05)
    per_request = (100 * 0.8 + 50 * 3.2) / 1e6
    paid = 1200 * per_request * (share["on-demand"] + share["flex"] / 2)
    assert found.cost_usd == pytest.approx(4 / 3 + paid)
    mix["parts"].append({"role": "hours", **base})
    with pytest.raises(InputError, match="units by the hour"):
        lab.simulate(trace, PRICES, plan=whole, candidate="mix-1")


def test_timings_of_ones_own_decide_an_slo_and_emulated_ones_never(tmp_path, call):
    """The p95 of a lognormal of median 2 s and sigma 0.3 is 2 exp(1.645 x 0.3) = 3.28 s."""
    for origin, limit, met, code in (("log", 4, True, 0), ("log", 2.5, False, 3), ("emulated", 4, None, 0)):
        path = str(timed(origin=origin).write(tmp_path / f"{origin}{limit}.parquet"))
        got, out, said = call("simulate", path, "--model", PRO, "--slo", f"e2e_p95={limit}", *DATE, "--json")
        found = json.loads(out)
        assert (got, found["slo_met"]) == (code, met)
        assert found["e2e_s"]["p95"]["value"] == pytest.approx(3.28, rel=0.05)
        assert found["ttft_s"]["p50"]["value"] == pytest.approx(0.5, rel=0.05)
        assert ("emulated decide nothing" in said) == (origin == "emulated")


def test_too_few_timings_say_nothing_of_the_tail():
    """Of 50 requests a p95 has a value and no interval, a p99 neither."""
    found = lab.simulate(timed(50), PRICES, model=PRO)
    assert found.e2e_s["p95"]["value"] > 0
    assert found.e2e_s["p95"]["lo"] is None
    assert found.e2e_s["p99"] == {"value": None, "lo": None, "hi": None}


def test_waiting_in_line_is_part_of_latency():
    """One request a second of 1.5 s each: two at a time all start at once, one at a time they pile up."""
    two = lab.simulate(make(), PRICES, model=PRO, service="constant=1.5", servers=2, max_wait_s=1e9)
    one = lab.simulate(make(), PRICES, model=PRO, service="constant=1.5", servers=1, max_wait_s=1e9)
    assert two.wait_s["p99"]["value"] == 0
    assert two.utilisation == pytest.approx(0.75, abs=0.01)
    # request n starts at 1.5 n: the last waits half of 1,199 s
    assert one.runs.first.wait_s[-1] == pytest.approx(599.5)
    assert one.e2e_s["mean"] == pytest.approx(1.5 + 599.5 / 2)
    assert one.balance.number == pytest.approx(one.balance.rate_per_s * one.balance.time_s)


def test_an_unknown_burndown_is_a_range_and_never_one():
    """No source gives the rate of this model: 1 to 15 are played, and a stated one stands alone."""
    held = {"model": "us.anthropic.claude-haiku-5-5", "tpm": 30_000, "max_attempts": 1, "service": "constant=1"}
    found = lab.simulate(make(), PRICES, **held)
    assumed = {a.name: a for a in found.assumptions}["burndown"]
    assert (assumed.lo, assumed.hi) == (1, 15)
    low, high = found.range["throttled_share"]
    assert low == 0 < high
    assert "burndown" not in {a.name for a in lab.simulate(make(), PRICES, burndown=5, **held).assumptions}


def test_the_response_cache_answers_for_nothing():
    """Three in ten never reach Bedrock: their cost is gone, and their latency is not counted as one."""
    found = lab.simulate(make(), PRICES, model=PRO, response_cache=0.3, service="constant=1")
    whole = lab.simulate(make(), PRICES, model=PRO, service="constant=1")
    assert found.runs.mean("cached_share") == pytest.approx(0.3, abs=0.03)
    assert found.cost_usd == pytest.approx(whole.cost_usd * (1 - found.runs.mean("cached_share")))
    assert found.e2e_s["p50"]["value"] == 1


def test_the_prompt_cache_lowers_input_and_is_no_free_lunch():
    """Half of the input read at a quarter of its price; writes are not in it, and that is said."""
    found = lab.simulate(make(), PRICES, model=PRO, prompt_cache=0.5)
    assert found.cost_usd == pytest.approx(1200 * (50 * 0.8 + 50 * 0.2 + 50 * 3.2) / 1e6)
    assert "writes that fill the cache are not in it" in {a.name: a for a in found.assumptions}["prompt_cache"].source


def test_drawn_arrivals_have_the_rate_asked_for():
    found = lab.simulate(make(), PRICES, model=PRO, rate=5.0, duration_s=600.0, arrivals="gamma", cv=2.0)
    assert found.requests == pytest.approx(3000, rel=0.05)
    assert found.period_s == 600
    assert np.ptp(found.runs.values["requests"]) > 0
    assert "gamma, 5 a second" in found.arrivals
    shaped = lab.simulate(make(), PRICES, model=PRO, rate=0.01, shape="office")
    assert shaped.period_s == 7 * 86_400


def test_variants_are_compared_pair_by_pair():
    """What a second unit saves of overflow, with the interval of its difference."""
    bought = {"model": PRO, "rate": 1.0, "duration_s": 1800.0, "usd_per_hour": 1.0, "burst_s": 10.0}
    one = lab.simulate(make(), PRICES, input_tpm=6000, **bought)
    two = lab.simulate(make(), PRICES, input_tpm=7000, **bought)
    between = one.difference(two, "overflow_share")
    assert between["lo"] < between["value"] < between["hi"] < 0
    with pytest.raises(InputError, match="no figure 'wait'"):
        one.difference(two, "wait")
    with pytest.raises(InputError, match="one seed"):
        one.difference(lab.simulate(make(), PRICES, model=PRO, seed=1), "overflow_share")


def test_records_are_one_row_a_request():
    found = lab.simulate(make(), PRICES, model=PRO, input_tpm=3000, service="constant=1", usd_per_hour=2)
    frame = found.to_frame()
    assert list(frame.columns) == [
        "arrival_s", "option", "start_s", "ttft_s", "end_s", "wait_s", "retry_wait_s", "attempts", "outcome", "e2e_s"
    ]  # fmt: skip
    assert len(frame) == 1200
    assert (frame["option"] == "on-demand").mean() == pytest.approx(found.overflow_share)
    assert set(frame["outcome"]) == {"ok"}
    assert "overflowed" in found._repr_html_()
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_trace_without_a_model_has_no_cost(file, call):
    code, out, said = call("simulate", file, "--rpm", "30", "--json")
    assert code == 0
    assert json.loads(out)["cost_usd"] is None
    assert json.loads(out)["throttled_share"] > 0.4
    assert "nothing is priced (--model ID)" in said


def test_for_people(file, plan, call):
    code, out, _ = call("simulate", file, "--plan", plan, "--service", "lognormal=1.2,0.5", "--slo", "e2e_p95=9", *DATE)
    assert code == 0
    assert "e2e_p95 <= 9 s: met" in out
    assert "planned" in out


def test_a_fit_of_latency_is_drawn_from(file, tmp_path, call):
    """Its draws are its rows: nothing beyond them, and an emulated fit decides no SLO."""
    rows = timed(600, origin="emulated", model=np.full(600, PRO, dtype=object))
    rows.write(tmp_path / "timings.parquet")
    lab.save_latency(lab.fit_latency(str(tmp_path / "timings.parquet")), tmp_path / "M.json")
    arguments = ("simulate", file, "--model", PRO, "--latency", str(tmp_path / "M.json"), "--slo", "e2e_p95=60", *DATE)
    code, out, said = call(*arguments, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["e2e_s"]["p50"]["value"] == pytest.approx(2, rel=0.1)
    assert found["slo_met"] is None
    assert "emulated" in said


WRONG = {
    "zero tpm": (("--tpm", "0"), "tpm 0: allowed is a number above 0"),
    "negative tpm": (("--tpm", "-5"), "tpm -5: allowed is a number above 0"),
    "nan rpm": (("--rpm", "nan"), "'nan' is given; a number is allowed"),
    "no burst": (("--tpm", "100", "--burst-s", "0"), "burst_s 0: allowed"),
    "no burndown": (("--tpm", "100", "--burndown", "0"), "burndown 0: allowed is a number above 0"),
    "max_tokens above the limit": (("--tpm", "100", "--max-tokens", "99000000"), "the model's limit is"),
    "max_tokens 0": (("--max-tokens", "0"), "max_tokens 0: allowed is a whole number of 1 or more"),
    "negative capacity": (("--input-tpm", "-1"), "input_tpm -1: allowed is a number above 0"),
    "no servers": (("--servers", "0"), "0 requests at a time: allowed is a whole number of 1 or more"),
    "negative wait": (("--max-wait-s", "-1"), "max_wait_s -1: allowed"),
    "nine replications": (("--replications", "9"), "replications 9: allowed is a whole number of 10 or more"),
    "negative seed": (("--seed", "-1"), "seed -1: allowed"),
    "no attempts": (("--max-attempts", "0"), "attempts 0: allowed is a whole number above 0"),
    "cache above 1": (("--response-cache", "1.5"), "response_cache 1.5: allowed is a share from 0 to 1"),
    "prompt cache below 0": (("--prompt-cache", "-0.1"), "prompt_cache -0.1: allowed is a share from 0 to 1"),
    "deferrable": (("--deferrable", "2"), "deferrable 2: allowed is a share from 0 to 1"),
    "defer to": (("--deferrable", "0.1", "--defer-to", "later"), "defer_to 'later': allowed are batch, flex"),
    "deadline": (("--deadline-h", "0"), "deadline_h 0: allowed is a number above 0"),
    "slo": (("--slo", "ttft_p96=1"), "SLO ttft_p96=1"),
    "service": (("--service", "normal=3"), "service 'normal=3': write constant=S"),
    "arrivals": (("--arrivals", "weibull"), "arrivals 'weibull': allowed are poisson, gamma"),
    "rate": (("--rate", "0"), "rate 0: allowed is a number above 0"),
    "cv of poisson": (("--rate", "1", "--cv", "2"), "cv 2: goes with --arrivals gamma"),
    "duration alone": (("--duration-s", "60"), "duration_s 60: goes with drawn arrivals"),
    "shape": (("--shape", "nowhere"), "shape 'nowhere': no such shape or file"),
    "candidate alone": (("--candidate", "batch"), "candidate 'batch': name one together with a plan"),
    "group alone": (("--group", "a"), "--group a: names a group of a fit"),
    "two laws": (("--service", "constant=1", "--latency", "M.json"), "give one of them"),
    "no fit": (("--latency", "nowhere.json"), "nowhere.json"),
    "no plan": (("--plan", "nowhere.json"), "--plan nowhere.json: cannot be read (No such file or directory)"),
    "unknown model": (("--model", "no.such-model"), "no.such-model"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_line(name, file, call):
    arguments, message = WRONG[name]
    model = () if "--model" in arguments else ("--model", PRO)
    code, out, said = call("simulate", file, *model, *arguments)
    assert (code, out) == (2, "")
    assert message in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON (line 1)"),
        ("null", "is no plan"),
        ("[]", "is not what `bedrock-lab plan FILE --json` prints"),
        ('{"decision": "recommend"}', "is not what `bedrock-lab plan FILE --json` prints"),
        (json.dumps(dict.fromkeys(NEEDED, 1)), "the plan is damaged (TypeError"),
    ],
)
def test_a_plan_that_is_none_is_one_line(text, message, file, tmp_path, call):
    path = tmp_path / "plan.json"
    path.write_text(text, encoding="utf-8")
    code, _, said = call("simulate", file, "--plan", str(path))
    assert code == 2
    assert message in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"schema_version": 99}, "schema version 99"),
        ({"cost_usd_per_month": "much"}, "the plan is damaged (ValueError"),
    ],
)
def test_a_plan_that_was_changed_is_one_line(changed, message, file, plan, tmp_path, call):
    """A schema that is not read, and a cost that is no number."""
    held = json.loads(Path(plan).read_text(encoding="utf-8"))
    if "schema_version" in changed:
        held |= changed
    else:
        held["baseline"] |= changed
        held["recommended"] = None
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(held), encoding="utf-8")
    code, out, said = call("simulate", file, "--plan", str(path))
    assert (code, out, said.count("\n")) == (2, "", 1)
    assert message in said


def test_a_percentile_lies_within_its_interval(file, call):
    """A law of one value: the mean over ten replications of 2 s is 2 s, not a rounding error more."""
    code, out, _ = call("simulate", file, "--model", PRO, "--service", "constant=2", "--json")
    assert code == 0
    held = json.loads(out)["e2e_s"]
    assert all(held[p]["lo"] <= held[p]["value"] <= held[p]["hi"] for p in ("p50", "p90", "p95", "p99"))


@pytest.mark.parametrize("name", ["burst_s", "reserve_burndown", "burndown"])
@pytest.mark.parametrize("value", [0, -1, "x", (1, 15)])
def test_stated_values_are_numbers_above_0_even_without_a_quota(name, value):
    with pytest.raises(InputError, match=name):
        lab.simulate(make(60), PRICES, model=PRO, **{name: value})


def test_candidates_and_capacity_that_contradict_the_plan(file, plan, call):
    code, _, said = call("simulate", file, "--plan", plan, "--candidate", "provisioned-99x-1m")
    assert (code, said.count("\n")) == (2, 1)
    assert "no candidate 'provisioned-99x-1m' in the plan; known: on-demand" in said
    code, _, said = call("simulate", file, "--plan", plan, "--candidate", "provisioned-1x-1m", "--input-tpm", "5")
    assert code == 2
    assert "the plan's candidate says what was bought" in said


def test_windows_are_no_requests(tmp_path, call):
    trace = lab.from_averages(requests_per_month=1000, input_mean=10, output_mean=10)
    if trace.kind == "requests":
        trace = make_trace(
            {"time_s": [0.0, 60.0], "requests": [5, 5], "input_tokens": [50, 50], "output_tokens": [5, 5]},
            origin="log", source="metrics", format="example", kind="windows", window_s=60.0,
        )  # fmt: skip
    code, _, said = call("simulate", str(trace.write(tmp_path / "w.parquet")), "--model", PRO)
    assert code == 2
    assert "a simulation needs single requests" in said


def test_python_refuses_limits_it_does_not_know():
    with pytest.raises(InputError, match="unknown argument 'tmp' of simulate; known limits: burndown"):
        lab.simulate(make(), PRICES, model=PRO, tmp=5)
