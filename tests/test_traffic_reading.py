"""Reading: every format from a small file, every way a file can be wrong, and folders."""

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_lab.assumptions import Origin
from bedrock_lab.errors import InputError
from bedrock_lab.traffic import make_trace, profile, read_trace
from bedrock_lab.traffic.readers.files import look
from bedrock_lab.traffic.readers.layouts import columns_of, csv_rows
from bedrock_lab.traffic.readers.names import fields_of, known_as
from bedrock_lab.traffic.readers.settle import settle_slow

FILES = Path(__file__).parent / "data" / "traffic"
WHEN = {"time": "when", "input": "prompt", "output": "answer"}
HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
ROW = "2023-11-16 18:15:46.6805900,374,44\n"


def refusal(path, **options):
    """Return the one line in which a file is refused."""
    with pytest.raises(InputError) as caught:
        read_trace(path, **options)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_azure_times_keep_their_seven_decimals():
    """4.3145790 s after the first request, and two minutes after it."""
    trace = read_trace(FILES / "azure.csv")
    assert trace.format == "azure"
    assert trace.origin is Origin.PUBLIC
    assert trace.start_time == "2023-11-16T18:15:46.68059Z"
    assert trace.column("time_s").tolist() == [0, 4.314579, 120]
    assert trace.column("input_tokens").tolist() == [374, 396, 879]
    assert trace.expresses == ("input", "output")


def test_mooncake_times_are_milliseconds_and_hashes_stay_apart():
    """1,500 ms are 1.5 s; the ids of each row's blocks of 512 tokens are kept."""
    trace = read_trace(FILES / "mooncake.jsonl")
    assert trace.format == "mooncake"
    assert trace.column("time_s").tolist() == [0, 1.5, 61.5]
    assert trace.prefix_hashes.to_pylist() == [[1, 2, 3], [1, 2, 4], [1, 5]]
    assert trace.prefix_block_tokens == 512
    assert trace.start_time is None


def test_burstgpt_requests_without_an_answer_failed():
    """Its models are no Bedrock ids and stand in app; a failed request has no latency."""
    trace = read_trace(FILES / "burstgpt.csv")
    assert trace.format == "burstgpt"
    assert trace.text("app").tolist() == ["ChatGPT", "GPT-4", "ChatGPT"]
    assert trace.text("model") is None
    assert trace.text("outcome").tolist() == ["ok", "ok", "failed"]
    np.testing.assert_array_equal(trace.column("e2e_s"), [2.5, 4.0, np.nan])


def test_a_table_is_read_as_the_user_names_its_columns():
    """A throttled request may lack its usage; other columns are found by their names."""
    trace = read_trace(FILES / "table.csv", columns=WHEN)
    assert trace.format == "table"
    assert trace.origin is Origin.LOG
    assert trace.start_time == "2026-01-05T09:00:00Z"
    assert trace.column("time_s").tolist() == [0, 30.5, 60]
    np.testing.assert_array_equal(trace.column("input_tokens"), [100, np.nan, 300])
    np.testing.assert_array_equal(trace.column("cache_read_tokens"), [0, np.nan, 50])
    assert trace.expresses == ("input", "cache_read", "output")
    assert read_trace(FILES / "table.csv", columns=WHEN, origin="live").origin is Origin.LIVE


def test_a_table_of_json_lines_is_found_by_its_names():
    """Sorted, and the second r2 dropped."""
    trace = read_trace(FILES / "table.jsonl")
    assert trace.text("request_id").tolist() == ["r1", "r3", "r2"]
    assert trace.text("app").tolist() == ["chat", None, "search"]
    assert (trace.reordered, trace.duplicates) == (1, 1)


def test_a_table_of_parquet_takes_timestamps(tmp_path):
    """Written by pandas, with a time zone: 10:00 in Berlin is 09:00 UTC."""
    times = pd.to_datetime(["2026-01-05 10:00:00", "2026-01-05 10:00:07"]).tz_localize("Europe/Berlin")
    frame = pd.DataFrame(
        {"timestamp": times, "inputTokens": [1.0, 2.0], "outputTokens": [3, 4], "requestId": ["a", "b"]}
    )
    frame.to_parquet(tmp_path / "x.parquet")
    trace = read_trace(tmp_path / "x.parquet")
    assert trace.start_time == "2026-01-05T09:00:00Z"
    assert trace.column("time_s").tolist() == [0, 7]
    assert trace.column("input_tokens").tolist() == [1, 2]


