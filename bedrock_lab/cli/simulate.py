"""``simulate``: what a plan or stated limits do to a trace, request by request."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bedrock_lab.cli.output import (
    AS_MODEL,
    COLUMNS,
    DATE,
    FORMAT,
    GROUP,
    JSON,
    LATENCY,
    OVERLAY,
    REGION,
    ROWS_MODEL,
    SCOPE,
    SHAPE,
    assignments,
    chosen_region,
    chosen_seed,
    count,
    emit,
    load_prices,
    number,
    read_file,
    warn,
)
from bedrock_lab.errors import InputError

LIMIT_MISSED = 3


def simulate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A trace: a file or a folder.")],
    plan: Annotated[str | None, typer.Option("--plan", metavar="PLAN.json", help="What plan --json printed.")] = None,
    candidate: Annotated[
        str | None, typer.Option("--candidate", help="Candidate of the plan (default the recommended one).")
    ] = None,
    model: str | None = ROWS_MODEL,
    as_model: str | None = AS_MODEL,
    region: str | None = REGION,
    scope: str | None = SCOPE,
    service: Annotated[
        str | None,
        typer.Option("--service", help="Latency: constant=S, exponential=MEAN_S or lognormal=MEDIAN_S,SIGMA."),
    ] = None,
    latency: str | None = LATENCY,
    group: str | None = GROUP,
    slo: Annotated[
        str | None, typer.Option("--slo", help="Latency limits [s]: ttft_p95=1.5 (default the plan's).")
    ] = None,
    tpm: float | None = number("--tpm", "Quota on demand [tokens/min]."),
    rpm: float | None = number("--rpm", "Quota on demand [requests/min]."),
    tpd: float | None = number("--tpd", "Quota on demand [tokens/day]."),
    burst_s: float = number("--burst-s", "Seconds of its rate a bucket holds.", 60.0),
    burndown: float | None = number("--burndown", "Quota tokens an output token counts."),
    reserve_burndown: float = number("--reserve-burndown", "Quota tokens a token of max_tokens reserves.", 1.0),
    max_tokens: int | None = count("--max-tokens", "max_tokens of every request."),
    input_tpm: float | None = number("--input-tpm", "Capacity bought: input [tokens/min]."),
    output_tpm: float | None = number("--output-tpm", "Capacity bought: output [tokens/min]."),
    usd_per_hour: float | None = number("--usd-per-hour", "Price of it [USD/h]."),
    no_overflow: Annotated[
        bool, typer.Option("--no-overflow", help="What bought capacity refuses is not sent on demand.")
    ] = False,
    servers: int | None = count("--servers", "Requests at a time at the first option."),
    max_wait_s: float = number("--max-wait-s", "How long to wait in line for it [s].", 0.0),
    max_attempts: int = count("--max-attempts", "Attempts in all, by the SDK's rules.", 3),
    clients: int = count("--clients", "Clients, each with a retry purse of its own.", 1),
    response_cache: float = number("--response-cache", "Share the response cache answers [0..1].", 0.0),
    prompt_cache: float = number("--prompt-cache", "Share of input the prompt cache reads [0..1].", 0.0),
    deferrable: float | None = number("--deferrable", "Share of requests that can wait [0..1] (default the plan's)."),
    defer_to: Annotated[str, typer.Option("--defer-to", help="Where they go: batch or flex.")] = "batch",
    deadline_h: float | None = number("--deadline-h", "How long they can wait [h]."),
    turnaround_h: float | None = number("--turnaround-h", "How long batch takes [h]."),
    assume: Annotated[
        list[str] | None,
        typer.Option("--assume", help="ttft_s=X or otps=Y, value or lo..hi, for how long a quota is held."),
    ] = None,
    arrivals: Annotated[
        str | None, typer.Option("--arrivals", help="Draw arrivals: poisson or gamma (default the trace's own).")
    ] = None,
    rate: float | None = number("--rate", "Rate of drawn arrivals [1/s] (default the trace's)."),
    cv: float | None = number("--cv", "Variation of the gaps, for gamma (default the trace's)."),
    shape: str | None = SHAPE,
    duration_s: float | None = number("--duration-s", "How long arrivals are drawn [s]."),
    replications: int = count("--replications", "Replications, 10 or more.", 10),
    seed: int | None = count("--seed", "Seed of all draws."),
    overlay: str | None = OVERLAY,
    date: str | None = DATE,
    format: str = FORMAT,  # noqa: A002 - the option's word
    columns: str | None = COLUMNS,
    json: bool = JSON,
) -> int:
    """Check a plan, or stated limits, at seconds: throttles, overflow, waits, cost and the SLO."""
    from bedrock_lab.planning.checking import simulate as play

    found = play(
        read_file(file, format, columns),
        load_prices(date, overlay),
        plan=None if plan is None else _plan(plan),
        candidate=candidate,
        model=model,
        as_model=as_model,
        region=chosen_region(region),
        scope=scope,
        service=_law(service, latency, group),
        slo=slo,
        assume=assignments(assume or [], "--assume"),
        tpm=tpm,
        rpm=rpm,
        tpd=tpd,
        burst_s=burst_s,
        burndown=burndown,
        reserve_burndown=reserve_burndown,
        max_tokens=max_tokens,
        input_tpm=input_tpm,
        output_tpm=output_tpm,
        usd_per_hour=usd_per_hour,
        overflow=not no_overflow,
        servers=servers,
        max_wait_s=max_wait_s,
        max_attempts=max_attempts,
        clients=clients,
        response_cache=response_cache,
        prompt_cache=prompt_cache,
        deferrable=deferrable,
        defer_to=defer_to,
        deadline_h=deadline_h,
        turnaround_h=turnaround_h,
        arrivals=arrivals,
        rate=rate,
        cv=cv,
        shape=shape,
        duration_s=duration_s,
        replications=replications,
        seed=chosen_seed(seed),
    )
    warn(found.warnings)
    emit(found.to_dict(), _text(found), as_json=json)
    return LIMIT_MISSED if found.slo_met is False else 0


def _plan(path: str) -> Any:
    """Read a plan's JSON."""
    import json

    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise InputError(f"--plan {path}: cannot be read ({reason}); give what `plan FILE --json` printed") from None
    except json.JSONDecodeError as error:
        raise InputError(
            f"--plan {path}: is no JSON (line {error.lineno}); give what `plan FILE --json` printed"
        ) from None
    if found is None:  # to simulate it is no plan at all
        raise InputError(f"--plan {path}: is no plan; give what `plan FILE --json` printed")
    return found


