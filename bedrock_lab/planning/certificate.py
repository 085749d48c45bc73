"""How good the choice can be shown to be: bounds from below, and what knowing the future would be worth."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from bedrock_lab.planning import decide
from bedrock_lab.planning.candidates import Candidate
from bedrock_lab.planning.demand import Demand
from bedrock_lab.planning.milp import Source, Windows, branch_on, solve
from bedrock_lab.planning.purchase import DEFERRED, HOURS_PER_WEEK, Purchase
from bedrock_lab.planning.scenario import Scenario, load_of
from bedrock_lab.pricing import HOURS_PER_MONTH, Floats

CLOSED = "closed form by load-duration over whole units and whole steps of 1,000 tokens/min: exact"
LINEAR = "linear programmes in HiGHS on the mean hours of a week"
LONGEST_REACH = 48
"""Windows work may wait in the programme: longer deadlines are solved on wider windows."""
WIDTHS_H = (1, 2, 3, 4, 6, 8, 12, 24)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """How good the choice can be shown to be.

    Attributes
    ----------
    lower_bound_usd
        No plan within these options, scopes, terms and the share that can wait costs less [USD/month].
    gap
        ``1 - lower_bound / cost`` of the recommended candidate, or of the cheapest where none is recommended.
    perfect_foresight_usd
        Each window bought in the cheapest way on sale, in fractions and without a term [USD/month].
    expected_value_of_perfect_information_usd
        What knowing the traffic beforehand would save on average over the resamples [USD/month]; None without them.
    method
        How the bound was found.
    relaxed
        What the bound leaves out, so that it may be lower than any plan.
    """

    lower_bound_usd: float
    gap: float | None
    perfect_foresight_usd: float
    expected_value_of_perfect_information_usd: float | None
    method: str
    relaxed: tuple[str, ...]


def certify(
    demand: Demand,
    scenario: Scenario,
    listed: Sequence[Candidate],
    judged: Candidate | None,
    *,
    deadline_h: float | None,
    information_usd: float | None,
) -> Certificate:
    """Bound the cost from below, and say how far the choice is from the bound.

    Parameters
    ----------
    judged
        The candidate recommended, or the cheapest.
    deadline_h
        How long work may be kept for idle capacity; None where none is.
    information_usd
        Expected value of perfect information [USD/month].
    """
    pool = decide.eligible(list(listed))
    bought = [c.purchase for c in pool]
    foresight = decide.perfect_foresight(
        demand,
        scenario,
        [p for p in bought if not p.is_capacity and p.mix is None],
        min((p.usd_per_hour for p in bought if p.option == "provisioned"), default=None),
        _lowest([p.usd_per_hour_per_ktpm for p in bought if p.option == "reserved"]),
    )
    cost = judged.cost_usd_per_month if judged else 0.0
    bound, method, relaxed = min((c.cost_usd_per_month for c in pool), default=foresight), CLOSED, []
    if any(p.option == "provisioned" for p in bought) and any(p.option == "reserved" for p in bought):
        relaxed.append("units and Reserved capacity are not joined")
    waits = deadline_h is not None and scenario.deferrable > 0 and any(p.is_capacity for p in bought)
    if waits and deadline_h is not None:
        programme = max(foresight, _waiting_bound(demand, scenario, bought, deadline_h))
        if programme < bound:
            bound, method = programme, LINEAR
            relaxed = [
                "windows are averaged by hour of the week",
                "all but the number of units may be fractions, without least purchases",
                "what can wait is placed knowing the week beforehand",
            ]
    return Certificate(
        lower_bound_usd=bound,
        gap=max(0.0, 1 - bound / cost) if cost > 0 else None,
        perfect_foresight_usd=min(foresight, bound),
        expected_value_of_perfect_information_usd=information_usd,
        method=method,
        relaxed=tuple(relaxed),
    )


def _waiting_bound(demand: Demand, scenario: Scenario, bought: list[Purchase], deadline_h: float) -> float:
    """Bound the cost from below where work may wait for capacity [USD/month].

    Averaging windows can only lower the optimum, its cost being convex in them.
    """
    width = next((w for w in WIDTHS_H if deadline_h / w <= LONGEST_REACH), WIDTHS_H[-1])
    windows = typical_week(demand, scenario, bought, width)
    factor = scenario.unit_price_factor
    sources = []
    for term, usd in _cheapest_terms(bought).items():
        sources.append(
            Source(
                name=term,
                fixed_usd=0.0 if term == "none" else HOURS_PER_MONTH * usd * factor,
                running_usd=usd * factor if term == "none" else 0.0,
                input_tpm=scenario.unit_input_tpm or 0.0,
                output_tpm=scenario.unit_output_tpm or 0.0,
            )
        )
    reserved = _lowest([p.usd_per_hour_per_ktpm for p in bought if p.option == "reserved"])
    if reserved is not None:
        for side, usd, sizes in (("input", reserved[0], (1000.0, 0.0)), ("output", reserved[1], (0.0, 1000.0))):
            sources.append(Source(name=side, fixed_usd=HOURS_PER_MONTH * usd, input_tpm=sizes[0], output_tpm=sizes[1]))
    reach = min(len(windows) - 1, math.ceil(deadline_h / width))
    committed = [s.name for s in sources if s.name not in {"none", "input", "output"}]
    asked = {"deferrable": scenario.deferrable, "reach": reach, "circular": True}
    if committed and reserved is None:
        return branch_on(windows, tuple(sources), committed[0], **asked).bound
    return solve(windows, tuple(sources), whole=False, **asked).bound  # type: ignore[arg-type]


def _cheapest_terms(bought: list[Purchase]) -> dict[str, float]:
    """Price of the cheapest commitment, which no other beats at any number, and of units by the hour [USD/h]."""
    prices = {p.term or "none": p.usd_per_hour for p in bought if p.option == "provisioned"}
    terms = sorted((usd, term) for term, usd in prices.items() if term != "none")
    return {term: usd for usd, term in terms[:1]} | {t: u for t, u in prices.items() if t == "none"}


def typical_week(demand: Demand, scenario: Scenario, bought: list[Purchase], width_h: int) -> Windows:
    """Average a demand to windows of the week, at the cheapest prices by the token.

    A trace under a week is averaged to a day, one under a day to a single window.
    """
    hours = demand.covered_s / 3600
    period = HOURS_PER_WEEK if hours >= HOURS_PER_WEEK else 24 if hours >= 24 else width_h
    count = max(1, period // width_h)
    slots = demand.hour_of_week // width_h % count
    present = np.bincount(slots, minlength=count).astype(np.float64)
    used = present > 0
    load = load_of(demand, scenario)
    now, later = load.usd, load.usd
    grow = scenario.volume * scenario.price * float(scenario.shape.weights[0])
    for p in bought:
        at = demand.token_usd.get((p.tier, p.scope or ""))
        if at is None or p.is_capacity or p.mix is not None:
            continue
        if p.tier in DEFERRED:
            later = np.minimum(later, at * grow)
        else:
            now = np.minimum(now, at * grow)
    later = np.minimum(later, now)

    def mean(values: Floats) -> Floats:
        return np.asarray(np.bincount(slots, weights=values, minlength=count)[used] / present[used])

    share = present[used] / present.sum()  # of the time
    per_window = demand.per_month * len(demand) * share
    return Windows(
        usd=mean(now) * per_window,
        later_usd=mean(later) * per_window,
        input_tpm=mean(load.input_tpm),
        output_tpm=mean(load.output_tpm),
        hours=HOURS_PER_MONTH * share,
    )


def _lowest(pairs: list[tuple[float, float]]) -> tuple[float, float] | None:
    return (min(i for i, _ in pairs), min(o for _, o in pairs)) if pairs else None
