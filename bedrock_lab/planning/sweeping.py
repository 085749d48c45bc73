"""A plan over a grid of scenarios: what would be chosen in each, what it costs, and what today's plan would lose."""

import dataclasses
import itertools
import math
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

from bedrock_lab.assumptions import Origin
from bedrock_lab.errors import InputError
from bedrock_lab.planning.costing import Costing
from bedrock_lab.planning.evaluating import NUMBERS, market_at
from bedrock_lab.planning.listing import baseline_of
from bedrock_lab.planning.market import Market
from bedrock_lab.planning.mixing import joined
from bedrock_lab.planning.purchase import Purchase
from bedrock_lab.planning.result import Plan
from bedrock_lab.planning.scanning import Scan, Scenarios, Way
from bedrock_lab.planning.scenario import Scenario
from bedrock_lab.pricing import Floats

MOST = 100_000
SCALED = ("growth", "deferrable", "token_ratio", "unit_price_factor")
"""Quantities that a scan takes as arrays; each value of another one opens the market anew."""

POOL_FROM = 200
"""Scenarios that the planner itself must answer, from which a pool of processes pays."""

CHUNK = 64

BLOCK = 1_000
"""Scenarios taken together at most: what an interrupt may lose."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """One row a scenario: the values changed, what would be chosen, what it costs [USD/month].

    Attributes
    ----------
    asked
        Scenarios asked for; fewer rows came in where the sweep was stopped.
    by_planner
        Scenarios the planner answered one by one; the others were scanned together.
    """

    rows: tuple[dict[str, Any], ...]
    varied: tuple[str, ...]
    plan: str
    asked: int
    by_planner: int
    origin: Origin

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "varied": list(self.varied),
            "plan": self.plan,
            "asked": self.asked,
            "done": len(self.rows),
            "by_planner": self.by_planner,
            "origin": str(self.origin),
            "recommended": self.shares(),
        }

    def shares(self) -> dict[str, float]:
        """Share of the scenarios in which each way of buying would be chosen."""
        ways = [row["way"] for row in self.rows]
        return {w: ways.count(w) / len(ways) for w in sorted(set(ways), key=lambda w: -ways.count(w))}

    def to_frame(self) -> Any:
        """Scenarios as a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame(list(self.rows))

    def _repr_html_(self) -> str:
        said = ", ".join(f"{way} in {share:.0%}" for way, share in self.shares().items())
        return f"<p><strong>{len(self.rows):,} scenarios: {said}</strong></p>"


def sweep(plan: Plan, grid: Mapping[str, Sequence[float]], *, progress: bool = False, workers: int = 2) -> Sweep:
    """Choose in every scenario of a grid.

    Parameters
    ----------
    grid
        Values of each quantity of `evaluate` that takes a number; every combination is a scenario, 100,000 at most.

    Notes
    -----
    An interrupt ends the sweep with the rows that came in.

    Raises
    ------
    InputError
        A name is not known, a value is not allowed, or there are too many scenarios.
    """
    wanted = {name: [float(v) for v in values] for name, values in grid.items()}
    count = math.prod(len(values) for values in wanted.values())
    if not wanted or count == 0:
        raise InputError(f"grid: names no values; allowed: {', '.join(NUMBERS)}")
    if count > MOST:
        raise InputError(f"grid of {count:,} scenarios: allowed are {MOST:,}; take fewer values")
    for name, values in wanted.items():
        if name not in NUMBERS:
            raise InputError(f"{name}: cannot be varied; allowed: {', '.join(NUMBERS)}")
        if not all(math.isfinite(v) for v in values):
            raise InputError(f"{name}: allowed are finite numbers")
        for value in (min(values), max(values)):
            market_at(plan, {name: value})  # a value that is not allowed is refused before anything is computed
    rows: list[dict[str, Any]] = []
    asked_planner = 0
    try:
        for made, slow in _blocks(plan, wanted, count, progress=progress, workers=workers):
            rows += made
            asked_planner += slow
    except KeyboardInterrupt:
        if not rows:
            raise
    chosen = plan.recommended.name if plan.recommended else plan.decision
    return Sweep(
        rows=tuple(rows),
        varied=tuple(wanted),
        plan=chosen,
        asked=count,
        by_planner=asked_planner,
        origin=plan.origin,
    )


def _blocks(
    plan: Plan, grid: Mapping[str, list[float]], count: int, *, progress: bool, workers: int
) -> Iterator[tuple[list[dict[str, Any]], int]]:
    """Take the scenarios market by market."""
    from tqdm import tqdm  # type: ignore[import-untyped]

    apart = [name for name in grid if name not in SCALED]
    scaled = [name for name in grid if name in SCALED]
    inner = [dict(zip(scaled, values, strict=True)) for values in itertools.product(*(grid[n] for n in scaled))]
    groups = [[s for s in inner if s.get("deferrable", plan.question.deferrable) > 0]]
    groups.append([s for s in inner if not s.get("deferrable", plan.question.deferrable) > 0])
    blocks = [group[i : i + BLOCK] for group in groups for i in range(0, len(group), BLOCK)]
    with tqdm(total=count, unit="scenario", disable=not progress) as bar:
        for values in itertools.product(*(grid[n] for n in apart)):
            fixed = dict(zip(apart, values, strict=True))
            for group in blocks:
                opening = {k: v for k, v in group[0].items() if k != "unit_price_factor"}
                yield _block(plan, fixed, market_at(plan, fixed | opening), group, workers)
                bar.update(len(group))


