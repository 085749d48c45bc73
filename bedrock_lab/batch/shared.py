"""What the records of an input begin with in common: what a prompt cache could keep on demand, and batch cannot."""

import sys
from typing import Any, NamedTuple

import orjson

from bedrock_lab.batch.estimate import OVERHEAD_TOKENS
from bedrock_lab.batch.records import text_bytes
from bedrock_lab.predict.text_tokens import BYTES_PER_TOKEN

MANY = 100_000
"""So many different beginnings are told apart; later ones count as not shared."""

NEVER = sys.maxsize
"""The shortest prefix of a model that caches none [tokens]."""

POINTS = ("cachePoint", "cache_control")


class Cacheable(NamedTuple):
    """Tokens that could be read from a prompt cache, and that had to be written to it first [tokens]."""

    read_tokens: int
    write_tokens: int


class Beginnings:
    """Counts beginnings as records pass by: tools, system prompt, and messages up to the last cache point.

    Parameters
    ----------
    least_tokens
        The shortest prefix a cache takes [tokens].
    """

    def __init__(self, least_tokens: int) -> None:
        self._least = least_tokens
        self._seen: dict[bytes, list[int]] = {}

    def look(self, records: list[dict[str, Any]]) -> None:
        """Count the beginnings of some records."""
        for record in records:
            parts = beginning(record)
            if not parts:
                continue
            key = orjson.dumps(parts)
            held = self._seen.get(key)
            if held is not None:
                held[0] += 1
            elif len(self._seen) < MANY:
                self._seen[key] = [1, text_bytes(parts) // BYTES_PER_TOKEN + OVERHEAD_TOKENS]

    def found(self) -> Cacheable:
        """Return what a cache that forgets nothing would read and write: each beginning written once."""
        kept = [(uses, tokens) for uses, tokens in self._seen.values() if uses > 1 and tokens >= self._least]
        return Cacheable(sum((uses - 1) * tokens for uses, tokens in kept), sum(tokens for _, tokens in kept))


def beginning(record: dict[str, Any]) -> list[Any]:
    """Return what stands at the beginning of a record and may be shared; empty where nothing does.

    >>> beginning({"prompt": "Hi", "system": "Be short."})
    ['Be short.']
    """
    body = record.get("modelInput", record)
    if not isinstance(body, dict):
        return []
    messages = body.get("messages")
    messages = messages if isinstance(messages, list) else []
    marked = [
        i for i, message in enumerate(messages) if any(point in orjson.dumps(message).decode() for point in POINTS)
    ]
    kept = messages[: marked[-1] + 1] if marked else [m for m in messages[:1] if _of_system(m)]
    return [part for part in (body.get("tools") or body.get("toolConfig"), body.get("system"), kept) if part]


def _of_system(message: Any) -> bool:
    return isinstance(message, dict) and message.get("role") in {"system", "developer"}
