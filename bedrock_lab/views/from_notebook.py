"""Make a page of an executed notebook."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from html import unescape
from typing import Any

import mistune

from bedrock_lab.assumptions import Origin
from bedrock_lab.errors import LabError
from bedrock_lab.views.notebook import tagged, tags
from bedrock_lab.views.page import Input, Page, Section
from bedrock_lab.views.parameters import read_parameters
from bedrock_lab.views.result import MIME, Result, read_result

ANSWER = "answer"
PLOTLY = "application/vnd.plotly.v1+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
NO_PAGE = {"parameters", "injected-parameters", "papermill-error-cell-tag"}
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class _Renderer(mistune.HTMLRenderer):
    """Leave the page's one ``h1`` to the question, and fetch no image."""

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        return super().heading(text, max(2, level), **attrs)

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return super().image(text, url, title) if url.startswith("data:image/") else text

    def table(self, text: str) -> str:
        return _scrollable(f"<table>{text}</table>")


_markdown = mistune.create_markdown(renderer=_Renderer(escape=True), plugins=["table", "strikethrough"])


def answer_of(notebook: Mapping[str, Any]) -> Result:
    """Read the result the cell tagged ``answer`` displayed; an empty one where there is none.

    Raises
    ------
    LabError
        When more than one cell bears the tag, or its result is malformed.
    """
    cells = tagged(notebook, ANSWER)
    if len(cells) > 1:
        raise LabError(f"{len(cells)} cells tagged {ANSWER!r}; a report has one answer")
    data = [output.get("data", {}) for cell in cells for output in cell["outputs"]]
    results = [read_result(bundle[MIME]) for bundle in data if MIME in bundle]
    if len(results) > 1:
        raise LabError(f"answer cell: {len(results)} results; a report has one answer")
    return results[0] if results else Result()


def page_from_notebook(notebook: Mapping[str, Any], run: Mapping[str, Any]) -> Page:
    """Lay out an executed notebook as a page.

    Parameters
    ----------
    run
        The sidecar of the run: ``notebook parameters versions started seconds``.
    """
    result = answer_of(notebook)
    question, intro, rest = _opening(list(notebook["cells"]))
    sections = [section for cell in rest for section in _sections(cell, result.origin)]
    answer_outputs = [o.get("data", {}) for cell in tagged(notebook, ANSWER) for o in cell["outputs"]]
    # a result that carries its own html has it in its text/html too, under the answer
    own = [_joined(d["text/html"]) for d in answer_outputs if "text/html" in d and "html" not in d.get(MIME, {})]
    return Page(
        title=result.title or question or str(run["notebook"]),
        question=question,
        intro_html=intro,
        answer=result.answer,
        answer_html="\n".join(_clean(html) for html in (result.html, *own) if html),
        origin=result.origin,
        tiles=result.tiles,
        sections=tuple(sections),
        warnings=result.warnings,
        inputs=_inputs(notebook, run["parameters"]),
        code=tuple(c["source"] for c in notebook["cells"] if c["cell_type"] == "code" and c["source"].strip()),
        provenance=_provenance(run),
    )


def _opening(cells: list[Any]) -> tuple[str, str, list[Any]]:
    """Split off the question: the heading of the first Markdown cell, and what stands under it."""
    for place, cell in enumerate(cells):
        if cell["cell_type"] == "markdown" and not NO_PAGE & set(tags(cell)):
            heading, _, text = cell["source"].strip().partition("\n")
            if not heading.startswith("#"):
                return "", _html(cell["source"]), cells[:place] + cells[place + 1 :]
            plain = unescape(re.sub(r"<[^>]+>", "", _html(heading.lstrip("# ")))).strip()
            return plain, _html(text), cells[:place] + cells[place + 1 :]
    return "", "", cells


def _sections(cell: Any, origin: Origin | None) -> Iterator[Section]:
    if NO_PAGE & set(tags(cell)):
        return
    if cell["cell_type"] == "markdown":
        yield from _texts(_html(cell["source"]))
    elif cell["cell_type"] == "code":
        for output in cell["outputs"]:
            yield from _output(output, origin, in_answer=ANSWER in tags(cell))


