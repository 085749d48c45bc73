"""Regions, geographies and the scopes of an inference profile."""

import dataclasses
import functools

from bedrock_lab.catalogue.tables import table
from bedrock_lab.errors import InputError, listing

IN_REGION, GEO, GLOBAL = "in-region", "geo", "global"
SCOPES = (IN_REGION, GEO, GLOBAL)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A Region of Bedrock.

    Attributes
    ----------
    geographies
        Profile prefixes whose price rows hold in this Region, the narrowest first.
    profiles
        Every geographic profile prefix a call from this Region may use.
    """

    name: str
    geographies: tuple[str, ...]
    profiles: tuple[str, ...]


@functools.cache
def regions() -> dict[str, Region]:
    """All Regions by name."""
    out = {}
    for row in table("regions"):
        geographies = tuple(row["geographies"].split())
        out[row["region"]] = Region(
            name=row["region"],
            geographies=geographies,
            profiles=geographies + tuple(row["also_calls"].split()),
        )
    return out


def region(name: str) -> Region:
    """Find a Region or refuse the name.

    >>> region("ap-northeast-1").geographies
    ('jp', 'apac')
    """
    found = regions().get(name)
    if found is None:
        raise InputError(f"unknown Region {name!r}; known: {listing(regions(), limit=50)}")
    return found


@functools.cache
def prefixes() -> dict[str, str]:
    """Profile prefixes, each with the Region its price is read in when none is given ("" for global)."""
    return {row["prefix"]: row["first_region"] for row in table("prefixes")}


def scope_of(prefix: str | None) -> str:
    """Scope that a profile prefix stands for.

    >>> scope_of("eu"), scope_of("global"), scope_of(None)
    ('geo', 'global', 'in-region')
    """
    if prefix is None:
        return IN_REGION
    return GLOBAL if prefix == GLOBAL else GEO


def check_scope(scope: str) -> str:
    """Refuse a scope that does not exist."""
    if scope not in SCOPES:
        raise InputError(f"unknown scope {scope!r}; allowed: {', '.join(SCOPES)}")
    return scope
