"""What is bought: an option with its quantities and prices, or several of them joined; apart from any demand."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from bedrock_lab.pricing import HOURS_PER_MONTH

CAPACITY = ("provisioned", "reserved")
"""Options that are bought by the hour whatever the traffic."""

TERM_MONTHS = {"none": 0, "1m": 1, "3m": 3, "6m": 6}
"""Length of each commitment [months]."""

DEFERRED = ("batch", "flex")
"""Options that take only the share of requests that can wait."""

HOURS_PER_WEEK = 168

WORDS = ("name", "option", "tier", "scope", "units", "reserved_input_ktpm", "reserved_output_ktpm", "term")
"""What a candidate and its parts say of a purchase."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """What is bought: an option with its quantities and unit prices, apart from any demand.

    Attributes
    ----------
    usd_per_hour
        Price of one model unit [USD/h].
    usd_per_hour_per_ktpm
        Price of 1,000 reserved tokens/min, input and output [USD/h].
    mix
        What is joined, where several options are.
    """

    name: str
    option: str
    tier: str
    scope: str | None
    availability: str
    units: int | None = None
    reserved_input_ktpm: int | None = None
    reserved_output_ktpm: int | None = None
    term: str | None = None
    usd_per_hour: float = 0.0
    usd_per_hour_per_ktpm: tuple[float, float] = (0.0, 0.0)
    mix: "Mix | None" = None

    def words(self) -> dict[str, Any]:
        """Return what it is called and how much it is, by the contract's keys."""
        return {name: getattr(self, name) for name in WORDS}

    @property
    def is_capacity(self) -> bool:
        """Whether it bills by the hour."""
        return self.option in CAPACITY or (self.mix is not None and self.mix.has_capacity)

    @property
    def fixed_usd_per_month(self) -> float:
        """What it bills whatever the traffic [USD/month]."""
        if self.mix is not None:
            return (self.mix.base.fixed_usd_per_month if self.mix.base else 0.0) + self.mix.hourly_usd_per_month
        if self.option == "provisioned":
            return HOURS_PER_MONTH * self.usd_per_hour * (self.units or 0)
        if self.option == "reserved":
            per_input, per_output = self.usd_per_hour_per_ktpm
            hourly = per_input * (self.reserved_input_ktpm or 0) + per_output * (self.reserved_output_ktpm or 0)
            return HOURS_PER_MONTH * hourly
        return 0.0

    @property
    def has_units(self) -> bool:
        """Whether model units are part of it."""
        if self.mix is not None:
            return bool(self.mix.schedule) or (self.mix.base is not None and self.mix.base.option == "provisioned")
        return self.option == "provisioned"

    @property
    def months(self) -> int:
        """Length of the commitment [months]."""
        return TERM_MONTHS[self.term or "none"]

    @property
    def way(self) -> str:
        """Name of the way of buying, sizes apart: what a flip turns over."""
        if self.mix is not None:
            return self.mix.way
        if self.option in CAPACITY:
            scope = self.name.partition(f"-{self.term}-")[2]  # a scope that is not home follows the term
            return f"{self.option}-{self.term}" + (f"-{scope}" if scope else "")
        return self.name


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Options joined: a base of capacity, where what runs over goes, and where what can wait goes.

    Attributes
    ----------
    base
        Capacity that serves first: what cannot wait, then what can.
    overflow
        On-demand option that takes what cannot wait and runs over.
    cached, uncached
        Where requests go that can wait and run over: those that read or write the prompt cache, and the others.
    schedule
        Units without commitment beside the base, by hour of the week; empty where there are none.
    hourly_usd
        Their price [USD per unit and hour].
    wait_h
        How long what can wait is kept for idle capacity before it goes its way [h].
    """

    base: Purchase | None
    overflow: Purchase
    cached: Purchase
    uncached: Purchase
    schedule: tuple[int, ...] = ()
    hourly_usd: float = 0.0
    wait_h: float = 0.0

    @property
    def has_capacity(self) -> bool:
        """Whether part of it bills by the hour."""
        return self.base is not None or bool(self.schedule)

    @property
    def hourly_usd_per_month(self) -> float:
        """What the units of the schedule bill [USD/month]."""
        return HOURS_PER_MONTH / HOURS_PER_WEEK * self.hourly_usd * sum(self.schedule)

    def without_base(self) -> "Mix":
        """Keep only where things go: mixes alike in that have the same windows."""
        return dataclasses.replace(self, base=None, schedule=(), hourly_usd=0.0, wait_h=0.0)

    @property
    def ends(self) -> list[str]:
        """Names of what takes over from the base, the default tier at home left out."""
        named = []
        if self.overflow.name != "on-demand":
            named.append(self.overflow.name)
        if self.uncached != self.overflow:
            named.append(self.uncached.name + ("-uncached" if self.cached != self.uncached else ""))
        if self.cached not in {self.overflow, self.uncached}:
            named.append(f"{self.cached.name}-cached")
        return named + (["waiting"] if self.wait_h else [])

    @property
    def way(self) -> str:
        """Name without sizes."""
        return "mix-" + "+".join([*([self.base.way] if self.base else []), *self._hourly(sized=False), *self.ends])

    @property
    def name(self) -> str:
        """Name with sizes, such as ``mix-provisioned-2x-6m+batch``."""
        return "mix-" + "+".join([*([self.base.name] if self.base else []), *self._hourly(sized=True), *self.ends])

    def _hourly(self, *, sized: bool) -> list[str]:
        if not any(self.schedule):
            return []
        return [f"{max(self.schedule)}x-hourly" if sized else "hourly"]


def commitment_rank(purchase: Purchase) -> tuple[int, int, int]:
    """Order of preference among equals: by the token first, then capacity by the length of its term, mixes last."""
    return (int(purchase.is_capacity), purchase.months, int(purchase.mix is not None))


def cheapest(purchases: Sequence[Purchase], costs: Iterable[float]) -> Purchase:
    """Return the purchase that costs least [USD/month]; the least commitment among equals."""
    pairs = zip(purchases, (round(float(c), 9) for c in costs), strict=True)
    return min(pairs, key=lambda pair: (pair[1], commitment_rank(pair[0])))[0]
