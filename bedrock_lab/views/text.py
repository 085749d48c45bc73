"""Rows as plain text."""

from collections.abc import Sequence


def in_columns(headers: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Set rows in columns.

    >>> print(in_columns(("a", "b"), [("1", "22"), ("333", "4")]))
    a    b
    1    22
    333  4
    """
    widths = [max(len(v) for v in column) for column in zip(headers, *rows, strict=True)]
    return "\n".join(
        "  ".join(v.ljust(w) for v, w in zip(row, widths, strict=True)).rstrip() for row in (headers, *rows)
    )
