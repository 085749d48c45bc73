"""Price lists by version and service code, built once and in small steps, since streams must not wait for them."""

import asyncio
import dataclasses
import weakref
from datetime import date, datetime
from typing import Any

import orjson

from bedrock_lab.catalogue.model import models
from bedrock_lab.catalogue.names import CODES
from bedrock_lab.catalogue.pricelist import price_rows
from bedrock_lab.catalogue.tables import as_date, table
from bedrock_lab.local.engine import Engine
from bedrock_lab.local.services.gently import gently, keep
from bedrock_lab.local.services.pricelist_products import Product, products

FORM, VERSION = "v1.0", "%Y%m%d000000"
KEPT_LISTS, KEPT_SELECTIONS = 6, 16

Filters = tuple[tuple[str, str, str], ...]
"""Type, field and value of every filter."""


@dataclasses.dataclass(slots=True)
class Listing:
    """The price list of a service code, as published on a day.

    Attributes
    ----------
    by_region
        Its products by Region.
    selections
        What was asked for lately.
    """

    code: str
    published: date
    products: list[Product] = dataclasses.field(default_factory=list)
    by_region: dict[str, list[Product]] = dataclasses.field(default_factory=dict)
    selections: dict[Filters, list[Product]] = dataclasses.field(default_factory=dict)

    @property
    def version(self) -> str:
        """Version as AWS writes it."""
        return self.published.strftime(VERSION)

    @property
    def stamp(self) -> dict[str, str]:
        """Version and publication date, as they stand in files and products."""
        return {"version": self.version, "publicationDate": f"{self.published}T00:00:00Z"}

    def add(self, product: Product) -> None:
        """Put a product at the end."""
        self.products.append(product)
        self.by_region.setdefault(product.attributes["regionCode"], []).append(product)

    def written(self, product: Product) -> str:
        """Write a product as GetProducts does."""
        told = {"product": product.product, "serviceCode": self.code, "terms": {"OnDemand": product.terms}}
        return orjson.dumps(told | self.stamp).decode()

    async def file(self, region: str) -> dict[str, Any]:
        """Write the offer file of a Region."""
        sold, terms = {}, {}
        async for product in gently(self.by_region[region]):
            sold[product.sku] = product.product
            terms[product.sku] = product.terms
        return {
            "formatVersion": FORM,
            "disclaimer": "Made by a local endpoint out of the prices bedrock-lab knows; not a price list of AWS.",
            "offerCode": self.code,
            **self.stamp,
            "products": sold,
            "terms": {"OnDemand": terms},
            "attributesList": {},
        }

    async def select(self, filters: Filters) -> list[Product]:
        """Find the products that pass every filter."""
        found = self.selections.get(filters)
        if found is None:
            among = self._among(filters)
            found = [product async for product in gently(among) if all(passes(product, *f) for f in filters)]
            keep(self.selections, filters, found, KEPT_SELECTIONS)
        return found

    def _among(self, filters: Filters) -> list[Product]:
        """Narrow down by Region, which most who ask name."""
        for kind, field, value in filters:
            if kind in {"TERM_MATCH", "EQUALS"} and field == "regionCode":
                return self.by_region.get(value, [])
        return self.products


def held(product: Product, field: str) -> str | None:
    """Return what a product holds in a field it can be filtered by; None where it has no such field."""
    if field == "productFamily":
        return product.family
    return product.attributes.get("servicecode" if field == "ServiceCode" else field)


def passes(product: Product, kind: str, field: str, value: str) -> bool:
    """Whether a product passes one filter; ANY_OF and NONE_OF take values between commas.

    A product without the field passes NONE_OF alone.
    """
    found = held(product, field)
    if kind == "NONE_OF":
        return found not in value.split(",")
    if found is None:
        return False
    if kind == "CONTAINS":
        return value in found
    return found in value.split(",") if kind == "ANY_OF" else found == value


_days: set[date] = set()
_listings: dict[tuple[str, date], Listing] = {}
_turns: weakref.WeakKeyDictionary[Engine, asyncio.Lock] = weakref.WeakKeyDictionary()
"""Facts of the catalogue alone, the same for every endpoint; an endpoint builds one at a time."""


async def published(day: date) -> date | None:
    """Find the last day up to `day` on which a price came into force; None before the first."""
    if not _days:
        found = {
            as_date(row["effective"] or row["known_from"])
            for name in ("provisioned", "reserved")
            for row in table(name)
        }
        async for model in gently(models()):
            found.update(row.since for row in price_rows(model) if row.used)
        _days.update(found)
    return max((since for since in _days if since <= day), default=None)


async def listing(engine: Engine, code: str, day: date) -> Listing | None:
    """Return the price list of a service code as it stood on a day; None before the first price."""
    async with _turns.setdefault(engine, asyncio.Lock()):
        since = await published(day)
        if since is None:
            return None
        found = _listings.get((code, since))
        if found is None:
            found = Listing(code, since)
            async for product in gently(products(code, since)):
                found.add(product)
            keep(_listings, (code, since), found, KEPT_LISTS)
        return found


async def version_of(engine: Engine, code: str, version: str, now: datetime) -> Listing | None:
    """Return a version of the price list of a service code; None where it was not published until now."""
    try:
        day = datetime.strptime(version, VERSION).date()  # noqa: DTZ007 - a day of the calendar
    except ValueError:
        return None
    found = await listing(engine, code, min(day, now.date())) if code in CODES else None
    return found if found is not None and found.version == version else None
