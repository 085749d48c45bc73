"""Which ways of buying are on the table for a plan, and why the others are not."""

import dataclasses
from collections.abc import Sequence

from bedrock_lab.assumptions import Assumption, Kind
from bedrock_lab.catalogue import places
from bedrock_lab.catalogue.model import Model, invocable
from bedrock_lab.catalogue.offers import OPTIONS, TIER_OF, offer, usual_ratio
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.catalogue.tables import source_text
from bedrock_lab.errors import InputError, listing
from bedrock_lab.planning.purchase import DEFERRED, Purchase

BATCH_HOURS = 24
"""Least timeout of a batch job (timeoutDurationInHours 24 to 168); nothing says how long one takes."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scopes:
    """Scopes of a plan.

    Attributes
    ----------
    baseline
        Scope of the traffic as it stands; None where rows differ.
    home
        Scope that token options are bought in: the baseline's, or the nearest one that can be invoked.
    allowed
        Every scope a recommendation may use, home first.
    """

    baseline: str | None
    home: str | None
    allowed: tuple[str | None, ...]

    def named(self, option: str, scope: str | None) -> str:
        """Name a token option; the home scope goes unnamed."""
        return option if scope == self.home else f"{option}-{scope}"


def requested(options: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    """Read the options a plan may use; None is all.

    >>> requested("on-demand,batch")
    ('on-demand', 'batch')
    """
    if options is None:
        return OPTIONS
    names = [n.strip() for n in options.split(",")] if isinstance(options, str) else list(options)
    names = [n for n in names if n]
    for name in names:
        if name not in OPTIONS:
            raise InputError(f"unknown option {name!r}; allowed: {', '.join(OPTIONS)}")
    if not names:
        raise InputError(f"no option given; allowed: {', '.join(OPTIONS)}")
    return tuple(dict.fromkeys(names))


def plan_scopes(model: Model | None, scope: str | None, allowed: str | Sequence[str] | None) -> Scopes:
    """Decide which scopes count.

    A scope that cannot be invoked is never bought in: where the traffic's own cannot, the nearest that can
    stands in (geo, then global).
    """
    given = None
    if allowed is not None:
        names = allowed.split(",") if isinstance(allowed, str) else allowed
        given = tuple(places.check_scope(s.strip()) for s in names if s.strip())
        if not given:
            raise InputError(f"no scope given; allowed: {', '.join(places.SCOPES)}")
    if model is None or scope is None:
        return Scopes(baseline=scope, home=scope, allowed=(scope,))
    calls = invocable(model.id)
    pool = given or (scope, places.GEO, places.GLOBAL)
    usable = [s for s in dict.fromkeys((scope, places.GEO, places.GLOBAL, places.IN_REGION)) if s in pool]
    usable = [s for s in usable if calls.get(s) != "no"]
    if not usable:
        return Scopes(baseline=scope, home=scope, allowed=())
    home = usable[0]
    return Scopes(baseline=scope, home=home, allowed=tuple(usable) if given else (home,))


def token_purchases(
    model: Model | None,
    prices: Prices,
    region: str,
    scopes: Scopes,
    names: tuple[str, ...],
    missing: dict[tuple[str, str], str],
    deferrable: float,
    deadline_h: float | None,
) -> tuple[list[Purchase], list[dict[str, str]], list[Assumption]]:
    """List options bought by the token: (purchases, not offered, assumptions)."""
    made: list[Purchase] = []
    refused: list[dict[str, str]] = []
    assumed: dict[str, Assumption] = {}
    for name in (n for n in names if n in TIER_OF):
        reason = _withheld(name, scopes, deferrable, deadline_h)
        if reason is not None:
            refused.append({"option": name, "reason": reason})
            continue
        tier = TIER_OF[name]
        for scope in scopes.allowed:
            availability, reason = _sold(model, prices, region, name, scope, missing.get((tier, scope or "")))
            ratio = usual_ratio(name)
            if availability == "no" or (availability == "unknown" and ratio is None):
                if scope == scopes.home:
                    refused.append({"option": name, "reason": reason})
                continue
            if availability == "unknown" and ratio is not None:
                assumed[name] = usual_assumption(name, reason)
            made.append(
                Purchase(
                    name=scopes.named(name, scope),
                    option="batch" if name == "batch" else "on-demand",
                    tier=tier,
                    scope=scope,
                    availability=availability,
                )
            )
    return made, refused, list(assumed.values())


def _withheld(name: str, scopes: Scopes, deferrable: float, deadline_h: float | None) -> str | None:
    """Say why an option is off the table whatever it costs; None where it is not."""
    if name in DEFERRED and deferrable == 0:
        return "no share of requests can wait (--deferrable is 0)"
    if name == "batch" and deadline_h is not None and deadline_h < BATCH_HOURS:
        return f"no turnaround is published, and {deadline_h:g} h is under the least timeout of {BATCH_HOURS} h"
    return None if scopes.allowed else "no allowed scope can be invoked"


def _sold(
    model: Model | None, prices: Prices, region: str, name: str, scope: str | None, unpriced: str | None
) -> tuple[str, str]:
    """Return availability and its reason; a bucket of the trace without a price takes an option off the table."""
    sold = offer(prices, model.id, name, region, scope) if model is not None and scope is not None else None
    if sold is not None and sold.availability != "yes":
        return sold.availability, sold.reason
    return ("yes", "") if unpriced is None else ("no", unpriced)


def usual_assumption(name: str, reason: str) -> Assumption:
    """State the ratio to on-demand that is usual for an option without a published price; `reason` says why."""
    ratio = usual_ratio(name)
    assert ratio is not None
    return Assumption(
        name=f"{name}_ratio",
        value=float(ratio["ratio"]),
        lo=float(ratio["lo"]),
        hi=float(ratio["hi"]),
        kind=Kind.ASSUMED,
        source=f"{reason}; {source_text(ratio['source'])}: {ratio['note']}",
    )


def check_deferrable(share: float) -> float:
    """Refuse a deferrable share outside 0..1."""
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise InputError(f"deferrable {share!r}: allowed is a share from 0 to 1")
    return share


def not_requested(names: tuple[str, ...]) -> list[dict[str, str]]:
    """Say which options were left out by the user."""
    return [
        {"option": o, "reason": f"not among the options asked for ({listing(names)})"}
        for o in OPTIONS
        if o not in names
    ]
