"""How sure a candidate's cost is: its range over what is assumed, and its sampling interval."""

import dataclasses
import itertools
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.assumptions import Assumption
from bedrock_lab.planning.costing import Costing
from bedrock_lab.planning.demand import DAY_S, Demand, Shape
from bedrock_lab.planning.purchase import Purchase
from bedrock_lab.planning.scenario import Scenario, token_windows
from bedrock_lab.pricing import Floats
from bedrock_lab.stats import bootstrap_totals, interval_of

DRAWS = 2_000
FOUR_WEEKS_S = 28 * DAY_S
DAYS_PER_WEEK, SATURDAY = 7, 5

RANGED = (
    "growth",
    "token_ratio",
    "unit_input_tpm",
    "unit_output_tpm",
    "cache_reads_counted",
    "response_cache_share",
    "token_price",
)
"""Assumptions that a scenario holds."""

CHEAPER_WHEN_HIGH = ("unit_input_tpm", "unit_output_tpm", "response_cache_share")
"""Assumptions whose high end makes candidates cheaper; every other one makes them dearer."""


def corner(base: Scenario, assumptions: dict[str, Assumption], *, dear: bool, extra_usd: float) -> Scenario:
    """Put every assumption with a range at its cheap or its dear end."""
    changes: dict[str, float] = {}
    for name, assumed in assumptions.items():
        if name in RANGED and assumed.spread:
            high = dear is not (name in CHEAPER_WHEN_HIGH)
            end = assumed.hi if high else assumed.lo
            changes[name] = float(end) if end is not None else float(assumed.value)
    ratios = tuple(
        (name.removesuffix("_ratio"), float((a.hi if dear else a.lo) or 0.0))
        for name, a in assumptions.items()
        if name.endswith("_ratio") and name != "token_ratio"
    )
    return dataclasses.replace(base, **changes, ratios=ratios, extra_usd=extra_usd if dear else 0.0)  # type: ignore[arg-type]


def corners(
    base: Scenario, assumptions: dict[str, Assumption], shapes: tuple[Shape, ...], extra_usd: float
) -> list[Scenario]:
    """Put every assumption at its cheap and at its dear end, in each shape."""
    return [
        dataclasses.replace(corner(base, assumptions, dear=dear, extra_usd=extra_usd), shape=shape)
        for shape in shapes
        for dear in (False, True)
    ]


def cost_ranges(
    demand: Demand,
    base: Scenario,
    purchases: list[Purchase],
    assumptions: dict[str, Assumption],
    shapes: tuple[Shape, ...],
    extra_usd: float,
) -> tuple[Floats, Floats]:
    """Lowest and highest monthly cost of each purchase [USD/month], over assumptions and shapes.

    Costs are monotone in every assumption, so that the ends lie at two corners of each shape.
    """
    costs = [Costing(demand, base).monthly(purchases)]
    costs += [Costing(demand, at).monthly(purchases) for at in corners(base, assumptions, shapes, extra_usd)]
    stacked = np.array(costs)
    return stacked.min(axis=0), stacked.max(axis=0)


