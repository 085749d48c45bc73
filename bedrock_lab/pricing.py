"""The bill: what usage costs at a model's prices, exact on a bill, in float64 over a Trace."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.assumptions import Assumption, Kind
from bedrock_lab.catalogue import places
from bedrock_lab.catalogue.pricelist import PriceRow, Prices, Spot, price_rows
from bedrock_lab.catalogue.pricelist import prices as load_prices
from bedrock_lab.catalogue.tables import source_text
from bedrock_lab.catalogue.target import lifecycle_warning, target
from bedrock_lab.errors import InputError, UnknownPriceError
from bedrock_lab.quote import EXACT, Line, Quote
from bedrock_lab.traffic.usage import BUCKETS, CACHE_WRITES, Usage

Floats = NDArray[np.float64]

MTOK = Decimal(1_000_000)
HOURS_PER_MONTH = 730
WRITES = tuple(bucket for bucket in CACHE_WRITES if bucket != "cache_write_unknown")
"""Cache writes that have a price of their own."""


def _threshold(prices: Prices, spot: Spot, prompt_tokens: int) -> int:
    """Long-context threshold a request of this length has passed; 0 for none."""
    passed = [t for t in prices.thresholds(spot.model, spot.scope, spot.tier) if prompt_tokens > t]
    return passed[-1] if passed else 0


def _flat_warning(prices: Prices, spot: Spot, prompt_tokens: int) -> str | None:
    """Say that a tier has no long-context price although the default tier has one."""
    if spot.tier == "default" or prices.thresholds(spot.model, spot.scope, spot.tier):
        return None
    passed = [t for t in prices.thresholds(spot.model, spot.scope, "default") if prompt_tokens > t]
    if not passed:
        return None
    return f"no price above {passed[-1]:,} prompt tokens is published for tier {spot.tier}; its flat price is used"


def _borrowed(prices: Prices, spot: Spot, used: Sequence[str], above: int) -> str | None:
    """Say that a Region has no row of its own although its neighbours do: its geography's price stands in."""
    place = places.region(spot.region)
    for bucket in used:
        row = prices.row(spot, bucket, above)
        if row.region in place.geographies and spot.region != places.prefixes()[row.region]:
            siblings = {r.region for r in price_rows(spot.model) if r.used and r.tier == spot.tier} & set(
                places.regions()
            )
            if any(row.region in places.region(name).geographies for name in siblings):
                return f"no source labels a price for {spot.region}: that of the {row.region} profile is used"
    return None


def check_buckets(spot: Spot, used: Sequence[str]) -> None:
    """Refuse cache tokens in batch, where prompt caching does not work."""
    cached = [b for b in used if b.startswith("cache")]
    if spot.tier == "batch" and cached:
        raise UnknownPriceError(
            f"prompt caching does not work in batch: {cached[0]} tokens have no price there; priced: input, output"
        )


def line(prices: Prices, spot: Spot, bucket: str, tokens: int, above: int = 0) -> Line:
    """Price one bucket exactly."""
    row: PriceRow = prices.row(spot, bucket, above)
    net, agreement = prices.net(spot, bucket, row.usd_per_mtok, above)
    return Line(
        spot=spot,
        bucket=bucket,
        tokens=tokens,
        usd_per_mtok=net,
        list_usd_per_mtok=row.usd_per_mtok,
        cost_usd=EXACT.divide(EXACT.multiply(Decimal(tokens), net), MTOK),
        list_usd=EXACT.divide(EXACT.multiply(Decimal(tokens), row.usd_per_mtok), MTOK),
        above_tokens=above,
        source=source_text(row.source),
        known_from=row.since.isoformat(),
        agreement=agreement,
    )


