"""Which rows of a Trace are priced, at what target, with which tokens."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.assumptions import Assumption, Kind, Origin
from bedrock_lab.catalogue.model import resolve
from bedrock_lab.catalogue.pricelist import Prices, Spot
from bedrock_lab.catalogue.target import Target, target
from bedrock_lab.errors import InputError, UnknownPriceError
from bedrock_lab.pricing import Floats, check_buckets, price_vector, unit_price
from bedrock_lab.traffic.trace import Trace
from bedrock_lab.traffic.usage import BUCKETS

KEYS = ("model", "region", "scope", "tier")

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
    trace: Trace, model: str | None, region: str | None, scope: str | None, wanted: NDArray[np.bool_]
) -> tuple[tuple[Target, ...], NDArray[np.int64]]:
    """Resolve each distinct (model, Region, scope, tier) of the rows wanted once; the others have code -1."""
    import pandas as pd

    columns = {key: trace.text(key) for key in KEYS}
    if all(column is None for column in columns.values()):
        if model is None:
            raise InputError(f"{trace.source}: the trace names no model; give one (--model ID, or the parameter model)")
        return (target(model, region=region, scope=scope),), np.zeros(len(trace), dtype=np.int64)
    frame = pd.DataFrame({k: v if v is not None else np.full(len(trace), None) for k, v in columns.items()})[wanted]
    codes = frame.groupby(list(KEYS), dropna=False, sort=False).ngroup().to_numpy(dtype=np.int64)
    first = frame.iloc[np.unique(codes, return_index=True)[1]]
    found = []
    for values in first.itertuples(index=False):
        row = {k: None if pd.isna(v) else str(v) for k, v in zip(KEYS, values, strict=True)}
        name = row["model"] or model
        if name is None:
            raise InputError(f"{trace.source}: some rows name no model; give one (--model ID, or the parameter model)")
        found.append(
            target(
                name,
                region=row["region"] or region,
                scope=row["scope"] or (scope if row["model"] is None else None),
                tier=row["tier"] or "default",
            )
        )
    of_row = np.full(len(trace), -1, dtype=np.int64)
    of_row[wanted] = codes
    return tuple(found), of_row


def priced_rows(
    trace: Trace,
    *,
    model: str | None = None,
    as_model: str | None = None,
    region: str | None = None,
    scope: str | None = None,
    token_ratio: tuple[float, float] = TOKEN_RATIO,
    prices: Prices | None = None,
) -> Rows:
    """Find which rows are priced, at what target, with which tokens.

    Throttled and failed rows are not priced, nor rows whose input or output is not known; both are counted
    in the warnings. `model` fills in for rows that name none; `as_model` reprices all of them. With `prices`, rows
    without a price by the token are left out too, those of the Reserved tier among them, and counted by reason.

    Raises
    ------
    InputError
        No row can be priced, a row names no model, or what it calls cannot be; without `prices`, the Reserved tier.
    UnknownPriceError
        With `prices`: no row has a price.
    """
    by_hour = _by_hour(trace) if prices is not None else np.zeros(len(trace), dtype=bool)
    kept, tokens, warnings = _counted(trace, by_hour)
    assumptions: list[Assumption] = []
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
    else:
        assumptions += _cache_gaps(trace, kept)
    if as_model is not None:
        if not _already(trace, as_model):
            assumptions.append(ratio_assumption(token_ratio))
        targets: tuple[Target, ...] = (target(as_model, region=region, scope=scope),)
        codes = np.zeros(len(kept), dtype=np.int64)
    else:
        targets, codes = _targets(trace, model, region, scope, ~by_hour)
        codes = codes[kept]
        if model is not None and trace.origin is Origin.PUBLIC and trace.text("model") is None:
            warnings.append(f"the trace's tokens are counted by another tokenizer; they are taken as {model}'s own")
    warnings += [w for t in targets for w in t.warnings]
    rows = Rows(
        targets=targets,
        codes=codes,
        tokens=tokens,
        kept=kept,
        single=trace.kind == "requests",
        assumptions=tuple(assumptions),
        warnings=tuple(dict.fromkeys(warnings)),
    )
    return rows if prices is None else _with_price(rows, prices)


def _by_hour(trace: Trace) -> NDArray[np.bool_]:
    """Whether each row was served by Reserved capacity."""
    tiers = trace.text("tier")
    return np.zeros(len(trace), dtype=bool) if tiers is None else np.asarray(tiers.astype(object) == "reserved")


def _with_price(rows: Rows, prices: Prices) -> Rows:
    """Leave out rows with tokens that have no price, and count them by reason."""
    spots, of_row = np.unique(thresholds_passed(rows, prices) * len(rows.targets) + rows.codes, return_inverse=True)
    keep = np.ones(len(rows.codes), dtype=bool)
    said: dict[str, int] = {}
    for bucket, tokens in rows.tokens.items():
        for at in np.unique(of_row[tokens > 0]).tolist():
            above, code = divmod(int(spots[at]), len(rows.targets))
            spot = rows.targets[code].spot
            try:
                check_buckets(spot, [bucket])
                unit_price(prices, spot, bucket, above)
            except UnknownPriceError as error:
                mine = keep & (of_row == at) & (tokens > 0)
                said[str(error)] = said.get(str(error), 0) + int(mine.sum())
                keep &= ~mine
    if not said:
        return rows
    if not keep.any():
        raise UnknownPriceError(next(iter(said)))
    return dataclasses.replace(
        rows,
        codes=rows.codes[keep],
        tokens={bucket: tokens[keep] for bucket, tokens in rows.tokens.items()},
        kept=rows.kept[keep],
        warnings=(*rows.warnings, *(f"{n:,} rows are not priced: {reason}" for reason, n in said.items() if n)),
    )


def thresholds_passed(rows: Rows, prices: Prices) -> NDArray[np.int64]:
    """Long-context threshold each priced row has passed [tokens]; 0 for none, and for windows, which are sums."""
    above = np.zeros(len(rows.codes), dtype=np.int64)
    if rows.single:
        prompt = sum((v for b, v in rows.tokens.items() if b != "output"), np.zeros(len(rows.codes)))
        for code, where in enumerate(rows.targets):
            for edge in prices.thresholds(where.model.id, where.scope, where.tier):
                above[(rows.codes == code) & (prompt > edge)] = edge
    return above


def _counted(trace: Trace, by_hour: NDArray[np.bool_]) -> tuple[NDArray[np.int64], dict[str, Floats], list[str]]:
    """Find the rows that were served and whose tokens are known: (row numbers, tokens by bucket, warnings)."""
    warnings: list[str] = []
    keep = np.ones(len(trace), dtype=bool)
    outcome = trace.text("outcome")
    if outcome is not None:
        bad = np.isin(outcome.astype(object), ["throttled", "failed"])
        if bad.any():
            warnings.append(f"{int(bad.sum()):,} throttled or failed rows are not priced")
        keep &= ~bad
    if (keep & by_hour).any():
        count = int((keep & by_hour).sum())
        warnings.append(f"{count:,} rows of the Reserved tier are not priced: it is bought by the hour")
        keep &= ~by_hour
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
        others = "failed, Reserved" if by_hour.any() else "failed"
        raise InputError(f"{trace.source}: no row can be priced (all throttled, {others} or without tokens)")
    tokens = {b: np.nan_to_num(np.asarray(v, dtype=np.float64)[kept]) for b, v in columns.items() if v is not None}
    return kept, tokens, warnings


def _cache_gaps(trace: Trace, kept: NDArray[np.int64]) -> list[Assumption]:
    """State what is taken for cache tokens that some rows, or the format, leave open."""
    columns = {b: trace.column(f"{b}_tokens") for b in BUCKETS if b.startswith("cache")}
    open_rows = max((int(np.isnan(v[kept]).sum()) for v in columns.values() if v is not None), default=0)
    writes = any(v is not None for b, v in columns.items() if b.startswith("cache_write"))
    made = []
    if open_rows:
        text = f"{open_rows:,} rows do not say their cache tokens: taken as none"
        made.append(Assumption(name="unknown_cache_tokens", value=0.0, kind=Kind.ASSUMED, source=text, unit="tokens"))
    if columns["cache_read"] is not None and not writes:
        text = "the trace holds cache reads and no writes: writes are taken as none"
        made.append(Assumption(name="no_cache_writes", value=0.0, kind=Kind.ASSUMED, source=text, unit="tokens"))
    return made


def _already(trace: Trace, as_model: str) -> bool:
    """Whether every row names the very model it is to be repriced as: then its tokens are its own."""
    named = trace.text("model")
    if named is None or any(name is None for name in named):
        return False
    return {resolve(str(name)).model.id for name in set(named)} == {resolve(as_model).model.id}


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


def row_costs(
    rows: Rows, prices: Prices, *, tier: str | None = None, scope: str | None = None, uncached: bool = False
) -> Floats:
    """Cost of each priced row [USD], float64; `tier` and `scope` override those of the rows.

    In batch there is no prompt caching: cache reads and writes are priced as input; so they are where `uncached`.
    """
    cost = np.zeros(len(rows.codes))
    for code, where in enumerate(rows.targets):
        mine = np.flatnonzero(rows.codes == code)
        spot = where.spot._replace(tier=tier or where.tier, scope=scope or where.scope)
        tokens = {bucket: values[mine] for bucket, values in rows.tokens.items()}
        if uncached or spot.tier == "batch":
            folded = sum((v for b, v in tokens.items() if b != "output"), np.zeros(len(mine)))
            tokens = {"input": folded, "output": tokens["output"]}
        cost[mine] = price_vector(prices, spot, tokens) if rows.single else _flat(prices, spot, tokens)
    return cost


def _flat(prices: Prices, spot: Spot, tokens: dict[str, Floats]) -> Floats:
    """Price windows: sums of requests, to which no long-context threshold can be applied."""
    used = [b for b in BUCKETS if b in tokens and np.any(tokens[b] > 0)]
    check_buckets(spot, used)
    size = len(next(iter(tokens.values())))
    return sum((tokens[b] * (float(unit_price(prices, spot, b)) / 1e6) for b in used), np.zeros(size))
