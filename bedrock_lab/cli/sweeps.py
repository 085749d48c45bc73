"""``sweep``: what a plan becomes over a grid of scenarios."""

from typing import Annotated, Any

import typer

from bedrock_lab.cli.output import (
    COLUMNS,
    DATE,
    FORMAT,
    JSON,
    OVERLAY,
    ROWS_MODEL,
    chosen_region,
    emit,
    load_prices,
    number,
    read_file,
)
from bedrock_lab.errors import InputError, LabError
from bedrock_lab.views.text import in_columns

STOPPED = 130


def sweep(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A trace: a file or a folder.")],
    vary: Annotated[list[str], typer.Option("--vary", help="name=lo..hi:count or name=value; repeatable.")],
    out: Annotated[str, typer.Option("--out", help="Table to write: a row a scenario (.parquet or .csv).")],
    plan: Annotated[str | None, typer.Option("--plan", help="What plan --json printed: asked again as it was.")] = None,
    model: str | None = ROWS_MODEL,
    deferrable: float = number("--deferrable", "Share of requests that can wait [0..1].", 0.0),
    unit_input_tpm: float | None = number("--unit-input-tpm", "Input of one model unit [tokens/min]."),
    unit_output_tpm: float | None = number("--unit-output-tpm", "Output of one model unit [tokens/min]."),
    unit_price: Annotated[
        str | None, typer.Option("--unit-price", help="Price of a model unit [USD/h]: none=60,1m=44,6m=30.")
    ] = None,
    overlay: str | None = OVERLAY,
    date: str | None = DATE,
    format: str = FORMAT,  # noqa: A002 - the option's word
    columns: str | None = COLUMNS,
    json: bool = JSON,
) -> int:
    """Choose in every scenario of a grid, and say what today's plan would lose."""
    from pathlib import Path

    from bedrock_lab.planning.planner import plan as make
    from bedrock_lab.planning.rechecking import asked_again
    from bedrock_lab.planning.saved import load_plan
    from bedrock_lab.planning.sweeping import sweep as over

    target = Path(out)
    if target.suffix not in {".parquet", ".csv"}:
        raise InputError(f"--out {out}: allowed are names that end in .parquet or .csv")
    if not target.parent.is_dir():
        raise InputError(f"--out {out}: the folder is not there; make it first")
    grid = grid_of(vary)
    asked: dict[str, Any] = {
        "model": model,
        "region": chosen_region(None),
        "deferrable": deferrable,
        "unit_input_tpm": unit_input_tpm,
        "unit_output_tpm": unit_output_tpm,
        "unit_price": unit_price,
    }
    if plan is not None:
        asked = asked_again(load_plan(plan))
    today = make(read_file(file, format, columns), load_prices(date, overlay), **(asked | {"explain": False}))
    found = over(today, grid, progress=not json)
    write_table(found.to_frame(), target)
    said = [(way, f"{share:.1%}") for way, share in found.shares().items()]
    text = in_columns(("chosen", "share of the scenarios"), said)
    emit(found.to_dict() | {"out": str(target)}, f"{len(found.rows):,} scenarios in {target}\n\n{text}", as_json=json)
    return 0 if len(found.rows) == found.asked else STOPPED


def grid_of(texts: list[str]) -> dict[str, list[float]]:
    """Read ``--vary``.

    >>> grid_of(["growth=0.5..2:4", "deferrable=0.1"])
    {'growth': [0.5, 1.0, 1.5, 2.0], 'deferrable': [0.1]}
    """
    grid: dict[str, list[float]] = {}
    for text in texts:
        name, _, span = text.partition("=")
        ends, _, count = span.partition(":")
        try:
            low, high = (float(v) for v in (ends.split("..") if ".." in ends else (ends, ends)))
            steps = int(count) if count else 1 if low == high else 0
        except ValueError:
            low, high, steps = 0.0, 0.0, 0
        if not name or steps < 1 or (steps == 1 and low != high) or not low <= high:
            raise InputError(f"--vary {text!r}: write name=lo..hi:count, such as growth=0.5..2:21, or name=value")
        if name in grid:
            raise InputError(f"--vary {name}: given twice; write each name once")
        grid[name] = [low + (high - low) * i / max(1, steps - 1) for i in range(steps)]
    return grid


def write_table(frame: Any, target: Any) -> None:
    """Write a table whole or not at all."""
    beside = target.with_name(f".{target.name}.part")
    try:
        if target.suffix == ".csv":
            frame.to_csv(beside, index=False)
        else:
            frame.to_parquet(beside, index=False)
        beside.replace(target)
    except OSError as error:
        raise LabError(f"{target}: cannot be written ({error.strerror})") from None
    finally:
        beside.unlink(missing_ok=True)
