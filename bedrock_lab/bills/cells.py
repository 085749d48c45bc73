"""Tokens of a trace and of a bill in the same cells: model x Region x scope x tier x bucket, by hour and account."""

import dataclasses
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

from bedrock_lab.bills.charge import Charge
from bedrock_lab.catalogue import places
from bedrock_lab.catalogue.pricelist import Prices, Spot
from bedrock_lab.errors import InputError
from bedrock_lab.pricing import MTOK, unit_price
from bedrock_lab.quote import EXACT
from bedrock_lab.rows import Rows, thresholds_passed
from bedrock_lab.traffic.clock import utc_ns
from bedrock_lab.traffic.identities import hashed
from bedrock_lab.traffic.trace import Trace
from bedrock_lab.traffic.usage import BUCKETS

HOUR_NS, DAY_NS = 3_600 * 10**9, 86_400 * 10**9
NOUGHT = Decimal(0)


class Cell(NamedTuple):
    """Where tokens are charged; in-region stands for calls through a geographic profile too, which share its price."""

    model: str
    region: str
    scope: str
    tier: str
    bucket: str
    long: bool

    @property
    def spot(self) -> Spot:
        """Key of its price."""
        return Spot(self.model, self.region, self.scope, self.tier)


class Place(NamedTuple):
    """Where a log is delivered: an account's Region; the account is None where the two sides name none in common."""

    account: str | None
    region: str


class At(NamedTuple):
    """A span of time (its number since 1970; None where a side has no clock) and a place."""

    period: int | None
    place: Place


@dataclasses.dataclass(slots=True)
class Charged:
    """What a bill charges in a cell."""

    tokens: Decimal = NOUGHT
    usd: Decimal = NOUGHT
    list_usd: Decimal | None = NOUGHT
    rows: int = 0

    def add(self, charge: Charge) -> None:
        """Add a line."""
        self.tokens = EXACT.add(self.tokens, charge.tokens or NOUGHT)
        self.usd = EXACT.add(self.usd, charge.usd)
        known = self.list_usd is not None and charge.list_usd is not None
        self.list_usd = EXACT.add(self.list_usd or NOUGHT, charge.list_usd or NOUGHT) if known else None
        self.rows += charge.rows


Sums = dict[At, dict[Cell, Decimal]]
Bill = dict[At, dict[Cell, Charged]]


class Grain(NamedTuple):
    """How finely both sides can be laid over each other [ns]; None: not at all."""

    ns: int | None

    @property
    def word(self) -> str:
        """Name of a span."""
        return {HOUR_NS: "hour", DAY_NS: "day"}.get(self.ns or 0, "month")

    def number(self, ns: int) -> int | None:
        """Count the spans up to a time."""
        return None if self.ns is None else ns // self.ns


def grain_of(trace: Trace, charges: Iterable[Charge]) -> Grain:
    """Find the finest span both sides know: hours, else days."""
    if trace.start_time is None:
        return Grain(None)
    longest = int((trace.window_s or 0.0) * 1e9)
    for charge in charges:
        if charge.start is None or charge.end is None:
            return Grain(None)
        longest = max(longest, utc_ns(charge.end) - utc_ns(charge.start))
    return Grain(HOUR_NS if longest <= HOUR_NS else DAY_NS if longest <= DAY_NS else None)


def cell_of(charge: Charge) -> Cell:
    """Find the cell of a line of tokens."""
    found = charge.meaning
    scope = places.GLOBAL if found.scope == places.GLOBAL else places.IN_REGION
    return Cell(str(found.model), str(found.region), scope, str(found.tier), str(found.bucket), found.long_context)


def billed(charges: Iterable[Charge], grain: Grain, accounts: frozenset[str]) -> Bill:
    """Sum a bill's lines of tokens by span, place and cell."""
    sums: Bill = {}
    for charge in charges:
        cell = cell_of(charge)
        account = charge.account if accounts else None
        at = At(grain.number(utc_ns(charge.start)) if charge.start else None, Place(account, cell.region))
        sums.setdefault(at, {}).setdefault(cell, Charged()).add(charge)
    return sums


