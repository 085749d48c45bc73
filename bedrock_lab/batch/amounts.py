"""Amounts of money: as plain numbers, and as people read them."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from bedrock_lab.errors import InputError

MUCH = 100
"""From here on an amount is shown without decimals [USD]."""


def number(usd: Decimal | None) -> float | None:
    """Return money as a number [USD]."""
    return None if usd is None else float(usd)


def figure(usd: Decimal | float | None) -> str:
    """Write an amount under a header that names the unit, with the digits an eye can use.

    >>> figure(0.0123456), figure(1234.5), figure(None)
    ('0.01235', '1,234', 'unknown')
    """
    if usd is None:
        return "unknown"
    return f"{float(usd):,.0f}" if float(usd) >= MUCH else f"{float(usd):.4g}"


def money(usd: Decimal | float | None) -> str:
    """Write an amount.

    >>> money(0.0123456), money(None)
    ('0.01235 USD', 'unknown')
    """
    return "unknown" if usd is None else f"{figure(usd)} USD"


def readable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Write the amounts among named values, and leave the others.

    >>> readable({"records": 2, "worst_usd": None})
    {'records': 2, 'worst_usd': 'unknown'}
    """
    return {name: money(value) if name.endswith("_usd") else value for name, value in values.items()}


def counted(number: int, noun: str) -> str:
    """Write a number of things.

    >>> counted(1, "shard"), counted(1200, "job")
    ('1 shard', '1,200 jobs')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def amount(given: float | str | Decimal | None) -> Decimal | None:
    """Read an amount of money [USD].

    >>> amount("1.50"), amount(None)
    (Decimal('1.50'), None)
    """
    if given is None:
        return None
    try:
        found = Decimal(str(given))
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or found < 0:
        raise InputError(f"--max-spend-usd {given!r}: allowed is an amount of 0 USD or more")
    return found
