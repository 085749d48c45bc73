"""Token prices: dated rows by model, Region, scope, tier and bucket, and the one that holds on a day."""

import dataclasses
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from bedrock_lab.catalogue import overlay as overlays
from bedrock_lab.catalogue import places
from bedrock_lab.catalogue.model import find, models
from bedrock_lab.catalogue.price_table import (
    ALL_BUCKETS,
    NONE_ADDED,
    TIERS,
    Added,
    Key,
    PriceRow,
    price_rows,
    read_rows,
)
from bedrock_lab.catalogue.tables import as_date
from bedrock_lab.errors import InputError, UnknownPriceError, listing

__all__ = ["ALL_BUCKETS", "TIERS", "PriceRow", "Prices", "Spot", "price_rows", "prices"]

ANYWHERE = "*"
"""Region of a row that holds in every commercial Region."""


class Spot(NamedTuple):
    """Where a price is asked for."""

    model: str
    region: str
    scope: str
    tier: str


def _group(scope: str) -> str:
    """In-region and geo calls are priced alike, at the source Region."""
    return "global" if scope == places.GLOBAL else "regional"


def _labels(region: str) -> tuple[str, ...]:
    """Region labels whose rows hold in a Region, the most specific first."""
    place = places.region(region)
    anywhere = () if "us-gov" in place.geographies else (ANYWHERE,)
    return (region, *place.geographies, *anywhere)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """The price list as it stood on a day, with negotiated prices laid over it."""

    as_of: date
    overlay: tuple[overlays.OverlayRow, ...] = ()
    added: Added = NONE_ADDED

    def rows_on(self, spot: Spot, bucket: str, above: int = 0, *, any_day: bool = False) -> tuple[PriceRow, ...]:
        """Rows that hold at a spot, oldest first; empty where there are none."""
        index = self.added.index(spot.model)
        for label in _labels(spot.region):
            rows = index.get((_group(spot.scope), label, spot.tier, above, bucket), ())
            rows = rows if any_day else tuple(row for row in rows if row.since <= self.as_of)
            if rows:
                return rows
        return ()

    def has(self, spot: Spot, bucket: str, above: int = 0) -> bool:
        """Whether a price is known."""
        return bool(self.rows_on(spot, bucket, above))

    @property
    def notes(self) -> tuple[str, ...]:
        """What of the overlay cannot apply to prices by the token."""
        bills = sum(any(name == "usage_type" for name, _ in row.match) for row in self.overlay)
        return (f"{bills} rows of the overlay name a usage type: they apply to lines of a bill alone",) if bills else ()

    def row(self, spot: Spot, bucket: str, above: int = 0) -> PriceRow:
        """Find the price in force, or raise naming what exists.

        Raises
        ------
        UnknownPriceError
            No such price; the message names the tiers, Regions, scopes, buckets or the first date that exist.
        """
        rows = self.rows_on(spot, bucket, above)
        if rows:
            return rows[-1]
        raise UnknownPriceError(self._missing(spot, bucket, above))

    def thresholds(self, model: str, scope: str, tier: str) -> tuple[int, ...]:
        """Prompt lengths above which all tokens of a request are repriced, ascending [tokens]."""
        group = _group(scope)
        return tuple(sorted({k[3] for k in self.added.index(model) if k[0] == group and k[2] == tier and k[3] > 0}))

    def net(self, spot: Spot, bucket: str, list_price: Decimal, above: int = 0) -> tuple[Decimal, str | None]:
        """Net price above a long-context threshold (0: below all) and the source of the agreement, if one applies."""
        if not self.overlay:
            return list_price, None
        facts = overlay_facts(spot, bucket, above)
        return overlays.net_price(self.overlay, facts, list_price, self.as_of)

    def _missing(self, spot: Spot, bucket: str, above: int) -> str:
        group, labels = _group(spot.scope), _labels(spot.region)
        keys = self.added.index(spot.model).keys()
        scoped = [k for k in keys if k[0] == group]
        if not scoped:
            held = sorted({"in-region and geo" if k[0] == "regional" else "global" for k in keys})
            return f"no {spot.scope} price for {spot.model}; priced: {listing(held) or 'nothing'}"
        tiered = [k for k in scoped if k[2] == spot.tier]
        if not tiered:
            held = [t for t in TIERS if any(k[2] == t for k in scoped)]
            return f"no price for tier {spot.tier} of {spot.model} ({spot.scope}); priced: {listing(held)}"
        here = [k for k in tiered if k[1] in labels]
        if not here:
            where = listing(_places(tiered), limit=40)
            return f"no {spot.tier} price for {spot.model} ({spot.scope}) in {spot.region}; priced in: {where}"
        dated = self.rows_on(spot, bucket, above, any_day=True)
        if dated:
            return (
                f"no {bucket} price for {spot.model} ({spot.scope}, {spot.tier}, {spot.region}) on {self.as_of}; "
                f"the first row is of {dated[0].since}"
            )
        held = [b for b in ALL_BUCKETS if any(k[4] == b and k[3] == above for k in here)]
        beyond = f" above {above:,} prompt tokens" if above else ""
        return (
            f"no {bucket} price for {spot.model} ({spot.scope}, {spot.tier}, {spot.region}){beyond}; "
            f"priced there: {listing(held) or 'nothing'}"
        )

    def regions_of(self, model: str, scope: str, tier: str) -> list[str]:
        """Say where a tier of a model is priced: Regions, or every Region of a geography."""
        return _places([k for k in self.added.index(model) if k[0] == _group(scope) and k[2] == tier])

    def to_frame(self, model: str | None = None) -> Any:
        """All rows, those set aside included, as a pandas DataFrame."""
        import pandas as pd

        chosen = [find(model).id] if model else list(models())
        held = [*(row for name in chosen for row in price_rows(name)), *self.added.rows]
        return pd.DataFrame([row._asdict() for row in held if row.model in chosen])

    def _repr_html_(self) -> str:
        return f"<p>Prices of {len(models())} models as of {self.as_of}, {len(self.overlay)} negotiated rows</p>"


