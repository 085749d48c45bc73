"""Traffic from CloudWatch: round trips over the local AWS, metrics made by hand, and answers no healthy one gives."""

import collections
import contextlib
import datetime as dt
import json
import urllib.request
from pathlib import Path

import boto3
import numpy as np
import pytest
from cloudwatch_scripts import NOW, Scripted, error, metric

import bedrock_lab as lab
from bedrock_lab.cli.main import run
from bedrock_lab.client import connection
from bedrock_lab.errors import InputError, LabError
from bedrock_lab.sources import cloudwatch
from bedrock_lab.sources.policy import read_policy

QUICK = {"models": {"*": {"ttft_s": 0, "gap_s": 0, "output_tokens": 9}}}
LITE, PRO, CLAUDE = "us.amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0", "global.anthropic.claude-sonnet-4-6"
LONG = "word " * 6_000
ROOT = Path(__file__).resolve().parents[1]
ACCOUNT = "123456789012"
PRICES = lab.prices("2026-11-22")


def hush(_line):
    """Show nobody."""


def ledger(aws):
    """Return the server's own record of every request."""
    with urllib.request.urlopen(f"{aws.endpoint_url}/_local/requests") as answer:
        return json.load(answer)["requests"]


def summed(trace):
    """Sum a trace's rows by model, tier and outcome: requests and tokens by bucket."""
    keys = [trace.text(name) for name in ("model", "tier", "outcome")]
    names = ["requests", "input_tokens", "cache_read_tokens", "cache_write_unknown_tokens", "output_tokens"]
    columns = [trace.column(name) for name in names]
    found = collections.defaultdict(lambda: np.zeros(5))
    for row in range(len(trace)):
        key = tuple("none" if key is None or key[row] is None else key[row] for key in keys)
        found[key] += np.nan_to_num([0 if column is None else column[row] for column in columns])
    return {key: tuple(map(int, row)) for key, row in found.items() if row.any()}


@pytest.fixture(scope="module")
def called():
    """Call two models and a profile: tiers, streams, a cache, errors and throttles; give the server and its ledger."""
    faults = [{"operation": "ConverseStream", "error": "ThrottlingException", "calls": [2, 5]}]
    with lab.LocalAWS(profile={**QUICK, "faults": faults}) as aws:
        from botocore.config import Config

        once = Config(retries={"total_max_attempts": 1})
        runtime = boto3.client("bedrock-runtime", **aws.client_kwargs(), config=once)
        for number in range(24):
            words = [{"text": "word " * (10 + number)}]
            if number % 4 == 0:
                words = [{"text": LONG}, {"cachePoint": {"type": "default"}}, *words]
            model = (LITE, PRO, CLAUDE)[number % 3]
            request = {"modelId": model, "messages": [{"role": "user", "content": words}]}
            if model == PRO and number % 2:
                request["serviceTier"] = {"type": "flex"}
            call = runtime.converse_stream if number % 5 == 0 else runtime.converse
            with contextlib.suppress(runtime.exceptions.ThrottlingException):
                list(call(**request).get("stream", ()))
        for messages in ([], [{"role": "user", "content": []}]):
            with pytest.raises(runtime.exceptions.ValidationException):
                runtime.converse(modelId=PRO, messages=messages)
        runtime.close()
        yield aws, ledger(aws)


def test_tokens_by_model_tier_and_bucket_are_those_of_the_ledger(called):
    """Calls -> CloudWatch metrics -> Trace gives what the server wrote down request by request."""
    aws, records = called
    wanted = collections.defaultdict(lambda: np.zeros(5, dtype=int))
    for record in records:
        if not record["operation"].startswith("Converse"):
            continue
        outcome = {None: "ok", "ThrottlingException": "throttled"}.get(record["error"], "failed")
        tier = record["tier"] if record["tier_asked"] and outcome == "ok" else None
        use = record["usage"] if outcome == "ok" else {}
        names = ("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens", "outputTokens")
        wanted[record["model_id"], tier or "none", outcome] += np.array([1, *(use.get(n, 0) for n in names)])
    found = summed(lab.from_cloudwatch(1, show=hush, **aws.client_kwargs()))
    assert found == {key: tuple(map(int, row)) for key, row in wanted.items()}
    outcomes = {key[2] for key in found}
    assert outcomes == {"ok", "throttled", "failed"}
    assert sum(row[2] for row in found.values()) > 0
    assert sum(row[3] for row in found.values()) > 0


