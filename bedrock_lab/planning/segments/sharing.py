"""Capacity that several segments share: what each leaves of it, and how much of it is best.

Shared capacity serves those who share it alike: in each window the same share of everybody's tokens, within a segment
what cannot wait first. With s that share and d what of a segment can wait, the segment leaves what it would leave of
windows as large as everybody's together: so the cost of all is convex in the capacity, and its best size is found as
for one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bedrock_lab.catalogue.offers import reserved_prices
from bedrock_lab.planning.capacity import Load, best_reserved, reserved_overflow, reserved_share, units_needed
from bedrock_lab.planning.costing import Costing
from bedrock_lab.planning.demand import Demand
from bedrock_lab.planning.market import Market
from bedrock_lab.planning.mixing import units_by_the_hour
from bedrock_lab.planning.purchase import Mix, Purchase, cheapest
from bedrock_lab.planning.purchases import best_on, least_reserved, reserved_purchase, unit_purchase
from bedrock_lab.planning.scenario import Scenario, load_of, mixed_load
from bedrock_lab.planning.segments.leaf import Leaf
from bedrock_lab.pricing import HOURS_PER_MONTH, Floats


class Share(NamedTuple):
    """One of those who share: its demand, the values of what is not known, where its rest goes."""

    demand: Demand
    scenario: Scenario
    ends: Mix


def shares_of(leaves: Sequence[Leaf], scenarios: Sequence[Scenario] | None = None) -> list[Share]:
    """Bring leaves together, in their own scenarios or in others."""
    at = [leaf.market.scenario for leaf in leaves] if scenarios is None else scenarios
    return [Share(leaf.market.demand, scenario, leaf.ends) for leaf, scenario in zip(leaves, at, strict=True)]


def shared_loads(shares: Sequence[Share], block: slice | None = None) -> list[Load]:
    """Windows of each of those who share, each as large as everybody's together and worth what it is worth alone."""
    own = [load_of(s.demand, s.scenario, block) for s in shares]
    inputs = np.sum([load.input_tpm for load in own], axis=0)
    outputs = np.sum([load.output_tpm for load in own], axis=0)
    made = []
    for share in shares:
        load, now = mixed_load(share.demand, share.scenario, share.ends, block), 1 - share.scenario.deferrable
        sizes = [np.concatenate([side * now, side]) if now < 1 else side for side in (inputs, outputs)]
        made.append(load._replace(input_tpm=sizes[0], output_tpm=sizes[1]))
    return made


