"""Profiles: definitions counted out by hand, the public traces, groups, windows."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from bedrock_lab.errors import InputError
from bedrock_lab.traffic import from_averages, make_trace, profile, profile_by, read_trace

FILES = Path(__file__).parent / "data" / "traffic"


def trace_of(times, **columns):
    """Make a Trace of times [s] and further columns."""
    columns.setdefault("input_tokens", np.ones(len(times), int))
    return make_trace({"time_s": np.array(times, float), **columns}, origin="synthetic", source="test", format="test")


def test_dispersion_counts_every_window_to_the_last_arrival():
    """Counts 2, 0, 1 in windows of 10 s: mean 1, variance 2/3."""
    found = profile(trace_of([0, 1, 25]))
    assert found.dispersion["10"] == pytest.approx(2 / 3)
    assert found.dispersion["60"] == 0


def test_an_arrival_on_the_edge_belongs_to_the_next_window():
    """Windows are [0, 60) and [60, 120): counts 1 and 2, peak 2 over mean 1.5."""
    assert profile(trace_of([0, 60, 61])).peak_to_mean_1m == pytest.approx(2 / 1.5)


def test_the_rate_is_requests_over_the_period():
    """Three requests in 61 s stand for two minutes; a stated period replaces it."""
    trace = trace_of([0, 10, 61])
    assert profile(trace).rate_per_s == 3 / 120
    assert profile(trace, period_s=3600).rate_per_s == 3 / 3600
    for bad in (0, -1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="period_s is"):
            profile(trace, period_s=bad)


def test_the_gaps_need_two_and_a_mean_above_zero():
    """Gaps 1 and 3: standard deviation 1 over mean 2."""
    assert profile(trace_of([0, 1, 4])).interarrival_cv == 0.5
    assert profile(trace_of([0, 1])).interarrival_cv is None
    assert profile(trace_of([0, 0, 0])).interarrival_cv is None


def test_percentiles_are_the_ceil_np_th_smallest():
    """Of 1 to 10: the 5th, the 9th and the 10th."""
    lengths = profile(trace_of(range(10), input_tokens=np.arange(10, 0, -1))).input_tokens
    assert lengths == {"total": 55, "mean": 5.5, "p50": 5, "p90": 9, "p99": 10, "max": 10}


def test_tokens_a_minute_count_empty_minutes():
    """Minutes of 3, 0 and 4 tokens."""
    found = profile(trace_of([0, 1, 125], input_tokens=np.array([1, 2, 4]))).tokens_per_minute["input"]
    assert found == {"mean": 7 / 3, "p50": 3, "p95": 4, "p99": 4, "max": 4}


def test_unknown_is_null_and_named():
    """No output column, no outcome, no cache tokens: null, with words for it."""
    found = profile(trace_of([0]))
    assert found.output_tokens["total"] is None
    assert found.outcomes == {"ok": None, "throttled": None, "failed": None}
    assert found.cache_read_tokens is found.cache_write_tokens is None
    assert found.prefix is None
    said = " ".join(found.cannot_answer)
    for word in ("cache tokens", "output tokens", "throttled", "model", "time of day", "prefix"):
        assert word in said


def test_outcomes_and_cache_tokens_are_counted_where_the_file_says_them():
    """Writes of every time to live are added up; outcomes are never folded together."""
    found = profile(
        trace_of(
            [0, 1, 2],
            outcome=["ok", "throttled", "failed"],
            cache_read_tokens=np.array([5, 0, 0]),
            cache_write_5m_tokens=np.array([1, 0, 0]),
            cache_write_1h_tokens=np.array([2, np.nan, 0]),
        )
    )
    assert found.outcomes == {"ok": 1, "throttled": 1, "failed": 1}
    assert found.cache_read_tokens == {"total": 5}
    assert found.cache_write_tokens == {"total": 3}


def test_prefix_reuse_is_weighed_by_tokens():
    """1100 = 512 + 512 + 76, then 512 + 512 again of 1200, then 512 of 600: 1536 of 2900 tokens."""
    found = profile(read_trace(FILES / "mooncake.jsonl")).prefix
    assert found["reused_token_share"] == pytest.approx(1536 / 2900)
    assert (found["blocks"], found["unique_blocks"], found["block_tokens"]) == (8, 5, 512)
    assert found["kind"] == "upper bound"


def test_windows_answer_what_sums_can_answer():
    """Two minutes with 10 and 30 requests: mean 20, variance 100; no gaps, no percentiles."""
    columns = {"time_s": np.array([0.0, 60.0]), "requests": np.array([10, 30]), "input_tokens": np.array([100, 700])}
    trace = make_trace(columns, origin="log", source="metrics", format="x", kind="windows", window_s=60)
    found = profile(trace)
    assert found.requests == 40
    assert found.dispersion == {"1": None, "10": None, "60": 5.0}
    assert found.peak_to_mean_1m == 1.5
    assert found.interarrival_cv is None
    assert found.input_tokens["mean"] == 20
    assert found.input_tokens["p99"] is None
    assert found.tokens_per_minute["input"]["max"] == 700
    assert any("sums over 60 s" in words for words in found.cannot_answer)


def test_hourly_windows_say_nothing_about_minutes():
    """What is finer than the rows is null."""
    columns = {"time_s": np.array([0.0, 3600.0]), "requests": np.array([10, 30]), "input_tokens": np.array([1, 2])}
    trace = make_trace(columns, origin="log", source="metrics", format="x", kind="windows", window_s=3600)
    found = profile(trace)
    assert found.peak_to_mean_1m is None
    assert found.tokens_per_minute["input"]["mean"] is None
    assert found.rate_per_s == 40 / 7200


def test_groups_share_the_period_and_add_up():
    """Two apps and one row without: the largest first, rates over the whole period."""
    trace = trace_of([0, 1, 61, 62], app=["a", "b", "a", None], input_tokens=np.array([1, 2, 4, 8]))
    groups = profile_by(trace, ["app", "model"])
    assert [g["group"]["app"] for g in groups] == ["a", None, "b"]
    assert groups[0]["group"]["model"] is None
    assert groups[0]["profile"]["rate_per_s"] == 2 / 120
    assert sum(g["profile"]["input_tokens"]["total"] for g in groups) == 15
    with pytest.raises(InputError, match="cannot group by 'user'; known: model"):
        profile_by(trace, ["user"])


def test_a_profile_is_plain_json_and_shows_itself():
    """No NaN, no numpy type, nothing that JSON cannot say."""
    found = profile(trace_of([0, 5], output_tokens=np.array([1, np.nan])))
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False)) == found.to_dict()
    assert "rate_per_s" in found._repr_html_()
    assert "dispersion.60" in found.to_frame()["measure"].tolist()


def test_the_azure_conversation_trace_profiles_to_the_digit(azure_path):
    """The figures by which the definitions are known."""
    found = profile(read_trace(azure_path)).to_dict()
    assert {w: round(d, 3) for w, d in found["dispersion"].items()} == {"1": 1.386, "10": 4.003, "60": 20.553}
    assert round(found["peak_to_mean_1m"], 3) == 1.545
    assert found["requests"] == 19_366
    assert found["period_s"] == 3540
    assert found["input_tokens"]["total"] == 22_361_870
    assert found["output_tokens"]["total"] == 4_088_665
    assert found["cache_read_tokens"] is None
    assert found["start_time"].startswith("2023-11-16T18:15:46.68")


def test_a_million_requests_profile_in_two_seconds_of_cpu(tmp_path):
    """Reading the parquet file and describing it, imports apart."""
    trace = from_averages(1e6 * 2_628_000 / (14 * 86_400), 1200, 300)
    path = trace.write(tmp_path / "x.parquet")
    read_trace(path)
    begun = time.process_time()
    found = profile(read_trace(path))
    assert time.process_time() - begun < 2.0
    assert found.requests == 1_000_000
