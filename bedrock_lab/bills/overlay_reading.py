"""What an overlay does, row by row: which list prices it changes, from when, and which rows never apply."""

import dataclasses
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from bedrock_lab.catalogue import places
from bedrock_lab.catalogue.model import models
from bedrock_lab.catalogue.overlay import OverlayRow
from bedrock_lab.catalogue.pricelist import ALL_BUCKETS, TIERS, Prices, Spot, overlay_facts
from bedrock_lab.catalogue.target import DEFAULT_REGION
from bedrock_lab.quote import plain


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RowEffect:
    """What one row of an overlay does.

    Attributes
    ----------
    matches, applies
        List prices it speaks of in its Region (us-east-1 where it names none), and those it decides on the day.
    example
        The first price it decides: where, list and net [USD per 1M tokens].
    says
        The row in words.
    """

    number: int
    row: OverlayRow
    matches: int
    applies: int
    example: dict[str, str] | None
    says: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        row = self.row
        return {
            "number": self.number,
            "match": dict(row.match),
            "effective": row.effective.isoformat(),
            "multiplier": None if row.multiplier is None else plain(row.multiplier),
            "usd_per_mtok": None if row.usd_per_mtok is None else plain(row.usd_per_mtok),
            "source": row.source,
            "matches": self.matches,
            "applies": self.applies,
            "example": self.example,
            "says": self.says,
        }


def explain(prices: Prices) -> tuple[RowEffect, ...]:
    """Say what every row of the overlay does on the day of the prices."""
    return tuple(_effect(number, row, prices) for number, row in enumerate(prices.overlay, 1))


def _effect(number: int, row: OverlayRow, prices: Prices) -> RowEffect:
    matched, decided, example = 0, 0, None
    if not any(name == "usage_type" for name, _ in row.match):
        for spot, bucket, above, listed in _prices(row, prices):
            facts = overlay_facts(spot, bucket, above)
            if not row.matches(facts):
                continue
            matched += 1
            if _decides(row, facts, prices):
                decided += 1
                net = row.apply(listed)
                where = {**spot._asdict(), "bucket": bucket, **({"above_tokens": str(above)} if above else {})}
                example = example or {**where, "list": plain(listed), "net": plain(net)}
    return RowEffect(
        number=number,
        row=row,
        matches=matched,
        applies=decided,
        example=example,
        says=_says(row, matched, decided, prices),
    )


def _decides(row: OverlayRow, facts: dict[str, str], prices: Prices) -> bool:
    """Whether of all rows that fit this one counts."""
    fitting = [r for r in prices.overlay if r.effective <= prices.as_of and r.matches(facts)]
    return bool(fitting) and max(fitting, key=lambda r: (r.effective, len(r.match))) is row


def _prices(row: OverlayRow, prices: Prices) -> Iterator[tuple[Spot, str, int, Decimal]]:
    """Every list price in the row's Region, with the threshold it stands above."""
    wanted = dict(row.match)
    region = wanted.get("region", DEFAULT_REGION)
    for model in models().values():
        if wanted.get("model", model.id) != model.id or wanted.get("provider", model.provider) != model.provider:
            continue
        for scope in places.SCOPES:
            for tier in TIERS:
                spot = Spot(model.id, region, scope, tier)
                for above in (0, *prices.thresholds(model.id, scope, tier)):
                    for bucket in ALL_BUCKETS:
                        found = prices.rows_on(spot, bucket, above)
                        if found:
                            yield spot, bucket, above, found[-1].usd_per_mtok


def _says(row: OverlayRow, matched: int, decided: int, prices: Prices) -> str:
    what = " ".join(f"{name} {value}" for name, value in row.match) or "every price"
    how = (
        f"x {plain(row.multiplier)}"
        if row.multiplier is not None
        else f"= {plain(row.usd_per_mtok or Decimal(0))} USD per 1M"
    )
    head = f"{what} {how} from {row.effective}"
    if any(name == "usage_type" for name, _ in row.match):
        return f"{head}: names a usage type, which prices by the token do not have; it changes none"
    if any(name == "tier" and value in {"provisioned", "reserved"} for name, value in row.match):
        return f"{head}: a price of capacity, applied where capacity is priced"
    if not matched:
        return f"{head}: no list price fits; it changes nothing"
    if row.effective > prices.as_of:
        return f"{head}: {matched} prices, not in force before {row.effective}"
    if not decided:
        return f"{head}: {matched} prices, all decided by other rows; it changes nothing"
    return f"{head}: {decided} prices" + (
        f", {matched - decided} more are decided by other rows" if matched > decided else ""
    )
