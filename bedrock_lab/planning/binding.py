"""What keeps an SLO out of reach, and how near one may come to it."""

import math
from collections.abc import Iterable, Mapping, Sequence

from bedrock_lab.planning.goal import Goal
from bedrock_lab.planning.held import Binding
from bedrock_lab.planning.playing import Player
from bedrock_lab.planning.predicted import Predicted
from bedrock_lab.planning.purchase import Purchase
from bedrock_lab.planning.sizes import Size, larger, least, resized

POINTS = (99, 95, 90, 50)
DIGITS = 3


def binding_of(player: Player, slo: Mapping[str, float], purchases: Sequence[Purchase]) -> Binding | None:
    """Find the constraint without which the nearest purchase would hold: each is taken away and played again."""
    best: tuple[float, float, Purchase, Predicted] | None = None
    for purchase in purchases:
        found = player.predicted_already(purchase)
        if found is not None and purchase.availability == "yes":
            far = (found.unserved_share, _excess(found, slo), purchase, found)
            best = far if best is None or far[:2] < best[:2] else best
    if best is None:
        return None
    purchase, goal = best[2], player.goal
    units = _units(player, slo, purchases)
    if units is not None:
        return units
    stated = [name for name in ("rpm", "tpm") if getattr(goal, name) is not None]
    for names in [[name] for name in stated] + ([stated] if len(stated) > 1 else []):
        found = player.play(purchase, goal.without(*names))
        if found is not None and found.met(slo) is not False:
            return Binding(constraint=" and ".join(names), words=_quota_words(names, goal, purchase, best[3]))
    return _service(player, slo, purchase)


def _units(player: Player, slo: Mapping[str, float], purchases: Sequence[Purchase]) -> Binding | None:
    """Say that more units than the account may hold would do, and how many."""
    most = player.goal.max_units
    if most is None:
        return None
    for purchase in (p for p in purchases if p.option == "provisioned"):
        sizes = larger(purchase, player.costing)

        def misses(size: Size, purchase: Purchase = purchase) -> bool:
            found = player.predicted(resized(purchase, size, player.scopes))
            return found is None or found.met(slo) is False

        enough = least(sizes, misses)
        if enough is not None:
            need = sizes[enough].first
            return Binding(
                constraint="units", words=f"the quota of {most} model units binds: {need} would hold the SLO"
            )
    return None


def _excess(found: Predicted, slo: Mapping[str, float]) -> float:
    """How far above its limits a purchase is, at worst, as a ratio."""
    ends = ((found.percentiles[name][1], limit) for name, limit in slo.items())
    return max((math.inf if lo is None else lo / limit for lo, limit in ends), default=math.inf)


def _quota_words(names: Sequence[str], goal: Goal, purchase: Purchase, found: Predicted) -> str:
    units = {"rpm": "requests/min", "tpm": "tokens/min"}
    named = " and ".join(f"{getattr(goal, name):g} {units[name]}" for name in names)
    return (
        f"the quota of {named} binds: {found.unserved_share:.1%} of the requests that cannot wait are not served by "
        f"{purchase.name}; without it the SLO would hold"
    )


def _service(player: Player, slo: Mapping[str, float], purchase: Purchase) -> Binding | None:
    """Say which part of the service alone is above a limit: the time to the first token, or the output after it."""
    free = player.play(purchase, player.goal.without("rpm", "tpm"))
    if free is None:
        return None
    for name, limit in slo.items():
        value, lo, _ = free.percentiles[name]
        if lo is None or lo <= limit or value is None:
            continue
        metric, _, point = name.partition("_")
        first = free.percentiles[f"ttft_{point}"][0]
        if metric == "ttft" or (first is not None and first > limit):
            return Binding(
                constraint="service ttft",
                words=f"the service itself binds: with nobody throttled, the {point} of the time to the first token is "
                f"{first if first is not None else value:.3g} s, above {limit:g} s",
            )
        said = "" if first is None else f", of which the first token takes {first:.3g} s at the same percentile"
        return Binding(
            constraint="service e2e" if first is None else "service tpot",
            words=f"the service itself binds: with nobody throttled, the {point} of the whole answer is {value:.3g} s"
            f"{said}; shorter answers or a faster model would do",
        )
    return None


def nearest_slo(slo: Mapping[str, float], found: Iterable[Predicted]) -> dict[str, float] | None:
    """Find the nearest limits something simulated keeps: at the same percentiles, else at the highest that has one.

    Each limit is the upper end of the interval, rounded up to three digits; one that is kept stays as it is.
    """
    best: tuple[tuple[int, float], dict[str, float]] | None = None
    for each in (one for one in found if one.decides):
        reach = {name: _reached(each, name, limit) for name, limit in slo.items()}
        if any(pair is None for pair in reach.values()):
            continue
        made = {pair[0]: pair[1] for pair in reach.values() if pair is not None}
        lost = sum(
            int(name.rpartition("_p")[2]) - int(pair[0].rpartition("_p")[2]) for name, pair in reach.items() if pair
        )
        worst = max(pair[1] / slo[name] for name, pair in reach.items() if pair)
        if best is None or (lost, worst) < best[0]:
            best = ((lost, worst), made)
    return None if best is None else best[1]


def _reached(found: Predicted, name: str, limit: float) -> tuple[str, float] | None:
    metric, _, asked = name.partition("_p")
    for point in (p for p in POINTS if p <= int(asked)):
        hi = found.percentiles[f"{metric}_p{point}"][2]
        if hi is not None and math.isfinite(hi):
            return f"{metric}_p{point}", max(limit, rounded_up(hi))
    return None


def rounded_up(value: float) -> float:
    """Round up to three digits.

    >>> rounded_up(1.2341), rounded_up(0.5), rounded_up(123.01)
    (1.24, 0.5, 124.0)
    """
    if value <= 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(value)) - DIGITS + 1)
    return float(f"{math.ceil(value / step - 1e-9) * step:.{DIGITS}g}")
