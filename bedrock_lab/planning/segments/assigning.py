"""Which variant each segment takes and who shares capacity with whom: the cheapest of all, by enumeration."""

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterable, Sequence

from bedrock_lab.planning.purchase import Purchase
from bedrock_lab.planning.segments.leaf import Leaf
from bedrock_lab.planning.segments.sharing import best_shared, may_share

MOST_SHARING = 6
"""Leaves of one model and Region among which every group is tried; of more, the dearest."""
MOST_CHOICES = 64
"""Combinations of variants that are tried with all their groups; of more, each segment's best apart."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way of serving a segment: as it is, or with a substitute.

    Attributes
    ----------
    reason
        Why it may not be recommended; empty where it may.
    """

    segment: str
    name: str
    leaves: tuple[Leaf, ...]
    reason: str = ""

    @property
    def apart(self) -> tuple[int, float]:
        """Leaves nothing may be bought for, and the cost of the others with nothing shared [USD/month]."""
        return _missing([self]), sum(apart_usd(leaf) for leaf in self.leaves)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is bought for one leaf, or shared by several."""

    leaves: tuple[Leaf, ...]
    purchase: Purchase | None

    @property
    def shared(self) -> bool:
        """Whether several share it."""
        return len(self.leaves) > 1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A variant for each segment, and what is bought; `lower_bound_usd` is under every assignment [USD/month]."""

    variants: tuple[Variant, ...]
    held: tuple[Held, ...]
    usd_per_month: float
    lower_bound_usd: float
    notes: tuple[str, ...]


Grouping = tuple[float, tuple[Held, ...]]
Cost = Callable[[Leaf], float]


def apart_usd(leaf: Leaf) -> float:
    """Cost of a leaf planned alone [USD/month]; 0 where nothing may be bought."""
    judged = leaf.judged
    return 0.0 if judged is None else judged.cost_usd_per_month


def bound_usd(leaf: Leaf) -> float:
    """Lower bound of a leaf planned alone [USD/month]."""
    return 0.0 if leaf.judged is None else leaf.plan.certificate.lower_bound_usd


class Sharing:
    """Groups of leaves with the best capacity for each, found once."""

    def __init__(self) -> None:
        self.notes: dict[str, None] = {}
        self._best: dict[frozenset[tuple[str, ...]], tuple[Purchase, float] | None] = {}

    def best(self, leaves: Sequence[Leaf]) -> tuple[Purchase, float] | None:
        """Return the cheapest capacity a group could share, where that costs less than each apart."""
        key = frozenset(leaf.key for leaf in leaves)
        if key not in self._best:
            self._best[key] = best_shared(leaves, below=sum(apart_usd(leaf) for leaf in leaves))
        return self._best[key]

    def groupings(self, leaves: Sequence[Leaf], cost: Cost) -> Grouping:
        """Split leaves of one model and Region into groups, each apart or sharing, at least cost."""
        able = [leaf for leaf in leaves if leaf.judged is not None and may_share(leaf.market)]
        if len(able) > MOST_SHARING:
            able = sorted(able, key=lambda leaf: -leaf.plan.baseline.cost_usd_per_month)[:MOST_SHARING]
            self.notes[
                f"capacity of {leaves[0].model} may be shared by {len(leaves)} segments: groups are tried among the "
                f"{MOST_SHARING} that cost most on demand"
            ] = None
        alone = [leaf for leaf in leaves if leaf not in able]
        usd, held = self._split(tuple(able), cost)
        return usd + sum(cost(leaf) for leaf in alone), (*held, *(_apart(leaf) for leaf in alone))

    def _split(self, leaves: tuple[Leaf, ...], cost: Cost) -> Grouping:
        """Take the first leaf alone or with any of the others, and split what is left."""
        if not leaves:
            return 0.0, ()
        first, others = leaves[0], leaves[1:]
        found = []
        for size in range(len(others) + 1):
            for mates in itertools.combinations(others, size):
                group = (first, *mates)
                if mates:
                    best = self.best(group)
                    if best is None:
                        continue
                    usd, held = best[1], Held(leaves=group, purchase=best[0])
                else:
                    usd, held = cost(first), _apart(first)
                rest = self._split(tuple(leaf for leaf in others if leaf not in mates), cost)
                found.append((usd + rest[0], (held, *rest[1])))
        return min(found, key=lambda pair: (round(pair[0], 9), -len(pair[1])))


def assign(variants: Sequence[Sequence[Variant]]) -> Assignment:
    """Choose a variant for each segment and who shares with whom, at least cost together.

    Parameters
    ----------
    variants
        By segment, as it is first; those with a reason are left out.
    """
    allowed = [[v for v in ways if not v.reason] for ways in variants]
    notes = []
    if math.prod(len(ways) for ways in allowed) > MOST_CHOICES:
        allowed = [[min(ways, key=lambda v: v.apart)] for ways in allowed]
        notes.append(
            f"more than {MOST_CHOICES} combinations of substitutes: each segment's is chosen with nothing shared"
        )
    sharing = Sharing()
    choices = list(itertools.product(*allowed))
    fewest = min(_missing(choice) for choice in choices)
    choices = [choice for choice in choices if _missing(choice) == fewest]
    costs = [_together(sharing, choice, apart_usd) for choice in choices]
    least = min(range(len(choices)), key=lambda i: round(costs[i][0], 9))
    bound = min(_together(sharing, choice, bound_usd)[0] for choice in choices)
    return Assignment(
        variants=choices[least],
        held=costs[least][1],
        usd_per_month=costs[least][0],
        lower_bound_usd=min(bound, costs[least][0]),
        notes=(*notes, *sharing.notes),
    )


def _together(sharing: Sharing, choice: Iterable[Variant], cost: Cost) -> Grouping:
    """Cost of a variant for each segment, with the best sharing."""
    by_place: dict[tuple[str, str], list[Leaf]] = {}
    for leaf in (leaf for variant in choice for leaf in variant.leaves):
        by_place.setdefault((leaf.model, leaf.region), []).append(leaf)
    parts = [sharing.groupings(leaves, cost) for leaves in by_place.values()]
    return sum(usd for usd, _ in parts), tuple(held for _, group in parts for held in group)


def _missing(choice: Iterable[Variant]) -> int:
    """Count leaves for which nothing may be bought."""
    return sum(leaf.judged is None for variant in choice for leaf in variant.leaves)


def _apart(leaf: Leaf) -> Held:
    judged = leaf.judged
    return Held(leaves=(leaf,), purchase=None if judged is None else judged.purchase)
