"""What moves the cost, what moves the choice: a tornado, pairs of quantities, and the marginal unit."""

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np

from bedrock_lab.assumptions import Assumption
from bedrock_lab.planning.costing import Costing
from bedrock_lab.planning.flips import Flip, nearest_flips
from bedrock_lab.planning.intervals import RANGED
from bedrock_lab.planning.market import Market
from bedrock_lab.planning.purchase import Mix, Purchase
from bedrock_lab.pricing import HOURS_PER_MONTH

PAIR_POINTS = 4
"""Values of the first quantity of a pair at which the second is moved."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar of the tornado: the plan's cost and saving at the two ends of an assumption [USD/month]."""

    assumption: str
    ends: tuple[float, float]
    usd_per_month: tuple[float, float]
    saving_usd_per_month: tuple[float, float]

    @property
    def swing(self) -> float:
        """Length of the bar [USD/month]."""
        return abs(self.usd_per_month[1] - self.usd_per_month[0])

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {f.name: v if isinstance(v := getattr(self, f.name), str) else list(v) for f in dataclasses.fields(self)}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two quantities together: at each value of the first, where the second turns the choice, if it does."""

    first: str
    second: str
    points: tuple[tuple[float, float | None, str], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        points = [{self.first: a, self.second: b, "becomes": c or None} for a, b, c in self.points]
        return {"first": self.first, "second": self.second, "points": points}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Marginal:
    """The last step of capacity bought, and the next: what each displaces against what it costs [USD/month].

    Attributes
    ----------
    what
        ``unit``, ``input`` or ``output`` (1,000 reserved tokens/min).
    usage
        Share of the time the last one is in use, as far as it is.
    break_even
        The usage from which it pays, its hours being worth what they are; above 1 it never does.
    """

    what: str
    usd_per_month: float
    last_displaces_usd: float
    next_displaces_usd: float
    usage: float | None
    break_even: float | None


def tornado(market: Market, purchase: Purchase, baseline: Purchase) -> tuple[Bar, ...]:
    """Cost a purchase at the ends of each assumption, the others at their central values; the longest bar first."""
    made = []
    for name, lo, hi in _ends(market):
        costs = [
            Costing(market.demand, dataclasses.replace(market.scenario, **{name: end})).monthly([purchase, baseline])  # type: ignore[arg-type]
            for end in (lo, hi)
        ]
        (low, base_low), (high, base_high) = ((float(a), float(b)) for a, b in costs)
        made.append(
            Bar(
                assumption=name,
                ends=(lo, hi),
                usd_per_month=(low, high),
                saving_usd_per_month=(base_low - low, base_high - high),
            )
        )
    return tuple(sorted(made, key=lambda bar: -bar.swing))


def _ends(market: Market) -> Iterable[tuple[str, float, float]]:
    held: dict[str, Assumption] = market.assumptions
    for name in RANGED:
        a = held.get(name)
        if a is not None and a.spread and a.lo is not None and a.hi is not None:
            yield name, a.lo, a.hi
    spread = held.get("week_to_week_cv")
    if spread is not None and not (held.get("growth") and held["growth"].spread):
        growth, cv = market.scenario.growth, float(spread.value)
        yield "growth", growth * max(0.0, 1 - 2 * cv), growth * (1 + 2 * cv)


def pairs(market: Market, flips: Iterable[Flip], bars: Iterable[Bar]) -> tuple[Pair, ...]:
    """Move two quantities together: those with the longest bars that turn the choice, else the nearest to turn it.

    The second is searched as alone, at a few values of the first between today's and a quarter beyond its own flip.
    """
    nearest = sorted(flips, key=lambda f: f.distance)
    swing = {bar.assumption: bar.swing for bar in bars}
    names = list(dict.fromkeys(f.assumption for f in sorted(nearest, key=lambda f: -swing.get(f.assumption, 0.0))))
    if len(names) < 2:
        return ()
    first, second = names[:2]
    flip = next(f for f in nearest if f.assumption == first)
    spans = {name: (at, lo, hi) for name, at, lo, hi in market.quantities()}
    end = flip.base + 1.25 * (flip.value - flip.base)
    end = min(max(end, spans[first][1]), spans[first][2])
    alone = min((f for f in nearest if f.assumption == second), key=lambda f: f.distance)
    points: list[tuple[float, float | None, str]] = [(flip.base, alone.value, alone.becomes)]
    for value in np.linspace(flip.base, end, PAIR_POINTS)[1:]:
        moved = dataclasses.replace(
            market,
            scenario=dataclasses.replace(market.scenario, **{first: float(value)}),  # type: ignore[arg-type]
        )
        found = nearest_flips(second, *spans[second], moved.winner_by(second))
        near = min(found, key=lambda f: f.distance, default=None)
        points.append((float(value), near.value if near else None, near.becomes if near else ""))
    return (Pair(first=first, second=second, points=tuple(points)),)


def marginal(market: Market, purchase: Purchase) -> tuple[Marginal, ...]:
    """Set the last unit of capacity, or the last 1,000 reserved tokens/min of each side, against what it displaces."""
    base = purchase.mix.base if purchase.mix else purchase
    if base is None or not base.is_capacity:
        return ()
    costing = Costing(market.demand, market.scenario)

    def left(changed: Purchase) -> float:
        mix = purchase.mix
        whole = dataclasses.replace(purchase, mix=dataclasses.replace(mix, base=changed)) if mix else changed
        return float(costing.variable([whole])[0]) * market.demand.per_month

    if base.option == "provisioned":
        count = base.units or 0
        at = [left(dataclasses.replace(base, units=n)) for n in (count - 1, count, count + 1)]
        price = HOURS_PER_MONTH * base.usd_per_hour * market.scenario.unit_price_factor
        return (_marginal("unit", price, at, _usage(costing, purchase.mix, count)),)
    made = []
    for side, usd in zip(("input", "output"), base.usd_per_hour_per_ktpm, strict=True):
        steps = [(n, 0) if side == "input" else (0, n) for n in (-1, 0, 1)]
        at = [left(_more(base, *step)) for step in steps]
        made.append(_marginal(side, HOURS_PER_MONTH * usd, at, None))
    return tuple(made)


def _more(base: Purchase, inputs: int, outputs: int) -> Purchase:
    return dataclasses.replace(
        base,
        reserved_input_ktpm=(base.reserved_input_ktpm or 0) + inputs,
        reserved_output_ktpm=(base.reserved_output_ktpm or 0) + outputs,
    )


def _marginal(what: str, price: float, at: list[float], usage: float | None) -> Marginal:
    last = at[0] - at[1]
    even = price * usage / last if usage and last > 0 else None
    return Marginal(
        what=what,
        usd_per_month=price,
        last_displaces_usd=last,
        next_displaces_usd=at[1] - at[2],
        usage=usage,
        break_even=even,
    )


def _usage(costing: Costing, mix: Mix | None, count: int) -> float | None:
    """Share of the time the last unit is in use; not known where work waits for it or units come by the hour."""
    if mix is not None and (mix.wait_h or mix.schedule):
        return None
    load = costing.load
    needed = costing.needed(load)
    return float(np.sum(load.mass * np.clip(needed - (count - 1), 0, 1)) / np.sum(load.mass))
