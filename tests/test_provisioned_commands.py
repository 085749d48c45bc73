"""``provisioned ...`` from the command line: results, exit codes, and one line for every mistake."""

import datetime as dt
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from provisioned_lab import LITE2, LLAMA, calls, forget, serve

import bedrock_lab as lab
from bedrock_lab.cli.main import run
from bedrock_lab.provisioned import provisioning
from bedrock_lab.traffic.trace import make_trace

CREATE = "CreateProvisionedModelThroughput"


@pytest.fixture(scope="module")
def served():
    """Serve a local AWS whose units are in service at once."""
    with serve() as aws:
        yield aws


@pytest.fixture
def aws(served):
    """Return it with nothing bought."""
    forget(served)
    return served


@pytest.fixture
def call(aws, capsys, monkeypatch):
    """Return a caller of the command line on the local AWS: exit code, what it printed, what it said on stderr."""
    for name, value in aws.env().items():
        monkeypatch.setenv(name, value)

    def run_it(*arguments):
        code = run(arguments if arguments[0] == "invoke" else ["provisioned", *arguments])
        out, said = capsys.readouterr()
        return code, out, said

    return run_it


def test_the_whole_life(aws, call):
    """Dry run, purchase, look, call, rename, early end, deletion: amounts and codes."""
    wanted = ("create", "--name", "chat", "--model", LITE2, "--tag", "team=search", "--json")
    code, out, said = call(*wanted, "--dry-run")
    amount = json.loads(out)["confirm_usd"]
    assert (code, amount, calls(aws, CREATE)) == (0, "60.5", [])
    assert "it bills by the hour, used or not, until it is deleted" in said
    code, out, _ = call(*wanted, "--confirm-usd", amount, "--wait")
    bought = json.loads(out)
    assert (code, bought["status"], bought["created"], bought["tags"]) == (0, "InService", True, {"team": "search"})
    assert call("invoke", "--model", bought["arn"], "Hello")[0] == 0
    code, out, said = call(*wanted, "--confirm-usd", amount)
    assert (code, json.loads(out)["arn"], json.loads(out)["created"]) == (0, bought["arn"], False)
    assert "had been bought before" in said
    assert json.loads(call("get", "chat", "--json")[1])["usd_per_month"] == "44165"
    assert call("rename", "chat", "chat-2", "--dry-run")[:2] == (0, "chat would be chat-2 (--dry-run)\n")
    assert json.loads(call("rename", "chat", "chat-2", "--json")[1])["name"] == "chat-2"
    assert call("list")[1].splitlines()[1].startswith("chat-2")
    code, _, said = call("delete", "chat-2")
    assert code == 2
    assert "it costs 60.5 USD an hour" in said
    assert "--confirm chat-2" in said
    assert call("delete", "chat-2", "--dry-run")[0] == 0
    assert json.loads(call("list", "--json")[1])["summaries"][0]["name"] == "chat-2"
    assert json.loads(call("delete", "chat-2", "--confirm", "chat-2", "--json")[1])["deleted"] is True
    assert json.loads(call("list", "--json")[1]) == {"summaries": [], "usd_per_month": "0", "unpriced": 0}
    assert call("get", "chat-2")[0] == 1


def test_a_commitment_and_its_end(call, monkeypatch):
    """Deleting before the end is 1; the reminder is 3 within its days and 0 outside, and renewal is named."""
    amount = "15461.4"  # 21.18 x 730
    chosen = ("create", "--name", "term", "--model", LLAMA, "--term", "1m")
    assert call(*chosen, "--confirm-usd", amount, "--wait")[0] == 0
    code, _, said = call("delete", "term", "--confirm", "term")
    assert code == 1
    assert "its commitment runs until" in said
    assert call("ending", "--within-days", "7")[:2] == (0, "no commitment ends within 7 days\n")
    code, out, said = call("ending", "--within-days", "40", "--json")
    assert (code, json.loads(out)["summaries"][0]["renews"]) == (3, True)
    assert "renews by itself at" in said
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(days=9)
    code, out, said = later_waste(call, monkeypatch, soon)
    assert (code, json.loads(out)["rows"][0]["verdict"]) == (0, "idle")
    assert json.loads(out)["wasted_usd_per_month"] == pytest.approx(15461.4)
    assert "calls of GetMetricData" in said


