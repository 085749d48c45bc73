"""An evaluation as a value: what a caller, a notebook and the command line read."""

import dataclasses
import html
from collections.abc import Mapping
from typing import Any

from bedrock_lab.assumptions import Origin
from bedrock_lab.route.choosing import Choice, Target
from bedrock_lab.route.costs import Costs
from bedrock_lab.route.folds import GROUPED, SHUFFLED
from bedrock_lab.route.metrics import Mean, Measures
from bedrock_lab.route.policy import Policy
from bedrock_lab.route.trial import Trial

DEFINITION = (
    "A policy scores prompts, and the strong model gets the highest scores. apgr: mean share of the gap between the "
    "models that is recovered, over all shares of the strong model; 0.5 is a random router. cpt50, cpt80: least share "
    "of calls to the strong model that recovers 50 and 80 % of the gap. aiq: mean quality of the non-decreasing hull "
    "over its costs. shuffled: other prompts were learned from, of the same tasks too; grouped: other tasks alone; "
    "leakage is the difference. Intervals are 95 %, from prompts (shuffled) or whole tasks (grouped) drawn with "
    "replacement."
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One model for all prompts, or the best of both by hindsight: mean quality, and USD a request, with intervals."""

    name: str
    share: float
    quality: Mean
    usd: Mean | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"name": self.name, "share": self.share} | _with_ranges(self.quality, self.usd)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A policy with what it is worth on each kind of folds, and how its promise held.

    Attributes
    ----------
    curves
        By kind of folds the mean quality with 0, 1, ... 100 % of the prompts sent to the strong model.
    """

    policy: str
    folds: Mapping[str, Measures]
    curves: Mapping[str, tuple[float, ...]]
    trial: Trial | None

    @property
    def leakage(self) -> float | None:
        """APGR that is lost where the task was not seen; None where only one kind of folds was measured."""
        if not {SHUFFLED, GROUPED} <= set(self.folds):
            return None
        seen, unseen = (self.folds[kind].apgr.value for kind in (SHUFFLED, GROUPED))
        return None if seen is None or unseen is None else seen - unseen

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "policy": self.policy,
            "folds": {kind: found.to_dict() for kind, found in self.folds.items()},
            "leakage": self.leakage,
            "trial": None if self.trial is None else dataclasses.asdict(self.trial),
        }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Recommended:
    """A policy learned from all labels, with its threshold, and what it promises.

    Attributes
    ----------
    quality, usd
        Mean quality, and mean cost of a request [USD], at the threshold, on prompts held out.
    """

    policy: Policy
    choice: Choice
    quality: Mean
    usd: Mean | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "policy": self.policy.name,
            "threshold": self.choice.threshold,
            "share": self.choice.share,
            "margin": self.choice.margin,
        } | _with_ranges(self.quality, self.usd)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What policies of routing are worth on labels; frozen, with ``to_dict`` and ``to_frame``.

    Attributes
    ----------
    points
        Each model alone, and the oracle: the best of both by hindsight.
    strong_needed_share, weak_alone_share
        Prompts on which the strong model is better, and on which the weak one is.
    mixture
        The best mixture of the two models, tried like a policy.
    recommended
        None where no policy surely beats the best mixture and keeps the target; `reason` says why.
    """

    source: str
    origin: Origin
    rows: int
    sha256: str
    weak: str
    strong: str
    points: tuple[Point, ...]
    strong_needed_share: float
    weak_alone_share: float
    policies: tuple[Judged, ...]
    kinds: tuple[str, ...]
    target: Target
    mixture: Trial | None
    recommended: Recommended | None
    reason: str
    costs: Costs | None
    seed: int
    warnings: tuple[str, ...]
    definition: str = DEFINITION

    @property
    def deciding(self) -> str:
        """The kind of folds that decides."""
        return self.kinds[-1]

    @property
    def answer(self) -> str:
        """One sentence."""
        if self.recommended is None:
            return f"No route is recommended: {self.reason}."
        found = self.recommended
        strong = next(p for p in self.points if p.name == "always strong")
        paid = ""
        if found.usd is not None and strong.usd is not None and strong.usd.value:
            paid = f", for {found.usd.value / strong.usd.value:.0%} of what {_named(self.strong)} alone costs"
        strong_name, weak_name = _named(self.strong), _named(self.weak)
        return (
            f"Send prompts that {found.policy.name} scores {found.choice.threshold:g} or more to {strong_name} "
            f"({found.choice.share:.0%} of them) and the rest to {weak_name}: quality {found.quality.value:.3f}, and "
            f"{self.target} at least on as many prompts like these, with 95 % confidence{paid}."
        )

    def judged(self, policy: str) -> Judged:
        """Return a policy's measures by its name."""
        return next(found for found in self.policies if found.policy == policy)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of ``bedrock-lab route evaluate``."""
        return {
            "answer": self.answer,
            "source": self.source,
            "origin": str(self.origin),
            "rows": self.rows,
            "labels_sha256": self.sha256,
            "weak": self.weak,
            "strong": self.strong,
            "points": [point.to_dict() for point in self.points],
            "strong_needed_share": self.strong_needed_share,
            "weak_alone_share": self.weak_alone_share,
            "policies": [found.to_dict() for found in self.policies],
            "folds": list(self.kinds),
            "deciding": self.deciding,
            "target": str(self.target),
            "mixture": None if self.mixture is None else dataclasses.asdict(self.mixture),
            "recommended": None if self.recommended is None else self.recommended.to_dict(),
            "reason": self.reason,
            "weak_model": self.costs.weak_model if self.costs else None,
            "strong_model": self.costs.strong_model if self.costs else None,
            "seed": self.seed,
            "definition": self.definition,
            "assumptions": [a.to_dict() for a in self.costs.assumptions] if self.costs else [],
            "warnings": list(self.warnings),
        }

    def to_frame(self) -> Any:
        """Return a row a policy and kind of folds as a pandas DataFrame, the best first."""
        import pandas as pd

        rows = [
            {"policy": found.policy, "folds": kind}
            | {name: figure["value"] for name, figure in measured.to_dict().items()}
            | {"apgr_lo": measured.apgr.lo, "apgr_hi": measured.apgr.hi}
            for found in self.policies
            for kind, measured in found.folds.items()
        ]
        return pd.DataFrame(rows).sort_values(["folds", "apgr"], ascending=[True, False], ignore_index=True)

    def _repr_html_(self) -> str:
        return f"<p><strong>{html.escape(self.answer)}</strong></p>" + str(self.to_frame().to_html(index=False))


def _named(model: str) -> str:
    """Name a model in a sentence; a column called weak or strong names none."""
    return f"the {model} model" if model in {"weak", "strong"} else model


def _with_ranges(quality: Mean, usd: Mean | None) -> dict[str, Any]:
    return {
        "quality": quality.value,
        "quality_range": [quality.lo, quality.hi],
        "usd_per_request": None if usd is None else usd.value,
        "usd_range": None if usd is None else [usd.lo, usd.hi],
    }
