"""Usage and Trace: what they hold, what they refuse, and that a written Trace comes back as it was."""

import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_lab.assumptions import Origin
from bedrock_lab.errors import InputError
from bedrock_lab.traffic import BUCKETS, Trace, Usage, make_trace, profile, read_trace, window_count, window_sums
from bedrock_lab.traffic.clock import iso_utc, utc_ns


def trace_of(times, **columns):
    """Make a Trace of times [s] and further columns."""
    columns.setdefault("input_tokens", np.arange(len(times)))
    return make_trace({"time_s": np.array(times, float), **columns}, origin="synthetic", source="test", format="test")


@st.composite
def traces(draw):
    """Draw columns of a small trace."""
    n = draw(st.integers(1, 30))
    counts = st.lists(st.one_of(st.none(), st.integers(0, 10**9)), min_size=n, max_size=n)
    words = st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", "é"])), min_size=n, max_size=n)
    times = draw(st.lists(st.floats(0, 1e6, allow_nan=False), min_size=n, max_size=n))
    inputs = draw(st.lists(st.integers(0, 10**9), min_size=n, max_size=n))
    columns = {"time_s": np.array(times), "input_tokens": np.array(inputs)}
    if draw(st.booleans()):
        columns["output_tokens"] = np.array(draw(counts), dtype=float)
    if draw(st.booleans()):
        columns["app"] = draw(words)
    if draw(st.booleans()):
        columns["request_id"] = draw(words)
    return columns


def test_prompt_tokens_are_input_cache_reads_and_cache_writes():
    """What long-context thresholds look at leaves out the output only."""
    usage = Usage(
        input_tokens=1,
        cache_read_tokens=2,
        cache_write_5m_tokens=4,
        cache_write_30m_tokens=8,
        cache_write_1h_tokens=16,
        cache_write_unknown_tokens=32,
        output_tokens=64,
    )
    assert usage.prompt_tokens == 63
    assert [usage.tokens(bucket) for bucket in BUCKETS] == [1, 2, 4, 8, 16, 32, 64]


@pytest.mark.parametrize("value", [-1, 1.0, True, float("nan"), "3", None])
def test_a_count_that_is_no_whole_number_is_refused(value):
    """Tokens are whole numbers of 0 or more; the message names the field, the value and what is allowed."""
    with pytest.raises(InputError, match=r"output_tokens is .*; a whole number of 0 or more is allowed"):
        Usage(input_tokens=1, output_tokens=value)


def test_an_unknown_bucket_is_refused():
    """A bucket is one of BUCKETS."""
    with pytest.raises(InputError, match=r"unknown bucket 'cached'; known: input"):
        Usage(input_tokens=1).tokens("cached")


def test_importing_the_room_imports_no_heavy_library():
    """The command line starts without numpy, pyarrow or pandas."""
    code = "import sys, bedrock_lab.traffic; print([m for m in ('numpy', 'pyarrow', 'pandas') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_rows_are_sorted_by_time_and_equal_times_keep_their_order():
    """The second and the fourth row come late; the two rows at 5 s stay in their order."""
    trace = trace_of([9, 5, 12, 5], input_tokens=np.array([1, 2, 3, 4]))
    assert trace.column("time_s").tolist() == [0, 0, 4, 7]
    assert trace.column("input_tokens").tolist() == [2, 4, 1, 3]
    assert trace.reordered == 2


def test_the_earliest_row_of_a_request_id_is_kept():
    """Duplicates by request id are dropped and counted; rows without an id are never duplicates."""
    trace = trace_of([3, 1, 2, 4], request_id=["a", "a", None, None], input_tokens=np.array([1, 2, 3, 4]))
    assert trace.column("input_tokens").tolist() == [2, 3, 4]
    assert trace.duplicates == 1


def test_a_period_is_whole_minutes_and_the_last_counts_as_full():
    """Span 59.9 s is one minute, span 60 s is two."""
    assert trace_of([0, 59.9]).period_s == 60
    assert trace_of([0, 60]).period_s == 120
    assert trace_of([7]).period_s == 60


