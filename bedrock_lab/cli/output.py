"""What commands share: options, printing, and reading of ``name=value`` pairs."""

import json
import math
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import typer

from bedrock_lab.errors import InputError
from bedrock_lab.settings import given, setting

JSON = typer.Option(False, "--json", help="Print one JSON object instead.")
REGION = typer.Option(None, "--region", help="Source Region (default us-east-1, or as the id says).")
AWS_REGION = typer.Option(None, "--region", help="Region; else as boto3 finds it.")
ENDPOINT = typer.Option(None, "--endpoint-url", help="Endpoint; else as boto3 finds it (AWS_ENDPOINT_URL, ...).")
PROFILE = typer.Option(None, "--profile", help="AWS profile; else as boto3 finds it.")
SCOPE = typer.Option(None, "--scope", help="in-region, geo or global (default: as the id says).")
OVERLAY = typer.Option(None, "--overlay", help="TOML file of negotiated prices.")
SHAPE = typer.Option(None, "--shape", help="flat, office or a file of 168 hourly weights, for a short trace.")
DATE = typer.Option(None, "--date", help="Prices as of this day, YYYY-MM-DD (default today).")
ROWS_MODEL = typer.Option(None, "--model", help="Model of rows that name none.")
AS_MODEL = typer.Option(None, "--as-model", help="Take all rows as calls of this model.")
TOKEN_RATIO = typer.Option("1.0..1.35", "--token-ratio", help="Tokens of another tokenizer, lo..hi, for --as-model.")
LATENCY = typer.Option(None, "--latency", metavar="M.json", help="Latency: a fit of latency fit.")
GROUP = typer.Option(None, "--group", help="Group of the fit.")
FORMAT = typer.Option("auto", "--format", help="auto, azure, mooncake, burstgpt, bedrock-logs or table.")
APP_KEY = typer.Option(None, "--app-key", help="Of invocation logs: the requestMetadata key that names the app.")
SINCE = typer.Option(None, "--since", help="Of invocation logs: from this day or time on, ISO 8601.")
UNTIL = typer.Option(None, "--until", help="Of invocation logs: before this day or time, ISO 8601.")
MOST_SAID = 20
"""Skipped lines that are named one by one."""
COLUMNS = typer.Option(None, "--columns", help="For a table: time=T,input=I,output=O with the file's own names.")


def whole(text: str | int) -> int:
    """Read a whole number, or say what stands there instead."""
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is given; a whole number is allowed") from None


def real(text: str | float) -> float:
    """Read a finite number, or say what stands there instead."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise typer.BadParameter(f"{text!r} is given; a number is allowed")
    return value


def count(option: str, text: str, default: int | None = None) -> Any:
    """Declare an option that takes a whole number."""
    return typer.Option(default, option, parser=whole, metavar="N", help=text)


def number(option: str, text: str, default: float | None = None) -> Any:
    """Declare an option that takes a number."""
    return typer.Option(default, option, parser=real, metavar="X", help=text)


def ratio_of(text: str) -> tuple[float, float]:
    """Read ``--token-ratio``."""
    from bedrock_lab.assumptions import parse_range

    _, low, high = parse_range(text, "--token-ratio")
    return low, high


def chosen_seed(flag: int | None) -> int:
    """Seed of flag, environment or settings file, else 0."""
    return whole(setting("seed", None if flag is None else str(flag)) or "0")


def chosen_region(flag: str | None) -> str | None:
    """Region somebody chose: flag, environment or settings file; None where nobody did."""
    return setting("region", flag) if given("region", flag) else None


def load_prices(date: str | None, overlay: str | None) -> Any:
    """Load the price list with the overlay of flag or settings, and the refreshed rows of settings."""
    from bedrock_lab.catalogue.pricelist import prices

    return prices(date, setting("overlay", overlay), setting("prices"))


def read_file(path: str, format_: str, columns: str | None, **logs: Any) -> Any:
    """Read a trace, and say on stderr what was left out; `logs` are what `read_trace` takes for invocation logs."""
    from bedrock_lab.sources.reading import read_trace

    if not path:
        raise InputError("no file given: the path is empty")
    trace = read_trace(path, format_, pairs(columns, "--columns") if columns else None, **logs)
    say_left_out(trace)
    return trace


def say_left_out(trace: Any) -> None:
    """Say on stderr what of a trace could not be read."""
    for item in trace.skipped[:MOST_SAID]:
        warn([f"skipped {item.file}{'' if item.line is None else f':{item.line}'}: {item.reason}"])
    if len(trace.skipped) > MOST_SAID:
        warn([f"skipped {len(trace.skipped) - MOST_SAID:,} more lines or files; --json lists all"])
    if trace.reordered:
        warn([f"{trace.reordered:,} rows were out of order and sorted by time"])
    if trace.duplicates:
        warn([f"{trace.duplicates:,} rows with the request id of an earlier one were dropped"])


def pairs(text: str, option: str) -> dict[str, str]:
    """Read ``a=x,b=y``.

    >>> pairs("time=T,input=I", "--columns")
    {'time': 'T', 'input': 'I'}
    """
    out = {}
    for part in filter(None, text.split(",")):
        name, equals, value = part.partition("=")
        if not equals or not name or not value:
            raise InputError(f"{option} {part!r}: write name=value,name=value")
        out[name.strip()] = value.strip()
    return out


def assignments(given_pairs: Iterable[str], option: str) -> dict[str, str]:
    """Read repeated ``name=value`` options; a value may hold commas and equals signs."""
    out = {}
    for part in given_pairs:
        name, equals, value = part.partition("=")
        if not equals or not name:
            raise InputError(f"{option} {part!r}: write name=value")
        out[name.strip()] = value
    return out


def emit(result: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    """Print the result: one JSON object, or text for people."""
    if as_json:
        typer.echo(json.dumps(result, allow_nan=False, default=str))
    else:
        typer.echo(text)


def warn(messages: Iterable[str]) -> None:
    """Print messages on stderr, a line each."""
    for message in messages:
        print(f"bedrock-lab: {message}", file=sys.stderr)  # noqa: T201 - this is the command line
