"""Bills as AWS's column dictionaries describe them, made from usage by hand-written usage types and rates.

Nothing of the package is used: usage types follow the patterns of AWS's price list, rates its public prices of November
2026 [USD per 1M tokens], and costs are amount x rate, as ``line_item_unblended_cost`` is defined.
"""

import csv
import datetime as dt
import gzip
import io
from decimal import Decimal

D = Decimal
HOUR = dt.timedelta(hours=1)
PAYER = "111122223333"
BEDROCK, FIRST_PARTY = "AmazonBedrock", "AmazonBedrockService"
DASHED = {
    "input": "input-tokens",
    "output": "output-tokens",
    "cache_read": "cache-read-input-token-count",
    "cache_write_5m": "cache-write-input-token-count",
    "cache_write_1h": "cache-write-1h-input-token-count",
}
CAMEL = {
    "input": "InputTokenCount",
    "output": "OutputTokenCount",
    "cache_read": "CacheReadInputTokenCount",
    "cache_write_5m": "CacheWriteInputTokenCount",
    "cache_write_1h": "CacheWrite1hInputTokenCount",
}
SNAKE = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_tokens",
    "cache_write_5m": "cache_write_tokens",
    "cache_write_1h": "cache_write_tokens_1h",
}


def rates(text):
    """Read ``input output [cache_read cache_write_5m [cache_write_1h]]``."""
    return dict(zip(("input", "output", "cache_read", "cache_write_5m", "cache_write_1h"), map(D, text.split())))  # noqa: B905


PRICES = {
    ("amazon.nova-pro", "in-region", "default", 0): rates("0.8 3.2 0.2 0.8"),
    ("amazon.nova-pro", "in-region", "priority", 0): rates("1.4 5.6 0.35 1.4"),
    ("amazon.nova-pro", "in-region", "flex", 0): rates("0.4 1.6 0.1 0.4"),
    ("amazon.nova-pro", "in-region", "batch", 0): rates("0.4 1.6"),
    ("anthropic.claude-haiku-4-5", "in-region", "default", 0): rates("1.1 5.5 0.11 1.375 2.2"),
    ("anthropic.claude-haiku-4-5", "global", "default", 0): rates("1 5 0.1 1.25 2"),
    ("anthropic.claude-sonnet-4-6", "in-region", "default", 0): rates("3.3 16.5 0.33 4.125 6.6"),
    ("anthropic.claude-sonnet-4-6", "global", "default", 0): rates("3 15 0.3 3.75 6"),
    ("anthropic.claude-opus-5-5", "in-region", "default", 0): rates("4.4 22 0.22 5.5 8.8"),
    ("anthropic.claude-opus-5-5", "global", "default", 0): rates("4 20 0.2 5 8"),
    ("anthropic.claude-haiku-5-5", "in-region", "default", 0): rates("0.11 0.55 0.011 0.1375 0.22"),
    ("anthropic.claude-haiku-5-5", "in-region", "default", 1): rates("0.55 2.75 0.055 0.6875"),
}
NAMED = {
    "amazon.nova-pro": (BEDROCK, "NovaPro", "Amazon Bedrock"),
    "anthropic.claude-haiku-4-5": (FIRST_PARTY, "Claude4.5Haiku", "Amazon Bedrock Service"),
    "anthropic.claude-sonnet-4-6": ("3m1qfdxyz4cam", CAMEL, "Claude Sonnet 4.6 (Amazon Bedrock Edition)"),
    "anthropic.claude-opus-5-5": ("5v7snakeabc01", SNAKE, "Claude Opus 5.5 (Amazon Bedrock Edition)"),
    "anthropic.claude-haiku-5-5": ("5v7snakeabc02", SNAKE, "Claude Haiku 5.5 (Amazon Bedrock Edition)"),
}
"""Product code, name in usage types or the way Marketplace writes them, name of the product."""


def usage_type(model, bucket, scope="in-region", tier="default", long=0, code="USE1"):
    """Write a usage type by the patterns of the price list."""
    _, way, _ = NAMED[model]
    glob = scope == "global"
    if isinstance(way, str):
        parts = [code, way, DASHED[bucket]]
        middle = ["cross-region-global"] if glob else []
        tail = [tier] if tier != "default" else []
        return "-".join([*parts, *(middle + tail if tier == "batch" else tail + middle)])
    if way is CAMEL:
        words = [way[bucket], *(["LCtx"] if long else []), *(["Global"] if glob else [])]
        words += ["Batch"] if tier == "batch" else []
    else:
        words = [way[bucket], *(["long_ctx"] if long else []), *(["global"] if glob else [])]
        words += ["batch" if tier == "batch" else "standard"]
    return f"{code}-MP:{code}_{'_'.join(words)}-Units"


