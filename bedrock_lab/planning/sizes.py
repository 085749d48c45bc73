"""Sizes of bought capacity: which purchases differ in nothing else, and the same purchase at another size."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from bedrock_lab.planning.costing import Costing
from bedrock_lab.planning.mixing import joined
from bedrock_lab.planning.options import Scopes
from bedrock_lab.planning.purchase import Purchase
from bedrock_lab.planning.purchases import reserved_purchase, unit_purchase

STEPS = 32
"""Sizes of Reserved capacity tried between one that is too small and the largest."""
ROOM = 2
"""Largest size tried, against the need of the busiest window."""


class Family(NamedTuple):
    """Purchases that serve alike but for their size: the option bought, and where a mix sends the rest."""

    option: str
    ends: tuple[str, ...]


class Size(NamedTuple):
    """How much is bought: units, or thousands of tokens a minute of input and of output."""

    first: int
    second: int = 0

    def within(self, other: "Size") -> bool:
        """Whether it is nowhere larger.

        >>> Size(3, 1).within(Size(3, 2)), Size(4, 1).within(Size(3, 2))
        (True, False)
        """
        return self.first <= other.first and self.second <= other.second


def base_of(purchase: Purchase) -> Purchase | None:
    """Return the capacity bought; None where there is none."""
    base = purchase.mix.base if purchase.mix is not None else purchase
    return base if base is not None and base.is_capacity else None


def family_of(purchase: Purchase) -> Family | None:
    """Return what a purchase shares with those of other sizes and terms; None where nothing is bought by the hour."""
    base = base_of(purchase)
    if base is None or (purchase.mix is not None and purchase.mix.schedule):
        return None
    return Family(base.option, tuple(purchase.mix.ends) if purchase.mix is not None else ("alone",))


def size_of(purchase: Purchase) -> Size:
    """Return how much is bought."""
    base = base_of(purchase)
    if base is None:
        return Size(0)
    if base.option == "provisioned":
        return Size(base.units or 0)
    return Size(base.reserved_input_ktpm or 0, base.reserved_output_ktpm or 0)


def resized(purchase: Purchase, size: Size, scopes: Scopes) -> Purchase:
    """Make the same purchase of another size."""
    base = base_of(purchase)
    if base is None or size == size_of(purchase):
        return purchase
    if base.option == "provisioned":
        made = unit_purchase(size.first, base.term or "none", base.usd_per_hour, base.availability)
    else:
        name = scopes.named(f"reserved-{size.first}k-{size.second}k-{base.term}", base.scope)
        made = reserved_purchase(
            name, base.scope, base.term or "1m", (size.first, size.second), base.usd_per_hour_per_ktpm
        )
    return made if purchase.mix is None else joined(dataclasses.replace(purchase.mix, base=made))


def least(sizes: Sequence[Size], misses: Callable[[Size], bool]) -> int | None:
    """Find the first of rising sizes that does not miss, by halving; None where the last one does.

    What is met under one limit is met under every looser one, so that a tighter limit never ends at a smaller size.

    >>> least([Size(n) for n in range(1, 9)], lambda size: size.first < 6)
    5
    """
    if not sizes or misses(sizes[-1]):
        return None
    low, high = -1, len(sizes) - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if misses(sizes[middle]) else (low, middle)
    return high


def larger(purchase: Purchase, costing: Costing, most_units: int | None = None) -> list[Size]:
    """List the sizes above a purchase's, rising, up to twice what the busiest window needs, or the quota of units.

    Reserved sizes rise on a straight line towards that in both dimensions.
    """
    size = size_of(purchase)
    base = base_of(purchase)
    if base is None:
        return []
    if base.option == "provisioned":
        most = ROOM * max(costing.curve.most, size.first)
        return [Size(n) for n in range(size.first + 1, (most if most_units is None else min(most, most_units)) + 1)]
    peaks = (math.ceil(ROOM * float(tpm.max()) / 1000) for tpm in (costing.load.input_tpm, costing.load.output_tpm))
    top = Size(*(max(ROOM * own, peak) for own, peak in zip(size, peaks, strict=True)))
    made = (
        Size(*(low + math.ceil(k / STEPS * (high - low)) for low, high in zip(size, top, strict=True)))
        for k in range(1, STEPS + 1)
    )
    return list(dict.fromkeys(made))
