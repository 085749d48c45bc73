"""A plan by segment as a value: what each part of the traffic should buy, what is shared, and the whole."""

import dataclasses
import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bedrock_lab.assumptions import Assumption, Origin
from bedrock_lab.planning.candidates import Candidate
from bedrock_lab.planning.flips import Flip
from bedrock_lab.planning.purchase import Purchase
from bedrock_lab.planning.result import Action, opening_of
from bedrock_lab.planning.saved import save_plan
from bedrock_lab.planning.segments.assigning import Held
from bedrock_lab.planning.segments.leaf import Leaf
from bedrock_lab.planning.segments.segment import Substitute


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """What a segment buys for what it sends to one model in one Region.

    Attributes
    ----------
    usd_per_month
        Its cost, its part of shared capacity in it [USD/month].
    shared_with
        Segments that use the same capacity.
    share_of_capacity
        Its part of the capacity's price, by the tokens served; None where it shares none.
    """

    variant: str
    model: str
    model_id: str
    region: str
    purchase: Purchase
    usd_per_month: float
    shared_with: tuple[str, ...] = ()
    share_of_capacity: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        own = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "purchase"}
        return {**own, **self.purchase.words(), "shared_with": list(self.shared_with)}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A way of serving a segment, set against the others, with nothing shared.

    Attributes
    ----------
    reason
        Why it is not recommended; empty where it may be.
    """

    name: str
    model: str
    usd_per_month: float
    range: tuple[float, float]
    availability: str
    slo_met: bool | None
    recommended: bool
    substitute: Substitute | None = None
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        own = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return own | {
            "range": list(self.range),
            "substitute": None if self.substitute is None else dataclasses.asdict(self.substitute),
        }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SegmentPlan:
    """What one segment should buy.

    Attributes
    ----------
    share
        Part of the whole traffic's cost on demand [0..1].
    cost_usd_per_month, range, ci95
        Of what is bought; None where nothing may be [USD/month].
    substitute
        The cheaper model that takes part of it; None where none does.
    why
        One sentence.
    compared
        Ways of serving it, the cheapest first.
    """

    name: str
    rules: Mapping[str, tuple[str, ...]]
    requests: int
    share: float
    decision: str
    baseline_usd_per_month: float
    cost_usd_per_month: float | None
    range: tuple[float, float] | None
    ci95: tuple[float, float] | None
    saving_ci95: tuple[float, float] | None
    slo: Mapping[str, float]
    slo_met: bool | None
    deferrable: float
    deadline_h: float | None
    bought: tuple[Bought, ...]
    substitute: Substitute | None
    why: str
    compared: tuple[Compared, ...]
    not_offered: tuple[dict[str, str], ...]
    flips: tuple[Flip, ...]
    actions: tuple[Action, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        own = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        pairs = {k: list(own[k]) if own[k] else None for k in ("range", "ci95", "saving_ci95")}
        lists = {k: [v.to_dict() for v in own[k]] for k in ("bought", "compared", "flips", "actions")}
        return {
            **own,
            **pairs,
            **lists,
            "rules": {k: list(v) for k, v in self.rules.items()},
            "slo": dict(self.slo),
            "substitute": None if self.substitute is None else dataclasses.asdict(self.substitute),
            "not_offered": [dict(entry) for entry in self.not_offered],
        }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """Capacity that several segments use alike.

    Attributes
    ----------
    shares
        Part of its price by segment.
    usd_per_month, apart_usd_per_month
        Cost of those who share it, and what they would cost each apart [USD/month].
    """

    segments: tuple[str, ...]
    model: str
    region: str
    purchase: Purchase
    shares: Mapping[str, float]
    fixed_usd_per_month: float
    usd_per_month: float
    apart_usd_per_month: float
    actions: tuple[Action, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        own = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in {"purchase", "actions"}}
        return {**own, **self.purchase.words(), "segments": list(self.segments), "shares": dict(self.shares),
                "actions": [action.to_dict() for action in self.actions]}  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SegmentedPlan:
    """A decision by segment with everything it rests on; frozen, with ``to_dict``, ``to_frame`` and a table.

    Attributes
    ----------
    baseline, recommended, candidates
        The whole: on demand as it stands, each segment as recommended (`parts`), and that with nothing shared.
    held
        What is bought, by leaf.
    leaves
        Every leaf that was planned, by segment, variant, model and Region.
    """

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
    segments: tuple[SegmentPlan, ...]
    shared: tuple[Shared, ...]
    certificate: Mapping[str, Any]
    assumptions: tuple[Assumption, ...]
    warnings: tuple[str, ...]
    price_sources: tuple[dict[str, str], ...]
    seed: int
    asked: Mapping[str, Any]
    held: tuple[Held, ...]
    leaves: Mapping[tuple[str, str, str, str], Leaf]

    def save(self, path: str | Path) -> Path:
        """Write the plan as JSON, to be checked on new traffic by `check_plan`."""
        return save_plan(self.to_dict(), path)

    def segment(self, name: str) -> SegmentPlan:
        """Return a segment's plan by its name."""
        return next(s for s in self.segments if s.name == name)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of ``bedrock-lab plan`` with segments."""
        return {
            **opening_of(self),
            "segments": [s.to_dict() for s in self.segments],
            "shared": [s.to_dict() for s in self.shared],
            "not_offered": [{"segment": s.name, **entry} for s in self.segments for entry in s.not_offered],
            "flips": [{"segment": s.name, **flip.to_dict()} for s in self.segments for flip in s.flips],
            "actions": self.actions,
            "certificate": dict(self.certificate),
            "assumptions": [a.to_dict() for a in self.assumptions],
            "warnings": list(self.warnings),
            "prices": [dict(entry) for entry in self.price_sources],
            "seed": self.seed,
            "asked": dict(self.asked),
            "bought": None,
            "held": [_held(held) for held in self.held],
        }

    @property
    def actions(self) -> list[dict[str, Any]]:
        """Steps in the order their savings are attributed: segment by segment, then what is shared."""
        made = [{"segment": s.name, **action.to_dict()} for s in self.segments for action in s.actions]
        return made + [{"segment": ", ".join(s.segments), **a.to_dict()} for s in self.shared for a in s.actions]

    def to_frame(self) -> Any:
        """One row a segment as a pandas DataFrame."""
        import pandas as pd

        names = ("name", "requests", "share", "decision", "baseline_usd_per_month", "cost_usd_per_month", "slo_met")
        rows = []
        for s in self.segments:
            low, high = s.range or (None, None)
            option = " + ".join(b.purchase.name for b in s.bought)
            rows.append({name: getattr(s, name) for name in names} | {"option": option, "lo": low, "hi": high})
        return pd.DataFrame(rows)

    def _repr_html_(self) -> str:
        marked = "" if not self.origin.invented else f"<p><em>{self.origin} traffic, nobody's bill.</em></p>"
        table = str(self.to_frame().to_html(index=False, float_format="{:,.2f}".format))
        notes = "".join(f"<li>{html.escape(w)}</li>" for w in self.warnings)
        said = f"<p><strong>{html.escape(self.answer)}</strong></p>{marked}{table}"
        return said + (f"<ul>{notes}</ul>" if notes else "")


def _held(held: Held) -> dict[str, Any]:
    """Write what is bought so that it can be rebuilt on other traffic."""
    return {
        "leaves": [list(leaf.key) for leaf in held.leaves],
        "purchase": None if held.purchase is None else dataclasses.asdict(held.purchase),
    }
