"""What a commitment loses when demand falls, and how much a unit must carry to pay at all."""

import dataclasses

import numpy as np

from bedrock_lab.planning.candidates import Candidate
from bedrock_lab.planning.costing import Costing
from bedrock_lab.planning.purchase import TERM_MONTHS
from bedrock_lab.planning.purchases import best_provisioned_cost
from bedrock_lab.planning.result import Plan
from bedrock_lab.pricing import HOURS_PER_MONTH, Floats
from bedrock_lab.provisioned.payback import covered, demand_of, used

LARGEST, SMALLEST = 64.0, 1 / 64
"""Sizes of a unit that are tried, against the figures taken for it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fallen:
    """A purchase after demand has changed.

    Attributes
    ----------
    left
        Demand that is left, against the plan's.
    usd_per_month
        Units and what they leave on demand [USD/month].
    on_demand_usd_per_month
        The same demand without units [USD/month].
    loss_usd_per_month
        What the units cost more than they save [USD/month]; below 0 they still pay.
    loss_usd
        That over a whole term [USD]; 0 without commitment, where units can be deleted.
    """

    left: float
    term: str
    units: int
    usd_per_month: float
    on_demand_usd_per_month: float
    loss_usd_per_month: float
    loss_usd: float


def best_by_term(plan: Plan) -> dict[str, Candidate]:
    """Return the cheapest number of units of each term, by term."""
    best: dict[str, Candidate] = {}
    for c in plan.by_cost():
        if c.purchase.option == "provisioned":
            best.setdefault(c.purchase.term or "none", c)
    return {term: best[term] for term in TERM_MONTHS if term in best}


def fallen(plan: Plan, candidate: Candidate, left: float) -> Fallen:
    """Cost a purchase at another demand."""
    scenario = dataclasses.replace(plan.scenario, growth=plan.scenario.growth * left)
    with_units, without = Costing(plan.demand, scenario).monthly([candidate.purchase, plan.baseline.purchase])
    loss = float(with_units - without)
    return Fallen(
        left=left,
        term=candidate.purchase.term or "none",
        units=candidate.purchase.units or 0,
        usd_per_month=float(with_units),
        on_demand_usd_per_month=float(without),
        loss_usd_per_month=loss,
        loss_usd=max(0.0, loss) * candidate.purchase.months,
    )


def cost_by_size(plan: Plan, usd_per_hour: float, size: float) -> float:
    """Return the cost of the cheapest number of units, if a unit carried `size` times what is taken [USD/month]."""
    figures = plan.scenario.unit_input_tpm, plan.scenario.unit_output_tpm
    scenario = dataclasses.replace(
        plan.scenario, unit_input_tpm=float(figures[0] or 0) * size, unit_output_tpm=float(figures[1] or 0) * size
    )
    return best_provisioned_cost(Costing(plan.demand, scenario), usd_per_hour)


def least_size(plan: Plan, usd_per_hour: float) -> float | None:
    """Return the least size of a unit, against what is taken for it, from which units pay; None where none does.

    A larger unit never makes the cheapest purchase dearer, so that halving the logarithm finds it.
    """
    on_demand = plan.baseline.cost_usd_per_month
    if usd_per_hour * HOURS_PER_MONTH >= on_demand or cost_by_size(plan, usd_per_hour, LARGEST) >= on_demand:
        return None
    low, high = SMALLEST, LARGEST
    while high / low > 1.001:
        middle = (low * high) ** 0.5
        if cost_by_size(plan, usd_per_hour, middle) < on_demand:
            high = middle
        else:
            low = middle
    return high


def use_by_units(plan: Plan, counts: list[int]) -> tuple[Floats, Floats]:
    """Return utilisation and coverage of each number of units."""
    load, needed = demand_of(plan)
    return (
        np.array([used(load, needed, n) for n in counts]),
        np.array([covered(load, needed, n) for n in counts]),
    )
