"""What came of holding an SLO by simulation: predicted latencies, what was tightened, what binds, what is feasible."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

from bedrock_lab.assumptions import Assumption
from bedrock_lab.planning.goal import Goal
from bedrock_lab.planning.predicted import Predicted
from bedrock_lab.planning.purchase import DEFERRED, Purchase
from bedrock_lab.planning.sizes import Family, Size, base_of, family_of, size_of
from bedrock_lab.planning.stretch import Stretch

Serving = tuple[Any, ...]
"""What tells apart how purchases serve: terms, and scopes, do not."""


class Tightened(NamedTuple):
    """A purchase that does not hold the SLO, and the least of its kind that does; None where none does [USD/month]."""

    purchase: str
    to: str | None
    usd_per_month: float
    to_usd_per_month: float | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What keeps an SLO out of reach: the constraint without which it would hold, and that in words."""

    constraint: str
    words: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """The nearest SLO of the same kind that something on sale holds, and the cheapest that does [USD/month]."""

    slo: Mapping[str, float]
    candidate: str
    usd_per_month: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Headroom:
    """An SLO held against every way of buying by simulation at seconds.

    Attributes
    ----------
    found
        By how a purchase serves, its latencies.
    failing, least
        By family, the sizes that were found too small, and the least that holds.
    tightened
        What was made larger, in the order it was.
    """

    slo: Mapping[str, float]
    goal: Goal
    stretch: Stretch
    replications: int
    seed: int
    evidence: Mapping[str, Any]
    found: Mapping[Serving, Predicted]
    failing: Mapping[Family, tuple[Size, ...]]
    least: Mapping[Family, Size | None]
    tightened: tuple[Tightened, ...]
    assumptions: tuple[Assumption, ...]
    binding: Binding | None = None
    nearest: Nearest | None = None

    def predicted(self, purchase: Purchase) -> Predicted | None:
        """Return the latencies of a purchase; None where it was not simulated."""
        return self.found.get(serving(purchase, self.goal))

    def met(self, purchase: Purchase) -> bool | None:
        """Whether a purchase holds the SLO: simulated, or smaller than one of its kind that does not."""
        found = self.predicted(purchase)
        if found is not None:
            return found.met(self.slo)
        family = family_of(purchase)
        if family is None:
            return None
        if family in self.least and self.least[family] is None:
            return False
        too_small = any(size_of(purchase).within(size) for size in self.failing.get(family, ()))
        return False if too_small else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "limits": self.goal.limits,
            "stretch": self.stretch.to_dict(),
            "replications": self.replications,
            "seed": self.seed,
            "evidence": dict(self.evidence),
            "tightened": [each._asdict() for each in self.tightened],
            "binding": dataclasses.asdict(self.binding) if self.binding else None,
            "nearest": dataclasses.asdict(self.nearest) if self.nearest else None,
        }


def serving(purchase: Purchase, goal: Goal) -> Serving:
    """Return what tells apart how purchases serve; where on demand refuses nobody, capacity does not."""
    mix = purchase.mix
    tier = "default" if base_of(purchase) is not None or mix is not None else purchase.tier
    ends = tuple(mix.ends) if mix is not None and mix.ends else ()
    waits = ends if mix is not None else (tier,) if tier in DEFERRED else ()
    if not goal.quota:
        return tier, waits
    option = base_of(purchase)
    schedule = mix.schedule if mix is not None else ()
    return tier, waits, None if option is None else option.option, size_of(purchase), schedule
