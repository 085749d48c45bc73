"""What AWS charged, as values: lines told apart, and their sums."""

import dataclasses
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from bedrock_lab.assumptions import Assumption, Origin
from bedrock_lab.bills.usage_type import MANTLE, TOKENS, Meaning
from bedrock_lab.quote import add, plain
from bedrock_lab.traffic.trace import Skipped

USAGE, CREDIT, REFUND, TAX, DISCOUNT, FEE = "usage", "credit", "refund", "tax", "discount", "fee"
KINDS = (USAGE, DISCOUNT, CREDIT, REFUND, TAX, FEE)
"""Kinds of lines: what was used, and what is taken off or added apart from it."""

NOT_COVERED = "bedrock-mantle is not covered: its lines are recognised and summed, not held against traffic"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A line of a bill: one usage type at one kind and rate, in one span of time or summed over them.

    Attributes
    ----------
    start, end
        The span the usage lies in, as ISO 8601 UTC; None where the bill does not say.
    account
        The account that used it, hashed.
    usage_amount, unit
        As the bill counts.
    tokens
        The amount in tokens; None for what is no token.
    usd, net_usd, amortised_usd
        As charged; after discounts; with upfront fees spread. The latter two equal `usd` where a bill lacks them.
    list_usd
        At AWS's public rate; None where the bill does not say.
    rows
        Rows of the file that are summed in it.
    """

    usage_type: str
    kind: str
    meaning: Meaning
    product: str
    usage_amount: Decimal
    unit: str
    tokens: Decimal | None
    usd: Decimal
    net_usd: Decimal
    amortised_usd: Decimal
    list_usd: Decimal | None
    rows: int = 1
    start: str | None = None
    end: str | None = None
    account: str | None = None

    @property
    def is_tokens(self) -> bool:
        """Whether it charges tokens of a model the catalogue knows, on bedrock-runtime."""
        found = self.meaning
        return (
            self.kind == USAGE
            and found.category == TOKENS
            and found.model is not None
            and found.region is not None
            and self.tokens is not None
        )

    @property
    def usd_per_mtok(self) -> Decimal | None:
        """Rate it was charged at, rounded to twelve digits [USD per 1M tokens]."""
        if not self.tokens:
            return None
        return (self.usd * 1_000_000 / self.tokens).quantize(Decimal("1e-12")).normalize()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; money and amounts as exact decimal strings."""
        found, rate = self.meaning, self.usd_per_mtok
        return {
            "usage_type": self.usage_type,
            "kind": self.kind,
            "category": found.category,
            "product": self.product,
            "model": found.model,
            "region": found.region,
            "scope": found.scope,
            "tier": found.tier,
            "bucket": found.bucket,
            "ttl": found.ttl,
            "long_context": found.long_context,
            "term": found.term,
            "marketplace": found.marketplace,
            "usage_amount": plain(self.usage_amount),
            "unit": self.unit,
            "tokens": None if self.tokens is None else plain(self.tokens),
            "usd": plain(self.usd),
            "net_usd": plain(self.net_usd),
            "amortised_usd": plain(self.amortised_usd),
            "list_usd": None if self.list_usd is None else plain(self.list_usd),
            "usd_per_mtok": None if rate is None else plain(rate),
            "rows": self.rows,
        }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Charges:
    """What AWS charged for Bedrock; frozen, with ``to_dict`` and ``to_frame``.

    Attributes
    ----------
    charges
        One a usage type, kind, account and span of time.
    rows, other_rows, skipped
        Rows of Bedrock, of other services, and those that cannot be read: together, the lines of the files.
    covers
        The time the bill is for, over all its billing periods, as ISO 8601 UTC; None where it does not say.
    partial
        What is missing where not everything could be read; None for a whole bill.
    """

    source: str
    format: str
    origin: Origin
    charges: tuple[Charge, ...]
    rows: int
    other_rows: int = 0
    skipped: tuple[Skipped, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    warnings: tuple[str, ...] = ()
    covers: tuple[str, str] | None = None
    partial: str | None = None

    @property
    def lines(self) -> tuple[Charge, ...]:
        """The charges summed over time and accounts, the largest first."""
        return merged(self.charges)

    @property
    def total_usd(self) -> Decimal:
        """What all lines of Bedrock sum to, as charged [USD]."""
        return add(c.usd for c in self.charges)

    @property
    def net_usd(self) -> Decimal:
        """The same after discounts that stand in columns of their own [USD]."""
        return add(c.net_usd for c in self.charges)

    @property
    def amortised_usd(self) -> Decimal:
        """The same with upfront fees spread over their term [USD]."""
        return add(c.amortised_usd for c in self.charges)

    @property
    def list_usd(self) -> Decimal | None:
        """Usage at AWS's public rates [USD]; None unless every line of usage has one."""
        amounts = [c.list_usd for c in self.charges if c.kind == USAGE]
        return None if not amounts or None in amounts else add(a for a in amounts if a is not None)

    @property
    def not_covered_usd(self) -> Decimal:
        """What bedrock-mantle cost [USD]."""
        return add(c.usd for c in self.charges if c.meaning.category == MANTLE and c.kind == USAGE)

    @property
    def unknown_usd(self) -> Decimal:
        """Usage whose usage type, or its model, is not known [USD]."""
        return add(c.usd for c in self.charges if c.kind == USAGE and unknown(c))

    @property
    def span(self) -> tuple[str | None, str | None]:
        """First start and last end of usage, ISO 8601 UTC."""
        starts = [c.start for c in self.charges if c.start]
        ends = [c.end for c in self.charges if c.end]
        return min(starts, default=None), max(ends, default=None)

    def by_kind(self) -> dict[str, Decimal]:
        """Sum by kind of line [USD]; the sums make the total."""
        return {kind: add(c.usd for c in self.charges if c.kind == kind) for kind in KINDS}

    def by_category(self) -> dict[str, Decimal]:
        """Sum usage by what was bought [USD]."""
        found: dict[str, Decimal] = {}
        for charge in self.charges:
            if charge.kind == USAGE:
                name = charge.meaning.category
                found[name] = add((found.get(name, Decimal(0)), charge.usd))
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of ``bedrock-lab bill``."""
        start, end = self.span
        listed = self.list_usd
        return {
            "source": self.source,
            "format": self.format,
            "origin": str(self.origin),
            "start": start,
            "end": end,
            "total_usd": plain(self.total_usd),
            "net_usd": plain(self.net_usd),
            "amortised_usd": plain(self.amortised_usd),
            "list_usd": None if listed is None else plain(listed),
            "not_covered_usd": plain(self.not_covered_usd),
            "unknown_usd": plain(self.unknown_usd),
            "by_kind": {kind: plain(usd) for kind, usd in self.by_kind().items()},
            "by_category": {name: plain(usd) for name, usd in self.by_category().items()},
            "lines": [line.to_dict() for line in self.lines],
            "rows": self.rows,
            "other_rows": self.other_rows,
            "skipped": [item.to_dict() for item in self.skipped],
            "partial": self.partial,
            "assumptions": [a.to_dict() for a in self.assumptions],
            "warnings": list(self.notes),
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should be told."""
        said = list(self.warnings)
        if self.not_covered_usd:
            said.append(NOT_COVERED)
        if self.unknown_usd:
            names = sorted({c.usage_type for c in self.charges if c.kind == USAGE and unknown(c)})
            said.append(f"{len(names)} usage types are not known and stand for themselves: {', '.join(names[:5])}")
        if self.partial:
            said.append(f"partial: {self.partial}")
        return tuple(said)

    def to_frame(self) -> Any:
        """Return the lines as a pandas DataFrame; money as numbers."""
        import pandas as pd

        frame = pd.DataFrame([line.to_dict() for line in self.lines])
        for name in ("usage_amount", "tokens", "usd", "net_usd", "amortised_usd", "list_usd", "usd_per_mtok"):
            if name in frame:
                frame[name] = frame[name].astype("float64")
        return frame

    def _repr_html_(self) -> str:
        head = f"<p>Charged ({self.origin}): {float(self.total_usd):,.2f} USD, net {float(self.net_usd):,.2f} USD</p>"
        return head + str(self.to_frame().to_html(index=False))


def unknown(charge: Charge) -> bool:
    """Whether a charge's usage type means nothing known, or tokens of a model that is not."""
    found = charge.meaning
    return found.category == "other" or (found.category == TOKENS and found.model is None)


def merged(charges: Iterable[Charge]) -> tuple[Charge, ...]:
    """Sum charges that differ in time and account alone, the largest first."""
    groups: dict[tuple[Any, ...], list[Charge]] = {}
    for charge in charges:
        key = (charge.usage_type, charge.kind, charge.meaning, charge.product, charge.unit)
        groups.setdefault(key, []).append(charge)
    found = [total(held) | {"start": None, "end": None, "account": None} for held in groups.values()]
    lines = [Charge(**values) for values in found]
    return tuple(sorted(lines, key=lambda c: (-abs(c.usd), c.usage_type, c.kind)))


def total(held: list[Charge]) -> dict[str, Any]:
    """Sum the amounts of charges of one kind; the rest is the first one's."""
    first: Mapping[str, Any] = {f.name: getattr(held[0], f.name) for f in dataclasses.fields(Charge)}
    known = [c.list_usd for c in held]
    return {
        **first,
        "usage_amount": add(c.usage_amount for c in held),
        "tokens": None if held[0].tokens is None else add(c.tokens for c in held if c.tokens is not None),
        "usd": add(c.usd for c in held),
        "net_usd": add(c.net_usd for c in held),
        "amortised_usd": add(c.amortised_usd for c in held),
        "list_usd": None if None in known else add(a for a in known if a is not None),
        "rows": sum(c.rows for c in held),
    }