def line(model, bucket, tokens, hour, *, scope="in-region", tier="default", long=0, account=PAYER, rate=None, **more):
    """Make a row of CUR 2.0: tokens of one bucket in one hour."""
    product, way, name = NAMED[model]
    by = 1_000 if isinstance(way, str) else 1_000_000
    public = PRICES[model, scope, tier, long][bucket]
    charged = public if rate is None else D(rate)
    amount = D(tokens) / by
    return {
        "bill_payer_account_id": PAYER,
        "bill_billing_entity": "AWS" if isinstance(way, str) else "AWS Marketplace",
        "bill_billing_period_start_date": hour.replace(day=1, hour=0),
        "line_item_usage_account_id": account,
        "line_item_line_item_type": "Usage",
        "line_item_usage_start_date": hour,
        "line_item_usage_end_date": hour + HOUR,
        "line_item_product_code": product,
        "line_item_usage_type": usage_type(model, bucket, scope, tier, long),
        "line_item_operation": "Usage" if way in (CAMEL, SNAKE) else "InvokeModelInference",
        "line_item_resource_id": f"arn:aws:bedrock:us-east-1:{account}:application-inference-profile/a1b2c3d4e5f6",
        "line_item_usage_amount": amount,
        "line_item_currency_code": "USD",
        "line_item_unblended_rate": charged * by / 1_000_000,
        "line_item_unblended_cost": D(tokens) * charged / 1_000_000,
        "line_item_net_unblended_cost": D(tokens) * charged / 1_000_000,
        "pricing_public_on_demand_cost": D(tokens) * public / 1_000_000,
        "pricing_unit": "1K tokens" if by == 1_000 else "Units",
        "product": {"product_name": name},
        "product_region_code": "us-east-1",
        "product_servicecode": product if isinstance(way, str) else "AmazonBedrockFoundationModels",
    } | more


def other(kind, usd, hour, usage="USE1-NovaPro-input-tokens", code=BEDROCK, name="Amazon Bedrock", amount=0, **more):
    """Make a row that is no usage of tokens by rate: a tax, a credit, hours of units."""
    return {
        "bill_payer_account_id": PAYER,
        "bill_billing_entity": "AWS",
        "bill_billing_period_start_date": hour.replace(day=1, hour=0),
        "line_item_usage_account_id": PAYER,
        "line_item_line_item_type": kind,
        "line_item_usage_start_date": hour,
        "line_item_usage_end_date": hour + HOUR,
        "line_item_product_code": code,
        "line_item_usage_type": usage,
        "line_item_operation": "",
        "line_item_resource_id": "",
        "line_item_usage_amount": D(amount),
        "line_item_currency_code": "USD",
        "line_item_unblended_rate": D(0),
        "line_item_unblended_cost": D(usd),
        "line_item_net_unblended_cost": D(usd),
        "pricing_public_on_demand_cost": None,
        "pricing_unit": "",
        "product": {"product_name": name},
        "product_region_code": "us-east-1",
        "product_servicecode": code,
    } | more


def write_cur2_parquet(path, rows):
    """Write rows as a CUR 2.0 export: timestamps, doubles, and the product as a map."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    doubles = {"line_item_usage_amount", "pricing_public_on_demand_cost"} | {n for n in rows[0] if n.endswith("_cost")}
    arrays = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        if name == "product":
            arrays[name] = pa.array([list(v.items()) for v in values], pa.map_(pa.string(), pa.string()))
        elif name in doubles:
            arrays[name] = pa.array([None if v is None else float(v) for v in values], pa.float64())
        elif name.endswith("_date"):
            arrays[name] = pa.array(values, pa.timestamp("ms"))
        else:
            arrays[name] = pa.array([None if v is None else str(v) for v in values], pa.string())
    pq.write_table(pa.table(arrays), path)


LEGACY = {
    "bill_payer_account_id": "bill/PayerAccountId",
    "bill_billing_entity": "bill/BillingEntity",
    "bill_billing_period_start_date": "bill/BillingPeriodStartDate",
    "pricing_public_on_demand_cost": "pricing/publicOnDemandCost",
    "pricing_unit": "pricing/unit",
    "product": "product/ProductName",
    "product_region_code": "product/region",
    "product_servicecode": "product/servicecode",
}


def legacy_name(name):
    """Write a column as the legacy report does."""
    return LEGACY.get(name) or "lineItem/" + "".join(w.title() for w in name.removeprefix("line_item_").split("_"))


def text_of(value):
    """Write a cell of CSV."""
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, Decimal):
        return format(value, "f")
    return value["product_name"] if isinstance(value, dict) else str(value)


def legacy_csv(rows):
    """Write rows as the legacy report's CSV."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([legacy_name(name) for name in rows[0]])
    writer.writerows([[text_of(value) for value in row.values()] for row in rows])
    return out.getvalue()


def write_legacy_gz(path, rows):
    """Write the legacy report as AWS delivers it; the same rows make the same bytes."""
    with gzip.GzipFile(path, "wb", mtime=0) as file:
        file.write(legacy_csv(rows).encode())


def write_legacy_parquet(path, rows):
    """Write the legacy report for Athena: small letters, a column a product attribute."""
    flat = [
        {k: v for k, v in r.items() if k != "product"} | {"product_product_name": text_of(r["product"])} for r in rows
    ]
    write_cur2_parquet(path, flat)


