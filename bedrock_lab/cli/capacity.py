"""``plan``: which way of buying is cheapest for a trace."""

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
    TOKEN_RATIO,
    assignments,
    chosen_region,
    chosen_seed,
    count,
    emit,
    load_prices,
    number,
    ratio_of,
    read_file,
    real,
    warn,
    whole,
)
from bedrock_lab.cli.segments import plan_by_segment
from bedrock_lab.errors import InputError

INFEASIBLE = 3
NO_LONGER = 3


def plan(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A trace: a file or a folder.")],
    model: str | None = ROWS_MODEL,
    as_model: str | None = AS_MODEL,
    region: str | None = REGION,
    scope: str | None = SCOPE,
    allow_scopes: Annotated[
        str | None, typer.Option("--allow-scopes", help="Scopes a recommendation may use: in-region,geo,global.")
    ] = None,
    option: Annotated[
        str | None,
        typer.Option(
            "--option", help="on-demand,priority,flex,latency-optimized,batch,provisioned,reserved (default all)."
        ),
    ] = None,
    shape: str | None = SHAPE,
    period_s: Annotated[
        float | None, typer.Option("--period-s", parser=real, metavar="X", help="Time the trace stands for [s].")
    ] = None,
    window_s: Annotated[
        float | None,
        typer.Option("--window-s", parser=real, metavar="X", help="Window capacity is measured in [s] (default 60)."),
    ] = None,
    deferrable: Annotated[
        float, typer.Option("--deferrable", parser=real, metavar="X", help="Share of requests that can wait [0..1].")
    ] = 0.0,
    deadline_h: Annotated[
        float | None, typer.Option("--deadline-h", parser=real, metavar="X", help="How long they can wait [h].")
    ] = None,
    unit_input_tpm: Annotated[
        float | None,
        typer.Option("--unit-input-tpm", parser=real, metavar="X", help="Input of one model unit [tokens/min]."),
    ] = None,
    unit_output_tpm: Annotated[
        float | None,
        typer.Option("--unit-output-tpm", parser=real, metavar="X", help="Output of one model unit [tokens/min]."),
    ] = None,
    unit_price: Annotated[
        str | None, typer.Option("--unit-price", help="Price of a model unit [USD/h]: none=60,1m=44,6m=30.")
    ] = None,
    slo: Annotated[str | None, typer.Option("--slo", help="Latency limits [s]: ttft_p95=1.5,e2e_p99=20.")] = None,
    latency: str | None = LATENCY,
    group: str | None = GROUP,
    tpm: float | None = number("--tpm", "Quota on demand [tokens/min], held against the SLO."),
    rpm: float | None = number("--rpm", "Quota on demand [requests/min], held against the SLO."),
    max_units: int | None = count("--max-units", "Model units the account may hold."),
    max_tokens: int | None = count("--max-tokens", "max_tokens of every request, which a quota reserves."),
    assume: Annotated[
        list[str] | None, typer.Option("--assume", help="An assumption: name=value or name=lo..hi; repeatable.")
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", help="Plan by segment, told apart by app, model or operation: app,model.")
    ] = None,
    segments: Annotated[
        str | None,
        typer.Option("--segments", help="TOML file of segments with limits and substitutes of their own."),
    ] = None,
    risk: Annotated[
        str,
        typer.Option("--risk", help="Choose by: mean, or cvar90 (mean cost of the dearest tenth of the resamples)."),
    ] = "mean",
    token_ratio: str = TOKEN_RATIO,
    overlay: str | None = OVERLAY,
    date: str | None = DATE,
    seed: Annotated[
        int | None, typer.Option("--seed", parser=whole, metavar="N", help="Seed of the resampling.")
    ] = None,
    format: str = FORMAT,  # noqa: A002 - the option's word
    columns: str | None = COLUMNS,
    json: bool = JSON,
) -> int:
    """Choose the cheapest way of buying this traffic, and say how sure that is."""
    from bedrock_lab.planning.planner import plan as make
    from bedrock_lab.views import tables

    asked: dict[str, Any] = {
        "model": model,
        "as_model": as_model,
        "region": chosen_region(region),
        "scope": scope,
        "allow_scopes": allow_scopes,
        "option": option,
        "shape": shape,
        "period_s": period_s,
        "window_s": window_s,
        "deferrable": deferrable,
        "deadline_h": deadline_h,
        "unit_input_tpm": unit_input_tpm,
        "unit_output_tpm": unit_output_tpm,
        "unit_price": unit_price,
        "slo": slo,
        "assume": assignments((part for text in assume or [] for part in text.split(",")), "--assume"),
        "token_ratio": ratio_of(token_ratio),
        "seed": chosen_seed(seed),
        "risk": risk,
    }
    trace, listed = read_file(file, format, columns), load_prices(date, overlay)
    held: dict[str, Any] = {"tpm": tpm, "rpm": rpm, "max_units": max_units, "max_tokens": max_tokens}
    if by is not None or segments is not None:
        alone = [n for n, v in {"latency": latency, "group": group, **held}.items() if v is not None]
        if alone:
            raise InputError(f"--{alone[0]}: segments are not simulated; plan without --by and --segments")
        return plan_by_segment(trace, listed, by, segments, asked, as_json=json)
    found = make(trace, listed, latency=_fit(latency), latency_group=group, **asked, **held)
    warn(found.warnings)
    parts = {
        "Candidates": tables.candidates_table(found),
        "What would change this answer": tables.flips_table(found),
        "How to act": tables.actions_table(found),
        "As finance reads it": tables.finance_table(found),
        "Chosen on the past, judged on what came": tables.backtest_table(found),
        "What is assumed": tables.assumptions_table(found),
        "Not offered": tables.not_offered_table(found),
    }
    text = "\n\n".join([found.answer, *(f"{title}\n{table}" for title, table in parts.items() if table.rows)])
    emit(found.to_dict(), text, as_json=json)
    return INFEASIBLE if found.decision == "infeasible" else 0


def _fit(path: str | None) -> Any:
    """Read a fit of latencies."""
    if path is None:
        return None
    from bedrock_lab.measuring.fitting import load_latency

    return load_latency(path)


def plan_check(
    plan: Annotated[str, typer.Argument(metavar="PLAN.json", help="What plan --json printed.")],
    file: Annotated[str, typer.Argument(metavar="FILE", help="A trace of the new traffic: a file or a folder.")],
    overlay: str | None = OVERLAY,
    date: str | None = DATE,
    format: str = FORMAT,  # noqa: A002 - the option's word
    columns: str | None = COLUMNS,
    json: bool = JSON,
) -> int:
    """Evaluate an old plan on new traffic, and say since when it is no longer right."""
    from bedrock_lab.planning.rechecking import check_plan
    from bedrock_lab.planning.saved import load_plan
    from bedrock_lab.views import tables

    saved = load_plan(plan)
    found = check_plan(saved, read_file(file, format, columns), load_prices(date, overlay))
    warn(found.warnings)
    emit(found.to_dict(), f"{found.answer}\n\n{tables.recheck_table(found)}", as_json=json)
    return NO_LONGER if found.still_right is False else 0
