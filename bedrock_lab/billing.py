"""The bill of a Trace: each row at its own model, Region, scope and tier, grouped as asked."""

import dataclasses
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from bedrock_lab.assumptions import Assumption
from bedrock_lab.bills.charge import Charges
from bedrock_lab.bills.reconciliation import Reconciliation
from bedrock_lab.bills.reconciling import reconcile
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.catalogue.pricelist import prices as load_prices
from bedrock_lab.catalogue.target import Target, lifecycle_warning
from bedrock_lab.errors import InputError, listing
from bedrock_lab.pricing import (
    MTOK,
    WRITES,
    check_buckets,
    line,
    unit_price,
    unknown_ttl_assumption,
    unknown_ttl_prices,
)
from bedrock_lab.quote import EXACT, Line, add, plain
from bedrock_lab.rows import TOKEN_RATIO, priced_rows, thresholds_passed
from bedrock_lab.traffic.checked import checked
from bedrock_lab.traffic.clock import MONTH_S
from bedrock_lab.traffic.trace import Trace
from bedrock_lab.traffic.usage import BUCKETS

GROUPS = ("model", "scope", "region", "account", "app", "operation", "tier", "outcome")
"""Columns a bill can be grouped by."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a bill was made of, for what is asked of it later."""

    trace: Trace
    prices: Prices
    model: str | None
    as_model: str | None
    region: str | None
    scope: str | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What a Trace's own rows cost, list and net, with what had to be assumed."""

    source: str
    origin: str
    requests: int
    period_s: float
    date: str
    by: tuple[dict[str, Any], ...]
    lines: tuple[Line, ...]
    assumptions: tuple[Assumption, ...]
    warnings: tuple[str, ...]
    lo_hi: tuple[Decimal, Decimal]
    asked: Asked = dataclasses.field(repr=False)

    @property
    def cost_usd(self) -> Decimal:
        """Net cost [USD], exact."""
        return add(entry.cost_usd for entry in self.lines)

    @property
    def list_usd(self) -> Decimal:
        """List cost [USD], exact."""
        return add(entry.list_usd for entry in self.lines)

    @property
    def usd_per_month(self) -> Decimal:
        """Net cost of a month of such traffic [USD], to a millionth."""
        month = self.cost_usd * MONTH_S / Decimal(str(self.period_s))
        return month.quantize(Decimal("0.000001"))

    def reconcile(self, charged: Charges | str | Path) -> Reconciliation:
        """Say why AWS charged something else: `charged` is what `lab.read_bill` returns, or the path of a bill."""
        asked = self.asked
        if asked.as_model is not None:
            raise InputError(
                f"a bill as {asked.as_model} is no bill of what was called; reconcile one without as_model"
            )
        given: dict[str, Any] = {"model": asked.model, "region": asked.region, "scope": asked.scope}
        return reconcile(asked.trace, charged, asked.prices, **given)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of ``bedrock-lab trace cost``."""
        return {
            "source": self.source,
            "origin": self.origin,
            "requests": self.requests,
            "period_s": self.period_s,
            "date": self.date,
            "cost_usd": plain(self.cost_usd),
            "list_usd": plain(self.list_usd),
            "net_usd": plain(self.cost_usd),
            "range_usd": [plain(self.lo_hi[0]), plain(self.lo_hi[1])],
            "usd_per_month": plain(self.usd_per_month),
            "by": [dict(group) for group in self.by],
            "lines": [{**entry.spot._asdict(), **entry.to_dict()} for entry in self.lines],
            "assumptions": [a.to_dict() for a in self.assumptions],
            "warnings": list(self.warnings),
        }

    def to_frame(self) -> Any:
        """Return the groups (or, ungrouped, the lines) as a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame(list(self.by) or self.to_dict()["lines"])

    def _repr_html_(self) -> str:
        head = f"<p>{self.requests:,} requests ({self.origin}): {float(self.cost_usd):,.2f} USD</p>"
        return head + str(self.to_frame().to_html(index=False))


def _group_names(by: str | Sequence[str] | None) -> list[str]:
    names = [n for n in by.split(",") if n] if isinstance(by, str) else list(by or ())
    for name in names:
        if name not in GROUPS:
            raise InputError(f"cannot group by {name!r}; allowed: {listing(GROUPS)}")
    return names


