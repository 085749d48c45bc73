"""BM25: how much texts have to do with a query."""

import math
from collections import Counter
from collections.abc import Sequence

from bedrock_lab.route.learned import TOKEN

K1, B = 1.2, 0.75
"""As in Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009)."""


def bm25(query: str, texts: Sequence[str]) -> list[float]:
    """Score each text against a query; 0 where they share no word.

    >>> [round(s, 3) for s in bm25("unit price", ["the price of a unit", "the weather"])]
    [1.22, 0.0]
    """
    counts = [Counter(TOKEN.findall(text.lower())) for text in texts]
    sizes = [sum(held.values()) for held in counts]
    mean = sum(sizes) / len(sizes) if sizes else 0.0
    wanted = set(TOKEN.findall(query.lower()))
    holding = {word: sum(word in held for held in counts) for word in wanted}
    idf = {word: math.log(1 + (len(texts) - n + 0.5) / (n + 0.5)) for word, n in holding.items()}

    def score(held: Counter[str], size: int) -> float:
        norm = K1 * (1 - B + B * size / mean) if mean else K1
        return sum(idf[word] * held[word] * (K1 + 1) / (held[word] + norm) for word in wanted if held[word]) + 0.0

    return [score(held, size) for held, size in zip(counts, sizes, strict=True)]
