"""An SLO held against what is on sale, where a latency law or a quota makes a simulation worth it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from bedrock_lab.assumptions import Assumption, Kind
from bedrock_lab.planning.costing import Costing
from bedrock_lab.planning.facts import price_facts
from bedrock_lab.planning.headroom import hold
from bedrock_lab.planning.held import Headroom
from bedrock_lab.planning.laws import laws_of
from bedrock_lab.planning.listing import costed_of
from bedrock_lab.planning.market import Market
from bedrock_lab.planning.playing import Player
from bedrock_lab.planning.purchase import Purchase
from bedrock_lab.planning.stretch import Stretch, busiest
from bedrock_lab.rows import Rows
from bedrock_lab.traffic.trace import Trace


class Held(NamedTuple):
    """What came of it, and the purchases that were made larger for it."""

    headroom: Headroom
    larger: list[Purchase]


def held_of(
    trace: Trace,
    rows: Rows,
    market: Market,
    costing: Costing,
    purchases: Sequence[Purchase],
    asked: Mapping[str, Any],
) -> Held | None:
    """Hold the SLO by simulation; None where neither a law of latency nor a quota is known, or rows are no requests.

    Parameters
    ----------
    asked
        How the rows are read: model, as_model, region, scope.

    Raises
    ------
    InputError
        The trace holds sums over windows, and a quota or a law is given.
    """
    question = market.question
    goal = question.goal
    stated = goal.latency is not None or goal.quota
    if not stated and not question.slo:
        return None
    if trace.kind != "requests":
        if stated:
            trace.need_requests("an SLO held by simulation")
        return None
    own = trace.column("e2e_s")
    timed = own is not None and not bool(np.isnan(np.asarray(own, dtype=float)).all())
    laws = laws_of(goal.latency, goal.group, rows.models, timed=timed)
    if not laws.by_tier and not goal.quota:
        return None
    part, stretch = busiest(trace)
    player = Player(
        trace=part,
        stretch=stretch,
        prices=market.prices,
        asked={name: asked.get(name) for name in ("model", "as_model", "region", "scope")},
        plan=_plan_of(market, rows, purchases, part),
        costing=costing,
        scopes=market.scopes,
        laws=laws,
        goal=goal,
        seed=question.seed,
    )

    def costs(pool: Sequence[Purchase]) -> list[float]:
        if question.risk == "mean" or market.short:
            return [float(cost) for cost in costing.monthly(list(pool))]
        made, _ = costed_of(market, list(pool))
        return [c.cost_usd_per_month if c.cvar90_usd_per_month is None else c.cvar90_usd_per_month for c in made]

    return Held(*hold(player, question.slo, purchases, costs, laws.assumptions + _part_of(stretch)))


def _plan_of(market: Market, rows: Rows, purchases: Sequence[Purchase], part: Trace) -> dict[str, Any]:
    """Return of the plan's JSON what a candidate is simulated by."""
    ids = list(dict.fromkeys(where.model_id for where in rows.targets))
    return {
        "decision": "recommend",
        "baseline": {**purchases[0].words(), "cost_usd_per_month": 0.0, "parts": []},
        "assumptions": [each.to_dict() for each in market.assumptions.values()],
        "prices": [dict(fact) for fact in price_facts(rows, market.prices, purchases, market.figures)],
        "requests": part.requests,
        "period_s": part.period_s,
        "date": market.prices.as_of.isoformat(),
        "model": market.model.id if market.model else None,
        "model_id": ids[0] if len(ids) == 1 else None,
        "region": market.region,
    }


def _part_of(stretch: Stretch) -> tuple[Assumption, ...]:
    if stretch.whole:
        return ()
    source = (
        f"the SLO is held against the {stretch.requests:,} requests of the busiest "
        f"{(stretch.end_s - stretch.begin_s) / 60:.0f} minutes (from {stretch.begin_s:,.0f} s on), of "
        f"{stretch.of_requests:,}, from full buckets: what holds there is taken to hold throughout"
    )
    return (Assumption(name="slo_stretch", value="the busiest", kind=Kind.ASSUMED, source=source),)
