"""A made-up week: a log of calls, and the bill AWS would have sent for them, with what bills and logs differ in."""

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np

from bedrock_lab.assumptions import Origin
from bedrock_lab.bills import columns as c
from bedrock_lab.bills.charge import Charges
from bedrock_lab.bills.reading import Gathering
from bedrock_lab.catalogue import names, places, usage_types
from bedrock_lab.catalogue.billing_places import PLACES
from bedrock_lab.catalogue.pricelist import Prices, Spot, prices
from bedrock_lab.catalogue.target import target
from bedrock_lab.quote import plain
from bedrock_lab.traffic.trace import Trace, make_trace

START = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
HOURS = 168
AS_OF = "2026-11-09"
REGION = "us-east-1"
LOST = (62, 63)
"""Hours whose records never arrived."""

AGREED = Decimal("0.92")
"""What an agreement leaves of the list price of one model."""

CALLS = (
    ("us.anthropic.claude-sonnet-4-6", "default", "assistant", 1_200, 300, 0.5),
    ("global.anthropic.claude-haiku-4-5-20251001-v1:0", "default", "assistant", 900, 250, 0.2),
    ("amazon.nova-pro-v1:0", "default", "search", 700, 90, 0.2),
    ("amazon.nova-pro-v1:0", "flex", "nightly", 2_500, 400, 0.1),
)
"""Model, tier, app, mean input, mean output, share of the calls."""

BUCKETS = ("input", "cache_read", "output")


def _week(seed: int) -> dict[str, Any]:
    """Draw the calls of a week: columns of a trace, the hour of each among them."""
    rng = np.random.default_rng(seed)
    shape = 1.0 + 0.8 * np.sin((np.arange(HOURS) - 8) * 2 * np.pi / 24)
    counts = rng.poisson(40 * shape)
    hour = np.repeat(np.arange(HOURS), counts)
    kind = rng.choice(len(CALLS), size=len(hour), p=[call[5] for call in CALLS])
    mean = np.array([call[3] for call in CALLS])[kind], np.array([call[4] for call in CALLS])[kind]
    size = [np.maximum(1, np.round(m * rng.lognormal(-0.18, 0.6, len(hour)))).astype(np.int64) for m in mean]
    read = np.where(kind == 0, 4_096 * (rng.random(len(hour)) < 0.6), 0)
    failed = rng.random(len(hour)) < 0.01
    return {
        "time_s": (hour + np.sort(rng.random(len(hour)))) * 3_600.0,
        "model": np.array([call[0] for call in CALLS], dtype=object)[kind],
        "region": np.full(len(hour), REGION, dtype=object),
        "tier": np.array([call[1] for call in CALLS], dtype=object)[kind],
        "app": np.array([call[2] for call in CALLS], dtype=object)[kind],
        "input_tokens": size[0],
        "cache_read_tokens": read,
        "output_tokens": np.where(failed, 0, size[1]),
        "outcome": np.where(failed, "failed", "ok").astype(object),
        "hour": hour,
        "kind": kind,
    }


def example_log(seed: int = 0) -> Trace:
    """Make the log of a week of calls to try reconciling on; nobody's. Two hours of it never arrived.

    >>> example_log().origin
    <Origin.SYNTHETIC: 'synthetic'>
    """
    week = _week(seed)
    kept = ~np.isin(week["hour"], LOST)
    columns = {name: values[kept] for name, values in week.items() if name not in {"hour", "kind"}}
    return make_trace(
        columns,
        origin=Origin.SYNTHETIC,
        source="a made-up week of calls",
        format="example",
        start_time=START.isoformat(),
        expresses=BUCKETS,
        rebase=False,
    )


def example_bill(seed: int = 0) -> Charges:
    """Make the bill of the same week: charged by the hour, with what a log does not say; nobody's.

    It has the two hours the log lost, the input of calls that failed, an agreement on one model, a provisioned unit,
    calls of bedrock-mantle, a credit and a tax.
    """
    week, listed = _week(seed), prices(AS_OF)
    gathered = Gathering()
    gathered.formats["example"] += 1
    for number, (model, tier, *_) in enumerate(CALLS):
        mine = week["kind"] == number
        for bucket in BUCKETS:
            by_hour = np.bincount(week["hour"][mine], week[f"{bucket}_tokens"][mine], HOURS)
            for hour in np.flatnonzero(by_hour):
                row = _row(model, tier, bucket, int(by_hour[hour]), int(hour), listed)
                gathered.take(row, "example", 0)
    for row in _beside():
        gathered.take(row, "example", 0)
    return gathered.result("a made-up bill of a week", Origin.SYNTHETIC)


def _hour(number: int) -> dict[str, str]:
    begin = START + dt.timedelta(hours=number)
    return {c.START: begin.isoformat(), c.END: (begin + dt.timedelta(hours=1)).isoformat()}


def _row(model: str, tier: str, bucket: str, tokens: int, hour: int, listed: Prices) -> dict[str, Any]:
    """Write what AWS would charge for tokens of an hour."""
    where = target(model, region=REGION, tier=tier)
    scope = places.GLOBAL if where.scope == places.GLOBAL else places.IN_REGION
    price = listed.row(Spot(where.model.id, REGION, scope, tier), bucket)
    market = names.service_code(where.model.id) == names.MARKETPLACE
    code, said = PLACES[REGION].code, usage_types.of_tokens(price)
    usage = f"{code}-MP:{code}_{said}-Units" if market else f"{code}-{names.usage_name(where.model.id)}-{said}"
    by = 1_000_000 if market else 1_000
    cost = tokens * price.usd_per_mtok / 1_000_000
    return {
        c.CODE: names.service_code(where.model.id),
        c.NAME: names.service_name(where.model.id),
        c.TYPE: usage,
        c.KIND: "Usage",
        c.AMOUNT: Decimal(tokens) / by,
        c.UNIT: "Units" if market else "1K tokens",
        c.USD: plain(cost * (AGREED if market else 1)),
        c.LIST: plain(cost),
        **_hour(hour),
    }


def _beside() -> list[dict[str, Any]]:
    """Write lines of a bill that are no tokens of these calls."""
    mantle = "USE1-anthropic.claude-opus-4-8-mantle-input-tokens-standard"
    unit = "USE1-Nova2.0Lite-ProvisionedThroughput-NoCommit-ModelUnits"
    lines = (
        ("Usage", mantle, "3.3", "600", "1K tokens"),
        ("Usage", unit, "60.5", "1", "hour"),
        ("Credit", "", "-25", "0", ""),
        ("Tax", "", "4.2", "0", ""),
    )
    return [
        {c.CODE: names.BEDROCK, c.TYPE: usage, c.KIND: kind, c.USD: usd, c.AMOUNT: amount, c.UNIT: unit_, **_hour(48)}
        for kind, usage, usd, amount, unit_ in lines
    ]
