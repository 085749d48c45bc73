"""The lines of an invocation log, and the records within exports of CloudWatch Logs."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from bedrock_lab.errors import InputError

MESSAGE = "@message"
PLAIN = b'{"schemaType"'


def exported(head: bytes) -> bool:
    """Whether a file is CSV with a record in each message: its records may span lines.

    >>> exported(b"@timestamp,@message"), exported(b'{"schemaType":')
    (True, False)
    """
    header = head.split(b"\n", 1)[0].decode("utf-8-sig", "replace")
    return not header.lstrip().startswith("{") and MESSAGE in header


def lines_in(block: bytes) -> int:
    r"""Count the lines of a block, the last one too where nothing ends it.

    >>> lines_in(b"a\n\nb"), lines_in(b"a\n")
    (3, 1)
    """
    ends = int(np.count_nonzero(np.frombuffer(block, dtype=np.uint8) == ord("\n")))  # ten times as fast as count
    return ends + (not block.endswith(b"\n"))


def records_of(data: bytes) -> Iterator[tuple[int, bytes | str]]:
    """Yield each record with its line; of an export the message alone."""
    if exported(data):
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
