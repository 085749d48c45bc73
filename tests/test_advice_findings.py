"""Findings: each by arithmetic a reader can redo on a small trace, and each silent where there is nothing to say."""

import json

import numpy as np
import pyarrow as pa
import pytest

import bedrock_lab as lab
from bedrock_lab.advice.drivers import driver
from bedrock_lab.advice.ground import coded
from bedrock_lab.cli.main import run
from bedrock_lab.errors import InputError
from bedrock_lab.traffic import make_trace

PRICES = lab.prices("2026-11-22")
DAY = 86_400.0
MONTH_S = 2_628_000
SONNET = "us.anthropic.claude-sonnet-4-6"


def trace_of(times, n=None, **columns):
    """Make a Trace of times [s] and columns; single values stand for every row."""
    times = np.asarray(times, float)
    columns = {"input_tokens": 1_000, "output_tokens": 100} | columns
    full = {}
    for name, value in columns.items():
        full[name] = value if isinstance(value, (np.ndarray, pa.Array, list)) else np.full(len(times), value)
    extra = {k: full.pop(k) for k in ("prefix_hashes", "prefix_block_tokens", "expresses") if k in full}
    extra |= {"prefix_block_tokens": int(extra["prefix_block_tokens"][0])} if "prefix_block_tokens" in extra else {}
    return make_trace(
        {"time_s": times, **{k: np.asarray(v, object) if k in TEXT else v for k, v in full.items()}},
        origin="synthetic", source="test", format="test", start_time="2026-11-02T00:00:00Z", **extra,
    )  # fmt: skip


TEXT = {"model", "app", "operation", "tier", "outcome", "account", "region"}


def found(trace, name, **more):
    """Return the findings of one id, or why it was not looked at."""
    seen = lab.findings(trace, PRICES, **more)
    left = [n.because for n in seen.not_looked_at if n.id == name]
    return left[0] if left else [f for f in seen.findings if f.id == name]


def two_weeks(each_s=3_600.0):
    """Arrivals every hour of 14 days: a period of 1,209,600 s less the last hour, in whole minutes."""
    return np.arange(0.0, 14 * DAY, each_s)


def a_month(times):
    """How often a trace of these arrivals fits in 730 hours."""
    return MONTH_S / ((np.floor((times[-1] - times[0]) / 60) + 1) * 60)


def test_max_tokens_says_what_is_reserved_in_vain():
    """Two requests a minute ask for 4,096 and answer 100: of 2 x (1,000 + 4,096) reserved, 2 x 3,996 came back."""
    times = np.arange(0.0, 30_000.0, 30.0)
    (one,) = found(trace_of(times, model="amazon.nova-lite", max_tokens=4_096), "max_tokens")
    assert one.usd_month is None
    assert "quota, never money" in one.sentence
    assert one.figures["needed_tokens"] == 100
    assert one.figures["busiest_minute_reserved_tokens"] == 2 * (1_000 + 4_096)
    assert one.figures["busiest_minute_vain_tokens"] == 2 * 3_996
    assert one.figures["vain_share_of_reserved"] == pytest.approx(3_996 / 5_096)
    assert (one.n, one.share) == (1_000, 1.0)
    assert "--max-tokens 100" in one.do


def test_max_tokens_takes_the_999th_of_a_thousand_and_the_longest_of_fewer():
    """One answer in a thousand may be cut; of 999 none, since nobody knows their longest thousandth."""
    for n, needed in ((1_000, 100), (999, 2_000)):
        output = np.full(n, 100)
        output[7] = 2_000
        trace = trace_of(np.arange(float(n)), model="amazon.nova-lite", max_tokens=4_096, output_tokens=output)
        (one,) = found(trace, "max_tokens")
        assert one.figures["needed_tokens"] == needed
        assert one.figures["cut"] == (1 if n == 1_000 else 0)


def test_max_tokens_is_silent_below_twice_what_is_needed_and_says_what_is_missing():
    """199 against 100 is no finding; without the column it is not looked at; refused rows are no answers."""
    times = np.arange(0.0, 100.0)
    assert found(trace_of(times, model="amazon.nova-lite", max_tokens=199), "max_tokens") == []
    assert found(trace_of(times, model="amazon.nova-lite"), "max_tokens") == "no row says max_tokens"
    failed = trace_of(times, model="amazon.nova-lite", max_tokens=4_096, outcome="failed")
    assert found(failed, "max_tokens") == "no answered request says both max_tokens and output_tokens"


