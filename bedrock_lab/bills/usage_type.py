"""What a usage type of a bill says: model, Region, scope, tier and bucket, or which other thing was bought.

Three ways of writing occur: with dashes (``USE1-NovaPro-input-tokens-cross-region-global-batch``), and Marketplace's
two, in camel case (``USE1-MP:USE1_InputTokenCount_Global-Units``) and in small letters (``..._input_tokens_standard``).
All are cut into the same words. A word that is not known leaves the usage type unknown: it keeps its line and its USD.
"""

import dataclasses
import functools
import re

from bedrock_lab.bills.model_names import model_of
from bedrock_lab.catalogue import places
from bedrock_lab.catalogue.billing_places import PLACES
from bedrock_lab.catalogue.pricelist import price_rows

TOKENS, MANTLE, CUSTOM, OTHER = "tokens", "mantle", "custom_model", "other"

REGION_OF = {place.code: region for region, place in PLACES.items()} | {"EUW1": "eu-west-1"}
HEAD = re.compile(r"(?P<code>[A-Z]{2,3}\d?)-(?:(?P<market>MP):(?:(?P<inner>[A-Z]{2,3}\d?)_)?)?(?P<rest>.+)")
CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]*|\d+[a-z]*|[a-z]+")
TTLS = {"5m": "5m", "5min": "5m", "30m": "30m", "30min": "30m", "1h": "1h", "1hr": "1h", "1hour": "1h", "60m": "1h"}
TIERS = {
    "batch": "batch",
    "priority": "priority",
    "flex": "flex",
    "latency": "latency-optimized",
    "standard": "default",
}
SIDES = {"input": "input", "output": "output", "response": "output"}
SAID = frozenset(
    {*TTLS, *TIERS, *SIDES, "cache", "read", "write", "token", "tokens", "count", "text", "cross", "region", "global"}
    | {"geo", "optimized", "long", "ctx", "context", "mantle", "custom", "model"}
)
"""Words that say something about tokens; what stands before them names the model."""

OTHERS = (
    ("provisioned", ("provisionedthroughput", "modelunit")),
    ("reserved", ("reserved",)),
    ("custom_model", ("customization", "custommodel", "custom-model", "customodel", "modelimport", "modelcopy")),
    ("guardrail", ("guardrail",)),
    ("knowledge_base", ("knowledgebase", "rerank", "structuredretrieval", "chunking")),
    ("agent", ("agent",)),
    ("data_automation", ("dataautomation",)),
    ("evaluation", ("evaluation",)),
    ("media", ("image", "audio", "video", "speech", "embeddings-image")),
)
"""What else is bought, each with what its usage types hold (small letters, without dashes)."""