def blocks_of(demand: Demand) -> list[slice]:
    """Cut the windows into blocks of days; a trace under two days into about sqrt(n) blocks.

    A last block shorter than half of the others joins the one before it.

    >>> from bedrock_lab.planning.demand import Demand
    >>> day = np.ones(2881)
    >>> d = Demand(window_s=60, period_s=172_860, on_demand_usd=day, input_tpm=day, output_tpm=day,
    ...            cache_read_tpm=day, token_usd={})
    >>> blocks_of(d)
    [slice(0, 1440, None), slice(1440, 2881, None)]
    """
    count, per_day = len(demand), round(DAY_S / demand.window_s)
    size = per_day if count >= 2 * per_day else max(1, count // max(1, math.isqrt(count)))
    starts = list(range(0, count, size))
    if len(starts) > 1 and count - starts[-1] < size / 2:
        starts.pop()
    return [slice(a, b) for a, b in itertools.pairwise([*starts, count])]


def strata_of(demand: Demand, blocks: list[slice]) -> NDArray[np.int64]:
    """Stratum of each block: workday or weekend, day of the week where the date is not known, one below two days.

    Days differ by the calendar; that is no uncertainty, and is not resampled as one.
    """
    if len(demand) * demand.window_s < 2 * DAY_S:
        return np.zeros(len(blocks), dtype=np.int64)
    first = 0 if demand.start_hour is None else int(demand.start_hour // 24)
    weekday = (first + np.arange(len(blocks))) % DAYS_PER_WEEK
    return weekday if demand.start_hour is None else (weekday >= SATURDAY).astype(np.int64)


@dataclasses.dataclass(frozen=True, slots=True)
class Sampled:
    """What resampling says of each purchase [USD/month].

    Attributes
    ----------
    low, high
        95 % interval of the cost.
    saving_low, saving_high
        95 % interval of the saving against the first purchase.
    cheapest_share
        Share of the resamples in which it is the cheapest of those on sale.
    regret
        Mean cost above the cheapest of each resample.
    cvar90
        Mean cost of the dearest tenth of the resamples.
    information
        Least regret of any purchase on sale: the expected value of perfect information.
    """

    low: Floats
    high: Floats
    saving_low: Floats
    saving_high: Floats
    cheapest_share: Floats
    regret: Floats
    cvar90: Floats
    information: float | None


def risk_of(monthly: Floats, on_sale: Floats) -> tuple[Floats, Floats, Floats, float | None]:
    """Return share of being cheapest, mean regret, CVaR at 90 %, and the value of perfect information.

    Parameters
    ----------
    monthly
        Cost by resample and purchase [USD/month].
    on_sale
        Whether a purchase may be chosen.

    Notes
    -----
    CVaR is the mean of the dearest tenth: Rockafellar and Uryasev, Journal of Risk 2 (2000).

    >>> costs = np.array([[1.0, 2.0], [3.0, 2.0]])
    >>> share, regret, worst, value = risk_of(costs, np.array([True, True]))
    >>> share.tolist(), regret.tolist(), worst.tolist(), value
    ([0.5, 0.5], [0.5, 0.5], [3.0, 2.0], 0.5)
    """
    count = len(monthly)
    worst = np.sort(monthly, axis=0)[-max(1, math.ceil(count / 10)) :].mean(axis=0)
    if not on_sale.any():
        nothing = np.zeros(monthly.shape[1])
        return nothing, np.full(monthly.shape[1], np.nan), worst, None
    pool = np.where(on_sale, monthly, np.inf)
    best = pool.min(axis=1)
    first = np.bincount(pool.argmin(axis=1), minlength=monthly.shape[1]) / count
    regret = (monthly - best[:, None]).mean(axis=0)
    return first, regret, worst, float(max(0.0, regret[on_sale].min()))


def sampling_intervals(
    demand: Demand, scenario: Scenario, purchases: list[Purchase], *, week_to_week_cv: float, seed: int
) -> Sampled:
    """Resample the trace's blocks, all purchases on the same resamples.

    Under four weeks no trace shows how weeks differ: each resample also draws a growth of demand, normal around
    1 with `week_to_week_cv`, and takes each purchase's response to it. Savings are differences within a
    resample, so that what moves both sides alike cancels.
    """

    def grown(factor: float) -> Floats:
        return Costing(demand, dataclasses.replace(scenario, growth=scenario.growth * factor)).variable(purchases)

    by_block = costs_by_block(demand, scenario, purchases, blocks_of(demand))
    draws = resampled(demand, by_block, grown, week_to_week_cv=week_to_week_cv, seed=seed)
    monthly = Costing(demand, scenario).fixed(purchases) + draws * demand.per_month
    on_sale = np.array(
        [i > 0 and p.availability == "yes" for i, p in enumerate(purchases)]
    )  # the first is no candidate
    first, regret, worst, information = risk_of(monthly, on_sale)
    return Sampled(
        *interval_of(monthly), *interval_of(monthly[:, :1] - monthly), first, regret, worst, information=information
    )


def resampled(
    demand: Demand, by_block: Floats, grown: Callable[[float], Floats], *, week_to_week_cv: float, seed: int
) -> Floats:
    """Resample costs by block: an array (draws, costs) [USD per trace].

    The same seed draws the same blocks and growths whatever the costs are, so that draws of several demands of one
    trace may be added.

    Parameters
    ----------
    by_block
        Costs of each block of days, an array (blocks, costs).
    grown
        Costs of the whole trace when demand is a factor of what it is.
    """
    rng = np.random.default_rng(seed)
    draws = bootstrap_totals(by_block, strata_of(demand, blocks_of(demand)), DRAWS, rng)
    if demand.covered_s < FOUR_WEEKS_S and week_to_week_cv > 0:
        draws += _responses(grown, week_to_week_cv, rng)
    return np.maximum(draws, 0.0)


def costs_by_block(demand: Demand, scenario: Scenario, purchases: list[Purchase], blocks: list[slice]) -> Floats:
    """Traffic-dependent cost of each purchase in each block: an array (blocks, purchases) [USD per trace]."""
    parts = np.empty((len(blocks), len(purchases)))
    bought = [i for i, p in enumerate(purchases) if p.is_capacity or p.mix is not None]
    starts = [block.start for block in blocks]
    for i, purchase in enumerate(purchases):
        if i not in bought:
            parts[:, i] = np.add.reduceat(token_windows(demand, purchase, scenario), starts)
    for row, block in enumerate(blocks):
        parts[row, bought] = Costing(demand, scenario, block=block).variable([purchases[i] for i in bought])
    return parts


def _responses(grown: Callable[[float], Floats], cv: float, rng: np.random.Generator) -> Floats:
    """Change of each cost under drawn growths of demand: an array (draws, costs) [USD per trace]."""
    grid = np.maximum(0.0, 1 + cv * np.array([-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]))
    costs = np.array([grown(factor) for factor in grid])
    growth = np.clip(rng.normal(1.0, cv, DRAWS), grid[0], grid[-1])
    return np.stack([np.interp(growth, grid, costs[:, i]) - costs[3, i] for i in range(costs.shape[1])], axis=1)
