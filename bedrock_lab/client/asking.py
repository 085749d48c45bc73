"""From boto3's arguments to the start of a `Record`: what was asked for, nothing of its content."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from bedrock_lab.client.naming import Named
from bedrock_lab.client.record import Record
from bedrock_lab.client.worst import MAXIMUM, decoded

PLACES = ("inferenceConfig", "textGenerationConfig")
"""Where some families keep the most tokens of an answer."""


ROUTE: ContextVar[str | None] = ContextVar("route", default=None)


@contextmanager
def route_said(reason: str) -> Iterator[None]:
    """Have the records of calls made inside say why they went where they went."""
    token = ROUTE.set(reason)
    try:
        yield
    finally:
        ROUTE.reset(token)


def asked(operation: str, request: Mapping[str, Any], named: Named, app_key: str | None) -> Record:
    """Start the record of a request.

    Parameters
    ----------
    app_key
        The key of ``requestMetadata`` that names the application.
    """
    if operation.startswith("Converse"):
        tier, latency = part(request, "serviceTier", "type"), part(request, "performanceConfig", "latency")
        maximum = part(request, "inferenceConfig", "maxTokens")
        metadata = request.get("requestMetadata")
    else:
        tier, latency = request.get("serviceTier"), request.get("performanceConfigLatency")
        maximum = most_tokens(decoded(request.get("body")))
        metadata = decoded(request.get("requestMetadata"))
    app = metadata.get(app_key) if app_key is not None and isinstance(metadata, dict) else None
    return Record(
        operation=operation,
        model_id=str(request.get("modelId", "")),
        model=named.model,
        scope=named.scope,
        region=named.region,
        tier=tier if isinstance(tier, str) else "default",
        latency=latency if isinstance(latency, str) else "standard",
        app=app,
        max_tokens=maximum if type(maximum) is int else None,
        route=ROUTE.get(),
    )


def part(request: Mapping[str, Any], name: str, key: str) -> Any:
    """Return a member of a parameter that is a table; None where either is missing."""
    held = request.get(name)
    return held.get(key) if isinstance(held, dict) else None


def most_tokens(body: Any) -> int | None:
    """Return the most tokens of an answer that an InvokeModel body asks for.

    >>> most_tokens({"inferenceConfig": {"maxTokens": 300}, "messages": []})
    300
    """
    if not isinstance(body, dict):
        return None
    for place in (body, *(body[name] for name in PLACES if isinstance(body.get(name), dict))):
        for name in MAXIMUM:
            if type(place.get(name)) is int:
                return int(place[name])
    return None
