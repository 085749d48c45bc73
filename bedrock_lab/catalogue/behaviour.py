"""How models are known to behave: the least prefix that is cached, and the latency somebody published."""

import dataclasses
import functools

from bedrock_lab.catalogue.pricelist import price_rows
from bedrock_lab.catalogue.tables import table_by

CACHE_MINIMUM_TOKENS = 1024
CHECKPOINTS = 4


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CacheRule:
    """What prompt caching asks of a request; `assumed` where no source gives the minimum."""

    minimum_prefix_tokens: int
    checkpoints: int
    assumed: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Published latency of a model, medians; None where the source does not say.

    Attributes
    ----------
    ttft_s
        Time to the first token [s].
    otps
        Output of one request [tokens/s].
    """

    ttft_s: float | None
    otps: float | None


@functools.cache
def cache_rule(model: str) -> CacheRule | None:
    """Minimum prefix and checkpoints of a model; None where nothing says that it caches.

    A model with a price for cache reads but no published minimum is taken to need 1,024 tokens.

    >>> cache_rule("anthropic.claude-haiku-4-5").minimum_prefix_tokens
    4096
    >>> cache_rule("mistral.mistral-7b-instruct") is None
    True
    """
    for row in table_by("caching", "model").get(model, ()):
        return CacheRule(
            minimum_prefix_tokens=int(row["minimum_prefix_tokens"]), checkpoints=int(row["checkpoints"]), assumed=False
        )
    if any(row.bucket == "cache_read" for row in price_rows(model)):
        return CacheRule(minimum_prefix_tokens=CACHE_MINIMUM_TOKENS, checkpoints=CHECKPOINTS, assumed=True)
    return None


@functools.cache
def published_latency(model: str, variant: str = "standard") -> Latency:
    """Return the latest published figures of a model.

    >>> published_latency("anthropic.claude-sonnet-4-5")
    Latency(ttft_s=1.8, otps=63.0)
    """
    rows = sorted(
        (row for row in table_by("latency", "model").get(model, ()) if row["variant"] == variant),
        key=lambda row: row["known_from"],
        reverse=True,
    )

    def latest(column: str) -> float | None:
        return next((float(row[column]) for row in rows if row[column]), None)

    return Latency(ttft_s=latest("ttft_s_p50"), otps=latest("otps_p50"))
