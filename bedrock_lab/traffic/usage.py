"""The tokens of one request, every token in exactly one bucket."""

import dataclasses

from bedrock_lab.errors import InputError, listing

BUCKETS = (
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_30m",
    "cache_write_1h",
    "cache_write_unknown",
    "output",
)
"""The token buckets, in the order in which they are printed."""

CACHE_WRITES = ("cache_write_5m", "cache_write_30m", "cache_write_1h", "cache_write_unknown")
"""The buckets of tokens written to the prompt cache, by time to live."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The tokens of one request by bucket [tokens].

    Parameters
    ----------
    input_tokens
        Prompt tokens that were neither read from nor written to the prompt cache.
    output_tokens
        Tokens of the answer.
    cache_read_tokens
        Prompt tokens read from the prompt cache.
    cache_write_5m_tokens, cache_write_30m_tokens, cache_write_1h_tokens, cache_write_unknown_tokens
        Prompt tokens written to the prompt cache, by time to live.

    Raises
    ------
    InputError
        When a count is no whole number or is negative.

    Examples
    --------
    >>> usage = Usage(input_tokens=1000, cache_read_tokens=250, output_tokens=20)
    >>> usage.prompt_tokens
    1250
    >>> usage.tokens("cache_read")
    250
    """

    input_tokens: int
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_30m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    cache_write_unknown_tokens: int = 0

    def __post_init__(self) -> None:
        """Refuse what is no count of tokens."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if type(value) is not int or value < 0:
                raise InputError(f"{field.name} is {value!r}; a whole number of 0 or more is allowed")

    @property
    def prompt_tokens(self) -> int:
        """Input, cache reads and cache writes together [tokens]: what long-context thresholds look at."""
        return sum(self.tokens(bucket) for bucket in BUCKETS if bucket != "output")

    def tokens(self, bucket: str) -> int:
        """Return the tokens in one bucket of `BUCKETS` [tokens]."""
        if bucket not in BUCKETS:
            raise InputError(f"unknown bucket {bucket!r}; known: {listing(BUCKETS)}")
        return int(getattr(self, f"{bucket}_tokens"))

    def to_dict(self) -> dict[str, int]:
        """Return plain values for JSON."""
        return dataclasses.asdict(self)
