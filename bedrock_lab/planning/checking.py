"""A plan, or stated limits, checked at seconds: every request admitted, refused, sent on or made to wait."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bedrock_lab.assumptions import Origin
from bedrock_lab.assumptions import stated as assumed
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.catalogue.pricelist import prices as load_prices
from bedrock_lab.errors import InputError
from bedrock_lab.planning import checking_notes as notes
from bedrock_lab.planning.checking_arrivals import process_of
from bedrock_lab.planning.checking_demand import Played, of_rows, played, with_reads
from bedrock_lab.planning.checking_options import (
    BEST,
    CENTRAL,
    HOUR_S,
    WORST,
    Laws,
    Stated,
    Ways,
    burndown_of,
    spread,
    ways_of,
)
from bedrock_lab.planning.checking_plan import against, choice_of
from bedrock_lab.planning.slo import EVIDENCE, check_slo, parse_slo
from bedrock_lab.predict.quota_holding import TIMES
from bedrock_lab.predict.quota_retries import ATTEMPTS, Retries
from bedrock_lab.predict.sim_draws import Load
from bedrock_lab.predict.sim_result import SHARES, Simulation, terms_of
from bedrock_lab.predict.sim_run import LEAST_REPLICATIONS, Runs, simulated
from bedrock_lab.predict.sim_service import Recorded, Service, service_of
from bedrock_lab.traffic.checked import checked
from bedrock_lab.traffic.clock import MONTH_S
from bedrock_lab.traffic.trace import Trace


def simulate(
    trace: Trace,
    prices: Prices | None = None,
    *,
    plan: Any = None,
    candidate: str | None = None,
    model: str | None = None,
    as_model: str | None = None,
    region: str | None = None,
    scope: str | None = None,
    service: Service | str | None = None,
    arrivals: str | None = None,
    rate: float | None = None,
    cv: float | None = None,
    shape: str | None = None,
    duration_s: float | None = None,
    response_cache: float = 0.0,
    prompt_cache: float = 0.0,
    max_tokens: int | None = None,
    max_attempts: int = ATTEMPTS,
    clients: int | None = 1,
    slo: Mapping[str, float] | str | None = None,
    assume: Mapping[str, Any] | None = None,
    replications: int = LEAST_REPLICATIONS,
    seed: int = 0,
    ends: bool = True,
    **limits: Any,
) -> Simulation:
    """Play the requests of a trace through what a plan bought, or through stated limits, and say what comes of it.

    Parameters
    ----------
    plan
        A plan, or what ``bedrock-lab plan FILE --json`` printed; its recommended candidate, or `candidate`.
    service
        Law of latencies: ``"constant=S"``, ``"exponential=MEAN_S"``, ``"lognormal=MEDIAN_S,SIGMA"``, or anything with
        ``draw(rng, input_tokens, output_tokens, concurrency)``, such as `predict.latency_sample.Law` of a fit; default
        the trace's own timings, row by row, else nothing is known. Timings decide an SLO only where their origin is
        live or log.
    arrivals, rate, cv, shape, duration_s
        Draw arrivals by a ``poisson`` or ``gamma`` process instead of taking the trace's own: its rate [1/s], the
        variation of its gaps, its 168 hourly weights (``flat``, ``office``, a file) and how long [s].
    response_cache, prompt_cache
        Share of requests the response cache answers; share of the uncached input that the prompt cache reads.
    max_attempts, clients
        Attempts in all, and how many clients share the SDK's retry purse; None for one each.
    slo
        ``{"ttft_p95": 1.5}`` or ``"ttft_p95=1.5"`` [s]; default the plan's.
    assume
        ``ttft_s`` [s] and ``otps`` [tokens/s]: how long requests hold their places, in place of the trace's times or of
        what is published. Latencies are then not known.
    replications
        Ten or more; all draws come from `seed`, request by request, so that variants meet the same numbers.
    ends
        Whether to play what is assumed of the limits at both its ends too, for `range`.
    limits
        Fields of `planning.checking_options.Stated`: ``tpm rpm tpd burst_s burndown reserve_burndown input_tpm
        output_tpm usd_per_hour servers max_wait_s overflow deferrable deadline_h turnaround_h defer_to``;
        what a plan was held against (quota, deadline) holds where nothing else is stated.

    Raises
    ------
    InputError
        A value is wrong, or the plan is none.
    LabError
        The numbers of a run break Little's law.

    Examples
    --------
    >>> from bedrock_lab.traffic import make_trace
    >>> columns = {"time_s": np.arange(90.0), "input_tokens": np.ones(90), "output_tokens": np.ones(90)}
    >>> trace = make_trace(columns, origin="synthetic", source="one a second", format="example")
    >>> found = simulate(trace, rpm=30, max_attempts=1)  # 30 are in the bucket, and two seconds bring one
    >>> round(found.throttled_share * 90), found.ttft_s is None
    (16, True)
    """
    trace = checked(trace)
    prices = prices or load_prices()
    choice = None if plan is None else choice_of(plan, candidate)
    stated = _stated(limits, {} if choice is None else choice.limits)
    if choice is None:
        stated.check_partners()
    elif max_tokens is None:
        max_tokens = choice.max_tokens
    if choice is not None:
        choice = against(choice, trace, prices)
    if candidate is not None and plan is None:
        raise InputError(f"candidate {candidate!r}: name one together with a plan (--plan PLAN.json)")
    goals = parse_slo(slo) if isinstance(slo, str) else check_slo(dict(slo or (choice.slo if choice else {})))
    if choice is not None and choice.model_id is not None:
        given = choice.model_id
        model, as_model = (model or given, given if as_model is None and choice.repriced else as_model)
        region = region or choice.region
    times = assumed(assume or {}, TIMES)
    if times and service is not None:
        raise InputError(f"assume {', '.join(times)}: a latency model is given and says it; give one of them")
    taken = played(
        trace, model=model, as_model=as_model, region=region, scope=scope, max_tokens=max_tokens, given=times,
        counted=stated.counts_tokens,
    )  # fmt: skip
    laws, evidence, decides = _laws(trace, taken, service, own=not times)
    evidence |= {"decides": decides}
    process, period, words = process_of(trace, taken.time_s, arrivals, rate, cv, shape, duration_s)
    burndown, burns = burndown_of(stated, taken)
    priced = with_reads(taken, prompt_cache)
    retries = Retries(attempts=max_attempts, clients=clients)

    def run(side: str) -> tuple[Ways, Runs]:
        ways = ways_of(priced, prices, stated, choice, laws, burndown, side)
        load = Load(
            time_s=taken.time_s,
            input_tokens=taken.input_tokens,
            cache_read_tokens=taken.cache_read_tokens,
            cache_write_tokens=taken.cache_write_tokens,
            output_tokens=taken.output_tokens,
            max_tokens=taken.least_tokens if side == BEST else taken.max_tokens,
            period_s=period,
            process=process,
            response_cache=response_cache,
            prompt_cache=prompt_cache,
            deferrable=ways.deferrable,
        )
        deadline = None if stated.deadline_h is None else stated.deadline_h * HOUR_S
        return ways, simulated(
            load, ways.options, ways.paths, retries=retries, replications=replications, seed=seed, deadline_s=deadline
        )

    ways, runs = run(CENTRAL)
    others = [run(side)[1] for side in (WORST, BEST)] if ends and spread(choice, burndown, taken, laws, ways) else []
    per_month = float(MONTH_S) / period
    monthly = runs.mean("cost_usd")
    held = notes.Held(
        trace, taken, stated, choice, laws, ways, runs, process, slo=bool(goals), undecided=bool(goals) and not decides
    )
    return Simulation(
        runs=runs,
        range=_ranges([runs, *others]) if others else {},
        slo=terms_of(goals, runs, decides=decides),
        evidence=evidence,
        plan=None if choice is None else notes.beside(choice, None if monthly is None else monthly * per_month),
        options=tuple(option.name for option in ways.options),
        replications=replications,
        seed=seed,
        period_s=period,
        per_month=per_month,
        arrivals=words,
        model=taken.model.id if taken.model else None,
        model_id=_model_id(taken),
        region=taken.rows.targets[0].region if taken.rows else None,
        as_of=prices.as_of.isoformat() if taken.rows else None,
        source=trace.source,
        origin=trace.origin,
        assumptions=notes.assumptions(held, clients, prompt_cache, burns),
        warnings=notes.warnings(held, prices),
    )


def _stated(limits: dict[str, Any], planned: Mapping[str, Any]) -> Stated:
    """Read the limits that are stated, and those of a plan where nothing is."""
    known = set(Stated.__dataclass_fields__)
    unknown = sorted(set(limits) - known)
    if unknown:
        raise InputError(f"unknown argument {unknown[0]!r} of simulate; known limits: {', '.join(sorted(known))}")
    return Stated(**{**planned, **{name: value for name, value in limits.items() if value is not None}})


def _laws(
    trace: Trace, taken: Played, service: Service | str | None, *, own: bool
) -> tuple[Laws, dict[str, Any], bool]:
    """Find the law of latencies, what it is evidence of, and whether it may decide an SLO."""
    if service is not None:
        law = service_of(service) if isinstance(service, str) else service
        if getattr(law, "kind", None) == "published":
            return Laws(law, stated=True), {"latency": "published figures", "kind": "published"}, False
        origin = getattr(law, "origin", None) or getattr(getattr(law, "model", None), "origin", None)
        evidence = {"latency": str(service) if isinstance(service, str) else type(law).__name__, "kind": "stated"}
        if origin is not None:
            evidence = {"latency": "a fit", "kind": "fitted", "origin": str(origin)}
        return Laws(law, stated=True), evidence, origin is None or Origin(origin) in EVIDENCE
    found = Recorded(of_rows(trace, taken.kept, "ttft_s"), of_rows(trace, taken.kept, "e2e_s"))
    if not own or np.isnan(found.e2e_s).all():
        return Laws(None, stated=False), {"latency": None, "kind": None}, False
    evidence = {"latency": "the trace's own timings", "kind": "measured", "origin": str(trace.origin)}
    return Laws(found, stated=False), evidence, trace.origin in EVIDENCE


def _ranges(several: list[Runs]) -> dict[str, tuple[float, float]]:
    out = {}
    for name in SHARES:
        means = [runs.mean(name) for runs in several]
        known = [mean for mean in means if mean is not None]
        if len(known) == len(means):
            out[name] = (min(known), max(known))
    return out


def _model_id(taken: Played) -> str | None:
    if taken.rows is None:
        return None
    ids = list(dict.fromkeys(where.model_id for where in taken.rows.targets))
    return ids[0] if len(ids) == 1 else f"{len(ids)} models"
