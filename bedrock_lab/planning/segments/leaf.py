"""A leaf: what one segment sends to one model in one Region, planned on its own."""

import dataclasses
from typing import Any

import numpy as np

from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.planning.candidates import Candidate
from bedrock_lab.planning.demand import Demand
from bedrock_lab.planning.market import Market
from bedrock_lab.planning.mixing import ends_of
from bedrock_lab.planning.opening import Ground, ground_of, open_market
from bedrock_lab.planning.planner import plan_of
from bedrock_lab.planning.purchase import Mix
from bedrock_lab.planning.question import Question
from bedrock_lab.planning.result import Plan
from bedrock_lab.planning.slo import latency_error, trace_meets
from bedrock_lab.pricing import Floats
from bedrock_lab.rows import Rows
from bedrock_lab.traffic.trace import Trace


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Leaf:
    """What one segment sends to one model in one Region, under one way of serving it.

    Attributes
    ----------
    variant
        ``as it is``, or what stands for some of the requests.
    """

    segment: str
    variant: str
    model: str
    region: str
    rows: Rows
    plan: Plan
    market: Market

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells it apart."""
        return self.segment, self.variant, self.model, self.region

    @property
    def judged(self) -> Candidate | None:
        """What is recommended, or the cheapest of those that may be bought; None where nothing may."""
        if self.plan.recommended is not None or self.plan.decision == "infeasible":
            return self.plan.recommended
        pool = [c for c in self.plan.candidates if c.purchase.availability == "yes" and c.slo_met is not False]
        return min(pool, key=lambda c: c.cost_usd_per_month, default=None)

    @property
    def ends(self) -> Mix:
        """Where what capacity leaves goes."""
        market = self.market
        waits = market.scenario.deferrable > 0
        return ends_of(market.demand, market.tokens, market.deferring, market.scopes.baseline, waits=waits)


def leaf_of(
    trace: Trace,
    rows: Rows,
    ground: Ground,
    question: Question,
    *,
    names: tuple[str, str],
    share: float,
) -> Leaf:
    """Plan some rows, a share of each.

    Parameters
    ----------
    names
        Segment and variant.
    share
        Share of every request's tokens that is planned: a route sends the others elsewhere.
    """
    counted = trace.column("requests") if trace.kind == "windows" else None
    requests = share * float(len(rows.kept) if counted is None else np.nansum(counted[rows.kept]))
    ground = dataclasses.replace(ground, demand=scaled(ground.demand, share))
    made = plan_of(trace, rows, ground, question, asked={}, explain=False, requests=requests)
    where = rows.targets[0]
    return Leaf(
        segment=names[0],
        variant=names[1],
        model=where.model.id,
        region=where.region,
        rows=rows,
        plan=made,
        market=open_market(ground, question),
    )


def ground_for(trace: Trace, rows: Rows, prices: Prices, question: Question, *, measured: bool, **asked: Any) -> Ground:
    """Sum some rows by the windows of the whole trace.

    Whether on demand meets the SLO is said by their own latencies, and only where those are `measured` on the model.
    """
    ground = ground_of(trace, rows, prices, question, **asked)
    if not question.slo or not measured:
        return dataclasses.replace(ground, met=None)
    mine = np.zeros(len(trace), dtype=bool)
    mine[rows.kept] = True
    seen = trace.select(mine, rebase=False)
    return dataclasses.replace(ground, met=trace_meets(seen, question.slo, error=latency_error(question.stated)))


def scaled(demand: Demand, share: float) -> Demand:
    """Take a share of every window."""
    if share == 1:
        return demand

    def each(values: dict[tuple[str, str], Floats]) -> dict[tuple[str, str], Floats]:
        return {key: held * share for key, held in values.items()}

    return dataclasses.replace(
        demand,
        on_demand_usd=demand.on_demand_usd * share,
        input_tpm=demand.input_tpm * share,
        output_tpm=demand.output_tpm * share,
        cache_read_tpm=demand.cache_read_tpm * share,
        token_usd=each(demand.token_usd),
        uncached_usd=None if demand.uncached_usd is None else each(demand.uncached_usd),
    )