def test_throttled_minutes_are_counted():
    """Minute 2 refuses 1 of 3 and minute 5 refuses 1 of 1; of six minutes two are hit."""
    times = [0, 60, 120, 130, 140, 300]
    outcome = ["ok", "ok", "ok", "throttled", "ok", "throttled"]
    (one,) = found(trace_of(times, model="amazon.nova-lite", outcome=outcome), "throttled_minutes")
    assert one.sentence.startswith("2 of 6 requests were throttled, in 2 of 6 minutes; the worst, 2 minutes after")
    assert one.usd_month is None
    assert (one.n, one.share) == (2, pytest.approx(1 / 3))
    assert found(trace_of(times, model="amazon.nova-lite", outcome="ok"), "throttled_minutes") == []
    assert "no row says" in found(trace_of(times, model="amazon.nova-lite"), "throttled_minutes")


def test_the_global_profile_is_a_tenth_less():
    """Sonnet 4.6 at 3.30 and 16.50 in the geography, 3 and 15 globally: 1,000 in and 100 out save 0.00045 USD each."""
    times = two_weeks()
    (one,) = found(trace_of(times, model=SONNET), "global_scope")
    assert one.usd_month == pytest.approx((len(times) * 0.00045 * a_month(times),) * 2)
    assert (one.n, one.share) == (len(times), 1.0)
    assert "global.anthropic.claude-sonnet-4-6" in one.do


def test_a_global_call_and_a_model_without_a_global_price_are_no_finding():
    """Nova Lite is sold in-region alone; a global call is already there."""
    times = two_weeks()
    assert found(trace_of(times, model="amazon.nova-lite"), "global_scope") == []
    assert found(trace_of(times, model="global.anthropic.claude-sonnet-4-6"), "global_scope") == []


def test_a_model_past_its_end_has_its_replacements_price():
    """Claude 3 Haiku (0.25, 1.25) to Haiku 5.5 geo (0.11, 0.55): 375 to 165 USD per million such calls, x 1 to 1.35."""
    times = two_weeks()
    (one,) = found(trace_of(times, model="anthropic.claude-3-haiku"), "end_of_life")
    now, there = 0.000375, 0.000165
    each = [len(times) * (there * ratio - now) * a_month(times) for ratio in (1.0, 1.35)]
    assert one.usd_month == pytest.approx(tuple(each))
    assert one.means == "change"
    assert "passed its end of life on 2026-09-10" in one.sentence
    assert "haiku-5-5" in one.do


def test_a_legacy_model_says_when_it_ends_and_an_active_one_is_silent():
    """Sonnet 4.5 ends 2027-04-08, 137 days after 22 November; Sonnet 4.6 is promised until February 2027."""
    times = two_weeks()
    (one,) = found(trace_of(times, model="us.anthropic.claude-sonnet-4-5-20250929-v1:0"), "end_of_life")
    assert "it ends 2027-04-08 in 137 days" in one.sentence
    assert found(trace_of(times, model=SONNET), "end_of_life") == []


def test_cache_writes_that_nothing_read_cost_their_premium():
    """Two writes of 10,000 tokens for 5 minutes, hours apart, never read: 20,000 x (4.125 - 3.30) USD per million."""
    times = np.array([0.0, 7_200.0, 14 * DAY])
    trace = trace_of(
        times, model=SONNET, cache_write_5m_tokens=[10_000, 10_000, 0], cache_read_tokens=[0, 0, 0], output_tokens=1
    )
    (one,) = found(trace, "cache_writes_unread")
    usd = 20_000 * 0.825e-6 * a_month(times)
    assert one.usd_month == pytest.approx((usd, usd))
    assert one.figures["unread_tokens_at_least"] == 20_000
    assert one.figures["cache_gain_usd"] == pytest.approx(-20_000 * 0.825e-6)
    assert one.n == 2


def test_a_write_read_in_time_is_no_finding_and_one_read_too_late_is():
    """Read after 4 minutes: read. After 10: an entry of 5 minutes is gone, one of an hour is not."""
    for bucket, wait, said in (
        ("cache_write_5m_tokens", 240.0, False),
        ("cache_write_5m_tokens", 600.0, True),
        ("cache_write_1h_tokens", 600.0, False),
    ):
        columns = {bucket: [10_000, 0, 0], "cache_read_tokens": [0, 10_000, 0]}
        trace = trace_of([0.0, wait, DAY], model=SONNET, **columns)
        assert bool(found(trace, "cache_writes_unread")) is said, bucket


