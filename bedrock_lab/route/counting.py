"""Tokens of a conversation: estimated from its bytes, calibrated by CountTokens where it can be asked."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from bedrock_lab.assumptions import Assumption, Kind
from bedrock_lab.errors import InputError
from bedrock_lab.predict.text_tokens import BYTES_PER_TOKEN, FEWEST_BYTES, MOST_BYTES

Message = Mapping[str, Any]

MESSAGE_TOKENS = 4
"""Around each message, assumed: its role and its ends."""

MEDIA_TOKENS = 1600
"""Of an image, a document or another medium, assumed: nobody publishes how they are counted."""

MEDIA = ("image", "document", "video", "audio")


@dataclasses.dataclass(frozen=True, slots=True)
class Counter:
    """Counts tokens by bytes.

    Attributes
    ----------
    bytes_per_token, lo, hi
        Bytes of UTF-8 a token stands for, and the range they lie in.
    measured
        How many texts they were measured on by CountTokens; 0 where they are assumed.
    """

    bytes_per_token: float = BYTES_PER_TOKEN
    lo: float = FEWEST_BYTES
    hi: float = MOST_BYTES
    measured: int = 0

    def text(self, text: str) -> int:
        """Return the tokens of a text."""
        return math.ceil(len(text.encode("utf-8", "surrogatepass")) / self.bytes_per_token)

    def block(self, block: Mapping[str, Any]) -> int:
        """Return the tokens of a content block."""
        if "text" in block:
            return self.text(block["text"])
        if any(kind in block for kind in MEDIA):
            return MEDIA_TOKENS
        if "cachePoint" in block:
            return 0
        nested = block.get("toolResult", {}).get("content", ())
        media = sum(any(kind in part for kind in MEDIA) for part in nested)
        return media * MEDIA_TOKENS + math.ceil(len(orjson.dumps(block, default=_no_bytes)) / self.bytes_per_token)

    def message(self, message: Message) -> int:
        """Return the tokens of a message."""
        return MESSAGE_TOKENS + sum(self.block(block) for block in message["content"])

    def messages(self, messages: Sequence[Message]) -> int:
        """Return the tokens of messages."""
        return sum(self.message(message) for message in messages)

    @property
    def error(self) -> float:
        """By how much the true count may exceed this one: 0.6 is 60 %."""
        return self.bytes_per_token / self.lo - 1

    def assumption(self) -> Assumption:
        """Return what the count rests on."""
        source = (
            f"measured by CountTokens on {self.measured} texts of the caller's"
            if self.measured
            else "assumed: tokenizers, languages and code differ; calibrate(...) measures it"
        )
        return Assumption(
            name="bytes_per_token",
            value=self.bytes_per_token,
            lo=self.lo,
            hi=self.hi,
            kind=Kind.MEASURED if self.measured else Kind.ASSUMED,
            source=source,
            unit="bytes of UTF-8",
        )


def calibrate(count: Callable[[str], int], texts: Sequence[str]) -> Counter:
    """Measure the bytes of a token on texts like those that will be counted.

    Parameters
    ----------
    count
        Tokens of a text: CountTokens of the model.

    Returns
    -------
    Counter
        By the mean of all texts; its range is that of the single ones.

    Raises
    ------
    InputError
        No text has a token.

    >>> calibrate(lambda text: len(text) // 3, ["a" * 300, "b" * 600]).bytes_per_token
    3.0
    """
    pairs = [(len(text.encode("utf-8", "surrogatepass")), count(text)) for text in texts]
    pairs = [(size, tokens) for size, tokens in pairs if size and tokens > 0]
    if not pairs:
        raise InputError("calibrate: no text has a token; give some that are like those to be counted")
    ratios = [size / tokens for size, tokens in pairs]
    mean = sum(size for size, _ in pairs) / sum(tokens for _, tokens in pairs)
    return Counter(mean, min(ratios), max(ratios), len(pairs))


def count_tokens(client: Any, model_id: str) -> Callable[[str], int]:
    """Return CountTokens of a model as a function of a text; a call of it is not charged.

    Parameters
    ----------
    client
        boto3's ``bedrock-runtime`` client.
    """

    def count(text: str) -> int:
        asked = {"converse": {"messages": [{"role": "user", "content": [{"text": text}]}]}}
        return int(client.count_tokens(modelId=model_id, input=asked)["inputTokens"])

    return count


def _no_bytes(value: object) -> str:
    """Write what JSON cannot hold; media are counted apart."""
    del value
    return ""
