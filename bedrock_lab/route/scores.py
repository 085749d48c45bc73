"""Policies that need no training: prompt -> score, and the strong model gets the highest."""

import hashlib
import re

WORDS = 50
"""Words from which `word_count` sends a prompt to the strong model."""

KEYWORDS = ("analyze", "compare", "explain in detail")


def word_count(prompt: str) -> float:
    """Count the words: long prompts are taken for hard ones.

    >>> word_count("What is a model unit?")
    5.0
    """
    return float(len(prompt.split()))


def keywords(prompt: str, wanted: tuple[str, ...] = KEYWORDS) -> float:
    """Count words that are taken to ask for thought; kept for comparison.

    >>> keywords("Compare and analyze both.")
    2.0
    """
    lower = prompt.lower()
    return float(sum(re.search(rf"\b{re.escape(word)}\b", lower) is not None for word in wanted))


def random(prompt: str, seed: int = 0) -> float:
    """Draw a score [0..1) from the prompt itself, so that the same prompt goes the same way."""
    drawn = hashlib.sha256(f"{seed} {prompt}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(drawn[:8], "big") / 2**64


def always(prompt: str) -> float:
    """Give every prompt the same score: one model for all."""
    del prompt
    return 0.0
