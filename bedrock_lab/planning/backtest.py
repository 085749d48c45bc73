"""Would the plan have been right before: chosen on the first part of the traffic, judged on the rest, rolling."""

import dataclasses
import itertools
from typing import Any

import numpy as np

from bedrock_lab.planning.costing import Costing, billed
from bedrock_lab.planning.demand import DAY_S, HOURS_PER_WEEK, Demand
from bedrock_lab.planning.intervals import blocks_of, strata_of
from bedrock_lab.planning.market import Market
from bedrock_lab.planning.purchase import Purchase
from bedrock_lab.pricing import Floats
from bedrock_lab.traffic.clock import MONTH_S

CUTS = (0.5, 0.625, 0.75, 0.875, 1.0)
"""Shares of the traffic a choice is made on, each judged up to the next."""

MOST_FOLDS = 8
LEAST_WINDOWS = 16
LEAST_DAYS = 8
SHUFFLES = 1_000
NOTICEABLE = 0.2
"""Least relative change of the level of demand that is called one."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """A choice made on the traffic up to a time, and what it cost until the next [USD]."""

    chosen_on_s: float
    judged_s: float
    chosen: str
    best: str
    usd: float
    foresight_usd: float
    on_demand_usd: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """Whether demand changed its level, when, by how much, and how often chance does as much.

    `changed` is None where there are too few days to say.
    """

    changed: bool | None
    at_s: float | None
    ratio: float | None
    p_value: float | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """Choices made on the past, judged on what came.

    Attributes
    ----------
    regret_usd_per_month
        What the choices cost more than those of one who knew what came [USD/month].
    saving_usd_per_month
        What they cost less than staying on demand [USD/month]; below 0 they lost.
    """

    folds: tuple[Fold, ...]
    regret_usd_per_month: float | None
    saving_usd_per_month: float | None
    regime: Regime

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return dataclasses.asdict(self) | {"folds": [dataclasses.asdict(fold) for fold in self.folds]}

    def to_frame(self) -> Any:
        """Folds as a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame([dataclasses.asdict(fold) for fold in self.folds])


def backtest(market: Market, baseline: Purchase) -> Backtest:
    """Choose on the first part of the traffic and judge on what follows, rolling.

    Traces of two weeks are cut by the week, shorter ones at four times. Each part is taken at its word, as with a
    stated shape: what is tested is what one would have bought believing it.
    Growth that is assumed of the future is left out of the past.
    """
    demand = market.demand
    regime = regime_of(demand, market.question.seed)
    count = len(demand)
    if count < LEAST_WINDOWS:
        return Backtest(folds=(), regret_usd_per_month=None, saving_usd_per_month=None, regime=regime)
    cuts = _cuts(count, round(DAY_S / demand.window_s))
    past = dataclasses.replace(market, scenario=dataclasses.replace(market.scenario, growth=1.0))
    folds = [_fold(past, baseline, begin, end) for begin, end in itertools.pairwise(cuts) if begin < end]
    months = sum(fold.judged_s for fold in folds) / MONTH_S
    mine, best, on_demand = (sum(getattr(f, k) for f in folds) for k in ("usd", "foresight_usd", "on_demand_usd"))
    return Backtest(
        folds=tuple(folds),
        regret_usd_per_month=(mine - best) / months,
        saving_usd_per_month=(on_demand - mine) / months,
        regime=regime,
    )


def _cuts(count: int, per_day: int) -> list[int]:
    """Cut by whole weeks where there are two, by days where there are ten, else by windows.

    >>> _cuts(14, 1), _cuts(10, 1), _cuts(16, 1_440)
    ([7, 14], [5, 6, 8, 9, 10], [8, 10, 12, 14, 16])
    """
    weeks = count // (7 * per_day) if per_day else 0
    if weeks >= 2:
        return [*range(7 * per_day * max(1, weeks - MOST_FOLDS), 7 * per_day * weeks, 7 * per_day), count]
    unit = per_day if per_day and count >= 10 * per_day else 1
    return [*(round(share * count / unit) * unit for share in CUTS[:-1]), count]


