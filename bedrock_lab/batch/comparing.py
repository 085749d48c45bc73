"""One input priced as batch, on demand and as flex: the same tokens each way, and what caching is worth on demand."""

import dataclasses
from decimal import Decimal
from pathlib import Path

import numpy as np

from bedrock_lab.assumptions import Assumption, Kind
from bedrock_lab.batch.callee import MAX_TOKENS, Callee, callee, kind_for, wanted
from bedrock_lab.batch.compared import Comparison, Way
from bedrock_lab.batch.estimate import Tokens, assumptions, cost, cut_answers, tokens_of
from bedrock_lab.batch.records import Writer
from bedrock_lab.batch.scanning import Scan, first_record
from bedrock_lab.batch.shared import NEVER, Beginnings, Cacheable
from bedrock_lab.catalogue.behaviour import cache_rule
from bedrock_lab.catalogue.offers import batch_limits, offer, usual_ratio
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.client.naming import Named
from bedrock_lab.client.tariff import Tariff, tariff
from bedrock_lab.errors import InputError
from bedrock_lab.planning.options import usual_assumption
from bedrock_lab.quote import EXACT, plain

BATCH, ON_DEMAND, CACHED, FLEX = "batch", "on-demand", "on-demand-cached", "flex"
TIERS = {BATCH: "batch", ON_DEMAND: "default", FLEX: "flex"}
MTOK = Decimal(1_000_000)
WAITS = {
    BATCH: "hours, by a time-out of 24 to 168 h; AWS publishes no turnaround",
    ON_DEMAND: "at once, within the quota of tokens a minute",
    CACHED: "at once, within the quota; cache reads do not count against it",
    FLEX: "longer than on demand at busy times; on-demand quota",
}


def compare(
    source: str | Path,
    *,
    model: str,
    prices: Prices,
    region: str | None = None,
    scope: str | None = None,
    kind: str | None = None,
    max_tokens: int = MAX_TOKENS,
    output_tokens: int | None = None,
) -> Comparison:
    """Price an input in batch, on demand and as flex. Nothing is written or sent.

    Cache points may stand in it: what they mark is full input in batch, and a cached read on demand.

    Raises
    ------
    InputError
        Something is wrong with the input or the model.
    """
    called = callee(model, prices, region, scope, without_batch=True)
    first = first_record(source)
    how = wanted(called, kind or kind_for(called.model.id, first), max_tokens)
    if output_tokens is not None and (type(output_tokens) is not int or output_tokens < 0):
        raise InputError(f"--output-tokens {output_tokens}: allowed is a whole number from 0")
    rule = cache_rule(called.model.id)
    beginnings = Beginnings(rule.minimum_prefix_tokens if rule else NEVER)
    scan = Scan(source, Writer(how, cache_points=True), lambda _: None, beginnings.look)
    scan.run()
    tokens = tokens_of(scan.measures, output_tokens)
    cut = cut_answers(scan.measures, output_tokens) if how.form.maximum else None
    ways = _ways(prices, called, tokens, beginnings.found(), output_tokens)
    least = int(batch_limits(called.model.id)["minimum_records"])
    records = len(scan.measures)
    why_not = None
    if ways[0].availability == "no":
        why_not = ways[0].reason
    elif records < least:
        why_not = f"{records} records, and a batch job needs {least} at least"
    return Comparison(
        model=called.model.id,
        model_id=called.model_id,
        region=called.region,
        scope=called.scope,
        kind=how.kind,
        as_of=prices.as_of.isoformat(),
        source=str(source),
        records=records,
        batchable=why_not is None,
        why_not=why_not,
        input_tokens=int(tokens.input.sum()),
        expected_output_tokens=int(tokens.output.sum()),
        cacheable_tokens=beginnings.found().read_tokens,
        ways=ways,
        cheapest=_cheapest(ways, batchable=why_not is None),
        cached_share_break_even=_break_even(prices, called, tokens, ways),
        answer=_answer(ways, records, why_not),
        assumptions=(*assumptions(output_tokens, answers=bool(how.form.maximum)), *_hits(ways), *_ratios(ways)),
        warnings=(*called.warnings, *([cut] if cut else [])),
    )


def _ways(
    prices: Prices, called: Callee, tokens: Tokens, cacheable: Cacheable, output_tokens: int | None
) -> tuple[Way, ...]:
    most = tokens.output_most if output_tokens is None else tokens.output
    ways: list[Way] = []
    for name, tier in TIERS.items():
        sold = offer(prices, called.model.id, name, called.region, called.scope)
        rates = _tariff(prices, called, tier)
        expected = cost(rates, tokens.input, tokens.output)
        low, high = cost(rates, tokens.input_low, tokens.output_low), cost(rates, tokens.input_high, most)
        ways.append(
            Way(
                name=name,
                availability=sold.availability,
                reason=sold.reason,
                expected_usd=expected,
                range_usd=None if low is None or high is None else (low, high),
                worst_usd=cost(rates, tokens.input_bound, tokens.output_most),
                against_on_demand=None,
                waits=WAITS[name],
            )
        )
    base = ways[1]
    ways = [_against(_usual(way, base), base) for way in ways]
    cached = _cached(_tariff(prices, called, "default"), ways[1], cacheable)
    return (ways[0], ways[1], *([cached] if cached else []), ways[2])


