"""What leaves cost: now, over what is assumed, and resampled, so that sums keep what moves alike."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from bedrock_lab.planning.costing import Costing
from bedrock_lab.planning.intervals import blocks_of, corners, costs_by_block, resampled
from bedrock_lab.planning.scenario import Scenario
from bedrock_lab.planning.segments.assigning import Held
from bedrock_lab.planning.segments.leaf import Leaf
from bedrock_lab.planning.segments.sharing import left_by_each, shares_of, use_by_each
from bedrock_lab.pricing import Floats
from bedrock_lab.stats import interval_of


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Costs:
    """Cost of something [USD/month]: at central values, at each corner of what is assumed, in each resample.

    Costs of one plan may be added: corners and resamples are the same for all.
    """

    usd: float
    corners: Floats
    draws: Floats | None

    def __add__(self, other: "Costs") -> "Costs":
        """Add costs within each corner and each resample."""
        draws = None if self.draws is None or other.draws is None else self.draws + other.draws
        return Costs(self.usd + other.usd, self.corners + other.corners, draws)

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest over what is assumed [USD/month]."""
        return min(self.usd, float(self.corners.min())), max(self.usd, float(self.corners.max()))

    @property
    def ci95(self) -> tuple[float, float] | None:
        """Sampling interval [USD/month]; None where the trace is too short."""
        return None if self.draws is None else _interval(self.draws)

    def saving_ci95(self, baseline: "Costs") -> tuple[float, float] | None:
        """Return the sampling interval of what it saves against another within each resample [USD/month]."""
        return None if self.draws is None or baseline.draws is None else _interval(baseline.draws - self.draws)


def total(costs: Sequence[Costs]) -> Costs:
    """Add costs in their order."""
    first, *rest = costs
    for other in rest:
        first = first + other
    return first


def costs_of(held: Held) -> list[Costs]:
    """Cost each of those who hold something."""
    leaves, purchase = held.leaves, held.purchase
    assert purchase is not None
    ends = [_corners(leaf) for leaf in leaves]
    at = [[leaf.market.scenario for leaf in leaves], *(list(pair) for pair in zip(*ends, strict=True))]
    if not held.shared:
        costings = [Costing(leaves[0].market.demand, scenarios[0]) for scenarios in at]
        monthly = np.array([costing.monthly([purchase]) for costing in costings])
        fixed = costings[0].fixed([purchase])
    else:
        fixed = purchase.fixed_usd_per_month * use_by_each(shares_of(leaves), purchase)
        per_month = leaves[0].market.demand.per_month
        monthly = np.array([fixed + left_by_each(shares_of(leaves, s), purchase) * per_month for s in at])
    draws = _draws(held, fixed)
    return [
        Costs(float(monthly[0, i]), monthly[1:, i], None if draws is None else draws[:, i]) for i in range(len(leaves))
    ]


def baseline_costs(leaf: Leaf) -> Costs:
    """Cost a leaf on demand as the trace stands."""
    return costs_of(Held(leaves=(leaf,), purchase=leaf.plan.baseline.purchase))[0]


def _corners(leaf: Leaf) -> list[Scenario]:
    market = leaf.market
    return corners(market.scenario, market.assumptions, market.shapes, market.extra_usd)


def _draws(held: Held, fixed: Floats) -> Floats | None:
    """Resample what each pays: an array (draws, leaves) [USD/month]."""
    leaves, purchase = held.leaves, held.purchase
    market = leaves[0].market
    if market.short or purchase is None:
        return None
    demand, seed = market.demand, market.question.seed

    def grown(factor: float) -> Floats:
        at = [_grown(leaf.market.scenario, factor) for leaf in leaves]
        if held.shared:
            return left_by_each(shares_of(leaves, at), purchase)
        return Costing(demand, at[0]).variable([purchase])

    blocks = blocks_of(demand)
    if held.shared:
        by_block = np.array([left_by_each(shares_of(leaves), purchase, block) for block in blocks])
    else:
        by_block = costs_by_block(demand, market.scenario, [purchase], blocks)
    spread = market.assumptions.get("week_to_week_cv")
    drawn = resampled(demand, by_block, grown, week_to_week_cv=float(spread.value) if spread else 0.0, seed=seed)
    monthly: Floats = fixed + drawn * demand.per_month
    return monthly


def _grown(scenario: Scenario, factor: float) -> Scenario:
    return dataclasses.replace(scenario, growth=scenario.growth * factor)


def _interval(draws: Floats) -> tuple[float, float]:
    low, high = interval_of(draws[:, None])
    return float(low[0]), float(high[0])
