"""The plan as finance reads it: cash flow, what is committed, unit costs, coverage, and what may be lost."""

import dataclasses
from typing import Any

import numpy as np

from bedrock_lab.planning.candidates import Candidate
from bedrock_lab.planning.costing import Costing
from bedrock_lab.planning.intervals import blocks_of
from bedrock_lab.planning.market import Market
from bedrock_lab.planning.purchase import Mix, Purchase
from bedrock_lab.pricing import Floats
from bedrock_lab.stats import percentile
from bedrock_lab.traffic.clock import MONTH_S

MONTHS = 12
FALLS = (0.3, 0.5)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """Cash flow of a month [USD]: owed whatever happens, by the hour without commitment, by the token; and renewals."""

    month: int
    committed_usd: float
    hourly_usd: float
    variable_usd: float
    renews: bool

    @property
    def total_usd(self) -> float:
        """All of it [USD]."""
        return self.committed_usd + self.hourly_usd + self.variable_usd


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What a plan costs more than on demand if demand falls, a month and over its term [USD]; below 0 it saves."""

    fall: float
    usd_per_month: float
    usd_over_term: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Finance:
    """A candidate as finance reads it.

    Attributes
    ----------
    obligation_usd
        Owed over the whole term whatever the traffic [USD].
    usd_per_1m_tokens, usd_per_1k_requests
        Effective cost, tokens being input, cached and output together; None where there are none.
    coverage
        Share of the tokens' on-demand value that capacity serves.
    utilisation
        Share of the capacity bought that is in use, by its scarcer side; None without capacity.
    unused_usd_per_day_p90
        What stands idle on the day in ten that uses least [USD/day].
    """

    candidate: str
    months: tuple[Month, ...]
    obligation_usd: float
    committed_share: float
    usd_per_1m_tokens: float | None
    usd_per_1k_requests: float | None
    coverage: float
    utilisation: float | None
    unused_usd_per_day_p90: float | None
    losses: tuple[Loss, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        own = dataclasses.asdict(self)
        return own | {"months": [dataclasses.asdict(m) | {"total_usd": m.total_usd} for m in self.months]}

    def to_frame(self) -> Any:
        """Cash flow as a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.to_dict()["months"])


def finance_of(market: Market, candidate: Candidate, baseline: Purchase, requests: float) -> Finance:
    """Read a candidate as finance does.

    Parameters
    ----------
    requests
        Requests of the trace.

    Notes
    -----
    Nothing is paid up front, so that a plan pays from its first month or never. The months stand at the same demand.
    """
    p, costing = candidate.purchase, Costing(market.demand, market.scenario)
    cost = candidate.cost_usd_per_month
    fixed = float(costing.fixed([p])[0])
    committed = fixed if p.months and p.mix is None else 0.0
    if p.mix is not None and p.mix.base is not None and p.months:
        committed = float(costing.fixed([p.mix.base])[0])
    demand, scenario = market.demand, market.scenario
    scale = scenario.volume * scenario.shape.mean * demand.per_month
    tokens = float((demand.input_tpm + demand.output_tpm + demand.cache_read_tpm).sum()) * demand.window_s / 60 * scale
    called = requests * demand.per_month * scenario.growth * scenario.shape.mean
    served, utilisation, unused = _use(market, costing, p, fixed)
    return Finance(
        candidate=candidate.name,
        months=tuple(
            Month(
                month=i + 1,
                committed_usd=committed,
                hourly_usd=fixed - committed,
                variable_usd=cost - fixed,
                renews=bool(p.months) and i > 0 and i % p.months == 0,
            )
            for i in range(MONTHS)
        ),
        obligation_usd=committed * p.months,
        committed_share=committed / cost if cost else 0.0,
        usd_per_1m_tokens=cost / tokens * 1e6 if tokens else None,
        usd_per_1k_requests=cost / called * 1e3 if called else None,
        coverage=served,
        utilisation=utilisation,
        unused_usd_per_day_p90=unused,
        losses=tuple(_loss(market, p, baseline, fall) for fall in FALLS),
    )


def _loss(market: Market, purchase: Purchase, baseline: Purchase, fall: float) -> Loss:
    fallen = dataclasses.replace(market.scenario, growth=market.scenario.growth * (1 - fall))
    mine, without = (float(c) for c in Costing(market.demand, fallen).monthly([purchase, baseline]))
    return Loss(fall=fall, usd_per_month=mine - without, usd_over_term=(mine - without) * purchase.months)


def _use(
    market: Market, costing: Costing, purchase: Purchase, fixed: float
) -> tuple[float, float | None, float | None]:
    """Coverage, utilisation, and what stands idle on the day in ten that uses least [USD/day]."""
    if not purchase.is_capacity:
        return 0.0, None, None
    mix = purchase.mix or _alone(purchase, market)
    load, share = costing.load, costing.served(mix)
    value = load.usd * load.mass
    covered = float(np.sum(value * share) / (np.sum(value) or 1.0))
    if mix.wait_h:  # what waited is served too, at another time
        total = float(np.sum(costing.mixed(mix).usd * costing.mixed(mix).mass)) or 1.0
        covered = max(covered, 1 - float(costing.left_waiting(mix).sum()) / total)
        return covered, None, None
    used = _used(costing, mix, share)
    mass = load.mass / load.mass.sum()
    weights = len(market.scenario.shape.weights)
    by_window = (used * mass).reshape(weights, -1).sum(axis=0) / mass.reshape(weights, -1).sum(axis=0)
    days = np.array([by_window[block].mean() for block in blocks_of(market.demand)])
    idle = float(percentile(1 - days, 0.9)) * fixed / (MONTH_S / 86_400)
    return covered, float(np.sum(used * mass)), idle


def _used(costing: Costing, mix: Mix, share: Floats) -> Floats:
    """Share of its capacity each window uses, by the scarcer side."""
    load, base = costing.load, mix.base
    if base is not None and base.option == "reserved":
        size = costing.capacity_of(mix)
        sides = [
            share * tokens / max(limit, 1e-300)
            for tokens, limit in zip((load.input_tpm, load.output_tpm), size, strict=True)
        ]
        return np.minimum(1.0, np.maximum(*sides))
    units = np.full(len(costing.demand), float(base.units or 0) if base is not None else 0.0)
    if mix.schedule:
        units += np.array(mix.schedule)[costing.demand.hour_of_week]
    units = np.tile(units, len(costing.scenario.shape.weights))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(units > 0, np.minimum(1.0, share * costing.needed(load) / units), 1.0)


def _alone(purchase: Purchase, market: Market) -> Mix:
    """Take a single purchase of capacity as a mix with nothing else in it."""
    stands = Purchase(
        name="on-demand", option="on-demand", tier="default", scope=market.scopes.baseline, availability="yes"
    )
    return Mix(base=purchase, overflow=stands, cached=stands, uncached=stands)
