"""Conversations to shorten: read from JSON lines, or made up to try it on."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bedrock_lab.assumptions import Origin
from bedrock_lab.errors import InputError

Conversation = list[dict[str, Any]]

CHATS = 60
SPARE = "  \n\n\n\n"
"""Spaces and blank lines as copied texts have them."""

RULES = (
    "Answer in the language of the question, name the source of every figure with its day, say plainly where nothing "
    "is known, and keep to the units that the question uses."
)
TOPICS = ("quota", "price", "batch", "cache", "profile", "commitment")
SENTENCES = (
    "The {0} of this account is set by Region and counts tokens of input and output together.",
    "A change of the {0} takes effect within a day and is billed from the next full hour.",
    "Two teams share the {0}, so that one of them may find it used up in the afternoon.",
    "Last month the {0} was raised twice, and each time the alarm was set anew.",
    "What the {0} comes to in a year depends on the traffic of the busiest weeks.",
)
CODE = "```python\nclient.converse(\n    modelId=model,\n\n    messages=messages,\n)\n```\n"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Conversations:
    """Conversations, each a list of Converse's messages, and where they come from."""

    messages: tuple[Conversation, ...]
    source: str
    origin: Origin = Origin.LOG

    def __len__(self) -> int:
        return len(self.messages)


def conversations_of(given: Sequence[Conversation], source: str = "given") -> Conversations:
    """Check conversations given as values.

    Raises
    ------
    InputError
        There is none, or one is not what Converse takes for messages.
    """
    if not given:
        raise InputError(f"{source}: no conversation, so there is nothing to shorten")
    for n, messages in enumerate(given):
        check_messages(messages, f"{source}: conversation {n}")
    return Conversations(messages=tuple(given), source=source)


def read_conversations(path: str | Path) -> Conversations:
    """Read conversations from JSON lines: an object with Converse's ``messages`` a line, or the list itself.

    Raises
    ------
    InputError
        It cannot be read, or a line holds no messages.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is no UTF-8; conversations are JSON lines") from None
    found = [_conversation(line, f"{path}:{n}") for n, line in enumerate(lines, 1) if line.strip()]
    if not found:
        raise InputError(f'{path}: holds no conversation; write one a line: {{"messages": [...]}}')
    return conversations_of(found, Path(path).name)


def example_chats(seed: int = 0) -> Conversations:
    """Make 60 conversations about six topics; nobody's.

    Each has three to fourteen turns. Every question begins with the same rules of 29 words, as templates write them;
    texts carry trailing spaces and blank lines, every third answer a block of code, and every fourth conversation a
    call of a tool with its result.

    >>> made = example_chats()
    >>> made.origin, len(made), made == example_chats()
    (<Origin.SYNTHETIC: 'synthetic'>, 60, True)
    """
    rng = np.random.default_rng(seed)
    return Conversations(
        messages=tuple(_made(rng, number) for number in range(CHATS)),
        source=f"{CHATS} made-up conversations, seed {seed}",
        origin=Origin.SYNTHETIC,
    )


def _made(rng: np.random.Generator, number: int) -> Conversation:
    said: Conversation = []
    turns = int(rng.integers(3, 15))
    for turn in range(turns):
        topic = str(rng.choice(TOPICS))
        said.append(_text("user", f"{RULES}\n\n{_passage(rng, topic, 1)}What of the {topic}?"))
        if turn == 0 and number % 4 == 0:
            call = {"toolUseId": f"look-{number}", "name": "look_up", "input": {"topic": topic}}
            result = {"toolUseId": call["toolUseId"], "content": [{"text": _passage(rng, topic, 3)}]}
            said += [
                {"role": "assistant", "content": [{"toolUse": call}]},
                {"role": "user", "content": [{"toolResult": result}]},
            ]
        if turn < turns - 1:
            code = CODE if rng.random() < 1 / 3 else ""
            said.append(_text("assistant", _passage(rng, topic, int(rng.integers(2, 6))) + code))
    return said


def _passage(rng: np.random.Generator, topic: str, count: int) -> str:
    """Make paragraphs of some sentences."""
    paragraphs = (" ".join(rng.choice(SENTENCES, 3).tolist()) for _ in range(count))
    return "".join(paragraph.format(topic) + SPARE for paragraph in paragraphs)


def _text(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": [{"text": text}]}


def _conversation(line: str, where: str) -> Conversation:
    try:
        held = json.loads(line)
    except ValueError:
        raise InputError(f"{where}: is no JSON; conversations are JSON lines") from None
    messages = held.get("messages") if isinstance(held, dict) else held
    if messages is None:
        raise InputError(f'{where}: holds no messages; write {{"messages": [...]}} as Converse takes them')
    check_messages(messages, where)
    return list(messages)


def check_messages(messages: Any, where: str = "messages") -> None:
    """Refuse what Converse does not take for messages.

    Raises
    ------
    InputError
        It is no list, a message has no role of user or assistant, or its content is no list of blocks.
    """
    if not isinstance(messages, Sequence) or isinstance(messages, str) or not messages:
        raise InputError(f'{where}: no list of messages, such as [{{"role": ..., "content": [...]}}]')
    for n, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in {"user", "assistant"}:
            raise InputError(f"{where}: message {n} has no role; allowed are user and assistant")
        content = message.get("content")
        if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
            raise InputError(f'{where}: content of message {n} is no list of blocks, such as [{{"text": ...}}]')
        if any("text" in block and not isinstance(block["text"], str) for block in content):
            raise InputError(f"{where}: a text of message {n} is no text")