def test_reading_only_reads(called):
    """The server's own log of what was called: two operations, as often as was said; the bill equals the ledger's."""
    aws, before = called
    said = []
    trace = lab.from_cloudwatch(15, show=said.append, **aws.client_kwargs())
    after = [record["operation"] for record in ledger(aws)[len(before) :]]
    told = said[0]
    assert set(after) == {"cloudwatch:ListMetrics", "cloudwatch:GetMetricData"}
    calls = int(told.split()[1])
    assert after[-calls:] == ["cloudwatch:GetMetricData"] * calls
    assert "USD" in told
    profile = lab.profile(trace)
    assert profile.period_s == 15 * 86_400
    assert profile.outcomes["throttled"] == sum(r["error"] == "ThrottlingException" for r in before)
    assert any("max_tokens" in each for each in profile.cannot_answer)


def test_the_bill_is_that_of_the_requests(called):
    """Nova Lite over its US profile: 0.06, 0.24, a quarter of 0.06 for reads, nothing more for writes [USD/MTok]."""
    aws, records = called
    trace = lab.from_cloudwatch(1, show=hush, **aws.client_kwargs())
    mine = trace.select(trace.text("model") == LITE)
    usd = 0.0
    for record in records:
        if record["model_id"] == LITE and record["error"] is None:
            use = record["usage"]
            usd += (use["inputTokens"] + use["cacheWriteInputTokens"]) * 0.06 + use["cacheReadInputTokens"] * 0.015
            usd += use["outputTokens"] * 0.24
    assert float(lab.bill(mine, PRICES).cost_usd) == pytest.approx(usd / 1e6, rel=1e-12)


class Metered:
    """A local AWS whose metrics are put by hand."""

    def __init__(self, aws):
        self.aws = aws
        self.end = dt.datetime.now(dt.UTC).replace(second=0, microsecond=0)

    def put(self, name, value, model=PRO, minutes=1, times=1, **more):
        """Note a value some minutes ago."""
        dimensions = (("ModelId", model), *sorted(more.items()))
        at = self.end - dt.timedelta(minutes=minutes)
        for _ in range(times):
            self.aws.engine.meter.note(ACCOUNT, "us-east-1", name, "Count", dimensions, value, at)

    def read(self, days=1, **more):
        """Read what was put."""
        return lab.from_cloudwatch(
            days, **{"show": hush, "clock": lambda: self.end, **more}, **self.aws.client_kwargs()
        )


@pytest.fixture
def metered():
    """Serve without any call."""
    with lab.LocalAWS(profile=QUICK) as aws:
        yield Metered(aws)


def test_sparse_minutes_and_missing_points(metered):
    """Three calls 90 minutes ago and one 2 minutes ago; output only for the first: minutes and sums stay apart."""
    metered.put("InputTokenCount", 100, minutes=90, times=3)
    metered.put("OutputTokenCount", 7, minutes=90, times=3)
    metered.put("InputTokenCount", 40, minutes=2)
    frame = metered.read().to_frame()
    rows = frame[frame.requests > 0][["time_s", "requests", "input_tokens", "output_tokens"]]
    assert rows.to_numpy().tolist() == [[86_400 - 5_400, 3, 300, 21], [86_400 - 120, 1, 40, 0]]
    assert (frame.time_s.iloc[0], frame.time_s.iloc[-1]) == (0, 86_400 - 60)


def test_further_dimensions_are_not_counted_twice(metered):
    """Ten calls, four of them flex, two of those with an image size: ten; the log's deliveries are no calls."""
    for name, value in (("InputTokenCount", 10), ("Invocations", 1)):
        metered.put(name, value, times=10)
        metered.put(name, value, times=4, ServiceTier="flex", ResolvedServiceTier="flex")
        metered.put(name, value, times=2, ImageSize="512", BucketedStepSize="50")
        metered.put(name, value, times=99, model="Across all model IDs")
    found = summed(metered.read())
    assert found == {(PRO, "none", "ok"): (6, 60, 0, 0, 0), (PRO, "flex", "ok"): (4, 40, 0, 0, 0)}