def bill(
    trace: Trace,
    prices: Prices | None = None,
    by: str | Sequence[str] | None = None,
    *,
    model: str | None = None,
    as_model: str | None = None,
    region: str | None = None,
    scope: str | None = None,
    token_ratio: tuple[float, float] = TOKEN_RATIO,
) -> Bill:
    """Bill a Trace, exactly, grouped by columns; rows without a price are left out and counted in the warnings.

    Parameters
    ----------
    by
        Columns to group by, a list or ``"app,model"``.
    model
        Model of rows that name none.
    as_model
        Reprice all rows as this model, none left out; the result is then a range over `token_ratio`.

    Raises
    ------
    InputError
        No model, an unknown group, no row with a price, or with `as_model` a row without one.
    """
    import pandas as pd

    trace = checked(trace)
    prices = prices or load_prices()
    names = _group_names(by)
    given: dict[str, Any] = {"model": model, "as_model": as_model, "region": region, "scope": scope}
    rows = priced_rows(trace, **given, token_ratio=token_ratio, prices=None if as_model else prices)
    frame = pd.DataFrame({b: v.astype(np.int64) for b, v in rows.tokens.items()})
    frame["code"] = rows.codes
    frame["above"] = thresholds_passed(rows, prices)
    for name in names:
        values = trace.text(name) if name != "model" else None
        if name == "model":
            ids = np.array([t.model.id for t in rows.targets], dtype=object)
            frame[f"by_{name}"] = ids[rows.codes]
        else:
            frame[f"by_{name}"] = values[rows.kept] if values is not None else None
    counts = trace.column("requests") if trace.kind == "windows" else None
    frame["rows"] = 1 if counts is None else counts[rows.kept]
    keys = ["code", "above", *(f"by_{n}" for n in names)]
    sums = frame.groupby(keys, dropna=False, sort=True).sum()
    lines: dict[tuple[int, int, str], int] = {}
    groups: dict[tuple[Any, ...], dict[str, Any]] = {}
    ttl_lo, ttl_hi = Decimal(0), Decimal(0)
    for key, row in zip(sums.index, sums.to_dict("records"), strict=True):
        code, edge, *group = key if isinstance(key, tuple) else (key,)
        entries, lo, hi = _price_sums(prices, rows.targets[code], int(edge), row)
        ttl_lo, ttl_hi = ttl_lo + lo, ttl_hi + hi
        for entry in entries:
            at = (code, int(edge), entry.bucket)
            lines[at] = lines.get(at, 0) + entry.tokens
        label = tuple(None if pd.isna(g) else str(g) for g in group)
        held = groups.setdefault(label, {"requests": 0, "cost_usd": Decimal(0), "list_usd": Decimal(0)})
        held["requests"] += int(row["rows"])
        held["cost_usd"] = EXACT.add(held["cost_usd"], add(e.cost_usd for e in entries))
        held["list_usd"] = EXACT.add(held["list_usd"], add(e.list_usd for e in entries))
    made = tuple(
        _line(prices, rows.targets[code], bucket, tokens, edge) for (code, edge, bucket), tokens in lines.items()
    )
    assumptions = list(rows.assumptions)
    if ttl_hi > ttl_lo:
        assumptions.append(unknown_ttl_assumption(float(ttl_lo), float(ttl_hi)))
    total = add(entry.cost_usd for entry in made)
    low, high = total, total + ttl_hi - ttl_lo
    if any(a.name == "token_ratio" for a in rows.assumptions):
        low, high = low * Decimal(str(token_ratio[0])), high * Decimal(str(token_ratio[1]))
    ending = [lifecycle_warning(m, prices) for m in rows.models]
    return Bill(
        source=trace.source,
        origin=str(trace.origin),
        requests=int(frame["rows"].sum()),
        period_s=trace.period_s,
        date=prices.as_of.isoformat(),
        by=tuple(
            {
                **dict(zip(names, label, strict=True)),
                "requests": held["requests"],
                "cost_usd": plain(held["cost_usd"]),
                "list_usd": plain(held["list_usd"]),
                "net_usd": plain(held["cost_usd"]),
            }
            for label, held in groups.items()
        )
        if names
        else (),
        lines=made,
        assumptions=tuple(assumptions),
        warnings=(*rows.warnings, *prices.notes, *(w for w in ending if w)),
        lo_hi=(low, high),
        asked=Asked(trace=trace, prices=prices, **given),
    )


def _line(prices: Prices, where: Target, bucket: str, tokens: int, above: int) -> Line:
    """Price a bucket; cache writes of unknown TTL stand at the TTL with the lowest price."""
    if bucket != "cache_write_unknown":
        return line(prices, where.spot, bucket, tokens, above)
    sold = [b for b in WRITES if prices.has(where.spot, b, above)]
    if not sold:
        return line(prices, where.spot, "cache_write_5m", tokens, above)  # raises, naming what exists
    cheapest = min(sold, key=lambda b: unit_price(prices, where.spot, b, above))
    return dataclasses.replace(line(prices, where.spot, cheapest, tokens, above), bucket=bucket)


def _price_sums(prices: Prices, where: Target, above: int, row: dict[Any, Any]) -> tuple[list[Line], Decimal, Decimal]:
    """Price the token sums of one group: its lines, and the range of writes of unknown TTL."""
    used = [b for b in BUCKETS if row.get(b)]
    check_buckets(where.spot, used)
    entries = [_line(prices, where, b, int(row[b]), above) for b in used]
    if "cache_write_unknown" not in used:
        return entries, Decimal(0), Decimal(0)
    lo, hi = unknown_ttl_prices(prices, where.spot, above)
    tokens = Decimal(int(row["cache_write_unknown"]))
    return entries, tokens * lo / MTOK, tokens * hi / MTOK
