"""Whether prompt caching pays on a trace, which prefixes, and for how long."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bedrock_lab.assumptions import Origin, stated
from bedrock_lab.catalogue.behaviour import CHECKPOINTS, cache_rule
from bedrock_lab.catalogue.model import resolve
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.catalogue.pricelist import prices as load_prices
from bedrock_lab.catalogue.target import target
from bedrock_lab.errors import InputError
from bedrock_lab.predict import prefix_advice
from bedrock_lab.predict.prefix_blocks import Blocks, Floats, Ints, blocks_of, thinned, with_minimum
from bedrock_lab.predict.prefix_cache import MOST_POINTS
from bedrock_lab.predict.prefix_checkpoints import Prefix, checkpoint_use
from bedrock_lab.predict.prefix_formulas import break_even_hit_rate, longer_ttl_limit
from bedrock_lab.predict.prefix_month import Month, month_of
from bedrock_lab.predict.prefix_notes import MISS, assumed, cautions, missed
from bedrock_lab.predict.prefix_policies import (
    TTL_S,
    Costs,
    Use,
    best_choice,
    block_use,
    endless,
    lru_hit_ratio,
    uncached_use,
)
from bedrock_lab.predict.prefix_result import Policy, PromptCaching
from bedrock_lab.predict.prefix_tariff import input_costs, multipliers_of
from bedrock_lab.pricing import price_vector
from bedrock_lab.traffic.checked import checked
from bedrock_lab.traffic.trace import Trace
from bedrock_lab.traffic.usage import BUCKETS

LRU_BLOCKS = (1_000, 3_000, 10_000, 30_000)
MOST_PREFIXES = 20
GRID_S = tuple(float(s) for s in np.unique([*np.round(np.geomspace(1, 86_400, 60), 1), *TTL_S.values()]))


def prompt_cache(
    trace: Trace,
    prices: Prices | None = None,
    *,
    model: str,
    region: str | None = None,
    scope: str | None = None,
    min_prefix_tokens: int | None = None,
    checkpoints: int | None = None,
    shape: str | None = None,
    period_s: float | None = None,
    assume: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> PromptCaching:
    """Say what prompt caching would cost and save on a trace, by policy.

    Parameters
    ----------
    trace
        Requests with prefix hashes; `gaps_trace` makes one of gaps by prefix.
    model
        Whose prices and rules hold; of a trace that names models, only this one's rows count.
    min_prefix_tokens, checkpoints
        In place of what the model asks for.
    shape
        ``flat``, ``office`` or a file of 168 hourly weights, for a trace under seven days.
    period_s
        How long the trace stands for [s], where that is not its span in whole minutes.
    assume
        ``cross_region_miss``: the share of reads that routing between Regions turns into writes.
    seed
        Seed of which requests quieter hours lack.

    Raises
    ------
    InputError
        The trace has no prefix hashes, the model no price for caching, or a value is wrong.
    """
    trace = checked(trace)
    prices = prices or load_prices()
    where = target(model, region=region, scope=scope)
    kept, warnings = _kept(trace, where.model.id)
    rule = cache_rule(where.model.id)
    blocks = blocks_of(trace, kept)
    if not blocks.prompt_tokens.sum():
        raise InputError(f"{trace.source}: its prompts hold no tokens")
    costs = input_costs(prices, where.spot, blocks.prompt_tokens)
    minimum = min_prefix_tokens if min_prefix_tokens is not None else rule.minimum_prefix_tokens if rule else 0
    most = checkpoints if checkpoints is not None else rule.checkpoints if rule else CHECKPOINTS
    if type(most) is not int or not 0 <= most <= MOST_POINTS:
        raise InputError(f"checkpoints {most}: allowed is a whole number from 0 to {MOST_POINTS}")
    given = stated(assume or {}, {MISS: "share of reads"})
    period = trace.period_s if period_s is None else float(period_s)
    month = month_of(period, shape, missed(given))
    multipliers = multipliers_of(costs, blocks.prompt_tokens)
    asked = (multipliers, minimum, month.miss[0])
    uses, prefixes = _uses(blocks, costs, *asked, range(min(1, most), most + 1))
    runs = {1.0: uses}
    drawn = np.random.default_rng(seed).random(len(blocks.prompt_tokens))
    for demand in month.quiet:
        keep = drawn < demand
        runs[demand] = _uses(thinned(blocks, keep), costs.kept(keep), *asked, [most])[0]
    by_policy = {name: {demand: held[name] for demand, held in runs.items()} for name in uses}
    policies = tuple(_policy(name, held, by_policy["none"], blocks, month) for name, held in by_policy.items())
    writes = {ttl: multipliers[ttl] for ttl in costs.writes}
    by_ttl = _by_ttl(blocks)
    longer = _longer(writes, multipliers["read"], dict(by_ttl))
    points = next(policy for policy in policies if policy.policy == "checkpoints")
    recommended = prefix_advice.chosen(policies[0], points)
    listed = tuple(_listed(prefix, month.traces, points) for prefix in prefixes[:MOST_PREFIXES])
    return PromptCaching(
        model=where.model.id,
        model_id=where.model_id,
        region=where.region,
        scope=where.scope,
        as_of=prices.as_of.isoformat(),
        source=trace.source,
        origin=trace.origin,
        requests=len(blocks.prompt_tokens),
        period_s=period,
        input_tokens=int(blocks.prompt_tokens.sum()),
        min_prefix_tokens=minimum,
        checkpoints=most,
        policies=policies,
        recommended=recommended,
        multipliers=multipliers,
        break_even={ttl: break_even_hit_rate(w, multipliers["read"]) for ttl, w in writes.items()},
        longer_ttl=longer,
        endless=endless(blocks, blocks.gaps()),
        lru={size: lru_hit_ratio(blocks.code, size) for size in LRU_BLOCKS},
        by_ttl=by_ttl,
        prefixes=listed,
        recorded=_recorded(trace, kept, prices, where, uses),
        advice=prefix_advice.sentences(policies, recommended, listed, longer),
        assumptions=tuple(assumed(given, rule, min_prefix_tokens, trace, month, shape)),
        warnings=tuple(dict.fromkeys([*warnings, *cautions(where, prices, tuple(costs.writes), given)])),
    )


def _kept(trace: Trace, model: str) -> tuple[Ints, list[str]]:
    """Find the rows of the model that were served and whose input is known."""
    trace.need_requests("the economics of a prompt cache")
    keep, warnings = np.ones(len(trace), dtype=bool), []
    outcome, named, inputs = trace.text("outcome"), trace.text("model"), trace.column("input_tokens")
    for bad, words in (
        (None if outcome is None else np.isin(outcome, ["throttled", "failed"]), "throttled or failed rows"),
        (None if inputs is None else np.isnan(np.asarray(inputs, dtype=float)), "rows without input tokens"),
    ):
        if bad is not None and (bad & keep).any():
            warnings.append(f"{int((bad & keep).sum()):,} {words} are left out")
            keep &= ~bad
    if named is not None:
        same = {name: name is None or resolve(str(name)).model.id == model for name in set(named)}
        others = ~np.array([same[name] for name in named]) & keep
        if others.any():
            warnings.append(f"{int(others.sum()):,} rows of other models are left out: a cache belongs to one model")
        keep &= ~others
    elif trace.origin is Origin.PUBLIC:
        warnings.append(f"the trace's tokens are counted by another tokenizer; they are taken as {model}'s own")
    if not keep.any():
        raise InputError(f"{trace.source}: no row of {model} was served with known input")
    return np.flatnonzero(keep), warnings


def _uses(
    blocks: Blocks, costs: Costs, multipliers: dict[str, float], minimum: int, miss: float, tries: Sequence[int]
) -> tuple[dict[str, Use], list[Prefix]]:
    """Cost every policy; the prefixes are those of the realisable one, which has the last number of points tried."""
    joined = with_minimum(blocks, minimum)
    gaps, ttls = joined.gaps(), tuple(costs.writes)
    uses = {"none": uncached_use(blocks, costs)}
    for place, ttl in enumerate(ttls):
        uses[ttl] = block_use(joined, costs, gaps, np.full(joined.prefixes, place), ttls)
    uses["best"] = block_use(joined, costs, gaps, best_choice(joined, costs, gaps, ttls, miss), ttls)
    tried = [checkpoint_use(blocks, costs, multipliers, points, minimum) for points in tries]
    uses["checkpoints"] = tried[-1][0]
    costing = [uses["none"], *(use for use, _ in tried)]
    uses["checkpoints_hindsight"] = min(costing, key=lambda use: float(use.cost_usd.sum()))
    return uses, tried[-1][1]


def _policy(name: str, runs: dict[float, Use], uncached: dict[float, Use], blocks: Blocks, month: Month) -> Policy:
    use = runs[1.0]
    cost, full = float(use.cost_usd.sum()), float(uncached[1.0].cost_usd.sum())
    a_month, span = month.cost(runs, uncached)
    saving, saving_span = month.saving(runs, uncached)
    return Policy(
        policy=name,
        kind="realisable" if name in {"none", "checkpoints"} else "hindsight",
        relative_input_cost=(cost + month.miss[0] * use.miss_usd) / full,
        cost_usd=cost + month.miss[0] * use.miss_usd,
        usd_per_month=a_month,
        range=span,
        saving_usd_per_month=saving,
        saving_range=saving_span,
        token_hit_ratio=float(use.read_tokens.sum() / blocks.prompt_tokens.sum()) * (1 - month.miss[0]),
        read_tokens=round(float(use.read_tokens.sum())),
        write_tokens={ttl: round(float(tokens.sum())) for ttl, tokens in use.write_tokens.items()},
        writes=use.writes,
        unread_writes=use.unread_writes,
        unread_write_tokens=round(use.unread_tokens),
    )


def _by_ttl(blocks: Blocks) -> tuple[tuple[float, float], ...]:
    gaps = blocks.gaps()
    order = np.argsort(gaps)
    held = np.concatenate([[0.0], np.cumsum(blocks.tokens[order])]) / blocks.prompt_tokens.sum()
    found: Floats = held[np.searchsorted(gaps[order], np.array(GRID_S), side="right")]
    return tuple(zip(GRID_S, found.tolist(), strict=True))


def _longer(writes: dict[str, float], read: float, hits: dict[float, float]) -> dict[str, Any] | None:
    """Hold the longest TTL against the shortest."""
    if len(writes) < 2:
        return None
    short, long = min(writes, key=TTL_S.__getitem__), max(writes, key=TTL_S.__getitem__)
    limit, missed = longer_ttl_limit(writes[short], writes[long], read), 1 - hits[TTL_S[short]]
    ratio = (1 - hits[TTL_S[long]]) / missed if missed else 1.0
    return {"ttl": long, "against": short, "criterion": limit, "ratio": ratio, "pays": ratio < limit}


def _listed(prefix: Prefix, traces: float, points: Policy) -> dict[str, Any]:
    """Describe a prefix; its range is as wide as that of all cache points together."""
    saved = prefix.saved_usd * traces
    whole = points.saving_usd_per_month
    factors = [end / whole for end in points.saving_range] if whole > 0 else [1.0]
    return {
        "id": prefix.id,
        "tokens": round(prefix.tokens),
        "ttls": [ttl for ttl, count in prefix.writes.items() if count],
        "writes": sum(prefix.writes.values()),
        "reads": prefix.reads,
        "saved_usd_per_month": saved,
        "range": sorted([saved * min(factors), saved * max(factors)]),
    }


def _recorded(trace: Trace, kept: Ints, prices: Prices, where: Any, uses: dict[str, Use]) -> dict[str, float] | None:
    """Where the trace holds cache tokens, price what was paid for its input."""
    columns = {b: trace.column(f"{b}_tokens") for b in BUCKETS if b != "output"}
    if not any(values is not None and np.nansum(values) > 0 for b, values in columns.items() if b != "input"):
        return None
    tokens = {b: np.nan_to_num(np.asarray(v, dtype=float))[kept] for b, v in columns.items() if v is not None}
    return {
        "paid_usd": float(price_vector(prices, where.spot, tokens).sum()),
        "none_usd": float(uses["none"].cost_usd.sum()),
        "best_usd": float(uses["best"].cost_usd.sum()),
    }
