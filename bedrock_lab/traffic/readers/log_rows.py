"""Rows of an invocation log, a record at a time: what a block is held against, and where its bad lines are named."""

from typing import Any

from bedrock_lab.errors import InputError
from bedrock_lab.traffic.arrays import LARGEST
from bedrock_lab.traffic.clock import utc_ns
from bedrock_lab.traffic.readers import invocation_records
from bedrock_lab.traffic.readers.invocation_records import Told

NUMBERS = (
    "input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_30m_tokens", "cache_write_1h_tokens",
    "cache_write_unknown_tokens", "output_tokens", "max_tokens", "server_latency_s",
)  # fmt: skip
COUNTS = NUMBERS[:-1]
"""The columns of numbers, and those of them that are whole."""

FAILED = (None,) * 7
"""The tokens of a failed call: none are known."""

WORDS = ("model", "region", "account", "operation", "tier", "error_code", "app")
"""The columns of words, which repeat."""


class Rows:
    """Records read one by one."""

    def __init__(self, wanted: Any) -> None:
        self.wanted = wanted
        self.at_ns: list[int] = []
        self.words: list[tuple[str | None, ...]] = []
        self.numbers: list[tuple[float | None, ...]] = []
        self.ids: list[str | None] = []

    def add(self, line: bytes | str) -> None:
        """Add a line's record, unless its time is not wanted.

        Raises
        ------
        ValueError
            It is no record, its time is none, or a count is no whole number of 0 or more.
        """
        record = invocation_records.decode(line)
        if record.schemaType != invocation_records.SCHEMA:
            raise InputError(f"schemaType {record.schemaType!r}; {invocation_records.SCHEMA} is read")
        if record.schemaVersion not in invocation_records.VERSIONS:
            raise InputError(f"schemaVersion {record.schemaVersion!r}; 1.0 is read")
        at_ns = utc_ns(record.timestamp)
        if self.wanted.bounded and not self.wanted.holds(at_ns):
            return
        said = invocation_records.told(record)
        numbers = numbers_of(said, failed=record.errorCode is not None)
        app = None
        if self.wanted.app_key is not None and record.requestMetadata:
            app = record.requestMetadata.get(self.wanted.app_key)
        self.at_ns.append(at_ns)
        self.words.append(
            (record.modelId, record.region, record.accountId, record.operation, said.tier, record.errorCode, text(app))
        )
        self.numbers.append(numbers)
        self.ids.append(record.requestId)


def numbers_of(said: Told, *, failed: bool) -> tuple[float | None, ...]:
    """Return the numbers of a record in the order of `NUMBERS`; a failed call has no tokens.

    Raises
    ------
    InputError
        A count is no whole number of 0 or more.
    """
    most = said.max_tokens if said.max_tokens is not None and 0 <= said.max_tokens <= LARGEST else None
    if failed:
        return (*FAILED, most, said.latency_s)
    tokens = (said.input, said.read, *said.writes, said.output)
    if any(n is not None and not 0 <= n <= LARGEST for n in tokens):
        raise InputError("a count of tokens is below 0 or above 2**53; whole numbers of 0 or more are allowed")
    return (*tokens, most, said.latency_s)


def text(value: Any) -> str | None:
    """Return a tag's value as text.

    >>> text(7), text(None)
    ('7', None)
    """
    return None if value is None else str(value)
