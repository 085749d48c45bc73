"""What makes answers long: which of app, operation and model tells long ones from short ones."""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.advice.finding import Finding
from bedrock_lab.advice.ground import Coded, Ground
from bedrock_lab.errors import LabError
from bedrock_lab.pricing import Floats, unit_price
from bedrock_lab.stats import bootstrap_totals, interval_of

BY = ("app", "operation", "model")
BLOCKS, DRAWS = 50, 1_000
"""Successive stretches of requests that are resampled, and how often."""
ENOUGH, LEAST = 200, 0.05
"""Answers, and the least of the interval of an explained share, from which it is named."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """How much of the variance of output tokens a column explains, with its interval.

    Attributes
    ----------
    explained
        1 - (n - 1) / (n - k) x the share of variance left within its k groups: 0 on average where it explains nothing.
    means
        Mean output of each group [tokens].
    """

    by: str
    explained: float
    lo: float
    hi: float
    means: dict[str, float]
    counts: dict[str, int]


def output_drivers(ground: Ground) -> list[Finding] | str:
    """Find what explains how long answers are, and what the longest kind costs beyond the others."""
    trace = ground.trace
    if trace.kind == "windows":
        return "the rows are sums: nobody sees single answers"
    output = ground.known("output_tokens")
    if output is None:
        return "no row says how long its answer was"
    rows = np.flatnonzero(ground.served() & ~np.isnan(output))
    columns = {name: held for name in BY if (held := ground.coded(name)) is not None}
    if not columns:
        return "no row names its app, operation or model"
    if len(rows) < ENOUGH:
        return f"{len(rows):,} answers are fewer than the {ENOUGH} a share of variance is told from"
    drivers = [d for name, held in columns.items() if (d := driver(name, held, rows, output[rows])) is not None]
    named = [d for d in drivers if d.lo >= LEAST]
    if not named:
        return []
    best = max(named, key=lambda d: d.explained)
    return [_said(ground, best, drivers, rows, columns[best.by], output)]


def driver(by: str, groups: Coded, rows: NDArray[np.int64], output: Floats) -> Driver | None:
    """Decompose the variance of output tokens by one column; None where it does not tell rows apart.

    The interval is of stretches of successive requests drawn anew, since neighbours are alike.
    """
    used, code = np.unique(groups.codes[rows], return_inverse=True)
    names = [groups.names[u] if u >= 0 else "" for u in used.tolist()]
    k, n = len(names), len(output)
    if k < 2 or k >= n / 2 or float(output.var()) == 0:
        return None
    stretch = np.arange(n) * min(BLOCKS, n) // n
    place = stretch * k + code
    size = (int(stretch[-1]) + 1) * k
    parts = [np.bincount(place, weights=w, minlength=size) for w in (np.ones(n), output, output**2)]
    blocks = np.concatenate([part.reshape(-1, k) for part in parts], axis=1)
    draws = bootstrap_totals(blocks, np.zeros(len(blocks), dtype=np.int64), DRAWS, np.random.default_rng(0))
    low, high = interval_of(_explained(draws, k)[:, None])
    counts, sums = blocks[:, :k].sum(axis=0), blocks[:, k : 2 * k].sum(axis=0)
    return Driver(
        by=by,
        explained=float(_explained(blocks.sum(axis=0)[None, :], k)[0]),
        lo=float(low[0]),
        hi=float(high[0]),
        means=dict(zip(names, (sums / counts).tolist(), strict=True)),
        counts=dict(zip(names, counts.astype(int).tolist(), strict=True)),
    )


def _explained(totals: Floats, k: int) -> Floats:
    """Explained share of variance, less what groups explain by chance, of rows of (counts, sums, sums of squares)."""
    counts, sums, squares = (np.maximum(totals[:, i * k : (i + 1) * k], 0.0) for i in range(3))
    n = counts.sum(axis=1)
    whole = squares.sum(axis=1) - sums.sum(axis=1) ** 2 / n
    within = squares.sum(axis=1) - np.divide(sums**2, counts, out=np.zeros_like(sums), where=counts > 0).sum(axis=1)
    shown = np.maximum((counts > 0).sum(axis=1), 1)
    left = np.divide(within, whole, out=np.ones_like(whole), where=whole > 0)
    return np.asarray(np.maximum(1 - (n - 1) / np.maximum(n - shown, 1) * left, 0.0))


def _said(
    ground: Ground,
    best: Driver,
    drivers: list[Driver],
    rows: NDArray[np.int64],
    column: Coded,
    output: Floats,
) -> Finding:
    n = len(rows)
    over = {name: best.counts[name] * (mean - _others(best, name)) for name, mean in best.means.items()}
    longest = max(over, key=lambda name: over[name])
    rest = _others(best, longest)
    shares = "; ".join(f"{d.by} {d.explained:.0%} ({d.lo:.0%} to {d.hi:.0%})" for d in drivers)
    overlap = " (they share what they explain and do not add up)" if len(drivers) > 1 else ""
    usd = _usd_beyond(ground, rows, column, longest, output, rest)
    return Finding(
        id="output_drivers",
        about=longest,
        sentence=(
            f"How long answers are is explained by {shares} of their variance{overlap}. {best.by.capitalize()} "
            f"{longest or 'unnamed'} makes {best.counts[longest]:,} answers of {best.means[longest]:,.0f} tokens on "
            f"average, the others {rest:,.0f}; the range runs from nothing to answers as short as theirs."
        ),
        usd_month=None if usd is None else (0.0, ground.month(usd)[1]),
        no_usd="" if usd is not None else ground.unpriced,
        n=n,
        of="answers",
        share=best.counts[longest] / n,
        do=(
            f"Ask for shorter answers there first, in the prompt: bedrock-lab trace profile {ground.file} "
            f"--by {best.by}"
        ),
        figures={
            "drivers": [{"by": d.by, "explained": d.explained, "ci95": [d.lo, d.hi]} for d in drivers],
            "mean_output_tokens": best.means[longest],
            "mean_output_tokens_of_others": rest,
        },
    )


def _others(held: Driver, name: str) -> float:
    """Mean output of all answers but those of one group."""
    others = [other for other in held.means if other != name]
    number = sum(held.counts[other] for other in others)
    return math.fsum(held.counts[o] * held.means[o] for o in others) / number


def _usd_beyond(
    ground: Ground, rows: NDArray[np.int64], column: Coded, name: str, output: Floats, rest: float
) -> float | None:
    """Return what a group's output beyond the others' mean costs [USD]: its cost of output times the share beyond."""
    if not ground.parts:
        return None
    mine = np.zeros(len(ground.trace), dtype=bool)
    mine[rows] = column.codes[rows] == (column.names.index(name) if name else -1)
    paid = 0.0
    for part in ground.parts:
        try:
            price = float(unit_price(ground.prices, part.where.spot, "output")) / 1e6
        except LabError:
            continue
        paid += float(output[part.row][mine[part.row]].sum()) * price
    mean = float(output[mine].mean())
    return paid * max(0.0, 1 - rest / mean) if mean else 0.0