def cost_explorer_csv(rows):
    """Write Cost Explorer's download by day and usage type: costs and amounts, with the sums on top."""
    days, found = sorted({r["line_item_usage_start_date"].date() for r in rows}), {}
    for row in rows:
        held = found.setdefault(row["line_item_usage_type"], {})
        day = row["line_item_usage_start_date"].date()
        usd, amount = held.get(day, (D(0), D(0)))
        held[day] = (usd + row["line_item_unblended_cost"], amount + row["line_item_usage_amount"])
    unit = {r["line_item_usage_type"]: r["pricing_unit"] or "N/A" for r in rows}
    heads = [h for u in found for h in (f"{u}($)", f"{u}({unit[u]})")]
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(["Usage type", *heads, "Total costs($)"])
    for day in (None, *days):
        of = [
            tuple(sum(x) for x in zip(*(h[d] for d in h if day in (None, d)), strict=True)) or (D(0), D(0))
            for h in found.values()
        ]
        cells = [format(v, "f") for pair in of for v in pair]
        total = format(sum(pair[0] for pair in of), "f")
        writer.writerow([str(day) if day else "Usage type total", *cells, total])
    return out.getvalue()


def sample():
    """Make the rows of the committed samples: two hours of one account with one of everything."""
    h0, h1 = dt.datetime(2026, 11, 2, 9), dt.datetime(2026, 11, 2, 10)  # noqa: DTZ001 - CUR's timestamps name no zone
    return [
        line("amazon.nova-pro", "input", 1_234_567, h0),
        line("amazon.nova-pro", "input", 2_000_000, h1),
        line("amazon.nova-pro", "output", 345_678, h0),
        line("amazon.nova-pro", "input", 500_000, h1, tier="batch"),
        line("amazon.nova-pro", "output", 90_000, h1, tier="flex"),
        line("amazon.nova-pro", "output", 80_000, h1, tier="priority"),
        line("anthropic.claude-haiku-4-5", "input", 700_000, h0, scope="global"),
        line("anthropic.claude-haiku-4-5", "cache_write_1h", 60_000, h0, scope="global"),
        line("anthropic.claude-haiku-4-5", "cache_read", 800_000, h0),
        line("anthropic.claude-sonnet-4-6", "input", 400_000, h0),
        line("anthropic.claude-sonnet-4-6", "output", 50_000, h0, rate="14.85"),
        line("anthropic.claude-opus-5-5", "cache_write_1h", 30_000, h1, scope="global"),
        line("anthropic.claude-haiku-5-5", "input", 250_000, h1, long=1),
        other(
            "Usage",
            "0.55",
            h0,
            "USE1-anthropic.claude-opus-4-8-mantle-input-tokens-standard",
            amount=100,
            pricing_unit="1K tokens",
        ),
        other(
            "Usage",
            "60.50",
            h0,
            "USE1-Nova2.0Lite-ProvisionedThroughput-NoCommit-ModelUnits",
            amount=1,
            pricing_unit="hour",
        ),
        other(
            "Usage",
            "18",
            h0,
            "USE1-MP:USE1_Reserved_1Month_InputTPM_Geo-Units",
            "5v7snakeabc01",
            "Claude Opus 5.5 (Amazon Bedrock Edition)",
            100,
            pricing_unit="1K TPM Hour",
        ),
        other("Usage", "0.75", h0, "USE1-Guardrail-ContentPolicyUnitsConsumed", amount=5, pricing_unit="1K text units"),
        other("Usage", "0.002", h0, "USE1-KnowledgeBase-StructuredDataRetrieval", amount=1),
        other("Usage", "1.95", h0, "USE1-Llama3-1-8B-Customization-Storage", amount=1),
        other("Usage", "0.123", h0, "USE1-Something-Nobody-Knows", amount=3),
        other("Credit", "-1.5", h0, amount=0),
        other("Refund", "-0.25", h0, amount=0),
        other("EdpDiscount", "-0.4", h0, amount=0),
        other("Tax", "2.2", h0, "", amount=0),
        other("Usage", "9.99", h0, "BoxUsage:t3.micro", "AmazonEC2", "Amazon Elastic Compute Cloud", 1),
    ]


def write_samples(folder):
    """Write the committed samples; ``python tests/bill_maker.py`` does so."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = sample()
    write_cur2_parquet(folder / "cur2.snappy.parquet", rows)
    write_legacy_parquet(folder / "legacy.snappy.parquet", rows)
    write_legacy_gz(folder / "legacy-00001.csv.gz", rows)
    bedrock = [
        r for r in rows if r["line_item_product_code"] != "AmazonEC2" and r["line_item_line_item_type"] == "Usage"
    ]
    (folder / "cost-explorer.csv").write_text(cost_explorer_csv(bedrock), newline="")


if __name__ == "__main__":
    from pathlib import Path

    write_samples(Path(__file__).parent / "data" / "bills")
