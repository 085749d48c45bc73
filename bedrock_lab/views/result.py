"""What a notebook's answer cell hands to the page and to the sidecar."""

import dataclasses
import html
import json
from collections.abc import Mapping
from typing import Any

from bedrock_lab.assumptions import Origin
from bedrock_lab.errors import LabError, listing

MIME = "application/vnd.bedrock-lab.result+json"
"""Under this type the answer cell's output carries the fields of a `Result` except ``html``."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One figure shown large: what it is, its value with the unit, and a remark."""

    label: str
    value: str
    note: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The answer of a report; as the last value of a cell it displays itself.

    Attributes
    ----------
    title
        Name of the report; empty takes the notebook's heading.
    answer
        The answer in one or two sentences.
    origin
        Where the figures come from.
    tiles
        The figures to see first.
    warnings
        What limits the answer, each in one sentence.
    results
        Plain values for the sidecar.
    html
        What is shown under the tiles, a table for instance; trusted as it is.
    """

    title: str = ""
    answer: str = ""
    origin: Origin | None = None
    tiles: tuple[Tile, ...] = ()
    warnings: tuple[str, ...] = ()
    results: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    html: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, without ``html``."""
        return {
            "title": self.title,
            "answer": self.answer,
            "origin": None if self.origin is None else str(self.origin),
            "tiles": [dataclasses.asdict(tile) for tile in self.tiles],
            "warnings": list(self.warnings),
            "results": dict(self.results),
        }

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:  # noqa: ARG002
        shown = "".join(f"<li>{html.escape(t.label)}: {html.escape(t.value)}</li>" for t in self.tiles)
        page = f"<p><strong>{html.escape(self.answer)}</strong></p>" + (f"<ul>{shown}</ul>" if shown else "")
        # a notebook shows everything; the page lays out answer and tiles itself, then shows ``html``
        return {
            "text/plain": self.answer,
            "text/html": page + self.html,
            MIME: {**self.to_dict(), "html": self.html},
        }


def read_result(bundle: Any) -> Result:
    """Read what an answer cell displayed.

    Raises
    ------
    LabError
        When it has not the shape of a `Result`, or holds what JSON cannot.
    """
    known = {field.name: field for field in dataclasses.fields(Result)}
    if not isinstance(bundle, Mapping):
        raise LabError(f"answer cell: {MIME} holds a {type(bundle).__name__}; an object is expected")
    for name in bundle:
        if name not in known:
            raise LabError(f"answer cell: unknown field {name!r}; known: {listing(known)}")
    try:
        json.dumps(bundle, allow_nan=False)
    except ValueError:
        raise LabError("answer cell: the result holds NaN or infinity; use null for no value") from None
    try:
        return Result(
            title=_text(bundle.get("title", ""), "title"),
            answer=_text(bundle.get("answer", ""), "answer"),
            origin=None if bundle.get("origin") is None else Origin(bundle["origin"]),
            tiles=tuple(_tile(tile) for tile in bundle.get("tiles", ())),
            warnings=tuple(_text(warning, "warnings") for warning in bundle.get("warnings", ())),
            results=dict(bundle.get("results", {})),
            html=_text(bundle.get("html", ""), "html"),
        )
    except (TypeError, ValueError) as error:
        raise LabError(f"answer cell: {error}") from None


def _tile(tile: Any) -> Tile:
    if not isinstance(tile, Mapping) or not {"label", "value"} <= set(tile) <= {"label", "value", "note"}:
        raise LabError(f"answer cell: tile {tile!r}; a tile is {{label, value, note}}")
    return Tile(**{name: _text(value, f"tile {name}") for name, value in tile.items()})


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise LabError(f"answer cell: {name} {value!r} is not a text")
    return value