def test_the_start_moves_with_the_first_arrival():
    """A clock that starts at noon with a first arrival 90 s later starts at 12:01:30, a Tuesday."""
    trace = make_trace(
        {"time_s": np.array([90.0, 95.0])},
        origin="log",
        source="test",
        format="test",
        start_time="2026-01-06T12:00:00Z",
    )
    assert trace.start_time == "2026-01-06T12:01:30Z"
    assert trace.start_hour_of_week() == pytest.approx(24 + 12 + 1.5 / 60)
    assert trace_of([0]).start_hour_of_week() is None


def test_a_null_count_shows_as_nan_and_an_absent_column_as_none():
    """Unknown is not zero."""
    trace = trace_of([0, 1], output_tokens=np.array([5, np.nan]), max_tokens=np.array([np.nan, np.nan]))
    assert trace.column("input_tokens").dtype == np.int64
    np.testing.assert_array_equal(trace.column("output_tokens"), [5, np.nan])
    assert trace.column("max_tokens") is None
    assert trace.text("model") is None
    assert trace.expresses == ("input", "output")


def test_text_columns_are_coded_and_come_back_as_objects():
    """A model is stored once, however many rows have it."""
    trace = trace_of([0, 1, 2], model=["m", None, "m"])
    assert str(trace.table.schema.field("model").type).startswith("dictionary")
    assert trace.text("model").tolist() == ["m", None, "m"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"time_s": np.array([])}, "no rows"),
        ({"input_tokens": np.array([1])}, "needs the column time_s"),
        ({"time_s": np.array([0.0]), "input_tokens": np.array([-1])}, "input_tokens is -1 in row 1"),
        ({"time_s": np.array([0.0]), "input_tokens": np.array([1.5])}, "input_tokens is 1.5 in row 1"),
        ({"time_s": np.array([0.0]), "input_tokens": ["many"]}, "holds something that is no number"),
        ({"time_s": np.array([np.nan])}, "time_s is missing or infinite in row 1"),
        ({"time_s": np.array([0.0, 1e12])}, "seconds within a century"),
        ({"time_s": np.array([0.0]), "input_tokens": np.array([1, 2])}, "columns differ in length"),
        ({"time_s": np.array([0.0]), "tokens": np.array([1])}, "no column 'tokens'"),
        ({"time_s": np.array([0.0]), "outcome": ["lost"]}, "outcome is 'lost'; ok, throttled, failed"),
    ],
)
def test_what_does_not_belong_in_a_trace_is_refused(columns, message):
    """One line: what, the value, what is allowed."""
    with pytest.raises(InputError, match=message) as caught:
        make_trace(columns, origin="log", source="test", format="test")
    assert "\n" not in str(caught.value)


def test_an_unknown_column_name_is_refused_when_asked_for():
    """A misspelt column is an error, not an empty answer."""
    with pytest.raises(InputError, match="no column 'inputs'"):
        trace_of([0]).column("inputs")


def test_a_question_about_single_requests_is_refused_by_windows():
    """The message names the question and the length of the windows."""
    trace = make_trace(
        {"time_s": np.array([0.0, 60.0]), "requests": np.array([3, 4])},
        origin="log",
        source="metrics",
        format="test",
        kind="windows",
        window_s=60,
    )
    assert trace.requests == 7
    assert trace.period_s == 120
    with pytest.raises(InputError, match="prompt-cache needs single requests; metrics holds sums over windows of 60 s"):
        trace.need_requests("prompt-cache")


def test_windows_of_an_hour_stand_for_whole_hours():
    """Two hourly rows are two hours, not one hour and a minute."""
    columns = {"time_s": np.array([0.0, 3600.0]), "requests": np.array([1, 1])}
    trace = make_trace(columns, origin="log", source="x", format="x", kind="windows", window_s=3600)
    assert trace.period_s == 7200


def test_a_selection_starts_its_own_clock_unless_told_otherwise():
    """The second and third of three arrivals."""
    trace = trace_of([0, 10, 15])
    mask = np.array([False, True, True])
    assert trace.select(mask).column("time_s").tolist() == [0, 5]
    assert trace.select(mask, rebase=False).column("time_s").tolist() == [10, 15]
    with pytest.raises(InputError, match="no row of the trace is selected"):
        trace.select(np.zeros(3, dtype=bool))