def _block(
    plan: Plan, fixed: dict[str, float], market: Market, group: list[dict[str, float]], workers: int
) -> tuple[list[dict[str, Any]], int]:
    """Choose in scenarios that share a market."""
    base = market.scenario

    def column(name: str, default: float) -> Floats:
        return np.array([s.get(name, default) for s in group])

    growth, ratio = column("growth", base.growth), column("token_ratio", base.token_ratio)
    waits, factor = column("deferrable", base.deferrable), column("unit_price_factor", 1.0)
    scan = Scan(market, Scenarios(growth * ratio, waits, factor))
    ways = scan.ways()
    costs = np.array([way.cost for way in ways]) if ways else np.full((1, len(group)), np.inf)
    first = np.round(costs, 9).argmin(axis=0)
    best = costs[first, np.arange(len(group))]
    names: dict[tuple[int, int], Purchase] = {}
    chosen: list[Purchase | None] = [
        _purchase(ways, int(w), int(ways[w].units[i]) if ways[w].units is not None else 0, names) if ways else None
        for i, w in enumerate(first)
    ]
    unsure = np.flatnonzero(scan.bound() < best * (1 - 1e-9))
    scenarios = [
        dataclasses.replace(
            base,
            growth=float(growth[i]),
            token_ratio=float(ratio[i]),
            deferrable=float(waits[i]),
            unit_price_factor=float(factor[i]),
        )
        for i in unsure
    ]
    for i, (purchase, cost) in zip(unsure.tolist(), _asked(market, scenarios, workers), strict=True):
        chosen[i], best[i] = purchase, cost
    baseline = scan.by_token(baseline_of(market))
    mine = _planned(plan, scan, market, scenarios=(growth, ratio, waits, factor))
    rows = []
    for i, scenario in enumerate(group):
        bought = chosen[i]
        decision = (
            "infeasible" if bought is None else "undecided" if market.short and bought.is_capacity else "recommend"
        )
        rows.append(
            {
                **fixed,
                **scenario,
                "decision": decision,
                "recommended": bought.name if bought else None,
                "way": bought.way if bought else "nothing",
                "cost_usd_per_month": float(best[i]) if bought else None,
                "on_demand_usd_per_month": float(baseline[i]),
                "saving_usd_per_month": float(baseline[i] - best[i]) if bought else None,
                "regret_usd_per_month": float(mine[i] - best[i]) if bought and mine is not None else None,
            }
        )
    return rows, len(unsure)


def _purchase(ways: list[Way], way: int, units: int, made: dict[tuple[int, int], Purchase]) -> Purchase:
    """Name a way of buying with its number of units."""
    if (way, units) not in made:
        bought = ways[way].purchase
        if units and bought.mix is not None and bought.mix.base is not None:
            base = dataclasses.replace(bought.mix.base, units=units, name=f"provisioned-{units}x-{bought.term}")
            bought = joined(dataclasses.replace(bought.mix, base=base))
        elif units:
            bought = dataclasses.replace(bought, units=units, name=f"provisioned-{units}x-{bought.term}")
        made[way, units] = bought
    return made[way, units]


def _planned(plan: Plan, scan: Scan, market: Market, scenarios: tuple[Floats, ...]) -> Floats | None:
    """Cost of what the plan recommends in every scenario; None where it recommends nothing."""
    if plan.recommended is None:
        return None
    found = scan.of(plan.recommended.purchase)
    if found is not None:
        return found
    names = ("growth", "token_ratio", "deferrable", "unit_price_factor")
    each = [dict(zip(names, map(float, values), strict=True)) for values in zip(*scenarios, strict=True)]
    made = [dataclasses.replace(market.scenario, **values) for values in each]  # type: ignore[arg-type]
    return np.array([float(Costing(market.demand, s).monthly([plan.recommended.purchase])[0]) for s in made])


def _asked(market: Market, scenarios: list[Scenario], workers: int) -> list[tuple[Purchase | None, float]]:
    """Ask the planner itself, in processes where there is much to ask."""
    if len(scenarios) < POOL_FROM or workers < 2:
        return _choices(market, scenarios)
    parts = [scenarios[i : i + CHUNK] for i in range(0, len(scenarios), CHUNK)]
    with ProcessPoolExecutor(workers, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)) as pool:
        found = list(pool.map(_choices, itertools.repeat(market), parts))
    return [pair for part in found for pair in part]


def _choices(market: Market, scenarios: list[Scenario]) -> list[tuple[Purchase | None, float]]:
    """Choose in each scenario, with the cost."""
    made = []
    for scenario in scenarios:
        best = market.choose(scenario)
        cost = float(Costing(market.demand, scenario).monthly([best])[0]) if best else math.nan
        made.append((best, cost))
    return made
