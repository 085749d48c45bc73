"""Values of segments by their kind: a text where texts are meant, a number where one is, each refused in one line."""

import math
import reprlib
from collections.abc import Mapping
from typing import Any, TypeGuard

from bedrock_lab.catalogue.offers import OPTIONS
from bedrock_lab.catalogue.places import SCOPES
from bedrock_lab.errors import InputError

TEXTS = {
    "app": "",
    "model": "",
    "operation": "",
    "option": f" of {', '.join(OPTIONS)}",
    "allow_scopes": f" of {', '.join(SCOPES)}",
    "models": ": ids of models",
    "by": " of app, model, operation",
}
"""What a segment says in texts, and which are allowed."""


def check_kinds(held: Mapping[str, Any]) -> None:
    """Refuse values of another kind than their names stand for; None is not given.

    >>> check_kinds({"allow_scopes": 5})
    Traceback (most recent call last):
    bedrock_lab.errors.InputError: allow_scopes 5: allowed is a text, or a list of texts of in-region, geo, global
    """
    given = {name: value for name, value in held.items() if value is not None}
    for name in TEXTS:
        check_texts(name, given.get(name))
    slo, assume = given.get("slo", ""), given.get("assume", {})
    if not isinstance(slo, str | Mapping):
        raise InputError(f'slo {shown(slo)}: allowed is a text, "ttft_p95=1.5", or a table {{ttft_p95 = 1.5}} [s]')
    if not isinstance(assume, Mapping):
        raise InputError(f'assume {shown(assume)}: allowed is a table, {{growth = "0.9..1.4"}}')
    if not is_number(given.get("deferrable", 0)):
        raise InputError(f"deferrable {shown(given['deferrable'])}: allowed is a share from 0 to 1")
    hours = given.get("deadline_h", 1)
    if not is_number(hours) or not 0 < hours < math.inf:
        raise InputError(f"deadline_h {shown(hours)}: allowed is a number above 0 [h]")


def check_texts(name: str, value: Any) -> None:
    """Refuse what is neither a text nor a list of texts, or an empty one."""
    texts = [value] if isinstance(value, str) else value
    if value is None:
        return
    if not isinstance(texts, list | tuple) or not all(isinstance(t, str) and t.strip(" ,") for t in texts) or not texts:
        raise InputError(f"{name} {shown(value)}: allowed is a text, or a list of texts{TEXTS.get(name, '')}")


def is_number(value: Any) -> TypeGuard[float]:
    """Whether it is a number, which True and False are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def shown(value: Any) -> str:
    """Write a value for a message, cut where it is long.

    >>> shown("half"), shown(list(range(100)))
    ("'half'", '[0, 1, 2, 3, 4, 5, ...]')
    """
    return reprlib.repr(value)
