"""Candidates: ways of buying with their quantities and price, and what each costs a month."""

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np

from bedrock_lab.planning.capacity import Load, OverflowCurve, reserved_overflow, units_needed
from bedrock_lab.planning.demand import AS_RECORDED, UNCACHED, Demand, Shape
from bedrock_lab.pricing import HOURS_PER_MONTH, Floats

CAPACITY = ("provisioned", "reserved")
"""Options that are bought by the hour whatever the traffic."""

TERM_MONTHS = {"none": 0, "1m": 1, "3m": 3, "6m": 6}
"""Length of each commitment [months]."""

DEFERRED = ("batch", "flex")
"""Options that take only the share of requests that can wait."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """What is bought: an option with its quantities and unit prices, apart from any demand.

    Attributes
    ----------
    usd_per_hour
        Price of one model unit [USD/h].
    usd_per_hour_per_ktpm
        Price of 1,000 reserved tokens/min, input and output [USD/h].
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

    @property
    def is_capacity(self) -> bool:
        """Whether it bills by the hour."""
        return self.option in CAPACITY

    @property
    def fixed_usd_per_month(self) -> float:
        """What it bills whatever the traffic [USD/month]."""
        if self.option == "provisioned":
            return HOURS_PER_MONTH * self.usd_per_hour * (self.units or 0)
        if self.option == "reserved":
            per_input, per_output = self.usd_per_hour_per_ktpm
            hourly = per_input * (self.reserved_input_ktpm or 0) + per_output * (self.reserved_output_ktpm or 0)
            return HOURS_PER_MONTH * hourly
        return 0.0

    @property
    def months(self) -> int:
        """Length of the commitment [months]."""
        return TERM_MONTHS[self.term or "none"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Values of what is not known, at which candidates are costed.

    Attributes
    ----------
    growth
        Demand against the trace's.
    token_ratio
        Tokens another tokenizer makes of the same text.
    unit_input_tpm, unit_output_tpm
        Throughput of one model unit [tokens/min].
    cache_reads_counted
        Share of cached tokens that bought capacity counts as input.
    extra_usd
        Relative addition to token costs from cache writes of unknown TTL.
    ratios
        Price ratio to on-demand of tiers without a published price.
    """

    growth: float = 1.0
    token_ratio: float = 1.0
    deferrable: float = 0.0
    unit_input_tpm: float | None = None
    unit_output_tpm: float | None = None
    unit_price_factor: float = 1.0
    cache_reads_counted: float = 0.0
    extra_usd: float = 0.0
    ratios: tuple[tuple[str, float], ...] = ()
    shape: Shape = AS_RECORDED

    @property
    def volume(self) -> float:
        """Factor on tokens and token costs."""
        return self.growth * self.token_ratio


def load_of(demand: Demand, scenario: Scenario, keep: slice | None = None, on_demand_usd: Floats | None = None) -> Load:
    """Windows under a scenario, each weighted by its share of the time its hours of the week hold.

    Their value is the on-demand cost at the baseline's scope, or the one given.
    """
    part = keep or slice(None)
    weights = scenario.shape.weights * scenario.volume
    reads = demand.cache_read_tpm[part] * scenario.cache_reads_counted
    value = demand.on_demand_usd if on_demand_usd is None else on_demand_usd
    usd = value[part] * (1 + scenario.extra_usd)
    return Load(
        usd=np.outer(weights, usd).ravel(),
        input_tpm=np.outer(weights, demand.input_tpm[part] + reads).ravel(),
        output_tpm=np.outer(weights, demand.output_tpm[part]).ravel(),
        mass=np.repeat(scenario.shape.shares, len(usd)),
    )


def token_windows(demand: Demand, purchase: Purchase, scenario: Scenario) -> Floats:
    """Cost of each window when bought by the token, in the mean hour of the scenario's shape [USD per trace]."""
    base = demand.on_demand(purchase.scope)
    key = (purchase.tier, purchase.scope or "")
    usual = dict(scenario.ratios)
    if purchase.tier == "default":
        at_tier = base
    elif key in demand.token_usd:
        at_tier = demand.token_usd[key]
    else:
        like = demand.token_usd.get((UNCACHED, purchase.scope or ""), base) if purchase.tier == "batch" else base
        at_tier = like * usual[purchase.tier]
    if purchase.tier in DEFERRED:
        at_tier = (1 - scenario.deferrable) * base + scenario.deferrable * at_tier
    cost: Floats = at_tier * (1 + scenario.extra_usd) * scenario.volume * scenario.shape.mean
    return cost


class Costing:
    """Monthly cost of purchases under one scenario, and block by block for their intervals."""

    def __init__(self, demand: Demand, scenario: Scenario, *, block: slice | None = None) -> None:
        self.demand = demand
        self.scenario = scenario
        self.block = block
        self.load = load_of(demand, scenario, block)
        self._curve: OverflowCurve | None = None
        self._loads: dict[str | None, Load] = {}

    def load_in(self, scope: str | None) -> Load:
        """Windows valued at what runs over in a scope costs on demand."""
        if scope not in self._loads:
            value = self.demand.on_demand(scope)
            same = value is self.demand.on_demand_usd
            self._loads[scope] = self.load if same else load_of(self.demand, self.scenario, self.block, value)
        return self._loads[scope]

    @property
    def curve(self) -> OverflowCurve:
        """Overflow against units; needs the unit's throughput."""
        if self._curve is None:
            scenario = self.scenario
            if scenario.unit_input_tpm is None or scenario.unit_output_tpm is None:
                msg = "unit throughput is not known in this scenario"
                raise ValueError(msg)
            needed = units_needed(self.load, scenario.unit_input_tpm, scenario.unit_output_tpm)
            self._curve = OverflowCurve(self.load, needed)
        return self._curve

    def variable(self, purchases: Iterable[Purchase]) -> Floats:
        """Traffic-dependent cost of each purchase over the trace (or the block) [USD per trace]."""
        costs = []
        for purchase in purchases:
            if purchase.option == "provisioned":
                costs.append(float(self.curve(float(purchase.units or 0))))
            elif purchase.option == "reserved":
                tpm = (
                    (purchase.reserved_input_ktpm or 0) * 1000.0,
                    (purchase.reserved_output_ktpm or 0) * 1000.0,
                )
                costs.append(float(np.sum(reserved_overflow(self.load_in(purchase.scope), *tpm))))
            else:
                windows = token_windows(self.demand, purchase, self.scenario)
                costs.append(float(np.sum(windows[self.block or slice(None)])))
        return np.array(costs)

    def fixed(self, purchases: Iterable[Purchase]) -> Floats:
        """Hourly cost of each purchase [USD/month]."""
        factor = self.scenario.unit_price_factor
        return np.array([p.fixed_usd_per_month * (factor if p.option == "provisioned" else 1.0) for p in purchases])

    def monthly(self, purchases: list[Purchase]) -> Floats:
        """Cost of each purchase [USD/month]."""
        return self.fixed(purchases) + self.variable(purchases) * self.demand.per_month


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A purchase with its monthly cost and how sure that is.

    Attributes
    ----------
    cost_usd_per_month
        At the central value of every assumption [USD/month].
    range
        Lowest and highest over the assumptions' ranges (and over flat and office, where no shape is given).
    ci95
        Sampling interval of the cost; None where the trace is too short to have one.
    saving_ci95
        Sampling interval of what it saves against the baseline, both on the same traffic [USD/month].
    """

    purchase: Purchase
    cost_usd_per_month: float
    range: tuple[float, float]
    ci95: tuple[float, float] | None
    saving_ci95: tuple[float, float] | None
    slo_met: bool | None

    @property
    def name(self) -> str:
        """Name by the contract's words, such as ``provisioned-2x-1m``."""
        return self.purchase.name

    @property
    def span(self) -> tuple[float, float]:
        """Range and sampling interval together [USD/month]."""
        low, high = self.range
        return (min(low, self.ci95[0]), max(high, self.ci95[1])) if self.ci95 else (low, high)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        p = self.purchase
        return {
            "name": p.name,
            "option": p.option,
            "tier": p.tier,
            "scope": p.scope,
            "units": p.units,
            "reserved_input_ktpm": p.reserved_input_ktpm,
            "reserved_output_ktpm": p.reserved_output_ktpm,
            "term": p.term,
            "cost_usd_per_month": self.cost_usd_per_month,
            "range": list(self.range),
            "ci95": list(self.ci95) if self.ci95 else None,
            "saving_ci95": list(self.saving_ci95) if self.saving_ci95 else None,
            "availability": p.availability,
            "slo_met": self.slo_met,
        }