def test_a_tier_is_the_one_that_served(metered):
    """Two asked for priority, one of which was served as default."""
    metered.put("InputTokenCount", 10, times=2)
    metered.put("InputTokenCount", 10, ServiceTier="priority", ResolvedServiceTier="priority")
    metered.put("InputTokenCount", 10, ServiceTier="priority", ResolvedServiceTier="default")
    found = summed(metered.read())
    assert found == {(PRO, t, "ok"): (1, 10, 0, 0, 0) for t in ("priority", "default")}


def test_a_model_without_token_metrics_counts_its_invocations(metered):
    """An image model has only Invocations."""
    metered.put("Invocations", 1, times=5, model="amazon.nova-canvas-v1:0")
    assert summed(metered.read()) == {("amazon.nova-canvas-v1:0", "none", "ok"): (5, 0, 0, 0, 0)}


def test_latency_percentiles_are_in_seconds(metered):
    """Ten latencies of 100 to 1,000 ms: p50 0.5 s, p90 0.9 s, p99 1 s, by ceil(n p)."""
    metered.put("InputTokenCount", 1, times=10)
    for value in range(100, 1_001, 100):
        metered.put("InvocationLatency", value)
    frame = metered.read().to_frame()
    row = frame[frame.requests > 0].iloc[0]
    assert [row[f"server_latency_{p}_s"] for p in ("p50", "p90", "p99")] == [0.5, 0.9, 1.0]