def test_a_table_with_window_s_and_requests_holds_windows(tmp_path):
    """One row a window: the requests are summed, not counted."""
    (tmp_path / "x.csv").write_text("time_s,window_s,requests,input_tokens\n0,60,5,50\n60,60,7,70\n")
    trace = read_trace(tmp_path / "x.csv")
    assert trace.kind == "windows"
    assert trace.window_s == 60
    assert trace.requests == 12


def test_times_of_a_billion_seconds_count_from_1970(tmp_path):
    """1767603600 is Monday 2026-01-05 09:00 UTC; a column that ends in _ms is in milliseconds."""
    (tmp_path / "s.csv").write_text("time,input,output\n1767603600,1,2\n1767603601.5,1,2\n")
    (tmp_path / "ms.csv").write_text("timestamp_ms,input,output\n1767603600000,1,2\n1767603601500,1,2\n")
    for name in ("s.csv", "ms.csv"):
        trace = read_trace(tmp_path / name)
        assert trace.start_time == "2026-01-05T09:00:00Z"
        assert trace.column("time_s").tolist() == [0, 1.5]
    (tmp_path / "bad.csv").write_text("time,input,output\n1767603600000,1,2\n")
    assert "milliseconds?" in refusal(tmp_path / "bad.csv")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ContextTokens", ("input_tokens", 1.0)),
        ("cacheWriteInputTokens", ("cache_write_unknown_tokens", 1.0)),
        ("Response tokens", ("output_tokens", 1.0)),
        ("ttft_ms", ("ttft_s", 1000.0)),
        ("max_tokens", ("max_tokens", 1.0)),
        ("total_tokens", None),
    ],
)
def test_columns_are_known_by_what_others_call_them(name, expected):
    """Case, spaces and underscores do not matter."""
    assert known_as(name) == expected


def test_a_file_is_unpacked_by_its_bytes_not_by_its_name(tmp_path):
    """Gzip and zstd under any name read as the plain file does."""
    plain = (FILES / "azure.csv").read_bytes()
    (tmp_path / "a.csv").write_bytes(gzip.compress(plain))
    (tmp_path / "b.csv").write_bytes(pa.compress(plain, codec="zstd", asbytes=True))
    for name in ("a.csv", "b.csv"):
        assert read_trace(tmp_path / name).table == read_trace(FILES / "azure.csv").table


def test_blank_lines_marks_and_other_delimiters_do_not_matter(tmp_path):
    """A byte order mark, blank lines, CRLF, semicolons and quotes."""
    text = '\ufeff\r\ntime_s;"input_tokens";output_tokens\r\n\r\n0;1;2\r\n\r\n"1";3;4\r\n'
    (tmp_path / "x.csv").write_bytes(text.encode())
    trace = read_trace(tmp_path / "x.csv")
    assert trace.column("input_tokens").tolist() == [1, 3]


@pytest.mark.parametrize(
    ("cell", "where"),
    [
        ("-5", "-5"),
        ("nan", "nan"),
        ("1.5", "1.5"),
        ("", "is empty"),
        ("many", "many"),
        ("inf", "inf"),
        ("1e300", "1e300"),
    ],
)
def test_a_bad_count_is_named_with_file_line_and_value(tmp_path, cell, where):
    """Whole numbers of 0 or more are allowed; the bad one is in the third line."""
    path = tmp_path / "x.csv"
    path.write_text(HEADER + ROW + f"2023-11-16 18:15:47,{cell},44\n" + ROW)
    message = refusal(path)
    assert message.startswith(f"{path}:3: ContextTokens")
    assert where in message
    assert "whole number of 0 or more" in message


def test_a_bad_count_in_json_or_parquet_is_named_by_line_or_row(tmp_path):
    """JSON lines by the line, parquet by the row."""
    rows = [{"time_s": 0, "input_tokens": 1}, {"time_s": 1, "input_tokens": -1}]
    (tmp_path / "x.jsonl").write_text("\n\n".join(json.dumps(row) for row in rows))
    assert refusal(tmp_path / "x.jsonl").startswith(f"{tmp_path / 'x.jsonl'}:3: input_tokens is -1")
    pd.DataFrame(rows).to_parquet(tmp_path / "x.parquet")
    assert refusal(tmp_path / "x.parquet").startswith(f"{tmp_path / 'x.parquet'}: row 2: input_tokens is -1")