def later_waste(call, monkeypatch, now):
    """Ask for waste with a clock that is ahead."""
    made = provisioning.Provisioned.__init__
    monkeypatch.setattr(
        provisioning.Provisioned, "__init__", lambda self, *a, **k: made(self, *a, **{**k, "clock": lambda: now})
    )
    return call("waste", "--json")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("create", "--name", "a", "--model", LITE2, "--confirm-usd", "60.4"), 2, "is not the amount shown, 60.5"),
        (("create", "--name", "a", "--model", LITE2), 2, "type the amount back: --confirm-usd 60.5"),
        (("create", "--name", "a", "--model", LITE2, "--confirm-usd", "much"), 2, "an amount in USD is allowed"),
        (("create", "--name", "a b", "--model", LITE2, "--confirm-usd", "60.5"), 2, "name 'a b'"),
        (("create", "--model", LITE2, "--confirm-usd", "60.5"), 2, "--name"),
        (("create", "--name", "a", "--model", LITE2, "--units", "0"), 2, "units 0"),
        (("create", "--name", "a", "--model", LITE2, "--units", "two"), 2, "a whole number is allowed"),
        (("create", "--name", "a", "--model", LITE2, "--term", "1y"), 2, "allowed are none, 1m, 6m"),
        (("create", "--name", "a", "--model", LITE2, "--term", "6m"), 2, "--unpriced --usd-per-unit-hour X"),
        (("create", "--name", "a", "--model", LITE2, "--attempt", "0"), 2, "attempt 0"),
        (("create", "--name", "a", "--model", LITE2, "--tag", "team"), 2, "--tag 'team'"),
        (("create", "--name", "a", "--model", "anthropic.claude-sonnet-4-6"), 2, "Reserved capacity through your AWS"),
        (("create", "--name", "a", "--model", "amazon.nova-pro-v1:0"), 2, "amazon.nova-pro-v1:0:300k"),
        (("create", "--name", "a", "--model", "anthropic.claude-3-haiku"), 2, "passed its end of life on 2026-09-10"),
        (("create", "--name", "a", "--model", LITE2, "--trace", "missing.csv"), 2, "missing.csv"),
        (("quote", "--model", LITE2, "--region", "mars"), 2, "unknown Region"),
        (("quote", "--model", "what"), 2, "unknown model"),
        (("get", "nothing"), 1, "no provisioned throughput 'nothing' in us-east-1"),
        (("delete", "nothing", "--confirm", "nothing"), 1, "no provisioned throughput"),
        (("rename", "nothing", "other"), 1, "no provisioned throughput"),
        (("rename", "nothing", "no name"), 2, "name 'no name'"),
        (("ending", "--within-days", "-1"), 2, "within_days -1"),
        (("ending", "--within-days", "soon"), 2, "a number is allowed"),
        (("waste", "--days", "0"), 2, "days 0"),
        (("waste", "--unit-input-tpm", "5"), 2, "two limits"),
        (("list", "--profile", "nobody"), 2, "AWS profile 'nobody'"),
        (("list", "--endpoint-url", "nowhere"), 2, "endpoint 'nowhere': not valid"),
        (("request", "missing.csv"), 2, "missing.csv"),
    ],
)
def test_mistakes_are_one_line_and_buy_nothing(aws, call, arguments, code, words):
    """The last line says what is wrong; the server's log has no purchase."""
    got, out, said = call(*arguments)
    assert (got, out) == (code, "")
    assert words in said.strip().splitlines()[-1]
    assert calls(aws, CREATE) == []


