"""Small tables for notebooks."""

import html
from collections.abc import Mapping
from typing import Any


def summary_table(title: str, values: Mapping[str, Any]) -> str:
    """Write names and values as an HTML table of two columns; None shows as a dash."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{html.escape(name)}</th><td>{html.escape(shown(value))}</td></tr>"
        for name, value in values.items()
    )
    return f"<table><caption>{html.escape(title)}</caption>{rows}</table>"


def shown(value: Any) -> str:
    """Write one value for a reader.

    >>> shown(22361870), shown(None), shown(0.123456)
    ('22,361,870', '-', '0.1235')
    """
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
