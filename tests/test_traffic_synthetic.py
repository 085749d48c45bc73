"""Traffic that is made up: from averages and after the likeness of a trace."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bedrock_lab.assumptions import Origin
from bedrock_lab.errors import InputError
from bedrock_lab.traffic import from_averages, make_trace, profile, read_trace, shape_weights, synth, window_sums
from bedrock_lab.traffic.averages import INPUT_SD_LOG, OUTPUT_SD_LOG, apportion
from bedrock_lab.traffic.shapes import hourly_weights

FORTNIGHT_S = 14 * 86_400
MONTH_S = 2_628_000


@settings(deadline=None, max_examples=40)
@given(st.floats(1000, 500_000), st.floats(1, 5000), st.floats(1, 2000), st.sampled_from(["flat", "office"]))
def test_averages_come_out_exactly(per_month, inputs, outputs, shape):
    """The number of requests, the period and the means are those stated."""
    trace = from_averages(per_month, inputs, outputs, shape=shape)
    n = round(per_month * FORTNIGHT_S / MONTH_S)
    assert trace.requests == len(trace) == n
    assert trace.column("input_tokens").sum() == round(n * inputs)
    assert trace.column("output_tokens").sum() == round(n * outputs)
    assert trace.column("input_tokens").min() >= 1
    assert trace.column("time_s")[0] == 0
    assert trace.period_s == FORTNIGHT_S
    assert trace.start_hour_of_week() == 0
    assert trace.origin is Origin.SYNTHETIC


def test_made_up_traffic_says_what_it_assumes():
    """Source and notes name the averages, the shape, the spread and the seed."""
    trace = from_averages(100_000, 1200, 300, shape="office", seed=7)
    assert "100,000 requests a month" in trace.source
    assert "seed 7" in trace.source
    assert "office" in trace.notes[0]
    assert f"{INPUT_SD_LOG:g} and {OUTPUT_SD_LOG:g}" in trace.notes[1]
    assert trace.expresses == ("input", "output")


def test_the_same_seed_makes_the_same_rows():
    """And another seed others."""
    first, again, other = (from_averages(50_000, 900, 100, seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert first.table != other.table


def test_arrivals_follow_the_shape():
    """The hours of the office week get their share, within four standard deviations of a binomial count."""
    trace = from_averages(1_000_000, 10, 10, shape="office", days=7)
    counts = window_sums(trace, 3600, ["requests"])["requests"]
    share = shape_weights("office") / 168
    assert (np.abs(counts - len(trace) * share) < 4.5 * np.sqrt(len(trace) * share)).all()


def test_flat_arrivals_are_poisson():
    """Dispersion is 1 at every window; its standard error over m windows is about sqrt(2/m)."""
    found = profile(from_averages(1_000_000, 10, 10)).dispersion
    for window, value in found.items():
        assert abs(value - 1) < 5 * np.sqrt(2 * int(window) / FORTNIGHT_S)


def test_above_two_million_requests_come_windows():
    """One row a minute, totals exact; a window's tokens vary as sums of lognormal lengths do."""
    trace = from_averages(50_000_000, 1200, 300)
    n = round(50_000_000 * FORTNIGHT_S / MONTH_S)
    assert trace.kind == "windows"
    assert len(trace) == 14 * 1440
    assert trace.requests == n
    assert trace.column("input_tokens").sum() == n * 1200
    assert trace.period_s == FORTNIGHT_S
    assert (trace.column("input_tokens") >= trace.column("requests")).all()
    excess = trace.column("input_tokens") - 1200 * trace.column("requests")
    expected = 1200 * np.sqrt(n / len(trace) * np.expm1(INPUT_SD_LOG**2))
    assert excess.std() == pytest.approx(expected, rel=0.03)


def test_embeddings_have_no_output():
    """An output mean of 0 gives no output tokens."""
    assert from_averages(10_000, 100, 0).column("output_tokens").sum() == 0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"requests_per_month": 0}, "requests_per_month is 0"),
        ({"requests_per_month": float("nan")}, "requests_per_month is nan"),
        ({"requests_per_month": 1}, "makes 0 requests, at least 2"),
        ({"input_mean": 0}, "input_mean is 0; 1 to 1e9"),
        ({"input_mean": float("nan")}, "input_mean is nan"),
        ({"output_mean": -1}, "output_mean is -1; 0, or 1"),
        ({"days": 0}, "days is 0"),
        ({"days": 1.5}, "days is 1.5"),
        ({"shape": "weekend"}, "shape 'weekend': no such shape or file; known: flat, office"),
        ({"input_sd_log": -1}, "input_sd_log is -1"),
        ({"seed": -1}, "seed is -1; a whole number of 0 or more"),
    ],
)
def test_figures_out_of_range_are_refused(changed, message):
    """One line with the value and what is allowed."""
    stated = {"requests_per_month": 10_000, "input_mean": 100, "output_mean": 10, **changed}
    with pytest.raises(InputError, match=message):
        from_averages(**stated)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.integers(0, 2**53))
@example([5e-324], 1)
@example([1.0, 1.0, 1.0], 2**53)
def test_apportioning_keeps_the_total(shares, total):
    """Each part is within one of its exact share, and no part is negative."""
    parts = apportion(np.array(shares), total)
    assert parts.sum() == total
    assert parts.min() >= 0
    exact = [Fraction(share) * total / sum(map(Fraction, shares)) for share in shares] if any(shares) else []
    assert all(abs(part - share) < 1 + total * 1e-14 for part, share in zip(parts.tolist(), exact, strict=False))


