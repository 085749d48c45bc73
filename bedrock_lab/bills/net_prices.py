"""Net unit prices out of a bill: what was charged by usage type and 1M tokens, as rows of an overlay."""

import dataclasses
import json
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from bedrock_lab.bills.cells import Cell, Rates, cell_of
from bedrock_lab.bills.charge import Charge, Charges
from bedrock_lab.bills.rates import PER_ROW, RELATIVE
from bedrock_lab.catalogue import places
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.errors import InputError
from bedrock_lab.quote import EXACT, add, plain

MTOK = Decimal(1_000_000)
LEAST_TOKENS = 1_000
"""Below so many tokens a rate drowns in the decimals a bill is written with."""

STEPS = tuple(Decimal(1).scaleb(-n) for n in (3, 4, 5, 6, 8, 10, 12))
"""A rate is written with as few decimals as meet the charge."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NetPrice:
    """What a cell was charged at from a day on [USD per 1M tokens], with the rows that say so.

    Attributes
    ----------
    above_tokens
        The long-context threshold it stands above; 0 where it is none's, None where none is known.
    list_usd_per_mtok
        The list price as known here; None where there is none.
    """

    cell: Cell
    above_tokens: int | None
    usage_types: tuple[str, ...]
    effective: str
    last: str
    rows: int
    tokens: Decimal
    net_usd: Decimal
    net_usd_per_mtok: Decimal
    list_usd_per_mtok: Decimal | None

    @property
    def multiplier(self) -> Decimal | None:
        """Net over list, to a millionth."""
        if not self.list_usd_per_mtok:
            return None
        return (self.net_usd_per_mtok / self.list_usd_per_mtok).quantize(Decimal("0.000001")).normalize() + 0

    @property
    def agreed(self) -> bool:
        """Whether the net price is not the list price."""
        return self.net_usd_per_mtok != self.list_usd_per_mtok

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; money as exact decimal strings."""
        listed, multiplier = self.list_usd_per_mtok, self.multiplier
        return {
            "model": self.cell.model,
            "region": self.cell.region,
            "scope": self.cell.scope,
            "tier": self.cell.tier,
            "bucket": self.cell.bucket,
            "long_context": self.cell.long,
            "above_tokens": self.above_tokens,
            "usage_types": list(self.usage_types),
            "effective": self.effective,
            "last": self.last,
            "rows": self.rows,
            "tokens": plain(self.tokens),
            "net_usd": plain(self.net_usd),
            "net_usd_per_mtok": plain(self.net_usd_per_mtok),
            "list_usd_per_mtok": None if listed is None else plain(listed),
            "multiplier": None if multiplier is None else plain(multiplier),
            "agreed": self.agreed,
        }


def net_prices(bill: Charges, prices: Prices) -> tuple[NetPrice, ...]:
    """Derive what each cell was charged at, a new row wherever the rate changed from one day to the next.

    Raises
    ------
    InputError
        The bill charges no tokens with amount and time.
    """
    days: dict[Cell, dict[str, list[Charge]]] = {}
    for charge in bill.charges:
        if charge.is_tokens and charge.start and charge.tokens:
            days.setdefault(cell_of(charge), {}).setdefault(charge.start[:10], []).append(charge)
    if not days:
        raise InputError(f"{bill.source}: no row charges tokens with amount, model and time; no price can be derived")
    rates = Rates(prices)
    return tuple(row for cell in sorted(days) for row in _rows(cell, days[cell], rates))


def _rows(cell: Cell, days: dict[str, list[Charge]], rates: Rates) -> Iterable[NetPrice]:
    known = rates.of(cell)
    listed = None if known is None else known[0] * MTOK
    spans: list[tuple[str, str, list[Charge]]] = []
    for day in sorted(days):
        last = spans[-1] if spans else None
        if last is not None and (_fits(days[day], _rate(last[2], listed)) or _small(days[day])):
            spans[-1] = (last[0], day, [*last[2], *days[day]])
        else:
            spans.append((day, day, days[day]))
    for first, last_day, held in spans:
        yield NetPrice(
            cell=cell,
            above_tokens=_threshold(cell, rates.prices),
            usage_types=tuple(sorted({c.usage_type for c in held})),
            effective=first,
            last=last_day,
            rows=sum(c.rows for c in held),
            tokens=_tokens(held),
            net_usd=add(c.net_usd for c in held),
            net_usd_per_mtok=_rate(held, listed),
            list_usd_per_mtok=None if listed is None else listed.normalize() + 0,
        )


def _threshold(cell: Cell, prices: Prices) -> int | None:
    known = prices.thresholds(cell.model, cell.scope, cell.tier) if cell.long else (0,)
    return known[0] if known else None


def _tokens(held: Iterable[Charge]) -> Decimal:
    return add(c.tokens for c in held if c.tokens is not None)


def _small(held: list[Charge]) -> bool:
    return _tokens(held) < LEAST_TOKENS


def _fits(held: list[Charge], rate: Decimal) -> bool:
    """Whether a rate meets what was charged, up to what a report writes."""
    charged = add(c.net_usd for c in held)
    tolerance = sum(c.rows for c in held) * PER_ROW + abs(charged) * RELATIVE
    return abs(add((charged, -EXACT.divide(EXACT.multiply(_tokens(held), rate), MTOK)))) <= tolerance


def _rate(held: list[Charge], listed: Decimal | None) -> Decimal:
    """Return the list price where it meets the charge, else the shortest rate that does."""
    if listed is not None and _fits(held, listed):
        return listed.normalize() + 0
    exact = EXACT.divide(EXACT.multiply(add(c.net_usd for c in held), MTOK), _tokens(held))
    found = (exact.quantize(step) for step in STEPS)
    return next((r for r in found if _fits(held, r)), exact.quantize(STEPS[-1])).normalize() + 0


def overlay_text(rows: Iterable[NetPrice], source: str) -> str:
    """Write the prices that are not the list's as an overlay; a long-context price needs a threshold that is known."""
    parts = [f"# net prices by {source}; rows whose price is the list's are left out"]
    for row in rows:
        if not row.agreed or row.above_tokens is None:
            continue
        scopes = (places.GLOBAL,) if row.cell.scope == places.GLOBAL else (places.IN_REGION, places.GEO)
        said = f"{row.rows} rows of {', '.join(row.usage_types)}, {row.effective} to {row.last}, of {source}"
        parts += [
            "\n".join(
                (
                    "[[price]]",
                    f'model = "{row.cell.model}"',
                    f'region = "{row.cell.region}"',
                    f'scope = "{scope}"',
                    f'tier = "{row.cell.tier}"',
                    f'bucket = "{row.cell.bucket}"',
                    *([f"above_tokens = {row.above_tokens}"] if row.above_tokens else []),
                    f"effective = {row.effective}",
                    f'usd_per_mtok = "{plain(row.net_usd_per_mtok)}"',
                    f"source = {_quoted(said)}",
                )
            )
            for scope in scopes
        ]
    return "\n\n".join(parts) + "\n"


def _quoted(text: str) -> str:
    """Write a TOML string; JSON's escapes are TOML's."""
    return json.dumps(text, ensure_ascii=False)


def write_overlay(path: str | Path, text: str) -> Path:
    """Write an overlay, whole or not at all; a file that stands there is not touched."""
    out = Path(path)
    if out.suffix != ".toml":
        raise InputError(f"{path}: an overlay is TOML; give a name that ends in .toml")
    if out.exists():
        raise InputError(f"{path}: is there already; give another name, or move it away")
    aside = out.with_name(f".{out.name}.part")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.replace(out)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
    finally:
        aside.unlink(missing_ok=True)
    return out