def overlay_facts(spot: Spot, bucket: str, above: int) -> dict[str, str]:
    """Return what a row of an overlay may name of a price."""
    return {
        **spot._asdict(),
        "provider": models()[spot.model].provider,
        "bucket": bucket,
        "above_tokens": str(above),
    }


def _places(keys: list[Key]) -> list[str]:
    labels = sorted({key[1] for key in keys})
    return [f"the {label} geography" if label in places.prefixes() else label for label in labels]


def prices(as_of: date | str | None = None, overlay: str | None = None, refreshed: str | None = None) -> Prices:
    """Load the price list as of a day.

    Parameters
    ----------
    as_of
        Day, default today.
    overlay
        TOML file of negotiated prices.
    refreshed
        CSV file of rows newer than the package's, as ``bedrock-lab prices refresh`` writes it.

    >>> prices("2026-11-22").row(Spot("amazon.nova-pro", "us-east-1", "in-region", "default"), "input").usd_per_mtok
    Decimal('0.8')
    """
    rows = overlays.read_overlay(overlay) if overlay is not None else ()
    known = {
        "model": set(models()),
        "provider": {m.provider for m in models().values()},
        "region": set(places.regions()),
        "scope": set(places.SCOPES),
        "tier": {*TIERS, "provisioned", "reserved"},
        "bucket": set(ALL_BUCKETS),
    }
    for number, row in enumerate(rows, 1):
        for name, value in row.match:
            if name in known and value not in known[name]:
                allowed = listing(sorted(known[name]), limit=20)
                raise InputError(f"overlay {overlay}, price {number}: unknown {name} {value!r}; known: {allowed}")
    added = NONE_ADDED if refreshed is None else Added(read_rows(refreshed))
    for number, row in enumerate(rows, 1):
        _check_threshold(row, added, f"overlay {overlay}, price {number}")
    return Prices(as_of=as_date(as_of), overlay=rows, added=added)


def _check_threshold(row: overlays.OverlayRow, added: Added, where: str) -> None:
    """Refuse a long-context threshold that none of the row's models has."""
    wanted = row.named
    if wanted.get("above_tokens", overlays.BASE) == overlays.BASE:
        return
    fitting = [
        m.id
        for m in models().values()
        if wanted.get("model", m.id) == m.id and wanted.get("provider", m.provider) == m.provider
    ]
    known = sorted({key[3] for model in fitting for key in added.index(model)} - {0})
    if int(wanted["above_tokens"]) not in known:
        raise InputError(
            f"{where}: unknown above_tokens {wanted['above_tokens']}; known: {listing(known) or 'no threshold there'}"
        )
