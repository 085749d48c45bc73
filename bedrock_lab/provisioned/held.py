"""Provisioned throughput that is held: what AWS tells of it, with what it costs."""

import dataclasses
import html
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from bedrock_lab.catalogue.model import resolve
from bedrock_lab.catalogue.offers import unit_prices
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.errors import InputError
from bedrock_lab.pricing import HOURS_PER_MONTH
from bedrock_lab.provisioned.terms import TERM_OF, when
from bedrock_lab.quote import plain

PRICE_TAG = "bedrock-lab:usd-per-unit-hour"
"""Tag that holds a price typed in at the purchase [USD/h]."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """Provisioned throughput of one name.

    Attributes
    ----------
    model
        Catalogue id; None for a model the catalogue does not know, such as a custom one.
    model_id
        Id it was bought by, with its context suffix.
    term
        none, 1m or 6m.
    ends
        End of the running term, when it renews by itself; None without commitment.
    usd_per_unit_hour, price_source
        Net price of the price list, or what was typed in at the purchase [USD/h]; None where neither is known.
    failure
        AWS's reason where the status is Failed.
    """

    name: str
    arn: str
    model: str | None
    model_id: str
    units: int
    status: str
    term: str
    created: datetime
    ends: datetime | None
    usd_per_unit_hour: Decimal | None
    price_source: str | None = None
    failure: str | None = None
    tags: Mapping[str, str] | None = None

    @property
    def id(self) -> str:
        """Last part of the ARN."""
        return self.arn.rpartition("/")[2]

    @property
    def usd_per_hour(self) -> Decimal | None:
        """What all its units cost [USD/h]."""
        return None if self.usd_per_unit_hour is None else self.units * self.usd_per_unit_hour

    @property
    def usd_per_month(self) -> Decimal | None:
        """What all its units cost in a month of 730 hours [USD/month]."""
        return None if self.usd_per_hour is None else HOURS_PER_MONTH * self.usd_per_hour

    def tagged(self, tags: Mapping[str, str]) -> "Units":
        """Return it with its tags; the price a tag holds counts where the price list has none."""
        made = dataclasses.replace(self, tags=tags)
        typed = _price_of(tags)
        if made.usd_per_unit_hour is not None or typed is None:
            return made
        return dataclasses.replace(
            made, usd_per_unit_hour=typed, price_source=f"typed in at the purchase ({PRICE_TAG})"
        )

    def bound(self, now: datetime) -> bool:
        """Whether a commitment runs."""
        return self.ends is not None and now < self.ends

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "name": self.name,
            "id": self.id,
            "arn": self.arn,
            "model": self.model,
            "model_id": self.model_id,
            "units": self.units,
            "status": self.status,
            "term": self.term,
            "created_at": when(self.created),
            "ends": when(self.ends),
            "renews": self.ends is not None,
            "usd_per_unit_hour": _text(self.usd_per_unit_hour),
            "usd_per_hour": _text(self.usd_per_hour),
            "usd_per_month": _text(self.usd_per_month),
            "price_source": self.price_source,
            "failure": self.failure,
            "tags": None if self.tags is None else dict(self.tags),
        }

    def to_frame(self) -> Any:
        """Return it as a pandas DataFrame of one row."""
        return Holding((self,)).to_frame()

    def _repr_html_(self) -> str:
        return Holding((self,))._repr_html_()


class Holding(tuple[Units, ...]):
    """Units as a tuple that shows itself."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of ``bedrock-lab provisioned list``."""
        costs = [one.usd_per_month for one in self]
        known = [cost for cost in costs if cost is not None]
        return {
            "summaries": [one.to_dict() for one in self],
            "usd_per_month": plain(sum(known, Decimal(0))) if known or not costs else None,
            "unpriced": len(costs) - len(known),
        }

    def to_frame(self) -> Any:
        """Return a pandas DataFrame, a row a name."""
        import pandas as pd

        return pd.DataFrame([one.to_dict() for one in self])

    def ending(self, now: datetime, within_days: float) -> "Holding":
        """Return those whose running term ends, and renews, within some days, the soonest first."""
        limit = now + timedelta(days=within_days)
        return Holding(sorted((u for u in self if u.ends is not None and u.ends <= limit), key=lambda u: str(u.ends)))

    def _repr_html_(self) -> str:
        if not self:
            return "<p>no provisioned throughput</p>"
        names = ("name", "model", "units", "status", "term", "ends", "usd_per_hour")
        head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(str(one.to_dict()[name] or ''))}</td>" for name in names) + "</tr>"
            for one in self
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def held(told: Mapping[str, Any], prices: Prices, region: str, tags: Mapping[str, str] | None = None) -> Units:
    """Read what AWS tells of provisioned throughput."""
    term = TERM_OF.get(told.get("commitmentDuration"), "none")
    model_id = told.get("foundationModelArn", told["modelArn"]).partition("/")[2]
    try:
        model: str | None = resolve(model_id).model.id
    except InputError:
        model = None
    sold = unit_prices(prices, model, region).get(term) if model else None
    made = Units(
        name=told["provisionedModelName"],
        arn=told["provisionedModelArn"],
        model=model,
        model_id=model_id,
        units=told["modelUnits"],
        status=told["status"],
        term=term,
        created=told["creationTime"],
        ends=told.get("commitmentExpirationTime"),
        usd_per_unit_hour=sold.usd_per_hour if sold else None,
        price_source=sold.source if sold else None,
        failure=told.get("failureMessage"),
    )
    return made if tags is None else made.tagged(tags)


def _price_of(tags: Mapping[str, str]) -> Decimal | None:
    try:
        price = Decimal(tags[PRICE_TAG])
    except (KeyError, InvalidOperation):
        return None
    return price if price.is_finite() and price > 0 else None


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)
