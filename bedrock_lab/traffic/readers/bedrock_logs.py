"""Bedrock's model-invocation log: JSON lines from S3, or exports of CloudWatch Logs with a record in each message."""

import csv
import dataclasses
import io
import json
import re
from array import array
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

import numpy as np
import pyarrow as pa

from bedrock_lab.assumptions import Origin
from bedrock_lab.errors import InputError
from bedrock_lab.traffic.arrays import bits_of, from_numpy, strings
from bedrock_lab.traffic.clock import utc_ns
from bedrock_lab.traffic.readers.files import FileError
from bedrock_lab.traffic.readers.raw import Raw
from bedrock_lab.traffic.trace import Skipped

SCHEMA, HEAD = b"ModelInvocationLog", 20_000
PLAIN = b'{"schemaType"'
ROOT = "BedrockModelInvocationLogs"
HOUR = re.compile(r"/(\d{4})/(\d\d)/(\d\d)/(\d\d)/")
HOUR_NS = 3_600_000_000_000
LATE_NS = HOUR_NS
"""How long after its hour a record may be delivered, assumed: AWS does not say."""

MESSAGE = "@message"
PUBLISHED = frozenset({"foundation-model", "inference-profile"})
"""Kinds of ARN whose last part is a model's own id."""

MISSING = -1
WHOLE_SECOND, SECONDS = len("2026-11-02T12:00:00Z"), 60
MOST_SKIPPED = 10_000
"""Bad lines that are listed one by one; a file with more is refused."""


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
    """Read one file.

    Raises
    ------
    InputError
        msgspec is missing, or no record is in the file, or in the time wanted.
    """
    try:
        from bedrock_lab.traffic.readers import invocation_records
    except ImportError:
        raise InputError("invocation logs need msgspec: pip install 'bedrock-lab[logs]'") from None
    columns = Columns(wanted or Wish())
    skipped: list[Skipped] = []
    for number, line in records_of(data):
        try:
            record = invocation_records.decode(line)
            if record.schemaType != invocation_records.SCHEMA:
                raise InputError(f"schemaType {record.schemaType!r}; {invocation_records.SCHEMA} is read")
            if record.schemaVersion not in invocation_records.VERSIONS:
                raise InputError(f"schemaVersion {record.schemaVersion!r}; 1.0 is read")
            columns.add(record, invocation_records.told(record))
        except (ValueError, OverflowError) as error:  # InputError and msgspec's are ValueErrors
            skipped.append(Skipped(file=file, line=number, reason=reason_of(error)))
            if len(skipped) > MOST_SKIPPED:
                raise FileError(
                    file, f"more than {MOST_SKIPPED:,} lines are no record; is it an invocation log?"
                ) from None
    return columns.raw(file, skipped)


def records_of(data: bytes) -> Iterator[tuple[int, bytes | str]]:
    """Yield each record with its line; of an export the message alone."""
    header = data[: data.find(b"\n")].decode("utf-8-sig", "replace")
    if not header.lstrip().startswith("{") and MESSAGE in header:
        for cells in (reader := csv.DictReader(io.StringIO(data.decode("utf-8-sig", "replace"), newline=""))):
            yield reader.line_num, message_of(cells.get(MESSAGE) or "")
        return
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.startswith(PLAIN):
            yield number, line
            continue
        if not line.strip():
            continue
        begin = line.find(b"{")
        inner = line if begin <= 0 else line[begin:]  # an export to S3 has the time before the record
        if MESSAGE.encode() in inner[:200]:
            try:
                inner_text = json.loads(inner).get(MESSAGE, "")
            except (ValueError, RecursionError, AttributeError):
                inner_text = ""
            yield number, message_of(inner_text)
        else:
            yield number, inner


def message_of(message: Any) -> bytes | str:
    """Return a message as JSON, whether it is text or was parsed by the export."""
    return json.dumps(message) if isinstance(message, dict) else str(message)


def reason_of(error: Exception) -> str:
    """Say what is wrong with a line, without what stands in it."""
    text = (str(error).splitlines() or [type(error).__name__])[0]
    return f"no record of the invocation log ({text})" if not isinstance(error, InputError) else text


COUNTS = ("input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_30m_tokens",
          "cache_write_1h_tokens", "cache_write_unknown_tokens", "output_tokens", "max_tokens")  # fmt: skip
TEXTS = ("model", "region", "account", "app", "operation", "tier", "outcome", "error_code")