def test_the_default_spreads_are_those_of_the_azure_trace(azure_path):
    """Measured anew: standard deviations of the logarithms, and their correlation near 0."""
    trace = read_trace(azure_path)
    inputs, outputs = np.log(trace.column("input_tokens")), np.log(trace.column("output_tokens"))
    assert round(inputs.std(), 2) == INPUT_SD_LOG
    assert round(outputs.std(), 2) == OUTPUT_SD_LOG
    assert abs(np.corrcoef(inputs, outputs)[0, 1]) < 0.1


def source_trace():
    """Make half an hour in which two of three minutes have 40 requests, the middle one none."""
    times = np.concatenate([np.linspace(m * 60, m * 60 + 59, 40) for m in range(30) if m % 3 != 1])
    n = len(times)
    columns = {
        "time_s": times,
        "input_tokens": np.arange(n),
        "output_tokens": np.arange(n) * 2,
        "max_tokens": np.arange(n) * 3,
        "model": [f"m{i % 3}" for i in range(n)],
        "outcome": ["ok"] * n,
        "request_id": [str(i) for i in range(n)],
    }
    return make_trace(columns, origin="log", source="seen", format="test", start_time="2026-01-05T00:00:00Z")


def test_resampled_rows_keep_their_tokens_and_model_together():
    """Every new row is one of the source's; what nobody measured is not carried over."""
    trace = synth(source_trace(), hours=2, seed=1)
    inputs = trace.column("input_tokens")
    assert (trace.column("output_tokens") == 2 * inputs).all()
    assert (trace.column("max_tokens") == 3 * inputs).all()
    assert trace.text("model").tolist() == [f"m{i % 3}" for i in inputs]
    assert trace.text("outcome") is None
    assert trace.text("request_id") is None
    assert trace.origin is Origin.SYNTHETIC
    assert trace.source == "resampled from seen, 2 h, seed 1"
    assert trace.start_time == "2026-01-05T00:00:00Z"


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32), st.sampled_from([None, 0.5, 3.0]))
def test_resampling_keeps_the_intensity_and_is_a_function_of_the_seed(seed, hours):
    """Empty minutes stay empty, the others have 40 on average; the source is repeated, not stretched."""
    like = source_trace()
    trace = synth(like, hours, seed)
    counts = window_sums(trace, 60, ["requests"])["requests"]
    assert counts[1::3].sum() == 0
    busy = counts[np.arange(len(counts)) % 3 != 1]
    assert abs(busy.mean() - 40) < 6 * np.sqrt(40 / len(busy))
    assert trace == synth(like, hours, seed)


def test_a_source_without_single_requests_is_refused():
    """Windows cannot be resampled; hours are above 0."""
    windows = from_averages(50_000_000, 1200, 300)
    with pytest.raises(InputError, match="needs single requests"):
        synth(windows)
    for hours in (0, -1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="hours is"):
            synth(source_trace(), hours)
    with pytest.raises(InputError, match="seed is -1"):
        synth(source_trace(), seed=-1)
    with pytest.raises(InputError, match="up to 50,000,000 are made"):
        synth(source_trace(), 1e9)


def test_a_resampled_day_of_azure_keeps_its_rate_and_lengths(azure_path):
    """Totals within five standard errors of the source's."""
    like = read_trace(azure_path)
    trace = synth(like, hours=24, seed=0)
    expected = len(like) / like.period_s * 86_400
    assert abs(len(trace) - expected) < 5 * np.sqrt(expected)
    inputs = like.column("input_tokens")
    assert abs(trace.column("input_tokens").mean() - inputs.mean()) < 5 * inputs.std() / np.sqrt(len(trace))


def test_shapes_have_mean_one_and_the_office_sleeps():
    """168 hours from Monday 00:00."""
    assert (shape_weights("flat") == 1).all()
    office = shape_weights("office")
    assert office.mean() == pytest.approx(1)
    assert office[9:17].min() > office[0:6].max()
    assert office[9:17].min() > office[5 * 24 :].max()


def test_raw_weights_keep_their_scale():
    """An office hour at full demand weighs 1; the week adds up to 62.35 such hours."""
    office = hourly_weights("office")
    assert office.max() == office[10] == 1
    assert office.sum() == pytest.approx(62.35)


@pytest.mark.parametrize("written", ["lines", "csv", "json"])
def test_a_shape_is_read_from_a_file(tmp_path, written):
    """One a line, seven lines of 24, or a JSON list."""
    weights = [float(i % 24) for i in range(168)]
    text = {
        "lines": "\n".join(map(str, weights)),
        "csv": "\n".join(",".join(map(str, weights[i : i + 24])) for i in range(0, 168, 24)),
        "json": json.dumps(weights),
    }[written]
    path = Path(tmp_path / "shape")
    path.write_text(text)
    np.testing.assert_allclose(shape_weights(path), np.array(weights) / 11.5)
    assert from_averages(10_000, 10, 10, shape=str(path), days=7).requests == round(10_000 * 7 * 86_400 / MONTH_S)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\n" * 167, "holds 167 numbers; 168"),
        ("1\n" * 167 + "-1", "holds -1"),
        ("1\n" * 167 + "nan", "holds nan"),
        ("0\n" * 168, "every weight is 0"),
        ("1\n" * 167 + "high", "no number"),
        ('[{"a": 1}]', "no number"),
        ("[1, 2", "no number"),
    ],
)
def test_a_bad_shape_file_is_refused(tmp_path, text, message):
    """One line with what is allowed."""
    (tmp_path / "shape").write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        shape_weights(tmp_path / "shape")
    assert "\n" not in str(caught.value)
