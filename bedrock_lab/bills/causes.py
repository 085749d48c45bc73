"""Why a bill and a trace differ: amounts by cause, and the rules by which tokens of one side find their like."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from bedrock_lab.bills.cells import NOUGHT, Cell, Rates
from bedrock_lab.quote import EXACT, add

OUTSIDE = "traffic outside the logs"
EDGES = "time zone and month edges"
FAILED, BLOCKED, RETRIED = "failed requests", "guardrail-blocked requests", "retried throttles"
PRIVATE, LISTED, ROUNDING = "private rates", "price list against charged", "rounding"
TTL, LONG, TIER, SCOPE = "cache write TTL", "long-context reprice", "tier served differently", "scope"
UNKNOWN, UNEXPLAINED = "unknown usage types", "unexplained"

Tokens = dict[Cell, Decimal]


@dataclasses.dataclass(slots=True)
class Cause:
    """One cause: what it comes to, and its parts in words."""

    name: str
    amounts: list[Decimal] = dataclasses.field(default_factory=list)
    details: list[str] = dataclasses.field(default_factory=list)

    @property
    def usd(self) -> Decimal:
        """What it comes to [USD], exact."""
        return add(self.amounts)


class Causes:
    """Causes in the order in which they are found."""

    def __init__(self) -> None:
        self.held: dict[str, Cause] = {}

    def add(self, name: str, usd: Decimal, detail: str) -> None:
        """Add an amount to a cause, with what it is for."""
        cause = self.held.setdefault(name, Cause(name))
        cause.amounts.append(usd)
        if detail not in cause.details:
            cause.details.append(detail)

    def __iter__(self) -> Iterator[Cause]:
        return iter(self.held.values())


def _like(cell: Cell, **changes: object) -> Cell:
    return cell._replace(**changes)  # type: ignore[arg-type]


def _is_write(cell: Cell) -> bool:
    return cell.bucket.startswith("cache_write_")


MOVES: tuple[tuple[str, Callable[[Cell], bool], Callable[[Cell], Cell]], ...] = (
    (TTL, lambda c: c.bucket == "cache_write_unknown", lambda c: _like(c, bucket="*") if _is_write(c) else c),
    (TTL, _is_write, lambda c: _like(c, bucket="*") if _is_write(c) else c),
    (LONG, lambda _: True, lambda c: _like(c, long=False)),
    (TIER, lambda _: True, lambda c: _like(c, tier="*")),
    (SCOPE, lambda _: True, lambda c: _like(c, scope="*")),
)
"""A cause, the cells of the trace it speaks of, and what two cells share that differ by it alone."""


def differing(cause: str, charged: Cell, traced: Cell) -> str:
    """Say what the two sides call the same tokens."""

    def says(cell: Cell) -> str:
        if cause == TTL:
            return cell.bucket.removeprefix("cache_write_")
        if cause == LONG:
            return "long context" if cell.long else "the normal price"
        return cell.tier if cause == TIER else cell.scope

    return f"{charged.model} {charged.region}: charged as {says(charged)}, {says(traced)} in the trace"


def match(differences: Tokens, rates: Rates, causes: Causes, *, whole: bool) -> None:
    """Let tokens one side has too many of find those the other has too few of, in a cell that differs by one thing.

    Parameters
    ----------
    differences
        Tokens of the bill less those of the trace, by cell; what is matched is taken out.
    whole
        Take only pairs that cancel entirely: within an hour anything else may be chance.
    """
    for cause, speaks_of, shared in MOVES:
        more = [c for c in sorted(differences) if differences[c] > 0]
        fewer = [c for c in sorted(differences) if differences[c] < 0 and speaks_of(c)]
        for traced in fewer:
            for charged in more:
                if charged == traced or shared(charged) != shared(traced):
                    continue
                tokens = min(differences[charged], -differences[traced])
                if tokens <= 0 or (whole and differences[charged] != -differences[traced]):
                    continue
                ours, theirs = rates.of(traced), rates.of(charged)
                if ours is None or theirs is None:
                    continue
                usd = EXACT.multiply(tokens, EXACT.subtract(theirs[1], ours[1]))
                causes.add(cause, usd, differing(cause, charged, traced))
                differences[charged] -= tokens
                differences[traced] += tokens


def match_unpriced(
    differences: Tokens, unpriced: dict[str, Tokens], rates: Rates, causes: Causes, *, whole: bool
) -> None:
    """Let tokens the bill has too many of be those of requests the trace does not price: failed, blocked, throttled."""
    for cause, held in unpriced.items():
        for cell in sorted(held):
            tokens = min(differences.get(cell, NOUGHT), held[cell])
            rate = rates.of(cell)
            if tokens <= 0 or rate is None or (whole and differences[cell] != held[cell]):
                continue
            causes.add(cause, EXACT.multiply(tokens, rate[1]), f"{cell.model} {cell.region}: AWS charged their tokens")
            differences[cell] -= tokens
            held[cell] -= tokens


def spans(numbers: Iterable[str], limit: int = 6) -> str:
    """Name spans of time, the first few.

    >>> spans(["2026-11-02T09Z", "2026-11-02T10Z"])
    '2026-11-02T09Z, 2026-11-02T10Z'
    """
    names = sorted(set(numbers))
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
