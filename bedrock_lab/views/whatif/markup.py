"""The panel's HTML: its style, its tiles, the marks on a slider. Every value is escaped."""

import html
from collections.abc import Iterable
from pathlib import Path

from bedrock_lab.planning.flips import Flip
from bedrock_lab.views.result import Tile
from bedrock_lab.views.tables import Table, number
from bedrock_lab.views.whatif.controls import Control

STYLE = (Path(__file__).parent / "panel.css").read_text(encoding="utf-8")


def style() -> str:
    """Return the style of the panel, in light and dark."""
    return f"<style>{STYLE}</style>"


def tiles(shown: Iterable[Tile], kind: str) -> str:
    """Lay tiles out; `kind` says at each how its figure is known."""
    cells = "".join(
        f'<div class="bl-tile" title="{html.escape(kind)}"><div class="bl-label">{html.escape(t.label)}</div>'
        f'<div class="bl-value">{html.escape(t.value)}</div><div class="bl-note">{html.escape(t.note)}</div></div>'
        for t in shown
    )
    return f'<div class="bl-tiles" role="group" aria-label="Figures of the scenario">{cells}</div>'


def sentence(text: str, origin: str) -> str:
    """Show the answer with the origin of its figures."""
    badge = f'<span class="bl-badge">{html.escape(origin)} data</span>'
    return f'<p class="bl-answer" role="status">{html.escape(text)} {badge}</p>'


def heading(title: str, reading: str) -> str:
    """Show a chart's title and the sentence that reads it."""
    return f'<p class="bl-reading"><strong>{html.escape(title)}.</strong> {html.escape(reading)}</p>'


def notes(warnings: Iterable[str]) -> str:
    """List what limits the figures."""
    items = "".join(f"<li>{html.escape(w)}</li>" for w in warnings)
    return f'<ul class="bl-warnings" aria-label="What limits these figures">{items}</ul>' if items else ""


def table(shown: Table, name: str) -> str:
    """Show a table that scrolls by itself."""
    label = html.escape(name)
    return f'<div class="bl-scroll" role="region" aria-label="{label}" tabindex="0">{shown._repr_html_()}</div>'


def place(control: Control, value: float) -> float:
    """Return where a value stands on its slider, from 0 to 1.

    >>> c = Control(name="x", label="", unit="", group="", form="ratio", value=1.0, lo=0.25, hi=4.0)
    >>> place(c, 0.25), place(c, 1.0)
    (0.0, 0.2)
    """
    return (value - control.lo) / (control.hi - control.lo)


def marks(control: Control, base: float, flips: Iterable[Flip]) -> str:
    """Mark the base and the values at which the recommendation turns, under a slider."""
    shown = [(base, "bl-base", f"base {number(base)}")]
    shown += [(f.value, "bl-flip", f"turns at {number(f.value)}: {f.becomes}") for f in flips]
    ticks, words = "", []
    for value, look, said in shown:
        at = min(1.0, max(0.0, place(control, value)))
        ticks += f'<span class="{look}" style="left:{100 * at:.2f}%" title="{html.escape(said)}"></span>'
        words.append(html.escape(said) if look == "bl-flip" else "")
    said = "; ".join(filter(None, words))
    return f'<div class="bl-marks" aria-hidden="true">{ticks}</div><div class="bl-turns">{said}</div>'


def missing(reasons: Iterable[tuple[str, str]]) -> str:
    """List what cannot be moved here, and why."""
    rows = "".join(f"<li><code>{html.escape(n)}</code>: {html.escape(why)}</li>" for n, why in reasons)
    return f'<ul class="bl-missing">{rows}</ul>'
