"""Model-invocation logs: every documented shape, what is broken and counted, and a round trip over the local AWS."""

import gzip
import json
import os
import random
from decimal import Decimal

import numpy as np
import pytest
from batch_runs import log
from hypothesis import given, settings
from hypothesis import strategies as st
from test_local_logging import Place

import bedrock_lab as lab
from bedrock_lab.cli.main import run
from bedrock_lab.errors import InputError

FULL = bool(os.environ.get("BEDROCK_LAB_FULL"))
SECRET = "the plan of the merger"
ACCOUNT = "123456789012"

CONVERSE = {
    "schemaType": "ModelInvocationLog",
    "schemaVersion": "1.0",
    "timestamp": "2026-11-02T12:00:00Z",
    "accountId": ACCOUNT,
    "region": "us-east-1",
    "requestId": "abcd1234-5678-efgh-ijkl-mnopqrstuvwx",
    "operation": "Converse",
    "modelId": "us.anthropic.claude-sonnet-4-6",
    "identity": {"arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/MyRole/session-name"},
    "requestMetadata": {"team": "orchestrator", "environment": "production"},
    "inferenceRegion": "us-west-2",
    "input": {
        "inputContentType": "application/json",
        "inputTokenCount": 25,
        "cacheReadInputTokenCount": 400,
        "cacheWriteInputTokenCount": 90,
        "inputBodyJson": {
            "messages": [{"role": "user", "content": [{"text": SECRET}]}],
            "inferenceConfig": {"maxTokens": 512},
            "serviceTier": {"type": "priority"},
        },
    },
    "output": {
        "outputContentType": "application/json",
        "outputTokenCount": 150,
        "outputBodyJson": {
            "output": {"message": {"role": "assistant", "content": [{"text": SECRET}]}},
            "usage": {
                "inputTokens": 25,
                "outputTokens": 150,
                "cacheReadInputTokens": 400,
                "cacheWriteInputTokens": 90,
                "cacheDetails": [{"ttl": "5m", "inputTokens": 60}, {"ttl": "1h", "inputTokens": 20}],
            },
            "metrics": {"latencyMs": 1234},
            "serviceTier": {"type": "default"},
        },
    },
}


def record(**changes):
    """Make a record like the documented one."""
    return json.loads(json.dumps(CONVERSE)) | changes


def plain(n, **changes):
    """Make a small record without bodies at a second of the day."""
    made = record(**{"timestamp": f"2026-11-02T12:{n // 60 % 60:02d}:{n % 60:02d}Z", "requestId": f"r{n}", **changes})
    made["input"] = {"inputTokenCount": 10 + n, "inputContentType": "application/json"}
    made["output"] = {"outputTokenCount": n, "outputContentType": "application/json"}
    return made


def written(path, *records):
    """Write records as AWS does, gzipped where the name says so."""
    data = b"".join(json.dumps(r).encode() + b"\n" if isinstance(r, dict) else r + b"\n" for r in records)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def row(trace, at=0):
    """Return a row of a trace as a dict."""
    return trace.table.slice(at, 1).to_pylist()[0]


def test_a_record_becomes_a_row(tmp_path):
    """Counts, cache writes by their TTL, the tier that served, latency and the app; no text, no identity."""
    trace = lab.read_trace(written(tmp_path / "a.json.gz", CONVERSE), app_key="team")
    assert (trace.format, trace.origin, trace.start_time) == ("bedrock-logs", "log", "2026-11-02T12:00:00Z")
    found = row(trace)
    assert found.pop("account").startswith("acct-")
    assert found == {
        "time_s": 0.0,
        "model": "us.anthropic.claude-sonnet-4-6",
        "region": "us-east-1",
        "app": "orchestrator",
        "operation": "Converse",
        "tier": "default",
        "input_tokens": 25,
        "cache_read_tokens": 400,
        "cache_write_5m_tokens": 60,
        "cache_write_30m_tokens": 0,
        "cache_write_1h_tokens": 20,
        "cache_write_unknown_tokens": 10,
        "output_tokens": 150,
        "max_tokens": 512,
        "outcome": "ok",
        "server_latency_s": 1.234,
        "request_id": "abcd1234-5678-efgh-ijkl-mnopqrstuvwx",
    }


