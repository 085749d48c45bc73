"""Bills read from AWS: S3 over the local AWS, Cost Explorer by botocore's own model of it; each failure one line."""

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path

import pytest
from bill_maker import PAYER, legacy_csv, line, sample
from botocore.session import Session
from botocore.stub import Stubber

import bedrock_lab as lab
from bedrock_lab.cli.main import run
from bedrock_lab.client.failures import BudgetError
from bedrock_lab.errors import InputError, LabError
from bedrock_lab.sources import cost_explorer

SAMPLES = Path(__file__).parent / "data" / "bills"
ROWS = [r for r in sample() if r["line_item_product_code"] != "AmazonEC2"]
TOTAL = sum(r["line_item_unblended_cost"] for r in ROWS)
NOVA, OPUS = "Amazon Bedrock", "Claude Opus 5.5 (Amazon Bedrock Edition)"
PERIOD = {"Start": "2026-11-01", "End": "2026-11-03"}
WAITED = []


@pytest.fixture(scope="module")
def bucket(aws, speak):
    """Return a bucket with the samples of one report in two files, and a manifest."""
    place = aws.bucket("reports")
    s3 = speak(aws, "s3")
    half = len(ROWS) // 2
    for n, rows in enumerate((ROWS[:half], ROWS[half:])):
        key = f"cur/20261101-20261201/r-0000{n}.csv"
        s3.put_object(Bucket="reports", Key=key, Body=legacy_csv(rows).encode())
    s3.put_object(Bucket="reports", Key="cur/20261101-20261201/r-Manifest.json", Body=b"{}")
    s3.put_object(Bucket="reports", Key="broken/a.csv.gz", Body=(SAMPLES / "legacy-00001.csv.gz").read_bytes()[:300])
    s3.put_object(Bucket="reports", Key="broken/b.csv", Body=legacy_csv(ROWS).encode())
    return place


def test_a_report_in_s3_is_read_and_nothing_is_written(aws, bucket):
    """Every file under a prefix is read in memory; the endpoint saw listing and reading alone."""
    before = len(aws.engine.shown())
    found = lab.read_bill(f"{bucket}cur/", **aws.client_kwargs())
    assert found.total_usd == TOTAL
    assert {r["operation"] for r in aws.engine.shown()[before:]} == {"s3:ListObjectsV2", "s3:GetObject"}


def test_a_broken_file_in_s3_makes_the_bill_partial(aws, bucket):
    """A file cut off is listed; the rest counts, and the bill says it is partial."""
    found = lab.read_bill(f"{bucket}broken/", **aws.client_kwargs())
    assert found.total_usd == TOTAL
    assert found.partial == "1 files could not be read"


def test_what_s3_refuses_is_one_line(aws, bucket, capsys, monkeypatch):
    """No such bucket, nothing there, a file's arguments: exit 2 in one line."""
    for name, value in aws.env().items():
        monkeypatch.setenv(name, value)
    for uri, said in (
        ("s3://absent-bucket/x/", "there is no such bucket"),
        (f"{bucket}nothing/", "no bill is there"),
        ("s3://Bad_Bucket", "is no address of S3"),
    ):
        assert run(["bill", uri]) == 2
        assert said in capsys.readouterr().err
    assert run(["bill", f"{bucket}cur/", "--json"]) == 0
    assert Decimal(json.loads(capsys.readouterr().out)["total_usd"]) == TOTAL
    with pytest.raises(InputError, match="region_name is for s3://"):
        lab.read_bill(SAMPLES / "legacy-00001.csv.gz", region_name="us-east-1")


def group(usage_type, record, usd, amount, unit="1K tokens", net=None):
    """Write a group as GetCostAndUsage does."""
    return {
        "Keys": [usage_type, record],
        "Metrics": {
            "UnblendedCost": {"Amount": usd, "Unit": "USD"},
            "NetUnblendedCost": {"Amount": net or usd, "Unit": "USD"},
            "AmortizedCost": {"Amount": usd, "Unit": "USD"},
            "UsageQuantity": {"Amount": amount, "Unit": unit},
        },
    }


def days(*groups, estimated=False):
    """Write a page with one day."""
    when = {"Start": "2026-11-01", "End": "2026-11-02"}
    return {"ResultsByTime": [{"TimePeriod": when, "Total": {}, "Groups": list(groups), "Estimated": estimated}]}


def values(*services):
    """Write the services there are."""
    found = [{"Value": name, "Attributes": {}} for name in services]
    return {"DimensionValues": found, "ReturnSize": len(found), "TotalSize": len(found)}


