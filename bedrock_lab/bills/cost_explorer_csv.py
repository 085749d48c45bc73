"""Cost Explorer's CSV download, grouped by usage type: a row a day or month, a column a usage type.

The first row sums the columns and is checked against them, never counted. Costs have ``($)`` in their heading, amounts
of usage their unit where the download has them.
"""

import csv
import dataclasses
import io
import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from bedrock_lab.bills import columns as c
from bedrock_lab.bills.charge import Charge
from bedrock_lab.bills.rows import charge_of, decimal
from bedrock_lab.errors import InputError
from bedrock_lab.traffic.readers.files import FileError
from bedrock_lab.traffic.trace import Skipped

HEADING = re.compile(r"(?P<name>.*?)\s*\((?P<unit>[^()]*)\)\s*$")
GROUPED = "usage type"
TOTAL = re.compile(r"total\s+(costs?|usage)", re.IGNORECASE)


def is_download(names: list[str]) -> bool:
    """Whether a header is that of a download.

    >>> is_download(["Usage type", "USE1-NovaPro-input-tokens($)", "Total costs($)"])
    True
    """
    return bool(names) and any("($)" in name for name in names[1:])


def read(file: str, text: str, skipped: list[Skipped]) -> Iterator[Charge]:
    """Yield a charge for every usage type and day with a cost; cells that are no number go to `skipped`.

    Raises
    ------
    FileError
        The download is grouped by something else.
    """
    rows = csv.reader(io.StringIO(text, newline=""))
    names = next(rows)
    if names[0].strip().lower() != GROUPED:
        raise FileError(file, f"grouped by {names[0].strip()!r}; group Cost Explorer by usage type and download again")
    costs, amounts = _columns(names)
    dated: list[tuple[int, str, list[str]]] = []
    try:
        dated.extend(
            (rows.line_num, cells[0].strip(), cells)
            for cells in rows
            if cells and not cells[0].strip().lower().endswith("total")
        )
    except csv.Error as error:
        skipped.append(Skipped(file=file, line=rows.line_num, reason=f"no row of CSV ({error})"))
    days = [day for _, day, _ in dated]
    for line, day, cells in dated:
        try:
            start, end = _span(day, monthly=_monthly(days))
            found = [_charge(name, cells, i, amounts.get(name), start, end) for name, i in costs.items()]
        except (InputError, IndexError) as error:
            reason = "fewer cells than the header names" if isinstance(error, IndexError) else str(error)
            skipped.append(Skipped(file=file, line=line, reason=reason))
            continue
        yield from (charge for charge in found if charge is not None)


def _columns(names: list[str]) -> tuple[dict[str, int], dict[str, tuple[int, str]]]:
    """Where each usage type's cost and amount stand."""
    costs: dict[str, int] = {}
    amounts: dict[str, tuple[int, str]] = {}
    for i, heading in enumerate(names[1:], 1):
        found = HEADING.fullmatch(heading)
        if found is None or TOTAL.match(found["name"]):
            continue
        if found["unit"] == "$":
            costs[found["name"]] = i
        else:
            amounts[found["name"]] = (i, found["unit"])
    return costs, amounts


def _charge(
    name: str, cells: list[str], place: int, amount: tuple[int, str] | None, start: str, end: str
) -> Charge | None:
    usd = decimal(cells[place].strip(), "the cost", Decimal(0))
    used = decimal(cells[amount[0]].strip(), "the usage", Decimal(0)) if amount else None
    if not usd and not used:
        return None
    row = {c.TYPE: name, c.USD: usd, c.AMOUNT: used or Decimal(0), c.START: start, c.END: end}
    kind = {"tax": "Tax", "credit": "Credit", "refund": "Refund"}.get(name.strip().lower(), "Usage")
    charge = charge_of(row | {c.KIND: kind, c.UNIT: amount[1] if amount else ""})
    if amount is None:
        charge = dataclasses.replace(charge, tokens=None)  # the download says no amounts: unknown, not none
    return charge


def _monthly(days: list[str]) -> bool:
    """Whether every row begins a month, and there is no second day of any."""
    return bool(days) and all(day.endswith("-01") for day in days)


def _span(day: str, *, monthly: bool) -> tuple[str, str]:
    try:
        first = date.fromisoformat(day)
    except ValueError:
        raise InputError(f"{day[:40]!r} is no day; a download has YYYY-MM-DD") from None
    last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) if monthly else first + timedelta(days=1)
    return f"{first}T00:00:00Z", f"{last}T00:00:00Z"
