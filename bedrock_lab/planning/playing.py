"""Purchases played against a stretch of traffic, as ``simulate --plan`` would: their latencies, each found once."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from bedrock_lab.assumptions import Assumption
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.planning.candidates import Candidate
from bedrock_lab.planning.checking import simulate
from bedrock_lab.planning.costing import Costing
from bedrock_lab.planning.goal import Goal
from bedrock_lab.planning.held import Serving, serving
from bedrock_lab.planning.laws import OWN_LAW, Laws
from bedrock_lab.planning.mixing import parts_of
from bedrock_lab.planning.options import Scopes
from bedrock_lab.planning.predicted import Predicted
from bedrock_lab.planning.purchase import Purchase
from bedrock_lab.planning.stretch import Stretch
from bedrock_lab.predict.sim_measures import PERCENTILES, label
from bedrock_lab.predict.sim_result import reached
from bedrock_lab.traffic.trace import Trace

NAMES = tuple(f"{metric}_{label(p)}" for metric in ("ttft", "e2e") for p in PERCENTILES)
"""Every percentile an SLO may name."""


@dataclasses.dataclass(kw_only=True)
class Player:
    """Plays purchases and remembers what came of them.

    Attributes
    ----------
    asked
        How rows are read: model, as_model, region, scope.
    plan
        Of the plan's JSON, what a candidate is simulated by.
    """

    trace: Trace
    stretch: Stretch
    prices: Prices
    asked: Mapping[str, Any]
    plan: Mapping[str, Any]
    costing: Costing
    scopes: Scopes
    laws: Laws
    goal: Goal
    seed: int
    found: dict[Serving, Predicted] = dataclasses.field(default_factory=dict)
    evidence: dict[str, Any] = dataclasses.field(default_factory=dict)
    replications: int = 0

    def predicted(self, purchase: Purchase) -> Predicted | None:
        """Return the latencies of a purchase; None where it cannot be simulated."""
        key = serving(purchase, self.goal)
        if key not in self.found:
            made = self.play(purchase, self.goal)
            if made is None:
                return None
            self.found[key] = made
        return self.found[key]

    def predicted_already(self, purchase: Purchase) -> Predicted | None:
        """Return the latencies of a purchase that was played; None of any other."""
        return self.found.get(serving(purchase, self.goal))

    def play(self, purchase: Purchase, goal: Goal) -> Predicted | None:
        """Simulate a purchase with what is known."""
        if not playable(purchase):
            return None
        law = self.laws.of(purchase)
        if law is None and not goal.quota and purchase.tier in OWN_LAW:
            return None
        cost = 0.0
        entry = Candidate(
            purchase=purchase, cost_usd_per_month=cost, range=(cost, cost), ci95=None, saving_ci95=None, slo_met=None,
            parts=parts_of(self.costing, purchase),
        ).to_dict()  # fmt: skip
        held = simulate(
            self.trace,
            self.prices,
            plan={**self.plan, "recommended": entry, "candidates": [entry]},
            service=law,
            slo=dict.fromkeys(NAMES, 1.0),
            seed=self.seed,
            ends=False,
            **self.asked,
            **goal.limits,
        )
        if not self.evidence or law is self.laws.by_tier.get("default"):
            self.evidence = dict(held.evidence)
        self.replications = held.replications
        return Predicted(
            percentiles={name: reached(name, held.runs) for name in NAMES},
            unserved_share=float(held.runs.values["unserved_share"].mean()),
            decides=bool(held.evidence["decides"]),
            assumptions=_own(held.assumptions, self.plan["assumptions"]),
        )


def playable(purchase: Purchase) -> bool:
    """Whether ``simulate`` plays it: no units by the hour, and what can wait goes to one place."""
    mix = purchase.mix
    return mix is None or (
        not mix.schedule and (mix.cached == mix.uncached or mix.overflow in {mix.cached, mix.uncached})
    )


def _own(made: tuple[Assumption, ...], known: list[dict[str, Any]]) -> tuple[Assumption, ...]:
    names = {each["name"] for each in known}
    return tuple(each for each in made if each.name not in names)
