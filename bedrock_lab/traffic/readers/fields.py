"""Which column of a file becomes which column of a Trace, and what its cells may hold."""

import dataclasses
import math
import re
from typing import Any

from bedrock_lab.errors import InputError
from bedrock_lab.traffic.clock import utc_ns
from bedrock_lab.traffic.columns import COLUMNS

LARGEST = 2**53
OUTCOME_WORDS = {
    **dict.fromkeys(("ok", "success", "succeeded", "complete", "completed", "200"), "ok"),
    **dict.fromkeys(("throttled", "throttle", "throttling", "throttlingexception", "429"), "throttled"),
    **dict.fromkeys(("failed", "fail", "failure", "error"), "failed"),
}
STATUS = re.compile(r"[45]\d\d")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One column of a file and what it becomes.

    Parameters
    ----------
    source
        The file's name for it.
    name
        The Trace's name for it.
    per
        How many of the file's units make one of ours (1000 for milliseconds).
    required
        Whether an empty cell is refused in the row of a completed request.
    """

    source: str
    name: str
    per: float = 1.0
    required: bool = False

    @property
    def kind(self) -> str:
        """What the column holds, as in `COLUMNS`; times apart."""
        return "time" if self.name == "time_s" else "outcome" if self.name == "outcome" else COLUMNS[self.name]


def parse_cell(field: Field, cell: Any) -> Any:
    """Read one cell, text or a JSON value; an empty one is None.

    Raises
    ------
    InputError
        With the value and what is allowed, when it does not belong in the column.
    """
    if cell is None or cell == "":
        return None
    if field.kind == "count":
        return count(field, cell)
    if field.kind == "number":
        return number(field, cell) / field.per
    if field.kind == "time":
        return moment(field, cell)
    if isinstance(cell, dict | list):
        raise InputError(f"{field.source} is {shown(cell)}; text is allowed")
    return outcome(field, str(cell)) if field.kind == "outcome" else str(cell)


def number(field: Field, cell: Any) -> float:
    """Read a finite number."""
    try:
        value = math.nan if isinstance(cell, bool) else float(cell)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{field.source} is {shown(cell)}; a finite number is allowed")
    return value


def count(field: Field, cell: Any) -> int:
    """Read a whole number of 0 or more; 12.0 is one."""
    try:
        value = math.nan if isinstance(cell, bool) else float(cell)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not 0 <= value <= LARGEST or value != int(value):
        raise InputError(f"{field.source} is {shown(cell)}; a whole number of 0 or more is allowed")
    return int(value)


def moment(field: Field, cell: Any) -> float | int:
    """Read a time: a float of seconds or an int of nanoseconds since 1970."""
    if isinstance(cell, bool):
        raise InputError(f"{field.source} is {shown(cell)}; seconds or an ISO 8601 time are allowed")
    try:
        value = float(cell)
    except (TypeError, ValueError):
        try:
            return utc_ns(str(cell))
        except InputError:
            allowed = "seconds or ISO 8601 such as 2026-01-05T09:00:00Z are allowed"
            raise InputError(f"{field.source} is {shown(cell)}; {allowed}") from None
    return number(field, value) / field.per


def outcome(field: Field, word: str) -> str:
    """Read an outcome: ok, throttled or failed, their synonyms or an HTTP status."""
    known = OUTCOME_WORDS.get(word.strip().lower())
    if known is None and STATUS.fullmatch(word.strip()):
        known = "failed"
    if known is None:
        raise InputError(f"{field.source} is {shown(word)}; ok, throttled, failed or an HTTP status are allowed")
    return known


def shown(cell: Any) -> str:
    """Write a cell for a message, cut where it is long."""
    text = repr(cell)
    return text if len(text) <= 40 else f"{text[:37]}..."
