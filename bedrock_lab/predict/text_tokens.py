"""How many tokens a text may be where nobody counted: bytes over an assumed range of bytes a token."""

from typing import NamedTuple

from bedrock_lab.assumptions import Assumption, Kind

BYTES_PER_TOKEN = 4
FEWEST_BYTES, MOST_BYTES = 2.5, 6.0
"""Bytes of text a token stands for: the range over languages, code and tokenizers that is assumed."""


class Estimate(NamedTuple):
    """Tokens of a text, and the least and most it may be."""

    tokens: float
    lo: float
    hi: float


def estimated_tokens(text: str) -> Estimate:
    """Estimate the tokens of a text.

    >>> estimated_tokens("a" * 300)
    Estimate(tokens=75.0, lo=50.0, hi=120.0)
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    return Estimate(size / BYTES_PER_TOKEN, size / MOST_BYTES, size / FEWEST_BYTES)


def bytes_assumption() -> Assumption:
    """Return what is assumed of the bytes of a token."""
    return Assumption(
        name="bytes_per_token",
        value=BYTES_PER_TOKEN,
        lo=FEWEST_BYTES,
        hi=MOST_BYTES,
        kind=Kind.ASSUMED,
        source="assumed: nobody counted these texts, and tokenizers, languages and code differ",
        unit="bytes of UTF-8",
    )
