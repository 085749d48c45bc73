"""An old plan on new traffic: whether it is still right, what it costs, and since when it is not."""

import dataclasses
import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bedrock_lab.assumptions import Assumption, Origin, parse_range
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.catalogue.pricelist import prices as load_prices
from bedrock_lab.errors import InputError
from bedrock_lab.planning.answers import usd
from bedrock_lab.planning.costing import Costing, billed
from bedrock_lab.planning.intervals import blocks_of
from bedrock_lab.planning.planner import plan
from bedrock_lab.planning.purchase import Purchase
from bedrock_lab.planning.result import Plan
from bedrock_lab.planning.saved import AGAIN, SavedPlan, load_plan
from bedrock_lab.pricing import Floats
from bedrock_lab.traffic.trace import Trace

TOLERANCE = 0.01
"""A plan is still right while the best costs at most this share less."""

DATED = ("growth",)
"""Assumptions about what was to come: on traffic that came they do not hold."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Recheck:
    """An old plan on new traffic.

    Attributes
    ----------
    still_right
        Whether nothing on sale costs over 1 % less on the new traffic; None where it is too short to say.
    since_s
        Time in the new traffic from which on the best is the cheaper one [s]; None where the plan is still right.
    planned_usd_per_month, usd_per_month
        Cost the plan gave, and its cost on the new traffic [USD/month].
    best, best_usd_per_month, on_demand_usd_per_month
        The cheapest now, its cost, and on demand as it stands [USD/month].
    by_block
        (begin [s], plan, best, on demand [USD]) of each day, or of shorter blocks under two days.
    """

    name: str
    best: str
    still_right: bool | None
    since_s: float | None
    answer: str
    planned_usd_per_month: float | None
    usd_per_month: float
    best_usd_per_month: float
    on_demand_usd_per_month: float
    demand_ratio: dict[str, float | None]
    by_block: tuple[tuple[float, float, float, float], ...]
    plan_date: str
    date: str
    origin: Origin
    assumptions: tuple[Assumption, ...]
    warnings: tuple[str, ...]

    @property
    def regret_usd_per_month(self) -> float:
        """What the plan costs more than the best [USD/month]."""
        return self.usd_per_month - self.best_usd_per_month

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of ``bedrock-lab plan-check``."""
        own = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        names = ("begin_s", "plan_usd", "best_usd", "on_demand_usd")
        return own | {
            "regret_usd_per_month": self.regret_usd_per_month,
            "by_block": [dict(zip(names, row, strict=True)) for row in self.by_block],
            "origin": str(self.origin),
            "assumptions": [a.to_dict() for a in self.assumptions],
            "warnings": list(self.warnings),
        }

    def to_frame(self) -> Any:
        """Cost by day as a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.to_dict()["by_block"])

    def _repr_html_(self) -> str:
        notes = "".join(f"<li>{html.escape(w)}</li>" for w in self.warnings)
        return f"<p><strong>{html.escape(self.answer)}</strong></p>" + (f"<ul>{notes}</ul>" if notes else "")


def check_plan(
    saved: SavedPlan | Plan | Mapping[str, Any] | str | Path, trace: Trace, prices: Prices | None = None
) -> Recheck:
    """Evaluate an old plan on new traffic: whether it is still right, and since when it is not.

    Parameters
    ----------
    saved
        A plan, what it saved, or the file.
    trace
        The new traffic; it is planned anew as the old plan was asked, but for what that assumed of growth.

    Raises
    ------
    InputError
        It is no plan, or the traffic cannot be planned.
    """
    old = _read(saved)
    prices = prices or load_prices()
    asked = asked_again(old)
    assumed = {name: value for name, value in (asked.get("assume") or {}).items() if name not in DATED}
    try:
        now = plan(trace, prices, **(asked | {"assume": assumed, "period_s": None, "explain": False}))
    except TypeError as error:
        raise InputError(f"the plan asks what this version does not know ({error}): {AGAIN}") from None
    held = old.purchase or now.baseline.purchase
    best = _best(now)
    return _judged(old, now, held, best)


def asked_again(saved: SavedPlan) -> dict[str, Any]:
    """Return what a saved plan was asked, as `plan` takes it."""
    asked = saved.asked
    ratio = asked.pop("token_ratio", None)
    if isinstance(ratio, str):
        asked["token_ratio"] = parse_range(ratio, "token_ratio")[1:]
    return asked


def _read(saved: SavedPlan | Plan | Mapping[str, Any] | str | Path) -> SavedPlan:
    if isinstance(saved, SavedPlan):
        return saved
    if isinstance(saved, Plan):
        return SavedPlan(saved.to_dict())
    return SavedPlan(saved) if isinstance(saved, Mapping) else load_plan(saved)


def _best(now: Plan) -> Purchase:
    """Return the cheapest that may be bought now."""
    if now.recommended is not None:
        return now.recommended.purchase
    on_sale = [c for c in now.by_cost() if c.purchase.availability == "yes" and c.slo_met is not False]
    return on_sale[0].purchase if on_sale else now.baseline.purchase


def _judged(old: SavedPlan, now: Plan, held: Purchase, best: Purchase) -> Recheck:
    costing = Costing(now.demand, now.scenario)
    bought = [held, best, now.baseline.purchase]
    try:
        mine, least, on_demand = (float(c) for c in costing.monthly(bought))
    except (KeyError, ValueError) as error:
        raise InputError(f"{held.name} has no price for this traffic ({error}): plan it anew") from None
    right = None if now.decision != "recommend" or old.purchase is None else mine <= least * (1 + TOLERANCE) + 1e-9
    costs = by_block(now, bought)
    since = _since(costs[:, 1] - costs[:, 2]) if right is False else None
    since_s = float(costs[since, 0]) if since is not None else None
    planned = old.data["recommended"]["cost_usd_per_month"] if old.data["recommended"] else None
    found = Recheck(
        name=held.name,
        best=best.name,
        still_right=right,
        since_s=since_s,
        answer="",
        planned_usd_per_month=planned,
        usd_per_month=mine,
        best_usd_per_month=least,
        on_demand_usd_per_month=on_demand,
        demand_ratio=_ratio(old, now),
        by_block=tuple((float(t), float(a), float(b), float(c)) for t, a, b, c in costs),
        plan_date=old.date,
        date=now.as_of,
        origin=now.origin,
        assumptions=now.assumptions,
        warnings=(*_notes(old, now, held), *now.warnings),
    )
    return dataclasses.replace(found, answer=_sentence(old, now, found))


def by_block(now: Plan, bought: list[Purchase]) -> Floats:
    """Cost of purchases by block of days, with the time each begins: an array (blocks, 1 + purchases) [s, USD]."""
    demand = now.demand
    rows = []
    for block in blocks_of(demand):
        costs = billed(Costing(demand, now.scenario, block=block), bought)
        rows.append([block.start * demand.window_s, *costs])
    return np.array(rows)


def _since(lost: Floats) -> int:
    """Return the block from which on more is lost than ever made up again: where the sum so far was least.

    >>> _since(np.array([-1.0, -1.0, 2.0, 2.0]))
    2
    """
    so_far = np.concatenate([[0.0], np.cumsum(lost)])[:-1]
    return int(len(so_far) - 1 - np.argmin(so_far[::-1]))


def _ratio(old: SavedPlan, now: Plan) -> dict[str, float | None]:
    """Tokens a minute now against those the plan was made on, at the scale both are planned at."""
    before = old.data.get("mean_tpm") or {}
    after = now.to_dict()["mean_tpm"]
    return {side: after[side] / before[side] if before.get(side) else None for side in ("input", "output")}


def _notes(old: SavedPlan, now: Plan, held: Purchase) -> list[str]:
    said = []
    if old.date != now.as_of:
        said.append(f"the plan's prices are of {old.date}, these of {now.as_of}; what was bought keeps its price")
    if (old.asked.get("assume") or {}).keys() & set(DATED):
        said.append("the plan assumed growth; the new traffic is taken as it came")
    if held.months:
        said.append(f"what {held.name} owes until its term ends is owed whatever is chosen now")
    return said


def _sentence(old: SavedPlan, now: Plan, found: Recheck) -> str:
    mine, least = usd(found.usd_per_month), usd(found.best_usd_per_month)
    if found.still_right is None and old.purchase is None:
        then = f"now it is {now.decision}" + (f": {found.best}, {least} a month" if now.recommended else "")
        return f"The plan recommended nothing ({old.decision}); {then}."
    if found.still_right is None:
        return f"This traffic cannot say whether {found.name} is still right ({now.decision}): {mine} a month on it."
    if found.still_right:
        return f"{found.name} is still right: {mine} a month on this traffic; the best costs {least}."
    return (
        f"{found.name} is no longer right: {mine} a month on this traffic, {found.best} would cost {least}; "
        f"{_when(found.since_s or 0.0)} of it the other was cheaper."
    )


def _when(since_s: float) -> str:
    """Write from when on.

    >>> _when(0.0), _when(172_800.0), _when(1_200.0)
    ('from the start', 'from day 2 on', 'from minute 20 on')
    """
    if not since_s:
        return "from the start"
    return f"from day {since_s / 86_400:.4g} on" if since_s >= 86_400 else f"from minute {since_s / 60:.0f} on"
