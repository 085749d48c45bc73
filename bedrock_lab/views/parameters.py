"""The parameters of a notebook: read from its tagged cell, and bound to what the user gave.

One cell is tagged ``parameters``; each of its lines declares one parameter::

    model: str = "amazon.nova-pro"  # catalogue id of the model
    deferrable: float = 0.2  # share of the traffic that may wait [share] 0..1
    units: int = 0  # provisioned units to price [units] 0..
    shape: str = ""  # how traffic spreads over the week {|flat|office}
"""

import ast
import dataclasses
import difflib
import io
import math
import re
import tokenize
from collections.abc import Iterable, Mapping
from typing import Any

from bedrock_lab.errors import InputError, listing
from bedrock_lab.views.notebook import tagged

TAG = "parameters"
LINE = "name: type = literal  # meaning [unit] bounds"
TYPES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}
TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"(?:^|\s)(?:(?P<lo>{_NUMBER})\.\.(?P<hi>{_NUMBER})?|\.\.(?P<top>{_NUMBER}))$")
_CHOICES = re.compile(r"(?:^|\s)\{(?P<choices>[^{}]*)\}$")
_UNIT = re.compile(r"(?:^|\s)\[(?P<unit>[^\[\]]+)\]$")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One value a notebook takes.

    Attributes
    ----------
    type
        Name of its type: str, int, float or bool.
    lo, hi
        Smallest and largest value allowed, None where there is no limit.
    choices
        The values allowed; empty where any is.
    """

    name: str
    type: str
    default: Any
    meaning: str
    unit: str = ""
    lo: float | None = None
    hi: float | None = None
    choices: tuple[Any, ...] = ()

    @property
    def allowed(self) -> str:
        """Say in words what may be given.

        >>> Parameter(name="x", type="float", default=0.0, meaning="share", lo=0, hi=1).allowed
        'a float in 0..1'
        """
        if self.choices:
            return "one of " + listing([repr(choice) for choice in self.choices])
        article = "an" if self.type == "int" else "a"
        if self.lo is None and self.hi is None:
            return f"{article} {self.type}"
        lo, hi = ("" if limit is None else f"{limit:g}" for limit in (self.lo, self.hi))
        return f"{article} {self.type} in {lo}..{hi}"


def read_parameters(notebook: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """Read the cell tagged ``parameters``.

    Raises
    ------
    InputError
        When there is not exactly one such cell, or a line does not declare a parameter in full.
    """
    cells = tagged(notebook, TAG)
    if len(cells) != 1:
        raise InputError(f"{len(cells)} cells tagged {TAG!r}; a notebook to run has exactly one")
    source = cells[0]["source"]
    lines = source.splitlines()
    try:
        statements = ast.parse(source).body
        comments = _comments(source)
    except (SyntaxError, tokenize.TokenError):
        raise InputError(f"parameters cell: not valid Python; each line reads {LINE}") from None
    out: dict[str, Parameter] = {}
    for statement in statements:
        line = lines[statement.lineno - 1].strip()
        parameter = _declared(statement, comments.get(statement.lineno, ""), line)
        if parameter.name in out:
            raise InputError(f"parameters line {line!r}: {parameter.name} is declared twice")
        out[parameter.name] = parameter
    return tuple(out.values())


def bind(parameters: Iterable[Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of every parameter, given or default, typed and checked.

    Parameters
    ----------
    given
        Texts, as a command line has them, or values of the parameter's own type.

    Examples
    --------
    >>> share = Parameter(name="share", type="float", default=0.2, meaning="share", lo=0, hi=1)
    >>> bind([share], {"share": "1"})
    {'share': 1.0}
    """
    known = {parameter.name: parameter for parameter in parameters}
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise InputError(f"unknown parameter {name!r}{hint}; known: {listing(known, limit=30) or 'none'}")
    return {
        name: _value(parameter, given[name]) if name in given else parameter.default
        for name, parameter in known.items()
    }


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip("#").strip() for t in tokens if t.type == tokenize.COMMENT}


def _declared(statement: ast.stmt, comment: str, line: str) -> Parameter:
    if (
        not isinstance(statement, ast.AnnAssign)
        or not isinstance(statement.target, ast.Name)
        or statement.value is None
        or statement.end_lineno != statement.lineno
    ):
        raise InputError(f"parameters line {line!r}: not a parameter; each line reads {LINE}")
    name, kind = statement.target.id, ast.unparse(statement.annotation)
    if kind not in TYPES:
        raise InputError(f"parameters line {line!r}: type {kind}; known: {listing(TYPES)}")
    try:
        default = ast.literal_eval(statement.value)
    except ValueError:
        raise InputError(f"parameters line {line!r}: the default is not a literal") from None
    meaning, limits = _split(comment, kind, line)
    if not meaning:
        raise InputError(f"parameters line {line!r}: no meaning; each line reads {LINE}")
    bare = Parameter(name=name, type=kind, default=default, meaning=meaning, **limits)
    if isinstance(default, str) and kind != "str":
        raise InputError(f"parameters line {line!r}: the default is a str; allowed: {bare.allowed}")
    return dataclasses.replace(bare, default=_value(bare, default))


def _split(comment: str, kind: str, line: str) -> tuple[str, dict[str, Any]]:
    """Split ``meaning [unit] bounds`` from its end."""
    limits: dict[str, Any] = {}
    if found := _CHOICES.search(comment):
        if kind == "bool":
            raise InputError(f"parameters line {line!r}: a bool takes no choices")
        comment = comment[: found.start()].rstrip()
        bare = Parameter(name="a choice", type=kind, default=None, meaning="")
        limits["choices"] = tuple(_value(bare, choice) for choice in found["choices"].split("|"))
    elif found := _RANGE.search(comment):
        if kind not in {"int", "float"}:
            raise InputError(f"parameters line {line!r}: a {kind} takes no range; write {{a|b}}")
        comment = comment[: found.start()].rstrip()
        lo, hi = found["lo"], found["hi"] or found["top"]
        limits["lo"], limits["hi"] = lo and float(lo), hi and float(hi)
        if lo and hi and float(lo) > float(hi):
            raise InputError(f"parameters line {line!r}: the range {lo}..{hi} runs backwards")
    if found := _UNIT.search(comment):
        comment, limits["unit"] = comment[: found.start()].rstrip(), found["unit"].strip()
    elif "[" in comment:
        raise InputError(f"parameters line {line!r}: unreadable after the unit; each line reads {LINE}")
    return comment, limits


def _value(parameter: Parameter, given: Any) -> Any:
    """Type one value and hold it against the bounds."""
    wrong = InputError(f"parameter {parameter.name}={given!r}: allowed is {parameter.allowed}")
    value = _typed(parameter.type, given)
    if value is None or (parameter.choices and value not in parameter.choices):
        raise wrong
    if parameter.lo is not None and value < parameter.lo:
        raise wrong
    if parameter.hi is not None and value > parameter.hi:
        raise wrong
    return value


def _typed(kind: str, given: Any) -> Any:
    """Return the value in its type, None where it has none there."""
    if kind == "str":
        return given if isinstance(given, str) else None
    if kind == "bool":
        return TRUTH.get(given.strip().lower()) if isinstance(given, str) else _own(given, bool)
    if isinstance(given, bool):
        return None
    if isinstance(given, str):
        try:
            given = int(given) if kind == "int" else float(given)
        except ValueError:
            return None
    if kind == "int":
        return _own(given, int)
    return float(given) if isinstance(given, int | float) and math.isfinite(given) else None


def _own(given: Any, kind: type) -> Any:
    return given if isinstance(given, kind) else None
