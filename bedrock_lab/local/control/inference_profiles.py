"""Inference profiles: the system's own for every scope the catalogue knows, and an account's copies of them."""

import functools
from datetime import date
from typing import Any

from bedrock_lab.catalogue import places
from bedrock_lab.catalogue.model import ARN, Model, invocable, lifecycle, models, split_prefix
from bedrock_lab.catalogue.names import model_name, with_provider
from bedrock_lab.local.asked import Asked
from bedrock_lab.local.control import tags
from bedrock_lab.local.control.book import InferenceProfile
from bedrock_lab.local.control.models import foundation_arn, foundation_id
from bedrock_lab.local.control.owned import new_arn, own, owns
from bedrock_lab.local.control.pages import page
from bedrock_lab.local.problems import AWSError, invalid
from bedrock_lab.local.runtime.serving import callable_from, serve

SYSTEM, APPLICATION = "inference-profile", "application-inference-profile"
MOST_PROFILES = 1000
MOST_MODELS = 5
NOT_A_SOURCE = "copyFrom must be a valid inference profile model source ARN."


def create_inference_profile(asked: Asked) -> dict[str, Any]:
    """Copy a foundation model or a system profile into a profile of the account's own.

    Raises
    ------
    AWSError
        ValidationException for a source that cannot be called from here, ServiceQuotaExceededException past 1,000.
    """
    params, book = asked.params, asked.engine.book

    def make() -> str:
        source = params["modelSource"]["copyFrom"]
        copied = _models(asked, source)
        held = tags.checked(params.get("tags", []))
        if len(own(asked, APPLICATION, book.profiles)) >= MOST_PROFILES:
            raise AWSError(
                "ServiceQuotaExceededException",
                f"This account has {MOST_PROFILES} inference profiles, which is the most.",
            )
        arn = new_arn(asked, APPLICATION, book.profiles)
        book.profiles[arn] = InferenceProfile(
            arn=arn,
            id=arn.rpartition("/")[2],
            name=params["inferenceProfileName"],
            description=params.get("description"),
            source=source,
            models=copied,
            created=asked.now,
            tags=held,
        )
        return arn

    arn = book.once(asked.call.operation, f"{asked.account}/{asked.region}", params, make)
    return {"inferenceProfileArn": arn, "status": "ACTIVE"}


def get_inference_profile(asked: Asked) -> dict[str, Any]:
    """Describe a profile, the system's or one of the account's own, by id or ARN.

    Raises
    ------
    AWSError
        ResourceNotFoundException for what cannot be called from here, or is no longer there.
    """
    arn = _arn(asked)
    one = asked.engine.book.profiles.get(arn)
    if one is not None:
        return _copied(one)
    found = _found(asked, arn)
    if found is None:
        raise AWSError("ResourceNotFoundException")
    return found


def list_inference_profiles(asked: Asked) -> dict[str, Any]:
    """List the system's profiles by id, then the account's own by age."""
    kind = asked.params.get("typeEquals")
    found = []
    if kind != "APPLICATION":
        system = _system(asked.region, asked.now.date())
        found += [(identity, _described(asked, model, scope, identity)) for model, scope, identity in system]
    if kind != "SYSTEM_DEFINED":
        found += [
            (f"~{one.created.isoformat()} {one.id}", _copied(one))
            for one in own(asked, APPLICATION, asked.engine.book.profiles)
        ]
    shown, token = page(found, lambda pair: pair[0], asked.params)
    return {"inferenceProfileSummaries": [summary for _, summary in shown], "nextToken": token}


def delete_inference_profile(asked: Asked) -> dict[str, Any]:
    """Delete a profile of the account's own.

    Raises
    ------
    AWSError
        ValidationException for a system profile, ResourceNotFoundException for what is not there.
    """
    arn = _arn(asked)
    if f":{SYSTEM}/" in arn:
        raise invalid("A system-defined inference profile can't be deleted.")
    if asked.engine.book.profiles.pop(arn, None) is None:
        raise AWSError("ResourceNotFoundException")
    return {}


