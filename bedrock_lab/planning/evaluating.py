"""A plan's market at other values of what is not known: the planner's own code on windows summed once."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from bedrock_lab.assumptions import Assumption, Kind, Origin
from bedrock_lab.errors import InputError
from bedrock_lab.planning import decide, options
from bedrock_lab.planning.candidates import Candidate
from bedrock_lab.planning.costing import Costing
from bedrock_lab.planning.demand import Demand
from bedrock_lab.planning.listing import costed_of, on_sale
from bedrock_lab.planning.market import Market
from bedrock_lab.planning.opening import Ground, open_market
from bedrock_lab.planning.purchase import Purchase
from bedrock_lab.planning.purchases import unit_purchase
from bedrock_lab.planning.question import ASSUMABLE, Question, ask
from bedrock_lab.planning.result import Plan

NUMBERS = {
    **{name: unit for name, unit in ASSUMABLE.items() if name != "week_to_week_cv"},
    "token_ratio": "tokens another tokenizer makes of the same text",
    "deferrable": "share of requests",
    "deadline_h": "h",
    "price_factor": "token prices against the list's",
    "unit_price_factor": "unit prices against those of the plan",
}
"""Quantities that may be changed, each with its unit."""

WORDS = ("option", "shape", "unit_price", "term", "units")
"""What else may be changed: what is asked, and a number of units of a term to keep in view."""

POSITIVE = ("unit_input_tpm", "unit_output_tpm", "token_ratio", "price_factor", "unit_price_factor", "deadline_h")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a plan becomes at other values.

    Attributes
    ----------
    decision
        recommend, undecided or infeasible.
    held
        The units and term asked to be kept in view, costed; None where none were.
    """

    changed: dict[str, Any]
    decision: str
    baseline: Candidate
    recommended: Candidate | None
    candidates: tuple[Candidate, ...]
    held: Candidate | None
    assumptions: tuple[Assumption, ...]
    origin: Origin

    @property
    def saving_usd_per_month(self) -> float | None:
        """What the recommended one costs less than on demand [USD/month]."""
        if self.recommended is None:
            return None
        return self.baseline.cost_usd_per_month - self.recommended.cost_usd_per_month

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "changed": dict(self.changed),
            "decision": self.decision,
            "baseline": self.baseline.to_dict(),
            "recommended": self.recommended.to_dict() if self.recommended else None,
            "saving_usd_per_month": self.saving_usd_per_month,
            "held": self.held.to_dict() if self.held else None,
            "candidates": [c.to_dict() for c in self.candidates],
            "assumptions": [a.to_dict() for a in self.assumptions],
        }

    def to_frame(self) -> Any:
        """All candidates as a pandas DataFrame, the cheapest first."""
        import pandas as pd

        return pd.DataFrame([c.to_dict() for c in sorted(self.candidates, key=lambda c: c.cost_usd_per_month)])

    def _repr_html_(self) -> str:
        best = self.recommended
        said = f"{best.name}: {best.cost_usd_per_month:,.2f} USD a month" if best else self.decision
        return f"<p><strong>{said}</strong></p>"


def evaluate(plan: Plan, **changes: Any) -> Evaluation:
    """Answer what a plan becomes at other values, on its windows as they were summed.

    Parameters
    ----------
    changes
        Any of `NUMBERS`, and ``option`` (among those of the plan), ``shape``, ``unit_price``, ``units`` and ``term``.

    Notes
    -----
    Nothing is resampled: candidates carry their cost and range, and no sampling interval. With the same values `plan`
    gives the same costs, ranges and choice.

    Raises
    ------
    InputError
        A name is not known, or a value is not allowed.
    """
    return evaluated(plan, market_at(plan, changes), changes)


def evaluated(plan: Plan, market: Market, changes: Mapping[str, Any]) -> Evaluation:
    """Answer in a market that `market_at` opened for these changes."""
    costing = Costing(market.demand, market.scenario)
    purchases, _ = on_sale(market, costing)
    kept = _held(market, plan, changes)
    costed, _ = costed_of(market, [*purchases, *([kept] if kept else [])], resample=False)
    held = costed.pop() if kept else None
    decision = decide.decide(costed[1:], short=market.short)
    return Evaluation(
        changed=dict(changes),
        decision=decision.word,
        baseline=costed[0],
        recommended=decision.candidate,
        candidates=tuple(costed[1:]),
        held=held,
        assumptions=tuple(market.assumptions.values()),
        origin=plan.origin,
    )


