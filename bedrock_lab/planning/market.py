"""Everything on sale for a demand: its candidates in a scenario, which of them wins, and where that flips."""

import dataclasses
import math
from datetime import date, timedelta

from bedrock_lab.assumptions import Assumption
from bedrock_lab.catalogue.model import Model, lifecycle
from bedrock_lab.catalogue.offers import ReservedPrice, reserved_prices
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.planning import mixing, options, purchases
from bedrock_lab.planning.costing import Costing
from bedrock_lab.planning.demand import Demand, Shape
from bedrock_lab.planning.flips import Flip, Winner, nearest_flips
from bedrock_lab.planning.held import Headroom
from bedrock_lab.planning.purchase import DEFERRED, TERM_MONTHS, Purchase, cheapest
from bedrock_lab.planning.question import Question
from bedrock_lab.planning.scenario import Scenario
from bedrock_lab.planning.sizes import Size, resized
from bedrock_lab.planning.slo import carried
from bedrock_lab.planning.units import UnitFigures

DAYS_PER_MONTH = 365 / 12


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What can be bought for one demand, and the assumptions its costs rest on.

    Attributes
    ----------
    model
        The one model called; None where rows call several.
    tokens
        Purchases by the token.
    deferring
        Purchases that would be on the table if some requests could wait.
    figures
        Unit figures; None where provisioned throughput is not on the table.
    scenario
        The central value of every assumption.
    shapes
        Every shape of the week the range runs over.
    extra_usd
        Relative addition to token costs if cache writes of unknown TTL were of the dearest.
    short
        Whether the trace is too short to judge capacity and no shape was asserted.
    met
        Whether on demand is measured to meet the SLO; None where nothing says.
    headroom
        What came of holding the SLO by simulation; None where it was not.
    """

    demand: Demand
    model: Model | None
    region: str
    prices: Prices
    scopes: options.Scopes
    question: Question
    tokens: tuple[Purchase, ...]
    deferring: tuple[Purchase, ...]
    figures: UnitFigures | None
    scenario: Scenario
    shapes: tuple[Shape, ...]
    extra_usd: float
    short: bool
    met: bool | None
    assumptions: dict[str, Assumption]
    refused: tuple[dict[str, str], ...]
    warnings: tuple[str, ...]
    headroom: Headroom | None = None

    def meets(self, purchase: Purchase) -> bool | None:
        """Whether a purchase meets the SLO: as simulated, else as measured; None where nothing says."""
        return carried(purchase, self.met) if self.headroom is None else self.headroom.met(purchase)

    def capacity(self, costing: Costing) -> tuple[list[Purchase], list[dict[str, str]]]:
        """Capacity purchases for a scenario, and what is not offered: nor a term that outlives the model."""
        made: list[Purchase] = []
        refused: list[dict[str, str]] = []
        if self.figures is not None:
            every = purchases.provisioned_purchases(costing, self.figures)
            made += self.within_quota(every)
            if len(made) < len(every):
                most = self.question.goal.max_units
                over = f"more than {most} units are above the account's quota (--max-units)"
                refused.append({"option": "provisioned", "reason": over})
        if "reserved" in self.question.options and self.model is not None and self.scopes.home is not None:
            bought, reason = purchases.reserved_purchases(costing, self.model, self.prices, self.region, self.scopes)
            made += bought
            refused += [{"option": "reserved", "reason": reason}] if reason else []
        ended = [p for p in made if self.outlives(p.term)]
        for option, term in dict.fromkeys((p.option, p.term) for p in ended):
            refused.append(
                {"option": option, "reason": f"a term of {term} ends after the model's end of life, {self.eol}"}
            )
        return [p for p in made if p not in ended], refused

    def within_quota(self, offered: list[Purchase]) -> list[Purchase]:
        """Keep what the account's quota of units allows; of more units under a mix, as many as it does."""
        most = self.question.goal.max_units
        if most is None:
            return offered
        kept = []
        for p in offered:
            hourly = max(p.mix.schedule, default=0) if p.mix is not None else 0
            if not p.has_units or (p.units or 0) + hourly <= most:
                kept.append(p)
            elif p.mix is not None and not hourly:
                kept.append(resized(p, Size(most), self.scopes))
        return kept

    @property
    def eol(self) -> date | None:
        """End of life of the model, where it is announced."""
        return lifecycle(self.model.id, self.prices.as_of).eol if self.model else None

    def outlives(self, term: str | None) -> bool:
        """Whether a commitment bought today would end after the model does."""
        return self.eol is not None and self.ends(term) > self.eol

    def ends(self, term: str | None) -> date:
        """Day a commitment bought on the plan's day ends."""
        return self.prices.as_of + timedelta(days=DAYS_PER_MONTH * TERM_MONTHS[term or "none"])

    def mixes(self, costing: Costing, *, below: float = math.inf, every_term: bool = True) -> list[Purchase]:
        """List the best mixes on sale in a scenario.

        Reserved ones only if their least purchase costs less than `below`; units and Reserved capacity of the cheapest
        term alone, which no other term beats, unless every term is asked for.
        """
        if not self.scopes.allowed:
            return []
        waits = costing.scenario.deferrable > 0
        ends = mixing.ends_of(self.demand, self.tokens, self.deferring, self.scopes.baseline, waits=waits)
        made = mixing.by_the_token(ends)
        kept = mixing.waiting_ends(ends, self.question.deadline_h) if waits and self.one_shape(costing) else []
        if self.figures is not None and self.figures.availability == "yes":
            terms = {t: usd for t, usd in self.figures.usd_per_hour.items() if not self.outlives(t)}
            if not every_term:
                best = min(terms, key=lambda t: (terms[t], TERM_MONTHS[t]), default="")
                terms = {t: usd for t, usd in terms.items() if t in {best, "none"}}
            made += [p for e in (ends, *kept) for p in mixing.on_units(costing, e, terms)]
        if self.sells_reserved:
            sales = self._reserved_sales(below)
            if not every_term:
                sales = [s for s in sales if not any(purchases.undercuts(other[3], s[3]) for other in sales)]
            made += [p for e in (ends, *kept) for p in mixing.on_reserved(costing, e, sales)]
        return [p for p in self.within_quota(made) if not self.outlives(p.term)]

    def one_shape(self, costing: Costing) -> bool:
        """Whether it is known which hour follows which: work can then be kept for a later one."""
        return len(self.shapes) == 1 and len(costing.scenario.shape.weights) == 1

    @property
    def sells_reserved(self) -> bool:
        """Whether Reserved is on the table."""
        return "reserved" in self.question.options and self.model is not None and self.scopes.home is not None

    def _reserved_sales(self, below: float) -> list[tuple[str | None, str, str, ReservedPrice]]:
        if self.model is None:
            return []
        return [
            (scope, self.scopes.named("", scope), term, sold)
            for scope in self.scopes.allowed
            for term, sold in reserved_prices(self.prices, self.model.id, self.region, scope or "").items()
            if purchases.least_reserved(sold) < below and not self.outlives(term)
        ]

    def winner(self, scenario: Scenario) -> str:
        """Way of buying that is cheapest in a scenario, sizes apart."""
        best = self.choose(scenario)
        return best.way if best else "nothing"

    def choose(self, scenario: Scenario) -> Purchase | None:
        """Choose the cheapest purchase in a scenario; None where nothing may be bought."""
        costing = Costing(self.demand, scenario)
        pool = [p for p in dict.fromkeys((*self.tokens, *self.deferring)) if p.availability == "yes"]
        if not scenario.deferrable:
            pool = [p for p in pool if p.tier not in DEFERRED]
        if self.figures is not None and self.figures.availability == "yes":
            best = purchases.best_provisioned(costing, self.figures)
            most = self.question.goal.max_units
            pool += [p if most is None or (p.units or 0) <= most else resized(p, Size(most), self.scopes) for p in best]
        least = min(costing.monthly(pool), default=math.inf)
        if self.sells_reserved and self.model is not None:
            pool += purchases.best_reserved_purchases(
                costing, self.model, self.prices, self.region, self.scopes, below=least
            )
        pool = [p for p in pool if not self.outlives(p.term) and self.meets(p) is not False]
        single = min(costing.monthly(pool), default=math.inf)
        mixes = [p for p in self.mixes(costing, below=least, every_term=False) if self.meets(p) is not False]
        pool += [p for p, c in zip(mixes, costing.monthly(mixes), strict=True) if c < single * (1 - 1e-9)]
        return cheapest(pool, costing.monthly(pool)) if pool else None

    def quantities(self) -> list[tuple[str, float, float, float]]:
        """List what is moved to find where the choice turns: (name, now, lowest, highest)."""
        base = self.scenario
        spans = [("growth", base.growth, base.growth / 4, base.growth * 4)]
        if "token_ratio" in self.assumptions:
            spans.append(("token_ratio", base.token_ratio, base.token_ratio / 2, base.token_ratio * 2))
        if self.deferring:
            spans.append(("deferrable", base.deferrable, 0.0, 1.0))
        units = self.figures is not None and self.figures.availability == "yes"
        if units:
            for name in ("unit_input_tpm", "unit_output_tpm"):
                value = float(getattr(base, name))
                spans.append((name, value, value / 4, value * 4))
            spans.append(("unit_price_factor", 1.0, 0.25, 4.0))
        if (units or self.sells_reserved) and bool(self.demand.cache_read_tpm.any()):
            spans.append(("cache_reads_counted", base.cache_reads_counted, 0.0, max(1.0, base.cache_reads_counted)))
        return spans

    def flips(self) -> list[Flip]:
        """Find the nearest value of each quantity that changes the way of buying, within its range or beyond."""
        found = [
            f for name, at, lo, hi in self.quantities() for f in nearest_flips(name, at, lo, hi, self.winner_by(name))
        ]
        return [dataclasses.replace(f, in_range=self._in_range(f)) for f in found]

    def _in_range(self, flip: Flip) -> bool | None:
        held = self.assumptions.get(flip.assumption)
        if held is None or held.lo is None or held.hi is None or not held.spread:
            return None
        return held.lo <= flip.value <= held.hi

    def winner_by(self, name: str) -> Winner:
        """Winner as a function of one quantity, the others at their central values."""

        def winner(value: float) -> str:
            return self.winner(dataclasses.replace(self.scenario, **{name: value}))  # type: ignore[arg-type]

        return winner
