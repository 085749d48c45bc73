"""What shortening is worth on conversations: tokens before and after, by way, and what was cut."""

import dataclasses
import html
from collections import Counter as Tally
from collections.abc import Sequence
from typing import Any

import numpy as np

from bedrock_lab.assumptions import Assumption, Origin
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.catalogue.pricelist import prices as load_prices
from bedrock_lab.catalogue.target import target
from bedrock_lab.pricing import price_vector
from bedrock_lab.route.conversations import Conversation, Conversations, conversations_of
from bedrock_lab.route.counting import Counter
from bedrock_lab.route.squeezing import squeeze_messages
from bedrock_lab.route.trimming import KEEPS, CannotCutError, trim

SQUEEZE = "squeeze"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way of shortening on all conversations.

    Attributes
    ----------
    changed, refused
        Conversations that lost something, and those in which what may not be cut is above the limit; these count
        as they were.
    cut
        How many messages, paragraphs and sentences went.
    usd_per_1k_requests
        Input, at full price [USD]; None where no model was named.
    """

    way: str
    tokens: int
    saved_share: float
    changed: int
    refused: int
    cut: dict[str, int]
    usd_per_1k_requests: float | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shortening:
    """Ways of shortening beside each other; frozen, with ``to_dict`` and ``to_frame``."""

    source: str
    conversations: int
    max_input_tokens: int
    tokens_before: int
    over_the_limit: int
    usd_per_1k_requests: float | None
    ways: tuple[Way, ...]
    origin: Origin
    assumptions: tuple[Assumption, ...]

    @property
    def answer(self) -> str:
        """One sentence."""
        squeezed = next(w for w in self.ways if w.way == SQUEEZE)
        best = min((w for w in self.ways if w.way != SQUEEZE), key=lambda w: w.tokens)
        return (
            f"Squeezing takes out {squeezed.saved_share:.1%} of {self.tokens_before:,} tokens and nothing that means "
            f"something; trimming to {self.max_input_tokens:,}, which {self.over_the_limit} of {self.conversations} "
            f"conversations exceed, takes out {best.saved_share:.1%} and has to be judged by answers."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "answer": self.answer,
            "source": self.source,
            "conversations": self.conversations,
            "max_input_tokens": self.max_input_tokens,
            "tokens_before": self.tokens_before,
            "over_the_limit": self.over_the_limit,
            "usd_per_1k_requests": self.usd_per_1k_requests,
            "ways": [dataclasses.asdict(way) for way in self.ways],
            "origin": str(self.origin),
            "assumptions": [a.to_dict() for a in self.assumptions],
        }

    def to_frame(self) -> Any:
        """Return a row a way as a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame([dataclasses.asdict(way) for way in self.ways])

    def _repr_html_(self) -> str:
        return f"<p><strong>{html.escape(self.answer)}</strong></p>" + str(self.to_frame().to_html(index=False))


def shorten(
    conversations: Conversations | Sequence[Conversation],
    max_input_tokens: int,
    *,
    model: str | None = None,
    prices: Prices | None = None,
    region: str | None = None,
    counter: Counter | None = None,
) -> Shortening:
    """Squeeze conversations, trim them by each strategy, and count what is left.

    Parameters
    ----------
    max_input_tokens
        The most that trimming leaves of a conversation, by the counter.
    model, prices, region
        Whose input price holds; without a model nothing is priced.
    counter
        Unset, by bytes with an assumed range; `calibrate` measures one.

    Raises
    ------
    InputError
        There is no conversation, one is no list of messages, or the limit is below 1.
    """
    held = conversations if isinstance(conversations, Conversations) else conversations_of(conversations)
    count = counter or Counter()
    sizes = [count.messages(messages) for messages in held.messages]
    spot = None if model is None else target(model, region=region).spot
    listed = prices or load_prices()

    def cost(tokens: Sequence[int]) -> float | None:
        if spot is None:
            return None
        return 1000 * float(price_vector(listed, spot, {"input": np.array(tokens, dtype=np.float64)}).mean())

    def way(name: str) -> Way:
        found = [_shortened(name, messages, max_input_tokens, count) for messages in held.messages]
        left = [size if tokens is None else tokens for size, (tokens, _) in zip(sizes, found, strict=True)]
        return Way(
            way=name,
            tokens=sum(left),
            saved_share=1 - sum(left) / sum(sizes),
            changed=sum(tokens < size for size, tokens in zip(sizes, left, strict=True)),
            refused=sum(tokens is None for tokens, _ in found),
            cut=dict(Tally(what for _, cuts in found for what in cuts)),
            usd_per_1k_requests=cost(left),
        )

    return Shortening(
        source=held.source,
        conversations=len(sizes),
        max_input_tokens=max_input_tokens,
        tokens_before=sum(sizes),
        over_the_limit=sum(size > max_input_tokens for size in sizes),
        usd_per_1k_requests=cost(sizes),
        ways=tuple(way(name) for name in (SQUEEZE, *KEEPS)),
        origin=held.origin,
        assumptions=(count.assumption(),),
    )


def _shortened(way: str, messages: Conversation, limit: int, count: Counter) -> tuple[int | None, list[str]]:
    """Return the tokens that are left and what was cut; None where what may not be cut is too long."""
    if way == SQUEEZE:
        return squeeze_messages(messages, count).tokens, []
    try:
        found = trim(messages, limit, keep=way, counter=count)
    except CannotCutError:
        return None, []
    return found.tokens, [cut.what for cut in found.cut]
