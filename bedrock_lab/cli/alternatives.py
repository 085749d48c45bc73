"""``compare``: models beside each other for one's own traffic."""

from typing import Annotated

import typer

from bedrock_lab.cli.output import (
    COLUMNS,
    DATE,
    FORMAT,
    JSON,
    OVERLAY,
    REGION,
    TOKEN_RATIO,
    assignments,
    chosen_region,
    emit,
    load_prices,
    ratio_of,
    read_file,
    warn,
)
from bedrock_lab.errors import InputError


def compare(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A trace: a file or a folder.")],
    model: Annotated[list[str], typer.Option("--model", help="Model id; give two or more.")],
    quality: Annotated[
        list[str] | None, typer.Option("--quality", help="MODEL=SCORE, as you measured it; may be repeated.")
    ] = None,
    quality_source: Annotated[
        str | None, typer.Option("--quality-source", help="Who measured the scores, and how.")
    ] = None,
    token_ratio: str = TOKEN_RATIO,
    region: str | None = REGION,
    overlay: str | None = OVERLAY,
    date: str | None = DATE,
    format: str = FORMAT,  # noqa: A002 - the option's word
    columns: str | None = COLUMNS,
    json: bool = JSON,
) -> None:
    """Put models beside each other: cost with its range, context, ways of buying, quota, lifecycle, published speed."""
    from bedrock_lab.planning.alternatives import compare as work_out
    from bedrock_lab.views.text import in_columns

    scores = {}
    for name, text in assignments(quality or [], "--quality").items():
        try:
            scores[name] = float(text)
        except ValueError:
            raise InputError(f"--quality {name}={text!r}: write MODEL=SCORE with a number") from None
    found = work_out(
        read_file(file, format, columns),
        model,
        load_prices(date, overlay),
        region=chosen_region(region),
        token_ratio=ratio_of(token_ratio),
        quality=scores,
        quality_source=quality_source,
    )
    warn(found.warnings)
    warn(f"{m.model_id}: {note}" for m in found.models for note in m.notes)

    def cell(value: float | None, form: str) -> str:
        return "-" if value is None else f"{value:{form}}"

    rows = [
        (
            m.model_id,
            cell(m.usd_per_month, ",.0f"),
            "-" if m.range is None else f"{m.range[0]:,.0f} to {m.range[1]:,.0f}",
            cell(m.fits_share, ".1%"),
            ", ".join(o for o, sold in m.options.items() if sold == "yes"),
            cell(m.quota_share, ".1%"),
            m.lifecycle + ("" if m.eol is None else f" until {m.eol}"),
            cell(m.ttft_s, ".2f"),
            cell(m.quality, "g"),
        )
        for m in found.models
    ]
    headers = ("model", "USD/month", "range", "fits", "sold", "of quota", "lifecycle", "TTFT [s]", "quality")
    emit(found.to_dict(), f"{found.answer}\n\n{in_columns(headers, rows)}", as_json=json)
