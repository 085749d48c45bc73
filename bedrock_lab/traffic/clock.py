"""Points in time: nanoseconds since 1970 UTC in the readers, ISO 8601 text in a Trace."""

import datetime as dt
import re

from bedrock_lab.errors import InputError

MONTH_S = 2_628_000
"""A month: 730 hours [s]."""

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
PATTERN = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9}))?\s?(Z|[+-]\d\d(?::?\d\d)?)?)?")


def utc_ns(text: str) -> int:
    """Read an ISO 8601 date and time as nanoseconds since 1970; one without a zone is taken as UTC.

    >>> utc_ns("1970-01-01 00:00:01.5")
    1500000000
    >>> utc_ns("1970-01-01T01:00:00+01:00")
    0
    """
    match = PATTERN.fullmatch(text.strip())
    day, time, fraction, zone = match.groups() if match else ("", None, None, None)
    try:
        moment = dt.datetime.fromisoformat(f"{day}T{time or '00:00'}{zone or 'Z'}")
        since = moment - EPOCH
    except (ValueError, OverflowError):
        raise InputError(f"{text!r} is no time; seconds or ISO 8601 such as 2026-01-05T09:00:00Z") from None
    if not 1700 <= moment.year <= 2250:
        raise InputError(f"{text!r} is outside the years 1700 to 2250")
    nanoseconds = int((fraction or "0").ljust(9, "0"))
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + nanoseconds


def iso_utc(ns: int) -> str:
    """Write nanoseconds since 1970 as ISO 8601 UTC, with as many decimals as there are.

    >>> iso_utc(1_500_000_000)
    '1970-01-01T00:00:01.5Z'
    """
    seconds, nanoseconds = divmod(ns, 1_000_000_000)
    moment = EPOCH + dt.timedelta(seconds=seconds)
    fraction = f".{nanoseconds:09d}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def shift(iso: str | None, seconds: float) -> str | None:
    """Move an ISO 8601 time by some seconds; None stays None."""
    return iso_utc(utc_ns(iso) + round(seconds * 1e9)) if iso is not None else None


def hour_of_week(iso: str) -> float:
    """Return the hours since Monday 00:00 UTC [h].

    >>> hour_of_week("2026-01-06T01:30:00Z")  # a Tuesday
    25.5
    """
    ns = utc_ns(iso)
    # 1970-01-01 was a Thursday, three days into its week
    return (ns / 3.6e12 + 72.0) % 168.0
