"""Mixes: a base of capacity, what runs over it, and what can wait, chosen together."""

import dataclasses
import functools
import math
from collections.abc import Iterable

import numpy as np

from bedrock_lab.catalogue.offers import ReservedPrice, unit_quota
from bedrock_lab.planning.candidates import Part
from bedrock_lab.planning.capacity import best_reserved, convex_minimum
from bedrock_lab.planning.costing import Costing
from bedrock_lab.planning.demand import AS_RECORDED, Demand
from bedrock_lab.planning.options import BATCH_HOURS
from bedrock_lab.planning.purchase import HOURS_PER_WEEK, Mix, Purchase, cheapest
from bedrock_lab.planning.purchases import best_on, reserved_purchase, unit_purchase
from bedrock_lab.planning.scenario import class_windows, load_of, outlet_parts
from bedrock_lab.pricing import HOURS_PER_MONTH, Floats

WEEK_S = 7 * 86_400.0
LESS_WHERE_WORK_WAITS = (1.0, 0.9, 0.8, 0.65, 0.5)
"""Shares of the best Reserved purchase that are tried where work is kept for idle capacity."""


def ends_of(
    demand: Demand, tokens: Iterable[Purchase], deferring: Iterable[Purchase], scope: str | None, *, waits: bool
) -> Mix:
    """Choose where overflow and what can wait go: the cheapest on sale for each.

    Requests that touch the prompt cache never go to batch from a mix, where there is no caching: the `batch` candidate
    alone moves hits and misses alike.
    """
    stands = Purchase(name="on-demand", option="on-demand", tier="default", scope=scope, availability="yes")
    now = [p for p in tokens if p.tier == "default" and p.availability == "yes"] or [stands]
    overflow = min(now, key=lambda p: float(demand.on_demand(p.scope).sum()))
    later = [p for p in deferring if waits and p.availability == "yes" and (p.tier, p.scope or "") in demand.token_usd]
    apart = demand.uncached_usd
    if apart is not None and ("default", overflow.scope or "") not in apart:
        later = []

    def cheapest(pool: list[Purchase], *, touching: bool) -> Purchase:
        def cost(p: Purchase) -> float:
            key = (p.tier, p.scope or "")
            whole = demand.on_demand(p.scope) if p.tier == "default" else demand.token_usd[key]
            if apart is None:
                return float(whole.sum())
            return float((whole - apart[key]).sum() if touching else apart[key].sum())

        return min([overflow, *pool], key=cost)

    uncached = cheapest(later, touching=False)
    cached = cheapest([p for p in later if p.tier != "batch"], touching=True) if apart is not None else uncached
    return Mix(base=None, overflow=overflow, cached=cached, uncached=uncached)


def joined(mix: Mix) -> Purchase:
    """Make a purchase of a mix."""
    base = mix.base
    return Purchase(
        name=mix.name,
        option="mix",
        tier="default",
        scope=mix.overflow.scope,
        availability="yes",
        units=base.units if base else None,
        reserved_input_ktpm=base.reserved_input_ktpm if base else None,
        reserved_output_ktpm=base.reserved_output_ktpm if base else None,
        term=base.term if base else ("none" if mix.schedule else None),
        mix=mix,
    )


def by_the_token(ends: Mix) -> list[Purchase]:
    """Join options by the token alone: only where the two kinds of requests that can wait, or scopes, differ."""
    apart = ends.cached != ends.uncached or ends.uncached.scope != ends.overflow.scope
    return [joined(ends)] if apart and ends.uncached != ends.overflow else []


def on_units(costing: Costing, ends: Mix, usd_per_hour: dict[str, float]) -> list[Purchase]:
    """Put the best number of units of each term under a mix, and beside it units by the hour of the week."""
    factor = HOURS_PER_MONTH * costing.scenario.unit_price_factor
    made = []
    for term, usd in usd_per_hour.items() if ends.ends else ():
        units = best_on(costing.mixed_curve(ends), costing.demand.per_month, usd * factor)
        if ends.wait_h:
            units = convex_minimum(functools.partial(_waiting_cost, costing, ends, term, usd), 1, units)
        made.append(joined(_with(ends, unit_purchase(units, term, usd, "yes"))))
    return made if ends.wait_h else made + units_by_the_hour(costing, ends, usd_per_hour)