def test_it_is_priced_exactly(tmp_path):
    """Claude Sonnet 4.6 by its geography: 3.3 in, 16.5 out, 0.33 read, 4.125 and 6.6 written, by the million."""
    made = record()
    made["input"]["cacheWriteInputTokenCount"] = 80
    bill = lab.bill(lab.read_trace(written(tmp_path / "a.json", made)), lab.prices("2026-11-22"))
    expected = (25 * Decimal("3.3") + 150 * Decimal("16.5") + 400 * Decimal("0.33") + 60 * Decimal("4.125")
                + 20 * Decimal("6.6")) / 1_000_000  # fmt: skip
    assert Decimal(bill.to_dict()["cost_usd"]) == expected


STREAMED = [
    {"type": "message_start", "message": {"usage": {"input_tokens": 7, "cache_creation_input_tokens": 30,
     "cache_read_input_tokens": 5, "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
     "output_tokens": 1}}},
    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": SECRET}},
    {"type": "message_delta", "usage": {"output_tokens": 42}},
]  # fmt: skip
CONVERSED = [
    {"messageStart": {"role": "assistant"}},
    {"contentBlockDelta": {"delta": {"text": SECRET}}},
    {"metadata": {"usage": {"inputTokens": 7, "outputTokens": 42, "cacheReadInputTokens": 5,
     "cacheWriteInputTokens": 30, "cacheDetails": [{"ttl": "1h", "inputTokens": 30}]}, "metrics": {"latencyMs": 900}}},
]  # fmt: skip


@pytest.mark.parametrize(("chunks", "writes"), [(STREAMED, (10, 20, 0)), (CONVERSED, (0, 30, 0))])
def test_bodies_of_streams_are_arrays_of_chunks(tmp_path, chunks, writes):
    """Without counts of its own a record's are those its stream says."""
    made = record(operation="ConverseStream")
    made["input"] = {"inputBodyJson": {"max_tokens": 9, "messages": []}}
    made["output"] = {"outputBodyJson": chunks}
    found = row(lab.read_trace(written(tmp_path / "a.json", made)))
    names = ("cache_write_5m_tokens", "cache_write_1h_tokens", "cache_write_unknown_tokens")
    assert tuple(found[name] for name in names) == writes
    assert (found["input_tokens"], found["cache_read_tokens"], found["output_tokens"]) == (7, 5, 42)
    assert found["max_tokens"] == 9


def test_errors_are_outcomes_without_tokens(tmp_path):
    """A throttle is throttled, any other error failed; neither has usage."""
    rows = [
        plain(0),
        plain(1, errorCode="ThrottlingException"),
        plain(2, errorCode="ModelErrorException", status="424"),
    ]
    trace = lab.read_trace(written(tmp_path / "a.json", *rows))
    assert trace.text("outcome").tolist() == ["ok", "throttled", "failed"]
    assert [row(trace, i).get("input_tokens") for i in range(3)] == [10, None, None]
    assert lab.profile(trace).to_dict()["outcomes"] == {"ok": 1, "throttled": 1, "failed": 1}


def test_profiles_of_ones_own_are_opaque_and_counted(tmp_path):
    """An application profile does not say its model; system profiles and models by ARN do."""
    ids = (
        f"arn:aws:bedrock:us-east-1:{ACCOUNT}:application-inference-profile/a1b2c3",
        f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/us.amazon.nova-lite-v1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
    )
    trace = lab.read_trace(written(tmp_path / "a.json", *(plain(i, modelId=m) for i, m in enumerate(ids))))
    assert trace.text("model").tolist() == [None, "us.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"]
    assert any("1 records call 1 application profiles" in note for note in trace.notes)


EXPORTS = {
    "json": lambda text: json.dumps({"@timestamp": "2026-11-02 12:00:00.000", "@message": text}),
    "parsed json": lambda text: json.dumps({"@timestamp": "x", "@message": json.loads(text)}),
    "s3 export": lambda text: f"2026-11-02T12:00:00.000Z {text}",
    "csv": lambda text: '@timestamp,@message\n2026-11-02 12:00:00.000,"' + text.replace('"', '""') + '"',
}


@pytest.mark.parametrize("form", EXPORTS)
def test_exports_of_cloudwatch_logs(tmp_path, form):
    """One record in each @message: Logs Insights as JSON or CSV, and an export to S3 with the time before it."""
    path = written(tmp_path / "export", EXPORTS[form](json.dumps(CONVERSE)).encode())
    assert row(lab.read_trace(path))["output_tokens"] == 150


