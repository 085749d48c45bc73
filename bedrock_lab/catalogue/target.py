"""What is called: a model in a scope from a Region at a tier, resolved from what the user gave."""

import dataclasses

from bedrock_lab.catalogue import places
from bedrock_lab.catalogue.model import Model, ModelRef, invocable, lifecycle, resolve
from bedrock_lab.catalogue.pricelist import TIERS, Prices, Spot
from bedrock_lab.errors import InputError

DEFAULT_REGION = "us-east-1"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A resolved model, Region, scope and tier, with what the caller should know about them."""

    model: Model
    model_id: str
    region: str
    scope: str
    tier: str
    warnings: tuple[str, ...]

    @property
    def spot(self) -> Spot:
        """Key of its prices."""
        return Spot(self.model.id, self.region, self.scope, self.tier)


def check_tier(tier: str) -> str:
    """Refuse a tier that has no price by the token."""
    if tier == "reserved":
        raise InputError("tier 'reserved' is bought by the hour, not by the token: use bedrock-lab plan")
    if tier not in TIERS:
        raise InputError(f"unknown tier {tier!r}; allowed: {', '.join(TIERS)}")
    return tier


def _region(ref: ModelRef, region: str | None) -> tuple[str, list[str]]:
    """Source Region: the one given, else the ARN's, else the first of the profile's geography."""
    if region is not None and ref.region and region != ref.region:
        raise InputError(f"--region {region} contradicts the Region {ref.region} of {ref.model_id!r}")
    chosen = ref.region if region is None else region
    geographic = ref.prefix if ref.prefix not in {None, places.GLOBAL} else None
    if chosen is None:
        if geographic is None or geographic in places.region(DEFAULT_REGION).profiles:
            return DEFAULT_REGION, []
        first = places.prefixes()[geographic]
        return first, [f"no Region given: {geographic}. profiles are priced in {first} here"]
    if geographic and geographic not in places.region(chosen).profiles:
        inside = [r.name for r in places.regions().values() if geographic in r.profiles]
        raise InputError(f"profile {ref.model_id!r} cannot be called from {chosen}; its Regions: {', '.join(inside)}")
    return places.region(chosen).name, []


def target(model_id: str, *, region: str | None = None, scope: str | None = None, tier: str = "default") -> Target:
    """Resolve what is called; None for Region or scope means not chosen.

    >>> t = target("eu.anthropic.claude-sonnet-4-6", region="eu-west-1")
    >>> t.model.id, t.region, t.scope
    ('anthropic.claude-sonnet-4-6', 'eu-west-1', 'geo')

    Raises
    ------
    InputError
        Unknown or contradictory Region, scope or tier.
    """
    ref = resolve(model_id)
    check_tier(tier)
    if scope is not None:
        places.check_scope(scope)
        if ref.prefix is not None and scope != ref.scope:
            raise InputError(f"--scope {scope} contradicts the prefix of {model_id!r}, which is {ref.scope}")
    where, warnings = _region(ref, region)
    chosen = scope or ref.scope
    if invocable(ref.model.id).get(chosen) == "no":
        instead = ref.model.profile_id(places.GEO, where) or ref.model.profile_id(places.GLOBAL, where)
        advice = f"; call {instead}" if instead else ""
        warnings.append(f"{ref.model.id} cannot be invoked {chosen} on demand by its bare id{advice}")
    return Target(model=ref.model, model_id=model_id, region=where, scope=chosen, tier=tier, warnings=tuple(warnings))


def lifecycle_warning(model: str, prices: Prices) -> str | None:
    """Say that a model is past or near its end of life; None while it is neither."""
    life = lifecycle(model, prices.as_of)
    instead = f"; replacement: {life.replacement}" if life.replacement else ""
    if life.state == "EOL":
        return f"{model} passed its end of life {'by' if life.eol_note else 'on'} {life.eol}: calls fail{instead}"
    if life.state == "LEGACY":
        return f"{model} is legacy since {life.legacy}, end of life {life.eol or 'not announced'}{instead}"
    return None
