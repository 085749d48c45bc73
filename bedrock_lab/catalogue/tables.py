"""The catalogue's data files: one dated fact a row, as text, read once and only when asked for."""

import contextlib
import csv
import functools
from datetime import date
from importlib.resources import files

from bedrock_lab.errors import InputError

Row = dict[str, str]


@functools.cache
def table(name: str) -> tuple[Row, ...]:
    """Read ``data/<name>.csv`` as rows of text; an empty cell means unknown or not applicable."""
    text = files(__package__).joinpath("data", *f"{name}.csv".split("/")).read_text(encoding="utf-8")
    lines = csv.reader(text.splitlines())
    header = next(lines)
    return tuple([dict(zip(header, line, strict=True)) for line in lines])


@functools.cache
def table_by(name: str, key: str) -> dict[str, tuple[Row, ...]]:
    """Group the rows of a table by one column."""
    groups: dict[str, list[Row]] = {}
    for row in table(name):
        groups.setdefault(row[key], []).append(row)
    return {value: tuple(rows) for value, rows in groups.items()}


@functools.cache
def price_files() -> tuple[str, ...]:
    """Names of the price tables, one a provider."""
    folder = files(__package__).joinpath("data", "prices")
    return tuple(sorted(f"prices/{path.name[:-4]}" for path in folder.iterdir() if path.name.endswith(".csv")))


def source_text(source: str) -> str:
    """Say in words what a source key such as ``litellm@2026-11-01`` stands for.

    >>> source_text("aws-price-list@2026-08-20")
    'digest of AWS Price List Bulk API (AmazonBedrock + AmazonBedrockFoundationModels), ... (2026-08-20)'
    """
    what = {row["source"]: row["what"] for row in table("sources")}.get(source)
    return source if what is None else f"{what} ({source.partition('@')[2]})"


def as_date(value: date | str | None) -> date:
    """Read a date; None is today.

    >>> as_date("2026-11-22")
    datetime.date(2026, 11, 22)
    """
    if value is None:
        return date.today()  # noqa: DTZ011 - prices change by the reader's calendar day
    if isinstance(value, date):
        return value
    if isinstance(value, str) and len(value) == len("2026-11-22"):
        with contextlib.suppress(ValueError):
            return date.fromisoformat(value)
    raise InputError(f"date {value!r}: write it as YYYY-MM-DD")
