"""The choice in many scenarios at once, where the arithmetic allows: demand, deferral and unit prices scale curves.

With the volume V and the share d that can wait, what N units leave of a demand is
``V ((1 - d) C(N / (V (1 - d))) + W(N / V))``: C is the curve of what waiting saves, W that of what waiting costs.
What no such form has (Reserved sizes, units by the hour) is bounded from below; only where the bound is under the best
found is the planner itself asked.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.catalogue.offers import reserved_prices
from bedrock_lab.planning import mixing
from bedrock_lab.planning.capacity import Load, OverflowCurve
from bedrock_lab.planning.costing import Costing
from bedrock_lab.planning.market import Market
from bedrock_lab.planning.purchase import TERM_MONTHS, Mix, Purchase, commitment_rank
from bedrock_lab.planning.purchases import least_reserved, unit_purchase
from bedrock_lab.planning.scenario import load_of, outlet_parts, token_windows
from bedrock_lab.pricing import HOURS_PER_MONTH, Floats

Whole = NDArray[np.int64]


class Scenarios(NamedTuple):
    """Scenarios that share everything else: volume, share that can wait, factor on unit prices."""

    volume: Floats
    waits: Floats
    unit_price: Floats


class Way(NamedTuple):
    """A way of buying in every scenario: its cost [USD/month] and, where it has units, their number."""

    purchase: Purchase
    cost: Floats
    units: Whole | None


class Curves:
    """What capacity leaves of a demand, for arrays of sizes, volumes and deferrals [USD per trace]."""

    def __init__(self, load: Load, outlet: Floats, needed: Floats) -> None:
        self.saves = OverflowCurve(load._replace(usd=load.usd - outlet), needed)
        self.costs = OverflowCurve(load._replace(usd=outlet), needed)

    def left(self, size: Floats, at: Scenarios) -> Floats:
        """Cost of what a size leaves."""
        now = 1 - at.waits
        with np.errstate(divide="ignore", invalid="ignore"):
            first = np.where(now > 0, now * self.saves(np.where(now > 0, size / (at.volume * now), 0.0)), 0.0)
            made: Floats = np.where(at.volume > 0, at.volume * (first + self.costs(size / at.volume)), 0.0)
        return made


class Scan:
    """The ways of buying of one market in many scenarios."""

    def __init__(self, market: Market, at: Scenarios) -> None:
        self.market, self.at = market, at
        one = dataclasses.replace(market.scenario, growth=1.0, token_ratio=1.0, deferrable=0.0)
        self.costing = Costing(market.demand, one)
        self.month = market.demand.per_month
        self.waits = market.scenario.deferrable > 0
        self.ends: Mix | None = None
        if market.scopes.allowed:
            self.ends = mixing.ends_of(
                market.demand, market.tokens, market.deferring, market.scopes.baseline, waits=self.waits
            )

    def by_token(self, purchase: Purchase) -> Floats:
        """Cost of a purchase by the token [USD/month]."""
        ends = [
            float(
                token_windows(
                    self.market.demand, purchase, dataclasses.replace(self.costing.scenario, deferrable=d)
                ).sum()
            )
            for d in (0.0, 1.0)
        ]
        cost: Floats = self.at.volume * ((1 - self.at.waits) * ends[0] + self.at.waits * ends[1]) * self.month
        return cost

    def _values(self, mix: Mix | None) -> tuple[Load, Floats]:
        """Windows at what runs over costs, and what each costs where waiting requests go."""
        if mix is None:
            return self.costing.load, self.costing.load.usd
        value = self.market.demand.on_demand(mix.overflow.scope)
        load = load_of(self.market.demand, self.costing.scenario, None, value)
        outlet = sum(outlet_parts(self.market.demand, mix, value), np.zeros(len(value)))
        return load, load_of(self.market.demand, self.costing.scenario, None, outlet).usd

    def ways(self) -> list[Way]:
        """Every way that has a form for arrays, the least commitment first."""
        market = self.market
        pool = [p for p in market.tokens if p.availability == "yes"]
        made = [Way(p, self.by_token(p), None) for p in pool]
        if self.ends is not None:
            load, outlet = self._values(self.ends)
            value, later = (float(np.sum(usd * load.mass)) for usd in (load.usd, outlet))
            cost = self.at.volume * ((1 - self.at.waits) * value + self.at.waits * later) * self.month
            made += [Way(p, cost, None) for p in mixing.by_the_token(self.ends)]
        made += self._on_units()
        kept = [w for w in made if market.meets(w.purchase) is not False]
        return sorted(kept, key=lambda w: commitment_rank(w.purchase))

    def _on_units(self) -> list[Way]:
        figures = self.market.figures
        if figures is None or figures.availability != "yes":
            return []
        terms = {t: usd for t, usd in figures.usd_per_hour.items() if not self.market.outlives(t)}
        made = []
        for ends in [None, *([self.ends] if self.ends is not None and self.ends.ends else [])]:
            load, outlet = self._values(ends)
            curves = Curves(load, outlet, self.costing.needed(load))
            for term, usd in terms.items():
                units, cost = self._best(curves, usd, least=1)
                bought = unit_purchase(1, term, usd, "yes")
                whole = bought if ends is None else mixing.joined(dataclasses.replace(ends, base=bought))
                made.append(Way(whole, cost, units))
        return made

    def _best(self, curves: Curves, usd: float, *, least: int) -> tuple[Whole, Floats]:
        """Find the best number of units in every scenario, by halving on the slope of a convex cost."""
        top = float(curves.costs.needed[-1])
        high = np.maximum(1, np.ceil(np.round(top * self.at.volume, 9))).astype(np.int64)
        low = np.full(len(high), least, dtype=np.int64)
        price = HOURS_PER_MONTH * usd * self.at.unit_price

        def cost(units: Whole) -> Floats:
            made: Floats = price * units + curves.left(units.astype(np.float64), self.at) * self.month
            return made

        while bool((low < high).any()):
            middle = (low + high) // 2
            falls = cost(middle) > cost(middle + 1)
            low, high = np.where(falls & (low < high), middle + 1, low), np.where(falls, high, middle)
        return low, cost(low)

    def bound(self) -> Floats:
        """Cost no Reserved purchase and no units by the hour can be below [USD/month]."""
        if self.market.question.deadline_h is not None and self.waits:
            return np.zeros(len(self.at.volume))  # work kept for idle capacity follows the clock
        return np.asarray(np.minimum(self._reserved_bound(), self._hours_bound()))

    def _reserved_bound(self) -> Floats:
        market = self.market
        least = np.full(len(self.at.volume), np.inf)
        if not market.sells_reserved or market.model is None:
            return least
        load, outlet = self._values(self.ends)
        scopes = market.scopes.allowed
        value = np.minimum.reduce([load.usd, *(self.costing.load_in(s).usd for s in scopes)])
        for scope in scopes:
            for term, sold in reserved_prices(market.prices, market.model.id, market.region, scope or "").items():
                if market.outlives(term):
                    continue
                per = [
                    float(u) * HOURS_PER_MONTH / 1000 / self.month / len(market.demand)
                    for u in sold.usd_per_hour_per_ktpm
                ]
                whole = load.input_tpm * per[0] + load.output_tpm * per[1]
                now = float(np.sum(np.minimum(value, whole) * load.mass))
                later = float(np.sum(np.minimum(np.minimum(value, outlet), whole) * load.mass))
                free = self.at.volume * ((1 - self.at.waits) * now + self.at.waits * later) * self.month
                least = np.minimum(least, np.maximum(free, least_reserved(sold)))
        return least

    def _hours_bound(self) -> Floats:
        """Cost below which no units by the hour come: bought by the window, in fractions, as many as one likes."""
        figures = self.market.figures
        least = np.full(len(self.at.volume), np.inf)
        if figures is None or figures.availability != "yes" or self.ends is None:
            return least
        hourly = figures.usd_per_hour.get("none")
        if hourly is None:
            return least
        load, outlet = self._values(self.ends)
        needed = self.costing.needed(load)
        for factor in np.unique(self.at.unit_price):
            mine = self.at.unit_price == factor
            dear = needed * (HOURS_PER_MONTH * hourly * factor / self.month / len(self.market.demand))
            capped = Curves(load._replace(usd=np.minimum(load.usd, dear)), np.minimum(outlet, dear), needed)
            part = Scan(self.market, Scenarios(*(values[mine] for values in self.at)))
            terms = [usd for t, usd in figures.usd_per_hour.items() if TERM_MONTHS[t] and not self.market.outlives(t)]
            least[mine] = part._best(capped, min(terms, default=hourly), least=0)[1]
        return least

    def of(self, purchase: Purchase) -> Floats | None:
        """Cost of one purchase in every scenario [USD/month]; None where it has no form for arrays."""
        mix = purchase.mix
        if mix is None and not purchase.is_capacity:
            return self.by_token(purchase)
        if mix is not None and mix.wait_h:
            return None
        load, outlet = self._values(mix)
        base = mix.base if mix is not None else purchase
        if mix is None and purchase.option == "reserved":
            load = self.costing.load_in(purchase.scope)
            outlet = load.usd
        with np.errstate(divide="ignore", invalid="ignore"):
            if base is not None and base.option == "reserved":
                sizes = (base.reserved_input_ktpm or 0) * 1000.0, (base.reserved_output_ktpm or 0) * 1000.0
                needed = np.maximum(
                    np.where(load.input_tpm > 0, load.input_tpm / sizes[0], 0.0),
                    np.where(load.output_tpm > 0, load.output_tpm / sizes[1], 0.0),
                )
            elif mix is not None and not mix.has_capacity:
                needed = np.full(len(load.usd), np.inf)
            else:
                units = np.full(len(self.market.demand), float((base.units if base else 0) or 0))
                if mix is not None and mix.schedule:
                    units += np.array(mix.schedule)[self.market.demand.hour_of_week]
                req = self.costing.needed(load)
                needed = np.where(req > 0, req / np.tile(units, len(req) // len(units)), 0.0)
        left = Curves(load, outlet, needed).left(np.ones(len(self.at.volume)), self.at)
        factor = self.at.unit_price if purchase.has_units else np.ones(len(self.at.volume))
        cost: Floats = purchase.fixed_usd_per_month * factor + left * self.month
        return cost
