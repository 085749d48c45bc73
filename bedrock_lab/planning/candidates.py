"""Candidates: ways of buying with their quantities and price, and what each costs a month."""

import dataclasses
from typing import Any

from bedrock_lab.planning.predicted import Predicted
from bedrock_lab.planning.purchase import Purchase


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a mix: what it is for, what is bought, what it bills [USD/month], and its share of the tokens' value.

    The role is base, hours (units by the hour of the week), overflow or deferred.
    """

    role: str
    purchase: Purchase
    usd_per_month: float
    share: float
    schedule: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "role": self.role,
            **self.purchase.words(),
            "usd_per_month": self.usd_per_month,
            "share": self.share,
            "units_by_hour_of_week": list(self.schedule) or None,
        }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A purchase with its monthly cost and how sure that is.

    Attributes
    ----------
    cost_usd_per_month
        At the central value of every assumption [USD/month].
    range
        Lowest and highest over the assumptions' ranges (and over flat and office, where no shape is given).
    ci95
        Sampling interval of the cost; None where the trace is too short to have one.
    saving_ci95
        Sampling interval of what it saves against the baseline, both on the same traffic [USD/month].
    parts
        What a mix is joined of, with its cost by part; empty for a single option.
    cheapest_share, regret_usd_per_month, cvar90_usd_per_month
        Over the resamples: how often it is the cheapest on sale, how much dearer than the cheapest it is on average,
        and its mean cost in the dearest tenth [USD/month]; None where the trace is too short to resample.
    predicted
        Latencies as simulated; None where it was not.
    """

    purchase: Purchase
    cost_usd_per_month: float
    range: tuple[float, float]
    ci95: tuple[float, float] | None
    saving_ci95: tuple[float, float] | None
    slo_met: bool | None
    parts: tuple[Part, ...] = ()
    cheapest_share: float | None = None
    regret_usd_per_month: float | None = None
    cvar90_usd_per_month: float | None = None
    predicted: Predicted | None = None

    @property
    def name(self) -> str:
        """Name by the contract's words, such as ``provisioned-2x-1m``."""
        return self.purchase.name

    @property
    def span(self) -> tuple[float, float]:
        """Range and sampling interval together [USD/month]."""
        low, high = self.range
        return (min(low, self.ci95[0]), max(high, self.ci95[1])) if self.ci95 else (low, high)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            **self.purchase.words(),
            "cost_usd_per_month": self.cost_usd_per_month,
            "range": list(self.range),
            "ci95": list(self.ci95) if self.ci95 else None,
            "saving_ci95": list(self.saving_ci95) if self.saving_ci95 else None,
            "availability": self.purchase.availability,
            "slo_met": self.slo_met,
            "parts": [part.to_dict() for part in self.parts],
            "cheapest_share": self.cheapest_share,
            "regret_usd_per_month": self.regret_usd_per_month,
            "cvar90_usd_per_month": self.cvar90_usd_per_month,
            "predicted": self.predicted.to_dict() if self.predicted else None,
        }