def _waiting_cost(costing: Costing, ends: Mix, term: str, usd: float, units: int) -> float:
    """Cost of units that work is kept for [USD/month]: all but convex, so that the search may miss by a unit."""
    return float(costing.monthly([joined(_with(ends, unit_purchase(units, term, usd, "yes")))])[0])


def units_by_the_hour(costing: Costing, ends: Mix, usd_per_hour: dict[str, float]) -> list[Purchase]:
    """Units without commitment in some hours of the week, alone or beside committed ones.

    For each number of committed units every hour of the week takes its best number of others; the cost of that is
    convex in the committed ones.
    """
    demand, scenario = costing.demand, costing.scenario
    hourly = usd_per_hour.get("none")
    whole_weeks = demand.covered_s >= WEEK_S and scenario.shape == AS_RECORDED and demand.window_s <= 3_600
    if hourly is None or not whole_weeks:
        return []
    price = HOURS_PER_MONTH / HOURS_PER_WEEK * hourly * scenario.unit_price_factor
    most = int(unit_quota("none")["units"])
    kept: dict[int, Floats] = {}

    def left(units: int) -> Floats:
        if units not in kept:
            kept[units] = costing.left_by_hour(ends, units) * demand.per_month
        return kept[units]

    def by_hour(units: int) -> Floats:
        return np.array([left(units + more) + price * more for more in range(most + 1)])

    def total(per_unit: float, units: int) -> float:
        return per_unit * units + float(by_hour(units).min(axis=0).sum())

    made = []
    committed = {term: usd for term, usd in usd_per_hour.items() if term != "none"}
    for term, usd in [(None, 0.0), *committed.items()]:
        units = 0
        if term is not None:
            per_unit = HOURS_PER_MONTH * usd * scenario.unit_price_factor
            units = convex_minimum(functools.partial(total, per_unit), 1, costing.mixed_curve(ends).most)
        schedule = tuple(by_hour(units).argmin(axis=0).tolist())
        if any(schedule):
            base = None if term is None else unit_purchase(units, term, usd, "yes")
            made.append(joined(_with(ends, base, schedule, hourly)))
    return made


def on_reserved(
    costing: Costing, ends: Mix, sales: Iterable[tuple[str | None, str, str, ReservedPrice]]
) -> list[Purchase]:
    """Put the best Reserved purchase of each sale (scope, its name, term, price) under a mix."""
    if not ends.ends:
        return []
    made = []
    load = costing.mixed(ends)
    load = load._replace(usd=load.usd * costing.demand.per_month)
    for scope, suffix, term, sold in sales:
        hourly = (float(sold.usd_per_hour_per_ktpm[0]), float(sold.usd_per_hour_per_ktpm[1]))
        size = best_reserved(load, (hourly[0] * HOURS_PER_MONTH, hourly[1] * HOURS_PER_MONTH), sold.minimum_ktpm)
        tried = []
        for share in LESS_WHERE_WORK_WAITS if ends.wait_h else (1.0,):
            ktpm = tuple(
                max(least, math.ceil(share * best))
                for least, best in zip(sold.minimum_ktpm, (size.input_ktpm, size.output_ktpm), strict=True)
            )
            name = f"reserved-{ktpm[0]}k-{ktpm[1]}k-{term}{suffix}"
            tried.append(joined(_with(ends, reserved_purchase(name, scope, term, (ktpm[0], ktpm[1]), hourly))))
        made.append(cheapest(tried, costing.monthly(tried)))
    return made


def waiting_ends(ends: Mix, deadline_h: float | None) -> list[Mix]:
    """Keep what can wait for idle capacity: as long as the deadline leaves, with batch behind it and without.

    A batch job needs its least timeout before the deadline.
    """
    if deadline_h is None:
        return []
    made = []
    cached, uncached = (ends.overflow if to.tier == "batch" else to for to in (ends.cached, ends.uncached))
    without = dataclasses.replace(ends, cached=cached, uncached=uncached)
    for variant in dict.fromkeys((without, ends)):
        rest = BATCH_HOURS if "batch" in {variant.cached.tier, variant.uncached.tier} else 0
        if deadline_h - rest > 0:
            made.append(dataclasses.replace(variant, wait_h=deadline_h - rest))
    return made