def test_what_is_broken_is_counted_with_file_and_line(tmp_path):
    """Broken lines, another schema, another version, negative counts; the rest is read."""
    negative = plain(3)
    negative["input"]["inputTokenCount"] = -1
    lines = [CONVERSE, b"{", plain(1, schemaVersion="9.0"), plain(2, schemaType="Other"), negative, b"[]", plain(5)]
    trace = lab.read_trace(written(tmp_path / "a.json.gz", *lines))
    assert len(trace) == 2
    assert [item.line for item in trace.skipped] == [2, 3, 4, 5, 6]
    assert "schemaVersion '9.0'" in trace.skipped[1].reason
    assert "below 0" in trace.skipped[3].reason


def test_records_without_counts_are_said(tmp_path):
    """A large body is kept apart and no count is there: the request counts, its tokens are unknown."""
    made = plain(1)
    made["output"] = {"outputBodyS3Path": "s3://b/k"}
    trace = lab.read_trace(written(tmp_path / "a.json", plain(0), made))
    assert any("1 records have no token counts" in note for note in trace.notes)
    assert row(trace, 1).get("output_tokens") is None


def folder_of(tmp_path):
    """Write a folder as AWS lays it out: three hours, large bodies apart, a file cut off."""
    root = tmp_path / "AWSLogs" / ACCOUNT / "BedrockModelInvocationLogs" / "us-east-1" / "2026" / "11" / "02"
    for hour in (11, 12, 14):
        written(
            root / str(hour) / "x_1.json.gz", *(plain(n, timestamp=f"2026-11-02T{hour}:00:{n:02d}Z") for n in range(3))
        )
    written(root / "12" / "data" / "abc_input.json.gz", {"messages": [SECRET]})
    (root.parents[3] / "amazon-bedrock-logs-permission-check").write_bytes(b"")
    whole = gzip.compress(json.dumps(CONVERSE).encode())
    (root / "12" / "y_2.json.gz").write_bytes(whole[: len(whole) // 2])
    return tmp_path / "AWSLogs"


def test_a_folder_as_aws_lays_it_out(tmp_path):
    """Large bodies are left alone, a truncated file is listed, and the same ids of other hours are dropped."""
    trace = lab.read_trace(folder_of(tmp_path))
    assert trace.duplicates == 6
    assert len(trace) == 3
    assert [("y_2" in item.file, "cut off" in item.reason) for item in trace.skipped] == [(True, True)]


def test_hours_that_are_not_wanted_are_not_opened(tmp_path, monkeypatch):
    """The path says the hour, give or take one for late delivery; records are held against their own time."""
    from bedrock_lab.traffic import reading

    opened = []
    load = reading.load
    monkeypatch.setattr(reading, "load", lambda path: opened.append(path.parent.name) or load(path))
    trace = lab.read_trace(folder_of(tmp_path), since="2026-11-02T14:00:00Z", until="2026-11-03")
    assert sorted(set(opened)) == ["14"]
    assert len(trace) == 3
    with pytest.raises(InputError, match="lies in the time asked for"):
        lab.read_trace(folder_of(tmp_path), since="2027-01-01")
    with pytest.raises(InputError, match="is not before until"):
        lab.read_trace(tmp_path, since="2026-11-03", until="2026-11-02")


def test_one_file_that_is_none_is_an_error(tmp_path):
    """A truncated gzip, a table taken for a log, a log without a record."""
    whole = gzip.compress(json.dumps(CONVERSE).encode() * 50)
    (tmp_path / "cut.json.gz").write_bytes(whole[:100])
    with pytest.raises(InputError, match="cut off"):
        lab.read_trace(tmp_path / "cut.json.gz")
    (tmp_path / "t.csv").write_text("time,input,output\n1,2,3\n")
    with pytest.raises(InputError, match="no record of the invocation log"):
        lab.read_trace(tmp_path / "t.csv", "bedrock-logs")


def test_nothing_of_prompts_or_identities_comes_out(tmp_path, capsys):
    """Canaries: profile, cost, parquet and plan hold no text, ARN or account id."""
    path = written(tmp_path / "a.json.gz", *(record(requestId=f"r{i}") for i in range(5)))
    out = tmp_path / "t.parquet"
    assert run(["trace", "convert", str(path), str(out), "--app-key", "team", "--json"]) == 0
    for command in (["trace", "profile"], ["trace", "cost"], ["plan"]):
        assert run([*command, str(path), "--json"]) in {0, 3}
    told = capsys.readouterr()
    everything = told.out + told.err + out.read_bytes().decode("latin-1")
    for canary in (SECRET, ACCOUNT, "MyRole", "session-name"):
        assert canary not in everything
    assert len(lab.read_trace(out)) == 5


MUTATIONS = st.tuples(st.integers(0, 2000), st.binary(min_size=0, max_size=3), st.booleans())


@settings(max_examples=3000 if FULL else 150)
@given(st.lists(MUTATIONS, max_size=8), st.integers(2, 12))
def test_mutated_lines_never_raise(tmp_path_factory, mutations, count):
    """Read and skipped together are the lines, and the tokens those of the lines that were read."""
    lines = [json.dumps(plain(n)).encode() for n in range(count)]
    for place, bytes_, insert in mutations:
        at = place % count
        line = lines[at]
        cut = place % (len(line) or 1)
        lines[at] = (line[:cut] + bytes_ + line[cut + (0 if insert else len(bytes_)) :]).replace(b"\n", b" ")
    from bedrock_lab.traffic.readers import bedrock_logs

    lines = [line for line in lines if line.strip()]
    try:
        raw = bedrock_logs.read("f", b"\n".join(lines))
    except InputError:
        return
    read = len(raw.columns["time_s"])
    assert read + len(raw.skipped) == len(lines)
    bad = {item.line for item in raw.skipped}
    kept = [
        json.loads(line[line.find(b"{") :].decode("utf-8", "replace"))
        for n, line in enumerate(lines, 1)
        if n not in bad
    ]
    counted = [r["input"].get("inputTokenCount") or 0 for r in kept if not r.get("errorCode") and r.get("input")]
    column = raw.columns.get("input_tokens")
    assert (0 if column is None else sum(value or 0 for value in column.to_pylist())) == sum(counted)


def test_round_trip_over_the_local_aws(tmp_path):
    """Calls of several operations, caches, errors and tags: the log read back says what the endpoint says of itself."""
    calls = 2000 if FULL else 60
    faults = [{"operation": "Converse", "error": "ThrottlingException", "rate": 0.1}]
    profile = {"models": {"*": {"ttft_s": 0, "gap_s": 0, "output_tokens": 7}}, "faults": faults}
    rng = random.Random(0)
    with Place(profile) as place:
        place.log_to(s3Config={"bucketName": "calls", "keyPrefix": "logs"}, textDataDeliveryEnabled=True)
        long = "A rule that is read again and again. " * 250
        for i in range(calls):
            text = [{"text": f"{SECRET} {i}"}]
            asked = {"modelId": rng.choice(["us.anthropic.claude-sonnet-4-6", "amazon.nova-lite-v1:0"])}
            if i % 3 == 0:
                asked["system"] = [{"text": long}, {"cachePoint": {"type": "default"}}]
            call = place.runtime.converse_stream if i % 5 == 0 else place.runtime.converse
            try:
                got = call(**asked, messages=[{"role": "user", "content": text}], inferenceConfig={"maxTokens": 5})
                for _ in got.get("stream", ()):
                    pass
            except place.runtime.exceptions.ThrottlingException:
                pass
        place.records(calls)
        for key in Place.keys(place):
            path = tmp_path / "log" / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(place.of["s3"].get_object(Bucket="calls", Key=key)["Body"].read())
        truth, before = told_by(place.aws), len(log(place.aws))
        from_s3 = lab.read_trace("s3://calls/logs/", **place.aws.client_kwargs())
        asked = [r["operation"] for r in log(place.aws)[before:]]
    assert set(asked) <= {"s3:ListObjects", "s3:ListObjectsV2", "s3:GetObject"}
    trace = lab.read_trace(tmp_path / "log")
    assert from_s3.table.drop_columns(["account"]) == trace.table.drop_columns(["account"])
    assert not any(ACCOUNT in item.file for item in from_s3.skipped)
    assert len(trace) == calls
    usages = [t["usage"] for t in truth if t["usage"]]
    for column, name in (
        ("input_tokens", "inputTokens"),
        ("output_tokens", "outputTokens"),
        ("cache_read_tokens", "cacheReadInputTokens"),
        ("cache_write_5m_tokens", "cacheWriteInputTokens"),
    ):
        counted = trace.column(column)
        assert (0 if counted is None else int(np.nansum(counted))) == sum(u[name] for u in usages)
    assert sum(word == "throttled" for word in trace.text("outcome")) == sum(t["status"] == 429 for t in truth)
    assert set(trace.column("max_tokens")) == {5}
    assert Decimal(lab.bill(trace, lab.prices("2026-11-22")).to_dict()["cost_usd"]) > 0


def told_by(aws):
    """Return what the endpoint says of its Converse calls."""
    return [r for r in log(aws) if r["operation"] in {"Converse", "ConverseStream"}]


@pytest.fixture(scope="module")
def bucket():
    """Serve a local AWS with three days of logs in a bucket."""
    with Place() as place:
        s3 = place.of["s3"]
        for day in (1, 2, 3):
            for hour in (0, 12, 23):
                at = f"2026-11-{day:02d}T{hour:02d}:30:00Z"
                body = json.dumps(plain(1, timestamp=at, requestId=f"{day}-{hour}")).encode()
                key = f"l/AWSLogs/{ACCOUNT}/BedrockModelInvocationLogs/us-east-1/2026/11/{day:02d}/{hour:02d}/x.json.gz"
                s3.put_object(Bucket="calls", Key=key, Body=gzip.compress(body))
        s3.put_object(Bucket="calls", Key="cut/x.json.gz", Body=gzip.compress(body)[:20])
        yield place.aws


def test_of_a_bucket_only_what_is_wanted_is_listed_and_fetched(bucket):
    """Two of nine files lie in the time wanted, give or take an hour for late ones; other days are not listed."""
    before = len(log(bucket))
    trace = lab.read_trace("s3://calls/l", since="2026-11-02T12:00:00Z", until="2026-11-03", **bucket.client_kwargs())
    after = [r for r in log(bucket)[before:] if r["operation"].startswith("s3:")]
    assert len(trace) == 2
    assert sum(r["operation"] == "s3:GetObject" for r in after) == 3  # the first of the next day may hold late ones
    assert {r["operation"] for r in after} <= {"s3:ListObjects", "s3:ListObjectsV2", "s3:GetObject"}
    assert len(lab.read_trace("s3://calls/l/", **bucket.client_kwargs())) == 9


@pytest.mark.parametrize(
    ("uri", "more", "said"),
    [
        ("s3://missing-bucket/l/", {}, "no such bucket"),
        ("s3://calls/nothing/", {}, "no log file is there"),
        ("s3://calls/l/", {"since": "2027-01-01"}, "no log file is there in the time asked for"),
        ("s3://calls/cut/", {}, "none of 1 files can be read"),
        ("s3://UPPER/x", {}, "is no address of S3"),
        ("s3://calls/l/", {"format": "azure"}, "of S3 the invocation log is read"),
    ],
)
def test_what_s3_does_not_hold_is_one_line(bucket, uri, more, said):
    """Each is refused in one line without an account id."""
    with pytest.raises(InputError, match=said) as error:
        lab.read_trace(uri, **more, **bucket.client_kwargs())
    assert ACCOUNT not in str(error.value)
    assert "\n" not in str(error.value)


def test_denied_and_expired_are_one_line(bucket, monkeypatch):
    """Access denied names the policy; expired credentials say what gives others."""
    from botocore.exceptions import ClientError

    from bedrock_lab.sources import s3_logs

    class Denying:
        """A client that refuses."""

        def __init__(self, code, status):
            self.error = ClientError(
                {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "ListObjectsV2"
            )

        def list_objects_v2(self, **_):
            raise self.error

        def close(self):
            pass

    for code, said in (
        ("AccessDenied", "access denied; bedrock-lab doctor --policy logs"),
        ("ExpiredToken", "credentials"),
    ):
        monkeypatch.setattr(s3_logs, "connected", lambda _, code=code: Denying(code, 403))
        with pytest.raises(InputError, match=said):
            lab.read_trace("s3://calls/l/")


def test_the_policy_is_what_reading_calls(bucket, capsys):
    """Doctor --policy logs allows the two calls of a read under one prefix; each is an operation of S3."""
    assert run(["doctor", "--policy", "logs", "--s3", "s3://calls/l/", "--json"]) == 0
    statements = json.loads(capsys.readouterr().out)["policy"]["Statement"]
    assert [s["Action"] for s in statements] == [["s3:ListBucket"], ["s3:GetObject"]]
    assert statements[0]["Condition"] == {"StringLike": {"s3:prefix": ["l/*"]}}
    assert statements[1]["Resource"] == "arn:aws:s3:::calls/l/*"