def test_a_rows_own_read_is_of_what_was_there_before_it():
    """A request that reads 5,000 and writes 10,000 which nobody reads: the 10,000 are unread."""
    trace = trace_of([0.0, DAY], model=SONNET, cache_write_5m_tokens=[10_000, 0], cache_read_tokens=[5_000, 0])
    (one,) = found(trace, "cache_writes_unread")
    assert one.figures["unread_tokens_at_least"] == 10_000
    assert one.figures["unread_tokens_at_most"] == 10_000


def test_caches_of_two_accounts_are_apart_and_the_end_of_a_trace_proves_nothing():
    """B's read is not of A's write; a write in the last minutes may be read after the trace."""
    written, read = [10_000, 0, 0], [0, 10_000, 0]
    columns = {"cache_write_5m_tokens": written, "cache_read_tokens": read, "model": SONNET}
    apart = trace_of([0.0, 60.0, DAY], account=["a", "b", "a"], **columns)
    assert found(apart, "cache_writes_unread")[0].figures["unread_tokens_at_least"] == 10_000
    assert found(trace_of([0.0, 60.0, DAY], account="a", **columns), "cache_writes_unread") == []
    late = trace_of([0.0, 60.0], model=SONNET, cache_write_5m_tokens=[0, 9_000], cache_read_tokens=[0, 0])
    assert found(late, "cache_writes_unread") == []


def test_reads_fewer_than_writes_leave_the_difference_unread():
    """Ten writes of 1,000 a minute apart, reads of 100 between: at least 10,000 - 1,000 of them were never read."""
    times = np.append(np.arange(10.0) * 60, 14 * DAY)
    write, read = np.append(np.full(10, 1_000), 0), np.append(np.full(10, 100), 0)
    (one,) = found(
        trace_of(times, model=SONNET, cache_write_1h_tokens=write, cache_read_tokens=read), "cache_writes_unread"
    )
    assert one.figures["unread_tokens_at_least"] == 9_000
    low, high = one.usd_month
    assert (low, high) == pytest.approx(tuple(n * 3.3e-6 * a_month(times) for n in (9_000, 9_900)))


def test_what_lies_above_the_mean_hour_bounds_the_deferrable():
    """Hours of 1 and 3 requests in turn, mean 2: a quarter of the cost lies above, and batch is half of it."""
    hours = np.repeat(np.arange(14 * 24), np.tile([1, 3], 7 * 24))
    times = hours * 3_600.0
    trace = trace_of(times, model="amazon.nova-pro")
    each = 1_000 * 0.8e-6 + 100 * 3.2e-6
    (one,) = found(trace, "deferrable_peak")
    assert one.usd_month[0] == 0
    # the last hour counts as its first minute alone: the period is 336 hours less 59 minutes, in hours 336
    assert one.usd_month[1] == pytest.approx(len(times) * each / 4 / 2 * a_month(times))
    assert one.share == pytest.approx(0.25)


def test_a_stated_share_is_worth_that_share_of_the_batch_saving():
    """A fifth at half price is a tenth; a model without a batch price is silent; even traffic has no peak."""
    times = two_weeks()
    trace = trace_of(times, model="amazon.nova-pro")
    each = 1_000 * 0.8e-6 + 100 * 3.2e-6
    (one,) = found(trace, "deferrable_peak", deferrable=0.2)
    assert one.usd_month == pytest.approx((len(times) * each * 0.1 * a_month(times),) * 2)
    assert found(trace, "deferrable_peak") == []
    without = trace_of(times, model="us.anthropic.claude-sonnet-5-5")
    assert found(without, "deferrable_peak", deferrable=0.2) == []
    assert "no peak of a day" in found(trace_of([0.0, 60.0], model="amazon.nova-pro"), "deferrable_peak")
    with pytest.raises(InputError, match=r"deferrable 1\.5"):
        lab.findings(trace, PRICES, deferrable=1.5)


