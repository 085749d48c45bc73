"""The plan: every way of buying costed for this traffic, the cheapest named, and how sure that is."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from bedrock_lab.catalogue.model import lifecycle
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.catalogue.pricelist import prices as load_prices
from bedrock_lab.catalogue.target import lifecycle_warning
from bedrock_lab.errors import InputError
from bedrock_lab.planning import answers, decide, notes
from bedrock_lab.planning.actions import actions
from bedrock_lab.planning.backtest import backtest
from bedrock_lab.planning.certificate import certify
from bedrock_lab.planning.costing import Costing
from bedrock_lab.planning.demand import DAY_S
from bedrock_lab.planning.facts import price_facts
from bedrock_lab.planning.finance import finance_of
from bedrock_lab.planning.goal import Goal
from bedrock_lab.planning.listing import costed_of, on_sale
from bedrock_lab.planning.opening import Ground, ground_of, open_market
from bedrock_lab.planning.question import Question, ask
from bedrock_lab.planning.result import Plan
from bedrock_lab.planning.saved import plain
from bedrock_lab.planning.sensitivity import marginal, pairs, tornado
from bedrock_lab.planning.slo_opening import held_of
from bedrock_lab.rows import TOKEN_RATIO, Rows, priced_rows
from bedrock_lab.traffic.checked import checked
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
    latency: Any = None,
    latency_group: str | None = None,
    tpm: float | None = None,
    rpm: float | None = None,
    max_units: int | None = None,
    max_tokens: int | None = None,
    assume: Mapping[str, Any] | None = None,
    token_ratio: tuple[float, float] = TOKEN_RATIO,
    seed: int = 0,
    risk: str = "mean",
    explain: bool = True,
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
    latency, latency_group
        What the SLO is held against by simulation: a fit of `fit_latency` (and its group), or a law as `simulate` takes
        it; else the trace's own timings, else what is published of the model.
    tpm, rpm, max_tokens
        Quota on demand [tokens/min], [requests/min], and the limit of every answer [tokens], which a quota reserves.
    max_units
        Model units the account may hold; more are not offered.
    assume
        Other assumptions by name: a value or ``"lo..hi"``.
    risk
        What to choose by: ``mean``, or ``cvar90``, the mean cost of the dearest tenth of the resamples.
    explain
        Whether to search what would change the answer: flips, pairs and the tornado take most of the time.

    Raises
    ------
    InputError
        A value is wrong, a price is missing, or a model is past its end of life.
    """
    asked = {
        name: plain(value) for name, value in locals().items() if name not in {"trace", "prices", "explain", "latency"}
    }
    trace = checked(trace)
    prices = prices or load_prices()
    goal = Goal(
        latency=latency,
        group=latency_group,
        tpm=tpm,
        rpm=rpm,
        max_units=max_units,
        max_tokens=max_tokens,
        deadline_h=deadline_h,
    )
    question = ask(
        option,
        deferrable,
        deadline_h,
        shape,
        slo,
        unit_input_tpm,
        unit_output_tpm,
        unit_price,
        assume,
        seed,
        risk,
        goal,
    )
    rows = priced_rows(trace, model=model, as_model=as_model, region=region, scope=scope, token_ratio=token_ratio)
    refuse_ended(rows, prices)
    ground = ground_of(trace, rows, prices, question, allow_scopes=allow_scopes, window_s=window_s, period_s=period_s)
    return plan_of(trace, rows, ground, question, asked=asked, explain=explain)


