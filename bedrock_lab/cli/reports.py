"""``report``: a notebook run as a report."""

from pathlib import Path
from typing import Annotated

import typer

from bedrock_lab.cli.output import JSON, assignments, emit
from bedrock_lab.settings import given, setting


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

    values = with_settings(Path(notebook), assignments(parameter or [], "-p"))
    done = run_notebook(Path(notebook), values, Path(setting("outputs", out) or "outputs"))
    answer = done.record["results"].get("answer", "")
    emit(done.to_dict(), f"{answer}\n{done.html}".strip(), as_json=json)


def with_settings(notebook: Path, values: dict[str, str]) -> dict[str, str]:
    """Give a notebook the settings somebody chose, where it takes such a parameter and was not given one."""
    from bedrock_lab.views.notebook import read_notebook
    from bedrock_lab.views.parameters import read_parameters

    takes = {p.name for p in read_parameters(read_notebook(notebook))}
    chosen = {name: setting(name) for name in ("region", "overlay", "seed") if name in takes and given(name)}
    return {name: value for name, value in chosen.items() if value is not None} | values
