"""AWS's price list as price rows: products of three service codes, each told apart by its usage type and attributes."""

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from bedrock_lab.bills.usage_type import TOKENS, Meaning, meaning
from bedrock_lab.catalogue import places
from bedrock_lab.catalogue.names import CODES
from bedrock_lab.catalogue.price_table import PriceRow
from bedrock_lab.catalogue.pricelist import Prices, Spot

PER_UNIT = {"1K tokens": 1_000, "1M tokens": 1, "tokens": 1_000_000, "token": 1_000_000, "1000 tokens": 1_000}
"""What a price per unit is multiplied with to be one per 1M tokens."""

DAY = len("2026-11-22")
THOUSANDS = ("thousand", "1k", "1,000")
UNIT_SLIPS = (Decimal(1_000), Decimal("0.001"))
"""A price that is this many times the one known has its unit misread."""

Product = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What a price list says of tokens.

    Attributes
    ----------
    rows
        One a model, Region, scope, tier, threshold and bucket.
    left_out
        Products that are no price of tokens on bedrock-runtime, or that cannot be read, counted by why.
    conflicts
        Cells with products of different prices: neither is taken.
    unknown
        Usage types whose model the catalogue does not know.
    """

    rows: tuple[PriceRow, ...]
    left_out: dict[str, int]
    conflicts: tuple[str, ...]
    unknown: tuple[str, ...]


def products_of(offer: Mapping[str, Any]) -> list[Product]:
    """Return the products of an offer file in the shape of GetProducts."""
    terms = offer.get("terms", {}).get("OnDemand", {})
    return [
        {"product": product, "terms": {"OnDemand": terms.get(sku, {})}, "publicationDate": offer.get("publicationDate")}
        for sku, product in offer.get("products", {}).items()
    ]


def parse(products: Iterable[Product], prices: Prices, checked: date, source: str) -> Parsed:
    """Read products as price rows.

    The traps: a custom model's product has the same attributes as the model's own, latency-optimised and batch products
    the same inference type as the plain one, so that the first of a kind is often the wrong one; units are 1K tokens,
    1M tokens, tokens, and Marketplace's Units, which stand for a million.

    Parameters
    ----------
    prices
        Prices as known, to tell a misread unit.
    checked
        Day the list was read.
    source
        Key of the source, ``aws-price-list@2026-11-22``.
    """
    found: dict[tuple[Any, ...], dict[Decimal, PriceRow]] = {}
    left: dict[str, int] = {}
    unknown: set[str] = set()
    for product in products:
        row = _row(product, prices, checked, source, unknown)
        if isinstance(row, str):
            left[row] = left.get(row, 0) + 1
            continue
        key = (row.model, row.region, row.scope, row.tier, row.above_tokens, row.bucket)
        found.setdefault(key, {})[row.usd_per_mtok] = row
    return Parsed(
        rows=tuple(next(iter(held.values())) for _, held in sorted(found.items()) if len(held) == 1),
        left_out=dict(sorted(left.items())),
        conflicts=tuple(
            f"{' '.join(map(str, key))}: {', '.join(sorted(map(str, held)))} USD"
            for key, held in sorted(found.items())
            if len(held) > 1
        ),
        unknown=tuple(sorted(unknown)),
    )


def _row(product: Product, prices: Prices, checked: date, source: str, unknown: set[str]) -> PriceRow | str:  # noqa: PLR0911 - one a trap
    """Read one product; a word says why it is left out."""
    facts = product.get("product", {}).get("attributes", {})
    if facts.get("servicecode") not in CODES:
        return "another service"
    region = str(facts.get("regionCode") or "")
    said = _meaning(facts, region)
    if said.category != TOKENS:
        return said.category
    if region not in places.regions():
        return "a Region that is not known"
    if said.model is None:
        unknown.add(str(facts.get("usagetype")))
        return "a model that is not known"
    if said.bucket in {None, "cache_write_unknown"}:
        return "a bucket that is not known"
    price = _price(product)
    if isinstance(price, str):
        return price
    usd, effective, published = price
    scope = places.GLOBAL if said.scope == places.GLOBAL else places.IN_REGION
    tier, bucket = str(said.tier), str(said.bucket)
    edges = prices.thresholds(said.model, scope, tier)
    if said.long_context and not edges:
        return "long context of a model without a known threshold"
    above = edges[0] if said.long_context else 0
    known = prices.rows_on(Spot(said.model, region, scope, tier), bucket, above)
    if known and any(_slip(usd, known[-1].usd_per_mtok, slip) for slip in UNIT_SLIPS):
        return "a unit that is off by a thousand"
    since = max((r.since for r in known), default=None)
    return PriceRow(
        model=said.model,
        region=region,
        scope="global" if scope == places.GLOBAL else "regional",
        tier=tier,
        above_tokens=above,
        bucket=bucket,
        usd_per_mtok=usd,
        effective=effective if effective and (since is None or effective > since) else None,
        known_from=published or checked,
        checked=checked,
        kind="published",
        source=source,
        also=(),
        used=True,
        note=str(facts.get("usagetype")),
    )


def _meaning(facts: Mapping[str, Any], region: str) -> Meaning:
    """Read a usage type, and let the product's attributes overrule what it leaves unsaid."""
    said = meaning(str(facts.get("usagetype") or ""), str(facts.get("servicename") or ""), region)
    feature, kind = str(facts.get("feature") or "").lower(), str(facts.get("inferenceType") or "").lower()
    if "custom" in feature or "provisioned" in feature:
        return dataclasses.replace(said, category="custom_model" if "custom" in feature else "provisioned")
    if said.category == TOKENS and said.tier == "default":
        if "batch" in feature:
            return dataclasses.replace(said, tier="batch")
        if "latency" in feature or "latency" in kind:
            return dataclasses.replace(said, tier="latency-optimized")
        tier = str(facts.get("service_tier") or "").lower()
        if tier in {"flex", "priority"}:
            return dataclasses.replace(said, tier=tier)
    return said


