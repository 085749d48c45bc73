"""The quotas of Bedrock by AWS's names: which there are in a Region, and what each is worth.

Codes are made of the names, since AWS publishes no list of its own. Tokens a day are the tokens a minute of the wider
regional quota x 1,440, which is how AWS documents their default.
"""

import dataclasses
import functools
import hashlib
from collections.abc import Iterator
from datetime import date

from bedrock_lab.catalogue import offers, places
from bedrock_lab.catalogue.model import Model, invocable, lifecycle, models
from bedrock_lab.catalogue.names import model_name, quota_name
from bedrock_lab.catalogue.pricelist import Prices, Spot
from bedrock_lab.local.profile import Profile
from bedrock_lab.local.services.gently import gently, keep

DAY_MINUTES = 1440
GB = 1e9
APIS = "across all requests to Converse, ConverseStream, InvokeModel and InvokeModelWithResponseStream"
FIXED = "not adjustable"
"""Note of a quota that AWS does not raise."""

SCOPE_WORDS = {places.IN_REGION: "On-demand", places.GEO: "Cross-region", places.GLOBAL: "Global cross-region"}
SUMS = {"tpm": ("tokens", "input and output tokens"), "rpm": ("requests", "requests")}
BATCH = (
    ("minimum_records", "Minimum number of records per batch inference job for {}", 1.0, False),
    ("records_per_file", "Records per input file per batch inference job for {}", 1.0, True),
    ("records_per_job", "Records per batch inference job for {}", 1.0, True),
    ("file_bytes", "Batch inference input file size (in GB) for {}", GB, False),
    ("job_bytes", "Batch inference job size (in GB) for {}", GB, False),
    ("concurrent_jobs", "Sum of in-progress and submitted batch inference jobs using a base model for {}", 1.0, True),
)
"""Limit, name, unit, and whether AWS raises it."""

BASE_UNITS = "Model units no-commitment Provisioned Throughputs across base models"
MODEL_UNITS = "Model units per provisioned model for {}"
KEPT = 64


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """One quota.

    Attributes
    ----------
    default
        AWS's value; None where the catalogue knows none.
    section, key, names
        Where a profile sets it: the section, the key there, and for quotas of a model the names it may go by.
    unit
        What the profile's figure is divided by.
    applied
        The profile's value; None where it sets none.
    """

    name: str
    default: float | None
    adjustable: bool
    section: str
    key: str
    names: tuple[str, ...] = ()
    unit: float = 1.0
    said: str | None = None
    applied: float | None = None

    @property
    def value(self) -> float | None:
        """Value that holds."""
        return self.default if self.applied is None else self.applied

    @property
    def code(self) -> str:
        """Code made of the name."""
        return code_of(self.name)

    def under(self, profile: Profile) -> "Quota":
        """Return the quota with what a profile sets."""
        if self.section == "quotas":
            limits = profile.limits(*self.names) if self.names else None
            found = None if limits is None else getattr(limits[1], self.key)
        else:
            found = getattr(getattr(profile, self.section), self.key)
        return self if found is None else dataclasses.replace(self, applied=found / self.unit)


@functools.cache
def code_of(name: str) -> str:
    """Make a quota code of a name."""
    return f"L-{hashlib.blake2b(name.encode(), digest_size=4).hexdigest().upper()}"


_known: dict[tuple[str, date], tuple[Quota, ...]] = {}


async def quotas(profile: Profile, region: str, day: date) -> list[Quota]:
    """List the quotas of a Region on a day under a profile, by name; those of unknown value have neither value."""
    if region not in places.regions():
        return []
    found = _known.get((region, day))
    if found is None:
        listed = [_across_models()]
        async for model in gently(models().values()):
            listed += [*_inference(model, region, day), *_batch(model, region, day), *_units(model, region, day)]
        found = tuple(sorted(listed, key=lambda quota: quota.name))
        keep(_known, (region, day), found, KEPT)
    return [quota.under(profile) for quota in found]


def _across_models() -> Quota:
    units = float(offers.unit_quota("none")["units"])
    return Quota(name=BASE_UNITS, default=units, adjustable=True, section="provisioning", key="uncommitted_units")