def plan_of(
    trace: Trace,
    rows: Rows,
    ground: Ground,
    question: Question,
    *,
    asked: dict[str, Any],
    explain: bool,
    requests: float | None = None,
) -> Plan:
    """Plan the rows summed in a ground: all of a trace, or those of a segment.

    Parameters
    ----------
    asked
        What `plan` was asked, in plain values.
    requests
        How many requests the rows are; default those of the trace.
    """
    prices, risk = ground.prices, question.risk
    segment = requests is not None  # played alone it would have a quota to itself
    requests = float(trace.requests) if requests is None else requests
    market = open_market(ground, question)
    costing = Costing(market.demand, market.scenario)
    purchases, no_capacity = on_sale(market, costing)
    held = None if segment else held_of(trace, rows, market, costing, purchases, asked)
    if held is not None:
        purchases += held.larger
        market = dataclasses.replace(market, headroom=held.headroom)
        ground = dataclasses.replace(ground, headroom=held.headroom)
    costed, information = costed_of(market, purchases)
    baseline, listed = costed[0], costed[1:]
    decision = decide.decide(listed, short=market.short, risk=risk)
    judged = decision.candidate or decision.cheapest
    flips = tuple(market.flips()) if explain and risk == "mean" and not question.goal.quota else ()
    bars = tornado(market, (judged or baseline).purchase, baseline.purchase) if explain else ()
    tested = backtest(market, baseline.purchase) if explain else None
    ids = list(dict.fromkeys(t.model_id for t in rows.targets))
    model_id = ids[0] if len(ids) == 1 else f"{len(ids)} models"
    days = market.demand.period_s / DAY_S
    warnings = [
        *rows.warnings,
        *prices.notes,
        *(lifecycle_warning(m, prices) for m in rows.models),
        *market.warnings,
        notes.unused(asked.get("model"), asked.get("scope"), rows),
        notes.might(listed, decision),
        notes.outside(market),
        notes.short(market),
        notes.regime(tested),
        notes.risk(market),
        notes.response_cache(market),
        *notes.headroom(market, decision),
        "no evidence of latency for the SLO: slo_met is null where nothing measured decides it"
        if question.slo
        and decision.word != "infeasible"
        and (decision.candidate is None or decision.candidate.slo_met is None)
        else None,
        *notes.commitment(market, listed, decision),
        notes.unlisted_units(market, decision),
        notes.flat_tiers(rows, prices, listed),
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
        requests=int(requests),
        period_s=market.demand.period_s,
        decision=decision.word,
        answer=answers.sentence(
            decision,
            baseline,
            model_id,
            trace.origin,
            days,
            question.deferrable,
            missed_slo=market.met is False or market.headroom is not None,
        )
        + answers.out_of_reach(market.headroom),
        baseline=baseline,
        recommended=decision.candidate,
        candidates=tuple(listed),
        not_offered=(*market.refused, *no_capacity),
        flips=flips,
        tornado=bars,
        pairs=pairs(market, flips, bars),
        marginal=marginal(market, judged.purchase) if judged else (),
        backtest=tested,
        finance=finance_of(market, judged or baseline, baseline.purchase, requests),
        actions=tuple(actions(market, decision, baseline, model_id)),
        certificate=certify(
            market.demand,
            market.scenario,
            listed,
            judged,
            deadline_h=question.deadline_h if market.one_shape(costing) else None,
            information_usd=information,
        ),
        assumptions=(*market.assumptions.values(), *(market.headroom.assumptions if market.headroom else ())),
        headroom=market.headroom,
        warnings=tuple(dict.fromkeys(w for w in warnings if w)),
        price_sources=price_facts(rows, prices, (c.purchase for c in costed), market.figures),
        seed=question.seed,
        slo=question.slo,
        demand=market.demand,
        scenario=market.scenario,
        asked=asked,
        ground=ground,
        question=question,
    )


def refuse_ended(rows: Rows, prices: Prices) -> None:
    """Refuse models past their end of life.

    Raises
    ------
    InputError
        Some rows call one.
    """
    for name in rows.models:
        life = lifecycle(name, prices.as_of)
        if life.state == "EOL":
            instead = life.replacement or "none is named by a source (bedrock-lab models lists what is active)"
            raise InputError(
                f"{name} passed its end of life {'by' if life.eol_note else 'on'} {life.eol}; replacement: {instead}"
            )