def _law(service: str | None, latency: str | None, group: str | None) -> Any:
    """Read the law of latencies: one of the simple ones, or a fit."""
    if latency is None:
        if group is not None:
            raise InputError(f"--group {group}: names a group of a fit; give one (--latency M.json)")
        return service
    if service is not None:
        raise InputError(f"--service {service} and --latency {latency}: give one of them")
    from bedrock_lab.measuring.fitting import load_latency
    from bedrock_lab.predict.latency_sample import Law

    fit = load_latency(latency)
    fit.group(group)  # refuses a choice between several that is left open
    return Law(fit, group)


def _text(found: Any) -> str:
    """Lay the answer out for people."""
    from bedrock_lab.views.text import in_columns

    def number(value: float | None, form: str) -> str:
        return "not known" if value is None else format(value, form)

    rows = [
        (
            row["option"],
            f"{row['requests']:,.0f}",
            f"{row['share']:.2%}",
            number(row["utilisation"], ".1%"),
            number(row["cost_usd"], ",.4g"),
            number(row["e2e_mean_s"], ".3f"),
        )
        for row in found.runs.options
    ]
    parts = [
        f"{found.sentence}.",
        in_columns(("option", "requests", "share", "used", "USD", "mean E2E [s]"), rows),
    ]
    latencies = [(name, held) for name in ("ttft_s", "e2e_s", "wait_s") if (held := getattr(found, name))]
    if latencies:
        cells = [
            (name, f"{held['mean']:.3f}", *(_interval(held[p]) for p in ("p50", "p95", "p99")))
            for name, held in latencies
        ]
        parts.append(in_columns(("", "mean", "p50", "p95", "p99"), cells))
    words = {True: "met", False: "missed", None: "not decided"}
    parts += [f"{term.name} <= {term.limit_s:g} s: {words[term.met]}" for term in found.slo]
    if found.range:
        low, high = found.range["throttled_share"], found.range["overflow_share"]
        parts.append(
            f"Over what is assumed of the limits: {low[0]:.2%} to {low[1]:.2%} throttled, "
            f"{high[0]:.2%} to {high[1]:.2%} overflowed."
        )
    if found.plan:
        said, made = found.plan["planned_usd_per_month"], found.plan["simulated_usd_per_month"]
        parts.append(
            f"{found.plan['candidate']}: planned {number(said, ',.0f')} USD a month, simulated {number(made, ',.0f')}"
            + ("." if found.plan["comparable"] else " (of other traffic, see the notes).")
        )
    return "\n\n".join(parts)


def _interval(held: dict[str, Any]) -> str:
    if held["value"] is None:
        return "too few"
    ends = "" if held["lo"] is None else f" [{held['lo']:.3f}, {held['hi']:.3f}]"
    return f"{held['value']:.3f}{ends}"
