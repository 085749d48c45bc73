"""``trace``: read traffic, describe it, price it, convert it, make it up."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bedrock_lab.cli.output import (
    APP_KEY,
    AS_MODEL,
    AWS_REGION,
    COLUMNS,
    DATE,
    ENDPOINT,
    FORMAT,
    JSON,
    OVERLAY,
    PROFILE,
    REGION,
    ROWS_MODEL,
    SHAPE,
    SINCE,
    TOKEN_RATIO,
    UNTIL,
    chosen_region,
    chosen_seed,
    emit,
    load_prices,
    number,
    ratio_of,
    read_file,
    real,
    say_left_out,
    warn,
    whole,
)
from bedrock_lab.views.text import in_columns

app = typer.Typer(
    help="Traffic: read it, describe it, price it, make it up.", no_args_is_help=True, rich_markup_mode=None
)

FILE = typer.Argument(..., metavar="FILE", help="A file or a folder.")
OUT = typer.Argument(..., metavar="OUT.parquet", help="Where the trace is written.")
BY = typer.Option(None, "--by", help="Group by columns: app,model.")
SEED = typer.Option(None, "--seed", parser=whole, metavar="N", help="Seed of the random numbers.")


@app.command()
def profile(
    file: Annotated[str, FILE],
    format: str = FORMAT,  # noqa: A002 - the option's word
    columns: str | None = COLUMNS,
    app_key: str | None = APP_KEY,
    since: str | None = SINCE,
    until: str | None = UNTIL,
    by: str | None = BY,
    period_s: Annotated[
        float | None, typer.Option("--period-s", parser=real, metavar="X", help="Time the trace stands for [s].")
    ] = None,
    model: str | None = ROWS_MODEL,
    region: str | None = REGION,
    deferrable: float | None = number("--deferrable", "Share of the requests that can wait a day, for the findings."),
    shape: str | None = SHAPE,
    date: str | None = DATE,
    overlay: str | None = OVERLAY,
    json: bool = JSON,
) -> None:
    """Describe a trace: tokens, peaks, burstiness, what it cannot say, and what to do about it in USD a month."""
    from bedrock_lab.advice.advising import findings
    from bedrock_lab.traffic.profiling import profile as describe
    from bedrock_lab.traffic.profiling import profile_by
    from bedrock_lab.views.findings import findings_text
    from bedrock_lab.views.tables import traffic_table

    trace = read_file(file, format, columns, app_key=app_key, since=since, until=until)
    found = describe(trace, period_s)
    result = found.to_dict()
    if by:
        result["by"] = profile_by(trace, [n for n in by.split(",") if n])
    seen = findings(
        trace,
        load_prices(date, overlay),
        model=model,
        region=chosen_region(region),
        deferrable=deferrable,
        shape=shape,
        period_s=period_s,
        file=file,
    )
    told = seen.to_dict()
    result |= {name: told[name] for name in ("usd_month", "findings", "nothing", "not_looked_at")}
    result |= {"date": seen.as_of, "assumptions": told["assumptions"], "warnings": told["warnings"]}
    warn(seen.warnings)
    emit(result, f"{traffic_table(trace)}\n\n{findings_text(seen)}", as_json=json)


@app.command()
def cost(
    file: Annotated[str, FILE],
    format: str = FORMAT,  # noqa: A002 - the option's word
    columns: str | None = COLUMNS,
    app_key: str | None = APP_KEY,
    since: str | None = SINCE,
    until: str | None = UNTIL,
    by: str | None = BY,
    model: str | None = ROWS_MODEL,
    as_model: str | None = AS_MODEL,
    token_ratio: str = TOKEN_RATIO,
    region: str | None = REGION,
    date: str | None = DATE,
    overlay: str | None = OVERLAY,
    json: bool = JSON,
) -> None:
    """Price a trace's own rows, list and net."""
    from bedrock_lab.billing import bill

    found = bill(
        read_file(file, format, columns, app_key=app_key, since=since, until=until),
        load_prices(date, overlay),
        by,
        model=model,
        as_model=as_model,
        region=chosen_region(region),
        token_ratio=ratio_of(token_ratio),
    )
    warn(found.warnings)
    result = found.to_dict()
    head = f"{result['cost_usd']} USD for {found.requests:,} requests ({found.usd_per_month:,.2f} USD a month of such)"
    rows = result["by"] or [
        {k: line[k] for k in ("model", "scope", "tier", "bucket", "tokens", "usd_per_mtok", "cost_usd")}
        for line in result["lines"]
    ]
    text = f"{head}\n\n{in_columns(tuple(rows[0]), [tuple(map(str, row.values())) for row in rows])}"
    text += "".join(f"\nassumed: {a['name']}, {a['source']}" for a in result["assumptions"])
    emit(result, text, as_json=json)


