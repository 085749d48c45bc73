"""Records too few for a job, asked on demand one after the other, each answer kept in S3 as it comes."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from bedrock_lab.batch.attempts import Desk
from bedrock_lab.batch.bodies import CONVERSE, request_of
from bedrock_lab.batch.collecting import direct_name, direct_prefix, fetch
from bedrock_lab.batch.manifest import Attempt
from bedrock_lab.batch.outputs import lines_of
from bedrock_lab.client import calling
from bedrock_lab.client.client import Client
from bedrock_lab.client.failures import code_of
from bedrock_lab.client.naming import without_accounts
from bedrock_lab.client.record import Record
from bedrock_lab.errors import InputError
from bedrock_lab.quote import plain

STOPPING = frozenset({"AccessDeniedException", "EndpointConnectionError", "ProxyConnectionError", "SSLError"})
"""Errors that are not about one record."""


class Asked(NamedTuple):
    """Records asked now, by whether they got an answer."""

    ok: int
    failed: int


def ask(
    desk: Desk, attempt: Attempt, out: Path, client: Client, progress: Callable[[int, int], None] | None = None
) -> Asked:
    """Ask the records of an attempt that have no answer in S3 yet; return how many got one.

    A crash has at most the one record under way asked, and charged, twice.

    Raises
    ------
    LabError
        What stops every further record as well: credentials, access, no connection.
    """
    (part,) = attempt.parts
    answered = {held.name for held in desk.objects.list(direct_prefix(attempt))}
    path = fetch(desk.objects, attempt, part, out)
    asked = ok = 0
    for index, line in zip(part.indices or (), lines_of(path), strict=True):
        name = direct_name(attempt, index)
        if name in answered:
            continue
        record = orjson.loads(line)
        answer = _answer(desk, client, record["modelInput"])
        desk.objects.put(name, {"recordId": record["recordId"], **answer})
        asked += 1
        ok += "error" not in answer
        if progress is not None:
            progress(asked, part.records)
    return Asked(ok, asked - ok)


def _answer(desk: Desk, client: Client, model_input: dict[str, Any]) -> dict[str, Any]:
    """Ask one record; an error of its own is an answer too, in the form of a batch job's."""
    manifest = desk.manifest
    operation, request = request_of(manifest.kind, manifest.sent_id, model_input)
    try:
        answer = getattr(client, operation)(**request)
    except InputError as error:
        return _kept(None, {"error": {"errorCode": "ParamValidationError", "errorMessage": str(error)}})
    except calling.errors() as error:
        code = code_of(error)
        if code in calling.CREDENTIALS or code in STOPPING:
            calling.explain(error, "records could not be asked on demand")
        message = without_accounts(str(getattr(error, "response", {}).get("Error", {}).get("Message", code)))
        return _kept(getattr(error, "record", None), {"error": {"errorCode": code, "errorMessage": message}})
    response = {name: value for name, value in answer.response.items() if name not in {"ResponseMetadata", "body"}}
    output = response if manifest.kind == CONVERSE else orjson.loads(answer.response["body"].read())
    return _kept(answer.record, {"modelOutput": output})


def _kept(record: Record | None, answer: dict[str, Any]) -> dict[str, Any]:
    cost = None if record is None else record.cost_usd
    bound = Decimal(0) if record is None else record.cost_bound_usd
    return {
        **answer,
        "cost_usd": None if cost is None else plain(cost),
        "bound_usd": None if bound is None else plain(bound),
    }


def left(desk: Desk, attempt: Attempt) -> int:
    """Count the records of an attempt that have no answer in S3 yet."""
    return attempt.records - sum(1 for _ in desk.objects.list(direct_prefix(attempt)))


def answered(desk: Desk, attempt: Attempt) -> int:
    """Count the records of an attempt whose answer in S3 is no error."""
    names = [held.name for held in desk.objects.list(direct_prefix(attempt))]
    return sum("error" not in (desk.objects.read(name) or {"error": None}) for name in names)
