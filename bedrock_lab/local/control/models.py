"""Foundation models as the control plane tells of them: from the catalogue, as of the day they are asked for."""

import functools
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any

from bedrock_lab.catalogue import names, places, prices
from bedrock_lab.catalogue.model import ARN, CONTEXT, Model, invocable, lifecycle, models, resolve, split_prefix
from bedrock_lab.catalogue.offers import offer
from bedrock_lab.catalogue.tables import table_by
from bedrock_lab.errors import InputError
from bedrock_lab.local.asked import Asked
from bedrock_lab.local.problems import END_OF_LIFE, INVALID_MODEL, AWSError, invalid
from bedrock_lab.local.runtime.families import embedding

NAME_CHARACTERS = 20


def get_foundation_model(asked: Asked) -> dict[str, Any]:
    """Describe a model by its id or ARN; one with a context suffix as it is sold with provisioned throughput.

    Raises
    ------
    AWSError
        ValidationException for an id nobody knows, ResourceNotFoundException past the end of life.
    """
    model, model_id = named(asked.params["modelIdentifier"], asked.region)
    day = asked.now.date()
    if lifecycle(model.id, day).state == "EOL":
        raise AWSError("ResourceNotFoundException", END_OF_LIFE)
    return {"modelDetails": _details(model, model_id, asked.region, day)}


def list_foundation_models(asked: Asked) -> dict[str, Any]:
    """List the models a source names that are not past their end of life, by the filters asked for."""
    wanted: dict[str, Callable[[dict[str, Any], str], bool]] = {
        "byProvider": lambda found, value: value.lower() in _providers(found),
        "byOutputModality": lambda found, value: value in found["outputModalities"],
        "byInferenceType": lambda found, value: value in found["inferenceTypesSupported"],
        "byCustomizationType": lambda found, value: value in found["customizationsSupported"],
    }
    filters = [(passes, asked.params[name]) for name, passes in wanted.items() if name in asked.params]
    found = _listed(asked.region, asked.now.date())
    return {"modelSummaries": [one for one in found if all(passes(one, value) for passes, value in filters)]}


def named(identifier: str, region: str) -> tuple[Model, str]:
    """Find a foundation model by the id or ARN the control plane takes, and its id as AWS writes it.

    >>> model, model_id = named("amazon.nova-lite-v1:0:24k", "us-east-1")
    >>> model.id, model_id
    ('amazon.nova-lite', 'amazon.nova-lite-v1:0:24k')

    Raises
    ------
    AWSError
        ValidationException for what is no foundation model of the Region.
    """
    arn = ARN.fullmatch(identifier)
    text = arn["id"] if arn else identifier
    if arn and (arn["kind"] != "foundation-model" or arn["region"] != region):
        raise invalid(INVALID_MODEL)
    try:
        ref = resolve(text)
    except InputError:
        raise invalid(INVALID_MODEL) from None
    suffixed = CONTEXT.search(text) is not None
    if ref.prefix is not None or (suffixed and text not in sold_ids(ref.model)):
        raise invalid(INVALID_MODEL)
    return ref.model, text if suffixed else foundation_id(ref.model)


def foundation_id(model: Model) -> str:
    """Write a model's bare Bedrock id: as it was seen, else as a profile's id has it, else the catalogue's.

    >>> foundation_id(models()["anthropic.claude-fable-5-2"])
    'anthropic.claude-fable-5-2'
    """
    bare = [split_prefix(each) for each in model.ids]
    return next((name for prefix, name in bare if prefix is None), bare[0][1] if bare else model.id)


def foundation_arn(model_id: str, region: str) -> str:
    """Write the ARN of a foundation model."""
    return f"arn:aws:bedrock:{region}::foundation-model/{model_id}"


def sold_ids(model: Model) -> tuple[str, ...]:
    """List the ids with a context suffix by which a model is sold as provisioned throughput."""
    return tuple(row["id"] for row in table_by("provisioned_ids", "model").get(model.id, ()))


def sold(model: Model, region: str, day: date) -> bool:
    """Whether a model is sold as provisioned throughput, priced or not."""
    return offer(prices(day), model.id, "provisioned", region, places.IN_REGION).availability != "no"


@functools.cache
def short_name(model: str) -> str:
    """Write a model's name, at most as long as the API's model allows.

    >>> short_name("anthropic.claude-3-5-sonnet-v2"), short_name("nvidia.nemotron-super-3-120b")
    ('Claude 3.5 Sonnet v2', 'Nemotron Super 3')
    """
    words = names.model_name(model).split()
    while len(name := " ".join(words)) > NAME_CHARACTERS:
        words.pop()
    return name


def _providers(found: dict[str, Any]) -> tuple[str, str]:
    return found["providerName"].lower(), found["modelId"].partition(".")[0]


@functools.lru_cache(maxsize=64)
def _listed(region: str, day: date) -> tuple[dict[str, Any], ...]:
    return tuple(
        _details(model, model_id, region, day)
        for model in models().values()
        if lifecycle(model.id, day).state in {"ACTIVE", "LEGACY"}
        for model_id in (foundation_id(model), *sold_ids(model))
    )


def _details(model: Model, model_id: str, region: str, day: date) -> dict[str, Any]:
    """Describe a model; what no source says (start of life, customisation) is left out or empty."""
    embeds = embedding.embeds(model.id)
    return {
        "modelArn": foundation_arn(model_id, region),
        "modelId": model_id,
        "modelName": short_name(model.id),
        "providerName": names.PROVIDERS[model.provider],
        "inputModalities": ["TEXT"],
        "outputModalities": ["EMBEDDING" if embeds else "TEXT"],
        "responseStreamingSupported": not embeds,
        "customizationsSupported": [],
        "inferenceTypesSupported": _inference_types(model, model_id, region, day),
        "modelLifecycle": _lifecycle(model, day),
    }


def _inference_types(model: Model, model_id: str, region: str, day: date) -> list[str]:
    if CONTEXT.search(model_id):
        return ["PROVISIONED"]
    on_demand = invocable(model.id).get(places.IN_REGION, "unknown") != "no"
    return ["ON_DEMAND"] * on_demand + ["PROVISIONED"] * sold(model, region, day)


def _lifecycle(model: Model, day: date) -> dict[str, Any]:
    known = lifecycle(model.id, day)
    times = {"legacyTime": known.legacy, "publicExtendedAccessTime": known.extended_access, "endOfLifeTime": known.eol}
    return {
        "status": "LEGACY" if known.state == "LEGACY" else "ACTIVE",
        **{name: datetime.combine(when, time(), UTC) for name, when in times.items() if when is not None},
    }
