"""Which model a bill means: the names of usage types and of Marketplace products, whatever their order and signs."""

import functools
import re

from bedrock_lab.catalogue import names
from bedrock_lab.catalogue.model import find, models, split_prefix
from bedrock_lab.errors import UnknownModelError

PART = re.compile(r"\d+(?:\.\d+)*[a-z]*|[a-z]+")
EDITION = re.compile(r"\s*\(Amazon Bedrock Edition\)\s*", re.IGNORECASE)
VERSION = re.compile(r"-\d{8}|-v\d+(:\d+)?$|:\d+$")


def key_of(name: str) -> tuple[str, ...]:
    """Reduce a name to its words and versions, in an order of their own.

    >>> key_of("Claude4.6Sonnet") == key_of("Claude Sonnet 4.6"), key_of("Nova2.0Lite")
    (True, ('2', 'lite', 'nova'))
    """
    spaced = re.sub(r"(?<=[A-Za-z])(?=\d)|(?<=[a-z])(?=[A-Z])|(?<=\d)(?=[A-Z][a-z])", " ", name)
    parts = PART.findall(spaced.lower())
    return tuple(sorted(re.sub(r"\.0$", "", part) for part in parts))


@functools.cache
def _index() -> dict[tuple[str, ...], str | None]:
    """Models by the key of every name they go by; None where two share one."""
    found: dict[tuple[str, ...], str | None] = {}
    for model in models().values():
        tail = model.id.partition(".")[2]
        dotted = re.sub(r"(?<![\w.])(\d)-(\d)(?![\w.])", r"\1.\2", tail)
        spoken = names.model_name(model.id)
        known = {spoken, names.with_provider(model.id, spoken), names.usage_name(model.id), model.id, tail, dotted}
        for key in {key_of(name) for name in known}:
            found[key] = model.id if found.get(key, model.id) == model.id else None
    return found


@functools.cache
def model_of(name: str) -> str | None:
    """Find the model a bill means by a name; None where the catalogue knows none, or more than one.

    >>> model_of("Claude4.6Sonnet"), model_of("Claude Opus 5.5 (Amazon Bedrock Edition)"), model_of("no such thing")
    ('anthropic.claude-sonnet-4-6', 'anthropic.claude-opus-5-5', None)
    >>> model_of("anthropic.claude-opus-4-8")
    'anthropic.claude-opus-4-8'
    """
    bare = EDITION.sub("", name).strip()
    if not bare:
        return None
    try:
        return find(split_prefix(bare)[1]).id
    except UnknownModelError:
        return _index().get(key_of(VERSION.sub("", bare)))
