"""What is assumed, from where it comes, and how far it may be off."""

import dataclasses
import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from bedrock_lab.errors import InputError


class Origin(StrEnum):
    """Where a table's rows come from; printed on every page and beside every figure that uses them."""

    LIVE = "live"
    LOG = "log"
    PUBLIC = "public"
    SYNTHETIC = "synthetic"
    EMULATED = "emulated"

    @property
    def invented(self) -> bool:
        """Whether figures of this origin must be marked as no measurement of anybody's traffic."""
        return self in {Origin.SYNTHETIC, Origin.EMULATED}


class Kind(StrEnum):
    """How a value is known."""

    MEASURED = "measured"
    PUBLISHED = "published"
    CLAIMED = "claimed"
    ASSUMED = "assumed"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """A value used where nothing better is known, with the range it may lie in.

    Raises
    ------
    InputError
        When ``lo <= value <= hi`` does not hold.

    Examples
    --------
    >>> Assumption(name="growth", value=1.0, lo=0.9, hi=1.4, kind=Kind.ASSUMED, source="stated by the user").spread
    True
    """

    name: str
    value: float | str
    lo: float | None = None
    hi: float | None = None
    kind: Kind
    source: str
    unit: str = ""

    def __post_init__(self) -> None:
        """Refuse a range that does not hold its value."""
        if self.kind not in set(Kind):
            raise InputError(f"assumption {self.name}: unknown kind {self.kind!r}; known: {', '.join(Kind)}")
        if isinstance(self.value, str) or self.lo is None or self.hi is None:
            return
        if not self.lo <= self.value <= self.hi:
            raise InputError(f"assumption {self.name}: {self.value:g} is outside {self.lo:g}..{self.hi:g}")

    @property
    def spread(self) -> bool:
        """Whether the assumption has a range."""
        return self.lo is not None and self.hi is not None and self.lo < self.hi

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**dataclasses.asdict(self), "kind": str(self.kind)}


def parse_range(text: str, name: str) -> tuple[float, float, float]:
    """Read ``value`` or ``lo..hi`` as (value, lo, hi); the value of a range is its middle.

    >>> parse_range("0.9..1.4", "growth")
    (1.15, 0.9, 1.4)
    >>> parse_range("2", "growth")
    (2.0, 2.0, 2.0)
    """
    parts = text.split("..")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in {1, 2} or not all(math.isfinite(n) for n in numbers):
        raise InputError(f"{name}={text}: not a number; write {name}=value or {name}=lo..hi")
    lo, hi = numbers[0], numbers[-1]
    if lo > hi:
        raise InputError(f"{name}={text}: the range runs backwards; write {name}=lo..hi")
    return (lo + hi) / 2, lo, hi


def stated(texts: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, Assumption]:
    """Turn the user's ``name -> value | (lo, hi) | "lo..hi"`` into assumptions.

    Parameters
    ----------
    texts
        What the user stated.
    known
        The names that may be stated, each with its unit.
    """
    out: dict[str, Assumption] = {}
    for name, given in texts.items():
        if name not in known:
            raise InputError(f"unknown assumption {name!r}; known: {', '.join(sorted(known))}")
        if isinstance(given, Assumption):
            out[name] = given
            continue
        text = "..".join(str(v) for v in given) if isinstance(given, tuple | list) else str(given)
        value, lo, hi = parse_range(text, name)
        out[name] = Assumption(
            name=name,
            value=value,
            lo=lo,
            hi=hi,
            kind=Kind.ASSUMED,
            source="stated by the user",
            unit=known[name],
        )
    return out
