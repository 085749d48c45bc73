"""Everything on sale for a demand: its candidates in a scenario, which of them wins, and where that flips."""

import dataclasses
from datetime import date, timedelta

from bedrock_lab.assumptions import Assumption
from bedrock_lab.catalogue.model import Model, lifecycle
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.planning import options, purchases
from bedrock_lab.planning.candidates import TERM_MONTHS, Costing, Purchase, Scenario
from bedrock_lab.planning.demand import DAY_S, Demand, Shape
from bedrock_lab.planning.flips import Flip, Winner, nearest_flips
from bedrock_lab.planning.question import Question
from bedrock_lab.planning.units import UnitFigures

WEEK_S = 7 * DAY_S
DAYS_PER_MONTH = 365 / 12
MOST_WINDOWS = 20_160
"""Windows flips are searched on: two weeks of minutes; longer traces are thinned."""

SEVERAL = "the trace calls several models or scopes: plan one at a time"


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
    assumptions: dict[str, Assumption]
    refused: tuple[dict[str, str], ...]
    warnings: tuple[str, ...]

    def capacity(self, costing: Costing) -> tuple[list[Purchase], list[dict[str, str]]]:
        """Capacity purchases for a scenario, and what is not offered: nor a term that outlives the model."""
        made: list[Purchase] = []
        refused: list[dict[str, str]] = []
        if self.figures is not None:
            made += purchases.provisioned_purchases(costing, self.figures)
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

    def winner(self, scenario: Scenario) -> str:
        """Way of buying that is cheapest in a scenario, sizes apart."""
        costing = Costing(self.demand, scenario)
        pool = [p for p in dict.fromkeys((*self.tokens, *self.deferring)) if p.availability == "yes"]
        named = [(p.name, float(c)) for p, c in zip(pool, costing.monthly(pool), strict=True)] if pool else []
        if self.figures is not None and self.figures.availability == "yes":
            for term, usd in self.figures.usd_per_hour.items():
                if not self.outlives(term):
                    named.append((f"provisioned-{term}", purchases.best_provisioned_cost(costing, usd)))
        if "reserved" in self.question.options and self.model is not None and self.scopes.home is not None:
            least = min((c for _, c in named), default=float("inf"))
            reserved = purchases.best_reserved_costs(
                costing, self.model, self.prices, self.region, self.scopes, below=least
            )
            named += [(name, cost) for term, name, cost in reserved if not self.outlives(term)]
        return min(named, key=lambda pair: (round(pair[1], 9), named.index(pair)))[0] if named else "nothing"

    def flips(self) -> list[Flip]:
        """Find the nearest value of each quantity that changes the way of buying."""
        base = self.scenario
        spans = [("growth", base.growth, base.growth / 4, base.growth * 4)]
        if self.deferring:
            spans.append(("deferrable", base.deferrable, 0.0, 1.0))
        if self.figures is not None and self.figures.availability == "yes":
            for name in ("unit_input_tpm", "unit_output_tpm"):
                value = float(getattr(base, name))
                spans.append((name, value, value / 4, value * 4))
            spans.append(("unit_price_factor", 1.0, 0.25, 4.0))
        found: list[Flip] = []
        thin = dataclasses.replace(self, demand=self.demand.thinned(MOST_WINDOWS))
        for name, at, lo, hi in spans:
            found += nearest_flips(name, at, lo, hi, thin.winner_by(name))
        return found

    def winner_by(self, name: str) -> Winner:
        """Winner as a function of one quantity, the others at their central values."""

        def winner(value: float) -> str:
            return self.winner(dataclasses.replace(self.scenario, **{name: value}))  # type: ignore[arg-type]

        return winner
