"""The catalogue's prices as products of AWS's price list, with its usage types and units.

By the thousand tokens with the model among the attributes; through Marketplace by the million, with the model in the
name of the service. In-region and geographic calls are billed by one product, global ones by another.
"""

import dataclasses
import functools
import hashlib
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from bedrock_lab.catalogue import names, offers, places, usage_types
from bedrock_lab.catalogue.billing_places import LOCATION_TYPE, PLACES
from bedrock_lab.catalogue.model import models
from bedrock_lab.catalogue.pricelist import PriceRow, Prices, Spot, price_rows

TERM, RATE = "JRTCKXETXF", "6YS6EN2CT7"
"""AWS's codes of on-demand terms and of their one rate."""

SCOPES = {"regional": places.IN_REGION, "global": places.GLOBAL}
SPOKEN = {
    "input": "Input",
    "cache_read": "Cache Read Input",
    "cache_write_5m": "Cache Write Input",
    "cache_write_30m": "Cache Write 30m Input",
    "cache_write_1h": "Cache Write 1h Input",
    "output": "Response",
}
INFERENCE_TYPES = {
    "input": "Input tokens",
    "cache_read": "Prompt cache read input tokens",
    "cache_write_5m": "Prompt cache write input tokens",
    "cache_write_30m": "Prompt cache write input tokens",
    "cache_write_1h": "Prompt cache write input tokens",
    "output": "Output tokens",
}
UNIT_TERMS = {"none": "no commit", "1m": "1 month", "6m": "6 months"}
RESERVED_MONTHS = {"1m": 1, "3m": 3}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One line of the price list.

    Attributes
    ----------
    usd
        Price of one unit, as AWS writes it [USD].
    since
        Day the price came into force, or was first seen.
    """

    sku: str
    family: str
    attributes: dict[str, str]
    unit: str
    usd: str
    description: str
    since: str

    @property
    def product(self) -> dict[str, Any]:
        """What is sold."""
        return {"productFamily": self.family, "attributes": self.attributes, "sku": self.sku}

    @property
    def terms(self) -> dict[str, Any]:
        """Its terms on demand."""
        term = f"{self.sku}.{TERM}"
        dimension = {
            "unit": self.unit,
            "endRange": "Inf",
            "description": self.description,
            "appliesTo": [],
            "rateCode": f"{term}.{RATE}",
            "beginRange": "0",
            "pricePerUnit": {"USD": self.usd},
        }
        return {
            term: {
                "priceDimensions": {f"{term}.{RATE}": dimension},
                "sku": self.sku,
                "effectiveDate": f"{self.since}T00:00:00Z",
                "offerTermCode": TERM,
                "termAttributes": {},
            }
        }


def products(code: str, day: date) -> Iterator[Product]:
    """List everything in force on a day under a service code, model by model."""
    prices = Prices(as_of=day)
    for model in models():
        if names.service_code(model) == code:
            yield from _by_token(model, prices)
            yield from _by_hour(model, prices)


def _by_token(model: str, prices: Prices) -> Iterator[Product]:
    for scope, tier, above, bucket in _kinds(model):
        for region in PLACES:
            rows = prices.rows_on(Spot(model, region, SCOPES[scope], tier), bucket, above)
            if rows:
                yield _token_product(region, rows[-1])


@functools.cache
def _kinds(model: str) -> tuple[tuple[str, str, int, str], ...]:
    """Scope, tier, threshold and bucket of everything that has a price somewhere."""
    return tuple(sorted({(row.scope, row.tier, row.above_tokens, row.bucket) for row in price_rows(model) if row.used}))


def _token_product(region: str, row: PriceRow) -> Product:
    usage, since = usage_types.of_tokens(row), str(row.since)
    if names.service_code(row.model) == names.MARKETPLACE:
        side = "Global" if row.scope == "global" else "Regional CRIS"
        extra = ("Long Context" if row.above_tokens else "", "" if row.tier == "default" else row.tier.title())
        said = ", ".join([f"Million {SPOKEN[row.bucket]} Tokens {side}", *filter(None, extra)])
        return _product(row.model, region, usage, row.usd_per_mtok, "Units", since, said)
    facts = {"feature": "On-demand Inference", "inferenceType": INFERENCE_TYPES[row.bucket]}
    if row.tier in {"priority", "flex"}:
        facts |= {"inferenceType": f"{INFERENCE_TYPES[row.bucket]} {row.tier}", "service_tier": row.tier.title()}
    elif row.tier == "batch" and row.scope != "global":
        facts["feature"] = "Batch Inference"  # global batch differs by its usage type alone, at AWS as well
    return _product(row.model, region, usage, row.usd_per_mtok.scaleb(-3), "1K tokens", since, **facts)


def _by_hour(model: str, prices: Prices) -> Iterator[Product]:
    """List model units and Reserved capacity where the model itself is sold."""
    for region in PLACES:
        for scope in SCOPES.values():
            if prices.has(Spot(model, region, scope, "default"), "output"):
                yield from _reserved(model, region, scope, prices)
                if scope == places.IN_REGION:
                    yield from _units(model, region, prices)


def _units(model: str, region: str, prices: Prices) -> Iterator[Product]:
    for term, unit in offers.unit_prices(prices, model, region).items():
        usage, spoken = usage_types.of_units(model, term), UNIT_TERMS[term]
        said, feature = f"Model unit hour, {spoken}", f"Provisioned Throughput Inference - {spoken}"
        yield _product(model, region, usage, unit.usd_per_hour, "hour", unit.known_from, said, feature=feature)


def _reserved(model: str, region: str, scope: str, prices: Prices) -> Iterator[Product]:
    side = "global" if scope == places.GLOBAL else "geo"
    for term, price in offers.reserved_prices(prices, model, region, scope).items():
        months = RESERVED_MONTHS[term]
        for bucket, usd in zip(("input", "output"), price.usd_per_hour_per_ktpm, strict=True):
            usage = usage_types.of_reserved(model, months, bucket, side)
            said = f"Reserved {months} Month {bucket.title()} TPM {side.title()}"
            feature = f"Reserved Inference - {months} month"
            yield _product(model, region, usage, usd, "1K TPM Hour", price.known_from, said, feature=feature)


def _product(
    model: str, region: str, usage: str, usd: Decimal, unit: str, since: str, said: str = "", **facts: str
) -> Product:
    """Put a line together: Marketplace's has its description in words, the others the model among their attributes."""
    code, place = names.service_code(model), PLACES[region]
    attributes = {
        "servicecode": code,
        "servicename": names.service_name(model),
        "regionCode": region,
        "location": place.location,
        "locationType": LOCATION_TYPE,
    }
    if code == names.MARKETPLACE:
        attributes |= {"usagetype": f"{place.code}-MP:{place.code}_{usage}-Units", "operation": "Usage"}
        description = f"AWS Marketplace software usage|{region}|{said}"
    else:
        used, provider = f"{names.usage_name(model)}-{usage}", names.PROVIDERS[models()[model].provider]
        attributes |= {"usagetype": f"{place.code}-{used}", "operation": "", "model": names.model_name(model), **facts}
        attributes |= {} if provider == "Amazon" else {"provider": provider}
        description = f"${usd.normalize():f} per {unit} for {used} in {place.location}"
    return Product(
        sku=sku(code, attributes["servicename"], attributes["usagetype"]),
        family="Machine Learning" if code == names.MARKETPLACE else "Amazon Bedrock",
        attributes=attributes,
        unit=unit,
        usd=f"{usd:.{max(10, -int(usd.as_tuple().exponent))}f}",
        description=description,
        since=since,
    )


def sku(*parts: str) -> str:
    """Make a SKU of what it stands for; AWS's own are not published apart from its files."""
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=8).hexdigest().upper()
