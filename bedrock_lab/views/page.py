"""The report page: plain facts in, one self-contained HTML file out.

Every value is escaped. Two things are trusted as HTML: the ``text/html`` outputs of our own notebooks, and
what mistune makes of their Markdown, raw HTML in it escaped. The page's policy lets only its own two scripts
run, so that a script which slipped into an output stays text.
"""

import base64
import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from bedrock_lab.assumptions import Origin
from bedrock_lab.views.files import write_atomic
from bedrock_lab.views.result import Tile

HERE = Path(__file__).parent

ORIGIN_SAYS = {
    Origin.SYNTHETIC: "Synthetic data. The traffic behind these figures was generated, not observed.",
    Origin.EMULATED: "Emulated data. These latencies come from a local emulator, not from Amazon Bedrock.",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One piece of the page.

    Attributes
    ----------
    kind
        ``text`` and ``table`` show ``html``, ``figure`` draws ``figure``.
    html
        Trusted HTML.
    figure
        A plotly figure, ``{"data": [...], "layout": {...}}``.
    caption, note
        Plain texts over a figure.
    origin
        Where the figures shown come from, None for a text.
    """

    kind: Literal["text", "figure", "table"]
    html: str = ""
    figure: Mapping[str, Any] | None = None
    caption: str = ""
    note: str = ""
    origin: Origin | None = None

    @property
    def opens(self) -> bool:
        """Whether a new part of the page begins here."""
        return self.kind == "text" and self.html.lstrip().startswith("<h2")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One parameter as the run used it."""

    name: str
    value: str
    unit: str
    meaning: str
    changed: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything a page shows; what ends in ``html`` is trusted, all else is plain text."""

    title: str
    question: str
    intro_html: str = ""
    answer: str = ""
    answer_html: str = ""
    origin: Origin | None = None
    tiles: tuple[Tile, ...] = ()
    sections: tuple[Section, ...] = ()
    warnings: tuple[str, ...] = ()
    inputs: tuple[Input, ...] = ()
    code: tuple[str, ...] = ()
    provenance: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def invented(self) -> tuple[Origin, ...]:
        """Which invented origins stand behind figures of this page."""
        origins = {self.origin, *(section.origin for section in self.sections)}
        return tuple(sorted(origin for origin in origins if origin is not None and origin.invented))


def render(page: Page) -> str:
    """Return the page as HTML; everything it needs is inside."""
    import jinja2
    import markupsafe
    from plotly.offline import get_plotlyjs

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    figures = any(section.kind == "figure" for section in page.sections)
    scripts = [get_plotlyjs(), (HERE / "page.js").read_text(encoding="utf-8")] if figures else []
    return environment.get_template("page.html.j2").render(
        page=page,
        parts=_parts(page.sections),
        says=[ORIGIN_SAYS[origin] for origin in page.invented],
        style=markupsafe.Markup((HERE / "page.css").read_text(encoding="utf-8")),  # noqa: S704 - our own
        scripts=[markupsafe.Markup(script) for script in scripts],  # noqa: S704 - plotly's and our own
        policy=_policy(scripts),
        embedded=_embedded,
    )


def write_page(page: Page, path: Path) -> None:
    """Write the page; a reader sees the old file or the new one."""
    write_atomic(path, render(page))


def _policy(scripts: Sequence[str]) -> str:
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes) or "'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _parts(sections: Sequence[Section]) -> list[list[Section]]:
    """Group the sections under their headings."""
    parts: list[list[Section]] = []
    for section in sections:
        if section.opens or not parts:
            parts.append([])
        parts[-1].append(section)
    return parts


def _embedded(value: Any) -> Any:
    """Return JSON that may stand inside a script element."""
    import markupsafe

    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return markupsafe.Markup(text)  # noqa: S704 - no markup is left in it