def _price(product: Product) -> tuple[Decimal, date | None, date | None] | str:
    """Return the price per 1M tokens, the day it came into force and the day the list was published."""
    terms = list(product.get("terms", {}).get("OnDemand", {}).values())
    dimensions = [d for term in terms for d in term.get("priceDimensions", {}).values()]
    if len(dimensions) != 1:
        return "no single price"
    (found,) = dimensions
    unit, text = str(found.get("unit") or ""), str(found.get("description") or "")
    times = PER_UNIT.get(unit)
    if times is None and unit == "Units":
        times = 1_000 if any(w in text.lower() for w in THOUSANDS) and "million" not in text.lower() else 1
    if times is None:
        return f"unit {unit or 'none'}"
    try:
        usd = Decimal(str(found.get("pricePerUnit", {}).get("USD"))) * times
    except InvalidOperation:
        return "no price in USD"
    if not usd.is_finite() or usd <= 0:
        return "a price of nothing"
    return usd.normalize() + 0, _day(terms[0].get("effectiveDate")), _day(product.get("publicationDate"))


def _slip(usd: Decimal, known: Decimal, slip: Decimal) -> bool:
    return bool(known) and Decimal("0.4") < usd / known / slip < Decimal("2.5")


def _day(text: Any) -> date | None:
    try:
        return date.fromisoformat(str(text)[:DAY])
    except ValueError:
        return None


def news(rows: Iterable[PriceRow], prices: Prices) -> tuple[PriceRow, ...]:
    """Keep the rows that say another price than the one known on their day, or one where none is."""
    kept = []
    for row in rows:
        scope = places.GLOBAL if row.scope == "global" else places.IN_REGION
        known = prices.rows_on(Spot(row.model, row.region, scope, row.tier), row.bucket, row.above_tokens)
        if not known or known[-1].usd_per_mtok != row.usd_per_mtok:
            kept.append(row)
    return tuple(kept)
