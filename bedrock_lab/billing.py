"""The bill of a Trace: each row at its own model, Region, scope and tier, grouped as asked."""

import dataclasses
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.assumptions import Assumption, Kind, Origin
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.catalogue.pricelist import prices as load_prices
from bedrock_lab.catalogue.target import Target, lifecycle_warning, target
from bedrock_lab.errors import InputError, listing
from bedrock_lab.pricing import (
    EXACT,
    MTOK,
    SECONDS_PER_MONTH,
    Line,
    add,
    check_buckets,
    line,
    plain,
    price_vector,
    unknown_ttl_assumption,
    unknown_ttl_prices,
)
from bedrock_lab.traffic.trace import Trace
from bedrock_lab.traffic.usage import BUCKETS

Floats = NDArray[np.float64]

KEYS = ("model", "region", "scope", "tier")
GROUPS = ("model", "scope", "region", "account", "app", "operation", "tier", "outcome")
"""Columns a bill can be grouped by."""

TOKEN_RATIO = (1.0, 1.35)
"""Tokens another family's or generation's tokenizer makes of the same text, lowest and highest assumed."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The priced rows of a Trace: which target each calls, and its tokens.

    Attributes
    ----------
    codes
        Index into `targets`, one a priced row.
    tokens
        Bucket -> tokens of each priced row; cells a format cannot express are zero, see `assumptions`.
    kept
        Row numbers of the Trace that are priced.
    """

    targets: tuple[Target, ...]
    codes: NDArray[np.int64]
    tokens: dict[str, Floats]
    kept: NDArray[np.int64]
    single: bool
    assumptions: tuple[Assumption, ...]
    warnings: tuple[str, ...]

    @property
    def models(self) -> tuple[str, ...]:
        """Catalogue ids called, each once."""
        return tuple(dict.fromkeys(t.model.id for t in self.targets))


def _targets(
    trace: Trace, model: str | None, region: str | None, scope: str | None
) -> tuple[tuple[Target, ...], NDArray[np.int64]]:
    """Resolve each distinct (model, Region, scope, tier) of the rows once."""
    import pandas as pd

    columns = {key: trace.text(key) for key in KEYS}
    if all(column is None for column in columns.values()):
        if model is None:
            raise InputError(f"{trace.source}: the trace names no model; give one (--model ID)")
        return (target(model, region=region, scope=scope),), np.zeros(len(trace), dtype=np.int64)
    frame = pd.DataFrame({k: v if v is not None else np.full(len(trace), None) for k, v in columns.items()})
    codes = frame.groupby(list(KEYS), dropna=False, sort=False).ngroup().to_numpy(dtype=np.int64)
    first = frame.iloc[np.unique(codes, return_index=True)[1]]
    found = []
    for values in first.itertuples(index=False):
        row = {k: None if pd.isna(v) else str(v) for k, v in zip(KEYS, values, strict=True)}
        name = row["model"] or model
        if name is None:
            raise InputError(f"{trace.source}: some rows name no model; give one (--model ID)")
        found.append(
            target(
                name,
                region=row["region"] or region,
                scope=row["scope"] or (scope if row["model"] is None else None),
                tier=row["tier"] or "default",
            )
        )
    return tuple(found), codes