def _arn(asked: Asked) -> str:
    """Write what was asked for as an ARN: an id with a dot is the system's; another account's ARN leads nowhere."""
    given = asked.params["inferenceProfileIdentifier"]
    if given.startswith("arn:"):
        if not owns(asked, given):
            raise AWSError("ResourceNotFoundException")
        return str(given)
    return asked.arn(SYSTEM if "." in given else APPLICATION, given)


@functools.lru_cache(maxsize=64)
def _system(region: str, day: date) -> tuple[tuple[Model, str, str], ...]:
    """List (model, scope's prefix, id) of every system profile that a Region may call on a day."""
    found: dict[tuple[str, str], tuple[Model, str, str]] = {}
    for model in models().values():
        if lifecycle(model.id, day).state == "EOL":
            continue
        for identity in model.ids:
            prefix, _ = split_prefix(identity)
            if prefix is None or not callable_from(prefix, region):
                continue
            if invocable(model.id).get(places.scope_of(prefix)) != "no":
                found.setdefault((model.id, prefix), (model, prefix, identity))
    return tuple(found.values())


def _regions(prefix: str, region: str) -> list[str]:
    """List where a profile routes to, the caller's Region first; AWS's API shows five at most.

    A global profile shows the caller's Region and an ARN without one.
    """
    if prefix == places.GLOBAL:
        return [region, ""]
    inside = [name for name, known in places.regions().items() if prefix in known.geographies]
    return sorted(inside, key=lambda name: name != region)[:MOST_MODELS]


def _found(asked: Asked, arn: str) -> dict[str, Any] | None:
    """Describe the system profile of an ARN; None where this Region calls none."""
    for model, prefix, identity in _system(asked.region, asked.now.date()):
        if arn == asked.arn(SYSTEM, identity):
            return _described(asked, model, prefix, identity)
    return None


def _described(asked: Asked, model: Model, prefix: str, identity: str) -> dict[str, Any]:
    """Describe a system profile, in the letters the API's own model allows."""
    regions = _regions(prefix, asked.region)
    name = with_provider(model.id, model_name(model.id))
    where = "all Regions" if prefix == places.GLOBAL else " ".join(regions)
    bare = foundation_id(model)
    return {
        "inferenceProfileName": f"{prefix.upper()} {name}".replace(".", "-"),
        "description": f"Routes requests to {name} in {where}.",
        "inferenceProfileArn": asked.arn(SYSTEM, identity),
        "models": [{"modelArn": foundation_arn(bare, each)} for each in regions],
        "inferenceProfileId": identity,
        "status": "ACTIVE",
        "type": "SYSTEM_DEFINED",
    }


def _copied(one: InferenceProfile) -> dict[str, Any]:
    """Describe a profile of the account's own."""
    return {
        "inferenceProfileName": one.name,
        "description": one.description,
        "createdAt": one.created,
        "updatedAt": one.created,
        "inferenceProfileArn": one.arn,
        "models": [{"modelArn": arn} for arn in one.models],
        "inferenceProfileId": one.id,
        "status": "ACTIVE",
        "type": "APPLICATION",
    }


def _models(asked: Asked, source: str) -> tuple[str, ...]:
    """List the model ARNs behind a source that can be called from here."""
    arn = ARN.fullmatch(source)
    if arn is None or arn["region"] != asked.region or arn["account"] not in {"", asked.account}:
        raise invalid(NOT_A_SOURCE)
    try:
        serve(source, asked.region, asked.now.date())
    except AWSError as error:
        raise invalid(NOT_A_SOURCE) if error.code == "ValidationException" else error from None
    if arn["kind"] == "foundation-model":
        return (source,)
    found = _found(asked, asked.arn(SYSTEM, arn["id"]))
    if found is None:
        raise invalid(NOT_A_SOURCE)
    return tuple(each["modelArn"] for each in found["models"])