def _inference(model: Model, region: str, day: date) -> Iterator[Quota]:
    """List tokens and requests a minute in every scope, and tokens a day."""
    active = lifecycle(model.id, day).state == "ACTIVE"
    by_scope = {scope: _names(model, scope, region) for scope in SCOPE_WORDS}
    tpm = {}
    for scope, names in by_scope.items():
        row = offers.quota(model.id, scope) or {"tpm": "", "rpm": "", "note": ""}
        row = row if _holds(row["note"], region) else row | {"tpm": "", "rpm": ""}
        tpm[scope] = float(row["tpm"]) if row["tpm"] else None
        for key in SUMS:
            if names or row[key]:
                yield _by_minute(model, scope, key, row, names, active=active)
    regional = max((known for s in (places.IN_REGION, places.GEO) if (known := tpm[s])), default=None)
    named = tuple(dict.fromkeys((*by_scope[places.GEO], *by_scope[places.IN_REGION])))
    yield _by_day(f"Model invocation max tokens per day for {quota_name(model.id)}", regional, named)
    name = f"Global cross-region model inference tokens per day for {quota_name(model.id)}"
    yield _by_day(name, tpm[places.GLOBAL], by_scope[places.GLOBAL])


def _by_minute(
    model: Model, scope: str, key: str, row: dict[str, str], names: tuple[str, ...], *, active: bool
) -> Quota:
    what, summed = SUMS[key]
    words, name = SCOPE_WORDS[scope], quota_name(model.id)
    return Quota(
        name=f"{words} model inference {what} per minute for {name}",
        default=float(row[key]) if row[key] else None,
        adjustable=active and row["note"] != FIXED,  # AWS raises quotas of active models alone
        section="quotas",
        key=key,
        names=names,
        said=f"The maximum number of {words.lower()} {what} that you can submit for model inference in one minute for "
        f"{name}. The quota considers the combined sum of {summed} {APIS}.",
    )


def _by_day(name: str, tpm: float | None, names: tuple[str, ...]) -> Quota:
    default = None if tpm is None else tpm * DAY_MINUTES
    return Quota(name=name, default=default, adjustable=False, section="quotas", key="tpd", names=names)


def _holds(note: str, region: str) -> bool:
    """Whether a default holds in a Region: one whose note names Regions holds in those alone."""
    named = [name for name in places.regions() if name in note]
    return not named or region in named


def _names(model: Model, scope: str, region: str) -> tuple[str, ...]:
    """Names a profile may set a model's quota by; none where it cannot be called in the scope."""
    if invocable(model.id).get(scope) == "no" or model.profile_id(scope, region) is None:
        return ()
    prefixes = {places.IN_REGION: (), places.GLOBAL: (places.GLOBAL,), places.GEO: places.region(region).profiles}
    return (*(f"{prefix}.{model.id}" for prefix in prefixes[scope]), model.id)


def _batch(model: Model, region: str, day: date) -> Iterator[Quota]:
    """List the limits of batch jobs, where batch has a price."""
    prices = Prices(as_of=day)
    spots = [Spot(model.id, region, scope, "batch") for scope in (places.IN_REGION, places.GLOBAL)]
    if any(prices.has(spot, "input") for spot in spots):
        limits = offers.batch_limits(model.id)
        for key, name, unit, adjustable in BATCH:
            yield Quota(
                name=name.format(model_name(model.id)),
                default=float(limits[key]) / unit,
                adjustable=adjustable,
                section="batch",
                key=key,
                unit=unit,
            )


def _units(model: Model, region: str, day: date) -> Iterator[Quota]:
    """List the committed units of a model that is sold as provisioned throughput."""
    sold = offers.offer(Prices(as_of=day), model.id, "provisioned", region, places.IN_REGION)
    if sold.availability != "no":
        yield Quota(
            name=MODEL_UNITS.format(quota_name(model.id)),
            default=float(offers.unit_quota("1m")["units"]),
            adjustable=True,
            section="provisioning",
            key="committed_units",
        )
