"""What a router decided, tried and paid."""

import dataclasses
from decimal import Decimal
from typing import Any, NamedTuple

from bedrock_lab.client.answers import Answer
from bedrock_lab.client.record import Record


class Attempted(NamedTuple):
    """A model that was called, and the record of it; None where it never left."""

    model: str
    record: Record | None


@dataclasses.dataclass(slots=True)
class Decision:
    """Where a request went, and why.

    Attributes
    ----------
    model
        The model decided for; in the end, the one that answered.
    reason
        In words, with the score and the threshold.
    attempts
        Every call, in order.
    left_out
        Models that were passed over, each with why.
    """

    model: str
    reason: str
    score: float | None
    attempts: list[Attempted] = dataclasses.field(default_factory=list)
    left_out: list[tuple[str, str]] = dataclasses.field(default_factory=list)

    def said(self, model: str) -> str:
        """Return what the record of a call says of it."""
        return self.reason if model == self.model else f"{self.reason}; in place of {self.model}"

    def attempted(self, model: str, record: Record | None) -> None:
        """Note a call."""
        self.attempts.append(Attempted(model, record))

    def passed(self, model: str, why: str) -> None:
        """Note a model that is not called."""
        self.left_out.append((model, why))

    def escalated(self, model: str, why: str) -> None:
        """Decide for another model."""
        self.model, self.reason = model, why

    @property
    def cost_usd(self) -> Decimal | None:
        """What all calls cost [USD]; None where one's cost is not known."""
        costs = [a.record.cost_usd for a in self.attempts if a.record is not None]
        return None if None in costs else sum((c for c in costs if c is not None), Decimal(0))

    @property
    def cost_bound_usd(self) -> Decimal | None:
        """The most they can have cost [USD]; None where nothing bounds one."""
        costs = [a.record.cost_bound_usd for a in self.attempts if a.record is not None]
        return None if None in costs else sum((c for c in costs if c is not None), Decimal(0))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "model": self.model,
            "reason": self.reason,
            "score": self.score,
            "attempts": [
                {"model": a.model, "outcome": a.record.outcome, "error_code": a.record.error_code}
                if a.record is not None
                else {"model": a.model, "outcome": None, "error_code": None}
                for a in self.attempts
            ],
            "left_out": [{"model": model, "reason": why} for model, why in self.left_out],
            "cost_usd": None if self.cost_usd is None else float(self.cost_usd),
            "cost_bound_usd": None if self.cost_bound_usd is None else float(self.cost_bound_usd),
        }


class Routed(NamedTuple):
    """An answer, and the decision behind it."""

    answer: Answer
    decision: Decision

    @property
    def text(self) -> str:
        """Text of the answer."""
        return self.answer.text

    @property
    def record(self) -> Record:
        """Record of the call that answered."""
        return self.answer.record

    @property
    def response(self) -> dict[str, Any]:
        """boto3's dict."""
        return self.answer.response


class Shadow(NamedTuple):
    """A request that both models answered; the second is None where it failed. Nothing of it is written anywhere."""

    model: str
    other: str
    answer: Answer
    beside: Answer | None
    record: Record
    other_record: Record | None
