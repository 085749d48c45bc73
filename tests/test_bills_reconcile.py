"""A bill held against a trace: what agrees has nothing unexplained, what was planted is named to the cent."""

import dataclasses
import datetime as dt
import json
import os
import random
import time
from collections import Counter
from decimal import Decimal

import boto3
import numpy as np
import pyarrow as pa
import pytest
from bill_maker import PRICES, legacy_csv, line, other, write_cur2_parquet
from botocore.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st
from test_local_logging import Place

import bedrock_lab as lab
from bedrock_lab.bills.deliveries import Deliveries
from bedrock_lab.bills.reconciling import reconcile
from bedrock_lab.bills.usage_type import meaning
from bedrock_lab.cli.main import run
from bedrock_lab.errors import InputError
from bedrock_lab.sources.log_deliveries import read_deliveries
from bedrock_lab.traffic.identities import hashed
from bedrock_lab.traffic.trace import make_trace

FULL = bool(os.environ.get("BEDROCK_LAB_FULL"))
START = dt.datetime(2026, 11, 2, 9, 0, 30, tzinfo=dt.UTC)
HOURS = 6
ACCOUNTS = ("123456789012", "444455556666")
HAIKU, SONNET, NOVA = "anthropic.claude-haiku-4-5", "anthropic.claude-sonnet-4-6", "amazon.nova-pro"
IDS = {
    "us.anthropic.claude-haiku-4-5-20251001-v1:0": (HAIKU, "in-region"),
    "global.anthropic.claude-haiku-4-5-20251001-v1:0": (HAIKU, "global"),
    "us.anthropic.claude-sonnet-4-6": (SONNET, "in-region"),
    "amazon.nova-pro-v1:0": (NOVA, "in-region"),
}
ONCE = Config(retries={"total_max_attempts": 1})
BUCKETS = {"inputTokens": "input", "outputTokens": "output", "cacheReadInputTokens": "cache_read"}
OTHER_HOUR = dt.datetime(2026, 11, 1, 3)  # noqa: DTZ001 - CUR's timestamps name no zone


def hour_of(n):
    """Return the hour a call is made in, as CUR writes it."""
    return START.replace(minute=0, second=0, tzinfo=None) + dt.timedelta(hours=n)


def call(client, rng, i):
    """Make a call of one of many kinds; throttled ones are left."""
    model = rng.choice(list(IDS))
    asked = {"modelId": model, "messages": [{"role": "user", "content": [{"text": f"question {i % 7}"}]}]}
    if "haiku" in model and i % 2:
        ttl = rng.choice(["5m", "1h"])
        long = f"A rule that is read again and again ({ttl}). " * 400
        asked["system"] = [{"text": long}, {"cachePoint": {"type": "default", "ttl": ttl}}]
    if "nova" in model:
        asked["serviceTier"] = {"type": rng.choice(["default", "priority", "flex"])}
    try:
        got = (client.converse_stream if i % 5 == 0 else client.converse)(**asked, inferenceConfig={"maxTokens": 50})
        for _ in got.get("stream", ()):
            pass
    except client.exceptions.ThrottlingException:
        pass


def charged_tokens(record):
    """Say what AWS charges for a request of the endpoint's own record: tokens by bucket."""
    usage = record["usage"]
    tokens = {bucket: usage[name] for name, bucket in BUCKETS.items()}
    for write in usage["cacheDetails"] or ():
        tokens[f"cache_write_{write['ttl']}"] = tokens.get(f"cache_write_{write['ttl']}", 0) + write["inputTokens"]
    return {bucket: n for bucket, n in tokens.items() if n}


def rows_of(sums):
    """Write sums of tokens as rows of CUR 2.0."""
    return [
        line(model, bucket, tokens, hour, scope=scope, tier=tier, account=account)
        for (hour, account, model, scope, tier, bucket), tokens in sorted(sums.items(), key=str)
    ]


def delivered(place, n):
    """Wait until n records lie in the log, and return it; records wait for each other."""
    deadline = time.monotonic() + 120
    while True:
        trace = lab.read_trace("s3://calls/", **place.aws.client_kwargs())
        if len(trace) == n or time.monotonic() > deadline:
            assert len(trace) == n
            return trace
        time.sleep(0.1)