def parts_of(costing: Costing, purchase: Purchase) -> tuple[Part, ...]:
    """Break the cost of a mix down by part [USD/month], each with the share of the tokens' on-demand value it takes.

    Of a window, capacity serves the share s; what cannot wait leaves ``max(0, 1 - d - s)`` to the overflow, what can
    leaves ``min(d, 1 - s)`` to where it goes.
    """
    mix = purchase.mix
    if mix is None:
        return ()
    demand, scenario = costing.demand, costing.scenario
    value = demand.on_demand(mix.overflow.scope)
    parts = outlet_parts(demand, mix, value)
    load, *kinds = (load_of(demand, scenario, None, usd) for usd in (value, *parts))
    stays = [load_of(demand, scenario, None, usd) for usd in class_windows(demand, mix)]
    served = costing.served(mix)
    waits, monthly = scenario.deferrable, demand.per_month
    total = float(np.sum(load.usd * load.mass)) or 1.0
    now, later = np.maximum(0.0, 1 - waits - served), np.minimum(waits, 1 - served)
    if mix.wait_h:
        outlets = float(sum(np.sum(kind.usd * kind.mass * later) for kind in kinds)) or 1.0
        in_vain = float(costing.left_waiting(mix).sum()) - float(np.sum(load.usd * load.mass * now))
        later = later * (in_vain / outlets)
    over = float(np.sum(load.usd * load.mass * now))
    costs: dict[Purchase, tuple[float, float]] = {}
    for to, kind, stay in zip((mix.cached, mix.uncached), kinds, stays, strict=True):
        usd, share = (float(np.sum(part.usd * part.mass * later)) for part in (kind, stay))
        before = costs.get(to, (0.0, 0.0))
        costs[to] = (before[0] + usd, before[1] + share)
    moved = {to: pair for to, pair in costs.items() if to != mix.overflow and pair[1] > 0}
    kept = costs.get(mix.overflow, (0.0, 0.0))
    factor = scenario.unit_price_factor
    made = []
    taken = 1 - (over + sum(share for _, share in costs.values())) / total
    if mix.base is not None:
        price = mix.base.fixed_usd_per_month * (factor if mix.base.has_units else 1.0)
        made.append(Part(role="base", purchase=mix.base, usd_per_month=price, share=taken))
    if any(mix.schedule):
        units = unit_purchase(max(mix.schedule), "none", mix.hourly_usd, "yes")
        price = mix.hourly_usd_per_month * factor
        share = 0.0 if mix.base is not None else taken
        made.append(Part(role="hours", purchase=units, usd_per_month=price, share=share, schedule=mix.schedule))
    made.append(
        Part(
            role="overflow",
            purchase=mix.overflow,
            usd_per_month=(over + kept[0]) * monthly,
            share=(over + kept[1]) / total,
        )
    )
    made += [
        Part(role="deferred", purchase=to, usd_per_month=usd * monthly, share=share / total)
        for to, (usd, share) in moved.items()
    ]
    return tuple(made)


def _with(ends: Mix, base: Purchase | None, schedule: tuple[int, ...] = (), hourly: float = 0.0) -> Mix:
    return dataclasses.replace(ends, base=base, schedule=schedule, hourly_usd=hourly)


def beats_its_parts(purchase: Purchase, cost: float, alone: dict[str, float]) -> bool:
    """Whether a mix costs less than each of its parts would alone; `alone` is the least cost by way of buying."""
    mix = purchase.mix
    if mix is None:
        return True
    ways = {mix.overflow.way, mix.cached.way, mix.uncached.way}
    ways |= {mix.base.way} if mix.base else set()
    ways |= {"provisioned-none"} if mix.schedule else set()
    return cost < min((alone[way] for way in ways if way in alone), default=math.inf) * (1 - 1e-9)