def _texts(html: str) -> Iterator[Section]:
    """Cut a text at its second-level headings, so that each opens a part of the page."""
    for piece in re.split(r"(?=<h2\b)", html):
        if piece.strip():
            yield Section(kind="text", html=piece.strip())


def _output(output: Any, origin: Origin | None, *, in_answer: bool) -> Iterator[Section]:
    if output["output_type"] == "stream" and output["name"] == "stdout":
        yield _plain(output["text"])
    data = output.get("data", {})
    if PLOTLY in data:
        yield _figure(data[PLOTLY], origin)
    elif MIME in data or WIDGET in data or (in_answer and "text/html" in data):
        return
    elif "text/html" in data:
        text = _clean(_joined(data["text/html"]))
        yield Section(kind="table", html=text, origin=_own_origin(text, origin))
    elif "text/markdown" in data:
        yield from _texts(_html(_joined(data["text/markdown"])))
    elif "text/plain" in data:
        yield _plain(data["text/plain"])


def _own_origin(table: str, origin: Origin | None) -> Origin | None:
    """Return the origin a table states, or the report's where it states none; prices rest on no traffic."""
    found = re.search(r'<table data-origin="(\w*)"', table)
    if found is None:
        return origin
    return Origin(found[1]) if found[1] else None


def _figure(figure: Mapping[str, Any], origin: Origin | None) -> Section:
    """Take a figure's title out of the drawing: a caption wraps, is read aloud and stays sharp in print."""
    layout = dict(figure.get("layout", {}))
    title = layout.pop("title", None) or {}
    title = {"text": title} if isinstance(title, str) else title
    meta = layout.get("meta")
    own = meta.get("origin") if isinstance(meta, Mapping) else None
    return Section(
        kind="figure",
        figure={"data": list(figure.get("data", [])), "layout": layout},
        caption=_text_of(title.get("text")),
        note=_text_of((title.get("subtitle") or {}).get("text")),
        origin=Origin(own) if own else origin,
    )


def _text_of(title: str | None) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", title or "")).split())


def _plain(text: Any) -> Section:
    escaped = mistune.escape(_ANSI.sub("", _joined(text)).rstrip("\n"))
    return Section(kind="text", html=f"<pre>{escaped}</pre>")


def _html(source: str) -> str:
    return str(_markdown(source))


def _joined(text: Any) -> str:
    return text if isinstance(text, str) else "".join(text)


def _clean(html: str) -> str:
    """Drop the styling pandas puts into a frame, and let every table scroll in its own box."""
    html = re.sub(r"<style\b.*?</style>", "", html, flags=re.DOTALL)
    html = re.sub(r'<tr style="text-align: right;">', "<tr>", html)
    html = html.replace(' border="1"', "")
    return re.sub(r"<table\b.*?</table>", lambda found: _scrollable(found[0]), html, flags=re.DOTALL)


def _scrollable(table: str) -> str:
    return f'<div class="scroll" role="region" aria-label="Table" tabindex="0">{table}</div>\n'


def _inputs(notebook: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[Input, ...]:
    return tuple(
        Input(
            name=parameter.name,
            value=_shown(values.get(parameter.name, parameter.default)),
            unit=parameter.unit,
            meaning=parameter.meaning,
            changed=values.get(parameter.name, parameter.default) != parameter.default,
        )
        for parameter in read_parameters(notebook)
    )


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if value != "" else "(empty)"


def _provenance(run: Mapping[str, Any]) -> dict[str, str]:
    versions = run.get("versions", {})
    facts = {
        "Notebook": run.get("notebook"),
        "Run": f"{datetime.fromisoformat(run['started']):%Y-%m-%d %H:%M} UTC" if run.get("started") else None,
        "Took": None if run.get("seconds") is None else f"{run['seconds']:.1f} s",
        "Versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
    }
    return {name: str(value) for name, value in facts.items() if value}
