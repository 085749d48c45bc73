"""Choosing among candidates, and proving how good the choice is."""

from typing import Any, NamedTuple

import numpy as np

from bedrock_lab.planning.candidates import Candidate
from bedrock_lab.planning.capacity import units_needed
from bedrock_lab.planning.demand import DAY_S, Demand
from bedrock_lab.planning.purchase import DEFERRED, Purchase, commitment_rank
from bedrock_lab.planning.scenario import Scenario, load_of
from bedrock_lab.pricing import HOURS_PER_MONTH

ENOUGH_S = 14 * DAY_S - 3_600
"""Period from which a trace shows weekly variance; below it no capacity is recommended without a shape."""


class Decision(NamedTuple):
    """What to do: recommend, undecided or infeasible; and the candidate, if any."""

    word: str
    candidate: Candidate | None
    cheapest: Candidate | None


def eligible(candidates: list[Candidate]) -> list[Candidate]:
    """Candidates that may be recommended: on sale, and not known to miss the SLO."""
    return [c for c in candidates if c.purchase.availability == "yes" and c.slo_met is not False]


def decide(candidates: list[Candidate], *, short: bool, risk: str = "mean") -> Decision:
    """Choose the cheapest eligible candidate.

    Parameters
    ----------
    short
        Whether the trace is too short to see weekly variance and no shape was asserted: then bought capacity
        is never recommended, and where it is the cheapest the plan is undecided.
    risk
        ``cvar90`` chooses by the mean cost of the dearest tenth of the resamples, where there are any.
    """
    pool = eligible(candidates)
    if not pool:
        return Decision("infeasible", None, None)
    cheapest = min(pool, key=lambda c: (round(_weighed(c, risk), 9), commitment_rank(c.purchase)))
    if short and cheapest.purchase.is_capacity:
        return Decision("undecided", None, cheapest)
    return Decision("recommend", cheapest, cheapest)


def _weighed(candidate: Candidate, risk: str) -> float:
    """Cost by which a candidate is judged [USD/month]."""
    worst = candidate.cvar90_usd_per_month if risk == "cvar90" else None
    return candidate.cost_usd_per_month if worst is None else worst


def perfect_foresight(
    demand: Demand,
    scenario: Scenario,
    purchases: list[Purchase],
    unit_usd: float | None,
    reserved_usd: tuple[float, float] | None,
) -> float:
    """Cost with perfect foresight [USD/month]: every window bought in the cheapest way, in fractions, without a term.

    Parameters
    ----------
    purchases
        The eligible token purchases.
    unit_usd
        Lowest price of a unit among eligible terms [USD/h]; None where units are not eligible.
    reserved_usd
        Lowest price of 1,000 reserved tokens/min, input and output [USD/h].
    """
    load = load_of(demand, scenario)
    repeat = len(load.usd) // len(demand)
    per_month = demand.per_month
    factor = scenario.volume * scenario.price

    def spread(windows: Any) -> Any:
        return np.outer(scenario.shape.weights, windows * factor).ravel()

    now, later = load.usd, load.usd
    for purchase in purchases:
        at_tier = demand.token_usd.get((purchase.tier, purchase.scope or ""))
        if at_tier is None:
            continue
        if purchase.tier in DEFERRED:
            later = np.minimum(later, spread(at_tier))
        else:
            now = np.minimum(now, spread(at_tier))
    later = np.minimum(later, now)
    hours = HOURS_PER_MONTH / len(demand) / per_month  # hours of the month a window of the trace stands for
    capacity = np.full(len(load.usd), np.inf)
    if unit_usd is not None and scenario.unit_input_tpm and scenario.unit_output_tpm:
        needed = units_needed(load, scenario.unit_input_tpm, scenario.unit_output_tpm)
        capacity = np.minimum(capacity, needed * unit_usd * scenario.unit_price_factor * hours)
    if reserved_usd is not None:
        steps = (load.input_tpm * reserved_usd[0] + load.output_tpm * reserved_usd[1]) / 1000
        capacity = np.minimum(capacity, steps * hours)
    share = scenario.deferrable
    best = (1 - share) * np.minimum(now, capacity) + share * np.minimum(later, capacity)
    return float(np.sum(best * load.mass)) * per_month if repeat else 0.0
