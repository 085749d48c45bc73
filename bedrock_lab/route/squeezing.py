"""Squeeze out whitespace that means nothing, and paragraphs a conversation repeats; code, tables and YAML stay."""

import copy
import dataclasses
import re
from collections.abc import Sequence
from typing import Any

from bedrock_lab.route.conversations import check_messages
from bedrock_lab.route.counting import Counter, Message
from bedrock_lab.route.pieces import blocks, paragraphs

YAML = re.compile(r"^\s*(?:- )?[\w.\-/]+:(?:\s|$)|^\s*- \S|^---\s*$|^\s*#")
YAML_SHARE = 0.8
"""Lines that look like YAML from which a run of lines is left alone."""

INDENTED = re.compile(r"^(?: {4,}|\t)")
REPEATED_WORDS = 20
"""Words from which a paragraph said before is boilerplate."""


@dataclasses.dataclass(frozen=True, slots=True)
class Squeezed:
    """A text or messages with less in them, and the tokens saved by the counter."""

    content: Any
    tokens_before: int
    tokens: int

    @property
    def saved(self) -> int:
        """Tokens saved."""
        return self.tokens_before - self.tokens


def squeeze(text: str, counter: Counter | None = None) -> Squeezed:
    r"""Take out spaces at the ends of lines and runs of blank lines.

    Two spaces before a line that goes on are a line break in Markdown and stay; indentation, fenced and indented code,
    tables and what looks like YAML stay as they are.

    >>> squeeze("a  \nb \n\n\n\nc").content
    'a  \nb\n\nc'
    """
    count = counter or Counter()
    made = "".join(run if kept or _is_yaml(run) else _squeezed(run) for run, kept in blocks(text))
    return Squeezed(made, count.text(text), count.text(made))


def squeeze_messages(messages: Sequence[Message], counter: Counter | None = None) -> Squeezed:
    """Squeeze the texts of messages, and take out long paragraphs that a message of the same role has said before.

    What lies before the last cache point stays as it is: another byte there would miss the cache.
    """
    check_messages(messages)
    count = counter or Counter()
    made = [copy.deepcopy(dict(message)) for message in messages]
    cached = max((i for i, m in enumerate(made) if any("cachePoint" in block for block in m["content"])), default=-1)
    said: dict[str, set[str]] = {}
    for i, message in enumerate(made):
        seen = said.setdefault(message["role"], set())
        own = [block for block in message["content"] if "text" in block]
        for block in own:
            if i > cached:
                block["text"] = _without(squeeze(block["text"], count).content, seen)
        seen |= {key for block in own for p in paragraphs(block["text"]) if (key := _boilerplate(p))}
    return Squeezed(made, count.messages(messages), count.messages(made))


def _squeezed(run: str) -> str:
    lines = run.splitlines(keepends=True)
    kept: list[str] = []
    blank = 0
    for i, line in enumerate(lines):
        body = line.rstrip("\r\n")
        end = line[len(body) :]
        if INDENTED.match(line) and body.strip():
            kept.append(line)
            blank = 0
            continue
        bare = body.rstrip(" \t")
        goes_on = i + 1 < len(lines) and bool(lines[i + 1].strip())
        if bare and body.endswith("  ") and goes_on:
            bare += "  "
        blank = 0 if bare else blank + 1
        if blank <= 1 or not end:
            kept.append(bare + end)
    return "".join(kept)


def _is_yaml(run: str) -> bool:
    lines = [line for line in run.splitlines() if line.strip()]
    keys = sum(bool(YAML.match(line)) for line in lines)
    return len(lines) >= 2 and keys >= YAML_SHARE * len(lines)


def _boilerplate(paragraph: str) -> str | None:
    (_, kept), *_ = blocks(paragraph)
    text = paragraph.strip()
    return None if kept or len(text.split()) < REPEATED_WORDS else text


def _without(text: str, seen: set[str]) -> str:
    pieces = paragraphs(text)
    left = [p for p in pieces if _boilerplate(p) not in seen or _boilerplate(p) is None]
    return "".join(left) if left else text
