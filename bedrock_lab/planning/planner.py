"""The plan: every way of buying costed for this traffic, the cheapest named, and how sure that is."""

from collections.abc import Mapping, Sequence
from typing import Any

from bedrock_lab.catalogue import places
from bedrock_lab.catalogue.model import invocable, lifecycle
from bedrock_lab.catalogue.offers import TIER_OF
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.catalogue.pricelist import prices as load_prices
from bedrock_lab.catalogue.tables import source_text
from bedrock_lab.catalogue.target import lifecycle_warning
from bedrock_lab.errors import InputError
from bedrock_lab.planning import answers, decide, intervals
from bedrock_lab.planning.candidates import Candidate, Costing, Purchase
from bedrock_lab.planning.demand import DAY_S
from bedrock_lab.planning.market import Market, open_market
from bedrock_lab.planning.question import ask
from bedrock_lab.planning.result import Certificate, Plan
from bedrock_lab.planning.slo import trace_meets
from bedrock_lab.planning.units import UnitFigures
from bedrock_lab.rows import TOKEN_RATIO, Rows, priced_rows
from bedrock_lab.traffic.trace import Trace


def plan(
    trace: Trace,
    prices: Prices | None = None,
    *,
    model: str | None = None,
    as_model: str | None = None,
    region: str | None = None,
    scope: str | None = None,
    allow_scopes: str | Sequence[str] | None = None,
    option: str | list[str] | None = None,
    shape: str | None = None,
    period_s: float | None = None,
    window_s: float | None = None,
    deferrable: float = 0.0,
    deadline_h: float | None = None,
    unit_input_tpm: float | str | None = None,
    unit_output_tpm: float | str | None = None,
    unit_price: Mapping[str, float] | str | None = None,
    slo: Mapping[str, float] | str | None = None,
    assume: Mapping[str, Any] | None = None,
    token_ratio: tuple[float, float] = TOKEN_RATIO,
    seed: int = 0,
) -> Plan:
    """Choose the cheapest way of buying this traffic, and say how sure that is.

    Parameters
    ----------
    trace
        Requests or windows of tokens.
    model, as_model
        Model of rows that name none; model to reprice all rows as.
    allow_scopes
        Scopes a recommendation may use, ``"in-region,geo,global"``; default the traffic's own, or the nearest
        that can be invoked.
    option
        Ways of buying to consider; default all.
    shape
        ``flat``, ``office`` or a file of 168 hourly weights, for a trace under seven days.
    window_s
        Width of the windows capacity is measured in [s]; default 60, or the trace's own where it holds wider ones.
    deferrable
        Share of requests that can wait [0..1].
    deadline_h
        How long they can wait [h].
    unit_input_tpm, unit_output_tpm, unit_price
        Throughput [tokens/min] and price by term [USD/h] of a provisioned model unit.
    slo
        ``{"ttft_p95": 1.5}`` [s].
    assume
        Other assumptions by name: a value or ``"lo..hi"``.

    Raises
    ------
    InputError
        A value is wrong, a price is missing, or a model is past its end of life.
    """
    prices = prices or load_prices()
    question = ask(
        option, deferrable, deadline_h, shape, slo, unit_input_tpm, unit_output_tpm, unit_price, assume, seed
    )
    rows = priced_rows(trace, model=model, as_model=as_model, region=region, scope=scope, token_ratio=token_ratio)
    _refuse_ended(rows, prices)
    market = open_market(trace, rows, prices, question, allow_scopes=allow_scopes, window_s=window_s, period_s=period_s)
    capacity, no_capacity = market.capacity(Costing(market.demand, market.scenario))
    met = trace_meets(trace, question.slo)
    costed = _costed(market, [_baseline(market), *market.tokens, *capacity], met)
    baseline, listed = costed[0], costed[1:]
    decision = decide.decide(listed, short=market.short)
    ids = list(dict.fromkeys(t.model_id for t in rows.targets))
    model_id = ids[0] if len(ids) == 1 else f"{len(ids)} models"
    days = market.demand.period_s / DAY_S
    warnings = [
        *rows.warnings,
        *prices.notes,
        *(lifecycle_warning(m, prices) for m in rows.models),
        *market.warnings,
        _unused(model, rows),
        _might(listed, decision),
        _outside(market),
        _short_note(market),
        "no evidence of latency for the SLO: slo_met is null where nothing measured decides it"
        if question.slo and met is None
        else None,
        "windows hold sums: long-context thresholds of single requests cannot be applied"
        if not rows.single and any(prices.thresholds(t.model.id, t.scope, t.tier) for t in rows.targets)
        else None,
    ]
    return Plan(
        model=market.model.id if market.model else None,
        model_id=model_id,
        region=market.region,
        as_of=prices.as_of.isoformat(),
        source=trace.source,
        origin=trace.origin,
        requests=int(trace.requests),
        period_s=market.demand.period_s,
        decision=decision.word,
        answer=answers.sentence(decision, baseline, model_id, trace.origin, days, deferrable, missed_slo=met is False),
        baseline=baseline,
        recommended=decision.candidate,
        candidates=tuple(listed),
        not_offered=(*market.refused, *no_capacity),
        flips=tuple(market.flips()),
        actions=tuple(answers.steps(decision, market.model, model_id, market.region, short=market.short)),
        certificate=_certificate(market, listed, decision),
        assumptions=tuple(market.assumptions.values()),
        warnings=tuple(dict.fromkeys(w for w in warnings if w)),
        price_sources=_price_sources(rows, prices, market.figures),
        seed=seed,
        demand=market.demand,
        scenario=market.scenario,
    )


