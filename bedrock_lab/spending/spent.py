"""What a span of time cost, by line: a trace's month, or what AWS charged."""

import dataclasses
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from bedrock_lab.billing import Bill
from bedrock_lab.bills.charge import USAGE, Charges
from bedrock_lab.catalogue import places
from bedrock_lab.errors import InputError
from bedrock_lab.quote import EXACT, add, plain
from bedrock_lab.traffic.clock import MONTH_S

CHARGED, PACE = "charged", "a month at this pace"
MTOK = 1_000_000
STEP = Decimal("0.000001")
"""What tokens of a month, and steps between two exact ends, are rounded to [tokens, USD]."""


class Key(NamedTuple):
    """What a price depends on."""

    model: str
    region: str
    scope: str
    tier: str
    bucket: str
    above_tokens: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What a span of time cost.

    Attributes
    ----------
    basis
        ``charged`` by AWS, or ``a month at this pace`` of a trace.
    date
        Day whose prices hold.
    requests
        Requests in it, None where nobody counted.
    tokens, usd
        Tokens and their cost by line [USD].
    capacity_usd, other_usd
        What else was bought, and what is no usage (credits, taxes), by name [USD].
    """

    basis: str
    date: str
    requests: Decimal | None
    tokens: Mapping[Key, Decimal]
    usd: Mapping[Key, Decimal]
    capacity_usd: Mapping[str, Decimal]
    other_usd: Mapping[str, Decimal]

    @property
    def total_usd(self) -> Decimal:
        """The whole [USD], exact."""
        return add((*self.usd.values(), *self.capacity_usd.values(), *self.other_usd.values()))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; amounts as exact decimal strings."""
        return {
            "basis": self.basis,
            "date": self.date,
            "total_usd": plain(self.total_usd),
            "requests": None if self.requests is None else plain(self.requests),
            "lines": [
                {**key._asdict(), "tokens": plain(self.tokens[key]), "usd": plain(usd)} for key, usd in self.usd.items()
            ],
            "capacity_usd": {name: plain(usd) for name, usd in self.capacity_usd.items()},
            "other_usd": {name: plain(usd) for name, usd in self.other_usd.items()},
        }


def spending_of(found: Bill | Charges) -> Spending:
    """Lay out a trace's bill as a month at its pace, or what AWS charged as it is."""
    return _of_charges(found) if isinstance(found, Charges) else _of_bill(found)


def _of_bill(bill: Bill) -> Spending:
    month = Fraction(MONTH_S) / Fraction(str(bill.period_s))
    tokens: dict[Key, Decimal] = {}
    usd: dict[Key, Decimal] = {}
    for line in bill.lines:
        spot, monthly = line.spot, rounded(line.tokens * month)
        key = Key(spot.model, spot.region, spot.scope, spot.tier, line.bucket, line.above_tokens)
        tokens[key] = add((tokens.get(key, Decimal(0)), monthly))
        # the price by the token stays exact, so that an unchanged one makes no difference at all
        cost = EXACT.multiply(EXACT.multiply(monthly, line.usd_per_mtok), STEP)
        usd[key] = add((usd.get(key, Decimal(0)), cost))
    return Spending(
        basis=PACE,
        date=bill.date,
        requests=rounded(bill.requests * month),
        tokens=tokens,
        usd=usd,
        capacity_usd={},
        other_usd={},
    )


def _of_charges(charges: Charges) -> Spending:
    tokens: dict[Key, Decimal] = {}
    usd: dict[Key, Decimal] = {}
    capacity: dict[str, Decimal] = {}
    other: dict[str, Decimal] = {}
    for line in charges.lines:
        found = line.meaning
        if line.is_tokens and found.model and found.region:
            # AWS names no threshold; any above 0 keeps the two prices apart
            above = int(found.long_context)
            scope, tier = found.scope or places.IN_REGION, found.tier or "default"
            key = Key(found.model, found.region, scope, tier, found.bucket or "", above)
            tokens[key] = tokens.get(key, Decimal(0)) + (line.tokens or Decimal(0))
            usd[key] = add((usd.get(key, Decimal(0)), line.usd))
        else:
            side, name = (capacity, found.category) if line.kind == USAGE else (other, line.kind)
            side[name] = add((side.get(name, Decimal(0)), line.usd))
    end = charges.span[1] or ""
    return Spending(
        basis=CHARGED, date=end[:10], requests=None, tokens=tokens, usd=usd, capacity_usd=capacity, other_usd=other
    )


def read_spending(told: Mapping[str, Any]) -> Spending:
    """Read what `Spending.to_dict` wrote.

    Raises
    ------
    InputError
        It is none.
    """
    try:
        keys = [Key(*(line[name] for name in Key._fields)) for line in told["lines"]]
        return Spending(
            basis=told["basis"],
            date=told["date"],
            requests=None if told["requests"] is None else Decimal(told["requests"]),
            tokens={key: Decimal(line["tokens"]) for key, line in zip(keys, told["lines"], strict=True)},
            usd={key: Decimal(line["usd"]) for key, line in zip(keys, told["lines"], strict=True)},
            capacity_usd={name: Decimal(usd) for name, usd in told["capacity_usd"].items()},
            other_usd={name: Decimal(usd) for name, usd in told["other_usd"].items()},
        )
    except (KeyError, TypeError, ValueError, ArithmeticError):
        raise InputError("spend of a report: not what this version writes") from None


def rounded(value: Fraction) -> Decimal:
    """Round to a millionth, half to even."""
    return Decimal(round(value * MTOK)) * STEP
