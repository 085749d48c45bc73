"""What a panel shows, as a file: a page, a table, or plain values."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from bedrock_lab.errors import InputError
from bedrock_lab.views.files import write_atomic
from bedrock_lab.views.page import Page, Section, write_page

if TYPE_CHECKING:
    from bedrock_lab.views.whatif.panel import Panel

FORMS = (".html", ".csv", ".json")


def export(panel: "Panel", path: str | Path) -> Path:
    """Write what a panel shows, in the form its name ends in.

    Raises
    ------
    InputError
        The name ends otherwise, or the file cannot be written.
    """
    target = Path(path)
    if target.suffix not in FORMS:
        raise InputError(f"{target}: allowed are names that end in {', '.join(FORMS)}")
    if target.suffix == ".html":
        write_page(page_of(panel), target)
    elif target.suffix == ".csv":
        write_atomic(target, panel.to_frame().to_csv(index=False))
    else:
        write_atomic(target, json.dumps(panel.to_dict(), indent=1, allow_nan=False) + "\n")
    return target


def page_of(panel: "Panel") -> Page:
    """Lay out what a panel shows as a page."""
    shown = panel.answer()
    sections = []
    for name, label in panel.tabs.items():
        chart = panel.chart(name)
        layout = {k: v for k, v in chart.figure["layout"].items() if k != "title"}
        figure = {"data": chart.figure["data"], "layout": layout}
        sections += [
            Section(kind="text", html=f"<h2>{label}</h2>"),
            Section(kind="figure", figure=figure, caption=chart.title, note=chart.reading, origin=shown.origin),
        ]
    tables = {
        "Options": panel.table(),
        "Scenarios": panel.compare(),
        "What this rests on": panel.known(),
    }
    for heading, table in tables.items():
        box = f'<div class="scroll" role="region" aria-label="{heading}" tabindex="0">{table._repr_html_()}</div>'
        sections += [
            Section(kind="text", html=f"<h2>{heading}</h2>"),
            Section(kind="table", html=box, origin=table.origin),
        ]
    return Page(
        title=shown.title,
        question="What does the plan become at other values?",
        answer=shown.answer,
        origin=shown.origin,
        tiles=shown.tiles,
        warnings=shown.warnings,
        sections=tuple(sections),
        code=(panel.as_code(), panel.as_cli()),
        provenance={"Model": panel.plan.model_id, "Prices as of": panel.plan.as_of, "Traffic": panel.plan.source},
    )