@pytest.fixture(scope="module")
def run_():
    """Make calls over six hours by two accounts; return the trace of their log and what the endpoint says of them."""
    calls = 20_000 if FULL else 240
    faults = [{"operation": "Converse", "error": "ThrottlingException", "rate": 0.1}]
    rng = random.Random(1)
    sums = Counter()
    with Place({"models": {"*": {"ttft_s": 0, "gap_s": 0, "output_tokens": 7}}, "faults": faults}) as place:
        clients = {}
        for account in ACCOUNTS:
            known = {**place.aws.client_kwargs(), "aws_access_key_id": account}
            clients[account] = boto3.client("bedrock-runtime", **known, config=ONCE)
            control = boto3.client("bedrock", **known)
            control.put_model_invocation_logging_configuration(
                loggingConfig={"s3Config": {"bucketName": "calls"}, "textDataDeliveryEnabled": True}
            )
            control.close()
        seen = len(place.aws.engine.shown())
        for n in range(HOURS):
            place.aws.engine.now = lambda n=n: START + dt.timedelta(hours=n)
            for i in range(calls // HOURS):
                call(clients[ACCOUNTS[i % 2]], rng, i)
            shown = place.aws.engine.shown()
            for record in shown[seen:]:
                if record["usage"] is not None and record["status"] == 200:
                    model, scope = IDS[record["model_id"]]
                    for bucket, tokens in charged_tokens(record).items():
                        where = (hour_of(n), record["account"], model, scope, record["tier"] or "default")
                        sums[(*where, bucket)] += tokens
            seen = len(shown)
        logged = sum(r["operation"] in {"Converse", "ConverseStream"} for r in place.aws.engine.shown())
        trace = delivered(place, logged)
        for client in clients.values():
            client.close()
    return trace, sums


@pytest.fixture
def trace(run_):
    return run_[0]


@pytest.fixture
def rows(run_):
    return rows_of(run_[1])


@pytest.fixture
def held(tmp_path, trace):
    """Return what holds rows against the trace: causes by name, the sum checked."""

    def hold(rows, against=None, **more):
        path = tmp_path / "cur.parquet"
        write_cur2_parquet(path, rows)
        found = reconcile(against or trace, lab.read_bill(path), lab.prices("2026-11-22"), **more)
        told = found.to_dict()
        assert sum(Decimal(c["usd"]) for c in told["causes"]) == Decimal(told["difference_usd"])
        assert told["causes"][-1]["cause"] == "unexplained"
        assert Decimal(told["bill_usd"]) == lab.read_bill(path).total_usd
        return found

    return hold


def causes(found):
    """Return causes that come to anything, by name; rounding of doubles apart."""
    return {c.cause: c.usd for c in found.causes if c.usd and c.cause != "rounding"}


def cost(model, bucket, tokens, scope="in-region", tier="default", long=0):
    """Price tokens by the maker's own table [USD]."""
    return PRICES[model, scope, tier, long][bucket] * tokens / 1_000_000


def replaced(trace, **columns):
    """Return the trace with columns in place of its own; None takes one out."""
    table = trace.table
    for name, values in columns.items():
        if name in table.column_names:
            table = table.drop_columns([name])
        if values is not None:
            table = table.append_column(name, values)
    return dataclasses.replace(trace, table=table)


def hours(trace):
    """Return the hour of each row, counted from the first."""
    return ((trace.column("time_s") + 30) // 3600).astype(int)


def test_the_round_trip_has_the_same_tokens_and_no_cent_unexplained(run_, rows, trace, held):
    """Log and bill of the same calls: tokens by bucket equal, USD exact, nothing unexplained."""
    found = held(rows)
    assert causes(found) == {}
    assert found.unexplained_share == 0
    assert all(side.trace_tokens == side.bill_tokens for side in found.by)
    by_bucket = Counter()
    for (*_, bucket), tokens in run_[1].items():
        by_bucket[bucket] += tokens
    assert {"input", "output", "cache_read", "cache_write_5m", "cache_write_1h"} == set(by_bucket)
    for bucket, tokens in by_bucket.items():
        assert int(np.nansum(trace.column(f"{bucket}_tokens"))) == tokens
        assert sum(s.bill_tokens for s in found.by if s.bucket == bucket) == tokens
    assert found.trace_usd == sum(cost(m, b, n, s, t) for (_, _, m, s, t, b), n in run_[1].items())
    assert {s.tier for s in found.by if s.model == NOVA} == {"default", "priority", "flex"}
    assert found.grain == "hour"


def test_exact_decimals_leave_no_rounding(rows, trace, tmp_path):
    """The legacy report's decimals are exact: bill and trace are equal to the last digit."""
    (tmp_path / "b.csv").write_text(legacy_csv(rows))
    found = lab.bill(trace, lab.prices("2026-11-22")).reconcile(tmp_path / "b.csv")
    assert found.difference_usd == 0
    assert [c.cause for c in found.causes] == ["unexplained"]


def test_a_lost_log_hour(rows, trace, held):
    """An hour without log delivery is traffic outside the logs, at what the bill says of it."""
    lost = trace.select(hours(trace) != 2)
    missing = sum(r["line_item_unblended_cost"] for r in rows if r["line_item_usage_start_date"] == hour_of(2))
    found = held(rows, lost)
    assert causes(found)["traffic outside the logs"].quantize(Decimal("1e-9")) == missing.quantize(Decimal("1e-9"))
    assert found.unexplained_share == 0
    assert "2026-11-02T11Z" in next(c.detail for c in found.causes if c.cause == "traffic outside the logs")


def test_an_account_without_logs(rows, trace, held):
    """An account the trace has no row of is outside the logs whole, where the other fits by its label."""
    one = trace.select(trace.text("account") == hashed(ACCOUNTS[0]))
    missing = sum(r["line_item_unblended_cost"] for r in rows if r["line_item_usage_account_id"] == ACCOUNTS[1])
    found = held(rows, one)
    assert abs(causes(found)["traffic outside the logs"] - missing) < Decimal("1e-9")
    assert found.unexplained_share == 0


def planted(rows, picked, change):
    """Return rows with some changed."""
    return [change(r) if picked(r) else r for r in rows]


def relined(row, **changes):
    """Write a row anew with another scope, tier or rate."""
    found = meaning(row["line_item_usage_type"], row["product"]["product_name"])
    tokens = int(row["line_item_usage_amount"] * (1_000 if row["pricing_unit"] == "1K tokens" else 1_000_000))
    how = {"scope": found.scope, "tier": found.tier, "account": row["line_item_usage_account_id"]} | changes
    return line(found.model, found.bucket, tokens, row["line_item_usage_start_date"], **how)


def is_of(model, scope="in-region", hour=None, tier="default"):
    """Return a test for rows of a model and scope."""

    def picked(row):
        found = meaning(row["line_item_usage_type"], row["product"]["product_name"])
        where = (found.model, found.scope, found.tier) == (model, scope, tier)
        return where and hour in {None, row["line_item_usage_start_date"]}

    return picked


def moved(run_, model, to, hour=None, tier="default"):
    """Say what a move of a model's in-region tokens comes to [USD]."""
    scope = {"scope": "in-region", "tier": tier}
    total = Decimal(0)
    for (when, _, m, s, t, bucket), n in run_[1].items():
        if (m, s, t) == (model, "in-region", tier) and hour in {None, when}:
            total += cost(model, bucket, n, **(scope | to)) - cost(model, bucket, n, **scope)
    return total


def near(usd, expected):
    """Whether two amounts are the same but for the doubles of a report."""
    return abs(usd - expected) < Decimal("1e-9")


def test_a_wrong_scope(run_, rows, held):
    """Calls charged as global cost a tenth less: the cause is the scope, with its amount."""
    found = held(planted(rows, is_of(SONNET, hour=hour_of(1)), lambda r: relined(r, scope="global")))
    expected = moved(run_, SONNET, {"scope": "global"}, hour_of(1))
    assert expected < 0
    assert list(causes(found)) == ["scope"]
    assert near(causes(found)["scope"], expected)


def test_a_private_rate(run_, rows, held):
    """A rate below AWS's public one is an agreement, to the cent."""
    prices = PRICES[SONNET, "in-region", "default", 0]
    row = is_of(SONNET)
    changed = planted(
        rows, row, lambda r: r | {"line_item_unblended_cost": r["line_item_unblended_cost"] * Decimal("0.9")}
    )
    expected = -sum(prices[b] * n / 10_000_000 for (_, _, m, _, _, b), n in run_[1].items() if m == SONNET)
    found = held(changed)
    assert list(causes(found)) == ["private rates"]
    assert near(causes(found)["private rates"], expected)


def test_a_price_list_that_differs(run_, rows, held):
    """A public rate that is not the one known here is the price list's, not an agreement."""
    half = Decimal("0.5")
    cheaper = {"line_item_unblended_cost", "pricing_public_on_demand_cost"}
    changed = planted(rows, is_of(NOVA), lambda r: r | {name: r[name] * half for name in cheaper})
    found = held(changed)
    expected = -sum(cost(NOVA, b, n) / 2 for (_, _, m, _, t, b), n in run_[1].items() if (m, t) == (NOVA, "default"))
    assert list(causes(found)) == ["price list against charged"]
    assert near(causes(found)["price list against charged"], expected)


@pytest.mark.parametrize(
    ("outcome", "code", "cause"),
    [
        ("throttled", "ThrottlingException", "retried throttles"),
        ("failed", "ModelErrorException", "failed requests"),
        ("failed", "GuardrailIntervened", "guardrail-blocked requests"),
    ],
)
def test_requests_the_trace_does_not_price(run_, rows, trace, held, outcome, code, cause):
    """Tokens of requests that failed, were blocked or throttled, and that AWS charged, are named as theirs."""
    ours = trace.text("outcome")
    picked = np.array([str(m).startswith("global.") for m in trace.text("model")]) | (trace.text("scope") == "global")
    picked &= (ours == "ok") & (hours(trace) == 3)
    assert picked.any()
    codes = trace.text("error_code")
    changed = replaced(
        trace,
        outcome=pa.array(np.where(picked, outcome, ours).tolist()).dictionary_encode(),
        error_code=pa.array([code if p else c for p, c in zip(picked, codes, strict=True)]).dictionary_encode(),
    )
    expected = sum(
        cost(HAIKU, b, n, "global")
        for (h, _, m, s, _, b), n in run_[1].items()
        if (h, m, s) == (hour_of(3), HAIKU, "global")
    )
    found = held(rows, changed)
    assert list(causes(found)) == [cause]
    assert near(causes(found)[cause], expected)


def test_a_write_of_an_hour_without_its_ttl(run_, rows, trace, held):
    """Writes the log gives no TTL for are priced at the shortest; what an hour cost more is the TTL's."""
    hour_long = trace.column("cache_write_1h_tokens")
    changed = replaced(
        trace, cache_write_1h_tokens=None, cache_write_unknown_tokens=pa.array(np.nan_to_num(hour_long).astype(int))
    )
    expected = sum(
        cost(HAIKU, b, n, s) - cost(HAIKU, "cache_write_5m", n, s)
        for (_, _, _, s, _, b), n in run_[1].items()
        if b == "cache_write_1h"
    )
    found = held(rows, changed)
    assert expected > 0
    assert list(causes(found)) == ["cache write TTL"]
    assert near(causes(found)["cache write TTL"], expected)


def test_a_tier_served_differently(run_, rows, held):
    """Calls charged as priority that the log has as default: the cause is the tier."""
    found = held(planted(rows, is_of(NOVA, hour=hour_of(0)), lambda r: relined(r, tier="priority")))
    assert list(causes(found)) == ["tier served differently"]
    assert near(causes(found)["tier served differently"], moved(run_, NOVA, {"tier": "priority"}, hour_of(0)))


def test_month_edges(rows, trace, held):
    """Hours of the bill outside the trace, and of the trace outside the bill, are edges on either side."""
    extra = line(NOVA, "input", 5_000_000, OTHER_HOUR, account=ACCOUNTS[0])
    found = held([*rows, extra])
    assert list(causes(found)) == ["time zone and month edges"]
    assert near(causes(found)["time zone and month edges"], Decimal(4))
    early = [r for r in rows if r["line_item_usage_start_date"] != hour_of(HOURS - 1)]
    late = sum(r["line_item_unblended_cost"] for r in rows if r["line_item_usage_start_date"] == hour_of(HOURS - 1))
    found = held(early)
    assert list(causes(found)) == ["time zone and month edges"]
    assert near(causes(found)["time zone and month edges"], -late)


def test_what_is_no_token_stands_by_its_name(rows, held):
    """Mantle, taxes, credits, refunds, discounts, fees, units, unknown usage types: each its own cause."""
    h = hour_of(1)
    beside = [
        (other("Usage", "0.55", h, "USE1-anthropic.claude-opus-4-8-mantle-input-tokens-standard", amount=1), "mantle"),
        (other("Tax", "7.25", h, ""), "tax"),
        (other("Credit", "-3.5", h), "credits"),
        (other("Refund", "-0.5", h), "refunds"),
        (other("EdpDiscount", "-0.75", h), "discounts"),
        (other("Fee", "1.5", h), "fees"),
        (
            other("Usage", "60.5", h, "USE1-Nova2.0Lite-ProvisionedThroughput-NoCommit-ModelUnits", amount=1),
            "provisioned units",
        ),
        (other("Usage", "9", h, "USE1-MP:USE1_Reserved_1Month_InputTPM_Geo-Units", amount=1), "reserved capacity"),
        (other("Usage", "0.25", h, "USE1-Guardrail-ContentPolicyUnitsConsumed", amount=1), "guardrails"),
        (other("Usage", "0.125", h, "USE1-Something-Nobody-Knows", amount=1), "unknown usage types"),
    ]
    found = held([*rows, *(row for row, _ in beside)])
    assert causes(found) == {name: row["line_item_unblended_cost"] for row, name in beside}


def test_batch_and_models_the_trace_never_saw_are_outside_the_logs(rows, held):
    """Batch jobs stand on the bill and in no invocation log; so does a model the trace has no row of."""
    h = hour_of(1)
    more = [
        line(NOVA, "input", 1_000_000, h, tier="batch", account=ACCOUNTS[0]),
        line("anthropic.claude-opus-5-5", "output", 1_000, h, account=ACCOUNTS[0]),
    ]
    found = held([*rows, *more])
    assert list(causes(found)) == ["traffic outside the logs"]
    assert near(causes(found)["traffic outside the logs"], Decimal("0.4") + Decimal("0.022"))


def test_what_has_no_cause_is_unexplained_and_never_hidden(rows, held):
    """Tokens the log should have and has not are unexplained, counted regardless of sign."""
    h = hour_of(1)
    found = held([*rows, line(SONNET, "output", 1_000_000, h, account=ACCOUNTS[0])])
    assert list(causes(found)) == ["unexplained"]
    assert near(found.unexplained_usd, Decimal("16.5"))
    assert found.unexplained_share == pytest.approx(16.5 / float(found.bill_usd))


def test_ten_discrepancies_at_once_are_told_apart(run_, rows, trace, held):
    """Ten planted in different hours and cells: each is named with its amount, and nothing is unexplained."""
    hour_long = trace.column("cache_write_1h_tokens")
    changed = replaced(
        trace, cache_write_1h_tokens=None, cache_write_unknown_tokens=pa.array(np.nan_to_num(hour_long).astype(int))
    ).select(hours(trace) != 2)
    bill = planted(rows, is_of(SONNET, hour=hour_of(1)), lambda r: relined(r, scope="global"))
    bill = planted(bill, is_of(NOVA, hour=hour_of(3)), lambda r: relined(r, tier="priority"))
    bill = planted(
        bill,
        is_of(NOVA, tier="flex"),
        lambda r: r | {"line_item_unblended_cost": r["line_item_unblended_cost"] * Decimal("0.9")},
    )
    h = hour_of(4)
    bill += [
        line(NOVA, "input", 1_000_000, h, tier="batch", account=ACCOUNTS[0]),
        line(NOVA, "input", 5_000_000, OTHER_HOUR, account=ACCOUNTS[0]),
        other("Usage", "0.55", h, "USE1-anthropic.claude-opus-4-8-mantle-input-tokens-standard", amount=1),
        other("Tax", "7.25", h, ""),
        other("Credit", "-3.5", h),
        other("Usage", "0.125", h, "USE1-Something-Nobody-Knows", amount=1),
    ]
    found = held(bill, changed)
    kept = {k: n for k, n in run_[1].items() if k[0] != hour_of(2)}
    lost = sum(r["line_item_unblended_cost"] for r in bill if r["line_item_usage_start_date"] == hour_of(2))
    flex = -sum(
        cost(NOVA, b, n, tier="flex") / 10 for (_, _, m, _, t, b), n in kept.items() if (m, t) == (NOVA, "flex")
    )
    ttl = sum(
        cost(HAIKU, b, n, s) - cost(HAIKU, "cache_write_5m", n, s)
        for (_, _, _, s, _, b), n in kept.items()
        if b == "cache_write_1h"
    )
    expected = {
        "tax": Decimal("7.25"),
        "traffic outside the logs": lost + Decimal("0.4"),
        "time zone and month edges": Decimal(4),
        "credits": Decimal("-3.5"),
        "mantle": Decimal("0.55"),
        "unknown usage types": Decimal("0.125"),
        "private rates": flex,
        "cache write TTL": ttl,
        "scope": moved(run_, SONNET, {"scope": "global"}, hour_of(1)),
        "tier served differently": moved(run_, NOVA, {"tier": "priority"}, hour_of(3)),
    }
    got = causes(found)
    assert set(got) == set(expected)
    for name, usd in expected.items():
        assert near(got[name], usd), name
    assert found.unexplained_share == 0


def windows_of(*calls):
    """Return a trace of requests: (second, model, tokens by column)."""
    columns = {"time_s": np.array([float(c[0]) for c in calls]), "model": [c[1] for c in calls]}
    for name in {n for c in calls for n in c[2]} | {"output_tokens"}:
        columns[name] = np.array([c[2].get(name, 0) for c in calls])
    return make_trace(columns, origin="log", source="calls", format="table", start_time="2026-11-02T09:00:00Z")


def test_a_long_context_reprice(tmp_path):
    """Tokens AWS charged at the long-context price of requests that stayed below it: the reprice is the cause."""
    trace = windows_of(
        (0, "us.anthropic.claude-haiku-5-5", {"input_tokens": 90_000}),
        (9, "us.anthropic.claude-haiku-5-5", {"input_tokens": 150_000}),
    )
    model, h = "anthropic.claude-haiku-5-5", hour_of(0)
    (tmp_path / "b.csv").write_text(
        legacy_csv([line(model, "input", 150_000, h, long=1), line(model, "input", 90_000, h)])
    )
    agreed = reconcile(trace, lab.read_bill(tmp_path / "b.csv"), lab.prices("2026-11-22"))
    assert agreed.difference_usd == 0
    (tmp_path / "b.csv").write_text(legacy_csv([line(model, "input", 240_000, h, long=1)]))
    found = reconcile(trace, lab.read_bill(tmp_path / "b.csv"), lab.prices("2026-11-22"))
    assert causes(found) == {"long-context reprice": Decimal(90_000) * (Decimal("0.55") - Decimal("0.11")) / 1_000_000}


def test_a_bill_by_the_day_and_a_trace_without_a_clock(tmp_path):
    """Days are laid over days; without a date of the trace both are summed whole, and the hours cannot be told."""
    calls = (0, f"us.{SONNET}", {"input_tokens": 1_000, "output_tokens": 10})
    trace = windows_of(calls, (3_600 * 30, f"us.{SONNET}", {"input_tokens": 500, "output_tokens": 5}))
    day, more = hour_of(0).replace(hour=0), dt.timedelta(days=1)
    rows = [
        line(SONNET, b, n, when, line_item_usage_end_date=when + more)
        for when, b, n in (
            (day, "input", 1_000),
            (day, "output", 10),
            (day + more, "input", 500),
            (day + more, "output", 5),
        )
    ]
    (tmp_path / "b.csv").write_text(legacy_csv(rows))
    found = reconcile(trace, lab.read_bill(tmp_path / "b.csv"))
    assert (found.grain, found.difference_usd) == ("day", 0)
    found = reconcile(dataclasses.replace(trace, start_time=None), lab.read_bill(tmp_path / "b.csv"))
    assert (found.grain, found.difference_usd) == ("month", 0)


def test_an_overlay_that_knows_the_agreement_explains_itself(tmp_path, rows, trace):
    """With the negotiated price laid over the list, net meets the charge; list stands beside it."""
    (tmp_path / "o.toml").write_text(
        f'[[price]]\nmodel = "{SONNET}"\neffective = 2026-01-01\nmultiplier = 0.9\nsource = "agreement"\n'
    )
    tenth = Decimal("0.9")
    changed = planted(
        rows, is_of(SONNET), lambda r: r | {"line_item_unblended_cost": r["line_item_unblended_cost"] * tenth}
    )
    (tmp_path / "b.csv").write_text(legacy_csv(changed))
    charged = lab.read_bill(tmp_path / "b.csv")
    found = reconcile(trace, charged, lab.prices("2026-11-22", str(tmp_path / "o.toml")))
    assert (found.difference_usd, found.unexplained_share) == (0, 0)
    assert found.trace_list_usd == sum(r["pricing_public_on_demand_cost"] for r in rows)
    without = reconcile(trace, charged, lab.prices("2026-11-22"))
    assert causes(without) == {"private rates": found.trace_usd - found.trace_list_usd}


def test_the_command_prints_causes_and_its_gate_ends_in_3(tmp_path, capsys, rows, trace):
    """``reconcile`` prints causes, keeps accounts to itself, and ends with 3 and the sentence where a gate is true."""
    trace.write(tmp_path / "t.parquet")
    (tmp_path / "b.csv").write_text(
        legacy_csv([*rows, line(SONNET, "output", 1_000_000, hour_of(1), account=ACCOUNTS[0])])
    )
    asked = ["reconcile", str(tmp_path / "t.parquet"), "--bill", str(tmp_path / "b.csv")]
    assert run([*asked, "--fail-if", "unexplained_share > 0.01", "--json"]) == 3
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert {"trace_usd", "bill_usd", "difference_usd", "by", "causes"} <= set(told)
    assert "--fail-if 'unexplained_share > 0.01' is true: unexplained_share = 0." in err
    assert run([*asked, "--fail-if", "abs(difference_usd) > 1000 or causes.tax > 5"]) == 2
    assert "has no figure 'causes.tax'" in capsys.readouterr().err
    assert run([*asked, "--fail-if", "bill_usd < 0"]) == 0
    text = capsys.readouterr()
    assert "unexplained" in text.out
    for account in ACCOUNTS:
        assert account not in out + err + text.out + text.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--bill", "absent.csv"], "no such file"),
        (["--bill", "BILL", "--fail-if", "import os"], "allowed are names of figures"),
        (["--bill", "BILL", "--fail-if", "unexplained_share"], "allowed are names of figures"),
        (["--bill", "BILL", "--date", "soon"], "YYYY-MM-DD"),
    ],
)
def test_mistakes_are_one_line(tmp_path, capsys, arguments, said):
    """A missing bill, a gate that is none, a day that is none: exit 2 in one line."""
    trace = windows_of((0, f"us.{SONNET}", {"input_tokens": 1_000}))
    trace.write(tmp_path / "t.parquet")
    (tmp_path / "b.csv").write_text(legacy_csv([line(SONNET, "input", 1_000, hour_of(0))]))
    given_ = [str(tmp_path / "b.csv") if a == "BILL" else a for a in arguments]
    assert run(["reconcile", str(tmp_path / "t.parquet"), *given_]) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert (out, err.count("\n")) == ("", 1)


