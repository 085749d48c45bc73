"""A record of Bedrock's model-invocation log: what of it is read, and the row it becomes.

Only what is named here is decoded: bodies are passed over where they stand, and nothing of their text leaves.

Source: the record of the Amazon Bedrock user guide ("Monitor model invocation using CloudWatch Logs and Amazon S3"),
with what records carry besides: cache counts, ``errorCode``, bodies of streams as arrays of chunks.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

VERSIONS = frozenset({"1.0", "1"})
SCHEMA = "ModelInvocationLog"
TTLS = {"5m": 0, "30m": 1, "1h": 2}
"""Place of a time to live among a row's cache writes; a last one is for those nobody names."""


class Detail(msgspec.Struct, frozen=True, gc=False):
    """Tokens written to the prompt cache with a time to live."""

    ttl: str | None = None
    inputTokens: int = 0  # noqa: N815 - AWS's word


class Creation(msgspec.Struct, frozen=True, gc=False):
    """Anthropic's own split of cache writes."""

    ephemeral_5m_input_tokens: int = 0
    ephemeral_1h_input_tokens: int = 0


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Usage as Converse or an Anthropic body says it."""

    inputTokens: int | None = None  # noqa: N815 - as above
    outputTokens: int | None = None  # noqa: N815 - as above
    cacheReadInputTokens: int | None = None  # noqa: N815 - as above
    cacheWriteInputTokens: int | None = None  # noqa: N815 - as above
    cacheDetails: list[Detail] | None = None  # noqa: N815 - as above
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_creation: Creation | None = None


class Metrics(msgspec.Struct, frozen=True, gc=False):
    """Converse's own latency."""

    latencyMs: float | None = None  # noqa: N815 - as above


class Tier(msgspec.Struct, frozen=True, gc=False):
    """A service tier."""

    type: str | None = None


class Message(msgspec.Struct, frozen=True, gc=False):
    """What a stream's first chunk says of usage."""

    usage: Usage | None = None


class Output(msgspec.Struct, frozen=True, gc=False):
    """A whole answer, or a chunk of a stream."""

    usage: Usage | None = None
    metrics: Metrics | None = None
    serviceTier: Tier | None = None  # noqa: N815 - as above
    metadata: "Output | None" = None
    message: Message | None = None


class Inference(msgspec.Struct, frozen=True, gc=False):
    """Converse's inferenceConfig, and Nova's."""

    maxTokens: int | None = None  # noqa: N815 - as above
    max_new_tokens: int | None = None


class Titan(msgspec.Struct, frozen=True, gc=False):
    """Titan's textGenerationConfig."""

    maxTokenCount: int | None = None  # noqa: N815 - as above


class Input(msgspec.Struct, frozen=True, gc=False):
    """What of a request's body is read: how long its answer may be, and its tier."""

    inferenceConfig: Inference | None = None  # noqa: N815 - as above
    textGenerationConfig: Titan | None = None  # noqa: N815 - as above
    max_tokens: int | None = None
    max_gen_len: int | None = None
    max_completion_tokens: int | None = None
    serviceTier: Tier | None = None  # noqa: N815 - as above


class Asked(msgspec.Struct, frozen=True, gc=False):
    """The record's input."""

    inputTokenCount: int | None = None  # noqa: N815 - as above
    cacheReadInputTokenCount: int | None = None  # noqa: N815 - as above
    cacheWriteInputTokenCount: int | None = None  # noqa: N815 - as above
    inputBodyJson: Input | None = None  # noqa: N815 - as above
    inputBodyS3Path: str | None = None  # noqa: N815 - as above


class Answered(msgspec.Struct, frozen=True, gc=False):
    """The record's output."""

    outputTokenCount: int | None = None  # noqa: N815 - as above
    outputBodyJson: Output | list[Output] | None = None  # noqa: N815 - as above
    outputBodyS3Path: str | None = None  # noqa: N815 - as above


class Plain(msgspec.Struct, frozen=True, gc=False):
    """A record without its bodies: for bodies that are no JSON of ours."""

    timestamp: str
    modelId: str  # noqa: N815 - as above
    schemaType: str = SCHEMA  # noqa: N815 - as above
    schemaVersion: str = "1.0"  # noqa: N815 - as above
    accountId: str | None = None  # noqa: N815 - as above
    region: str | None = None
    requestId: str | None = None  # noqa: N815 - as above
    operation: str | None = None
    requestMetadata: dict[str, Any] | None = None  # noqa: N815 - as above
    errorCode: str | None = None  # noqa: N815 - as above


class Sides(msgspec.Struct, frozen=True, gc=False):
    """Counts alone, of a record whose bodies are not understood."""

    inputTokenCount: int | None = None  # noqa: N815 - as above
    outputTokenCount: int | None = None  # noqa: N815 - as above
    cacheReadInputTokenCount: int | None = None  # noqa: N815 - as above
    cacheWriteInputTokenCount: int | None = None  # noqa: N815 - as above


