"""Trim a conversation to a number of tokens: whole exchanges first, then paragraphs, then sentences.

An exchange begins with a message of the user that answers no tool, and holds all until the next such message: tool
calls and their results stay together. What lies before the last cache point is read from the cache and stays as it is,
and so does the last exchange but for its texts.
"""

import copy
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from bedrock_lab.assumptions import Assumption
from bedrock_lab.errors import InputError, listing
from bedrock_lab.route.conversations import check_messages
from bedrock_lab.route.counting import Counter, Message
from bedrock_lab.route.pieces import paragraphs, sentences
from bedrock_lab.route.relevance import bm25

OLDEST, MIDDLE, RELEVANT = "oldest-first", "middle-out", "relevance"
KEEPS = (OLDEST, MIDDLE, RELEVANT)
REPORT, ERROR = "report", "error"


class CannotCutError(InputError):
    """What may not be cut is above the limit."""


@dataclasses.dataclass(frozen=True, slots=True)
class Cut:
    """What was cut: messages, a paragraph or a sentence, from which message, and its tokens; not its text."""

    what: str
    message: int
    tokens: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Trimmed:
    """A trimmed conversation.

    Attributes
    ----------
    messages
        Converse's messages.
    tokens, tokens_before
        By the counter.
    most_tokens
        What they may be by the model's own count, with the counter's error.
    cut
        Everything that was cut, in order.
    """

    messages: list[dict[str, Any]]
    tokens: int
    tokens_before: int
    most_tokens: int
    cut: tuple[Cut, ...]
    assumptions: tuple[Assumption, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, without the messages."""
        return {
            "tokens": self.tokens,
            "tokens_before": self.tokens_before,
            "most_tokens": self.most_tokens,
            "cut": [dataclasses.asdict(cut) for cut in self.cut],
            "assumptions": [a.to_dict() for a in self.assumptions],
        }


def trim(
    messages: Sequence[Message],
    max_input_tokens: int,
    *,
    keep: str = OLDEST,
    besides_tokens: int = 0,
    counter: Counter | None = None,
    on_cut: str = REPORT,
) -> Trimmed:
    """Cut a conversation to a number of tokens.

    Parameters
    ----------
    messages
        Converse's messages; they are not changed.
    max_input_tokens
        The most that remains, by the counter.
    keep
        What goes first: ``oldest-first``; ``middle-out``, from the middle; ``relevance``, what has least to do with the
        last message of the user.
    besides_tokens
        What else the request holds: the system prompt, tools.
    counter
        Unset, by bytes with an assumed range; `calibrate` measures one.
    on_cut
        ``report``, or ``error`` where nothing may be cut.

    Raises
    ------
    InputError
        A value is wrong, or nothing may be cut.
    CannotCutError
        What may not be cut is above the limit.

    Examples
    --------
    >>> said = [{"role": r, "content": [{"text": t * 40}]} for r, t in (("user", "old "), ("assistant", "yes "))]
    >>> found = trim([*said, {"role": "user", "content": [{"text": "And now?"}]}], 20)
    >>> found.messages, found.tokens, [c.what for c in found.cut]
    ([{'role': 'user', 'content': [{'text': 'And now?'}]}], 6, ['messages'])
    """
    check_messages(messages)
    if keep not in KEEPS:
        raise InputError(f"keep {keep!r}: allowed are {listing(KEEPS)}")
    if on_cut not in {REPORT, ERROR}:
        raise InputError(f"on_cut {on_cut!r}: allowed are report and error")
    room = max_input_tokens - besides_tokens
    if room < 1:
        raise InputError(
            f"max_input_tokens {max_input_tokens}: allowed is more than the {besides_tokens} beside messages"
        )
    count = counter or Counter()
    before = count.messages(messages)
    held = _Held(messages, count)
    if before > room:
        if on_cut == ERROR:
            raise InputError(f"{before} tokens are above {room}, and nothing may be cut (on_cut='error')")
        held.cut_exchanges(room, keep)
        for what, split in (("paragraph", paragraphs), ("sentence", sentences)):
            held.cut_pieces(room, keep, what, split)
        if held.tokens > room:
            raise CannotCutError(
                f"{held.tokens} tokens remain above {room}: what is cached, tool results, code and media are not cut; "
                "raise max_input_tokens, or leave some of them out"
            )
    return Trimmed(
        messages=held.messages(),
        tokens=held.tokens,
        tokens_before=before,
        most_tokens=round(held.tokens * (1 + count.error)),
        cut=tuple(held.cuts),
        assumptions=(count.assumption(),),
    )


class _Held:
    """A conversation while it is cut."""

    def __init__(self, messages: Sequence[Message], count: Counter) -> None:
        self._kept: dict[int, dict[str, Any]] = {i: copy.deepcopy(dict(m)) for i, m in enumerate(messages)}
        self._count = count
        self._cached = max(
            (i for i, m in enumerate(messages) if any("cachePoint" in b for b in m["content"])), default=-1
        )
        self.cuts: list[Cut] = []
        self.tokens = count.messages(messages)

    def messages(self) -> list[dict[str, Any]]:
        """Return what is left."""
        return list(self._kept.values())

    def cut_exchanges(self, room: int, keep: str) -> None:
        """Cut whole exchanges, but for the last and those that hold something cached."""
        exchanges = exchanges_of(list(self._kept.values()))
        free = [e for e in exchanges[:-1] if min(e) > self._cached]
        texts = ["\n".join(text_of(self._kept[i]) for i in e) for e in free]
        for place in order_of(texts, keep, text_of(self._kept[exchanges[-1][0]])):
            if self.tokens <= room:
                return
            gone = free[place]
            tokens = self._count.messages([self._kept.pop(i) for i in gone])
            self.tokens -= tokens
            self.cuts.append(Cut("messages", gone[0], tokens))

    def cut_pieces(self, room: int, keep: str, what: str, split: Callable[[str], list[str]]) -> None:
        """Cut pieces of the texts that may be cut; of each text something is left."""
        query = text_of(self._kept[exchanges_of(list(self._kept.values()), list(self._kept))[-1][0]])
        found = [
            (i, block, n, piece)
            for i, message in self._kept.items()
            if i > self._cached and not _of_tools(message)
            for block in message["content"]
            if "text" in block
            for n, piece in enumerate(split(block["text"]))
        ]
        left = {id(block): split(block["text"]) for _, block, _, _ in found}
        for place in order_of([piece for *_, piece in found], keep, query):
            if self.tokens <= room:
                return
            i, block, n, _ = found[place]
            pieces = left[id(block)]
            if sum(bool(p) for p in pieces) == 1:
                continue
            before = self._count.text(block["text"])
            pieces[n] = ""
            block["text"] = "".join(pieces)
            gained = before - self._count.text(block["text"])
            self.tokens -= gained
            self.cuts.append(Cut(what, i, gained))


def exchanges_of(messages: Sequence[Message], places: Sequence[int] | None = None) -> list[list[int]]:
    """Group messages into exchanges, by their places."""
    found: list[list[int]] = []
    for i, message in zip(places or range(len(messages)), messages, strict=True):
        begins = message["role"] == "user" and not any("toolResult" in block for block in message["content"])
        if begins or not found:
            found.append([])
        found[-1].append(i)
    return found


def order_of(texts: Sequence[str], keep: str, query: str) -> list[int]:
    """Return the places of texts in the order they are cut.

    >>> order_of(["a", "b", "c", "d"], "middle-out", "")
    [2, 1, 3, 0]
    """
    places = range(len(texts))
    if keep == OLDEST:
        return list(places)
    if keep == MIDDLE:
        return sorted(places, key=lambda i: (abs(i - len(texts) / 2), i))
    scores = bm25(query, texts)
    return sorted(places, key=lambda i: (scores[i], i))


def text_of(message: Message) -> str:
    """Return the texts of a message."""
    return "\n".join(block["text"] for block in message["content"] if "text" in block)


def _of_tools(message: Message) -> bool:
    return any("toolUse" in block or "toolResult" in block for block in message["content"])
