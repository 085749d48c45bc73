"""A simulation as a value: what a caller, a notebook and the command line read."""

import dataclasses
import html
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from bedrock_lab.assumptions import Assumption, Origin
from bedrock_lab.errors import InputError, listing
from bedrock_lab.predict.sim_intervals import span_of
from bedrock_lab.predict.sim_measures import PERCENTILES, label
from bedrock_lab.predict.sim_records import CACHE, OUTCOMES, Balance
from bedrock_lab.predict.sim_run import Runs

SHARES = ("throttled_share", "first_refused_share", "overflow_share", "failed_share", "cost_usd", "utilisation")
"""Figures that come with an interval of their own."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One limit of an SLO held against the simulation.

    Attributes
    ----------
    value_s, lo_s, hi_s
        The percentile over all requests that could not wait, with its interval [s]; one that nobody served counts as
        endless, and what is endless is None here.
    met
        None where nothing decides it.
    """

    name: str
    limit_s: float
    value_s: float | None
    lo_s: float | None
    hi_s: float | None
    met: bool | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Simulation:
    """What a simulation came to; frozen, with ``to_dict``, ``to_frame`` (its records) and a table for notebooks.

    Attributes
    ----------
    runs
        The replications: values by name, intervals, and the records of the first one.
    range
        Shares and cost at the ends of what is assumed of the limits: name -> (lowest, highest).
    evidence
        Where service times come from, and whether they may decide an SLO.
    plan
        The candidate checked and what the plan said of it; None without a plan.
    options
        Names of the options, by the code in the records.
    """

    runs: Runs
    range: dict[str, tuple[float, float]]
    slo: tuple[Term, ...]
    evidence: dict[str, Any]
    plan: dict[str, Any] | None
    options: tuple[str, ...]
    replications: int
    seed: int
    period_s: float
    per_month: float
    arrivals: str
    model: str | None
    model_id: str | None
    region: str | None
    as_of: str | None
    source: str
    origin: Origin
    assumptions: tuple[Assumption, ...]
    warnings: tuple[str, ...]

    @property
    def requests(self) -> int:
        """Requests of a replication, on average."""
        return round(float(self.runs.values["requests"].mean()))

    @property
    def throttled_share(self) -> float:
        """Share of requests refused for good, after all attempts."""
        return float(self.runs.values["throttled_share"].mean())

    @property
    def overflow_share(self) -> float:
        """Share of requests that another option served than the first of their path."""
        return float(self.runs.values["overflow_share"].mean())

    @property
    def utilisation(self) -> float | None:
        """Share of the first limited option's limits that was used, above 1 where a full bucket was spent as well.

        None where nothing is limited.
        """
        return self.runs.mean("utilisation")

    @property
    def cost_usd(self) -> float | None:
        """Cost of the period [USD]; None where a price is not known."""
        return self.runs.mean("cost_usd")

    @property
    def cost_usd_per_month(self) -> float | None:
        """Cost of a month of such traffic [USD]."""
        return None if self.cost_usd is None else self.cost_usd * self.per_month

    @property
    def ttft_s(self) -> dict[str, Any] | None:
        """Time to the first token [s]; None where nothing is known of it."""
        return self._latency("ttft_s")

    @property
    def e2e_s(self) -> dict[str, Any] | None:
        """End-to-end time [s]; None where nothing is known of it."""
        return self._latency("e2e_s")

    @property
    def wait_s(self) -> dict[str, Any] | None:
        """From the arrival to the start, waits before further attempts included [s]."""
        return self._latency("wait_s")

    @property
    def slo_met(self) -> bool | None:
        """Whether every limit is met; None where something is not decided and nothing is missed."""
        verdicts = [term.met for term in self.slo]
        if any(met is False for met in verdicts):
            return False
        return True if verdicts and all(verdicts) else None

    @property
    def balance(self) -> Balance:
        """Little's law on the first replication."""
        return self.runs.balance

    def _latency(self, name: str) -> dict[str, Any] | None:
        mean = self.runs.mean(f"{name}.mean")
        if mean is None:
            return None
        out: dict[str, Any] = {"mean": mean}
        for p in PERCENTILES:
            key = f"{name}.{label(p)}"
            lo, hi = self.runs.spans[key]
            value = self.runs.mean(key)
            if value is not None and lo is not None and hi is not None:
                value = min(max(value, lo), hi)  # the sum of equal values may be rounded
            out[label(p)] = {"value": value, "lo": lo, "hi": hi}
        return out

    def difference(self, other: "Simulation", name: str) -> dict[str, float]:
        """Return by how much a figure of the other one is higher, replication by replication.

        With the same seed and traffic both met the same numbers, so that the interval of the difference is narrower
        than that of either.

        Parameters
        ----------
        name
            ``throttled_share``, ``cost_usd``, ``wait_s.p95`` ...
        """
        mine, theirs = (held.runs.values for held in (self, other))
        for values in (mine, theirs):
            if name not in values:
                raise InputError(f"no figure {name!r} in a simulation; known: {listing(sorted(values), limit=30)}")
        if len(mine[name]) != len(theirs[name]) or self.seed != other.seed:
            raise InputError("a difference is taken between simulations of one seed and one number of replications")
        between = theirs[name] - mine[name]
        lo, hi = span_of(between)
        return {"value": float(between.mean()), "lo": float("nan" if lo is None else lo),
                "hi": float("nan" if hi is None else hi)}  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of ``bedrock-lab simulate``."""
        runs = self.runs
        return {
            "requests": self.requests,
            "throttled_share": self.throttled_share,
            "overflow_share": self.overflow_share,
            "utilisation": self.utilisation,
            "cost_usd": self.cost_usd,
            "cost_usd_per_month": self.cost_usd_per_month,
            "ttft_s": self.ttft_s,
            "e2e_s": self.e2e_s,
            "wait_s": self.wait_s,
            "replications": self.replications,
            "seed": self.seed,
            "first_refused_share": runs.mean("first_refused_share"),
            "failed_share": runs.mean("failed_share"),
            "late_share": runs.mean("late_share"),
            "cached_share": runs.mean("cached_share"),
            "intervals": {name: list(runs.spans[name]) for name in SHARES},
            "range": {name: list(ends) for name, ends in self.range.items()},
            "by_option": runs.options,
            "slo_met": self.slo_met,
            "slo": [dataclasses.asdict(term) for term in self.slo],
            "evidence": dict(self.evidence),
            "plan": None if self.plan is None else dict(self.plan),
            "little": runs.balance._asdict(),
            "engines": list(runs.engines),
            "arrivals": self.arrivals,
            "model": self.model,
            "model_id": self.model_id,
            "region": self.region,
            "date": self.as_of,
            "source": self.source,
            "origin": str(self.origin),
            "period_s": self.period_s,
            "assumptions": [assumed.to_dict() for assumed in self.assumptions],
            "warnings": list(self.warnings),
        }

    def to_frame(self) -> Any:
        """Return the records of the first replication as a pandas DataFrame, one row a request."""
        import pandas as pd

        records = self.runs.first
        named = np.array([*self.options, "response cache", "nobody"], dtype=object)
        columns = {**records._asdict(), "e2e_s": records.e2e_s}
        columns["option"] = named[np.where(records.option == CACHE, len(self.options), records.option)]
        columns["outcome"] = np.array(OUTCOMES, dtype=object)[records.outcome]
        return pd.DataFrame(columns)

    def _repr_html_(self) -> str:
        import pandas as pd

        marked = f"<p><em>{self.origin} traffic, nobody's measurement.</em></p>" if self.origin.invented else ""
        notes = "".join(f"<li>{html.escape(text)}</li>" for text in self.warnings)
        table = str(pd.DataFrame(self.runs.options).to_html(index=False))
        return f"<p>{html.escape(self.sentence)}</p>{marked}{table}" + (f"<ul>{notes}</ul>" if notes else "")

    @property
    def sentence(self) -> str:
        """The answer in one sentence."""
        cost = "of unknown cost" if self.cost_usd is None else f"for {self.cost_usd:,.4g} USD"
        failed = self.runs.mean("failed_share") or 0.0
        first = self.runs.mean("first_refused_share") or 0.0
        retried = f" ({first:.2%} at the first attempt)" if first > self.throttled_share else ""
        late = f", {failed:.2%} past their time" if failed else ""
        slo = {True: ", within the SLO", False: ", outside the SLO", None: ", the SLO undecided" if self.slo else ""}
        throttled = f"{self.throttled_share:.2%} throttled{retried}"
        return (
            f"{self.requests:,} requests in {self.period_s:,.0f} s {cost}: {throttled}, "
            f"{self.overflow_share:.2%} overflowed{late}{slo[self.slo_met]}"
        )


def terms_of(slo: Mapping[str, float], runs: Runs, *, decides: bool) -> tuple[Term, ...]:
    """Hold an SLO (``ttft_p95`` -> limit [s]) against the replications."""
    out = []
    for name, limit in slo.items():
        value, lo, hi = reached(name, runs)
        met = verdict(limit, lo, hi, decides=decides)
        value, lo, hi = (None if end is None or math.isinf(end) else end for end in (value, lo, hi))
        out.append(Term(name=name, limit_s=limit, value_s=value, lo_s=lo, hi_s=hi, met=met))
    return tuple(out)


def reached(name: str, runs: Runs) -> tuple[float | None, float | None, float | None]:
    """Return a percentile by the SLO's name and its interval [s]; infinite where it lies among requests unserved."""
    metric, _, point = name.partition("_")
    key = f"{metric}_s.all.{point}"
    value, lo, hi = (None if v is None else round(v, 9) for v in (runs.mean(key), *runs.spans[key]))
    return value, lo, hi  # to the nanosecond: times from the start of a trace are no more exact


def verdict(limit: float, lo: float | None, hi: float | None, *, decides: bool) -> bool | None:
    """Say whether a percentile keeps a limit.

    Met needs the upper end of the interval within it, missed the lower end beyond it. Without evidence of latency that
    may decide, only one thing is sure: requests that nobody serves miss every limit.

    >>> verdict(1.5, 0.9, 1.2, decides=True), verdict(1.5, 1.2, 1.8, decides=True)
    (True, None)
    >>> verdict(1.5, float("inf"), float("inf"), decides=False)
    False
    """
    if lo is None or hi is None or not (decides or lo == math.inf):
        return None
    return True if hi <= limit else False if lo > limit else None
