"""Purchases of capacity: how many units, how many reserved tokens per minute, and the best of each."""

import math

from bedrock_lab.catalogue import places
from bedrock_lab.catalogue.model import Model
from bedrock_lab.catalogue.offers import ReservedPrice, offer, reserved_prices
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.planning.capacity import Load, OverflowCurve, ReservedSize, best_reserved, convex_minimum, thinned
from bedrock_lab.planning.costing import Costing
from bedrock_lab.planning.options import Scopes
from bedrock_lab.planning.purchase import Purchase
from bedrock_lab.planning.units import UnitFigures
from bedrock_lab.pricing import HOURS_PER_MONTH, Floats
from bedrock_lab.stats import percentile


def provisioned_purchases(costing: Costing, figures: UnitFigures) -> list[Purchase]:
    """Every number of units from 1 to the peak's need, by term; thinned above 200, the best one's neighbours kept."""
    return [
        unit_purchase(units, term, usd, figures.availability)
        for term, usd in figures.usd_per_hour.items()
        for units in thinned(costing.curve.most, best_units(costing, HOURS_PER_MONTH * usd))
    ]


def best_units(costing: Costing, usd_per_unit_month: float) -> int:
    """Find the cheapest number of units: where the next one displaces less than it costs."""
    return best_on(costing.curve, costing.demand.per_month, usd_per_unit_month)


def best_on(curve: OverflowCurve, per_month: float, usd_per_unit_month: float) -> int:
    """Find the cheapest number of units on a curve of what they leave, at least one."""
    return convex_minimum(lambda n: usd_per_unit_month * n + float(curve(float(n))) * per_month, 1, curve.most)


def _with_units(costing: Costing, usd_per_unit_month: float, units: int) -> float:
    """Cost of a number of units and of what they leave on demand [USD/month]."""
    return usd_per_unit_month * units + float(costing.curve(float(units))) * costing.demand.per_month


def reserved_purchases(
    costing: Costing, model: Model, prices: Prices, region: str, scopes: Scopes
) -> tuple[list[Purchase], str | None]:
    """Reserved purchases in every allowed scope, and the reason where there are none."""
    if not scopes.allowed:
        return [], "no allowed scope can be invoked"
    made = [p for s in scopes.allowed for p in _reserved_in(costing, model, prices, region, scopes, s or "")]
    reason = None if made else offer(prices, model.id, "reserved", region, scopes.home or "").reason
    return made, reason


def _reserved_in(
    costing: Costing, model: Model, prices: Prices, region: str, scopes: Scopes, scope: str
) -> list[Purchase]:
    """Reserved purchases of one scope by term: the least, the best with its neighbours, a ladder up to the peak."""
    published = reserved_prices(prices, model.id, region, scope)
    load = _monthly_load(costing, scope)
    made = []
    for term, sold in published.items():
        hourly = (float(sold.usd_per_hour_per_ktpm[0]), float(sold.usd_per_hour_per_ktpm[1]))
        monthly = (hourly[0] * HOURS_PER_MONTH, hourly[1] * HOURS_PER_MONTH)
        best = best_reserved(load, monthly, sold.minimum_ktpm)
        made += [
            reserved_purchase(
                scopes.named(f"reserved-{inputs}k-{outputs}k-{term}", scope), scope, term, (inputs, outputs), hourly
            )
            for inputs, outputs in _sizes(best, sold.minimum_ktpm, load.input_tpm, load.output_tpm)
        ]
    return made


def best_provisioned_cost(costing: Costing, usd_per_hour: float) -> float:
    """Return the cost of the cheapest number of units at a price [USD/month]."""
    per_unit = HOURS_PER_MONTH * usd_per_hour * costing.scenario.unit_price_factor
    return _with_units(costing, per_unit, best_units(costing, per_unit))