def test_one_apps_share_is_its_cost():
    """App a: 3 of 4 requests, each the same: 75 % of the cost."""
    times = two_weeks()
    apps = np.where(np.arange(len(times)) % 4 == 0, "b", "a")
    (one,) = found(trace_of(times, model="amazon.nova-pro", app=apps), "app_share")
    each = 1_000 * 0.8e-6 + 100 * 3.2e-6
    assert one.usd_month == pytest.approx((0.75 * len(times) * each * a_month(times),) * 2)
    assert (one.about, one.means, one.figures["cost_share"]) == ("a", "cost", pytest.approx(0.75))
    even = np.array(["a", "b", "c"])[np.arange(len(times)) % 3]
    assert found(trace_of(times, model="amazon.nova-pro", app=even), "app_share") == []
    assert found(trace_of(times, model="amazon.nova-pro", app="a"), "app_share") == []


def test_growth_is_the_slope_of_weekdays():
    """Every day costs a tenth more than a week before: 10 % a week, and 1.1^4.345 over a month."""
    counts = np.repeat([100, 110, 121], 7)
    times = np.concatenate([d * DAY + np.arange(n) * 60.0 for d, n in enumerate(counts)])
    times = np.append(times, 21 * DAY)
    (one,) = found(trace_of(times, model="amazon.nova-pro"), "growth_by_week")
    assert one.figures["weekly_growth"] == pytest.approx(0.1, abs=1e-3)
    each = 1_000 * 0.8e-6 + 100 * 3.2e-6
    last = 7 * 121 * each * MONTH_S / (7 * DAY)
    assert one.usd_month == pytest.approx((last * (1.1 ** (MONTH_S / (7 * DAY)) - 1),) * 2, rel=0.01)


def test_growth_is_silent_when_chance_explains_it_and_unknown_under_two_weeks():
    """Weekdays that go up and down alike show no growth; ten days are not two weeks."""
    counts = np.concatenate([np.full(7, 100), [90, 110, 95, 105, 100, 98, 102]])
    times = np.append(np.concatenate([d * DAY + np.arange(n) * 60.0 for d, n in enumerate(counts)]), 14 * DAY)
    assert found(trace_of(times, model="amazon.nova-pro"), "growth_by_week") == []
    assert "no two weeks" in found(trace_of([0.0, 10 * DAY], model="amazon.nova-pro"), "growth_by_week")


def test_idle_units_are_named_where_the_trace_says_provisioned():
    """A unit of Llama 3.1 70B busy in 12 of 48 hours: 75 % of 730 h at 13.08 to 24 USD, for each unit."""
    times = np.append(np.arange(12.0) * 3_600, 48 * 3_600 - 60)
    tiers = ["provisioned"] * 12 + ["default"]
    model = ["meta.llama3-1-70b-instruct"] * 13
    (one,) = found(trace_of(times, model=model, tier=tiers), "idle_units")
    assert one.figures["idle_share"] == pytest.approx(0.75)
    assert one.usd_month == pytest.approx((0.75 * 730 * 13.08, 0.75 * 730 * 24.0))
    busy = trace_of(np.arange(48.0) * 3_600, model="meta.llama3-1-70b-instruct", tier="provisioned")
    assert found(busy, "idle_units") == []
    assert "no row says" in found(trace_of(times, model=model), "idle_units")


def prefixed(n=100, block=512, same=3):
    """Make requests of 2,048 tokens whose first three blocks are alike and whose last is their own."""
    chains = pa.array([[*range(1, same + 1), *(1_000 + 10 * i + k for k in range(4 - same))] for i in range(n)])
    return {"prefix_hashes": chains, "prefix_block_tokens": np.array([block]), "input_tokens": 2_048}


def test_a_constant_prefix_costs_its_tokens():
    """1,536 of 2,048 tokens are the same in all 100 requests: at most 100 x 1,536 x 3.30 USD per million."""
    times = np.linspace(0.0, 14 * DAY, 100)
    (one,) = found(trace_of(times, model=SONNET, **prefixed()), "constant_prefix")
    assert one.figures["prefix_tokens"] == 1_536
    assert one.usd_month == pytest.approx((0.0, 100 * 1_536 * 3.3e-6 * a_month(times)))
    assert one.figures["share_of_prompt"] == pytest.approx(0.75)


def test_a_prefix_read_from_the_cache_costs_a_tenth():
    """The same prefix read: 1,536 tokens at 0.33 instead of 3.30."""
    times = np.linspace(0.0, 14 * DAY, 100)
    columns = prefixed() | {"input_tokens": 512, "cache_read_tokens": 1_536}
    (one,) = found(trace_of(times, model=SONNET, **columns), "constant_prefix")
    assert one.usd_month[1] == pytest.approx(100 * 1_536 * 0.33e-6 * a_month(times))