def test_beyond_15_days_windows_are_of_five_minutes(metered):
    """Two calls in minutes 1 and 2 before the end are one window of 300 s; the period is 20 days."""
    metered.end = metered.end.replace(minute=metered.end.minute // 5 * 5)
    metered.put("InputTokenCount", 10, minutes=1)
    metered.put("InputTokenCount", 30, minutes=2)
    trace = metered.read(days=20)
    assert (trace.window_s, trace.period_s) == (300.0, 20 * 86_400)
    assert summed(trace) == {(PRO, "none", "ok"): (2, 40, 0, 0, 0)}
    assert any("five minutes" in note for note in trace.notes)


@pytest.mark.parametrize("named", ["arn", "id"])
def test_an_application_profile_is_asked_about_once_and_its_id_stays_here(metered, tmp_path, capsys, named):
    """With --resolve its rows name the model it copies, in global scope; no ARN and no account in any output."""
    control = boto3.client("bedrock", **metered.aws.client_kwargs())
    source = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/{CLAUDE}"
    arn = control.create_inference_profile(inferenceProfileName="team", modelSource={"copyFrom": source})[
        "inferenceProfileArn"
    ]
    control.close()
    own = arn if named == "arn" else arn.rpartition("/")[2]
    metered.put("InputTokenCount", 10, model=own)
    trace = metered.read()
    assert trace.text("model") is None
    assert any("--resolve" in note for note in trace.notes)
    with pytest.raises(InputError, match="name no model"):
        lab.bill(trace, PRICES)
    resolved = metered.read(resolve=True)
    assert set(resolved.text("model")) == {"anthropic.claude-sonnet-4-6"}
    assert set(resolved.text("scope")) == {"global"}
    assert set(metered.read(identities=True).text("app")) == {own}
    out = tmp_path / "t.parquet"
    arguments = ["--region", "us-east-1", "--endpoint-url", metered.aws.endpoint_url]
    for more in ([], ["--resolve", "--json"], ["--dry-run"]):
        with pytest.MonkeyPatch.context() as patch:
            for name, value in metered.aws.env().items():
                patch.setenv(name, value)
            assert run(["trace", "from-cloudwatch", str(out), *arguments, *more]) == 0
    assert run(["trace", "profile", str(out), "--json"]) == 0
    told = "".join(capsys.readouterr()) + out.read_bytes().decode("latin-1")
    for secret in (arn, ACCOUNT, arn.rpartition("/")[2]):
        assert secret not in told


def scripted(monkeypatch, **script):
    """Stand a scripted CloudWatch in for boto3's; return it and a reader of it that waits for nothing."""
    fake = Scripted(**script)
    monkeypatch.setattr(connection, "connect", lambda *_: fake)
    waits = []

    def read(**more):
        settings = {"show": hush, "clock": lambda: NOW, "sleep": waits.append}
        return lab.from_cloudwatch(15, **{**settings, **more})

    return fake, read, waits


TWO = [metric(name, model) for model in ("a.one", "b.two") for name in ("InputTokenCount", "OutputTokenCount")]
"""Three queries a model; by minute over 15 days four go into a call, so the second model is in both calls."""


def test_throttling_is_waited_out(monkeypatch):
    """Twice refused, then answered: the same calls, and a wait before each further one."""
    throttled = error("Throttling")
    fake, read, waits = scripted(monkeypatch, metrics=TWO, answers={1: throttled, 2: throttled})
    assert read().requests == 4
    assert [len(each) for each in fake.asked] == [4, 4, 4, 2]
    assert waits == [0.5, 1.0]


@pytest.mark.parametrize("answer", [error("ExpiredToken", 403), error("Throttling"), error("AccessDenied", 403)])
def test_what_could_be_read_is_kept_and_marked(monkeypatch, answer):
    """The second call fails for good: the first model is there, the second is listed as missing, whole."""
    _, read, _ = scripted(monkeypatch, metrics=TWO, answers=dict.fromkeys(range(2, 20), answer))
    trace = read()
    assert set(trace.text("model")) == {"a.one"}
    assert [(s.file, s.reason) for s in trace.skipped] == [
        ("b.two", f"metrics not read ({answer.response['Error']['Code']})")
    ]
    assert trace.notes[0] == "partial: 1 of 2 models and profiles could not be read and are missing"


@pytest.mark.parametrize("status", ["InternalError", "PartialData", "Forbidden"])
def test_a_metric_that_is_not_complete_takes_its_model_with_it(monkeypatch, status):
    """By the status of the results; the second call holds metrics of the second model only."""
    _, read, _ = scripted(monkeypatch, metrics=TWO, answers={2: status})
    trace = read()
    assert set(trace.text("model")) == {"a.one"}
    assert trace.skipped[0].reason == f"metrics not read ({status})"


def test_ten_thousand_pages(monkeypatch):
    """Every page is asked for; the values stand in the last."""
    fake, read, _ = scripted(monkeypatch, metrics=TWO[:2], pages=10_000)
    assert read().requests == 2
    assert len(fake.asked) == 10_000


def test_a_page_that_names_itself_ends_the_reading(monkeypatch):
    """One line, not a loop."""
    fake, read, _ = scripted(monkeypatch, metrics=TWO)
    monkeypatch.setattr(fake, "get_metric_data", lambda **_: {"MetricDataResults": [], "NextToken": "same"})
    with pytest.raises(LabError, match="names itself"):
        read()


@pytest.mark.parametrize(
    ("script", "kind", "said"),
    [
        ({"listing": error("AccessDenied", 403)}, InputError, "cloudwatch:ListMetrics is denied .*--policy read"),
        ({"answers": {1: error("AccessDenied", 403)}}, InputError, "cloudwatch:GetMetricData is denied"),
        ({"listing": error("ExpiredToken", 403)}, InputError, "no usable AWS credentials .ExpiredToken."),
        ({"answers": dict.fromkeys(range(1, 20), error("Throttling"))}, LabError, "could not be read .*Throttling"),
        ({"answers": {1: "Forbidden", 2: "Forbidden"}}, LabError, "none of 2 models could be read .Forbidden."),
        ({"metrics": []}, InputError, "no AWS/Bedrock metrics in us-east-1"),
        ({"pages": 2, "answers": {}, "empty": True}, InputError, "every metric is empty"),
    ],
)
def test_what_cannot_be_read_is_one_line(monkeypatch, script, kind, said):
    """The line names the call or the mend, and holds no account."""
    empty = script.get("empty")
    fake, read, _ = scripted(monkeypatch, **{"metrics": TWO, **{k: v for k, v in script.items() if k != "empty"}})
    if empty:
        monkeypatch.setattr(fake, "get_metric_data", lambda **_: {"MetricDataResults": []})
    with pytest.raises(kind, match=said) as caught:
        read()
    assert "\n" not in str(caught.value)
    assert ACCOUNT not in str(caught.value)


@pytest.mark.parametrize("days", [0, -1, 64, float("nan")])
def test_days_that_cloudwatch_does_not_keep(monkeypatch, days):
    """Nothing is asked."""
    fake = Scripted(TWO)
    monkeypatch.setattr(connection, "connect", lambda *_: fake)
    with pytest.raises(InputError, match="more than 0, at most 63"):
        lab.from_cloudwatch(days, show=hush)
    assert fake.asked == []


@pytest.mark.parametrize(
    ("cap", "said"), [("0.00001", "costs 0.00006 USD"), ("much", "an amount"), ("nan", "an amount")]
)
def test_a_cap_below_the_price_asks_for_nothing(monkeypatch, cap, said):
    """Six metrics at 0.01 USD a thousand."""
    fake, read, _ = scripted(monkeypatch, metrics=TWO)
    with pytest.raises(InputError, match=said):
        read(max_spend_usd=cap)
    assert fake.asked == []


def test_a_dry_run_only_lists(called, tmp_path, capsys, monkeypatch):
    """One JSON object with calls and price; no file."""
    aws, _ = called
    for name, value in aws.env().items():
        monkeypatch.setenv(name, value)
    before = len(ledger(aws))
    out = tmp_path / "t.parquet"
    assert run(["trace", "from-cloudwatch", str(out), "--region", "us-east-1", "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert float(told["usd"]) == pytest.approx(told["metrics"] * 1e-5)
    assert told["assumptions"][0]["name"] == "usd_per_metric"
    assert [r["operation"] for r in ledger(aws)[before:]] == ["cloudwatch:ListMetrics"]
    assert not out.exists()


def test_a_name_of_another_format_is_refused_before_anything_is_asked(capsys):
    """No call, exit 2."""
    assert run(["trace", "from-cloudwatch", "t.csv", "--region", "us-east-1"]) == 2
    assert "ends in .parquet" in capsys.readouterr().err


def test_what_takes_a_trace_of_windows(called, tmp_path, capsys):
    """Profile and plan answer; what needs single requests is exit 2 and one line that says so."""
    aws, _ = called
    trace = lab.from_cloudwatch(1, show=hush, **aws.client_kwargs())
    path = str(trace.select(trace.text("model") == PRO).write(tmp_path / "t.parquet"))
    for command in (["trace", "profile", path], ["trace", "cost", path], ["plan", path]):
        assert run(command) == 0
    capsys.readouterr()
    for command in (
        ["simulate", path],
        ["prompt-cache", path, "--model", PRO],
        ["trace", "synth", str(tmp_path / "u.parquet"), "--like", path],
    ):
        assert run(command) == 2
        said = capsys.readouterr().err
        assert "needs single requests" in said
        assert said.count("\n") == 1


def test_every_action_of_the_policy_is_an_operation():
    """As botocore names them; metrics have no resource but a Region, profiles are of one account."""
    document = read_policy("eu-west-1")
    for statement in document["Statement"]:
        for action in statement["Action"]:
            service, _, operation = action.partition(":")
            client = boto3.client(service, region_name="us-east-1")
            assert operation in client.meta.service_model.operation_names
            client.close()
    assert document["Statement"][0]["Condition"] == {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}
    assert all("eu-west-1:123456789012:" in arn for arn in document["Statement"][1]["Resource"])
    assert json.loads((ROOT / "examples" / "iam" / "read.json").read_text()) == read_policy("us-east-1")


def test_dry_run_and_reading_agree(monkeypatch):
    """Six metrics, two calls."""
    fake, read, _ = scripted(monkeypatch, metrics=TWO)
    found = cloudwatch.dry_run(15, clock=lambda: NOW)
    assert (found.plan.metrics, found.plan.calls) == (6, 2)
    assert fake.asked == []
    read()
    assert len(fake.asked) == 2