def _usual(way: Way, base: Way) -> Way:
    """Price what has no published price by the usual ratio to on-demand; nothing bounds it then."""
    ratio = usual_ratio(way.name)
    if way.availability != "unknown" or way.expected_usd is not None or ratio is None:
        return way
    if base.expected_usd is None or base.range_usd is None:
        return way
    mid, low, high = (Decimal(ratio[name]) for name in ("ratio", "lo", "hi"))
    return dataclasses.replace(
        way,
        expected_usd=EXACT.multiply(base.expected_usd, mid),
        range_usd=(EXACT.multiply(base.range_usd[0], low), EXACT.multiply(base.range_usd[1], high)),
        reason=f"{way.reason}; priced by the usual ratio to on-demand, which is assumed",
    )


def _against(way: Way, base: Way) -> Way:
    return dataclasses.replace(way, against_on_demand=_ratio(way.expected_usd, base.expected_usd))


def _ratios(ways: tuple[Way, ...]) -> tuple[Assumption, ...]:
    """State the ratios that stand in for prices."""
    return tuple(
        usual_assumption(way.name, way.reason)
        for way in ways
        if way.availability == "unknown" and way.expected_usd is not None and way.worst_usd is None
    )


def _cached(rates: Tariff, plain_way: Way, cacheable: Cacheable) -> Way | None:
    """Price on-demand calls that read shared beginnings from the cache, at the rates of short prompts."""
    if not cacheable.read_tokens or plain_way.expected_usd is None or plain_way.range_usd is None:
        return None
    held = rates.edges[0][1]
    if "cache_read" not in held:
        return None
    saved = EXACT.multiply(held["input"] - held["cache_read"], Decimal(cacheable.read_tokens))
    premium = EXACT.multiply(held.get("cache_write_5m", held["input"]) - held["input"], Decimal(cacheable.write_tokens))
    saving = EXACT.divide(saved - premium, MTOK)
    expected = plain_way.expected_usd - saving
    return Way(
        name=CACHED,
        availability="yes",
        reason="what records begin with in common is read from the prompt cache; every read hits",
        expected_usd=expected,
        range_usd=(min(plain_way.range_usd[0], expected), plain_way.range_usd[1]),
        worst_usd=plain_way.worst_usd,
        against_on_demand=_ratio(expected, plain_way.expected_usd),
        waits=WAITS[CACHED],
    )


def _hits(ways: tuple[Way, ...]) -> tuple[Assumption, ...]:
    if not any(way.name == CACHED for way in ways):
        return ()
    source = "shared beginnings are asked for again within the cache's time to live, and all of them hit"
    return (Assumption(name="cache_hit_share", value=1.0, lo=0.0, hi=1.0, kind=Kind.ASSUMED, source=source),)


def _break_even(prices: Prices, called: Callee, tokens: Tokens, ways: tuple[Way, ...]) -> float | None:
    batch, on_demand = ways[0].expected_usd, ways[1].expected_usd
    if ways[0].availability != "yes":
        return None
    rates = _tariff(prices, called, "default").edges
    if batch is None or on_demand is None or "cache_read" not in rates[0][1]:
        return None
    worth = (rates[0][1]["input"] - rates[0][1]["cache_read"]) * Decimal(int(np.sum(tokens.input))) / MTOK
    share = float((on_demand - batch) / worth) if worth else None
    return share if share is not None and share <= 1 else None


def _cheapest(ways: tuple[Way, ...], *, batchable: bool) -> str | None:
    open_ways = [
        (way.expected_usd, way.name)
        for way in ways
        if way.expected_usd is not None and way.availability == "yes" and (batchable or way.name != BATCH)
    ]
    return min(open_ways)[1] if open_ways else None


def _answer(ways: tuple[Way, ...], records: int, why_not: str | None) -> str:
    priced = ", ".join(f"{way.name} {_said(way)}" for way in ways if way.availability != "no")
    first = f"{records:,} records: {priced}"
    if why_not is not None:
        return f"{first}; not for batch: {why_not}"
    if ways[0].availability == "unknown":
        return f"{first}; the batch price is unknown, the usual ratio to on demand is not promised"
    return first


def _said(way: Way) -> str:
    if way.expected_usd is None:
        return "at an unknown price"
    guess = " by the usual ratio, no price is published" if way.availability == "unknown" else ""
    return f"about {plain(round(way.expected_usd, 6))} USD{guess}"


def _ratio(usd: Decimal | None, base: Decimal | None) -> float | None:
    return float(usd / base) if usd is not None and base else None


def _tariff(prices: Prices, called: Callee, tier: str) -> Tariff:
    return tariff(prices, Named(called.model.id, called.scope, called.region), tier)
