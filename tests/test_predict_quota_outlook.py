"""`quota`: AWS's example, ranges where something is unknown, shares with intervals, advice that was simulated."""

import json
import os

import numpy as np
import pytest

import bedrock_lab as lab
from bedrock_lab.cli.main import run as command_line
from bedrock_lab.errors import InputError
from bedrock_lab.predict.quota import Limits
from bedrock_lab.predict.quota_demand import demand_of
from bedrock_lab.predict.quota_passes import Case, interval, needed, passes
from bedrock_lab.predict.quota_request import Request, most_at_once, sustained_rpm
from bedrock_lab.predict.quota_windows import spread
from bedrock_lab.traffic import make_trace

PRICES = lab.prices("2026-11-22")
HAIKU, SONNET, NOVA = "us.anthropic.claude-haiku-4-5", "us.anthropic.claude-sonnet-4-6", "amazon.nova-pro"
SEEDS = range(300 if os.environ.get("BEDROCK_LAB_FULL") else 60)


def trace_of(**columns):
    """Make a trace of the columns given."""
    return make_trace(columns, origin="synthetic", source="a few requests", format="example")


def steady(rate_per_minute, minutes, seed=0, **more):
    """Draw Poisson arrivals of 1,000 tokens in, 100 out, 500 at most, answered within 2 s."""
    rng = np.random.default_rng(seed)
    times = np.sort(rng.uniform(0, minutes * 60, rng.poisson(rate_per_minute * minutes)))
    n = len(times)
    rows = {
        "time_s": times,
        "input_tokens": np.full(n, 1000),
        "output_tokens": np.full(n, 100),
        "max_tokens": np.full(n, 500),
        "e2e_s": np.full(n, 2.0),
    }
    return trace_of(**{k: v for k, v in {**rows, **more}.items() if v is not None})


def asked(trace=None, model=NOVA, **more):
    """Ask with the prices of one day."""
    return lab.quota(trace, PRICES, model=model, **more)


