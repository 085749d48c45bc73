"""Which law of latency an SLO is held against: a fit's, a stated one, or what is published of the model."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from bedrock_lab.assumptions import Assumption, Kind
from bedrock_lab.catalogue.model import resolve
from bedrock_lab.errors import InputError, listing
from bedrock_lab.planning.purchase import Purchase
from bedrock_lab.predict.latency_model import LatencyModel
from bedrock_lab.predict.latency_prior import published
from bedrock_lab.predict.latency_published import PublishedLaw
from bedrock_lab.predict.latency_sample import Law
from bedrock_lab.predict.sim_service import Service, service_of

OWN_LAW = ("priority", "latency-optimized")
"""Tiers whose latency is another than that of the default tier."""
VARIANTS = {"default": "standard", "latency-optimized": "optimized"}
"""What the catalogue calls them."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Laws:
    """Laws of latency by tier; those of capacity, flex and batch are the default tier's.

    Without any, the trace's own timings are taken where it has some.
    """

    by_tier: Mapping[str, Service]
    assumptions: tuple[Assumption, ...] = ()

    def of(self, purchase: Purchase) -> Service | None:
        """Return the law of a purchase; None where nothing says it."""
        own = purchase.tier if purchase.mix is None and purchase.tier in OWN_LAW else "default"
        return self.by_tier.get(own)


SHARED = Assumption(
    name="latency_law",
    value="of the default tier",
    kind=Kind.ASSUMED,
    source="bought capacity answers as fast as the default tier on demand: no figures of it are published",
)


def laws_of(latency: Any, group: str | None, models: tuple[str, ...], *, timed: bool) -> Laws:
    """Settle the laws.

    Parameters
    ----------
    latency
        A fit, a law, or its words (``lognormal=1.2,0.5``); None takes what is published of the model, where the trace
        has no timings of its own.
    models
        Catalogue ids of the models called.
    timed
        Whether the trace has timings.

    Raises
    ------
    InputError
        It is none of these, or the fit has several groups and none is the model's.
    """
    if latency is None:
        if group is not None:
            raise InputError(f"latency_group {group}: names a group of a fit; give one (--latency M.json)")
        found = {} if timed or len(models) != 1 else _published(models[0])
        return Laws(by_tier=found, assumptions=(*_stated(found), *([SHARED] if found else [])))
    if isinstance(latency, LatencyModel):
        name = group or _own_group(latency, models)
        if latency.group(name)[1] is None:
            raise InputError(f"latency_group {name}: was not fitted; known: {listing(latency.groups, limit=40)}")
        law: Service = Law(latency, name)
    elif isinstance(latency, str):
        law = service_of(latency)
    elif hasattr(latency, "draw"):
        law = latency
    else:
        raise InputError(
            f"latency {type(latency).__name__}: allowed is a fit (lab.fit_latency, lab.load_latency), a law with draw, "
            "or words such as lognormal=1.2,0.5"
        )
    return Laws(by_tier={"default": law}, assumptions=(SHARED,))


def _own_group(fit: LatencyModel, models: tuple[str, ...]) -> str | None:
    """Return the group that is the model called; None leaves the choice to the fit."""
    own = [name for name in fit.groups if _model_of(name) in models]
    return own[0] if len(own) == 1 else None


def _model_of(name: str) -> str | None:
    try:
        return resolve(name).model.id
    except InputError:
        return None


def _published(model: str) -> dict[str, Service]:
    made: dict[str, Service] = {}
    for tier, variant in VARIANTS.items():
        prior = published([model], variant).get(model)
        if prior is not None and prior.otps is not None:
            made[tier] = PublishedLaw(f"{model} {variant}", prior)
    return made if "default" in made else {}


def _stated(found: Mapping[str, Service]) -> list[Assumption]:
    return [each for law in found.values() if isinstance(law, PublishedLaw) for each in law.assumptions]