@settings(deadline=None)
@given(traces())
def test_writing_and_reading_is_identity(tmp_path_factory, columns):
    """Rows, types, metadata and counts come back as they were."""
    trace = make_trace(
        columns,
        origin=Origin.EMULATED,
        source="drawn",
        format="drawn",
        start_time="2026-01-05T00:00:00.123456789Z",
        expresses=["input", "output", "cache_read"],
        notes=["a note"],
    )
    path = trace.write(tmp_path_factory.mktemp("t") / "trace.parquet")
    assert read_trace(path) == trace


@settings(deadline=None)
@given(traces(), st.randoms(use_true_random=False))
def test_permuting_the_rows_changes_only_how_many_came_late(columns, random):
    """A profile does not depend on the order of the file."""
    columns.pop("request_id", None)
    order = list(range(len(columns["time_s"])))
    random.shuffle(order)
    shuffled = {name: np.array(values, dtype=object)[order] for name, values in columns.items()}
    given_by_name = {"origin": "log", "source": "x", "format": "x"}
    before = profile(make_trace(columns, **given_by_name)).to_dict()
    after = profile(make_trace(shuffled, **given_by_name)).to_dict()
    before.pop("reordered")
    after.pop("reordered")
    assert after == before


@settings(deadline=None)
@given(traces(), st.sampled_from([1.0, 60.0, 3600.0]))
def test_windows_conserve_requests_and_tokens(columns, window_s):
    """Every row falls in one window; the sums are those of the rows."""
    trace = make_trace(columns, origin="log", source="x", format="x")
    sums = window_sums(trace, window_s, ["requests", "input_tokens", "output_tokens"])
    assert {len(v) for v in sums.values()} == {window_count(trace, window_s)} == {int(trace.span_s // window_s) + 1}
    assert sums["requests"].sum() == len(trace)
    assert sums["input_tokens"].sum() == trace.column("input_tokens").sum()
    outputs = trace.column("output_tokens")
    assert sums["output_tokens"].sum() == (0 if outputs is None else np.nansum(outputs))


def test_a_masked_sum_keeps_the_windows_of_the_whole():
    """The sums of two groups add up to the sum of all, window by window."""
    trace = trace_of([0, 70, 130], input_tokens=np.array([1, 2, 4]))
    mask = np.array([True, False, False])
    one = window_sums(trace, 60, ["input_tokens"], mask=mask)["input_tokens"]
    rest = window_sums(trace, 60, ["input_tokens"], mask=~mask)["input_tokens"]
    assert one.tolist() == [1, 0, 0]
    assert rest.tolist() == [0, 2, 4]


def test_windows_are_summed_to_multiples_only():
    """Five minutes are five windows of a minute; 90 s are none."""
    columns = {"time_s": np.arange(10) * 60.0, "requests": np.ones(10, int), "input_tokens": np.arange(10)}
    trace = make_trace(columns, origin="log", source="metrics", format="x", kind="windows", window_s=60)
    assert window_sums(trace, 300, ["requests", "input_tokens"])["input_tokens"].tolist() == [10, 35]
    for bad in (90, 30, 0, -60):
        with pytest.raises(InputError, match="window_s is"):
            window_sums(trace, bad, ["requests"])


@given(st.integers(-(10**18), 10**18))
def test_a_point_in_time_survives_its_text(ns):
    """Nanoseconds are kept."""
    assert utc_ns(iso_utc(ns)) == ns


def test_an_unwritable_place_is_refused_and_leaves_nothing(tmp_path):
    """A folder that is a file, a missing folder, a folder in place of a file."""
    trace = trace_of([0])
    (tmp_path / "file").write_text("kept")
    for path in (tmp_path / "file" / "x.parquet", tmp_path / "none" / "x.parquet", tmp_path):
        with pytest.raises(InputError) as caught:
            trace.write(path)
        assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_write_that_fails_keeps_the_old_file(tmp_path, monkeypatch):
    """The file appears whole or not at all."""
    path = trace_of([0]).write(tmp_path / "x.parquet")
    before = path.read_bytes()

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(Exception, match="No space left on device"):
        trace_of([0, 1]).write(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.parquet"]


def test_a_trace_shows_itself_without_its_rows():
    """The summary is plain values; HTML is escaped."""
    trace = make_trace({"time_s": np.array([0.0])}, origin="live", source="<b>", format="x")
    assert trace.to_dict()["requests"] == 1
    assert "&lt;b&gt;" in trace._repr_html_()
    assert len(trace.to_frame()) == len(trace) == 1
    assert isinstance(trace, Trace)
