"""Why a span of time cost something else than another, step by step, to the last digit.

Each step changes one thing and reprices, in the order of `ORDER`: all tokens grow alike with the traffic; then models,
Regions and buckets take their new shares; then what is bought changes (tiers, scopes, capacity); then prices; then what
is no usage (credits, taxes). A step is credited with what is left to explain after those before it, so that nothing is
counted twice and the steps sum to the difference.
"""

import dataclasses
import itertools
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from bedrock_lab.catalogue.pricelist import Spot, prices
from bedrock_lab.errors import InputError
from bedrock_lab.quote import add, plain
from bedrock_lab.spending.spent import CHARGED, PACE, Key, Spending, rounded

ORDER = ("traffic", "mix", "plan", "price", "other")
LEAST = 0.0005
"""Changes of a share or a price below this are not worth a word."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one cause adds [USD], and what stands behind it."""

    cause: str
    usd: Decimal
    detail: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; money as an exact decimal string."""
        return {"cause": self.cause, "usd": plain(self.usd), "detail": self.detail}


def steps_between(before: Spending, after: Spending) -> tuple[Step, ...]:
    """Attribute the difference of two spans to causes, in the order of `ORDER`; the steps sum to it exactly.

    Raises
    ------
    InputError
        One was charged and the other is a pace: they do not compare.
    """
    if before.basis != after.basis:
        raise InputError(f"one run has what was {CHARGED}, the other {PACE}: they do not compare")
    old = _old_prices(before, after)
    growth, volume = _volume(before, after)
    new = {key: Fraction(tokens) for key, tokens in after.tokens.items()}
    grown = new if not before.tokens else {key: tokens * growth for key, tokens in _fractions(before.tokens).items()}
    mixed = new if not before.tokens else _as_bought_before(before, new)
    was, now = (Fraction(add(side.capacity_usd.values())) for side in (before, after))
    other_was, other_now = (Fraction(add(side.other_usd.values())) for side in (before, after))
    ends = Fraction(before.total_usd), Fraction(after.total_usd)
    states = [
        ends[0],
        _cost(grown, old) + was + other_was,
        _cost(mixed, old) + was + other_was,
        _cost(new, old) + now + other_was,
        ends[1] - other_now + other_was,
        ends[1],
    ]
    details = (
        volume,
        _moved(_shares(before, "model"), _shares(after, "model"), "tokens by model", _percent),
        "; ".join(
            (
                _moved(_shares(before, "tier"), _shares(after, "tier"), "tokens by tier", _percent),
                _moved(_shares(before, "scope"), _shares(after, "scope"), "by scope", _percent),
                _moved(before.capacity_usd, after.capacity_usd, "capacity", _dollars),
            )
        ),
        _price_detail(old, after),
        _moved(before.other_usd, after.other_usd, "credits, taxes and the like", _dollars),
    )
    amounts = _rounded_to(add((after.total_usd, -before.total_usd)), [to - of for of, to in itertools.pairwise(states)])
    return tuple(Step(cause=c, usd=u, detail=d) for c, u, d in zip(ORDER, amounts, details, strict=True))


def _rounded_to(total: Decimal, parts: list[Fraction]) -> list[Decimal]:
    """Round parts so that they sum to the total: what rounding leaves goes to the largest, and 0 stays 0."""
    found = [rounded(part) for part in parts]
    largest = max(range(len(parts)), key=lambda i: abs(parts[i]))
    found[largest] = add((total, *(-r for i, r in enumerate(found) if i != largest)))
    return found


def _fractions(tokens: Mapping[Key, Decimal]) -> dict[Key, Fraction]:
    return {key: Fraction(value) for key, value in tokens.items()}


def _cost(tokens: Mapping[Key, Fraction], usd_per_token: Mapping[Key, Fraction]) -> Fraction:
    return sum((n * usd_per_token[key] for key, n in tokens.items()), Fraction(0))


def _volume(before: Spending, after: Spending) -> tuple[Fraction, str]:
    """Say by what all tokens grow alike: with the requests where both count them, else with all tokens."""
    if before.requests and after.requests is not None:
        was, now, what = before.requests, after.requests, "requests"
    else:
        was, now, what = add(before.tokens.values()), add(after.tokens.values()), "tokens"
    if not was:
        return Fraction(1), f"{float(now):,.0f} {what}, none before"
    growth = Fraction(now) / Fraction(was)
    return growth, f"{float(was):,.0f} {what} before, {float(now):,.0f} now ({float(growth - 1):+.1%})"


def _as_bought_before(before: Spending, new: Mapping[Key, Fraction]) -> dict[Key, Fraction]:
    """Spread the new tokens of each model, Region and bucket over scopes and tiers as the old ones were."""
    held: dict[tuple[Any, ...], dict[Key, Fraction]] = {}
    for key, tokens in _fractions(before.tokens).items():
        held.setdefault(_without_purchase(key), {})[key] = tokens
    spread: dict[Key, Fraction] = {}
    for key, tokens in new.items():
        old = held.get(_without_purchase(key), {})
        whole = sum(old.values(), Fraction(0))
        for target, share in ((k, v / whole) for k, v in old.items()) if whole else ((key, Fraction(1)),):
            spread[target] = spread.get(target, Fraction(0)) + tokens * share
    return spread


def _without_purchase(key: Key) -> tuple[Any, ...]:
    return key.model, key.region, key.bucket, key.above_tokens


def _old_prices(before: Spending, after: Spending) -> dict[Key, Fraction]:
    """Price each line as before [USD per token]; one that is new at the list's change since, else as now."""
    old = {k: Fraction(usd) / Fraction(before.tokens[k]) for k, usd in before.usd.items() if before.tokens[k]}
    for key, usd in after.usd.items():
        if key not in old:
            now = Fraction(usd) / Fraction(after.tokens[key]) if after.tokens[key] else Fraction(0)
            old[key] = now * _list_change(key, after.date, before.date)
    return {key: old.get(key, Fraction(0)) for key in (*before.tokens, *after.tokens)}


