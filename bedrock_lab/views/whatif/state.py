"""What a plan becomes in a scenario, as charts and tables read it: the planner's own answer, nothing of ours."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from bedrock_lab.assumptions import Assumption, Origin
from bedrock_lab.planning.candidates import Candidate
from bedrock_lab.planning.demand import Demand
from bedrock_lab.planning.evaluating import Evaluation, evaluated, market_at
from bedrock_lab.planning.market import Market
from bedrock_lab.planning.result import Plan
from bedrock_lab.planning.scenario import Scenario
from bedrock_lab.planning.sensitivity import Bar, tornado
from bedrock_lab.views.whatif.controls import Control
from bedrock_lab.views.whatif.scenario import WhatIf

UNIT_SIDES = ("unit_input_tpm", "unit_output_tpm")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A plan in a scenario."""

    what_if: WhatIf
    changes: dict[str, Any]
    market: Market
    evaluation: Evaluation

    @property
    def origin(self) -> Origin:
        """Where the traffic comes from."""
        return self.evaluation.origin

    @property
    def demand(self) -> Demand:
        """Demand by window."""
        return self.market.demand

    @property
    def scenario(self) -> Scenario:
        """Values of what is not known."""
        return self.market.scenario

    @property
    def baseline(self) -> Candidate:
        """On demand as it stands."""
        return self.evaluation.baseline

    @property
    def recommended(self) -> Candidate | None:
        """What would be bought."""
        return self.evaluation.recommended

    @property
    def held(self) -> Candidate | None:
        """Units kept in view."""
        return self.evaluation.held

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What is assumed here."""
        return self.evaluation.assumptions

    @property
    def slo(self) -> dict[str, float]:
        """Latency limits [s]."""
        return self.market.question.slo

    @property
    def tornado(self) -> tuple[Bar, ...]:
        """What moves the cost of what would be bought."""
        chosen = (self.recommended or self.by_cost()[0]) if self.evaluation.candidates else self.baseline
        return tornado(self.market, chosen.purchase, self.baseline.purchase)

    def by_cost(self) -> list[Candidate]:
        """Candidates, the cheapest first."""
        return sorted(self.evaluation.candidates, key=lambda c: c.cost_usd_per_month)


def asked_of(what_if: WhatIf, controls: Mapping[str, Control]) -> dict[str, Any]:
    """Return the changes as `evaluate` takes them: both sides of a unit, and a term only beside units.

    Who states one side of a unit states the unit.
    """
    changes = what_if.values
    if any(side in changes for side in UNIT_SIDES):
        changes |= {side: changes.get(side, controls[side].value) for side in UNIT_SIDES}
    if changes.get("units"):
        changes.setdefault("term", controls["term"].value)
    else:
        changes = {name: value for name, value in changes.items() if name not in {"units", "term"}}
    return changes


def look(plan: Plan, what_if: WhatIf, controls: Mapping[str, Control]) -> State:
    """Answer a scenario by the planner."""
    changes = asked_of(what_if, controls)
    market = market_at(plan, changes)
    return State(what_if=what_if, changes=changes, market=market, evaluation=evaluated(plan, market, changes))
