"""How sure a candidate's cost is: its range over what is assumed, and its sampling interval."""

import dataclasses
import math

import numpy as np

from bedrock_lab.assumptions import Assumption
from bedrock_lab.planning.candidates import Costing, Purchase, Scenario
from bedrock_lab.planning.demand import DAY_S, Demand, Shape
from bedrock_lab.pricing import Floats
from bedrock_lab.stats import block_bootstrap_total

DRAWS = 2_000
FOUR_WEEKS_S = 28 * DAY_S

CHEAPER_WHEN_HIGH = ("unit_input_tpm", "unit_output_tpm")
"""Assumptions whose high end makes candidates cheaper; every other one makes them dearer."""


def corner(base: Scenario, assumptions: dict[str, Assumption], *, dear: bool, extra_usd: float) -> Scenario:
    """Put every assumption with a range at its cheap or its dear end."""
    changes: dict[str, float] = {}
    for name, assumed in assumptions.items():
        if hasattr(base, name) and assumed.spread:
            high = dear is not (name in CHEAPER_WHEN_HIGH)
            end = assumed.hi if high else assumed.lo
            changes[name] = float(end) if end is not None else float(assumed.value)
    ratios = tuple(
        (name.removesuffix("_ratio"), float((a.hi if dear else a.lo) or 0.0))
        for name, a in assumptions.items()
        if name.endswith("_ratio") and name != "token_ratio"
    )
    return dataclasses.replace(base, **changes, ratios=ratios, extra_usd=extra_usd if dear else 0.0)  # type: ignore[arg-type]


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
    for shape in shapes:
        for dear in (False, True):
            at = corner(base, assumptions, dear=dear, extra_usd=extra_usd)
            costs.append(Costing(demand, dataclasses.replace(at, shape=shape)).monthly(purchases))
    stacked = np.array(costs)
    return stacked.min(axis=0), stacked.max(axis=0)


def blocks_of(demand: Demand) -> list[slice]:
    """Cut the windows into blocks of days; a trace under two days into about sqrt(n) blocks.

    >>> from bedrock_lab.planning.demand import Demand
    >>> day = np.ones(2880)
    >>> d = Demand(window_s=60, period_s=172_800, on_demand_usd=day, input_tpm=day, output_tpm=day,
    ...            cache_read_tpm=day, token_usd={})
    >>> len(blocks_of(d))
    2
    """
    per_day = round(DAY_S / demand.window_s)
    size = per_day if len(demand) >= 2 * per_day else max(1, len(demand) // max(1, math.isqrt(len(demand))))
    return [slice(i, min(i + size, len(demand))) for i in range(0, len(demand), size)]


def sampling_intervals(
    demand: Demand,
    scenario: Scenario,
    purchases: list[Purchase],
    *,
    week_to_week_cv: float,
    seed: int,
) -> tuple[Floats, Floats]:
    """95 % intervals of monthly costs [USD/month] by resampling blocks.

    Under four weeks no trace shows how weeks differ: the interval is widened by the cost's response to a
    demand `week_to_week_cv` higher and lower.
    """
    blocks = blocks_of(demand)
    parts = np.array([Costing(demand, scenario, block=block).variable(purchases) for block in blocks])
    low, high = block_bootstrap_total(parts, DRAWS, np.random.default_rng(seed))
    fixed = Costing(demand, scenario).fixed(purchases)
    centre = parts.sum(axis=0)
    prior = np.zeros(len(purchases))
    if demand.period_s < FOUR_WEEKS_S and week_to_week_cv > 0:
        up, down = (
            Costing(demand, dataclasses.replace(scenario, growth=scenario.growth * factor)).variable(purchases)
            for factor in (1 + week_to_week_cv, max(0.0, 1 - week_to_week_cv))
        )
        prior = 1.959964 * (up - down) / 2
    below = np.hypot(centre - low, prior)
    above = np.hypot(high - centre, prior)
    per_month = demand.per_month
    return fixed + np.maximum(0.0, centre - below) * per_month, fixed + (centre + above) * per_month