@app.command()
def convert(
    file: Annotated[str, FILE],
    out: Annotated[str, OUT],
    format: str = FORMAT,  # noqa: A002 - the option's word
    columns: str | None = COLUMNS,
    app_key: str | None = APP_KEY,
    since: str | None = SINCE,
    until: str | None = UNTIL,
    workers: int = typer.Option(
        1, "--workers", parser=whole, metavar="N", help="Of invocation logs: processes that unpack and read."
    ),
    identities: bool = typer.Option(False, "--identities", help="Of invocation logs: keep account ids as they are."),
    json: bool = JSON,
) -> None:
    """Write a trace of any format as parquet, with where it comes from; of a log, a killed run goes on."""
    from bedrock_lab.sources.log_copy import copy_logs, is_log
    from bedrock_lab.traffic.readers.bedrock_logs import wish
    from bedrock_lab.traffic.reading import read_trace

    if columns or not is_log(file, format):
        written(read_file(file, format, columns, app_key=app_key, since=since, until=until), out, file, as_json=json)
        return
    wanted = wish(app_key, since, until)
    copied = copy_logs(file, out, wanted, workers=workers, identities=identities, say=lambda line: warn([line]))
    say_left_out(copied)
    told(read_trace(copied.path, identities=True), copied.path, as_json=json)


@app.command()
def synth(
    out: Annotated[str, OUT],
    like: Annotated[str, typer.Option("--like", help="The trace to make more of.")],
    hours: Annotated[
        float | None, typer.Option("--hours", parser=real, metavar="X", help="Length to make [h] (default: as long).")
    ] = None,
    seed: int | None = SEED,
    format: str = FORMAT,  # noqa: A002 - the option's word
    columns: str | None = COLUMNS,
    json: bool = JSON,
) -> None:
    """Make traffic like a trace's, by resampling."""
    from bedrock_lab.traffic.synthesis import synth as resample

    written(resample(read_file(like, format, columns), hours, chosen_seed(seed)), out, like, as_json=json)


@app.command("from-averages")
def from_averages(
    out: Annotated[str, OUT],
    requests_per_month: Annotated[
        float, typer.Option("--requests-per-month", parser=real, metavar="X", help="Requests in a month.")
    ],
    input_mean: Annotated[float, typer.Option("--input-mean", parser=real, metavar="X", help="Mean input [tokens].")],
    output_mean: Annotated[
        float, typer.Option("--output-mean", parser=real, metavar="X", help="Mean output [tokens].")
    ],
    shape: Annotated[str, typer.Option("--shape", help="flat, office or a file of 168 hourly weights.")] = "flat",
    days: Annotated[int, typer.Option("--days", parser=whole, metavar="N", help="Length to make [days].")] = 14,
    seed: int | None = SEED,
    json: bool = JSON,
) -> None:
    """Make traffic from what people know by heart."""
    from bedrock_lab.traffic.averages import from_averages as make

    trace = make(requests_per_month, input_mean, output_mean, shape=shape, days=days, seed=chosen_seed(seed))
    written(trace, out, None, as_json=json)


@app.command("from-cloudwatch")
def from_cloudwatch(
    out: Annotated[str, OUT],
    days: float = number(
        "--days", "How far to look back [days]: minutes up to 15, else five minutes, at most 63.", 15.0
    ),
    model: Annotated[
        list[str] | None, typer.Option("--model", help="A model or profile CloudWatch does not list; repeatable.")
    ] = None,
    resolve: Annotated[
        bool, typer.Option("--resolve", help="Ask which model an application profile or unit serves.")
    ] = False,
    identities: Annotated[bool, typer.Option("--identities", help="Show ids of application profiles.")] = False,
    max_spend_usd: Annotated[
        str, typer.Option("--max-spend-usd", metavar="X", help="The most that reading may cost [USD].")
    ] = "1",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list metrics and say what reading costs.")] = False,
    region: str | None = AWS_REGION,
    endpoint_url: str | None = ENDPOINT,
    profile: str | None = PROFILE,
    json: bool = JSON,
) -> None:
    """Read the metrics of your calls from CloudWatch, as sums by minute; nothing is switched on."""
    from bedrock_lab.sources import cloudwatch
    from bedrock_lab.traffic.trace import parquet_name

    arguments: dict[str, Any] = {
        "region_name": chosen_region(region),
        "endpoint_url": endpoint_url,
        "profile_name": profile,
    }
    if dry_run:
        found = cloudwatch.dry_run(days, models=model or (), **arguments)
        emit(found.to_dict(), str(found), as_json=json)
        return
    parquet_name(out)
    trace = cloudwatch.from_cloudwatch(
        days,
        models=model or (),
        resolve=resolve,
        identities=identities,
        max_spend_usd=max_spend_usd,
        show=lambda line: warn([line]),
        **arguments,
    )
    say_left_out(trace)
    written(trace, out, None, as_json=json)


def written(trace: Any, out: str, read: str | None, *, as_json: bool) -> None:
    """Write a trace, and say what it holds and what it cannot answer."""
    from bedrock_lab.errors import InputError

    if read is not None and Path(out).resolve() == Path(read).resolve():
        raise InputError(f"{out}: is the file that was read; give another name")

    told(trace, trace.write(out), as_json=as_json)


def told(trace: Any, path: Path, *, as_json: bool) -> None:
    """Say what a trace that was written holds, and what it cannot answer."""
    from bedrock_lab.traffic.profiling import profile as describe

    found = describe(trace)
    result = {
        "file": str(path),
        "kind": trace.kind,
        "notes": list(trace.notes),
        "profile": found.to_dict(),
        "cannot_answer": list(found.cannot_answer),
    }
    held = f"{trace.requests:,} requests" if trace.requests or trace.kind == "requests" else f"{len(trace):,} windows"
    text = f"{path}: {held}, {trace.origin}"
    if found.cannot_answer:
        text += "\nit cannot say: " + ", ".join(found.cannot_answer)
    emit(result, text, as_json=as_json)
