"""Whole blocks of an invocation log, decoded at once: what nearly every record is, and None for a block that is not."""

from array import array
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np

from bedrock_lab.traffic.arrays import LARGEST
from bedrock_lab.traffic.readers import invocation_records
from bedrock_lab.traffic.readers.invocation_records import Answered, Asked, Input, Output, Usage
from bedrock_lab.traffic.readers.log_rows import numbers_of, text

TIME = b"0000-00-00T00:00:00Z"
DIGITS = [i for i, c in enumerate(TIME) if c == ord("0")]
MARKS = [i for i, c in enumerate(TIME) if c != ord("0")]
PLACES = np.array([10**n for n in range(8)][::-1])
NO_BODY, NO_USAGE = Input(), Usage()
NOTHING = Output(usage=NO_USAGE)


class Plain(msgspec.Struct, frozen=True, gc=False):
    """A record as nearly all are; another one's block is read record by record."""

    timestamp: str
    modelId: str  # noqa: N815 - AWS's word
    schemaType: Literal["ModelInvocationLog"] = "ModelInvocationLog"  # noqa: N815 - as above
    schemaVersion: Literal["1.0", "1"] = "1.0"  # noqa: N815 - as above
    accountId: str | None = None  # noqa: N815 - as above
    region: str | None = None
    requestId: str | None = None  # noqa: N815 - as above
    operation: str | None = None
    errorCode: str | None = None  # noqa: N815 - as above
    input: Asked = Asked()
    output: Answered = Answered()


class Block(NamedTuple):
    """Records by column: times [ns since 1970], words by the order of `WORDS`, numbers (NaN unknown), ids."""

    at_ns: np.ndarray
    words: Sequence[Sequence[str | None]]
    numbers: Sequence[np.ndarray]
    ids: Sequence[str | None]


def decoder(app_key: str | None) -> Callable[[bytes, int], list[Any] | None]:
    """Return what decodes a block of so many lines, or gives None where one of them must be looked at alone."""
    shape: Any = Plain
    if app_key is not None:
        tag = msgspec.defstruct("Tag", [("app", Any, None)], rename={"app": app_key}, frozen=True, gc=False)
        shape = msgspec.defstruct("Tagged", [("requestMetadata", tag, tag())], bases=(Plain,), frozen=True, gc=False)
    lines = msgspec.json.Decoder(shape)

    def decode(block: bytes, length: int) -> list[Any] | None:
        try:
            records = lines.decode_lines(block)
        except ValueError:  # msgspec's are ValueErrors
            return None
        return records if len(records) == length else None

    return decode


def columns_of(records: Sequence[Any], *, tagged: bool) -> Block:
    """Turn records into columns; a row that says its counts in another way is read on its own.

    Raises
    ------
    ValueError, OverflowError
        A time or a count is none.
    """
    asked = [r.input for r in records]
    answered = [r.output for r in records]
    bodies = [a.inputBodyJson or NO_BODY for a in asked]
    answers = [a.outputBodyJson or NOTHING for a in answered]
    flat = [a if a.__class__ is Output else NOTHING for a in answers]
    usages = [a.usage or NO_USAGE for a in flat]
    errors = [r.errorCode for r in records]
    given = floats([a.inputTokenCount for a in asked])
    output = floats([a.outputTokenCount for a in answered])
    read = first([a.cacheReadInputTokenCount for a in asked], [u.cacheReadInputTokens for u in usages])
    written = first([a.cacheWriteInputTokenCount for a in asked], [u.cacheWriteInputTokens for u in usages])
    most = floats([None if b.inferenceConfig is None else b.inferenceConfig.maxTokens for b in bodies])
    latency = floats([None if a.metrics is None else a.metrics.latencyMs for a in flat]) / 1000
    writes = [np.zeros(len(records)) for _ in range(4)]
    numbers = [given, read, *writes, output, most, latency]
    tiers = [a.serviceTier or b.serviceTier for a, b in zip(flat, bodies, strict=True)]
    tier = [None if t is None else t.type for t in tiers]
    plain = np.array(
        [
            a is b and a.metadata is None and (u is NO_USAGE or u.inputTokens is not None) and e is None
            and (c is NO_BODY or c.inferenceConfig is not None)
            for a, b, u, e, c in zip(answers, flat, usages, errors, bodies, strict=True)
        ]
    )  # fmt: skip
    plain &= ~(np.nan_to_num(written) != 0)
    for column in (given, output):
        plain &= (column >= 0) & (column <= LARGEST)
    for column in (read, most):
        plain &= ~((column < 0) | (column > LARGEST))
    for row in np.flatnonzero(~plain).tolist():
        said = invocation_records.told(records[row])
        for column, value in zip(numbers, numbers_of(said, failed=errors[row] is not None), strict=True):
            column[row] = np.nan if value is None else value
        tier[row] = said.tier
    words: list[Sequence[str | None]] = [
        [r.modelId for r in records],
        [r.region for r in records],
        [r.accountId for r in records],
        [r.operation for r in records],
        tier,
        errors,
        [text(r.requestMetadata.app) for r in records] if tagged else [None] * len(records),
    ]
    return Block(instants([r.timestamp for r in records]), words, numbers, [r.requestId for r in records])


def floats(values: Sequence[Any]) -> np.ndarray:
    """Return counts as numbers, NaN for None.

    >>> floats([1, None]).tolist()
    [1.0, nan]
    """
    try:
        return np.array(array("d", values))
    except TypeError:
        return np.array(values, dtype=np.float64)


def first(values: list[Any], others: list[Any]) -> np.ndarray:
    """Return counts, and where there are none the others.

    >>> first([None, 1], [2, 3]).tolist(), first([None], [None]).tolist()
    ([2.0, 1.0], [nan])
    """
    if set(values) == {None}:
        return np.full(len(values), np.nan) if set(others) == {None} else floats(others)
    numbers = floats(values)
    return np.where(np.isnan(numbers), floats(others), numbers)


def instants(times: Sequence[str]) -> np.ndarray:
    """Read times of whole seconds, all at once [ns since 1970].

    Raises
    ------
    ValueError
        One has another form, or is none.

    >>> instants(["1970-01-01T00:01:01Z"]).tolist()
    [61000000000]
    """
    joined = np.frombuffer("".join(times).encode(), dtype=np.uint8)
    if set(map(len, times)) != {len(TIME)} or len(joined) != len(TIME) * len(times):
        raise ValueError("a time is not of whole seconds")
    signs = joined.reshape(-1, len(TIME))
    digits = signs[:, DIGITS].astype(np.int64) - ord("0")
    if ((digits < 0) | (digits > 9)).any() or (signs[:, MARKS] != np.frombuffer(TIME, np.uint8)[MARKS]).any():
        raise ValueError("a time is none")
    days, where = np.unique(digits[:, :8] @ PLACES, return_inverse=True)
    since = np.array([f"{d:08d}" for d in days])
    starts = np.array([f"{d[:4]}-{d[4:6]}-{d[6:]}" for d in since], dtype="datetime64[s]").astype(np.int64)
    hour, minute, second = (digits[:, i] * 10 + digits[:, i + 1] for i in (8, 10, 12))
    if (hour > 23).any() or (minute > 59).any() or (second > 59).any() or (days // 10_000 < 1700).any():
        raise ValueError("a time is none")
    return np.asarray((starts[where] + hour * 3600 + minute * 60 + second) * 1_000_000_000)