TERMS = (("none", "nocommit"), ("1m", "1month"), ("3m", "3month"), ("6m", "6month"))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a usage type says; None where it does not.

    Attributes
    ----------
    category
        ``tokens``, ``mantle`` (the endpoint bedrock-mantle), or another thing bought; ``other`` is not known.
    scope
        ``global``, ``geo`` where it says so, else ``in-region``: calls in a Region and through a geographic profile
        share one usage type and one price.
    long_context
        Whether the price above the long-context threshold is meant.
    term
        Commitment of provisioned units and Reserved capacity: none, 1m, 3m, 6m.
    """

    category: str
    region: str | None
    model: str | None = None
    scope: str | None = None
    tier: str | None = None
    bucket: str | None = None
    long_context: bool = False
    term: str | None = None
    marketplace: bool = False

    @property
    def ttl(self) -> str | None:
        """Time to live of a cache write."""
        bucket = self.bucket or ""
        return bucket.removeprefix("cache_write_") if bucket.startswith("cache_write_") else None


@functools.lru_cache(maxsize=65_536)
def meaning(usage_type: str, product: str = "", region: str | None = None) -> Meaning:
    """Read a usage type.

    Parameters
    ----------
    product
        Name of the product: through Marketplace, only it names the model.
    region
        Region the line names, for usage types that name none.

    Examples
    --------
    >>> m = meaning("USE1-NovaPro-input-tokens-batch")
    >>> m.model, m.region, m.scope, m.tier, m.bucket
    ('amazon.nova-pro', 'us-east-1', 'in-region', 'batch', 'input')
    >>> meaning("EUC1-MP:EUC1_cache_write_tokens_1h_global_standard-Units", "Claude Opus 5.5").bucket
    'cache_write_1h'
    """
    found = HEAD.fullmatch(usage_type)
    code = found["code"] if found else ""
    where = REGION_OF.get(code, region)
    rest = found["rest"] if found and code in REGION_OF else usage_type
    market = bool(found and found["market"])
    rest = rest.removesuffix("-Units")
    named, said = _split(rest, market=market)
    name = product if market else named
    if _is_tokens(said):
        return _tokens(name, said, where, market=market)
    flat = re.sub(r"[^a-z0-9]", "", rest.lower())
    category = next((c for c, marks in OTHERS if any(m.replace("-", "") in flat for m in marks)), OTHER)
    model = None if category == OTHER else _model_before(product if market else rest)
    term = next((t for t, mark in TERMS if mark in flat), None) if category in {"provisioned", "reserved"} else None
    scope = None if category != "reserved" else ("global" if "global" in flat else "geo" if "geo" in flat else None)
    return Meaning(category=category, region=where, model=model, term=term, scope=scope, marketplace=market)


def _split(rest: str, *, market: bool) -> tuple[str, list[str]]:
    """Cut a usage type into the model's name and the words after it."""
    if market:
        text = re.sub(r"LCtx", "LongCtx", rest)
        parts = [p for part in re.split(r"[-_]", text) for p in (CAMEL.findall(part) if not part.islower() else [part])]
        return "", [p.lower() for p in parts]
    parts = rest.split("-")
    cut = len(parts)
    while cut and parts[cut - 1].lower() in SAID:
        cut -= 1
    if cut < len(parts) and parts[cut].lower() == "text" and model_of("-".join(parts[: cut + 1])):
        cut += 1  # of some models the word is part of the name
    return "-".join(parts[:cut]), [p.lower() for p in parts[cut:]]


def _is_tokens(said: list[str]) -> bool:
    """Whether words speak of tokens, and of nothing that is not known."""
    held = set(said)
    writes = "cache" in held and "write" in held
    return (
        bool(held & {"token", "tokens"})
        and (len(held & set(SIDES)) == 1 or writes or ("cache" in held and "read" in held))
        and held <= SAID
    )


def _tokens(name: str, said: list[str], region: str | None, *, market: bool) -> Meaning:
    held = set(said)
    model = model_of(name) if name else None
    tier = next((TIERS[w] for w in said if w in TIERS and w != "standard"), "default")
    category = MANTLE if "mantle" in held else CUSTOM if "custom" in held else TOKENS
    scope = places.GLOBAL if "global" in held else places.GEO if "geo" in held else places.IN_REGION
    return Meaning(
        category=category,
        region=region,
        model=model,
        scope=scope,
        tier=tier,
        bucket=_bucket(held, model),
        long_context=bool(held & {"long"}),
        marketplace=market,
    )


def _bucket(held: set[str], model: str | None) -> str:
    if "cache" in held and "read" in held:
        return "cache_read"
    if "cache" in held:
        ttl = next((TTLS[w] for w in held if w in TTLS), None) or _plain_ttl(model)
        return f"cache_write_{ttl}"
    return next(SIDES[w] for w in held if w in SIDES)


@functools.cache
def _plain_ttl(model: str | None) -> str:
    """TTL of a write whose usage type names none: five minutes where the model sells them, else the only one sold."""
    sold = {row.bucket for row in price_rows(model) if row.bucket.startswith("cache_write_")} if model else set()
    if not sold or "cache_write_5m" in sold:
        return "5m"
    return sold.pop().removeprefix("cache_write_") if len(sold) == 1 else "unknown"


def _model_before(rest: str) -> str | None:
    """Find the longest beginning of a usage type that names a model."""
    parts = rest.split("-")
    return next((m for n in range(len(parts), 0, -1) if (m := model_of("-".join(parts[:n])))), None)