def test_truncated_files_are_refused(tmp_path):
    """Half a gzip, half a zstd, half a line of CSV, half a line of JSON, half a parquet."""
    trace = read_trace(FILES / "mooncake.jsonl")
    jsonl = (FILES / "mooncake.jsonl").read_bytes()
    halves = {
        "a.gz": gzip.compress(jsonl)[:-20],
        "b.zst": pa.compress(jsonl * 50, codec="zstd", asbytes=True)[:-20],
        "c.csv": (HEADER + ROW + ROW[:20]).encode(),
        "d.jsonl": jsonl[:-20],
        "e.parquet": trace.write(tmp_path / "whole.parquet").read_bytes()[:-20],
    }
    for name, data in halves.items():
        (tmp_path / name).write_bytes(data)
        assert refusal(tmp_path / name).startswith(str(tmp_path / name))
    assert ":3: " in refusal(tmp_path / "c.csv")
    assert ":3: " in refusal(tmp_path / "d.jsonl")
    assert "cut off" in refusal(tmp_path / "a.gz")


def test_what_is_no_trace_is_refused(tmp_path):
    """Missing, empty, blank, only a header, no text, unknown columns, a JSON list, an address."""
    contents = {
        "empty": b"",
        "blank": b" \n\n",
        "header": HEADER.encode(),
        "bytes": bytes(range(256)),
        "nul": b"a,b\0\n1,2\n",
        "other": b"alpha,beta\n1,2\n",
        "list": b"[1, 2]",
        "prose": b"hello\nworld\n",
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
        assert refusal(tmp_path / name).startswith(str(tmp_path / name))
    other = refusal(tmp_path / "other")
    assert "alpha, beta" in other
    assert "azure, mooncake, burstgpt, bedrock-logs, table" in other
    assert "no such file" in refusal(tmp_path / "none")
    assert "holds no files" in refusal(make_folder(tmp_path / "folder", {}))
    assert "only files and folders" in refusal("s3://bucket/prefix/")


def test_options_that_do_not_fit_are_refused(tmp_path):
    """The message names what exists."""
    path = FILES / "table.csv"
    assert "known: auto, azure" in refusal(path, format="nothing")
    assert "no record of the invocation log" in refusal(path, format="bedrock-logs")
    assert "it needs ContextTokens" in refusal(path, format="azure")
    assert "it has when, prompt, answer" in refusal(path, columns={"time": "T"})
    assert "no such key; known: time" in refusal(path, columns={"tokens": "prompt"})
    assert "columns are for tables" in refusal(FILES / "azure.csv", format="azure", columns=WHEN)
    assert "known: live, log" in refusal(path, columns=WHEN, origin="mine")
    (tmp_path / "two.csv").write_text("time,timestamp,input\n1,2,3\n")
    assert "both time and timestamp may be time_s" in refusal(tmp_path / "two.csv", format="table")
    (tmp_path / "cached.csv").write_text("time,prompt_tokens,cached_tokens\n1,2,1\n")
    assert "prompt_tokens may count the tokens of cached_tokens too" in refusal(tmp_path / "cached.csv", format="table")


def make_folder(folder, files):
    """Write files into a folder."""
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def test_a_folder_joins_its_files_on_one_clock(tmp_path):
    """The second file begins two hours after the first; file order does not matter."""
    late = HEADER + "2023-11-16 20:15:46.6805900,5,6\n"
    files = {"a.csv": late.encode(), "b.csv": (FILES / "azure.csv").read_bytes(), ".hidden": b"x"}
    trace = read_trace(make_folder(tmp_path / "f", files))
    assert trace.column("time_s").tolist() == [0, 4.314579, 120, 7200]
    assert trace.reordered == 3
    assert trace.skipped == ()


def test_a_folder_lists_the_files_it_cannot_read(tmp_path):
    """File, line and reason; what can be read is read."""
    files = {
        "a.csv": (FILES / "azure.csv").read_bytes(),
        "b.csv.gz": gzip.compress(b"x" * 100)[:-10],
        "c.csv": (HEADER + ROW + "2023-11-16 18:15:46,-1,2\n").encode(),
    }
    trace = read_trace(make_folder(tmp_path / "f", files))
    assert len(trace) == 3
    assert [(Path(s.file).name, s.line) for s in trace.skipped] == [("b.csv.gz", None), ("c.csv", 3)]
    assert "cut off" in trace.skipped[0].reason
    assert profile(trace).to_dict()["skipped"][1]["line"] == 3


def test_a_folder_of_which_nothing_can_be_read_is_refused(tmp_path):
    """The message shows the first reason."""
    message = refusal(make_folder(tmp_path / "f", {"a.csv": b"a,b\n1,2\n", "b.csv": b""}))
    assert "none of 2 files can be read" in message
    assert "a.csv" in message


def test_a_folder_of_several_formats_is_refused():
    """Their clocks have nothing to do with one another."""
    assert "a folder holds one format" in refusal(FILES)


def test_a_folder_of_written_traces_keeps_models_and_hashes(tmp_path):
    """Coded columns and prefix hashes of several files become one column each."""
    folder = tmp_path / "f"
    folder.mkdir()
    for i, model in enumerate(["m1", "m2"]):
        columns = {"time_s": np.array([i, i + 5.0]), "input_tokens": np.array([1, 2]), "model": [model, None]}
        hashes = pa.array([[i], [i, i]], type=pa.list_(pa.int64()))
        make_trace(
            columns,
            origin="live",
            source="x",
            format="x",
            start_time="2026-01-05T00:00:00Z",
            prefix_hashes=hashes,
            prefix_block_tokens=512,
        ).write(folder / f"{i}.parquet")
    trace = read_trace(folder)
    assert trace.column("time_s").tolist() == [0, 1, 5, 6]
    assert trace.text("model").tolist() == ["m1", "m2", None, None]
    assert trace.prefix_hashes.to_pylist() == [[0], [1], [0, 0], [1, 1]]


CELLS = st.sampled_from(["0", "7", "12.0", " 5", "1e3", "", "-1", "2.5", "nan", "x", "true", "9" * 20])
TIMES = st.sampled_from(["0", "1.5", "2026-01-05T09:00:00Z", "2026-01-05 09:00:00.25", "", "soon", "nan"])


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(TIMES, CELLS, CELLS, st.sampled_from(["ok", "429", "", "lost"])), min_size=1, max_size=5))
def test_the_fast_way_and_the_slow_way_agree(rows):
    """What the fast one accepts, the slow one accepts with the same values; else both refuse alike."""
    names = ("time_s", "input_tokens", "max_tokens", "outcome")
    data = "\n".join([",".join(names), *(",".join(row) for row in rows)]).encode()
    fields = fields_of("x", names)

    def outcome(read):
        try:
            return {name: array.to_pylist() for name, array in read().items()}
        except InputError as error:
            return str(error)

    looks = look("x", data)
    fast = outcome(lambda: columns_of("x", data, looks, fields))
    assert fast == outcome(lambda: settle_slow("x", csv_rows("x", data, looks), fields))


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(["azure.csv", "burstgpt.csv", "mooncake.jsonl", "table.jsonl"]), st.data())
def test_a_damaged_file_is_read_or_refused_in_one_line(tmp_path_factory, name, data):
    """No other error than InputError leaves the reader, wherever a file is cut or overwritten."""
    content = (FILES / name).read_bytes()
    at = data.draw(st.integers(0, len(content)))
    patch = data.draw(
        st.one_of(st.binary(max_size=4), st.sampled_from([b"-1", b"NaN", b"1e400", b'"', b"\r", b"{", b"null"]))
    )
    rest = content[at + len(patch) :] if data.draw(st.booleans()) else b""
    path = tmp_path_factory.mktemp("d") / name
    path.write_bytes(content[:at] + patch + rest)
    said = ""
    try:
        profile(read_trace(path)).to_dict()
    except InputError as error:
        said = str(error)
    assert "\n" not in said


def test_the_azure_conversation_trace_reads_whole(azure_path):
    """19,366 requests, 22,361,870 input and 4,088,665 output tokens."""
    trace = read_trace(azure_path)
    assert len(trace) == 19_366
    assert trace.column("input_tokens").sum() == 22_361_870
    assert trace.column("output_tokens").sum() == 4_088_665
    assert trace.reordered == trace.duplicates == 0


def test_the_mooncake_trace_reads_whole(data_file):
    """3,993 requests with blocks of 512 tokens."""
    trace = read_trace(data_file("mooncake_synthetic_trace.jsonl.gz"))
    assert len(trace) == len(trace.prefix_hashes) == 3993