class TestOneRequest:
    """Without a trace."""

    @pytest.mark.parametrize(("max_tokens", "starts"), [(1000, 1333), (64_000, 31), (None, 31)])
    def test_the_documented_example(self, max_tokens, starts):
        """2,000,000 TPM, 500 in: floor(2e6 / (500 + max_tokens)); unset is the model's 64,000, said as assumed."""
        found = asked(model=HAIKU, tpm=2_000_000, input_tokens=500, max_tokens=max_tokens)
        assert (found.max_concurrent, found.binds) == (starts, "tpm")
        assert ("max_tokens" in {a.name for a in found.assumptions}) is (max_tokens is None)
        assert found.throttle_probability is None

    def test_none_goes_on_where_none_starts(self):
        """1,500 reserved of a bucket of 1,000: no start, and none a minute however long one waits."""
        found = asked(model=HAIKU, tpm=1000, input_tokens=500, max_tokens=1000)
        assert (found.max_concurrent, found.sustained_rpm, found.sustained_rpm_range) == (0, 0.0, (0.0, 0.0))

    def test_what_nothing_limits_is_null_in_json(self):
        """A prompt and an answer of no tokens settle at nothing: their number has no end."""
        held = asked(model=HAIKU, tpm=2_000_000, input_tokens=0, max_tokens=1000).to_dict()
        json.dumps(held, allow_nan=False)
        assert held["sustained_rpm_range"] == [400.0, None]  # 2e6 / (1,000 x 5)

    def test_a_trace_of_no_tokens_is_no_infinite_advice(self):
        """A hundred empty requests have no sustained rate, so that none is advised."""
        nothing = np.zeros(100)
        trace = trace_of(time_s=np.arange(100.0), input_tokens=nothing, output_tokens=nothing)
        held = asked(trace, model=HAIKU, tpm=100_000).to_dict()
        json.dumps(held, allow_nan=False)
        assert held["sustained_rpm"] is None
        assert "smooth" not in {each["action"] for each in held["advice"]}

    def test_rows_above_the_limit_of_the_model_are_said(self):
        """Haiku 4.5 answers with up to 64,000; a row that asks for 70,000 is counted in a warning."""
        rows = {"time_s": [0.0, 1.0], "input_tokens": [5, 5], "output_tokens": [5, 5], "max_tokens": [70_000, 64_000]}
        found = asked(trace_of(**{k: np.array(v) for k, v in rows.items()}), model=HAIKU, tpm=2_000_000)
        assert [said for said in found.warnings if "64,000" in said and said.endswith(": 1")]

    @pytest.mark.parametrize("value", [-1, 1.5, "x", None])
    def test_a_seed_is_a_whole_number(self, value):
        """Whatever numpy would make of it, the line is ours."""
        with pytest.raises(InputError, match="seed"):
            asked(model=HAIKU, tpm=1000, input_tokens=500, seed=value)

    def test_a_number_no_float_holds_is_no_quota(self):
        """10^400 tokens a minute are refused like infinity."""
        with pytest.raises(InputError, match="tpm"):
            asked(model=HAIKU, tpm=10**400, input_tokens=500)

    def test_burndown_counts_when_it_settles(self):
        """Haiku 4.5 burns 5: 500 in and 1,000 out settle 5,500, 363.6 a minute of 2,000,000."""
        found = asked(model=HAIKU, tpm=2_000_000, input_tokens=500, max_tokens=1000, output_tokens=1000)
        assert found.burndown == 5
        assert found.sustained_rpm == pytest.approx(2_000_000 / 5500)
        # reserved at x 5 only 363 would start
        assert found.max_concurrent_range == (2_000_000 // 5500, 1333)

    def test_the_least_of_the_limits_binds(self):
        """RPM 100 stops 1,333; a day's 1,440,000 tokens are a thousand a minute."""
        found = asked(tpm=2_000_000, rpm=100, input_tokens=500, max_tokens=1000)
        assert (found.max_concurrent, found.binds, found.sustained_rpm) == (100, "rpm", 100)
        by_day = asked(tpm=2_000_000, tpd=1_440_000, input_tokens=500, max_tokens=500)
        assert (by_day.max_concurrent, by_day.binds, by_day.sustained_rpm) == (1440, "tpd", 1.0)

    def test_a_smaller_burst_starts_fewer(self):
        """A bucket of one second of 60,000 holds 1,000."""
        assert most_at_once(Request(50, 50, 50), Limits(tpm=60_000, burst_s=1.0)) == (10, "tpm")
        assert sustained_rpm(Request(50, 50, 50), Limits(tpm=60_000, burst_s=1.0), 1.0) == 600

    def test_an_unknown_burndown_is_a_range(self):
        """No source gives Sonnet 5.5's: 1 to 15, unless it is stated."""
        found = asked(model="us.anthropic.claude-sonnet-5-5", tpm=1e6, input_tokens=500, max_tokens=1000)
        known = {a.name: a for a in found.assumptions}
        assert (known["burndown"].lo, known["burndown"].hi) == (1, 15)
        assert found.sustained_rpm_range[0] == pytest.approx(1e6 / 15_500)
        assert found.max_concurrent_range == (1_000_000 // 15_500, 666)
        told = asked(
            model="us.anthropic.claude-sonnet-5-5", tpm=1e6, input_tokens=500, max_tokens=1000, burndown=10,
            output_tokens=1000,
        )  # fmt: skip
        assert told.sustained_rpm == pytest.approx(1e6 / 10_500)


class TestTrace:
    """With a trace."""

    def test_enough_quota_throttles_nobody(self):
        """Sixty a minute of 1,500 reserved under ten times that."""
        found = asked(steady(60, 30), tpm=900_000)
        assert (found.throttle_probability, found.failed_share, found.binds) == (0, 0, None)
        assert found.headroom > 1
        assert found.range["throttle_probability"] == (0, 0)
        assert [a.action for a in found.advice] == ["max_tokens"]

    def test_the_headroom_is_what_is_needed(self):
        """With the quota said to be needed nobody is throttled; with 2 % less somebody is."""
        trace = steady(60, 30)
        tight = next(each for each in asked(trace, tpm=40_000).limits if each.limit == "tpm")
        assert tight.headroom == pytest.approx(40_000 / tight.needed)
        assert asked(trace, tpm=tight.needed * 1.0001).throttle_probability == 0
        assert asked(trace, tpm=tight.needed * 0.98).throttle_probability > 0

    def test_simultaneous_requests_are_the_documented_example(self):
        """1,400 at one instant, 500 in and 1,000 at most: 67 of them find no room at first."""
        n = 1400
        trace = trace_of(
            time_s=np.zeros(n), input_tokens=np.full(n, 500), output_tokens=np.full(n, 10), max_tokens=np.full(n, 1000)
        )
        found = asked(trace, tpm=2_000_000)
        assert found.throttle_probability == pytest.approx(67 / 1400)
        assert found.max_concurrent == 1333
        assert found.by_minute[0].throttled == 67
        assert found.by_minute[0].binds == "tpm"

    def test_cache_reads_are_reserved_and_released_and_writes_stay(self):
        """100 in, 5,000 read, 700 written, 20 of 1,000 out: 6,800 at the start, 820 at the end."""
        trace = trace_of(
            time_s=np.array([0.0]), input_tokens=np.array([100]), cache_read_tokens=np.array([5000]),
            cache_write_5m_tokens=np.array([700]), output_tokens=np.array([20]), max_tokens=np.array([1000]),
            e2e_s=np.array([1.0]),
        )  # fmt: skip
        found = asked(trace, tpm=10_000)
        minute = found.by_minute[0]
        assert (minute.reserved_tokens, minute.settled_tokens) == (6800, 820)
        assert (found.peak_reserved_tpm, found.peak_tpm) == (6800, 820)
        assert found.max_concurrent == 1
        by_five = asked(trace, model=HAIKU, tpm=10_000)
        assert by_five.peak_tpm == 800 + 20 * 5

    def test_minutes_add_up(self):
        """To the shares, and to the requests."""
        found = asked(steady(60, 40), tpm=70_000, rpm=58)
        minutes = found.by_minute
        assert len(minutes) == 40
        assert sum(m.requests for m in minutes) == found.requests
        assert sum(m.throttled for m in minutes) / found.requests == pytest.approx(found.throttle_probability)
        assert sum(m.failed for m in minutes) / found.requests == pytest.approx(found.failed_share)
        assert sum(each.throttled for each in found.limits) == pytest.approx(sum(m.throttled for m in minutes))
        assert 0 < found.failed_share < found.throttle_probability
        frame = found.to_frame()
        assert frame["requests"].sum() == found.requests

    def test_the_same_seed_gives_the_same_answer(self):
        """To the last digit; another seed has other jitter."""
        trace = steady(60, 20)
        one, two, other = (asked(trace, tpm=50_000, seed=seed).to_dict() for seed in (1, 1, 2))
        assert json.dumps(one) == json.dumps(two)
        assert one["by_minute"] != other["by_minute"]
        assert json.dumps(one, allow_nan=False)

    def test_an_unknown_max_tokens_runs_from_the_answer_to_the_model_s_limit(self):
        """The value is what a request without one reserves; the range reaches to answers that filled their limit."""
        trace, quota = steady(40, 20, max_tokens=None), {"tpm": 90_000, "burst_s": 15}
        found = asked(trace, **quota)
        limit = lab.quota(None, PRICES, model=NOVA, tpm=1e6, input_tokens=1).max_tokens
        assert found.max_tokens == limit
        unknown = next(a for a in found.assumptions if a.name == "max_tokens")
        assert (unknown.lo, unknown.hi) == (100, limit)
        assert found.throttle_probability > 0
        assert found.range["throttle_probability"][0] == 0
        least = next(v for v in found.variants if v.assumption == "max_tokens")
        stated = asked(steady(40, 20, max_tokens=np.full(len(trace), 100)), **quota)
        assert least.throttle_probability == stated.throttle_probability

    def test_an_unknown_burndown_spans_the_answer(self):
        """Between what 1 and what 15 would give, and beyond where more is assumed."""
        trace, model = steady(60, 20), "us.anthropic.claude-sonnet-5-5"
        found = asked(trace, model=model, tpm=90_000)
        low, high = found.range["throttle_probability"]
        for burndown in (1, 5, 15):
            assert low <= asked(trace, model=model, tpm=90_000, burndown=burndown).throttle_probability <= high
        assert low < high

    def test_the_disputed_reservation_is_shown_both_ways(self):
        """Simulated with max_tokens x 5 as well: equal to a trace whose max_tokens is five times as large."""
        trace, quota = steady(60, 20), {"model": HAIKU, "tpm": 100_000, "burst_s": 10}
        found = asked(trace, **quota)
        other = next(v for v in found.variants if v.assumption == "reserved_burndown")
        larger = asked(steady(60, 20, max_tokens=np.full(len(trace), 2500)), **quota)
        assert other.throttle_probability == pytest.approx(larger.throttle_probability, abs=0.01)
        assert other.throttle_probability > found.throttle_probability
        assert {v.value for v in found.variants} >= {"clock", "one a request"}

    def test_rows_that_draw_on_no_such_quota_are_left_out_and_said(self):
        """Other models, reserved capacity, rows without input."""
        n = 8
        trace = trace_of(
            time_s=np.arange(n) * 1.0,
            model=np.array([NOVA] * 5 + ["amazon.nova-lite"] * 3, dtype=object),
            tier=np.array(["default", "priority", "reserved", "flex", "default"] + ["default"] * 3, dtype=object),
            input_tokens=np.array([10, 10, 10, 10, np.nan, 10, 10, 10]),
            output_tokens=np.full(n, 5),
            max_tokens=np.full(n, 5),
        )
        found = asked(trace, tpm=1000)
        assert found.requests == 3
        said = " ".join(found.warnings)
        for words in ("rows of other models: 3", "provisioned capacity: 1", "be understated: 1"):
            assert words in said

    def test_requests_larger_than_a_bucket_never_start(self):
        """1,500 reserved of a bucket of 1,000: all fail, and the reason is said."""
        found = asked(steady(60, 2), tpm=1000)
        assert found.failed_share == 1
        assert "never start" in " ".join(found.warnings)
        assert "never start" not in " ".join(asked(steady(60, 2), tpm=2000).warnings)

    def test_requests_without_an_answer_still_ask(self):
        """A throttled row counts as demand, with the length of some other answer."""
        trace = trace_of(
            time_s=np.arange(4.0), input_tokens=np.full(4, 100), output_tokens=np.array([7, 7, np.nan, np.nan]),
            outcome=np.array(["ok", "ok", "throttled", "failed"], dtype=object), max_tokens=np.full(4, 50),
        )  # fmt: skip
        demand, told = demand_of(
            trace, model_of(NOVA), max_tokens=None, given={},
            rng=np.random.default_rng(0),
        )  # fmt: skip
        assert demand.output_tokens.tolist() == [7, 7, 7, 7]
        assert "output_tokens" in {a.name for a in told.assumptions}


def model_of(name):
    """Find a model of the catalogue."""
    from bedrock_lab.catalogue import find

    return find(name)


def wordy():
    """Draw requests whose max_tokens is far above their answers."""
    rng = np.random.default_rng(4)
    number = len(steady(60, 30, seed=4))
    outputs = np.minimum(rng.geometric(1 / 100, number), 1200)
    return steady(60, 30, seed=4, output_tokens=outputs, max_tokens=np.full(number, 4000))


WORDY = {"model": SONNET, "tpm": 96_000, "burst_s": 20}


@pytest.fixture(scope="module")
def advised():
    """Ask for Sonnet 4.6 with too large a max_tokens and too small a quota."""
    return asked(wordy(), **WORDY)


class TestAdvice:
    """What is advised was simulated: asking for it gives the same figures."""

    def of(self, found, action):
        return next(each for each in found.advice if each.action == action)

    def test_max_tokens(self, advised):
        """The 99.9 % of the answers: ceil(0.999 n)-th of them; what it frees; and the shares asked for directly."""
        trace = wordy()
        ordered = np.sort(trace.column("output_tokens"))
        wanted = int(ordered[int(np.ceil(len(ordered) * 0.999)) - 1])
        advice = self.of(advised, "max_tokens")
        assert advice.figures["max_tokens"] == wanted
        assert advice.figures["freed_tokens"] == pytest.approx(4000 - wanted)
        assert advice.figures["cut"] == (ordered > wanted).sum()
        assert advice.figures["max_concurrent"] == 32_000 // (1000 + wanted)
        direct = asked(trace, **WORDY, max_tokens=wanted, replications=3)
        assert advice.throttle_probability == pytest.approx(direct.throttle_probability)
        assert advice.failed_share == pytest.approx(direct.failed_share)
        assert advice.throttle_probability < advised.throttle_probability

    def test_scope(self, advised):
        """The catalogue's quota of the global scope, asked for directly."""
        row = next(a for a in advised.advice if a.action == "scope" and a.figures["scope"] == "global")
        assert row.figures["tpm"] == 6_000_000
        assert "global.anthropic.claude-sonnet-4-6" in row.text
        direct = asked(wordy(), model=SONNET, tpm=6_000_000, rpm=10_000, burst_s=20)
        assert row.throttle_probability == direct.throttle_probability == 0

    def test_smoothing(self, advised):
        """Sent evenly at the rate advised nobody is throttled, and the waits are those of a queue with one door."""
        advice = self.of(advised, "smooth")
        arrived, gap_s, at_s, waits = wordy().column("time_s"), 60 / advice.figures["rpm"], -np.inf, []
        for now_s in arrived:
            at_s = max(now_s, at_s + gap_s)
            waits.append(at_s - now_s)
        assert advice.figures["wait_s_max"] == pytest.approx(max(waits))
        assert advice.figures["wait_s_p95"] == pytest.approx(np.sort(waits)[int(np.ceil(len(waits) * 0.95)) - 1])

    def test_priority_changes_nothing(self, advised):
        """It draws on the same quota."""
        advice = self.of(advised, "priority")
        assert advice.throttle_probability == advised.throttle_probability

    def test_reserved(self, advised):
        """The least purchase is 100k in and 10k out, at the catalogue's price."""
        advice = self.of(advised, "reserved")
        assert advice.figures["input_ktpm"] == 100
        assert advice.figures["output_ktpm"] >= 10
        assert advice.figures["usd_per_month"] > 0
        assert advice.throttle_probability < advised.throttle_probability

    def test_batch(self, advised):
        """The least tenth with which all of the rest get through; or the share that can wait."""
        advice = self.of(advised, "batch")
        assert advice.figures["share"] in {n / 10 for n in range(1, 10)}
        assert advice.failed_share < advised.failed_share
        half = asked(wordy(), **WORDY, deferrable=0.5)
        assert self.of(half, "batch").figures["share"] == 0.5
        none = asked(wordy(), **WORDY, deferrable=0.0)
        assert "batch" not in {a.action for a in none.advice}


class TestIntervals:
    """How sure a share is."""

    def test_they_cover_the_long_run(self):
        """Half an hour of requests in bursts: 95 % intervals hold the share of a hundred times as long, 88 % or more.

        Batches of a minute are a little narrow for a bucket that remembers a minute.
        """
        case = Case(limits=Limits(tpm=52_000, burst_s=10.0), burndown=1.0)
        whole = passes(self.demand(7, 3000), case, seed=0, replications=1)
        truth = whole.throttle_probability
        assert 0.05 < truth < 0.5
        inside = 0
        for seed in SEEDS:
            found = passes(self.demand(seed, 60), case, seed=seed, replications=3)
            span = interval(found.throttled, found.requests)
            inside += span["lo"] <= truth <= span["hi"]
        assert inside / len(SEEDS) >= 0.88

    def demand(self, seed, minutes):
        trace = steady(45, minutes, seed=seed)
        return demand_of(trace, model_of(NOVA), max_tokens=None, given={}, rng=np.random.default_rng(0))[0]

    def test_too_few_minutes_leave_the_passes(self):
        """Under twenty minutes the basis says so; nothing refused has no upper end."""
        counts, requests = np.array([[1.0, 2.0], [2.0, 2.0]]), np.array([10.0, 10.0])
        found = interval(counts, requests)
        assert found["value"] == 0.175
        assert "too short" in found["basis"]
        assert interval(0 * counts, requests)["hi"] is None
        assert interval(counts[:1], requests)["lo"] is None

    def test_batches_by_hand(self):
        """Twenty minutes, ten batches of two: t(9) x sqrt(10/9 x sum (y - p n)^2) / n."""
        hits = np.tile([0.0, 1.0, 2.0, 3.0], 5)
        requests = np.full(20, 10.0)
        found = interval(hits[np.newaxis], requests)
        batch = hits.reshape(10, 2).sum(axis=1)
        half = 2.2622 * np.sqrt(10 / 9 * np.square(batch - 0.15 * 20).sum()) / 200
        assert found["value"] == 0.15
        assert found["hi"] - found["value"] == pytest.approx(half, rel=1e-4)


def test_needed_is_the_largest_minute_of_a_spike():
    """A hundred at once of 1,500 need 150,000 at a burst of a minute, 100 starts, and 150,000 a day."""
    n = 100
    trace = trace_of(
        time_s=np.zeros(n), input_tokens=np.full(n, 1000), output_tokens=np.full(n, 1), max_tokens=np.full(n, 500)
    )
    demand = demand_of(trace, model_of(NOVA), max_tokens=None, given={}, rng=np.random.default_rng(0))[0]
    load = Case(limits=Limits(tpm=1.0), burndown=1.0).load(demand)
    assert needed(load, 60.0, "tpm") == pytest.approx(150_000, rel=1e-4)
    assert needed(load, 10.0, "tpm") == pytest.approx(900_000, rel=1e-4)
    assert needed(load, 60.0, "rpm") == pytest.approx(100, rel=1e-4)
    assert needed(load, 60.0, "tpd") == pytest.approx(150_000, rel=1e-4)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"tpm": 0}, "tpm 0"),
        ({"tpm": -1}, "tpm -1"),
        ({"tpm": float("nan")}, "tpm nan"),
        ({"rpm": 0}, "rpm 0"),
        ({"tpd": -5}, "tpd -5"),
        ({"burst_s": 0}, "burst_s 0"),
        ({"input_tokens": None}, "--input-tokens"),
        ({"input_tokens": -1}, "input_tokens -1"),
        ({"max_tokens": 0}, "max_tokens 0"),
        ({"max_tokens": 64_001}, "allows up to 64,000"),
        ({"output_tokens": 2000}, "output_tokens 2,000"),
        ({"burndown": 0}, "burndown 0"),
        ({"burndown": "15..1"}, "runs backwards"),
        ({"deferrable": 1.5}, "deferrable 1.5"),
        ({"replications": 0}, "replications 0"),
        ({"assume": {"speed": 1}}, "unknown assumption 'speed'"),
        ({"model": "amazon.nova-2-omni", "max_tokens": None}, "limit of amazon.nova-2-omni is not known"),
    ],
)
def test_bad_input_is_one_line(more, words):
    """What, the value, what is allowed."""
    usual = {"model": HAIKU, "tpm": 1e6, "input_tokens": 500, "max_tokens": 1000}
    with pytest.raises(InputError, match=words) as caught:
        asked(**{**usual, **more})
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def windows_of(width=60.0, **columns):
    """Make a Trace of windows one after the other."""
    n = len(columns["requests"])
    columns = {"time_s": np.arange(n) * width, **columns}
    return make_trace(columns, kind="windows", window_s=width, origin="synthetic", source="sums", format="example")


