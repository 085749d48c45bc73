"""Terms of provisioned throughput: their length, their hours, and when they end."""

import calendar
from datetime import UTC, datetime

from bedrock_lab.catalogue.offers import PROVISIONED_TERMS
from bedrock_lab.errors import InputError
from bedrock_lab.planning.answers import API_TERM
from bedrock_lab.planning.purchase import TERM_MONTHS
from bedrock_lab.pricing import HOURS_PER_MONTH

TERM_OF = {None: "none"} | {api: term for term, api in API_TERM.items()}
"""Our word for AWS's ``commitmentDuration``."""


def checked_term(term: str) -> str:
    """Refuse a term that is not sold."""
    if term not in PROVISIONED_TERMS:
        raise InputError(f"term {term!r}: allowed are {', '.join(PROVISIONED_TERMS)}")
    return term


def hours(term: str) -> int:
    """Hours that are committed to: 730 a month, and one hour without commitment.

    >>> hours("none"), hours("1m"), hours("6m")
    (1, 730, 4380)
    """
    return HOURS_PER_MONTH * TERM_MONTHS[term] or 1


def end_of(start: datetime, term: str) -> datetime | None:
    """Return when a term that starts now ends: whole calendar months later, the last day of a shorter month.

    AWS says months and not which day; the date it gives for units it has sold counts.

    >>> end_of(datetime(2026, 8, 31, tzinfo=UTC), "6m")
    datetime.datetime(2027, 2, 28, 0, 0, tzinfo=datetime.timezone.utc)
    >>> end_of(datetime(2026, 8, 31, tzinfo=UTC), "none") is None
    True
    """
    if not TERM_MONTHS[term]:
        return None
    year, month = divmod(start.year * 12 + start.month - 1 + TERM_MONTHS[term], 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return start.replace(year=year, month=month + 1, day=day)


def when(moment: datetime | None) -> str | None:
    """Write a time as ISO 8601 UTC to the minute.

    >>> when(datetime(2026, 8, 31, 12, 30, tzinfo=UTC))
    '2026-08-31T12:30Z'
    """
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%MZ}"