def priced_rows(
    trace: Trace,
    *,
    model: str | None = None,
    as_model: str | None = None,
    region: str | None = None,
    scope: str | None = None,
    token_ratio: tuple[float, float] = TOKEN_RATIO,
) -> Rows:
    """Find which rows are priced, at what target, with which tokens.

    Throttled and failed rows are not priced, nor rows whose input or output is not known; both are counted
    in the warnings. `model` fills in for rows that name none; `as_model` reprices all of them.
    """
    warnings: list[str] = []
    assumptions: list[Assumption] = []
    keep = np.ones(len(trace), dtype=bool)
    outcome = trace.text("outcome")
    if outcome is not None:
        bad = np.isin(outcome.astype(object), ["throttled", "failed"])
        if bad.any():
            warnings.append(f"{int(bad.sum()):,} throttled or failed rows are not priced")
        keep &= ~bad
    columns = {bucket: trace.column(f"{bucket}_tokens") for bucket in BUCKETS}
    for bucket in ("input", "output"):
        values = columns[bucket]
        if values is None:
            raise InputError(f"{trace.source}: has no {bucket}_tokens, so it cannot be priced")
        unknown = np.isnan(values) & keep
        if unknown.any():
            warnings.append(f"{int(unknown.sum()):,} rows without {bucket} tokens are not priced")
        keep &= ~unknown
    kept = np.flatnonzero(keep)
    if len(kept) == 0:
        raise InputError(f"{trace.source}: no row can be priced (all throttled, failed or without tokens)")
    tokens = {b: np.nan_to_num(np.asarray(v, dtype=np.float64)[kept]) for b, v in columns.items() if v is not None}
    if not any(b in tokens for b in BUCKETS if b.startswith("cache")):
        assumptions.append(
            Assumption(
                name="no_prompt_caching",
                value=0.0,
                kind=Kind.ASSUMED,
                source=f"format {trace.format} cannot express cache tokens: all input is taken as uncached",
                unit="share of input",
            )
        )
    if as_model is not None:
        assumptions.append(ratio_assumption(token_ratio))
        targets: tuple[Target, ...] = (target(as_model, region=region, scope=scope),)
        codes = np.zeros(len(kept), dtype=np.int64)
    else:
        targets, codes = _targets(trace, model, region, scope)
        codes = codes[kept]
        if model is not None and trace.origin is Origin.PUBLIC and trace.text("model") is None:
            warnings.append(f"the trace's tokens are counted by another tokenizer; they are taken as {model}'s own")
    warnings += [w for t in targets for w in t.warnings]
    return Rows(
        targets=targets,
        codes=codes,
        tokens=tokens,
        kept=kept,
        single=trace.kind == "requests",
        assumptions=tuple(assumptions),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def ratio_assumption(token_ratio: tuple[float, float]) -> Assumption:
    """State the tokenizer ratio of a repriced bill; the counts stand as recorded at ratio 1."""
    lo, hi = token_ratio
    if not 0 < lo <= hi:
        raise InputError(f"token ratio {lo}..{hi}: allowed are positive numbers lo..hi")
    return Assumption(
        name="token_ratio",
        value=min(max(1.0, lo), hi),
        lo=lo,
        hi=hi,
        kind=Kind.ASSUMED,
        source="tokens another tokenizer makes of the same text; no measurement of these prompts",
    )


def row_costs(rows: Rows, prices: Prices, *, tier: str | None = None, scope: str | None = None) -> Floats:
    """Cost of each priced row [USD], float64; `tier` and `scope` override those of the rows.

    In batch there is no prompt caching: cache reads and writes are priced as input.
    """
    cost = np.zeros(len(rows.codes))
    for code, where in enumerate(rows.targets):
        mine = np.flatnonzero(rows.codes == code)
        spot = where.spot._replace(tier=tier or where.tier, scope=scope or where.scope)
        tokens = {bucket: values[mine] for bucket, values in rows.tokens.items()}
        if spot.tier == "batch":
            folded = sum((v for b, v in tokens.items() if b != "output"), np.zeros(len(mine)))
            tokens = {"input": folded, "output": tokens["output"]}
        cost[mine] = price_vector(prices, spot, tokens) if rows.single else _flat(prices, spot, tokens)
    return cost


def _flat(prices: Prices, spot: Any, tokens: dict[str, Floats]) -> Floats:
    """Price windows: sums of requests, to which no long-context threshold can be applied."""
    from bedrock_lab.pricing import unit_price

    used = [b for b in BUCKETS if b in tokens and np.any(tokens[b] > 0)]
    check_buckets(spot, used)
    size = len(next(iter(tokens.values())))
    return sum((tokens[b] * (float(unit_price(prices, spot, b)) / 1e6) for b in used), np.zeros(size))


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

    @property
    def cost_usd(self) -> Decimal:
        """Net cost [USD], exact."""
        return add(entry.cost_usd for entry in self.lines)

    @property
    def list_usd(self) -> Decimal:
        """List cost [USD], exact."""
        return add(entry.list_usd for entry in self.lines)

    @property
    def usd_per_month(self) -> float:
        """Net cost of a month of such traffic [USD]."""
        return float(self.cost_usd) * SECONDS_PER_MONTH / self.period_s

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
            "usd_per_month": self.usd_per_month,
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
    """Bill a Trace, exactly, grouped by columns.

    Parameters
    ----------
    by
        Columns to group by, a list or ``"app,model"``.
    model
        Model of rows that name none.
    as_model
        Reprice all rows as this model; the result is then a range over `token_ratio`.

    Raises
    ------
    InputError
        No model, an unknown group, or a bucket without a price.
    """
    import pandas as pd

    prices = prices or load_prices()
    names = _group_names(by)
    rows = priced_rows(trace, model=model, as_model=as_model, region=region, scope=scope, token_ratio=token_ratio)
    frame = pd.DataFrame({b: v.astype(np.int64) for b, v in rows.tokens.items()})
    frame["code"] = rows.codes
    prompt = frame[[b for b in rows.tokens if b != "output"]].sum(axis=1).to_numpy()
    above = np.zeros(len(frame), dtype=np.int64)
    for code, where in enumerate(rows.targets):
        for edge in prices.thresholds(where.model.id, where.scope, where.tier) if rows.single else ():
            above[(rows.codes == code) & (prompt > edge)] = edge
    frame["above"] = above
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
    if as_model is not None:
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
        warnings=(*rows.warnings, *(w for w in ending if w)),
        lo_hi=(low, high),
    )


def _line(prices: Prices, where: Target, bucket: str, tokens: int, above: int) -> Line:
    """Price a bucket; cache writes of unknown TTL stand at the TTL with the lowest price."""
    if bucket != "cache_write_unknown":
        return line(prices, where.spot, bucket, tokens, above)
    from bedrock_lab.pricing import WRITES, unit_price

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