def test_windows_are_spread_evenly_and_all_at_once_at_the_other_end():
    """Six requests a minute of 200 quota tokens, a bucket of 200 filled at 20 a second: even, none is refused.

    Ten seconds fill the bucket again. All at once one gets in and five of six are refused.
    """
    trace = windows_of(requests=np.full(4, 6), input_tokens=np.full(4, 600), output_tokens=np.full(4, 600))
    found = asked(trace, model="amazon.nova-lite", tpm=1_200, burst_s=10.0, max_tokens=100)
    assert found.requests == 24
    assert found.throttle_probability == 0
    (at_once,) = [v for v in found.variants if v.assumption == "arrivals_in_a_window"]
    assert at_once.throttle_probability == pytest.approx(5 / 6)
    low, high = found.range["throttle_probability"]
    assert low == 0
    assert high >= 5 / 6
    assert "83.33% would be throttled" in found.answer
    (assumed,) = [a for a in found.assumptions if a.name == "arrivals_in_a_window"]
    assert "sums over 60 s" in assumed.source
    assert any("mix within one" in w for w in found.warnings)


def test_a_window_of_one_request_is_that_request():
    """Windows of one request each throttle as the requests in their middle do."""
    windows = windows_of(
        width=30.0, requests=np.ones(20, int), input_tokens=np.full(20, 900), output_tokens=np.full(20, 50)
    )
    requests = trace_of(
        time_s=np.arange(20) * 30.0 + 15.0, input_tokens=np.full(20, 900), output_tokens=np.full(20, 50)
    )
    each = [asked(t, model="amazon.nova-lite", tpm=1_500, max_tokens=100) for t in (windows, requests)]
    assert each[0].throttle_probability == pytest.approx(each[1].throttle_probability)
    assert each[0].throttle_probability > 0