def _list_change(key: Key, day: str, other: str) -> Fraction:
    """Return the list price of another day over that of a day; 1 where the list has not both."""
    spot = Spot(key.model, key.region, key.scope, key.tier)
    found = []
    for when in (other, day):
        try:
            rows = prices(when).rows_on(spot, key.bucket, key.above_tokens)
        except InputError:
            return Fraction(1)
        if not rows or not rows[-1].usd_per_mtok:
            return Fraction(1)
        found.append(Fraction(rows[-1].usd_per_mtok))
    return found[0] / found[1]


def _shares(spending: Spending, field: str) -> dict[str, Decimal]:
    whole = add(spending.tokens.values())
    found: dict[str, Decimal] = {}
    for key, tokens in spending.tokens.items():
        name = str(getattr(key, field))
        found[name] = found.get(name, Decimal(0)) + (tokens / whole if whole else Decimal(0))
    return found


def _moved(
    before: Mapping[str, Decimal], after: Mapping[str, Decimal], what: str, shown: Callable[[Decimal], str]
) -> str:
    """Say what changed most, the largest three."""
    moved = {name: after.get(name, Decimal(0)) - before.get(name, Decimal(0)) for name in {*before, *after}}
    most = sorted((n for n in moved if abs(moved[n]) >= LEAST), key=lambda n: (-abs(moved[n]), n))[:3]
    said = [f"{n} {shown(before.get(n, Decimal(0)))} to {shown(after.get(n, Decimal(0)))}" for n in most]
    return f"{what}: {', '.join(said) or 'as before'}"


def _percent(share: Decimal) -> str:
    return f"{float(share):.1%}"


def _dollars(usd: Decimal) -> str:
    return f"{float(usd):,.2f} USD"


def _price_detail(old: Mapping[Key, Fraction], after: Spending) -> str:
    moved: dict[str, float] = {}
    for key, usd in sorted(after.usd.items(), key=lambda item: (-item[1], item[0])):
        if after.tokens[key] and old[key]:
            change = float(Fraction(usd) / Fraction(after.tokens[key]) / old[key]) - 1
            if abs(change) >= LEAST:
                moved.setdefault(f"{key.model} {key.tier} {key.bucket}", change)
    said = ", ".join(f"{name} {change:+.1%}" for name, change in list(moved.items())[:3])
    return f"paid for a token: {said}" if said else "paid for a token: as before"
