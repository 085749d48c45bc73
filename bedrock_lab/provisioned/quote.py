"""The quote as a value: shown before anything is bought."""

import dataclasses
import html
from datetime import datetime
from decimal import Decimal
from typing import Any

from bedrock_lab.errors import InputError
from bedrock_lab.planning.answers import COMMITMENT, usd
from bedrock_lab.pricing import HOURS_PER_MONTH
from bedrock_lab.provisioned.payback import Payback
from bedrock_lab.provisioned.terms import when
from bedrock_lab.quote import plain

TYPED = "typed in by the user"
"""Source of a price that nobody publishes."""


def many(units: int) -> str:
    """Write a number of model units.

    >>> many(1), many(2)
    ('1 model unit', '2 model units')
    """
    return "1 model unit" if units == 1 else f"{units:,} model units"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Quote:
    """What model units would cost, exactly.

    Attributes
    ----------
    model, model_id, bought_id
        Catalogue id, id as given, and id that is bought, with its context suffix.
    hours
        Hours committed to: 730 a month, one without commitment.
    starts, ends
        When the commitment would begin and end, if bought now; `ends` None without one.
    payback
        Against on-demand, where a trace is given.
    """

    model: str
    model_id: str
    bought_id: str
    region: str
    units: int
    term: str
    hours: int
    usd_per_unit_hour: Decimal
    price_source: str
    price_known_from: str | None
    starts: datetime
    ends: datetime | None
    payback: Payback | None
    warnings: tuple[str, ...]

    @property
    def usd_per_hour(self) -> Decimal:
        """Price of all units [USD/h]."""
        return self.units * self.usd_per_unit_hour

    @property
    def usd_per_month(self) -> Decimal:
        """Price of all units [USD/month of 730 h]."""
        return HOURS_PER_MONTH * self.usd_per_hour

    @property
    def confirm_usd(self) -> Decimal:
        """Amount to be typed back: units x price x hours [USD]."""
        return self.hours * self.usd_per_hour

    def lines(self) -> list[str]:
        """Return what a buyer must have read, a sentence each."""
        bound = "committed for " * (self.ends is not None)
        price, each = plain(self.usd_per_unit_hour), plain(self.usd_per_hour)
        since = f", known from {self.price_known_from}" if self.price_known_from else ""
        month = plain(self.usd_per_month)
        lines = [
            f"{many(self.units)} of {self.bought_id} in {self.region}, {bound}{COMMITMENT[self.term]}",
            f"price: {price} USD a unit-hour ({self.price_source}{since}); AWS bills its own, which the console shows",
            f"that is {each} USD an hour for all, {month} USD a month of {HOURS_PER_MONTH} h",
        ]
        total = plain(self.confirm_usd)
        sum_of = f"{self.units} x {price} USD x {self.hours} h"
        if self.ends is None:
            lines += [
                f"commitment: none, it can be deleted at any time; to confirm is an hour: {sum_of} = {total} USD",
                "it bills by the hour, used or not, until it is deleted",
            ]
        else:
            lines += [
                f"commitment: {sum_of} = {total} USD, until {when(self.ends)}; it cannot be deleted before",
                "it renews by itself for the same term, and bills by the hour, used or not, until it is deleted",
            ]
        lines.append("units cannot be changed by an update: more are bought besides, fewer only by deleting these")
        return [*lines, *self._paying(), *self.warnings]

    def _paying(self) -> list[str]:
        if self.payback is None:
            return ["what utilisation pays for it is not known: give a trace of the traffic that would use it"]
        p = self.payback
        value, low, high = p.break_even
        span = "" if f"{low:.0%}" == f"{high:.0%}" else f" ({low:.0%} to {high:.0%})"
        guess = "; what a unit carries is a guess, and so is this: --unit-input-tpm, --unit-output-tpm" * p.assumed
        lines = [
            f"it pays from {value:.0%}{span} utilisation, against on-demand at the trace's own bill{guess}"
            + (": above 100% it never does" if value > 1 else ""),
            f"this traffic would use {p.utilisation:.0%} of it, and {p.coverage:.0%} of its bill would move there",
            f"{usd(p.usd_per_month)} a month with the rest on demand, against {usd(p.on_demand_usd_per_month)}",
        ]
        if p.best_units != self.units:
            lines.append(f"cheapest at this price: {many(p.best_units)}, {usd(p.best_usd_per_month)} a month")
        if p.origin.invented:
            lines.append(f"the traffic is {p.origin}, nobody's bill")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of ``bedrock-lab provisioned quote``."""
        return {
            "model": self.model,
            "model_id": self.model_id,
            "bought_id": self.bought_id,
            "region": self.region,
            "units": self.units,
            "term": self.term,
            "hours": self.hours,
            "usd_per_unit_hour": plain(self.usd_per_unit_hour),
            "usd_per_hour": plain(self.usd_per_hour),
            "usd_per_month": plain(self.usd_per_month),
            "confirm_usd": plain(self.confirm_usd),
            "price_source": self.price_source,
            "price_known_from": self.price_known_from,
            "starts": when(self.starts),
            "ends": when(self.ends),
            "renews": self.ends is not None,
            "payback": None if self.payback is None else self.payback.to_dict(),
            "assumptions": [] if self.payback is None else [a.to_dict() for a in self.payback.assumptions],
            "warnings": list(self.warnings),
        }

    def to_frame(self) -> Any:
        """Return the figures as a pandas DataFrame of one row."""
        import pandas as pd

        flat = {k: v for k, v in self.to_dict().items() if not isinstance(v, dict | list)}
        return pd.DataFrame([flat])

    def __repr__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        return "<ul>" + "".join(f"<li>{html.escape(line)}</li>" for line in self.lines()) + "</ul>"


def confirmed(quote: Quote, given: Decimal | None) -> None:
    """Refuse to buy unless the amount is typed back.

    Raises
    ------
    InputError
        Naming the amount.
    """
    wanted = plain(quote.confirm_usd)
    if given is None:
        raise InputError(f"nothing was bought; to buy, type the amount back: --confirm-usd {wanted}")
    if given != quote.confirm_usd:
        raise InputError(f"nothing was bought: --confirm-usd {plain(given)} is not the amount shown, {wanted}")
