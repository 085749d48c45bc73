"""Segments out of a TOML file: every key known, every value checked, errors that name the segment."""

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bedrock_lab.catalogue.model import resolve
from bedrock_lab.errors import InputError, listing
from bedrock_lab.planning.question import ask
from bedrock_lab.planning.segments.segment import RULES, Segment, Substitute
from bedrock_lab.planning.segments.values import shown

KEYS = ("by", "segment", "units")
SEGMENT_KEYS = (*(f.name for f in dataclasses.fields(Segment) if f.name != "substitutes"), "substitute")
SUBSTITUTE_KEYS = ("model", "share", "quality_at_least", "quality_source", "policy")
UNIT_KEYS = ("input_tpm", "output_tpm", "price")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a file of segments says.

    Attributes
    ----------
    by
        Columns that tell the rest apart.
    units
        By catalogue id: throughput [tokens/min] and price by term [USD/h] of a provisioned model unit.
    """

    segments: tuple[Segment, ...]
    by: str | None = None
    units: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)


def read_segments(path: str | Path) -> Asked:
    """Read a TOML file of segments.

    Raises
    ------
    InputError
        It cannot be read, a key is unknown, or a value is wrong.
    """
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give a TOML file of segments") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not valid TOML ({error})") from None
    try:
        return asked_of(table, Path(path).parent)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def asked_of(table: Mapping[str, Any], folder: Path = Path()) -> Asked:
    """Check what a file, or a saved plan, says of segments."""
    _known(table, KEYS, "the file")
    by = table.get("by")
    if by is not None and not isinstance(by, str):
        raise InputError(f"by {shown(by)}: allowed is a text of {', '.join(RULES)}")
    held = table.get("segment", [])
    if not isinstance(held, list) or not all(isinstance(s, Mapping) for s in held):
        raise InputError(f"segment {shown(held)}: allowed is a list of tables; write [[segment]] for each")
    made = [_segment(s, i, folder) for i, s in enumerate(held)]
    if not made and by is None:
        raise InputError('no segment in it: write [[segment]] with a name, or by = "app"')
    return Asked(segments=tuple(made), by=by, units=units_of(table.get("units", {})))


def units_of(table: Any) -> dict[str, Mapping[str, Any]]:
    """Check unit figures by model: ``{"model id": {"input_tpm": .., "output_tpm": .., "price": {"1m": ..}}}``."""
    if not isinstance(table, Mapping):
        raise InputError(f'units {shown(table)}: write [units."MODEL"] with {", ".join(UNIT_KEYS)}')
    made: dict[str, Mapping[str, Any]] = {}
    for name, figures in table.items():
        if not isinstance(figures, Mapping):
            raise InputError(f'units {name} {shown(figures)}: write [units."{name}"] with {", ".join(UNIT_KEYS)}')
        _known(figures, UNIT_KEYS, f"units {name}")
        try:
            made[resolve(str(name)).model.id] = _figures(figures)
        except InputError as error:
            raise InputError(f"units {name}: {error}") from None
    return made


def _figures(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Check figures of a unit as `plan` would."""
    inputs, outputs, price = (figures.get(key) for key in UNIT_KEYS)
    ask(None, 0.0, None, None, None, inputs, outputs, price, None, 0)
    return dict(figures)


def _known(table: Mapping[str, Any], keys: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in keys:
            raise InputError(f"unknown key {key!r} in {where}; known: {listing(keys, 20)}")


def _segment(table: Mapping[str, Any], place: int, folder: Path) -> Segment:
    if "name" not in table:
        raise InputError(f'segment {place + 1} has no name: write name = "..."')
    name = table["name"]
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"segment {place + 1}: name {shown(name)}; allowed is a text")
    _known(table, SEGMENT_KEYS, f"segment {name}")
    held = table.get("substitute", [])
    if not isinstance(held, list) or not all(isinstance(s, Mapping) for s in held):
        raise InputError(
            f"segment {name}: substitute {shown(held)}; allowed is a list of tables: write [[segment.substitute]] for "
            "each"
        )
    values = {key: value for key, value in table.items() if key != "substitute"}
    try:
        substitutes = tuple(_substitute(s, folder) for s in held)
    except InputError as error:
        raise InputError(f"segment {name}: {error}") from None
    return Segment(**values, substitutes=substitutes)


def _substitute(table: Mapping[str, Any], folder: Path) -> Substitute:
    _known(table, SUBSTITUTE_KEYS, "a substitute")
    if "model" not in table:
        raise InputError('a substitute names no model: write model = "..."')
    if "policy" in table:
        others = [key for key in table if key not in {"model", "policy"}]
        if others:
            raise InputError(f"substitute {table['model']}: a policy gives share and bound; leave out {others[0]}")
        if not isinstance(table["policy"], str):
            raise InputError(f"substitute {table['model']}: policy {shown(table['policy'])}; allowed is a file's path")
        return Substitute.of_policy(table["model"], folder / table["policy"])
    if "share" not in table:
        raise InputError(f"substitute {table['model']}: write share, the requests a route sends to it (0..1]")
    return Substitute(**table)