def test_prompts_of_their_own_are_no_constant_prefix():
    """No block in common; and without hashes it is not looked at."""
    times = np.linspace(0.0, 14 * DAY, 100)
    assert found(trace_of(times, model=SONNET, **prefixed(same=0)), "constant_prefix") == []
    assert "no prefix hashes" in found(trace_of(times, model=SONNET), "constant_prefix")


def test_explained_variance_is_that_of_the_analysis_of_variance():
    """Groups (1, 3) and (5, 7), repeated: 4/5 between; adjusted 1 - (n-1)/(n-2) x 1/5."""
    n = 400
    output = np.tile([1.0, 3.0, 5.0, 7.0], n // 4)
    trace = trace_of(np.arange(float(n)), app=np.tile(["a", "a", "b", "b"], n // 4))
    one = driver("app", coded(trace, "app"), np.arange(n), output)
    assert one.explained == pytest.approx(1 - (n - 1) / (n - 2) * 0.2)
    assert one.means == {"a": 2.0, "b": 6.0}
    assert one.lo <= one.explained <= one.hi


def test_the_interval_covers_what_chance_makes_of_nothing():
    """Labels at random explain nothing: in 100 drawn traces the lower end stays under 5 %, from which it is named."""
    rng = np.random.default_rng(1)
    n, named = 400, 0
    for _ in range(100):
        trace = trace_of(np.arange(float(n)), app=rng.choice(["a", "b", "c"], n))
        one = driver("app", coded(trace, "app"), np.arange(n), rng.lognormal(5, 1, n))
        named += one.lo >= 0.05
    assert named == 0


def test_long_answers_of_one_app_cost_what_lies_beyond_the_others():
    """App a answers 300 tokens and b 100: beyond b's are 200 x 100 tokens at 3.20 USD per million."""
    times = np.linspace(0.0, 14 * DAY, 200)
    rng = np.random.default_rng(0)
    apps = np.array(["a", "b"])[rng.permutation(np.arange(200) % 2)]
    output = np.where(apps == "a", 300, 100)
    (one,) = found(trace_of(times, model="amazon.nova-pro", app=apps, output_tokens=output), "output_drivers")
    assert one.about == "a"
    assert one.usd_month == pytest.approx((0.0, 100 * 200 * 3.2e-6 * a_month(times)))
    same = trace_of(times, model="amazon.nova-pro", app=apps, output_tokens=rng.permutation(output))
    assert found(same, "output_drivers") == []
    assert "fewer than the 200" in found(trace_of([0.0, 1.0], app=["a", "b"]), "output_drivers", model=SONNET)


def test_findings_stand_by_usd_and_say_what_counts_the_same():
    """The largest amount first, those without any last; global and batch are of the same tokens."""
    times = np.sort(np.random.default_rng(0).random(500) * 13 * DAY) // 40_000 * 40_000
    trace = trace_of(np.append(times, 14 * DAY), model=SONNET, max_tokens=4_096)
    seen = lab.findings(trace, PRICES)
    sizes = [f.size for f in seen.findings]
    assert sizes == sorted(sizes, reverse=True)
    assert seen.findings[-1].id == "max_tokens"
    (one,) = [f for f in seen.findings if f.id == "global_scope"]
    assert any(other.startswith("deferrable_peak") for other in one.overlaps)
    names = {f.id for f in seen.findings} | set(seen.nothing) | {n.id for n in seen.not_looked_at}
    assert len(names) == 11


def test_findings_of_different_models_do_not_overlap():
    """The end of one model's life has nothing to do with another's scope."""
    times = two_weeks()
    models = np.where(np.arange(len(times)) % 2, SONNET, "anthropic.claude-3-haiku")
    seen = lab.findings(trace_of(times, model=models), PRICES)
    (one,) = [f for f in seen.findings if f.id == "global_scope"]
    assert not any(other.startswith("end_of_life") for other in one.overlaps)


def test_under_a_week_a_month_is_a_range_over_flat_and_office():
    """An hour of traffic: as it was all month, or in an office week whose mean hour is 0.371 of its busiest."""
    times = np.arange(0.0, 3_600.0, 60.0)
    (one,) = found(trace_of(times, model=SONNET), "global_scope")
    most = len(times) * 0.00045 * MONTH_S / 3_600
    assert one.usd_month == pytest.approx((most * lab_office_mean(), most))
    (flat,) = found(trace_of(times, model=SONNET), "global_scope", shape="flat")
    assert flat.usd_month == pytest.approx((most, most))


def lab_office_mean():
    """Mean of the assumed office week: five days of 10.41 and two of 2.4 hours at full load, over 168."""
    day = 6 * 0.08 + 0.15 + 0.3 + 0.6 + 8 + 0.6 + 0.4 + 3 * 0.25 + 0.15 + 0.08
    rest = 8 * 0.05 + 12 * 0.15 + 4 * 0.05
    return (5 * day + 2 * rest) / 168


def test_a_trace_that_cannot_be_priced_is_still_looked_at():
    """Without a model there are no USD, and what needs none is found all the same."""
    seen = lab.findings(trace_of(np.arange(0.0, 100.0), max_tokens=4_096, outcome="ok"), PRICES)
    assert [f.id for f in seen.findings] == ["max_tokens"]
    assert seen.usd_month is None
    because = {n.id: n.because for n in seen.not_looked_at}
    assert "names no model" in because["global_scope"]
    with pytest.raises(InputError, match="unknown model"):
        lab.findings(trace_of([0.0]), PRICES, model="no.such-model")


def test_rows_of_units_and_reserved_capacity_are_not_priced_by_the_token():
    """They are left out of the USD, and do not stop the rest."""
    times = two_weeks()
    tiers = np.where(np.arange(len(times)) % 2, "provisioned", "default")
    seen = lab.findings(trace_of(times, model="amazon.nova-pro", tier=tiers), PRICES)
    each = 1_000 * 0.8e-6 + 100 * 3.2e-6
    assert seen.usd_month == pytest.approx((len(times) / 2 * each * a_month(times),) * 2)


def test_windows_are_looked_at_as_far_as_they_go():
    """Sums say throttles and unread writes, not max_tokens or single answers."""
    minutes = np.arange(3.0) * 60
    trace = make_trace(
        {
            "time_s": np.append(minutes, [DAY, 60.0]),
            "requests": np.array([5, 5, 5, 1, 4]),
            "model": np.array([SONNET] * 5, object),
            "outcome": np.array(["ok"] * 4 + ["throttled"], object),
            "input_tokens": np.array([5_000, 5_000, 5_000, 100, 0]),
            "output_tokens": np.array([500, 500, 500, 10, 0]),
            "cache_read_tokens": np.zeros(5, int),
            "cache_write_unknown_tokens": np.array([10_000, 0, 0, 0, 0]),
        },
        origin="log", source="metrics", format="cloudwatch", kind="windows", window_s=60.0,
    )  # fmt: skip
    seen = lab.findings(trace, PRICES)
    because = {n.id: n.because for n in seen.not_looked_at}
    assert "sums" in because["max_tokens"]
    assert "sums" in because["output_drivers"]
    by = {f.id: f for f in seen.findings}
    assert by["throttled_minutes"].sentence.startswith("4 of 20 requests were throttled, in 1 of 1,441 minutes")
    low, high = by["cache_writes_unread"].usd_month
    # 4.125 for five minutes, 6.60 for an hour, against 3.30: the TTL is not known
    assert high / low > 4


def test_the_command_line_prints_findings_beside_the_profile(tmp_path, capsys):
    """JSON has findings[] and what was not looked at; the text has both and the file in its commands."""
    file = tmp_path / "calls.parquet"
    trace_of(two_weeks(), model=SONNET, max_tokens=4_096).write(file)
    assert run(["trace", "profile", str(file), "--date", "2026-11-22", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["requests"] == 336
    assert [f["id"] for f in told["findings"]] == ["global_scope", "max_tokens"]
    assert {"id", "sentence", "usd_month", "n", "share", "do", "assumptions"} <= told["findings"][0].keys()
    assert {n["id"] for n in told["not_looked_at"]} >= {"app_share", "constant_prefix"}
    assert run(["trace", "profile", str(file), "--date", "2026-11-22"]) == 0
    text = capsys.readouterr().out
    assert "It would save" in text
    assert f"bedrock-lab plan {file}" in text
    assert "Not looked at, because:" in text
