"""`quota`: whether requests will be throttled, when, by which limit, and what to do about it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from bedrock_lab.assumptions import stated
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.catalogue.pricelist import prices as load_prices
from bedrock_lab.catalogue.target import lifecycle_warning, target
from bedrock_lab.predict.quota import Limits
from bedrock_lab.predict.quota_advice import Setting, advice_on
from bedrock_lab.predict.quota_buckets import LIMITS
from bedrock_lab.predict.quota_demand import Demand, Found, demand_of
from bedrock_lab.predict.quota_holding import TIMES
from bedrock_lab.predict.quota_notes import (
    ARRIVALS,
    Burndown,
    assumed,
    burndown_of,
    never_started,
    one_request,
    span,
    variants,
    whole_trace,
)
from bedrock_lab.predict.quota_passes import Case, Passes, interval, needed, passes, passes_for
from bedrock_lab.predict.quota_question import (
    above_zero,
    burndown_range,
    check_simulation,
    check_tokens,
    settled_request,
)
from bedrock_lab.predict.quota_request import most_at_once, sustained_rpm
from bedrock_lab.predict.quota_result import Limit, Minute, Quota, Variant
from bedrock_lab.predict.quota_retries import Retries
from bedrock_lab.traffic.checked import checked
from bedrock_lab.traffic.trace import Trace


def quota(
    trace: Trace | None = None,
    prices: Prices | None = None,
    *,
    model: str,
    tpm: float,
    rpm: float | None = None,
    tpd: float | None = None,
    input_tokens: int | None = None,
    max_tokens: int | None = None,
    output_tokens: int | None = None,
    burndown: float | str | tuple[float, float] | None = None,
    burst_s: float = 60.0,
    deferrable: float | None = None,
    attempts: int = 3,
    clients: int | None = 1,
    region: str | None = None,
    scope: str | None = None,
    assume: Mapping[str, Any] | None = None,
    replications: int | None = None,
    seed: int = 0,
) -> Quota:
    """Say what a quota lets through: of one kind of request, and of a trace.

    Parameters
    ----------
    trace
        Requests, or windows that count them; None answers for one kind of request alone.
    prices
        For what Reserved capacity costs; by default today's list.
    tpm, rpm, tpd
        The quota: tokens a minute, requests a minute, tokens a day; None is no such limit.
    input_tokens, max_tokens, output_tokens
        One kind of request [tokens]; with a trace `max_tokens` stands in place of what its rows say, and the others
        only describe the request of `max_concurrent` and `sustained_rpm`. Unset are the trace's means; without a trace
        `max_tokens` is the model's limit and the answer as long as that.
    burndown
        Quota tokens of an output token, or a range ``"lo..hi"``; by default the catalogue's.
    burst_s
        Seconds of its rate that a bucket holds [s].
    deferrable
        Share of the requests that can wait for batch.
    attempts, clients
        The SDK's attempts, and the client objects that share the traffic; None is one for every request.
    assume
        ``ttft_s`` [s] and ``otps`` [tokens/s], in place of the trace's times.
    replications
        Passes of the simulation; by default 10, fewer of very many requests.
    seed
        Seed of retry jitter and of what else is drawn.

    Raises
    ------
    InputError
        A value is wrong, the trace has no such requests, or nothing says how long a prompt or an answer may be.
    """
    trace = trace if trace is None else checked(trace)
    where = target(model, region=region, scope=scope)
    known = where.model
    limits = Limits(tpm=above_zero("tpm", tpm), rpm=rpm, tpd=tpd, burst_s=burst_s)
    check_tokens(known, input_tokens=input_tokens, max_tokens=max_tokens, output_tokens=output_tokens)
    check_simulation(deferrable, replications, seed)
    prices = prices or load_prices()
    rate = burndown_of(known.id, known.burndown, burndown_range(burndown))
    case = Case(limits=limits, burndown=rate.value, retries=Retries(attempts=attempts, clients=clients))
    given = stated(assume or {}, TIMES)
    found = Found()
    demand = None
    if trace is not None:
        rng = np.random.default_rng([seed, 2])
        demand, found = demand_of(trace, known, max_tokens=max_tokens, given=given, rng=rng)
    request = settled_request(known, demand, input_tokens, max_tokens, output_tokens, found)
    starts, binds = most_at_once(request, limits)
    fewest = most_at_once(request, limits, rate.hi)[0]
    sustained = sustained_rpm(request, limits, rate.value) if starts else 0.0
    shortest = request if demand is not None or output_tokens is not None else request._replace(output_tokens=0.0)
    said = (*where.warnings, *found.warnings, *(each for each in [lifecycle_warning(known.id, prices)] if each))
    alone = Quota(
        model=known.id,
        model_id=where.model_id,
        region=where.region,
        scope=where.scope,
        as_of=prices.as_of.isoformat(),
        tpm=limits.tpm or 0.0,
        rpm=rpm,
        tpd=tpd,
        burst_s=burst_s,
        burndown=rate.value,
        input_tokens=request.input_tokens,
        max_tokens=request.max_tokens,
        output_tokens=request.output_tokens,
        max_concurrent=starts,
        max_concurrent_range=(fewest, starts),
        sustained_rpm=sustained,
        sustained_rpm_range=(
            sustained_rpm(request, limits, rate.hi) if fewest else 0.0,
            sustained_rpm(shortest, limits, rate.lo) if starts else 0.0,
        ),
        binds=binds,
        seed=seed,
        answer=one_request(starts, binds, sustained),
        assumptions=(*found.assumptions, *assumed(case, rate, simulated=demand is not None)),
        warnings=tuple(dict.fromkeys(said)),
    )
    if demand is None or trace is None:
        return alone
    often, less_often = passes_for(len(demand), replications)
    setting = Setting(
        demand=demand,
        case=case,
        request=request,
        now=passes(demand, case, seed=seed, replications=often),
        where=where,
        prices=prices,
        deferrable=deferrable,
        seed=seed,
        replications=less_often,
    )
    simulated = _simulated(alone, setting, rate)
    return dataclasses.replace(
        simulated, source=trace.source, origin=trace.origin, start_time=trace.start_time, replications=often
    )


def _simulated(alone: Quota, setting: Setting, rate: Burndown) -> Quota:
    """Put what the simulation of a trace says beside what holds for one request."""
    demand, case, now = setting.demand, setting.case, setting.now
    ways = variants(
        case,
        rate,
        limits_assumed=bool((demand.least_max_tokens < demand.max_tokens).any()),
        times_assumed=bool((demand.fastest_s < demand.slowest_s).any()),
        arrivals_assumed=bool((demand.at_once_s < demand.time_s).any()),
    )
    others = tuple(
        Variant(assumption=name, value=value, **setting.tried(case=other).shares) for name, value, other in ways
    )
    limits = _limits(demand, case, now)
    refused = now.refusals.sum(axis=0)
    binds = LIMITS[int(refused.argmax())] if refused.any() else None
    ranges = {name: span(value, name, others) for name, value in now.shares.items()}
    load = case.load(demand)
    return dataclasses.replace(
        alone,
        warnings=(*alone.warnings, *never_started(load.reserved, case.limits)),
        requests=len(demand),
        throttle_probability=now.throttle_probability,
        failed_share=now.failed_share,
        intervals={
            "throttle_probability": interval(now.throttled, now.requests),
            "failed_share": interval(now.failed, now.requests),
        },
        range=ranges,
        variants=others,
        peak_tpm=float(np.bincount(demand.minute, weights=load.used).max()),
        peak_reserved_tpm=float(np.bincount(demand.minute, weights=load.reserved).max()),
        binds=binds,
        headroom=min(each.headroom for each in limits),
        limits=limits,
        by_minute=_minutes(now),
        advice=advice_on(setting),
        answer=whole_trace(len(demand), now.shares, ranges, binds, limits) + _within_windows(others),
    )


def _within_windows(others: tuple[Variant, ...]) -> str:
    """Say what was assumed of arrivals within windows, where the trace holds such."""
    for each in others:
        if each.assumption == ARRIVALS:
            return (
                f" The trace holds sums: arrivals are taken as even within a window; were all of one to come at once, "
                f"{each.throttle_probability:.2%} would be throttled."
            )
    return ""


def _limits(demand: Demand, case: Case, now: Passes) -> tuple[Limit, ...]:
    load, out = case.load(demand), []
    for i, name in enumerate(LIMITS):
        value = getattr(case.limits, name)
        if value is not None:
            least = needed(load, case.limits.burst_s, name)
            throttled = float(now.refusals[:, i].sum())
            out.append(Limit(limit=name, quota=value, needed=least, headroom=value / least, throttled=throttled))
    return tuple(out)


def _minutes(now: Passes) -> tuple[Minute, ...]:
    most = now.refusals.argmax(axis=1)
    throttled, failed = now.throttled.mean(axis=0), now.failed.mean(axis=0)
    columns = (now.requests, throttled, failed, now.reserved, now.settled)
    return tuple(
        Minute(
            minute=i,
            requests=int(requests),
            throttled=refused,
            failed=lost,
            reserved_tokens=reserved,
            settled_tokens=settled,
            binds=LIMITS[binds] if refused else None,
        )
        for i, (requests, refused, lost, reserved, settled, binds) in enumerate(
            zip(*(each.tolist() for each in columns), most.tolist(), strict=True)
        )
    )
