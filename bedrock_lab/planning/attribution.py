"""Who saves what: a plan taken step by step, so that no step claims what another already has."""

import dataclasses
import math
from typing import NamedTuple

import numpy as np

from bedrock_lab.planning.costing import Costing
from bedrock_lab.planning.intervals import corners
from bedrock_lab.planning.market import Market
from bedrock_lab.planning.mixing import joined
from bedrock_lab.planning.purchase import DEFERRED, Purchase
from bedrock_lab.planning.scenario import Scenario


class Stage(NamedTuple):
    """The plan after one more step: what it adds, and the whole of it."""

    adds: str
    purchase: Purchase


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """What a step saves beyond those before it, and its range over what is assumed and between weeks [USD/month]."""

    adds: str
    usd_per_month: float
    range: tuple[float, float]


def stages(purchase: Purchase, baseline: Purchase) -> list[Stage]:
    """Build a purchase up from on demand as it stands, what binds least first; what changes nothing is left out."""
    mix = purchase.mix
    if mix is not None:
        deferred = mix.without_base()
        based = dataclasses.replace(mix, schedule=(), hourly_usd=0.0, wait_h=0.0)
        found = [
            (mix.overflow.scope != baseline.scope, Stage("call", mix.overflow)),
            ({mix.cached, mix.uncached} != {mix.overflow}, Stage("defer", joined(deferred))),
            (mix.base is not None, Stage("base", joined(based))),
            (bool(mix.schedule), Stage("hours", joined(dataclasses.replace(mix, wait_h=0.0)))),
            (mix.wait_h > 0, Stage("wait", purchase)),
        ]
        return [stage for wanted, stage in found if wanted]
    if purchase.is_capacity:
        return [Stage("base", purchase)]
    if purchase.tier in DEFERRED:
        call = dataclasses.replace(baseline, scope=purchase.scope)
        first = [Stage("call", call)] if purchase.scope != baseline.scope else []
        return [*first, Stage("defer", purchase)]
    return [Stage("call", purchase)]


def savings(market: Market, purchase: Purchase, baseline: Purchase) -> list[Saving]:
    """Attribute the saving of a purchase against the baseline to its steps; the sum is the whole saving."""
    steps = stages(purchase, baseline)
    bought = [baseline, *(stage.purchase for stage in steps)]
    scenarios = [
        market.scenario,
        *corners(market.scenario, market.assumptions, market.shapes, market.extra_usd),
        *_weeks(market),
    ]
    costs = np.array([Costing(market.demand, at).monthly(bought) for at in scenarios])
    saved = costs[:, :-1] - costs[:, 1:]
    return [
        Saving(
            adds=stage.adds,
            usd_per_month=float(saved[0, i]),
            range=(float(saved[:, i].min()), float(saved[:, i].max())),
        )
        for i, stage in enumerate(steps)
    ]


def _weeks(market: Market) -> list[Scenario]:
    """Let demand lie two standard deviations of the spread between weeks below and above, where that is assumed."""
    spread = market.assumptions.get("week_to_week_cv")
    if spread is None:
        return []
    growth, cv = market.scenario.growth, float(spread.value)
    return [dataclasses.replace(market.scenario, growth=growth * max(0.0, 1 + k * cv)) for k in (-2, 2)]


def hours_in_words(schedule: tuple[int, ...]) -> str:
    """Write a schedule of the week, days alike together.

    >>> hours_in_words(tuple([0] * 9 + [1] * 8 + [0] * 7) * 5 + (0,) * 48)
    'Mon-Fri 09-17: 1'
    """
    days = [schedule[24 * d : 24 * d + 24] for d in range(7)]
    names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    said, first = [], 0
    while first < 7:
        last = first
        while last + 1 < 7 and days[last + 1] == days[first]:
            last += 1
        if any(days[first]):
            spans, hour = [], 0
            while hour < 24:
                end = hour
                while end < 24 and days[first][end] == days[first][hour]:
                    end += 1
                if days[first][hour]:
                    spans.append(f"{hour:02d}-{end:02d}: {days[first][hour]}")
                hour = end
            said.append(f"{names[first]}{'' if first == last else '-' + names[last]} {', '.join(spans)}")
        first = last + 1
    return "; ".join(said)


def whole_usd(amount: float) -> int:
    """Round an amount up to whole dollars, for a cap.

    >>> whole_usd(12.01)
    13
    """
    return math.ceil(amount - 1e-9)
