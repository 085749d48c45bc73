"""What utilisation pays for model units: their price against what the same tokens cost on demand."""

import dataclasses
from typing import Any

import numpy as np

from bedrock_lab.assumptions import Assumption, Kind, Origin
from bedrock_lab.planning.capacity import Load, units_needed
from bedrock_lab.planning.costing import Costing
from bedrock_lab.planning.purchase import Purchase
from bedrock_lab.planning.result import Plan
from bedrock_lab.planning.scenario import load_of
from bedrock_lab.pricing import Floats


def used(load: Load, needed: Floats, units: int) -> float:
    """Return the share of the bought capacity that is in use, over all windows.

    >>> two = Load(np.ones(2), np.ones(2), np.ones(2), np.ones(2))
    >>> used(two, np.array([0.5, 4.0]), 2)  # a quarter, then all of it
    0.625
    """
    return float(np.sum(load.mass * np.minimum(needed, units)) / (units * np.sum(load.mass)))


def covered(load: Load, needed: Floats, units: int) -> float:
    """Return the share of the on-demand bill that units take over.

    >>> two = Load(np.array([1.0, 3.0]), np.ones(2), np.ones(2), np.ones(2))
    >>> covered(two, np.array([0.5, 4.0]), 2)  # all of 1 USD and half of 3
    0.625
    """
    value = load.usd * load.mass
    with np.errstate(divide="ignore"):
        share = np.minimum(1.0, np.where(needed > 0, units / needed, 1.0))
    return float(np.sum(value * share) / np.sum(value))


def value_of_a_unit_hour(load: Load, needed: Floats, window_s: float) -> float:
    """Return what the tokens of a fully used unit-hour cost on demand, in the traffic's own mix [USD/h].

    >>> one = Load(np.array([0.5]), np.ones(1), np.ones(1), np.ones(1))
    >>> value_of_a_unit_hour(one, np.array([2.0]), 60.0)  # 0.5 USD in two unit-minutes
    15.0
    """
    return float(np.sum(load.usd * load.mass) / (np.sum(needed * load.mass) * window_s / 3600))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Payback:
    """Model units against on-demand for the traffic of a trace.

    Attributes
    ----------
    usd_per_unit_hour_on_demand
        On-demand cost of the tokens a fully used unit serves in an hour [USD/h]: (value, lowest, highest).
    break_even
        Utilisation from which units cost less than on-demand: (value, lowest, highest); above 1 they never do.
    utilisation
        Share of the bought capacity this traffic would use.
    coverage
        Share of the on-demand bill the units would take over; the rest stays on demand.
    usd_per_month, range
        Units and what they leave on demand [USD/month].
    best_units, best_usd_per_month
        The cheapest number of units at this price, and its cost.
    assumed
        Whether the throughput of a unit is a guess, so that break-even is one too.
    """

    model: str
    origin: Origin
    units: int
    term: str
    usd_per_unit_hour_on_demand: tuple[float, float, float]
    break_even: tuple[float, float, float]
    utilisation: float
    coverage: float
    on_demand_usd_per_month: float
    usd_per_month: float
    range: tuple[float, float]
    best_units: int
    best_usd_per_month: float
    assumed: bool
    assumptions: tuple[Assumption, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        own = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return own | {
            "origin": str(self.origin),
            "usd_per_unit_hour_on_demand": dict(zip(RANGE, self.usd_per_unit_hour_on_demand, strict=True)),
            "break_even": dict(zip(RANGE, self.break_even, strict=True)),
            "range": list(self.range),
            "assumptions": [a.to_dict() for a in self.assumptions],
            "warnings": list(self.warnings),
        }


RANGE = ("value", "lo", "hi")


def payback(plan: Plan, units: int, term: str, usd_per_unit_hour: float) -> Payback:
    """Set a number of units against on-demand.

    Parameters
    ----------
    plan
        A plan of the traffic with option provisioned on the table.
    usd_per_unit_hour
        Price of the units [USD/h].
    """
    load, needed = demand_of(plan)
    window_s = plan.demand.window_s
    value = value_of_a_unit_hour(load, needed, window_s)
    figures = unit_figures_of(plan)
    # a larger unit serves more tokens an hour: its hour is worth more and pays from a lower utilisation
    sizes = [
        value_of_a_unit_hour(load, units_needed(load, *corner), window_s)
        for corner in zip(*((f.lo or f.value, f.hi or f.value) for f in figures), strict=True)
    ]
    bought = Purchase(
        name=f"provisioned-{units}x-{term}",
        option="provisioned",
        tier="default",
        scope=None,
        availability="unknown",
        units=units,
        term=term,
        usd_per_hour=usd_per_unit_hour,
    )
    of_term = [c for c in plan.candidates if c.purchase.option == "provisioned" and c.purchase.term == term]
    same = next((c for c in of_term if c.purchase.units == units), None)
    cost = float(Costing(plan.demand, plan.scenario).monthly([bought])[0])
    fixed = bought.fixed_usd_per_month
    best = min(of_term, key=lambda c: c.cost_usd_per_month, default=None)
    return Payback(
        model=str(plan.model),
        origin=plan.origin,
        units=units,
        term=term,
        usd_per_unit_hour_on_demand=(value, min(sizes), max(sizes)),
        break_even=(usd_per_unit_hour / value, usd_per_unit_hour / max(sizes), usd_per_unit_hour / min(sizes)),
        utilisation=used(load, needed, units),
        coverage=covered(load, needed, units),
        on_demand_usd_per_month=plan.baseline.cost_usd_per_month,
        usd_per_month=cost,
        range=same.range if same else (fixed, fixed + plan.baseline.range[1]),
        best_units=int(best.purchase.units or 0) if best else units,
        best_usd_per_month=best.cost_usd_per_month if best else cost,
        assumed=any(f.kind is not Kind.ASSUMED or f.source != STATED for f in figures),
        assumptions=plan.assumptions,
        # what the plan says of its own recommendation is not about this number of units
        warnings=tuple(text for text in plan.warnings if not text.startswith("the commitment")),
    )


STATED = "stated by the user"


def demand_of(plan: Plan) -> tuple[Load, Floats]:
    """Return a plan's windows, and the units each of them needs."""
    load = load_of(plan.demand, plan.scenario)
    figures = plan.scenario.unit_input_tpm, plan.scenario.unit_output_tpm
    return load, units_needed(load, float(figures[0] or 0), float(figures[1] or 0))


def unit_figures_of(plan: Plan) -> tuple[Any, Any]:
    """Return what is taken for the throughput of a model unit, input and output."""
    held = {a.name: a for a in plan.assumptions}
    return held["unit_input_tpm"], held["unit_output_tpm"]