def left_by_each(shares: Sequence[Share], purchase: Purchase, block: slice | None = None) -> Floats:
    """Cost of what shared capacity leaves of each [USD per trace]."""
    loads = shared_loads(shares, block)
    base, schedule = _parts(purchase)
    if base is not None and base.option == "reserved":
        size = (base.reserved_input_ktpm or 0) * 1000.0, (base.reserved_output_ktpm or 0) * 1000.0
        return np.array([float(np.sum(reserved_overflow(load, *size))) for load in loads])
    units = _units(shares[0], base, schedule, block)
    left = []
    for share, load in zip(shares, loads, strict=True):
        needed = _needed(share.scenario, load)
        have = np.tile(units, len(load.usd) // len(units))
        with np.errstate(divide="ignore", invalid="ignore"):
            over = np.maximum(0.0, 1 - np.where(needed > 0, have / needed, 1.0))
        left.append(float(np.sum(load.usd * load.mass * over)))
    return np.array(left)


def use_by_each(shares: Sequence[Share], purchase: Purchase) -> Floats:
    """Share of the price of shared capacity that is each one's, by the tokens served of what is bought.

    Units are shared by the scarcer side of each window, Reserved input and output each by its own tokens.
    """
    own = [load_of(s.demand, s.scenario) for s in shares]
    inputs, outputs = (np.array([getattr(load, side) for load in own]) for side in ("input_tpm", "output_tpm"))
    whole = own[0]._replace(input_tpm=inputs.sum(axis=0), output_tpm=outputs.sum(axis=0))
    base, schedule = _parts(purchase)
    if base is not None and base.option == "reserved":
        size = (base.reserved_input_ktpm or 0), (base.reserved_output_ktpm or 0)
        served = reserved_share(whole, size[0] * 1000.0, size[1] * 1000.0) * whole.mass
        paid = [usd * n for usd, n in zip(base.usd_per_hour_per_ktpm, size, strict=True)]
        sides = [_parts_of_one((side * served).sum(axis=1)) for side in (inputs, outputs)]
        return np.asarray((paid[0] * sides[0] + paid[1] * sides[1]) / sum(paid))
    scenario = shares[0].scenario
    units = np.tile(_units(shares[0], base, schedule, None), len(scenario.shape.weights))
    needed = _needed(scenario, whole)
    by_input = whole.input_tpm / (scenario.unit_input_tpm or 1.0) >= whole.output_tpm / (
        scenario.unit_output_tpm or 1.0
    )
    used = np.minimum(units, needed) * whole.mass
    scarce = np.where(by_input, inputs, outputs)
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(scarce.sum(axis=0) > 0, scarce / scarce.sum(axis=0), 0.0)
    return _parts_of_one((part * used).sum(axis=1))


def best_shared(leaves: Sequence[Leaf], *, below: float) -> tuple[Purchase, float] | None:
    """Find the cheapest capacity that leaves could share, and its cost [USD/month]; None where none costs less.

    Parameters
    ----------
    below
        What the leaves cost apart [USD/month].
    """
    shares = shares_of(leaves)
    loads = shared_loads(shares)
    whole = Load(*(np.concatenate(side) for side in zip(*loads, strict=True)))
    first = leaves[0].market
    costing = Costing(first.demand, first.scenario, shared=whole)
    made = _units_on_sale(leaves, costing, shares[0].ends) + _reserved_on_sale(leaves, whole, below)
    costs = [cost_of(shares, p) for p in made]
    if not costs or min(costs) >= below * (1 - 1e-9):
        return None
    best = cheapest(made, costs)
    return best, costs[made.index(best)]


def cost_of(shares: Sequence[Share], purchase: Purchase) -> float:
    """Cost of shared capacity and of what it leaves [USD/month]."""
    return purchase.fixed_usd_per_month + float(left_by_each(shares, purchase).sum()) * shares[0].demand.per_month


def _units_on_sale(leaves: Sequence[Leaf], costing: Costing, ends: Mix) -> list[Purchase]:
    """Best number of units of each term, and beside it units by the hour of the week."""
    markets = [leaf.market for leaf in leaves]
    figures = markets[0].figures
    if figures is None or any(m.figures is None or m.figures.availability != "yes" for m in markets):
        return []
    terms = {term: usd for term, usd in figures.usd_per_hour.items() if not markets[0].outlives(term)}
    made = [
        unit_purchase(
            best_on(costing.mixed_curve(ends), costing.demand.per_month, usd * HOURS_PER_MONTH), term, usd, "yes"
        )
        for term, usd in terms.items()
    ]
    return made + units_by_the_hour(costing, ends, terms)


def _reserved_on_sale(leaves: Sequence[Leaf], whole: Load, below: float) -> list[Purchase]:
    """Best Reserved purchase of each term in every scope that all allow."""
    markets = [leaf.market for leaf in leaves]
    first = markets[0]
    if not all(m.sells_reserved for m in markets) or first.model is None:
        return []
    load = whole._replace(usd=whole.usd * first.demand.per_month)
    made = []
    for scope in (s for s in first.scopes.allowed if all(s in m.scopes.allowed for m in markets)):
        for term, sold in reserved_prices(first.prices, first.model.id, first.region, scope or "").items():
            if least_reserved(sold) >= below or first.outlives(term):
                continue
            hourly = (float(sold.usd_per_hour_per_ktpm[0]), float(sold.usd_per_hour_per_ktpm[1]))
            price = (hourly[0] * HOURS_PER_MONTH, hourly[1] * HOURS_PER_MONTH)
            size = best_reserved(load, price, sold.minimum_ktpm)
            name = first.scopes.named(f"reserved-{size.input_ktpm}k-{size.output_ktpm}k-{term}", scope)
            made.append(reserved_purchase(name, scope, term, (size.input_ktpm, size.output_ktpm), hourly))
    return made


def may_share(market: Market) -> bool:
    """Whether capacity may be recommended in a market at all."""
    units = market.figures is not None and market.figures.availability == "yes"
    return not market.short and market.model is not None and (units or market.sells_reserved)


def _parts(purchase: Purchase) -> tuple[Purchase | None, tuple[int, ...]]:
    mix = purchase.mix
    return (purchase, ()) if mix is None else (mix.base, mix.schedule)


def _units(share: Share, base: Purchase | None, schedule: tuple[int, ...], block: slice | None) -> Floats:
    """Units there are in each window."""
    count = len(share.demand.hour_of_week[block or slice(None)])
    units = np.full(count, float(base.units or 0) if base is not None else 0.0)
    if schedule:
        units += np.array(schedule)[share.demand.hour_of_week[block or slice(None)]]
    return units


def _needed(scenario: Scenario, load: Load) -> Floats:
    return units_needed(load, scenario.unit_input_tpm or 1.0, scenario.unit_output_tpm or 1.0)


def _parts_of_one(values: Floats) -> Floats:
    total = float(values.sum())
    return np.asarray(values / total if total > 0 else np.full(len(values), 1 / len(values)))