def test_windows_keep_every_token_and_take_their_median_latency():
    """Ten tokens over three requests are 4, 3 and 3; refused requests have none and are named as left out."""
    trace = windows_of(
        requests=np.array([3, 2]), input_tokens=np.array([10, np.nan]), outcome=np.array(["ok", "throttled"], object),
        output_tokens=np.array([6, np.nan]), server_latency_p50_s=np.array([2.5, np.nan]),
    )  # fmt: skip
    made, at_once = spread(trace)
    assert made.column("input_tokens")[:3].tolist() == [4, 3, 3]
    assert made.column("e2e_s")[:3].tolist() == [2.5, 2.5, 2.5]
    assert at_once.tolist() == [0.0, 0.0, 0.0, 60.0, 60.0]
    found = asked(trace, model="amazon.nova-lite", tpm=1_000, max_tokens=10)
    assert found.requests == 3
    assert any("without input tokens" in w and ": 2" in w for w in found.warnings)


def test_traces_that_cannot_answer_are_refused():
    """Sums that count no requests, no input, no row of the model, no limit at all, times below 0."""
    uncounted = windows_of(requests=np.array([np.nan]), input_tokens=np.array([9]))
    with pytest.raises(InputError, match="does not count them"):
        asked(uncounted, tpm=1000)
    with pytest.raises(InputError, match="1 to 5,000,000 are spread"):
        asked(windows_of(requests=np.array([6_000_000]), input_tokens=np.array([9])), tpm=1000)
    with pytest.raises(InputError, match="input_tokens"):
        asked(trace_of(time_s=np.array([0.0])), tpm=1000)
    other = trace_of(
        time_s=np.array([0.0]), input_tokens=np.array([1]), model=np.array(["amazon.nova-lite"], dtype=object)
    )
    with pytest.raises(InputError, match=r"no row of amazon\.nova-pro"):
        asked(other, tpm=1000)
    with pytest.raises(InputError, match="--max-tokens"):
        asked(trace_of(time_s=np.array([0.0]), input_tokens=np.array([1])), model="amazon.nova-2-omni", tpm=1000)
    with pytest.raises(InputError, match="ttft_s 0"):
        asked(trace_of(time_s=np.array([0.0]), input_tokens=np.array([1])), tpm=1000, assume={"ttft_s": 0})


