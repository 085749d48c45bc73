"""The candidates of a market: every purchase on sale in its scenario, costed, each with its range."""

import math

from bedrock_lab.catalogue.model import invocable
from bedrock_lab.planning import intervals
from bedrock_lab.planning.candidates import Candidate
from bedrock_lab.planning.costing import Costing
from bedrock_lab.planning.market import Market
from bedrock_lab.planning.mixing import beats_its_parts, parts_of
from bedrock_lab.planning.purchase import Purchase


def on_sale(market: Market, costing: Costing) -> tuple[list[Purchase], list[dict[str, str]]]:
    """List what can be bought, on demand as it stands first, and what capacity is not offered."""
    capacity, refused = market.capacity(costing)
    single = [baseline_of(market), *market.tokens, *capacity]
    return [*single, *_mixes(market, costing, single)], refused


def costed_of(
    market: Market, purchases: list[Purchase], *, resample: bool = True
) -> tuple[list[Candidate], float | None]:
    """Cost every purchase, with its range and its sampling interval; and value perfect information [USD/month].

    Without resampling there is no interval, and what rests on it is None.
    """
    made, scenario = market.demand, market.scenario
    costing = Costing(made, scenario)
    costs = costing.monthly(purchases)
    low, high = intervals.cost_ranges(made, scenario, purchases, market.assumptions, market.shapes, market.extra_usd)
    sampled = None
    if resample and not market.short:
        spread = market.assumptions.get("week_to_week_cv")
        cv = float(spread.value) if spread else 0.0
        sampled = intervals.sampling_intervals(made, scenario, purchases, week_to_week_cv=cv, seed=market.question.seed)
    return [
        Candidate(
            purchase=p,
            cost_usd_per_month=float(costs[i]),
            range=(float(low[i]), float(high[i])),
            ci95=(float(sampled.low[i]), float(sampled.high[i])) if sampled else None,
            saving_ci95=(float(sampled.saving_low[i]), float(sampled.saving_high[i])) if sampled else None,
            slo_met=market.meets(p),
            predicted=market.headroom.predicted(p) if market.headroom else None,
            parts=parts_of(costing, p),
            cheapest_share=float(sampled.cheapest_share[i]) if sampled else None,
            regret_usd_per_month=_known(sampled.regret[i]) if sampled else None,
            cvar90_usd_per_month=float(sampled.cvar90[i]) if sampled else None,
        )
        for i, p in enumerate(purchases)
    ], sampled.information if sampled else None


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _mixes(market: Market, costing: Costing, single: list[Purchase]) -> list[Purchase]:
    """List the mixes that cost less than each of their parts alone."""
    alone: dict[str, float] = {}
    for purchase, cost in zip(single, costing.monthly(single), strict=True):
        alone[purchase.way] = min(float(cost), alone.get(purchase.way, float(cost)))
    made = market.mixes(costing)
    return [p for p, cost in zip(made, costing.monthly(made), strict=True) if beats_its_parts(p, float(cost), alone)]


def baseline_of(market: Market) -> Purchase:
    """On-demand, default tier, as the trace stands."""
    scope = market.scopes.baseline
    stands = market.model is None or scope is None or invocable(market.model.id).get(scope) != "no"
    return Purchase(
        name="on-demand", option="on-demand", tier="default", scope=scope, availability="yes" if stands else "no"
    )
