"""What records of the invocation log do not say, counted over files and put into words."""

from collections.abc import Iterator, Mapping

UNCOUNTED = "tokens"
OPAQUE = "model "
"""Names of the counts; an application profile's or unit's id follows the second."""


def notes(counts: Mapping[str, int]) -> Iterator[str]:
    """Say what records do not.

    >>> list(notes({"tokens": 2}))
    ['2 records have no token counts: what they cost is not known']
    """
    opaque = [count for name, count in counts.items() if name.startswith(OPAQUE)]
    if opaque:
        yield (
            f"{sum(opaque):,} records call {len(opaque)} application profiles or provisioned units: which model that "
            "is the log does not say (--model ID takes them for its calls)"
        )
    if counts.get(UNCOUNTED):
        yield f"{counts[UNCOUNTED]:,} records have no token counts: what they cost is not known"
