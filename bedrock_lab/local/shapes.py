"""Routing, parsing and validation by botocore's own service model, read at run time."""

import base64
import binascii
import dataclasses
import functools
import math
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import orjson

from bedrock_lab.local.problems import AWSError, invalid

SERVED = (
    "ApplyGuardrail",
    "Converse",
    "ConverseStream",
    "CountTokens",
    "InvokeModel",
    "InvokeModelWithResponseStream",
)
DEPTH = 100


@dataclasses.dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the service model.

    Attributes
    ----------
    path
        Pattern of the raw (percent-encoded) path; its groups are the members in the URI.
    exceptions
        Error codes its response stream declares, each with its member name.
    """

    name: str
    method: str
    path: re.Pattern[str]
    input: Any
    exceptions: dict[str, str]

    @property
    def streams(self) -> bool:
        """Whether it answers with an event stream."""
        return self.name in {"ConverseStream", "InvokeModelWithResponseStream"}


@functools.cache
def service() -> Any:
    """Return botocore's model of bedrock-runtime."""
    from botocore.session import Session

    return Session().get_service_model("bedrock-runtime")


@functools.cache
def operations() -> dict[str, Operation]:
    """Return the operations served, by name."""
    out = {}
    for name in SERVED:
        model = service().operation_model(name)
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(model.http["requestUri"]))
        stream = model.get_event_stream_output()
        members = stream.members.items() if stream else ()
        exceptions = {shape.name: member for member, shape in members if shape.metadata.get("exception")}
        out[name] = Operation(name, model.http["method"], re.compile(pattern), model.input_shape, exceptions)
    return out