class TestCommandLine:
    """`bedrock-lab quota`."""

    def test_the_example_as_json(self, capsys):
        """One object with the contract's keys."""
        line = "quota --model anthropic.claude-haiku-4-5 --tpm 2000000 --input-tokens 500 --max-tokens 1000 --json"
        assert command_line(line.split()) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["max_concurrent"] == 1333
        assert found["sustained_rpm"] == pytest.approx(2e6 / 5500)

    def test_a_file(self, capsys, tmp_path):
        """As JSON the shares and minutes; for people the same in words."""
        path = steady(60, 20).write(tmp_path / "steady.parquet")
        line = ["quota", str(path), "--model", NOVA, "--tpm", "60000", "--seed", "3"]
        assert command_line([*line, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert {"throttle_probability", "failed_share", "peak_tpm", "by_minute", "advice"} <= set(found)
        assert 0 <= found["failed_share"] <= found["throttle_probability"] <= 1
        assert len(found["by_minute"]) == 20
        assert command_line(line) == 0
        text = capsys.readouterr().out
        assert f"{found['throttle_probability']:.2%}" in text
        assert "Set max_tokens to 100" in text

    def test_a_wrong_value_is_one_line_and_exit_2(self, capsys):
        """Nothing on stdout."""
        for bad in (
            ["--tpm", "0"],
            ["--tpm", "x"],
            ["--tpm", "5", "--max-tokens", "9999999"],
            ["nofile", "--tpm", "5"],
        ):
            assert command_line(["quota", "--model", HAIKU, "--input-tokens", "5", *bad, "--json"]) == 2
            captured = capsys.readouterr()
            assert captured.out == ""
            assert len(captured.err.strip().splitlines()) == 1


def test_the_public_name_is_the_function():
    """`predict.quota` is a room of rules and must not take its place."""
    import bedrock_lab.predict.quota as rules

    assert callable(lab.quota)
    assert lab.quota is not rules
