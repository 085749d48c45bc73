"""A what-if scenario: values put in the place of the plan's, as a value, and as a file."""

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bedrock_lab.errors import InputError, listing
from bedrock_lab.views.files import write_atomic
from bedrock_lab.views.whatif.controls import Control

SCHEMA_VERSION = 1
FORM = "bedrock-lab what-if scenario"
BASE = "base"
WRITTEN = "give a file that the panel or `Panel.save` wrote"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """What differs from the plan, by the names of `bedrock_lab.evaluate`; nothing where it is the plan itself.

    >>> WhatIf.of({"growth": 2.0}).changes
    (('growth', 2.0),)
    """

    name: str = BASE
    changes: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def of(cls, changes: Mapping[str, Any], name: str = BASE) -> "WhatIf":
        """Make a scenario of changes by name."""
        plain = {n: tuple(v) if isinstance(v, list) else v for n, v in changes.items()}
        return cls(name=name, changes=tuple(sorted(plain.items())))

    @property
    def values(self) -> dict[str, Any]:
        """Changes by name, as `evaluate` takes them."""
        return {n: list(v) if isinstance(v, tuple) else v for n, v in self.changes}

    def to_dict(self) -> dict[str, Any]:
        """Return what a file holds."""
        return {"schema_version": SCHEMA_VERSION, "form": FORM, "name": self.name, "changes": self.values}

    def save(self, path: str | Path) -> Path:
        """Write the scenario as JSON, whole or not at all."""
        target = Path(path)
        write_atomic(target, json.dumps(self.to_dict(), indent=1, allow_nan=False) + "\n")
        return target


def load_scenario(path: str | Path, controls: Mapping[str, Control]) -> WhatIf:
    """Read a scenario file and check it against what can be moved.

    Raises
    ------
    InputError
        It cannot be read, is no scenario, names what cannot be moved, or a value is not allowed.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise InputError(f"{path}: cannot be read ({reason}); {WRITTEN}") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: is no JSON (line {error.lineno}); {WRITTEN}") from None
    if not isinstance(data, dict) or data.get("form") != FORM:
        raise InputError(f"{path}: is no what-if scenario; {WRITTEN}")
    if data.get("schema_version") != SCHEMA_VERSION:
        raise InputError(f"{path}: schema version {data.get('schema_version')}; this version reads {SCHEMA_VERSION}")
    name, changes = data.get("name", BASE), data.get("changes")
    if not isinstance(changes, dict) or not isinstance(name, str) or not name.strip():
        raise InputError(f"{path}: name is a text and changes an object; {WRITTEN}")
    try:
        return WhatIf.of(checked(changes, controls), name)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def checked(
    changes: Mapping[str, Any], controls: Mapping[str, Control], missing: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return changes with names and values that can be answered; a value that is the plan's own is left out.

    Raises
    ------
    InputError
        A name has no control, with the reason where one is known, or a value is not allowed.
    """
    made: dict[str, Any] = {}
    for name, value in changes.items():
        if name not in controls:
            why = f": {missing[name]}" if missing and name in missing else ""
            raise InputError(f"{name}: cannot be moved here{why}; allowed: {listing(controls, 20)}")
        control = controls[name]
        value = _checked(control, value)  # noqa: PLW2901 - the checked value of the same name
        if value != control.value:
            made[name] = value
    return made


def _checked(control: Control, value: Any) -> Any:
    name = control.name
    if control.form == "several":
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list | tuple) or not names or any(n not in control.choices for n in names):
            raise InputError(f"{name} {value!r}: allowed are one or more of {', '.join(map(str, control.choices))}")
        return tuple(n for n in control.choices if n in names)
    if control.form == "choice":
        if value not in control.choices or isinstance(value, bool):
            raise InputError(f"{name} {value!r}: allowed: {', '.join(map(str, control.choices))}")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{name} {value!r}: allowed is one number")
    if not control.least <= value <= control.most:
        raise InputError(f"{name} {value:g}: allowed is {control.least:g} to {control.most:g} {control.unit}".rstrip())
    if control.form == "whole":
        if value != int(value):
            raise InputError(f"{name} {value:g}: allowed is a whole number")
        return int(value)
    return float(value)