def _costed(market: Market, purchases: list[Purchase], met: bool | None) -> list[Candidate]:
    """Cost every purchase, with its range and its sampling interval."""
    made, scenario = market.demand, market.scenario
    costs = Costing(made, scenario).monthly(purchases)
    low, high = intervals.cost_ranges(made, scenario, purchases, market.assumptions, market.shapes, market.extra_usd)
    sampled = None
    if not market.short:
        spread = market.assumptions.get("week_to_week_cv")
        sampled = intervals.sampling_intervals(
            made,
            scenario,
            purchases,
            week_to_week_cv=float(spread.value) if spread else 0.0,
            seed=market.question.seed,
        )
    return [
        Candidate(
            purchase=p,
            cost_usd_per_month=float(costs[i]),
            range=(float(low[i]), float(high[i])),
            ci95=(float(sampled[0][i]), float(sampled[1][i])) if sampled else None,
            slo_met=met if p.option == "on-demand" and p.tier == "default" else None,
        )
        for i, p in enumerate(purchases)
    ]


def _certificate(market: Market, listed: list[Candidate], decision: decide.Decision) -> Certificate:
    """Bound the cost from below, and say how far the choice is from the bound."""
    bought = [c.purchase for c in decide.eligible(listed)]
    bound = decide.lower_bound(
        market.demand,
        market.scenario,
        [p for p in bought if not p.is_capacity],
        min((p.usd_per_hour for p in bought if p.option == "provisioned"), default=None),
        min((p.usd_per_hour_per_ktpm for p in bought if p.option == "reserved"), default=None),
    )
    judged = decision.candidate or decision.cheapest
    cost = judged.cost_usd_per_month if judged else 0.0
    return Certificate(lower_bound_usd=bound, gap=1 - bound / cost if cost > 0 else None)


def _refuse_ended(rows: Rows, prices: Prices) -> None:
    for name in rows.models:
        life = lifecycle(name, prices.as_of)
        if life.state == "EOL":
            instead = life.replacement or "none is named by a source (bedrock-lab models lists what is active)"
            raise InputError(
                f"{name} passed its end of life {'by' if life.eol_note else 'on'} {life.eol}; replacement: {instead}"
            )


def _baseline(market: Market) -> Purchase:
    """On-demand, default tier, as the trace stands."""
    scope = market.scopes.baseline
    stands = market.model is None or scope is None or invocable(market.model.id).get(scope) != "no"
    return Purchase(
        name="on-demand", option="on-demand", tier="default", scope=scope, availability="yes" if stands else "no"
    )


def _outside(market: Market) -> str | None:
    """Name a cheaper scope that the plan may not use."""
    model, scopes, made = market.model, market.scopes, market.demand
    if model is None or not scopes.allowed:
        return None
    home = float(made.token_usd.get(("default", scopes.home or ""), made.on_demand_usd).sum())
    best: tuple[float, str] | None = None
    for scope in places.SCOPES:
        cost = made.token_usd.get(("default", scope))
        if scope in scopes.allowed or invocable(model.id).get(scope) == "no" or cost is None:
            continue
        saved = home - float(cost.sum())
        if saved > 0.001 * home and (best is None or saved > best[0]):
            best = (saved, scope)
    if best is None:
        return None
    usd = answers.usd(best[0] * made.per_month * market.scenario.volume)
    return f"scope {best[1]} would cost {usd} a month less; it is outside the allowed scopes (--allow-scopes)"


def _price_sources(rows: Rows, prices: Prices, figures: UnitFigures | None) -> tuple[dict[str, str], ...]:
    """List the price facts the plan rests on, each with its source and date."""
    facts: dict[tuple[str, ...], dict[str, str]] = {}
    for where in rows.targets:
        for tier in TIER_OF.values():
            spot = where.spot._replace(tier=tier)
            for bucket, tokens in rows.tokens.items():
                held = prices.rows_on(spot, bucket)
                if not held or not tokens.any():
                    continue
                row = held[-1]
                facts[(row.model, row.scope, tier, bucket)] = {
                    "what": f"{row.model} {bucket}, {tier}, {where.scope}",
                    "usd": f"{row.usd_per_mtok} per 1M tokens",
                    "since": row.since.isoformat(),
                    "source": source_text(row.source),
                }
    for term, usd in (figures.usd_per_hour if figures else {}).items():
        facts["unit", term] = {
            "what": f"model unit, {answers.COMMITMENT[term]}",
            "usd": f"{usd:g} per hour",
            "since": "",
            "source": figures.note if figures else "",
        }
    return tuple(facts.values())


def _unused(model: str | None, rows: Rows) -> str | None:
    """Say that a model was given which no row needs."""
    if model is None or any(t.model_id == model for t in rows.targets):
        return None
    return f"every row names its own model: {model} is not used (--as-model reprices)"


def _might(listed: list[Candidate], decision: decide.Decision) -> str | None:
    """Name what might be cheaper if what nobody publishes turned out well."""
    chosen = decision.candidate
    unknown = [c for c in listed if c.purchase.availability == "unknown"]
    if chosen is None or not unknown:
        return None
    best = min(unknown, key=lambda c: c.cost_usd_per_month)
    if best.cost_usd_per_month >= chosen.cost_usd_per_month:
        return None
    how = (
        "give --unit-input-tpm and --unit-output-tpm" if best.purchase.option == "provisioned" else "ask for its price"
    )
    return f"{best.name} might cost {answers.usd(best.cost_usd_per_month)} a month if what is assumed holds: {how}"


def _short_note(market: Market) -> str | None:
    """Say what a short trace cannot show."""
    if not market.short:
        return None
    capacity = {"provisioned", "reserved"} & set(market.question.options)
    held = "; no capacity is recommended on it" if capacity else ""
    length = answers.length(market.demand.period_s / DAY_S)
    return (
        f"{length} of traffic do not show how weeks differ: no sampling interval{held} (two weeks, or --shape, would)"
    )