def test_a_typed_price_buys_what_nobody_prices(aws, call):
    """20.5 USD typed in and 41 USD typed back."""
    wanted = ("create", "--name", "pro", "--model", "amazon.nova-pro-v1:0:24k", "--units", "2")
    code, out, said = call(*wanted, "--unpriced", "--usd-per-unit-hour", "20.5", "--confirm-usd", "41", "--json")
    found = json.loads(out)
    assert (code, found["confirm_usd"], found["price_source"]) == (0, "41", "typed in by the user")
    assert (found["usd_per_unit_hour"], found["usd_per_hour"]) == ("20.5", "41")
    assert "typed in by the user" in said
    assert len(calls(aws, CREATE)) == 1
    listed = json.loads(call("list", "--json")[1])
    assert (listed["unpriced"], listed["usd_per_month"]) == (0, "29930")  # 2 x 20.5 USD x 730 h, from the tag
    assert listed["summaries"][0]["price_source"] == "typed in at the purchase (bedrock-lab:usd-per-unit-hour)"
    assert listed["summaries"][0]["tags"] == {"bedrock-lab:usd-per-unit-hour": "20.5"}
    wasted = json.loads(call("waste", "--json")[1])
    assert (wasted["wasted_usd_per_month"], wasted["unknown"]) == (None, 1)
    assert "what is wasted is not known of any" in call("waste")[1]


def test_an_amount_that_is_none_is_refused_before_a_price_is_shown(aws, call):
    """One line, exit 2, and no call."""
    before = len(calls(aws, CREATE))
    code, out, said = call("create", "--name", "abc", "--model", "meta.llama3-1-70b-instruct", "--confirm-usd", "abc")
    assert (code, out) == (2, "")
    assert said.count("\n") == 1
    assert "--confirm-usd" in said
    assert len(calls(aws, CREATE)) == before


def test_a_trace_says_what_pays(call, tmp_path):
    """By the arithmetic of the quote: 21.18 / 62.208 USD an hour."""
    trace = make_trace(
        {
            "time_s": np.arange(120) * 60.0,
            "input_tokens": np.full(120, 60_000),
            "output_tokens": np.full(120, 12_000),
            "model": [LLAMA] * 120,
        },
        origin=lab.assumptions.Origin.LOG,
        source="steady",
        format="table",
    )
    path = str(trace.write(tmp_path / "t.parquet"))
    figures = ("--unit-input-tpm", "1200000", "--unit-output-tpm", "240000", "--shape", "flat")
    code, out, _ = call("quote", "--model", LLAMA, "--term", "1m", "--trace", path, *figures, "--json")
    assert code == 0
    assert json.loads(out)["payback"]["break_even"]["value"] == pytest.approx(21.18 / 62.208)
    code, out, _ = call("request", path, "--json")
    assert (code, json.loads(out)["ask_ktpm"]) == (0, [100, 12])


def test_a_quote_calls_nobody(monkeypatch, capsys):
    """Without Region, credentials or network."""
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    assert run(["provisioned", "quote", "--model", f"us.{LLAMA}-v1:0", "--units", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["confirm_usd"] == "48"


def test_throttled_denied_and_expired_are_1(capsys, monkeypatch):
    """One line each, by AWS's code."""
    for error in ("ThrottlingException", "AccessDeniedException", "ExpiredTokenException"):
        with serve(faults=[{"error": error}]) as aws:
            for name, value in aws.env().items():
                monkeypatch.setenv(name, value)
            assert run(["provisioned", "list"]) == 1
        said = capsys.readouterr().err
        assert error in said
        assert len(said.splitlines()) == 1


def test_the_commands_of_the_document_run(aws, call):
    """Every line of the first block, in order, exits 0; at its end nothing is held."""
    text = (Path(__file__).resolve().parents[1] / "docs" / "provisioned.md").read_text()
    block = re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)[0]
    for line in block.splitlines():
        program, group, *arguments = shlex.split(line, comments=True)
        assert (program, group) == ("bedrock-lab", "provisioned")
        code, _, said = call(*arguments)
        assert code == 0, (line, said)
    assert len(calls(aws, CREATE)) == 1
    assert json.loads(call("list", "--json")[1])["summaries"] == []