def price(
    usage: Usage,
    model: str,
    *,
    region: str | None = None,
    scope: str | None = None,
    tier: str = "default",
    requests: int = 1,
    prices: Prices | None = None,
) -> Quote:
    """Price one request's usage, times a number of requests.

    Parameters
    ----------
    usage
        Tokens of one request; the long-context thresholds look at its input, cache reads and cache writes.
    model
        Any id of the model.
    region, scope
        None means as the id says, else us-east-1 and in-region.
    requests
        Number of such requests.

    Raises
    ------
    UnknownPriceError
        A bucket has no price there; the message names what exists.

    Examples
    --------
    >>> use = Usage(input_tokens=1_000_000, output_tokens=100_000)
    >>> price(use, "global.anthropic.claude-sonnet-4-6", prices=load_prices("2026-11-22")).to_dict()["cost_usd"]
    '4.5'
    """
    if type(requests) is not int or requests < 1:
        raise InputError(f"requests {requests}: allowed is a whole number of 1 or more")
    prices = prices or load_prices()
    where = target(model, region=region, scope=scope, tier=tier)
    spot = where.spot
    used = [bucket for bucket in BUCKETS if usage.tokens(bucket)]
    if "cache_write_unknown" in used:
        raise InputError("cache writes of unknown TTL have a range of prices, not one; name the TTL (5m, 30m, 1h)")
    check_buckets(spot, used)
    above = _threshold(prices, spot, usage.prompt_tokens)
    if not used:
        prices.row(spot, "input")  # the model, Region, scope, tier and day must be priced even for no tokens
    notes = (
        *where.warnings,
        *prices.notes,
        _borrowed(prices, spot, used, above),
        lifecycle_warning(spot.model, prices),
        _flat_warning(prices, spot, usage.prompt_tokens),
    )
    return Quote(
        target=where,
        date=prices.as_of.isoformat(),
        requests=requests,
        lines=tuple(line(prices, spot, b, usage.tokens(b) * requests, above) for b in used),
        warnings=tuple(note for note in notes if note),
    )


def price_vector(prices: Prices, spot: Spot, tokens: Mapping[str, Floats]) -> Floats:
    """Cost of each request [USD] in float64, net of negotiated prices; cache writes of unknown TTL at the lowest.

    Parameters
    ----------
    tokens
        Bucket -> tokens of each request; buckets left out are zero.

    Raises
    ------
    UnknownPriceError
        A bucket with tokens in it has no price there.
    """
    used = [b for b in BUCKETS if b in tokens and np.any(tokens[b] > 0)]
    check_buckets(spot, used)
    size = len(next(iter(tokens.values())))
    prompt = sum((tokens[b] for b in used if b != "output"), np.zeros(size))
    cost = np.zeros(size)
    edges = (0, *prices.thresholds(spot.model, spot.scope, spot.tier))
    for i, edge in enumerate(edges):
        inside = prompt > edge if i else np.ones(size, dtype=bool)
        if i + 1 < len(edges):
            inside &= prompt <= edges[i + 1]
        if not inside.any():
            continue
        for bucket in used:
            counts = tokens[bucket][inside]
            if counts.any():
                cost[inside] += counts * (float(unit_price(prices, spot, bucket, edge)) / 1e6)
    return cost


def unit_price(prices: Prices, spot: Spot, bucket: str, above: int = 0) -> Decimal:
    """Net price of a bucket [USD per 1M tokens]; unknown TTL at the lowest of those sold."""
    if bucket == "cache_write_unknown":
        return unknown_ttl_prices(prices, spot, above)[0]
    return prices.net(spot, bucket, prices.row(spot, bucket, above).usd_per_mtok, above)[0]


def unknown_ttl_prices(prices: Prices, spot: Spot, above: int = 0) -> tuple[Decimal, Decimal]:
    """Lowest and highest price a cache write may have had whose TTL is not known [USD per 1M tokens]."""
    sold = [unit_price(prices, spot, b, above) for b in WRITES if prices.has(spot, b, above)]
    if not sold:
        prices.row(spot, "cache_write_5m", above)  # raises, naming what exists
    return min(sold), max(sold)


def unknown_ttl_assumption(lo_usd: float, hi_usd: float) -> Assumption:
    """State what was taken for cache writes of unknown TTL."""
    return Assumption(
        name="cache_write_ttl",
        value=lo_usd,
        lo=lo_usd,
        hi=hi_usd,
        kind=Kind.ASSUMED,
        source="TTL not in the data: priced at the lowest TTL sold, the range runs to the highest",
        unit="USD",
    )