def test_a_download_without_amounts_cannot_be_reconciled(tmp_path):
    """Cost Explorer's CSV of costs alone says no tokens."""
    (tmp_path / "ce.csv").write_text(
        '"Usage type","USE1-NovaPro-input-tokens($)","Total costs($)"\n"2026-11-02","1","1"\n'
    )
    trace = windows_of((0, "amazon.nova-pro", {"input_tokens": 1_000}))
    charged = lab.read_bill(tmp_path / "ce.csv")
    with pytest.raises(InputError, match="says no usage amounts"):
        reconcile(trace, charged)


KINDS = st.tuples(
    st.sampled_from(["input", "output", "cache_read"]),
    st.sampled_from(["in-region", "global"]),
    st.integers(0, 2),
    st.integers(0, 10**7),
)


@given(st.lists(KINDS, min_size=1, max_size=12), st.lists(KINDS, min_size=1, max_size=12))
@settings(max_examples=300 if FULL else 30)
def test_causes_sum_to_the_difference_whatever_the_two_sides_hold(tmp_path_factory, charged, called):
    """Any bill against any trace: causes sum to the difference exactly, by their decimals."""
    path = tmp_path_factory.mktemp("r") / "b.csv"
    path.write_text(legacy_csv([line(HAIKU, b, n, hour_of(h), scope=s) for b, s, h, n in charged]))
    prefix = {"in-region": "us", "global": "global"}
    calls = [(3_600 * h, f"{prefix[s]}.{HAIKU}", {f"{b}_tokens": n}) for b, s, h, n in called]
    trace = windows_of(*[(t, m, {"input_tokens": 0} | c) for t, m, c in calls])
    told = reconcile(trace, lab.read_bill(path), lab.prices("2026-11-22")).to_dict()
    assert sum(Decimal(c["usd"]) for c in told["causes"]) == Decimal(told["difference_usd"])
    assert Decimal(told["difference_usd"]) == sum(Decimal(s["difference_usd"]) for s in told["by"])


