"""What the ModelId of a metric stands for: a model, a profile of AWS's, or a profile or unit of one's own."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from bedrock_lab.client import calling, naming
from bedrock_lab.client.failures import code_of
from bedrock_lab.sources.metric_windows import Called
from bedrock_lab.traffic.identities import PREFIX, hashed

OWN = re.compile(r"[a-z0-9]{12}")
"""Ids AWS gives application profiles and provisioned units; the ids of models have dots."""


def opaque_id(model_id: str) -> bool:
    """Whether an id says nothing of the model it serves.

    >>> [opaque_id(i) for i in ("us.amazon.nova-lite-v1:0", "abcdefghijkl")]
    [False, True]
    """
    return naming.opaque(model_id) is not None or OWN.fullmatch(model_id) is not None


def label(model_id: str) -> str:
    """Hash the id of a profile or unit."""
    return "profile-" + hashed(model_id).removeprefix(PREFIX)


def called_of(
    ids: Sequence[str], region: str, control: Callable[[], Any] | None, *, identities: bool
) -> tuple[dict[str, Called], list[str]]:
    """Name the model of every id.

    Parameters
    ----------
    control
        Makes boto3's ``bedrock`` client; None asks nobody.
    identities
        Whether ids of one's own stay as they are; else they are hashed.

    Returns
    -------
    tuple
        What each id stands for, and what a person should know of those that stay unknown.
    """
    found: dict[str, Called] = {}
    failed: list[str] = []
    hourly = 0
    client = control() if control is not None and any(map(opaque_id, ids)) else None
    try:
        for model_id in ids:
            if not opaque_id(model_id):
                found[model_id] = Called(_plain(model_id), None)
                continue
            app = model_id if identities else label(model_id)
            served = naming.Named(None, None, region)
            if client is not None:
                served, why = _served(client, model_id, region)
                failed += [why] if why else []
            hourly += served.hourly
            found[model_id] = Called(served.model, served.scope, app)
    finally:
        if client is not None:
            client.close()
    unknown = sum(one.model is None for one in found.values())
    notes = []
    if unknown:
        why = f"the control plane said {failed[0]}" if failed else "--resolve asks which"
        notes.append(f"{unknown} application profiles or provisioned units do not say which model they serve ({why})")
    if hourly:
        notes.append(f"{hourly} names are provisioned units: their tokens are paid by the hour, not by the token")
    return found, notes


def _plain(model_id: str) -> str:
    """Return the id of a published model or profile, without the ARN it may stand in."""
    return model_id.rpartition("/")[2] if model_id.startswith("arn:") else model_id


def _served(client: Any, model_id: str, region: str) -> tuple[naming.Named, str | None]:
    """Ask what a name serves; a bare id may be a profile's or a unit's."""
    try:
        if naming.opaque(model_id):
            return naming.ask(client, model_id, region), None
        try:
            arn = client.get_inference_profile(inferenceProfileIdentifier=model_id)["inferenceProfileArn"]
        except client.exceptions.ResourceNotFoundException:
            arn = client.get_provisioned_model_throughput(provisionedModelId=model_id)["provisionedModelArn"]
        return naming.ask(client, arn, region), None
    except calling.errors() as error:
        return naming.Named(None, None, region), code_of(error)