class Whole(Plain, frozen=True, gc=False):
    """A record with what is read of its bodies."""

    input: Asked | None = None
    output: Answered | None = None


class Counted(Plain, frozen=True, gc=False):
    """A record with its counts alone."""

    input: Sides | None = None
    output: Sides | None = None


_WHOLE = msgspec.json.Decoder(Whole)
_COUNTED = msgspec.json.Decoder(Counted)


def decode(line: bytes | str) -> Whole | Counted:
    """Decode a record; one whose bodies are of another form keeps its counts.

    Raises
    ------
    msgspec.DecodeError
        It is no record.
    """
    try:
        return _WHOLE.decode(line)
    except msgspec.ValidationError:
        return _COUNTED.decode(line)


class Told(NamedTuple):
    """What a record says in numbers, None where it does not; `writes` for 5m, 30m, 1h and an unknown time."""

    input: int | None
    read: int | None
    writes: Sequence[int]
    output: int | None
    max_tokens: int | None
    latency_s: float | None
    tier: str | None


NO_WRITES = (0, 0, 0, 0)


def told(record: Whole | Counted) -> Told:
    """Read the numbers of a record: its own counts, else those of its body."""
    asked, answered = record.input, record.output
    body = asked.inputBodyJson if isinstance(asked, Asked) else None
    answer = answered.outputBodyJson if isinstance(answered, Answered) else None
    given = asked.inputTokenCount if asked is not None else None
    read = asked.cacheReadInputTokenCount if asked is not None else None
    written = asked.cacheWriteInputTokenCount if asked is not None else None
    output = answered.outputTokenCount if answered is not None else None
    latency = served = None
    writes: Sequence[int] = NO_WRITES
    if answer is not None:
        if isinstance(answer, Output) and answer.metadata is None:
            usages = [answer.usage] if answer.usage is not None else []
            latency = answer.metrics.latencyMs if answer.metrics is not None else None
            served = answer.serviceTier.type if answer.serviceTier is not None else None
        else:
            usages, latency, served = _of_chunks(answer if isinstance(answer, list) else [answer])
        for usage in usages:
            if usage.inputTokens is not None and given is not None and output is not None:  # Converse, as it mostly is
                read = usage.cacheReadInputTokens if read is None else read
                written = usage.cacheWriteInputTokens if written is None else written
                continue
            given = _first(given, usage.inputTokens, usage.input_tokens)
            read = _first(read, usage.cacheReadInputTokens, usage.cache_read_input_tokens)
            written = _first(written, usage.cacheWriteInputTokens, usage.cache_creation_input_tokens)
            output = _first(output, usage.outputTokens, usage.output_tokens)
        if written:
            writes = _split(written, usages)
    elif written:
        writes = (0, 0, 0, written)
    asked_tier = body.serviceTier if body is not None else None
    return Told(
        given,
        read,
        writes,
        output,
        None if body is None else _most(body),
        None if latency is None else latency / 1000,
        served or (asked_tier.type if asked_tier is not None else None),
    )


def _of_chunks(chunks: Sequence[Output]) -> tuple[list[Usage], float | None, str | None]:
    """Return every usage of a stream, the last first, its latency and the tier that served it."""
    usages: list[Usage] = []
    latency = served = None
    for chunk in reversed(chunks):
        inner = chunk.metadata or chunk
        said = (inner.usage, chunk.message.usage if chunk.message is not None else None)
        usages += [usage for usage in said if usage is not None]
        if latency is None and inner.metrics is not None:
            latency = inner.metrics.latencyMs
        if served is None and inner.serviceTier is not None:
            served = inner.serviceTier.type
    return usages, latency, served


def _first(*values: int | None) -> int | None:
    for value in values:
        if value is not None:
            return value
    return None


def _split(written: int, usages: Sequence[Usage]) -> Sequence[int]:
    """Split cache writes by time to live; what no detail names is unknown."""
    split = [0, 0, 0, 0]
    for usage in usages:
        if usage.cacheDetails:
            for detail in usage.cacheDetails:
                split[TTLS.get(detail.ttl or "", 3)] += detail.inputTokens
            break
        if usage.cache_creation is not None:
            split[0] += usage.cache_creation.ephemeral_5m_input_tokens
            split[2] += usage.cache_creation.ephemeral_1h_input_tokens
            break
    split[3] += max(0, written - sum(split))
    return split


def _most(body: Input) -> int | None:
    if body.inferenceConfig is not None:
        return _first(body.inferenceConfig.maxTokens, body.inferenceConfig.max_new_tokens)
    if body.textGenerationConfig is not None:
        return body.textGenerationConfig.maxTokenCount
    return _first(body.max_tokens, body.max_completion_tokens, body.max_gen_len)
