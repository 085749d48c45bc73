"""Weekly shapes: how demand is spread over the 168 hours from Monday 00:00 UTC."""

import json
import re
from pathlib import Path

import numpy as np

from bedrock_lab.errors import InputError

HOURS = 168
LARGEST_FILE = 1_000_000

OFFICE_DAY = (0.08,) * 6 + (0.15, 0.3, 0.6) + (1.0,) * 8 + (0.6, 0.4) + (0.25,) * 3 + (0.15, 0.08)
OFFICE_REST = (0.05,) * 8 + (0.15,) * 12 + (0.05,) * 4


def office_week() -> np.ndarray:
    """Return the assumed office week.

    Monday to Friday: 1.0 from 09:00 to 17:00, 0.6 in the hours before and after, 0.4 to 0.15 in the evening and
    0.08 to 0.3 from midnight to 08:00. Saturday and Sunday: 0.15 from 08:00 to 20:00, else 0.05. These figures
    are an assumption about people at desks in one time zone, not a measurement; give a file where you know more.
    """
    return np.array(OFFICE_DAY * 5 + OFFICE_REST * 2)


SHAPES = {"flat": lambda: np.ones(HOURS), "office": office_week}
"""The shapes that have a name."""


def shape_weights(shape: str | Path) -> np.ndarray:
    """Return the weights of the hours of a week, with mean 1: how a known total is spread.

    >>> office = shape_weights("office")
    >>> len(office), round(float(office.mean()), 12), bool(office[10] > office[3])
    (168, 1.0, True)
    """
    weights = hourly_weights(shape)
    return np.asarray(weights / weights.mean())


def hourly_weights(shape: str | Path) -> np.ndarray:
    """Return the weights of the hours of a week as they are given: demand against the hours that were seen.

    Parameters
    ----------
    shape
        ``flat``, ``office``, or a file with 168 numbers of 0 or more from Monday 00:00 UTC: one a line, separated
        by commas, or a JSON list.

    Raises
    ------
    InputError
        When there is no such shape or file, or the file holds anything else.

    Examples
    --------
    >>> float(hourly_weights("office")[10]), round(float(hourly_weights("office").mean()), 3)
    (1.0, 0.371)
    """
    return SHAPES[str(shape)]() if str(shape) in SHAPES else weights_of_file(Path(shape))


def weights_of_file(path: Path) -> np.ndarray:
    """Read 168 weights from a file."""
    allowed = f"{HOURS} numbers of 0 or more, one an hour from Monday 00:00 UTC, are allowed"
    if not path.is_file():
        raise InputError(f"shape {str(path)!r}: no such shape or file; known: {', '.join(SHAPES)}, or a file")
    if path.stat().st_size > LARGEST_FILE:
        raise InputError(f"{path}: {path.stat().st_size} bytes; {allowed}")
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
        cells = json.loads(text) if text.startswith("[") else [c for c in re.split(r"[\s,;]+", text) if c]
        weights = np.array([float(cell) for cell in cells])
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, TypeError):
        raise InputError(f"{path}: holds something that is no number; {allowed}") from None
    if len(weights) != HOURS:
        raise InputError(f"{path}: holds {len(weights)} numbers; {allowed}")
    if not np.isfinite(weights).all() or weights.min() < 0:
        bad = weights[~(np.isfinite(weights) & (weights >= 0))][0]
        raise InputError(f"{path}: holds {bad:g}; {allowed}")
    if not weights.any():
        raise InputError(f"{path}: every weight is 0; at least one above 0 is needed")
    return weights
