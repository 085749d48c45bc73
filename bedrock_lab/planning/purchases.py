"""Purchases of capacity: how many units, how many reserved tokens per minute, and the best of each."""

import math

from bedrock_lab.catalogue import places
from bedrock_lab.catalogue.model import Model
from bedrock_lab.catalogue.offers import offer, reserved_prices
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.planning.candidates import Costing, Purchase
from bedrock_lab.planning.capacity import Load, ReservedSize, best_reserved, convex_minimum, thinned
from bedrock_lab.planning.options import Scopes
from bedrock_lab.planning.units import UnitFigures
from bedrock_lab.pricing import HOURS_PER_MONTH, Floats
from bedrock_lab.stats import percentile


def provisioned_purchases(costing: Costing, figures: UnitFigures) -> list[Purchase]:
    """Every number of units from 1 to the peak's need, by term; thinned above 200, the best one's neighbours kept."""
    return [
        Purchase(
            name=f"provisioned-{units}x-{term}",
            option="provisioned",
            tier="default",
            scope=places.IN_REGION,
            availability=figures.availability,
            units=units,
            term=term,
            usd_per_hour=usd,
        )
        for term, usd in figures.usd_per_hour.items()
        for units in thinned(costing.curve.most, best_units(costing, HOURS_PER_MONTH * usd))
    ]


def best_units(costing: Costing, usd_per_unit_month: float) -> int:
    """Find the cheapest number of units: where the next one displaces less than it costs."""
    return convex_minimum(lambda units: _with_units(costing, usd_per_unit_month, units), 1, costing.curve.most)


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
            Purchase(
                name=scopes.named(f"reserved-{inputs}k-{outputs}k-{term}", scope),
                option="reserved",
                tier="reserved",
                scope=scope,
                availability="yes",
                reserved_input_ktpm=inputs,
                reserved_output_ktpm=outputs,
                term=term,
                usd_per_hour_per_ktpm=hourly,
            )
            for inputs, outputs in _sizes(best, sold.minimum_ktpm, load.input_tpm, load.output_tpm)
        ]
    return made


def best_provisioned_cost(costing: Costing, usd_per_hour: float) -> float:
    """Return the cost of the cheapest number of units at a price [USD/month]."""
    per_unit = HOURS_PER_MONTH * usd_per_hour * costing.scenario.unit_price_factor
    return _with_units(costing, per_unit, best_units(costing, per_unit))


def best_reserved_costs(
    costing: Costing, model: Model, prices: Prices, region: str, scopes: Scopes, *, below: float
) -> list[tuple[str, str, float]]:
    """Return (term, name, cost) of the cheapest Reserved purchase of each term that could cost less than `below`."""
    made = []
    sales = [(s, *sale) for s in scopes.allowed for sale in reserved_prices(prices, model.id, region, s or "").items()]
    for scope, term, sold in sales:
        monthly = tuple(float(p) * HOURS_PER_MONTH for p in sold.usd_per_hour_per_ktpm)
        least = monthly[0] * sold.minimum_ktpm[0] + monthly[1] * sold.minimum_ktpm[1]
        if least < below:
            load = _monthly_load(costing, scope)
            size = best_reserved(load, (monthly[0], monthly[1]), sold.minimum_ktpm)
            made.append((term, scopes.named(f"reserved-{term}", scope), size.cost))
    return made


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