def wanted(service, token=None):
    """Write the request that is to be sent."""
    return {
        "TimePeriod": PERIOD,
        "Granularity": "DAILY",
        "Metrics": list(cost_explorer.METRICS),
        "GroupBy": [{"Type": "DIMENSION", "Key": "USAGE_TYPE"}, {"Type": "DIMENSION", "Key": "RECORD_TYPE"}],
        "Filter": {"Dimensions": {"Key": "SERVICE", "Values": [service]}},
        **({"NextPageToken": token} if token else {}),
    }


@pytest.fixture
def explorer(monkeypatch, speak, aws):
    """Return a stub of Cost Explorer that holds requests against botocore's model, and what it is asked by."""
    client = speak(aws, "ce")
    monkeypatch.setattr(cost_explorer, "_client", lambda _: client)
    monkeypatch.setattr(client, "close", lambda: None, raising=False)
    WAITED.clear()
    with Stubber(client) as stub:
        yield stub


def ask(cap="1", **more):
    """Ask for two days."""
    return cost_explorer.read_cost_explorer("2026-11-01", "2026-11-03", max_spend_usd=cap, sleep=WAITED.append, **more)


def test_cost_explorer_is_asked_by_service_page_by_page(explorer):
    """Services, then usage types of each over all pages; kinds apart, net beside the charge, the price said first."""
    explorer.add_response("get_dimension_values", values(NOVA, OPUS))
    explorer.add_response(
        "get_cost_and_usage",
        days(group("USE1-NovaPro-input-tokens", "Usage", "0.8", "1000", net="0.7")) | {"NextPageToken": "more"},
        wanted(NOVA),
    )
    second = days(group("USE1-NovaPro-input-tokens", "Credit", "-0.3", "0"), estimated=True)
    explorer.add_response("get_cost_and_usage", second, wanted(NOVA, "more"))
    third = days(group("USE1-MP:USE1_output_tokens_global_standard-Units", "Usage", "2", "0.1", "Units"))
    explorer.add_response("get_cost_and_usage", third, wanted(OPUS))
    said = []
    told = ask(say=said.append).to_dict()
    explorer.assert_no_pending_responses()
    assert "0.01 USD a request" in said[0]
    assert (told["total_usd"], told["net_usd"], told["by_kind"]["credit"], told["rows"]) == ("2.5", "2.4", "-0.3", 3)
    opus = told["lines"][0]
    assert (opus["model"], opus["scope"], opus["tokens"]) == ("anthropic.claude-opus-5-5", "global", "100000")
    assert told["partial"] is None
    assert "4 requests to Cost Explorer, 0.04 USD" in told["warnings"]
    assert any("estimates" in warning for warning in told["warnings"])


def test_the_cap_is_never_passed(explorer):
    """Under a cap of two requests, one service of two is read; the bill is partial and names the other."""
    explorer.add_response("get_dimension_values", values(NOVA, OPUS))
    explorer.add_response("get_cost_and_usage", days(group("USE1-NovaPro-input-tokens", "Usage", "0.8", "1000")))
    found = ask(cap="0.02")
    explorer.assert_no_pending_responses()
    assert found.total_usd == Decimal("0.8")
    assert found.partial == f"the cap of 0.02 USD is reached; not or not wholly read: {OPUS}"


def test_throttling_waits_and_counts_its_requests(explorer):
    """A throttled request is sent again, later, and counts against the cap."""
    explorer.add_client_error("get_dimension_values", "ThrottlingException", http_status_code=429)
    explorer.add_response("get_dimension_values", values(NOVA))
    explorer.add_response("get_cost_and_usage", days(group("USE1-NovaPro-input-tokens", "Usage", "0.8", "1000")))
    assert "3 requests to Cost Explorer, 0.03 USD" in ask().notes
    assert len(WAITED) == 1
    explorer.add_client_error("get_dimension_values", "LimitExceededException", http_status_code=400)
    with pytest.raises(LabError, match="LimitExceededException"):
        ask()


def test_what_stops_halfway_leaves_a_partial_bill(explorer):
    """Credentials that expire after the first service leave what was read, marked with what is missing."""
    explorer.add_response("get_dimension_values", values(NOVA, OPUS))
    explorer.add_response("get_cost_and_usage", days(group("USE1-NovaPro-input-tokens", "Usage", "0.8", "1000")))
    explorer.add_client_error("get_cost_and_usage", "ExpiredTokenException", http_status_code=400)
    found = ask()
    assert found.total_usd == Decimal("0.8")
    assert found.partial == f"Cost Explorer stopped answering (ExpiredTokenException); not or not wholly read: {OPUS}"


