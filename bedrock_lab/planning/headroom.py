"""The headroom loop: the cheapest purchase is simulated, made larger where the SLO does not hold, and competes anew."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence

from bedrock_lab.assumptions import Assumption
from bedrock_lab.planning.binding import binding_of, nearest_slo
from bedrock_lab.planning.held import Headroom, Nearest, Tightened
from bedrock_lab.planning.playing import Player
from bedrock_lab.planning.purchase import Purchase, commitment_rank
from bedrock_lab.planning.sizes import Family, Size, family_of, larger, least, resized, size_of

Costs = Callable[[Sequence[Purchase]], Sequence[float]]
"""What purchases are chosen by [USD/month]."""


@dataclasses.dataclass(kw_only=True)
class Loop:
    """One search for the cheapest purchase that holds an SLO.

    Attributes
    ----------
    pool
        Purchases by name with their cost; those made larger are added.
    failing, least
        By family, sizes found too small, and the least that holds.
    """

    slo: Mapping[str, float]
    player: Player
    costs: Costs
    pool: dict[str, tuple[Purchase, float]]
    failing: dict[Family, list[Size]] = dataclasses.field(default_factory=dict)
    least: dict[Family, Size | None] = dataclasses.field(default_factory=dict)
    tightened: list[Tightened] = dataclasses.field(default_factory=list)

    def run(self) -> Purchase | None:
        """Return the cheapest purchase that is not known to miss the SLO; None where all are."""
        left = {name for name, (p, _) in self.pool.items() if p.availability == "yes"}
        while left:
            name = min(left, key=lambda n: (round(self.pool[n][1], 9), commitment_rank(self.pool[n][0])))
            left.discard(name)
            purchase = self.pool[name][0]
            family = family_of(purchase)
            if family is None or not self._too_small(size_of(purchase), family):
                found = self.player.predicted(purchase)
                if found is None or found.met(self.slo) is not False:
                    return purchase
                if family is None:
                    continue
                self.failing.setdefault(family, []).append(size_of(purchase))
                enough = self.least.get(family)
                if enough is None or enough.within(size_of(purchase)):
                    self.least[family] = self._least(purchase, family)
            left |= self._tightened(purchase, self.least[family])
        return None

    def _too_small(self, size: Size, family: Family) -> bool:
        if family in self.least and self.least[family] is None:
            return True
        return any(size.within(failed) for failed in self.failing.get(family, ()))

    def _tightened(self, purchase: Purchase, enough: Size | None) -> set[str]:
        """Offer a purchase as large as the SLO needs; return its name where it is new."""
        before, made = self.pool[purchase.name][1], None
        if enough is not None:
            made = resized(purchase, enough, self.player.scopes)
        new = made is not None and made.name not in self.pool
        if made is not None and new:
            self.pool[made.name] = (made, float(self.costs([made])[0]))
        after = None if made is None else self.pool[made.name][1]
        self.tightened.append(Tightened(purchase.name, None if made is None else made.name, before, after))
        return {made.name} if made is not None and new else set()

    def _least(self, purchase: Purchase, family: Family) -> Size | None:
        """Find the least larger size at which the SLO is not missed."""
        sizes = larger(purchase, self.player.costing, self.player.goal.max_units)

        def misses(size: Size) -> bool:
            found = self.player.predicted(resized(purchase, size, self.player.scopes))
            return found is None or found.met(self.slo) is False

        found = least(sizes, misses)
        if found:
            self.failing[family].append(sizes[found - 1])
        return None if found is None else sizes[found]


def hold(
    player: Player,
    slo: Mapping[str, float],
    purchases: Sequence[Purchase],
    costs: Costs,
    assumed: tuple[Assumption, ...] = (),
) -> tuple[Headroom, list[Purchase]]:
    """Hold an SLO against purchases by simulation; return what came of it, and the purchases that were made larger.

    Parameters
    ----------
    purchases
        What is on sale, the baseline first.
    assumed
        What the simulation rests on besides what it says itself.
    """
    priced = dict(
        zip((p.name for p in purchases), zip(purchases, map(float, costs(purchases)), strict=True), strict=True)
    )

    def looped(limits: Mapping[str, float]) -> tuple[Loop, Purchase | None]:
        loop = Loop(slo=limits, player=player, costs=costs, pool=dict(priced))
        return loop, loop.run()

    loop, chosen = looped(slo)
    _one_of_each(player, loop.pool)
    binding = nearest = None
    if slo and chosen is None:
        binding = binding_of(player, slo, [p for p, _ in loop.pool.values()])
        reach = nearest_slo(slo, player.found.values())
        if reach is not None:
            other, best = looped(reach)
            if best is not None:
                nearest = Nearest(slo=reach, candidate=best.name, usd_per_month=other.pool[best.name][1])
    made = Headroom(
        slo=dict(slo),
        goal=player.goal,
        stretch=player.stretch,
        replications=player.replications,
        seed=player.seed,
        evidence=dict(player.evidence),
        found=dict(player.found),
        failing={family: tuple(sizes) for family, sizes in loop.failing.items()},
        least=dict(loop.least),
        tightened=tuple(loop.tightened),
        assumptions=(*assumed, *_assumptions(player, chosen)),
        binding=binding,
        nearest=nearest,
    )
    return made, [p for name, (p, _) in loop.pool.items() if name not in priced]


def _one_of_each(player: Player, pool: Mapping[str, tuple[Purchase, float]]) -> None:
    """Predict the cheapest purchase on sale of each way of buying, for the reader to compare."""
    seen: set[str] = set()
    for purchase, cost in sorted(pool.values(), key=lambda pair: pair[1]):
        if purchase.availability == "yes" and math.isfinite(cost) and purchase.way not in seen:
            seen.add(purchase.way)
            player.predicted(purchase)


def _assumptions(player: Player, chosen: Purchase | None) -> tuple[Assumption, ...]:
    found = None if chosen is None else player.predicted(chosen)
    if found is None:
        found = next(iter(player.found.values()), None)
    return () if found is None else found.assumptions
