"""A row of a cost and usage report as a charge, and rows of one hour, usage type and kind as one."""

import functools
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from bedrock_lab.bills import columns as c
from bedrock_lab.bills.charge import CREDIT, DISCOUNT, FEE, REFUND, TAX, USAGE, Charge
from bedrock_lab.bills.usage_type import CUSTOM, MANTLE, TOKENS, meaning
from bedrock_lab.errors import InputError
from bedrock_lab.quote import EXACT
from bedrock_lab.traffic.clock import iso_utc, utc_ns
from bedrock_lab.traffic.identities import hashed

KIND_OF = {
    "": USAGE,
    "Usage": USAGE,
    "DiscountedUsage": USAGE,
    "SavingsPlanCoveredUsage": USAGE,
    "Credit": CREDIT,
    "Refund": REFUND,
    "Tax": TAX,
    "Discount": DISCOUNT,
    "EdpDiscount": DISCOUNT,
    "BundledDiscount": DISCOUNT,
    "PrivateRateDiscount": DISCOUNT,
    "RiVolumeDiscount": DISCOUNT,
    "Distributor Discount": DISCOUNT,
    "SolutionProviderProgramDiscount": DISCOUNT,
    "MigrationAccelerationProgramDiscount": DISCOUNT,
    "SavingsPlanNegation": DISCOUNT,
    "Fee": FEE,
    "RIFee": FEE,
    "SavingsPlanRecurringFee": FEE,
    "SavingsPlanUpfrontFee": FEE,
}
"""Kinds by the line item types of AWS's dictionary."""

UNITS = {"1k tokens": 1_000, "1,000 tokens": 1_000, "1m tokens": 1_000_000, "tokens": 1, "token": 1}
BY_THOUSAND, BY_MILLION = 1_000, 1_000_000
NOUGHT = Decimal(0)
IDENTITY = re.compile(r"\d{12}")
EDITION = "(amazon bedrock edition)"
TEXT_OF_MARKET = re.compile(r"^(?:[A-Z]{2,3}\d?-)?MP:[A-Z]{2,3}\d?_.*(?:token|TPM|ModelUnit)", re.IGNORECASE)


def is_bedrock(row: Mapping[str, Any]) -> bool:
    """Whether a row is of Bedrock: by its product or service code, or by Marketplace's name of the product.

    >>> is_bedrock({"product_code": "AmazonEC2", "usage_type": "BoxUsage:t3.micro"})
    False
    """
    codes = (row.get(c.CODE) or "", row.get(c.SERVICE) or "")
    if any(code.startswith("AmazonBedrock") for code in codes):
        return True
    name = (row.get(c.NAME) or "").lower()
    return EDITION in name or name.startswith("amazon bedrock") or bool(TEXT_OF_MARKET.match(row.get(c.TYPE) or ""))


def kind_of(line_item_type: str) -> str:
    """Sort a line item type; what is not known stands with the fees.

    >>> kind_of("EdpDiscount"), kind_of("Enterprise Discount Program Discount"), kind_of("Anything else")
    ('discount', 'discount', 'fee')
    """
    known = KIND_OF.get(line_item_type)
    return known or (DISCOUNT if "discount" in line_item_type.lower() else FEE)


def shown(value: Any) -> str:
    """Write a cell of a message: short, and without what names an account, which a shifted row may hold.

    >>> shown("arn:aws:iam::123456789012:user/x"), shown("a 123456789012")
    ("'...'", "'a ...'")
    """
    text = str(value)
    return repr("..." if "arn:" in text else IDENTITY.sub("...", text)[:40])


def decimal(value: Any, what: str, default: Decimal | None = None) -> Decimal:
    """Read an amount; one that is not there is `default`, or refused.

    >>> decimal("0.10", "cost"), decimal(0.1, "cost")
    (Decimal('0.10'), Decimal('0.1'))
    """
    if value is None or value == "":
        if default is not None:
            return default
        raise InputError(f"{what} is missing")
    try:
        found = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or abs(found.adjusted()) > 30:
        raise InputError(f"{what} is {shown(value)}; a number is allowed")
    return found


def per_unit(unit: str, *, market: bool) -> int:
    """Tokens in a unit; a bill that names none counts by the thousand, Marketplace's by the million.

    >>> per_unit("1K tokens", market=False), per_unit("Units", market=True), per_unit("N/A", market=False)
    (1000, 1000000, 1000)
    """
    return UNITS.get(unit.strip().lower()) or (BY_MILLION if market else BY_THOUSAND)


def moment(value: Any, what: str) -> str | None:
    """Read a time as ISO 8601 UTC; None where there is none."""
    if value is None or value == "":
        return None
    try:
        return _iso(value.isoformat() if hasattr(value, "isoformat") else str(value))
    except InputError:
        raise InputError(f"{what} is {shown(value)}, no time; ISO 8601 such as 2026-11-02T09:00:00Z") from None


@functools.lru_cache(maxsize=4_096)
def _iso(text: str) -> str:
    return iso_utc(utc_ns(text.replace(" UTC", "Z")))


@functools.lru_cache(maxsize=4_096)
def _label(account: str) -> str:
    return hashed(account)


def charge_of(row: Mapping[str, Any], *, identities: bool = False) -> Charge:
    """Read a row as a charge.

    Raises
    ------
    InputError
        A number, a time or the currency is not what it should be.
    """
    currency = row.get(c.CURRENCY) or "USD"
    if currency != "USD":
        raise InputError(f"currency {shown(currency)}; only USD is read")
    usage_type, product = str(row.get(c.TYPE) or ""), str(row.get(c.NAME) or "")
    kind = kind_of(str(row.get(c.KIND) or ""))
    found = meaning(usage_type, product, str(row.get(c.REGION) or "") or None)
    amount = decimal(row.get(c.AMOUNT), "the usage amount", None if kind == USAGE else NOUGHT)
    usd = decimal(row.get(c.USD), "the cost")
    unit = str(row.get(c.UNIT) or "")
    counted = kind == USAGE and found.category in {TOKENS, MANTLE, CUSTOM} and found.bucket is not None
    if counted and amount < 0:
        raise InputError(f"the usage amount is {amount}; tokens of 0 or more are allowed")
    listed = row.get(c.LIST)
    spread = row.get(c.UPFRONT) if row.get(c.KIND) == "DiscountedUsage" else row.get(c.AMORTISED)
    account = row.get(c.ACCOUNT)
    return Charge(
        usage_type=usage_type,
        kind=kind,
        meaning=found,
        product=product,
        usage_amount=amount,
        unit=unit,
        tokens=EXACT.multiply(amount, Decimal(per_unit(unit, market=found.marketplace))) if counted else None,
        usd=usd,
        net_usd=decimal(row.get(c.NET), "the net cost", usd),
        amortised_usd=decimal(spread, "the amortised cost", usd),
        list_usd=None if listed in {None, ""} else decimal(listed, "the public cost"),
        start=moment(row.get(c.START), "the start"),
        end=moment(row.get(c.END), "the end"),
        account=None if not account else str(account) if identities else _label(str(account)),
    )
