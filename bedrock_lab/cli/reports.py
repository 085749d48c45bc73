"""``report``: a notebook run as a report."""

from pathlib import Path
from typing import Annotated

import typer

from bedrock_lab.cli.output import JSON, assignments, emit
from bedrock_lab.settings import setting


def report(
    notebook: Annotated[str, typer.Argument(metavar="NOTEBOOK", help="The notebook to run.")],
    parameter: Annotated[
        list[str] | None, typer.Option("-p", "--parameter", help="A parameter: name=value; repeatable.")
    ] = None,
    out: Annotated[str | None, typer.Option("--out", help="Folder for results (default outputs/).")] = None,
    json: bool = JSON,
) -> None:
    """Run a notebook with parameters; publish its page, the notebook and a JSON sidecar."""
    from bedrock_lab.views.runner import run_notebook

    values = assignments(parameter or [], "-p")
    done = run_notebook(Path(notebook), values, Path(setting("outputs", out) or "outputs"))
    answer = done.record["results"].get("answer", "")
    emit(done.to_dict(), f"{answer}\n{done.html}".strip(), as_json=json)
