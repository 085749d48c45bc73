"""``report``: a notebook run as a report."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from bedrock_lab.cli.output import JSON, assignments, count, emit, warn
from bedrock_lab.settings import given, setting

SETTINGS = ("region", "overlay", "seed")
"""Settings a notebook takes where it has such a parameter and was given none."""


def report(
    notebook: Annotated[str, typer.Argument(metavar="NOTEBOOK", help="The notebook to run.")],
    parameter: Annotated[
        list[str] | None, typer.Option("-p", "--parameter", help="A parameter: name=value; repeatable.")
    ] = None,
    params: Annotated[
        str | None,
        typer.Option(
            "--params", metavar="FILE", help="TOML of parameters; -p and BEDROCK_LAB_PARAM_<NAME> come first."
        ),
    ] = None,
    out: Annotated[str | None, typer.Option("--out", help="Folder for results (default outputs/).")] = None,
    name: Annotated[str | None, typer.Option("--name", help="Name of the report (default: the notebook's).")] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option("--fail-if", metavar="EXPR", help='Exit 3 where it is true: "cost_usd > 100"; repeatable.'),
    ] = None,
    keep: int | None = count("--keep", "Good runs to keep, the last ones (default: all)."),
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="S3", help="Send the run to s3://bucket/prefix/ too; latest.json last."),
    ] = None,
    json: bool = JSON,
) -> None:
    """Run a notebook with parameters; publish its page, the notebook and a JSON sidecar; say one line."""
    from bedrock_lab.reports.running import run_report

    with away(to) as place:
        done = run_report(
            notebook,
            collected(Path(notebook), parameter or [], params),
            setting("outputs", out) or "outputs",
            name=name,
            fail_if=fail_if or (),
            keep=keep,
            to=place,
            say=lambda alert: warn([alert]),
            progress=True,
        )
    emit(done.to_dict(), done.summary, as_json=json)
    if done.alerts:
        raise typer.Exit(3)


@contextmanager
def away(uri: str | None) -> Iterator[Any]:
    """Open where a run is sent to, before anything runs; None where it stays here."""
    from bedrock_lab.reports.sending import Away

    place = None if uri is None else Away(uri)
    try:
        yield place
    finally:
        if place is not None:
            place.close()


def collected(notebook: Path, flags: list[str], params: str | None) -> dict[str, Any]:
    """Collect the parameters from everywhere they may be given; what is given more closely wins."""
    from bedrock_lab.reports.given import FLAG, SETTING, Value, in_environment, read_params
    from bedrock_lab.views.notebook import read_notebook
    from bedrock_lab.views.parameters import read_parameters

    takes = {p.name for p in read_parameters(read_notebook(notebook))}
    chosen = {n: Value(setting(n), SETTING) for n in SETTINGS if n in takes and given(n)}
    from_file = {} if params is None else {n: Value(v, params) for n, v in read_params(Path(params)).items()}
    typed = {n: Value(v, FLAG) for n, v in assignments(flags, "-p").items()}
    return {**chosen, **from_file, **in_environment(os.environ), **typed}