def test_failed_deliveries_are_evidence_for_hours_without_a_log(rows, trace, held):
    """Hour 3 is missing from the log and two of five of its deliveries failed: the cause says so, its amount stays."""
    missing = int(hour_of(3).replace(tzinfo=dt.UTC).timestamp()) // 3600
    counted = Deliveries(source="test", failed={("us-east-1", missing): 2}, sent={("us-east-1", missing): 3})
    without = held(rows, trace.select(hours(trace) != 3, rebase=False))
    found = held(rows, trace.select(hours(trace) != 3, rebase=False), deliveries=counted)
    assert causes(found) == causes(without)
    (said,) = [c.detail for c in found.causes if c.cause == "traffic outside the logs"]
    assert "2 of 5 deliveries failed by CloudWatch" in said


def test_deliveries_are_read_of_cloudwatch_by_the_hour(aws):
    """The price is said first; a log into a bucket that is gone counts as failed."""
    s3, control, runtime = (boto3.client(n, **aws.client_kwargs()) for n in ("s3", "bedrock", "bedrock-runtime"))
    aws.bucket("gone-soon")
    control.put_model_invocation_logging_configuration(
        loggingConfig={"s3Config": {"bucketName": "gone-soon", "keyPrefix": "x"}}
    )
    for held in s3.list_objects_v2(Bucket="gone-soon").get("Contents", ()):
        s3.delete_object(Bucket="gone-soon", Key=held["Key"])
    s3.delete_bucket(Bucket="gone-soon")
    before = aws.engine.now()
    runtime.converse(modelId="amazon.nova-lite-v1:0", messages=[{"role": "user", "content": [{"text": "hi"}]}])
    said, failed = [], 0
    for _ in range(60):
        found = read_deliveries(
            before - dt.timedelta(hours=1), before + dt.timedelta(hours=1), ["us-east-1"], show=said.append,
            **{name: value for name, value in aws.client_kwargs().items() if name != "region_name"},
        )  # fmt: skip
        failed = sum(found.failed.values())
        if failed:
            break
        time.sleep(0.2)
    control.delete_model_invocation_logging_configuration()
    for client in (s3, control, runtime):
        client.close()
    assert failed >= 1
    assert "4 metrics of log deliveries, 0.00004 USD" in said[0]