@pytest.mark.parametrize(
    ("code", "status", "error", "said"),
    [
        ("AccessDeniedException", 400, InputError, "access denied .* ce:GetCostAndUsage"),
        ("ExpiredTokenException", 400, InputError, "no usable AWS credentials"),
        ("DataUnavailableException", 400, InputError, "no data yet"),
        ("ValidationException", 400, LabError, "ValidationException"),
    ],
)
def test_what_cost_explorer_refuses_is_one_line(explorer, code, status, error, said):
    """A first request that is refused says why; no account stands in the line."""
    message = f"User: arn:aws:iam::{PAYER}:user/someone is not allowed"
    explorer.add_client_error("get_dimension_values", code, message, http_status_code=status)
    with pytest.raises(error, match=said) as raised:
        ask()
    assert PAYER not in str(raised.value)


def test_an_empty_month_is_read(explorer):
    """No service of Bedrock is a bill of nothing."""
    explorer.add_response("get_dimension_values", values())
    found = ask()
    assert (found.total_usd, found.rows, found.partial) == (0, 0, None)
    explorer.add_response("get_dimension_values", values(NOVA))
    explorer.add_response("get_cost_and_usage", days())
    assert ask().total_usd == 0


def test_many_pages_are_summed(explorer):
    """Hundreds of pages of one service are one bill."""
    explorer.add_response("get_dimension_values", values(NOVA))
    pages = 300
    for n in range(pages):
        more = {"NextPageToken": f"p{n}"} if n < pages - 1 else {}
        explorer.add_response(
            "get_cost_and_usage", days(group("USE1-NovaPro-input-tokens", "Usage", "0.01", "1")) | more
        )
    assert ask(cap="10").total_usd == Decimal("3.00")


def test_without_a_cap_or_days_nothing_is_asked(capsys):
    """Asking needs days and a cap, and says the price; a dry run says it alone."""
    days_ = ["--since", "2026-11-01", "--until", "2026-11-03"]
    for arguments, said in (
        (["bill", "--cost-explorer"], "needs --since and --until"),
        (["bill", "--cost-explorer", *days_], "give a cap with --max-spend-usd"),
        (["bill", "--cost-explorer", *days_, "--max-spend-usd", "0.01"], "0.02 USD or more"),
        (["bill", "--cost-explorer", *days_, "--max-spend-usd", "much"], "budget 'much'"),
        (["bill", "--cost-explorer", *days_[2:], "--since", "2026-11-04", "--max-spend-usd", "1"], "is not before"),
        (["bill", "--cost-explorer", *days_[2:], "--since", "monday", "--max-spend-usd", "1"], "YYYY-MM-DD"),
        (["bill"], "give a FILE"),
        (["bill", "x.csv", "--since", "2026-11-01"], "go with --cost-explorer"),
    ):
        assert run(arguments) == 2
        assert said in capsys.readouterr().err
    assert run(["bill", "--cost-explorer", *days_, "--dry-run"]) == 0
    assert "0.01 USD a request" in capsys.readouterr().out


def test_a_cap_below_the_services_reads_nothing(explorer):
    """Where the cap ends before the services are known there is no bill: exit 3."""
    for _ in range(2):
        explorer.add_client_error("get_dimension_values", "ThrottlingException", http_status_code=429)
    with pytest.raises(BudgetError, match="nothing was read"):
        ask(cap="0.02")


def test_a_line_made_by_hand_is_the_one_of_the_api(tmp_path):
    """A day of Cost Explorer and the same hour of a report mean the same line."""
    row = line("amazon.nova-pro", "input", 1_000, dt.datetime(2026, 11, 1))  # noqa: DTZ001 - CUR names no zone
    (tmp_path / "r.csv").write_text(legacy_csv([row]))
    found = lab.read_bill(tmp_path / "r.csv").charges[0]
    assert (found.meaning.model, found.tokens) == ("amazon.nova-pro", 1_000)


def test_the_policy_names_calls_there_are(capsys):
    """``doctor --policy bill`` allows reading alone, by botocore's own names of operations."""
    assert run(["doctor", "--policy", "bill", "--s3", "s3://reports/cur/", "--json"]) == 0
    policy = json.loads(capsys.readouterr().out)["policy"]
    actions = [action for statement in policy["Statement"] for action in statement["Action"]]
    models = {"ce": "ce", "pricing": "pricing"}
    for service, _, name in (action.partition(":") for action in actions):
        assert name.startswith(("Get", "List"))
        if service in models:
            assert name in Session().get_service_model(models[service]).operation_names
    assert {"ce:GetCostAndUsage", "ce:GetDimensionValues"} <= set(actions)