def best_provisioned(costing: Costing, figures: UnitFigures) -> list[Purchase]:
    """Return the cheapest number of units of each term."""
    factor = HOURS_PER_MONTH * costing.scenario.unit_price_factor
    return [
        unit_purchase(best_units(costing, usd * factor), term, usd, figures.availability)
        for term, usd in figures.usd_per_hour.items()
    ]


def least_reserved(sold: ReservedPrice) -> float:
    """Cost of the least Reserved purchase [USD/month]."""
    pairs = zip(sold.usd_per_hour_per_ktpm, sold.minimum_ktpm, strict=True)
    return sum(float(usd) * HOURS_PER_MONTH * ktpm for usd, ktpm in pairs)


def undercuts(one: ReservedPrice, other: ReservedPrice) -> bool:
    """Whether a Reserved price is nowhere higher than another, and lower somewhere, at no larger least purchase."""
    pairs = list(zip(one.usd_per_hour_per_ktpm, other.usd_per_hour_per_ktpm, strict=True))
    least = all(a <= b for a, b in zip(one.minimum_ktpm, other.minimum_ktpm, strict=True))
    return least and all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


def best_reserved_purchases(
    costing: Costing, model: Model, prices: Prices, region: str, scopes: Scopes, *, below: float
) -> list[Purchase]:
    """Return the cheapest Reserved purchase of each scope and term that could cost less than `below`."""
    made = []
    for scope in scopes.allowed:
        for term, sold in reserved_prices(prices, model.id, region, scope or "").items():
            if least_reserved(sold) < below:
                pair = (float(sold.usd_per_hour_per_ktpm[0]), float(sold.usd_per_hour_per_ktpm[1]))
                monthly = (pair[0] * HOURS_PER_MONTH, pair[1] * HOURS_PER_MONTH)
                size = best_reserved(_monthly_load(costing, scope), monthly, sold.minimum_ktpm)
                name = scopes.named(f"reserved-{size.input_ktpm}k-{size.output_ktpm}k-{term}", scope)
                made.append(reserved_purchase(name, scope, term, (size.input_ktpm, size.output_ktpm), pair))
    return made


def unit_purchase(units: int, term: str, usd_per_hour: float, availability: str) -> Purchase:
    """Make a purchase of model units."""
    return Purchase(
        name=f"provisioned-{units}x-{term}",
        option="provisioned",
        tier="default",
        scope=places.IN_REGION,
        availability=availability,
        units=units,
        term=term,
        usd_per_hour=usd_per_hour,
    )


def reserved_purchase(
    name: str, scope: str | None, term: str, ktpm: tuple[int, int], usd_per_hour_per_ktpm: tuple[float, float]
) -> Purchase:
    """Make a purchase of Reserved tokens per minute, input and output."""
    return Purchase(
        name=name,
        option="reserved",
        tier="reserved",
        scope=scope,
        availability="yes",
        reserved_input_ktpm=ktpm[0],
        reserved_output_ktpm=ktpm[1],
        term=term,
        usd_per_hour_per_ktpm=usd_per_hour_per_ktpm,
    )


def _monthly_load(costing: Costing, scope: str | None) -> Load:
    """Windows valued by the month, as the prices of capacity are [USD/month]."""
    load = costing.load_in(scope)
    return load._replace(usd=load.usd * costing.demand.per_month)


def _sizes(best: ReservedSize, minimum: tuple[int, int], inputs: Floats, outputs: Floats) -> list[tuple[int, int]]:
    sizes = {minimum, (best.input_ktpm, best.output_ktpm)}
    sizes |= {(best.input_ktpm + i, best.output_ktpm + o) for i in (-1, 0, 1) for o in (-1, 0, 1)}
    for share in (0.5, 0.9, 1.0):
        sizes.add((math.ceil(percentile(inputs, share) / 1000), math.ceil(percentile(outputs, share) / 1000)))
    return sorted({(max(i, minimum[0]), max(o, minimum[1])) for i, o in sizes})
