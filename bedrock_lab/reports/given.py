"""The parameters of a run: from flags, the environment, a file and the settings, each known by where it came from.

What stands first wins: ``-p name=value``, then ``BEDROCK_LAB_PARAM_<NAME>``, then the file of ``--params``, then a
setting somebody chose (Region, overlay, seed), then the notebook's default. `TODAY` stands for the day of the run.
"""

import datetime as dt
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bedrock_lab.errors import InputError
from bedrock_lab.views.parameters import Parameter, bind

ENVIRONMENT = "BEDROCK_LAB_PARAM_"
FLAG, DEFAULT, SETTING = "-p", "default", "settings"
TODAY = "today"


class Value(NamedTuple):
    """A value as it was given, and where: ``-p``, a variable's name, a file's path, ``settings``, ``default``."""

    value: Any
    source: str


def read_params(path: Path) -> dict[str, Any]:
    """Read the file of ``--params``: TOML with one ``name = value`` a parameter.

    Raises
    ------
    InputError
        It is missing or no TOML.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"--params {path}: no such file") from None
    except OSError as error:
        raise InputError(f"--params {path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"--params {path}: not valid TOML ({error})") from None
    return {n: v.isoformat() if isinstance(v, dt.date) else v for n, v in table.items()}


def in_environment(environ: Mapping[str, str]) -> dict[str, Value]:
    """Find the parameters an environment gives.

    >>> in_environment({"BEDROCK_LAB_PARAM_UNITS": "3", "HOME": "/"})
    {'units': Value(value='3', source='BEDROCK_LAB_PARAM_UNITS')}
    """
    return {
        name.removeprefix(ENVIRONMENT).lower(): Value(value, name)
        for name, value in environ.items()
        if name.startswith(ENVIRONMENT)
    }


def settled(parameters: Iterable[Parameter], given: Mapping[str, Value], today: dt.date) -> dict[str, Value]:
    """Return every parameter's checked value with its source.

    Raises
    ------
    InputError
        A name no parameter has, a wrong type or a value out of bounds.
    """
    known = {parameter.name: parameter for parameter in parameters}
    found = {}
    for name, (value, source) in given.items():
        dated = value == TODAY and name in known and known[name].unit == "date"
        found[name] = Value(_checked(known, name, today.isoformat() if dated else value, source), source)
    return {name: found.get(name, Value(p.default, DEFAULT)) for name, p in known.items()}


def _checked(known: Mapping[str, Parameter], name: str, value: Any, source: str) -> Any:
    try:
        return bind(known.values(), {name: value})[name]
    except InputError as error:
        raise InputError(f"{error}" if source == FLAG else f"{error} (given by {source})") from None