class Columns:
    """Rows on their way into a Trace: numbers row by row, and a code of what repeats (model, Region, app and so on)."""

    def __init__(self, wanted: Wish) -> None:
        self.wanted = wanted
        self.at_ns = array("q")
        self.numbers: list[tuple[int | float | None, ...]] = []
        self.codes = array("i")
        self.kinds: dict[tuple[str | None, ...], int] = {}
        self.ids: list[str | None] = []
        self.minutes: dict[str, int] = {}
        self.opaque: dict[str, int] = {}
        self.uncounted = 0

    def add(self, record: Any, told: Any) -> None:
        """Add a row, unless its time is not wanted.

        Raises
        ------
        InputError
            A time is none, or a count is negative.
        """
        at_ns = self._at(record.timestamp)
        if self.wanted.bounded and not self.wanted.holds(at_ns):
            return
        given, read, writes, output, most, latency, tier = told
        error, outcome = record.errorCode, "ok"
        if error is not None:
            outcome = "throttled" if "throttl" in error.lower() else "failed"
            numbers = (None, None, None, None, None, None, None, most, latency)
        else:
            numbers = (given, read, *writes, output, most, latency)
            if given is None or output is None:
                self.uncounted += 1
                outcome = ""
            elif given < 0 or output < 0 or (read or 0) < 0 or min(writes) < 0:
                raise InputError("a count of tokens is below 0; whole numbers of 0 or more are allowed")
        app = None
        if self.wanted.app_key is not None and record.requestMetadata:
            app = record.requestMetadata.get(self.wanted.app_key)
        kind = (record.modelId, record.region, record.accountId, app, record.operation, tier, outcome, error)
        code = self.kinds.get(kind)
        if code is None:
            code = self.kinds[kind] = len(self.kinds)
        self.at_ns.append(at_ns)
        self.numbers.append(numbers)
        self.codes.append(code)
        self.ids.append(record.requestId)

    def _at(self, text: str) -> int:
        """Read a time; whole seconds by the minute they are in."""
        if len(text) == WHOLE_SECOND and text[-1] == "Z" and text[17:19].isdigit():
            minute = self.minutes.get(text[:16])
            if minute is None:
                minute = self.minutes[text[:16]] = utc_ns(text[:16] + ":00Z")
            second = int(text[17:19])
            if text[16] == ":" and second < SECONDS:
                return minute + second * 1_000_000_000
        return utc_ns(text)

    def raw(self, file: str, skipped: list[Skipped]) -> Raw:
        """Hand the rows over.

        Raises
        ------
        FileError
            There are none.
        """
        if not len(self.at_ns):
            first = f"; line {skipped[0].line}: {skipped[0].reason}" if skipped else " in the time asked for"
            raise FileError(file, f"no record of the invocation log{first}")
        at = np.frombuffer(self.at_ns, dtype=np.int64)
        start = int(at.min())
        columns: dict[str, Any] = {"time_s": from_numpy((at - start) / 1e9)}
        columns |= self._texts()
        for name, cells in zip((*COUNTS, "server_latency_s"), zip(*self.numbers, strict=True), strict=True):
            values = np.array(cells, dtype=np.float64)
            known = ~np.isnan(values)
            if known.any():
                filled = np.where(known, values, 0.0)
                columns[name] = from_numpy(filled if name == "server_latency_s" else filled.astype(np.int64), known)
        if any(name is not None for name in self.ids):
            columns["request_id"] = strings(self.ids)
        return Raw(
            file=file,
            format="bedrock-logs",
            origin=Origin.LOG,
            columns=columns,
            expresses=tuple(name.removesuffix("_tokens") for name in COUNTS[:-1]),
            start_ns=start,
            notes=tuple(self._notes()),
            skipped=tuple(skipped),
        )

    def _texts(self) -> dict[str, Any]:
        """Return the columns of words, from the kinds of rows there are."""
        codes = np.frombuffer(self.codes, dtype=np.int32)
        times = np.bincount(codes, minlength=len(self.kinds))
        out = {}
        kinds = [(self._model(kind[0] or "", int(n)), *kind[1:]) for kind, n in zip(self.kinds, times, strict=True)]
        for name, cells in zip(TEXTS, zip(*kinds, strict=True), strict=True):
            words = dict.fromkeys(str(cell) for cell in cells if cell is not None and cell != "")
            places = {word: i for i, word in enumerate(words)}
            of_kind = np.array(
                [places.get("" if cell is None else str(cell), MISSING) for cell in cells], dtype=np.int32
            )
            found = of_kind[codes]
            if words:
                index = pa.Array.from_buffers(
                    pa.int32(), len(found), [bits_of(found >= 0), pa.py_buffer(np.maximum(found, 0))]
                )
                out[name] = pa.DictionaryArray.from_arrays(index, strings(list(words)))
        return out

    def _model(self, model_id: str, times: int) -> str | None:
        """Return the id that is priced; which model an application profile or units stand for nobody knows here."""
        kind, _, name = model_id.split(":", 5)[-1].partition("/") if model_id.startswith("arn:") else ("", "", "")
        if kind and kind not in PUBLISHED:
            self.opaque[model_id] = self.opaque.get(model_id, 0) + times
            return None
        return name or model_id

    def _notes(self) -> Iterator[str]:
        if self.opaque:
            rows = sum(self.opaque.values())
            yield (
                f"{rows:,} records call {len(self.opaque)} application profiles or provisioned units: which model that "
                "is the log does not say (--model ID takes them for its calls)"
            )
        if self.uncounted:
            yield f"{self.uncounted:,} records have no token counts: what they cost is not known"
