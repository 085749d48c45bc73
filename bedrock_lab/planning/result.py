"""The plan as a value: what a caller, a notebook and the command line read."""

import dataclasses
import html
from pathlib import Path
from typing import Any

from bedrock_lab.assumptions import Assumption, Origin
from bedrock_lab.planning.backtest import Backtest
from bedrock_lab.planning.candidates import Candidate
from bedrock_lab.planning.certificate import Certificate
from bedrock_lab.planning.demand import Demand
from bedrock_lab.planning.finance import Finance
from bedrock_lab.planning.flips import Flip
from bedrock_lab.planning.held import Headroom
from bedrock_lab.planning.opening import Ground
from bedrock_lab.planning.question import Question
from bedrock_lab.planning.saved import SCHEMA_VERSION, SavedPlan, load_plan, save_plan
from bedrock_lab.planning.scenario import Scenario
from bedrock_lab.planning.sensitivity import Bar, Marginal, Pair


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A step of carrying the decision out.

    Attributes
    ----------
    usd_per_month
        What it bills, where known [USD/month].
    saves_usd_per_month, range
        What it saves beyond the steps before it, and that over what is assumed; None where it only prepares
        [USD/month].
    risk, effort
        What may go wrong, and how much work it is: low, medium or high.
    command
        The command to run or the text to send; capitals stand for what only you know.
    reversible
        Whether it can be taken back without paying on.
    look_again
        When to look again, and for what.
    """

    step: str
    detail: str
    usd_per_month: float | None = None
    saves_usd_per_month: float | None = None
    range: tuple[float, float] | None = None
    risk: str = "none"
    effort: str = "low"
    command: str = ""
    reversible: bool = True
    look_again: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return dataclasses.asdict(self) | {"range": list(self.range) if self.range else None}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A decision with everything it rests on; frozen, with ``to_dict``, ``to_frame`` and a table for notebooks."""

    model: str | None
    model_id: str
    region: str
    as_of: str
    source: str
    origin: Origin
    requests: int
    period_s: float
    decision: str
    answer: str
    baseline: Candidate
    recommended: Candidate | None
    candidates: tuple[Candidate, ...]
    not_offered: tuple[dict[str, str], ...]
    flips: tuple[Flip, ...]
    tornado: tuple[Bar, ...]
    pairs: tuple[Pair, ...]
    marginal: tuple[Marginal, ...]
    backtest: Backtest | None
    finance: Finance
    actions: tuple[Action, ...]
    certificate: Certificate
    assumptions: tuple[Assumption, ...]
    warnings: tuple[str, ...]
    price_sources: tuple[dict[str, str], ...]
    seed: int
    slo: dict[str, float]
    demand: Demand
    scenario: Scenario
    asked: dict[str, Any]
    ground: Ground
    question: Question
    headroom: Headroom | None = None

    def save(self, path: str | Path) -> Path:
        """Write the plan as JSON, to be read back by `load` and checked on new traffic by `check_plan`."""
        return save_plan(self.to_dict(), path)

    @staticmethod
    def load(path: str | Path) -> SavedPlan:
        """Read a saved plan."""
        return load_plan(path)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of ``bedrock-lab plan``."""
        return {
            **opening_of(self),
            "not_offered": [dict(entry) for entry in self.not_offered],
            "flips": [flip.to_dict() for flip in self.flips],
            "tornado": [bar.to_dict() for bar in self.tornado],
            "pairs": [pair.to_dict() for pair in self.pairs],
            "marginal": [dataclasses.asdict(step) for step in self.marginal],
            "backtest": self.backtest.to_dict() if self.backtest else None,
            "finance": self.finance.to_dict(),
            "actions": [action.to_dict() for action in self.actions],
            "certificate": dataclasses.asdict(self.certificate),
            "assumptions": [a.to_dict() for a in self.assumptions],
            "warnings": list(self.warnings),
            "prices": [dict(entry) for entry in self.price_sources],
            "seed": self.seed,
            "slo": dict(self.slo),
            "headroom": self.headroom.to_dict() if self.headroom else None,
            "asked": dict(self.asked),
            "bought": dataclasses.asdict(self.recommended.purchase) if self.recommended else None,
            "mean_tpm": {
                "input": float(self.demand.input_tpm.mean()),
                "output": float(self.demand.output_tpm.mean()),
            },
        }

    def by_cost(self) -> list[Candidate]:
        """Candidates, the cheapest first."""
        return sorted(self.candidates, key=lambda c: c.cost_usd_per_month)

    def to_frame(self) -> Any:
        """All candidates as a pandas DataFrame, the cheapest first."""
        import pandas as pd

        return pd.DataFrame([c.to_dict() for c in self.by_cost()])

    def _repr_html_(self) -> str:
        marked = "" if not self.origin.invented else f"<p><em>{self.origin} traffic, nobody's bill.</em></p>"
        notes = "".join(f"<li>{html.escape(w)}</li>" for w in self.warnings)
        return f"<p><strong>{html.escape(self.answer)}</strong></p>{marked}" + (f"<ul>{notes}</ul>" if notes else "")


def opening_of(plan: Any) -> dict[str, Any]:
    """Return what the JSON of a plan and of a plan by segment begin with."""
    return {
        "schema_version": SCHEMA_VERSION,
        "decision": plan.decision,
        "answer": plan.answer,
        "model": plan.model,
        "model_id": plan.model_id,
        "region": plan.region,
        "date": plan.as_of,
        "source": plan.source,
        "origin": str(plan.origin),
        "requests": plan.requests,
        "period_s": plan.period_s,
        "baseline": plan.baseline.to_dict(),
        "recommended": plan.recommended.to_dict() if plan.recommended else None,
        "candidates": [c.to_dict() for c in plan.candidates],
    }
