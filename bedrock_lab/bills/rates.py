"""The rate tokens were charged at, against the price list: agreements, prices that changed, rounding."""

from decimal import Decimal

from bedrock_lab.bills import causes as why
from bedrock_lab.bills.cells import Cell, Charged, Rates
from bedrock_lab.quote import EXACT, add, plain

PER_ROW = Decimal("1e-10")
"""A report writes costs with ten decimals: a row may be off by that much [USD]."""

RELATIVE = Decimal("1e-14")
"""A report's doubles hold fifteen digits."""


def rate_causes(cell: Cell, charged: Charged, rates: Rates, found: why.Causes) -> None:
    """Say why the tokens of a cell were not charged at the price they have here.

    The charge less AWS's own public cost is an agreement (private rates); that less our list price is the price list.
    A report that says no public cost leaves the two together under the price list.
    """
    rate = rates.of(cell)
    if rate is None or not charged.tokens:
        return
    listed, net = (EXACT.multiply(charged.tokens, r) for r in rate)
    off = add((charged.usd, -net))
    tolerance = charged.rows * PER_ROW + abs(charged.usd) * RELATIVE
    if abs(off) <= tolerance:
        if off:
            found.add(why.ROUNDING, off, "costs are written with ten decimals")
        return
    where = f"{cell.model} {cell.region} {cell.bucket}"
    said = f"{where}: {per_mtok(charged.usd, charged.tokens)} USD per 1M charged, {plain(rate[1] * 1_000_000)} here"
    if charged.list_usd is None:
        found.add(why.LISTED, off, said)
        return
    list_off = add((charged.list_usd, -listed))
    if abs(list_off) <= tolerance:
        found.add(why.PRIVATE, off, said)
        return
    found.add(why.LISTED, list_off, f"{where}: {per_mtok(charged.list_usd, charged.tokens)} USD per 1M is AWS's list")
    agreed = add((off, -list_off))
    if agreed:
        found.add(why.PRIVATE if abs(agreed) > tolerance else why.ROUNDING, agreed, said)


def per_mtok(usd: Decimal, tokens: Decimal) -> str:
    """Write a rate [USD per 1M tokens], to a millionth."""
    return plain((usd * 1_000_000 / tokens).quantize(Decimal("0.000001")))
