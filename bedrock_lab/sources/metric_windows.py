"""Windows made of metrics: what was served by tier, what was throttled, what failed."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.sources.metric_series import (
    ACCEPTED,
    BROKEN,
    COUNT,
    FIRST,
    INPUT,
    LATENCY,
    OUTPUT,
    PERCENTS,
    READ,
    REFUSED,
    SUM,
    THROTTLES,
    WRITTEN,
    Query,
    Series,
)

Floats = NDArray[np.float64]
Values = Mapping[Query, Floats]
"""Values of a series by window, NaN where CloudWatch has none."""

COLUMN = {
    "requests": Query(INPUT, COUNT),
    "input_tokens": Query(INPUT, SUM),
    "cache_read_tokens": Query(READ, SUM),
    "cache_write_unknown_tokens": Query(WRITTEN, SUM),
    "output_tokens": Query(OUTPUT, SUM),
}
"""Which statistic a column of the Trace holds."""

MS = 1000.0


@dataclasses.dataclass(frozen=True, slots=True)
class Called:
    """What a model id of CloudWatch stands for; None where unknown."""

    model: str | None
    scope: str | None
    app: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """Rows of one model, tier and outcome: the windows that hold any, and columns of numbers."""

    called: Called
    tier: str | None
    outcome: str
    windows: NDArray[np.int64]
    numbers: dict[str, Floats]


def parts_of(called: Called, read: Sequence[tuple[Series, Values]], points: int) -> list[Part]:
    """Make rows of a model's series.

    Parameters
    ----------
    read
        The series of all its calls together, and those of its tiers: what no tier holds is a row without one.
    points
        Number of windows.
    """
    whole: dict[Query, Floats] = {}
    tiers: dict[str, list[Values]] = {}
    for series, values in read:
        if series.tiers is None:
            whole.update(values)
        else:
            tiers.setdefault(series.tiers[1], []).append(values)
    latencies = _latencies(whole, points)
    parts: list[Part] = []
    left = _served([whole], points)
    for tier, several in tiers.items():
        numbers = _served(several, points)
        left = {name: np.maximum(left[name] - numbers[name], 0.0) for name in left}
        parts += _part(called, tier, "ok", numbers, latencies)
    parts = _part(called, None, "ok", left, latencies) + parts
    throttled = {"requests": _known(whole.get(Query(THROTTLES, SUM)), points)}
    failed = {"requests": sum((_known(whole.get(Query(m, SUM)), points) for m in (REFUSED, BROKEN)), np.zeros(points))}
    parts += _part(called, None, "throttled", throttled, {})
    return parts + _part(called, None, "failed", failed, {})


def columns_of(parts: Sequence[Part], period_s: int, region: str, points: int) -> dict[str, Any]:
    """Lay rows side by side as columns of a Trace, framed by a first and a last window that may be empty.

    Without them quiet hours at either end would be missing from the time the rows stand for.
    """
    frame = Part(parts[0].called, None, "ok", np.array([0, points - 1]), {name: np.zeros(2) for name in COLUMN})
    rows = [frame, *parts]
    numbers = list(dict.fromkeys(name for part in rows for name in part.numbers))
    columns: dict[str, Any] = {"time_s": np.concatenate([part.windows for part in rows]).astype(np.float64) * period_s}
    for name in numbers:
        columns[name] = np.concatenate([part.numbers.get(name, np.full(len(part.windows), np.nan)) for part in rows])
    texts: dict[str, Callable[[Part], str | None]] = {
        "model": lambda part: part.called.model,
        "scope": lambda part: part.called.scope,
        "app": lambda part: part.called.app,
        "tier": lambda part: part.tier,
        "outcome": lambda part: part.outcome,
        "region": lambda _: region,
    }
    for name, value in texts.items():
        columns[name] = np.array([value(part) for part in rows for _ in part.windows], dtype=object)
    order = np.argsort(columns["time_s"], kind="stable")
    return {name: values[order] for name, values in columns.items()}


def _served(several: Sequence[Values], points: int) -> dict[str, Floats]:
    """Sum series by column; a window without a value holds none."""
    out = {name: np.zeros(points) for name in COLUMN}
    for values in several:
        for name, query in COLUMN.items():
            out[name] += _known(values.get(query), points)
        if Query(INPUT, COUNT) not in values:
            out["requests"] += _known(values.get(Query(ACCEPTED, SUM)), points)
    return out


def _known(values: Floats | None, points: int) -> Floats:
    return np.zeros(points) if values is None else np.nan_to_num(values, nan=0.0)


def _latencies(whole: Values, points: int) -> dict[str, Floats]:
    unknown = np.full(points, np.nan)
    return {
        f"{name}_{p}_s": whole.get(Query(metric, p), unknown) / MS
        for name, metric in (("server_latency", LATENCY), ("ttft", FIRST))
        for p in PERCENTS
    }


def _part(
    called: Called, tier: str | None, outcome: str, sums: dict[str, Floats], more: dict[str, Floats]
) -> list[Part]:
    """Keep the windows that hold anything; none is no part."""
    held = np.flatnonzero(np.any([values > 0 for values in sums.values()], axis=0))
    if not len(held):
        return []
    numbers = {name: np.rint(values[held]) for name, values in sums.items()}
    return [Part(called, tier, outcome, held, numbers | {name: values[held] for name, values in more.items()})]