def market_at(plan: Plan, changes: Mapping[str, Any]) -> Market:
    """Open the market of a plan at other values."""
    if plan.question is not None and plan.question.risk != "mean":
        raise InputError(
            f"the plan was chosen by {plan.question.risk}, which needs resamples; evaluate and sweep choose by the "
            "mean: plan again with risk='mean'"
        )
    if plan.question is not None and (plan.question.goal.quota or plan.question.goal.max_units):
        raise InputError(
            "the plan was made under a quota (tpm, rpm or max_units), which evaluate and sweep do not hold: plan again "
            "at each value"
        )
    _check(plan, changes)
    market = open_market(_ground(plan.ground, changes), _question(plan, changes))
    factor = float(changes.get("unit_price_factor", 1.0))
    if factor == 1.0 or market.figures is None:
        return market
    usd = {term: price * factor for term, price in market.figures.usd_per_hour.items()}
    return dataclasses.replace(market, figures=dataclasses.replace(market.figures, usd_per_hour=usd))


def _check(plan: Plan, changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        if name not in NUMBERS and name not in WORDS:
            raise InputError(f"{name}: cannot be changed; allowed: {', '.join([*NUMBERS, *WORDS])}")
        if name in NUMBERS and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise InputError(f"{name} {value!r}: allowed is one number")
        if name in POSITIVE and not 0 < value < float("inf"):
            raise InputError(f"{name} {value:g}: allowed is more than 0")
    if "token_ratio" in changes and not any(a.name == "token_ratio" for a in plan.ground.given):
        raise InputError("token_ratio: the plan counts its own model's tokens; plan with --as-model to change it")
    if "unit_price_factor" in changes and "unit_price" in changes:
        raise InputError("unit_price_factor and unit_price: give one of them")


def _question(plan: Plan, changes: Mapping[str, Any]) -> Question:
    """Ask what the plan was asked, with other values; a value stated leaves its range."""
    old = plan.question
    given = {n: a for n, a in old.stated.items() if n not in changes}
    wanted = changes.get("option", list(old.options))
    beyond = [o for o in options.requested(wanted) if o not in old.options]
    if beyond:
        raise InputError(f"option {beyond[0]}: the plan did not price it; allowed: {', '.join(old.options)}")
    asked = ask(
        wanted,
        changes.get("deferrable", old.deferrable),
        changes.get("deadline_h", old.deadline_h),
        changes.get("shape", old.shape),
        old.slo,
        None,
        None,
        changes.get("unit_price", old.unit_price),
        {n: changes[n] for n in ASSUMABLE if n in changes},
        old.seed,
    )
    return dataclasses.replace(asked, stated=given | asked.stated, goal=old.goal)


def _ground(ground: Ground, changes: Mapping[str, Any]) -> Ground:
    """Put another tokenizer ratio and other token prices under a plan."""
    if "token_ratio" in changes:
        ratio = float(changes["token_ratio"])
        own = Assumption(name="token_ratio", value=ratio, lo=ratio, hi=ratio, kind=Kind.ASSUMED, source="stated")
        ground = dataclasses.replace(ground, given=tuple(own if a.name == own.name else a for a in ground.given))
    factor = float(changes.get("price_factor", 1.0))
    return ground if factor == 1.0 else dataclasses.replace(ground, demand=_repriced(ground.demand, factor))


def _repriced(demand: Demand, factor: float) -> Demand:
    apart = demand.uncached_usd
    return dataclasses.replace(
        demand,
        on_demand_usd=demand.on_demand_usd * factor,
        token_usd={key: usd * factor for key, usd in demand.token_usd.items()},
        uncached_usd=None if apart is None else {key: usd * factor for key, usd in apart.items()},
    )


def _held(market: Market, plan: Plan, changes: Mapping[str, Any]) -> Purchase | None:
    if "units" not in changes and "term" not in changes:
        return None
    if market.figures is None:
        raise InputError("units, term: the plan has no unit figures; plan with --unit-input-tpm and --unit-output-tpm")
    chosen = plan.recommended.purchase if plan.recommended else None
    term = changes.get("term", (chosen.term if chosen else None) or next(iter(market.figures.usd_per_hour)))
    units = changes.get("units", (chosen.units if chosen else None) or 1)
    if term not in market.figures.usd_per_hour:
        raise InputError(f"term {term}: allowed: {', '.join(market.figures.usd_per_hour)}")
    if isinstance(units, bool) or not isinstance(units, int) or units < 1:
        raise InputError(f"units {units}: allowed is a whole number from 1")
    return unit_purchase(units, term, market.figures.usd_per_hour[term], market.figures.availability)
