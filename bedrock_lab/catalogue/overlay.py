"""Negotiated prices: a user's own dated rows laid over the list, which itself is never edited."""

import dataclasses
import tomllib
from collections.abc import Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from bedrock_lab.errors import InputError

MATCHES = ("model", "provider", "region", "scope", "tier", "bucket", "above_tokens", "usage_type")
"""What a row may name; `above_tokens` is a long-context threshold (0: below all), `usage_type` a line of a bill, which
prices by the token do not have."""

BASE = "0"
"""Threshold of prices that hold for prompts of any length up to the first."""

KEYS = (*MATCHES, "effective", "multiplier", "usd_per_mtok", "source")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OverlayRow:
    """One negotiated price: a multiplier on the list price, or a price [USD per 1M tokens].

    A match left empty matches everything; but a price (not a multiplier) that names no threshold is the one below all.
    """

    effective: date
    source: str
    multiplier: Decimal | None = None
    usd_per_mtok: Decimal | None = None
    match: tuple[tuple[str, str], ...] = ()

    def matches(self, facts: dict[str, str]) -> bool:
        """Whether the row speaks of a price with these properties."""
        if self.usd_per_mtok is not None and facts.get("above_tokens", BASE) != self.named.get("above_tokens", BASE):
            return False
        return all(facts.get(name) == value for name, value in self.match)

    @property
    def named(self) -> dict[str, str]:
        """What the row names."""
        return dict(self.match)

    def apply(self, list_price: Decimal) -> Decimal:
        """Net price for a list price."""
        return self.usd_per_mtok if self.multiplier is None else list_price * self.multiplier  # type: ignore[return-value]


def _number(text: Any, where: str) -> Decimal:
    try:
        value = Decimal(str(text))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0:
        raise InputError(f"{where}: {text!r} is no price; allowed: a number of 0 or more")
    return value


def _row(entry: dict[str, Any], where: str) -> OverlayRow:
    unknown = sorted(set(entry) - set(KEYS))
    if unknown:
        raise InputError(f"{where}: unknown key {unknown[0]!r}; allowed: {', '.join(KEYS)}")
    if not isinstance(entry.get("effective"), date):
        raise InputError(f"{where}: effective is missing or no date; write effective = 2026-10-01")
    if not entry.get("source"):
        raise InputError(f"{where}: source is missing; say which agreement gave the price")
    given = [key for key in ("multiplier", "usd_per_mtok") if key in entry]
    if len(given) != 1:
        raise InputError(f"{where}: give exactly one of multiplier and usd_per_mtok")
    if given == ["usd_per_mtok"] and not {"model", "bucket"} <= set(entry):
        raise InputError(f"{where}: usd_per_mtok needs model and bucket, so that it names one price")
    above = entry.get("above_tokens", 0)
    if type(above) is not int or above < 0:
        raise InputError(
            f"{where}: above_tokens {above} is no threshold; write a whole number of 0 or more, without quotes"
        )
    value = _number(entry[given[0]], f"{where}: {given[0]}")
    return OverlayRow(
        effective=entry["effective"],
        source=str(entry["source"]),
        multiplier=value if given == ["multiplier"] else None,
        usd_per_mtok=value if given == ["usd_per_mtok"] else None,
        match=tuple((key, str(entry[key])) for key in MATCHES if key in entry),
    )


def read_overlay(path: str | Path) -> tuple[OverlayRow, ...]:
    """Read a TOML file of ``[[price]]`` tables.

    Raises
    ------
    InputError
        Naming the row and the key that is wrong.
    """
    file = Path(path)
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
    except FileNotFoundError:
        raise InputError(f"overlay {path}: no such file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"overlay {path}: not readable as TOML ({error})") from None
    entries = content.get("price")
    if not isinstance(entries, list) or set(content) != {"price"}:
        raise InputError(f"overlay {path}: holds no [[price]] tables, or something beside them")
    return tuple(_row(entry, f"overlay {path}, price {i}") for i, entry in enumerate(entries, 1))


def net_price(
    rows: Iterable[OverlayRow], facts: dict[str, str], list_price: Decimal, on: date
) -> tuple[Decimal, str | None]:
    """Net price on a day, with the source of the row that made it (None where the list price stands).

    The latest matching row counts; among rows of one day the one that names most.
    """
    fitting = [row for row in rows if row.effective <= on and row.matches(facts)]
    if not fitting:
        return list_price, None
    row = max(fitting, key=lambda r: (r.effective, len(r.match)))
    return row.apply(list_price), row.source