def route(method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    """Find the operation of a raw path, with the members in the URI; None where nothing is served.

    >>> found, members = route("POST", "/model/us.amazon.nova-pro-v1%3A0/converse")
    >>> found.name, members
    ('Converse', {'modelId': 'us.amazon.nova-pro-v1:0'})
    """
    for operation in operations().values():
        found = operation.path.fullmatch(path)
        if found and method == operation.method:
            return operation, {name: unquote(value) for name, value in found.groupdict().items()}
    return None


def parse(operation: Operation, uri: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Read a request into the parameters of its operation, and refuse what the model does not allow.

    Raises
    ------
    AWSError
        SerializationException for a body that is no JSON object or holds a value of another type, ValidationException
        for values out of range, in AWS's words.
    """
    shape = operation.input
    params: dict[str, Any] = dict(uri)
    for name, member in shape.members.items():
        where = member.serialization
        if where.get("location") == "header" and where["name"].lower() in headers:
            params[name] = headers[where["name"].lower()]
    payload = shape.serialization.get("payload")
    if payload is not None:
        params[payload] = body
    else:
        params.update(json_object(body))
    return check(operation.name, params)


def check(operation: str, params: dict[str, Any]) -> dict[str, Any]:
    """Convert the parameters of an operation by its shape, blobs decoded and what is unknown left out."""
    errors: list[str] = []
    out: dict[str, Any] = _checked(operations()[operation].input, params, "", errors, 0)
    if errors:
        word = "error" if len(errors) == 1 else "errors"
        raise invalid(f"{len(errors)} validation {word} detected: {'; '.join(errors[:10])}")
    return out


def json_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object; an empty body is an empty one."""
    try:
        found = orjson.loads(body) if body.strip() else {}
    except orjson.JSONDecodeError:
        raise AWSError("SerializationException", "The request body is not valid JSON.") from None
    if not isinstance(found, dict):
        raise AWSError("SerializationException", "The request body must be a JSON object.")
    return found


def _checked(shape: Any, value: Any, path: str, errors: list[str], depth: int) -> Any:
    """Convert a value by its shape, collecting what the shape's constraints refuse."""
    if depth > DEPTH:
        raise AWSError("SerializationException", "The request is nested too deeply.")
    return _READERS[shape.type_name](shape, value, path, errors, depth)


def _structure(shape: Any, value: Any, path: str, errors: list[str], depth: int) -> Any:
    if shape.is_document_type:
        return value
    if not isinstance(value, dict):
        raise _wrong_type(path, "a structure")
    out = {}
    members = shape.members
    for name, given in value.items():
        if name in members and given is not None:
            out[name] = _checked(members[name], given, _joined(path, name), errors, depth + 1)
    errors += [
        f"Value at '{_joined(path, name)}' failed to satisfy constraint: Member must not be null"
        for name in shape.required_members
        if name not in out
    ]
    if shape.is_tagged_union and len(out) != 1:
        errors.append(
            f"Value at '{path}' failed to satisfy constraint: Member must have exactly one of its members set"
        )
    return out


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _list(shape: Any, value: Any, path: str, errors: list[str], depth: int) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong_type(path, "a list")
    _sized(shape, len(value), path, errors)
    member = shape.member
    return [_checked(member, item, f"{path}.{i + 1}.member", errors, depth + 1) for i, item in enumerate(value)]


def _map(shape: Any, value: Any, path: str, errors: list[str], depth: int) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong_type(path, "a map")
    _sized(shape, len(value), path, errors)
    for key in value:
        _string(shape.key, key, f"{path}.key", errors, depth)
    return {k: _checked(shape.value, v, f"{path}.{k}.member", errors, depth + 1) for k, v in value.items()}


def _string(shape: Any, value: Any, path: str, errors: list[str], depth: int) -> str:
    del depth
    if not isinstance(value, str):
        raise _wrong_type(path, "a string")
    limits = shape.metadata
    if limits:
        _sized(shape, len(value), path, errors)
        if "enum" in limits and value not in limits["enum"]:
            _refuse(value, path, f"Member must satisfy enum value set: [{', '.join(limits['enum'])}]", errors)
        pattern = limits.get("pattern")
        if pattern and len(value) <= limits.get("max", 2048) and not _compiled(pattern).fullmatch(value):
            _refuse(value, path, f"Member must satisfy regular expression pattern: {pattern}", errors)
    return value


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _number(shape: Any, value: Any, path: str, errors: list[str], depth: int) -> Any:
    del depth
    whole = shape.type_name in {"integer", "long"}
    allowed = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, allowed) or not math.isfinite(value):
        raise _wrong_type(path, "an integer" if whole else "a number")
    limits = shape.metadata
    if "min" in limits and value < limits["min"]:
        _refuse(value, path, f"Member must have value greater than or equal to {limits['min']}", errors)
    if "max" in limits and value > limits["max"]:
        _refuse(value, path, f"Member must have value less than or equal to {limits['max']}", errors)
    return value


def _boolean(shape: Any, value: Any, path: str, errors: list[str], depth: int) -> bool:
    del shape, errors, depth
    if not isinstance(value, bool):
        raise _wrong_type(path, "a boolean")
    return value


def _blob(shape: Any, value: Any, path: str, errors: list[str], depth: int) -> bytes:
    del depth
    if isinstance(value, str):
        try:
            value = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise _wrong_type(path, "base64") from None
    if not isinstance(value, bytes):
        raise _wrong_type(path, "base64")
    _sized(shape, len(value), path, errors)
    return value


_READERS = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _number,
    "long": _number,
    "float": _number,
    "double": _number,
    "boolean": _boolean,
    "blob": _blob,
}


def _sized(shape: Any, size: int, path: str, errors: list[str]) -> None:
    limits = shape.metadata
    if not limits:
        return
    least, most = limits.get("min", 0), limits.get("max", math.inf)
    if size < least:
        _refuse(None, path, f"Member must have length greater than or equal to {least}", errors)
    if size > most:
        _refuse(None, path, f"Member must have length less than or equal to {most}", errors)


def _refuse(value: Any, path: str, constraint: str, errors: list[str]) -> None:
    shown = "Value" if value is None else f"Value '{str(value)[:100]}'"
    errors.append(f"{shown} at '{path}' failed to satisfy constraint: {constraint}")


def _wrong_type(path: str, wanted: str) -> AWSError:
    return AWSError("SerializationException", f"Value at '{path}' is not {wanted}.")