def accounts_in_common(trace: Trace, charges: Iterable[Charge]) -> frozenset[str]:
    """Accounts that both sides name; labels of another process have another salt and fit none."""
    named = trace.text("account")
    if named is None:
        return frozenset()
    ours = {hashed(str(n)) for n in set(named) if n is not None}
    return frozenset(ours & {hashed(c.account) for c in charges if c.account})


def traced(trace: Trace, rows: Rows, prices: Prices, grain: Grain, accounts: frozenset[str]) -> Sums:
    """Sum a trace's priced tokens by span, place and cell."""
    import pandas as pd

    frame = pd.DataFrame({b: v.astype(np.int64) for b, v in rows.tokens.items()})
    frame["code"], frame["long"] = rows.codes, thresholds_passed(rows, prices) > 0
    frame["period"], frame["account"] = periods(trace, grain)[rows.kept], labels(trace, accounts)[rows.kept]
    sums: Sums = {}
    keys = ["period", "account", "code", "long"]
    for (period, account, code, long), row in _grouped(frame, keys):
        where = rows.targets[int(code)]
        at = At(None if grain.ns is None else int(period), Place(account or None, where.region))
        scope = places.GLOBAL if where.scope == places.GLOBAL else places.IN_REGION
        held = sums.setdefault(at, {})
        for bucket in BUCKETS:
            if row.get(bucket):
                cell = Cell(where.model.id, where.region, scope, where.tier, bucket, bool(long))
                held[cell] = held.get(cell, NOUGHT) + int(row[bucket])
    return sums


def _grouped(frame: Any, keys: list[str]) -> Iterator[tuple[Any, dict[Any, Any]]]:
    sums = frame.groupby(keys, sort=True).sum()
    return zip(sums.index, sums.to_dict("records"), strict=True)


def periods(trace: Trace, grain: Grain) -> Any:
    """Return the span each row lies in."""
    times = trace.column("time_s")
    if grain.ns is None or times is None or trace.start_time is None:
        return np.zeros(len(trace), dtype=np.int64)
    start = utc_ns(trace.start_time)
    return (start + np.round(times * 1e9).astype(np.int64)) // grain.ns


def labels(trace: Trace, accounts: frozenset[str]) -> Any:
    """Return each row's account by its hash, empty where accounts are not told apart."""
    named = trace.text("account")
    if not accounts or named is None:
        return np.full(len(trace), "", dtype=object)
    label = {n: "" if n is None else hashed(str(n)) for n in set(named)}
    return np.array([label[n] for n in named], dtype=object)


class Rates:
    """Prices of cells [USD per token], list and net, looked up once; None where the catalogue has none."""

    def __init__(self, prices: Prices) -> None:
        self.prices = prices
        self.known: dict[Cell, tuple[Decimal, Decimal] | None] = {}

    def of(self, cell: Cell) -> tuple[Decimal, Decimal] | None:
        """Return the list and the net price of a cell."""
        if cell not in self.known:
            self.known[cell] = self._find(cell)
        return self.known[cell]

    def priced(self, cell: Cell) -> tuple[Decimal, Decimal]:
        """Return the list and the net price of a cell, or raise naming what exists."""
        found = self.of(cell)
        if found is None:
            row = self.prices.row(cell.spot, cell.bucket)  # raises, but where the long-context price alone is missing
            raise InputError(f"{cell.model} {cell.bucket}: its price is known since {row.since}, above a threshold not")
        return found

    def _find(self, cell: Cell) -> tuple[Decimal, Decimal] | None:
        edges = self.prices.thresholds(cell.model, cell.scope, cell.tier)
        above = edges[0] if cell.long and edges else 0
        if cell.bucket == "cache_write_unknown":
            net = unit_price(self.prices, cell.spot, cell.bucket, above)
            return EXACT.divide(net, MTOK), EXACT.divide(net, MTOK)
        rows = self.prices.rows_on(cell.spot, cell.bucket, above)
        if not rows or (cell.long and not edges):
            return None
        listed = rows[-1].usd_per_mtok
        net, _ = self.prices.net(cell.spot, cell.bucket, listed, above)
        return EXACT.divide(listed, MTOK), EXACT.divide(net, MTOK)
