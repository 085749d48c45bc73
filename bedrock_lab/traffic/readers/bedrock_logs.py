"""Bedrock's model-invocation log: JSON lines from S3, or exports of CloudWatch Logs with a record in each message."""

import dataclasses
import re
from pathlib import PurePath

from bedrock_lab.errors import InputError
from bedrock_lab.traffic.clock import utc_ns
from bedrock_lab.traffic.readers.files import blocks, head
from bedrock_lab.traffic.readers.log_lines import MESSAGE, exported
from bedrock_lab.traffic.readers.raw import Raw

SCHEMA, HEAD = b"ModelInvocationLog", 20_000
ROOT = "BedrockModelInvocationLogs"
HOUR = re.compile(r"/(\d{4})/(\d\d)/(\d\d)/(\d\d)/")
HOUR_NS = 3_600_000_000_000
LATE_NS = HOUR_NS
"""How long after its hour a record may be delivered, assumed: AWS does not say."""


@dataclasses.dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of a log.

    Attributes
    ----------
    app_key
        The key of ``requestMetadata`` that names the application.
    since_ns, until_ns
        Records from here on, and before there [ns since 1970]; None is no limit.
    """

    app_key: str | None = None
    since_ns: int | None = None
    until_ns: int | None = None

    @property
    def bounded(self) -> bool:
        """Whether some time is not wanted."""
        return self.since_ns is not None or self.until_ns is not None

    def holds(self, at_ns: int) -> bool:
        """Whether a time is wanted."""
        return (self.since_ns is None or at_ns >= self.since_ns) and (self.until_ns is None or at_ns < self.until_ns)


def wish(app_key: str | None = None, since: str | None = None, until: str | None = None) -> Wish:
    """Read what is wanted; days and times are ISO 8601.

    Raises
    ------
    InputError
        A time is none, or they are the wrong way round.
    """
    made = Wish(app_key, None if since is None else utc_ns(since), None if until is None else utc_ns(until))
    if made.since_ns is not None and made.until_ns is not None and made.since_ns >= made.until_ns:
        raise InputError(f"since {since} is not before until {until}")
    return made


def fits(data: bytes) -> bool:
    """Whether a file begins like a log: told by its first bytes, so that one broken line does not hide it.

    >>> fits(b'{"schemaType":"ModelInvocationLog"}'), fits(b'{"input":1}')
    (True, False)
    """
    head = data[:HEAD]
    return SCHEMA in head and (b'"schemaType"' in head or MESSAGE.encode() in head or b"schemaType" in head)


def beside(path: PurePath) -> bool:
    """Whether a file of a log's folder is no log: a large body kept apart, or AWS's check of its permission.

    >>> beside(PurePath("AWSLogs/1/BedrockModelInvocationLogs/us-east-1/2026/11/01/09/data/abc_input.json.gz"))
    True
    """
    return ROOT in path.parts and (path.parent.name == "data" or path.name.endswith("permission-check"))


def outside(path: PurePath, wanted: Wish) -> bool:
    """Whether the hour in a file's path lies outside the time wanted; a path without one does not.

    >>> outside(PurePath("BedrockModelInvocationLogs/us-east-1/2026/11/01/09/x.json.gz"), wish(since="2026-11-02"))
    True
    """
    found = HOUR.search(path.as_posix())
    if found is None or not wanted.bounded:
        return False
    begin = utc_ns(f"{found[1]}-{found[2]}-{found[3]}T{found[4]}:00:00Z")
    early = wanted.since_ns is not None and begin + HOUR_NS <= wanted.since_ns - LATE_NS
    return early or (wanted.until_ns is not None and begin >= wanted.until_ns + LATE_NS)


def read(file: str, data: bytes, wanted: Wish | None = None) -> Raw:
    """Read one file, packed or not: whole blocks of lines at a time, and a block with a bad line line by line.

    Raises
    ------
    InputError
        msgspec is missing, the data is cut off, or no record is in the file, or in the time wanted.
    """
    try:
        from bedrock_lab.traffic.readers.log_reading import Reading
    except ImportError:
        raise InputError("invocation logs need msgspec: pip install 'bedrock-lab[logs]'") from None
    reading = Reading(file, wanted or Wish())
    if exported(head(file, data)):
        reading.one_by_one(0, b"".join(blocks(file, data)))
    else:
        for block in blocks(file, data):
            reading.take(block)
    return reading.raw()
