"""Usage types of AWS's price list and bills, without the Region and the model before them.

Three ways of writing: with dashes under AmazonBedrock and AmazonBedrockService, and Marketplace's two, in camel case
for older models and in small letters for newer ones.
"""

from bedrock_lab.catalogue import names
from bedrock_lab.catalogue.model import models
from bedrock_lab.catalogue.pricelist import PriceRow

DASHED = {
    "input": "input-tokens",
    "cache_read": "cache-read-input-token-count",
    "cache_write_5m": "cache-write-input-token-count",
    "cache_write_30m": "cache-write-30m-input-token-count",
    "cache_write_1h": "cache-write-1h-input-token-count",
    "output": "output-tokens",
}
CAMEL = {
    "input": "InputTokenCount",
    "cache_read": "CacheReadInputTokenCount",
    "cache_write_5m": "CacheWriteInputTokenCount",
    "cache_write_30m": "CacheWrite30mInputTokenCount",
    "cache_write_1h": "CacheWrite1hInputTokenCount",
    "output": "OutputTokenCount",
}
SNAKE = {
    "input": "input_tokens",
    "cache_read": "cache_read_tokens",
    "cache_write_5m": "cache_write_tokens",
    "cache_write_30m": "cache_write_tokens_30m",
    "cache_write_1h": "cache_write_tokens_1h",
    "output": "output_tokens",
}
SNAKED = ("anthropic", "openai", "xai")
"""Providers whose newer models have usage types in small letters; Claude 4.6 is not among them."""

UNIT_TERMS = {"none": "NoCommit", "1m": "1month", "6m": "6months"}


def of_tokens(row: PriceRow) -> str:
    """Write the usage type of a price by the token."""
    tier = "" if row.tier == "default" else row.tier
    if names.service_code(row.model) != names.MARKETPLACE:
        long, scope = _if(row, "long-context", "cross-region-global")
        parts = (long, scope, tier) if tier == "batch" else (long, tier, scope)
        return _joined("-", DASHED[row.bucket], *parts)
    if models()[row.model].provider in SNAKED and not row.model.endswith("-4-6"):
        return _joined("_", SNAKE[row.bucket], *_if(row, "long_ctx", "global"), (tier or "standard").replace("-", "_"))
    return _joined("_", CAMEL[row.bucket], *_if(row, "LCtx", "Global"), tier.title().replace("-", ""))


def _if(row: PriceRow, long: str, everywhere: str) -> tuple[str, str]:
    """Return the words of a long context and of the global scope, each where it applies."""
    return long if row.above_tokens else "", everywhere if row.scope == "global" else ""


def _joined(between: str, *parts: str) -> str:
    return between.join(filter(None, parts))


def of_units(model: str, term: str) -> str:
    """Write the usage type of a provisioned model unit.

    >>> of_units("amazon.nova-2-lite", "1m")
    'ProvisionedThroughput-1month-ModelUnits'
    """
    dash = "_" if names.service_code(model) == names.MARKETPLACE else "-"
    return dash.join(("ProvisionedThroughput", UNIT_TERMS[term], "ModelUnits"))


def of_reserved(model: str, months: int, bucket: str, side: str) -> str:
    """Write the usage type of Reserved capacity; `side` is geo or global.

    >>> of_reserved("anthropic.claude-sonnet-4-6", 1, "input", "geo")
    'Reserved_1Month_InputTPM_Geo'
    """
    if names.service_code(model) == names.MARKETPLACE:
        return f"Reserved_{months}Month_{bucket.title()}TPM_{side.title()}"
    return f"reserved-{months}-month-{bucket}-tokens-per-minute-cross-region-{side}"
