"""The names under which a table's columns are found: the user's, ours, and what others call them."""

import re
from collections.abc import Mapping, Sequence

from bedrock_lab.errors import InputError, listing
from bedrock_lab.traffic.columns import COLUMNS
from bedrock_lab.traffic.readers.fields import Field
from bedrock_lab.traffic.readers.files import FileError

SHORT = {
    **{
        name.removesuffix("_s") if kind == "number" else name.removesuffix("_tokens"): name
        for name, kind in COLUMNS.items()
        if name != "max_tokens"
    },
    "max_tokens": "max_tokens",
    "cache_write": "cache_write_unknown_tokens",
}
"""The short name of each column: time, input, output, cache_read, ttft, model, ..."""

PER = {"ms": 1000.0, "us": 1e6}

SYNONYMS = {
    "time_s": ("time", "timestamp", "arrival_time", "arrival", "arrived_at", "datetime", "date_time", "ts"),
    "model": ("model_id", "model_name"),
    "region": ("aws_region",),
    "account": ("account_id",),
    "app": ("application", "team", "service"),
    "tier": ("service_tier",),
    "input_tokens": (
        "input",
        "prompt_tokens",
        "request_tokens",
        "context_tokens",
        "input_length",
        "input_token_count",
        "num_input_tokens",
        "num_prefill_tokens",
        "number_input_tokens",
    ),
    "cache_read_tokens": (
        "cache_read",
        "cache_read_input_tokens",
        "cached_tokens",
        "cache_read_input_token_count",
    ),
    "cache_write_5m_tokens": ("cache_write_5m",),
    "cache_write_30m_tokens": ("cache_write_30m",),
    "cache_write_1h_tokens": ("cache_write_1h",),
    "cache_write_unknown_tokens": (
        "cache_write",
        "cache_write_tokens",
        "cache_write_input_tokens",
        "cache_creation_input_tokens",
        "cache_write_input_token_count",
    ),
    "output_tokens": (
        "output",
        "completion_tokens",
        "response_tokens",
        "generated_tokens",
        "output_length",
        "output_token_count",
        "num_output_tokens",
        "num_decode_tokens",
        "number_output_tokens",
    ),
    "max_tokens": ("max_output_tokens", "max_completion_tokens", "max_new_tokens"),
    "outcome": ("status", "status_code"),
    "ttft_s": ("ttft", "time_to_first_token"),
    "e2e_s": ("e2e", "ttlt", "ttlt_s", "end_to_end_latency_s", "time_to_last_token"),
    "request_id": ("requestid",),
}
"""What others call our columns, in lower case with underscores."""

WITH_CACHE = frozenset({"prompt_tokens"})
"""Names of input columns that in many logs count cached tokens too."""


def plain(name: str) -> str:
    """Write a column's name in lower case with underscores.

    >>> plain("cacheReadInputTokens"), plain("Request tokens")
    ('cache_read_input_tokens', 'request_tokens')
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")


def known_as(name: str) -> tuple[str, float] | None:
    """Return which column of ours a file's column is, and how many of its units make one of ours."""
    word = plain(name)
    stem, _, unit = word.rpartition("_")
    per = PER.get(unit, 1.0)
    for ours, others in SYNONYMS.items():
        if word == ours or word in others:
            return ours, 1.0
        if per != 1.0 and ours.endswith("_s") and (f"{stem}_s" == ours or stem in others):
            return ours, per
    return (word, 1.0) if word in COLUMNS else None


def mapped(file: str, names: Sequence[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Return our name -> the file's name for what the user stated."""
    out = {}
    for key, source in columns.items():
        ours = SHORT.get(key, key)
        if ours not in COLUMNS:
            raise InputError(f"columns {key}={source}: no such key; known: {listing(SHORT, limit=40)}")
        if source not in names:
            raise InputError(f"columns {key}={source}: {file} has no column {source!r}; it has {listing(names)}")
        out[ours] = source
    return out


def fields_of(file: str, names: Sequence[str], columns: Mapping[str, str] | None = None) -> list[Field]:
    """Match a file's columns with ours: as the user states, else by name.

    Raises
    ------
    InputError
        When time or input tokens cannot be found, or a name fits two columns.
    """
    stated = mapped(file, names, columns or {})
    found: dict[str, list[Field]] = {}
    for name in dict.fromkeys(names):
        match = known_as(name)
        if match and match[0] not in stated and name not in stated.values():
            found.setdefault(match[0], []).append(Field(source=name, name=match[0], per=match[1]))
    chosen = {ours: Field(source=source, name=ours, per=unit_of(source)) for ours, source in stated.items()}
    for ours, candidates in found.items():
        exact = [field for field in candidates if field.source == ours]
        if len(candidates) > 1 and not exact:
            both = " and ".join(field.source for field in candidates[:2])
            raise FileError(file, f"both {both} may be {ours}; say which with columns")
        chosen[ours] = (exact or candidates)[0]
    for ours in ("time_s", "input_tokens"):
        if ours not in chosen:
            raise FileError(file, f"no column for {ours}; the file has {listing(names)}")
    twice = [field.source for field in chosen.values() if list(names).count(field.source) > 1]
    if twice:
        raise FileError(file, f"two columns are named {twice[0]!r}; names have to differ")
    refuse_double_count(file, chosen, stated)
    needed = {"input_tokens", "output_tokens"}
    return [
        Field(source=field.source, name=ours, per=field.per, required=ours in needed)
        for ours, field in sorted(chosen.items(), key=lambda item: list(COLUMNS).index(item[0]))
    ]


def unit_of(source: str) -> float:
    """Return how many of a column's units make a second, by the end of its name."""
    return PER.get(plain(source).rpartition("_")[2], 1.0)


def refuse_double_count(file: str, chosen: Mapping[str, Field], stated: Mapping[str, str]) -> None:
    """Refuse an input column that may count the cached tokens of another column again."""
    cached = [field.source for ours, field in chosen.items() if ours.startswith("cache_")]
    source = chosen["input_tokens"].source
    if cached and "input_tokens" not in stated and plain(source) in WITH_CACHE:
        raise FileError(
            file,
            f"{source} may count the tokens of {cached[0]} too; give the uncached ones with columns input=...",
        )
