"""Price rows: dated facts as the package's files and a user's own hold them."""

import csv
import functools
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from bedrock_lab.catalogue import places
from bedrock_lab.catalogue.model import models
from bedrock_lab.catalogue.tables import Row, price_files, table_by
from bedrock_lab.errors import InputError

TIERS = ("default", "priority", "flex", "batch", "latency-optimized")
ALL_BUCKETS = ("input", "cache_read", "cache_write_5m", "cache_write_30m", "cache_write_1h", "output")


class PriceRow(NamedTuple):
    """A dated price fact.

    Attributes
    ----------
    usd_per_mtok
        List price [USD per 1M tokens].
    above_tokens
        The row prices all tokens of a request whose prompt is longer than this [tokens].
    effective
        Day the price came into force, where a source says so.
    known_from
        Earliest day a source showed this value.
    also
        Further sources that show the same value.
    """

    model: str
    region: str
    scope: str
    tier: str
    above_tokens: int
    bucket: str
    usd_per_mtok: Decimal
    effective: date | None
    known_from: date
    checked: date
    kind: str
    source: str
    also: tuple[str, ...]
    used: bool
    note: str

    @property
    def since(self) -> date:
        """Day from which the row counts."""
        return self.effective or self.known_from


_day = functools.cache(date.fromisoformat)


def price_row(row: Row) -> PriceRow:
    """Read one row of a price file."""
    return PriceRow(
        model=row["model"],
        region=row["region"],
        scope=row["scope"],
        tier=row["tier"],
        above_tokens=int(row["above_tokens"]),
        bucket=row["bucket"],
        usd_per_mtok=Decimal(row["usd_per_mtok"]),
        effective=_day(row["effective"]) if row["effective"] else None,
        known_from=_day(row["known_from"]),
        checked=_day(row["checked"]),
        kind=row["kind"],
        source=row["source"],
        also=tuple(row["also"].split()),
        used=row["used"] == "yes",
        note=row["note"],
    )


@functools.cache
def price_rows(model: str) -> tuple[PriceRow, ...]:
    """All price rows of a model, those set aside included; only its provider's file is read."""
    file = f"prices/{models()[model].id.partition('.')[0]}"
    if file not in price_files():
        return ()
    return tuple(price_row(row) for row in table_by(file, "model").get(model, ()))


Key = tuple[str, str, str, int, str]
"""Scope group, Region, tier, threshold, bucket."""


def indexed(rows: Iterable[PriceRow]) -> dict[Key, tuple[PriceRow, ...]]:
    """Group the rows that count by their key, oldest first."""
    index: dict[Key, list[PriceRow]] = {}
    for row in rows:
        if row.used:
            index.setdefault((row.scope, row.region, row.tier, row.above_tokens, row.bucket), []).append(row)
    return {key: tuple(sorted(held, key=lambda r: r.since)) for key, held in index.items()}


@functools.cache
def index_of(model: str) -> dict[Key, tuple[PriceRow, ...]]:
    """Rows of the package's files by key, oldest first."""
    return indexed(price_rows(model))


class Added:
    """Rows a user keeps beside the package's, by model: each counts from its day, as any other."""

    def __init__(self, rows: Iterable[PriceRow] = ()) -> None:
        self.rows = tuple(rows)
        self._indices: dict[str, dict[Key, tuple[PriceRow, ...]]] = {}

    def index(self, model: str) -> dict[Key, tuple[PriceRow, ...]]:
        """Return the package's rows and these by key, oldest first."""
        if not self.rows:
            return index_of(model)
        if model not in self._indices:
            own = [row for row in self.rows if row.model == model]
            self._indices[model] = indexed([*price_rows(model), *own]) if own else index_of(model)
        return self._indices[model]


NONE_ADDED = Added()


def read_rows(path: str | Path) -> tuple[PriceRow, ...]:
    """Read a user's price rows: the package's columns.

    Raises
    ------
    InputError
        Naming the line and what is wrong with it.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != PriceRow._fields:
                raise InputError(f"prices {path}: the columns are not {','.join(PriceRow._fields)}")
            return tuple(_checked_row(row, f"prices {path}:{reader.line_num}") for row in reader)
    except FileNotFoundError:
        raise InputError(f"prices {path}: no such file; bedrock-lab prices refresh writes one") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"prices {path}: cannot be read ({type(error).__name__})") from None


def _checked_row(row: Row, where: str) -> PriceRow:
    try:
        found = price_row(row)
    except (TypeError, ValueError, ArithmeticError, AttributeError):
        raise InputError(f"{where}: no price row; a date, a number or a cell is missing") from None
    wrong = [
        name
        for name, value, allowed in (
            ("model", found.model, models()),
            ("scope", found.scope, ("regional", places.GLOBAL)),
            ("tier", found.tier, TIERS),
            ("bucket", found.bucket, ALL_BUCKETS),
        )
        if value not in allowed
    ]
    if wrong or not found.usd_per_mtok.is_finite() or found.usd_per_mtok < 0:
        name = wrong[0] if wrong else "usd_per_mtok"
        raise InputError(f"{where}: {name} {getattr(found, name)!s:.40} is not known")
    return found