def _fold(market: Market, baseline: Purchase, begin: int, end: int) -> Fold:
    seen = dataclasses.replace(market, demand=part(market.demand, 0, begin))
    came = dataclasses.replace(market, demand=part(market.demand, begin, end))
    chosen, best = (m.choose(m.scenario) or baseline for m in (seen, came))
    seconds = (end - begin) * market.demand.window_s
    mine, least, on_demand = (float(c) for c in billed(Costing(came.demand, market.scenario), [chosen, best, baseline]))
    return Fold(
        chosen_on_s=begin * market.demand.window_s,
        judged_s=seconds,
        chosen=chosen.name,
        best=best.name,
        usd=mine,
        foresight_usd=least,
        on_demand_usd=on_demand,
    )


def part(demand: Demand, begin: int, end: int) -> Demand:
    """Cut windows out of a demand; they then stand for their own time."""
    keep = slice(begin, end)

    def cut(values: dict[tuple[str, str], Floats]) -> dict[tuple[str, str], Floats]:
        return {key: held[keep] for key, held in values.items()}

    hours = begin * demand.window_s / 3600
    return dataclasses.replace(
        demand,
        period_s=(end - begin) * demand.window_s,
        on_demand_usd=demand.on_demand_usd[keep],
        input_tpm=demand.input_tpm[keep],
        output_tpm=demand.output_tpm[keep],
        cache_read_tpm=demand.cache_read_tpm[keep],
        token_usd=cut(demand.token_usd),
        uncached_usd=None if demand.uncached_usd is None else cut(demand.uncached_usd),
        start_hour=((demand.start_hour or 0.0) + hours) % HOURS_PER_WEEK,
    )


def regime_of(demand: Demand, seed: int) -> Regime:
    """Find the day at which the level of demand changed most, and how often shuffled days change as much.

    Days are taken against the mean of their kind (workday or weekend; the day of the week where the date is not known).
    """
    blocks = blocks_of(demand)
    if len(blocks) < LEAST_DAYS or len(demand) * demand.window_s < LEAST_DAYS * DAY_S:
        return Regime(changed=None, at_s=None, ratio=None, p_value=None)
    days = np.array([float(demand.on_demand_usd[block].mean()) for block in blocks])
    kinds = strata_of(demand, blocks) if demand.start_hour is not None else np.zeros(len(days), dtype=np.int64)
    for kind in np.unique(kinds):
        days[kinds == kind] /= days[kinds == kind].mean() or 1.0
    rng = np.random.default_rng(seed)
    at, jump = _largest_jump(days)
    chance = sum(_largest_jump(rng.permutation(days))[1] >= jump - 1e-12 for _ in range(SHUFFLES))
    p_value = (chance + 1) / (SHUFFLES + 1)
    before, after = days[:at].mean(), days[at:].mean()
    ratio = float(after / before) if before > 0 else None
    changed = p_value < 0.01 and (ratio is None or abs(ratio - 1) >= NOTICEABLE)
    return Regime(changed=changed, at_s=blocks[at].start * demand.window_s, ratio=ratio, p_value=p_value)


def _largest_jump(days: Floats) -> tuple[int, float]:
    """Return where the mean changes most, two days at least on each side, and its size in standard errors.

    >>> _largest_jump(np.array([1.0, 1.1, 1.0, 3.0, 3.1, 3.0]))[0]
    3
    """
    count = len(days)
    at = np.arange(2, count - 1)
    so_far = np.cumsum(days)
    before, after = so_far[at - 1] / at, (so_far[-1] - so_far[at - 1]) / (count - at)
    size = np.abs(after - before) * np.sqrt(at * (count - at) / count)
    best = int(np.argmax(size))
    return int(at[best]), float(size[best])
