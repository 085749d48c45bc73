"""Replications of a simulation, each held against Little's law, and the intervals of what they come to."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.errors import InputError
from bedrock_lab.predict.quota_retries import Retries
from bedrock_lab.predict.sim_draws import ROUNDS, SETTLED, Load, by_concurrency, draws_of, timed, under_way_at, work_of
from bedrock_lab.predict.sim_engine import Played, play
from bedrock_lab.predict.sim_intervals import Span, span_of, trace_spans, unserved_spans
from bedrock_lab.predict.sim_measures import (
    PERCENTILES,
    by_option,
    costs_of,
    could_not_wait,
    gate_codes,
    label,
    latencies,
    points,
    points_of_all,
    series,
    use_of,
)
from bedrock_lab.predict.sim_options import Option, Work
from bedrock_lab.predict.sim_records import Balance, Records, check

Floats = NDArray[np.float64]
LEAST_REPLICATIONS = 10


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Runs:
    """What the replications gave.

    Attributes
    ----------
    values
        By name, one number a replication; NaN where it is not known.
    spans
        By name, the 95 % interval; (None, None) where there is none.
    options
        What each option did, means over the replications.
    first, work
        Records of the first replication, and what it played.
    settled
        Whether times that depend on the number under way came to rest.
    """

    values: dict[str, Floats]
    spans: dict[str, Span]
    options: list[dict[str, Any]]
    first: Records
    work: Work
    balance: Balance
    engines: tuple[str, ...]
    distinct: bool
    settled: bool

    def mean(self, name: str) -> float | None:
        """Mean over the replications; None where it is not known."""
        values = self.values[name]
        return None if np.isnan(values).any() else float(values.mean())


def simulated(
    load: Load,
    options: Sequence[Option],
    paths: Sequence[Sequence[int]],
    *,
    retries: Retries,
    replications: int = LEAST_REPLICATIONS,
    seed: int = 0,
    deadline_s: float | None = None,
) -> Runs:
    """Play a load so many times.

    Parameters
    ----------
    paths
        Options to try in turn, for requests that cannot wait and for those that can.
    deadline_s
        How long the latter may take from arrival to end [s].

    Raises
    ------
    LabError
        The numbers of a run break Little's law.
    """
    if type(replications) is not int or replications < LEAST_REPLICATIONS:
        raise InputError(f"replications {replications}: allowed is a whole number of {LEAST_REPLICATIONS} or more")
    if type(seed) is not int or seed < 0:
        raise InputError(f"seed {seed}: allowed is a whole number of 0 or more")
    drawn = draws_of(load, options)
    values: dict[str, list[float]] = {}
    sums: dict[str, Floats] = {}
    rows: list[list[dict[str, Any]]] = []
    first: tuple[Records, Work, Balance] | None = None
    engines: list[str] = []
    settled = distinct = True
    for replication in range(replications):
        if replication == 1 and not drawn.any and first is not None and first[0].attempts.max(initial=1) == 1:
            distinct = False  # nothing was drawn: every replication would be the same
            break
        work, played, still = _played(load, options, paths, retries, seed, replication)
        balance = check(played.records, _servers(options))
        settled &= still
        engines.append(played.engine)
        first = first or (played.records, work, balance)
        found, by_request, by_name = _measured(played.records, work, load, options, paths, deadline_s)
        rows.append(by_name)
        for name, value in found.items():
            values.setdefault(name, []).append(value)
        if not drawn.arrivals:
            for name, each in by_request.items():
                sums[name] = sums.get(name, 0.0) + each
    if first is None:
        raise InputError("nothing was simulated")
    times = replications // len(rows)
    by_replication = {name: np.array(held * times) for name, held in values.items()}
    spans = {name: span_of(each) for name, each in by_replication.items()}
    if not drawn.arrivals:
        means = {name: total / len(rows) for name, total in sums.items()}
        known, counts = latencies(*first[:2]), could_not_wait(*first[:2])
        spans |= trace_spans(known, means, spans, _fixed_usd(load, options))
        spans |= unserved_spans(known, counts, by_replication, spans)
    return Runs(
        values=by_replication,
        spans=spans,
        options=_averaged(rows),
        first=first[0],
        work=first[1],
        balance=first[2],
        engines=tuple(dict.fromkeys(engines)),
        distinct=distinct,
        settled=settled,
    )


def _played(
    load: Load, options: Sequence[Option], paths: Sequence[Sequence[int]], retries: Retries, seed: int, replication: int
) -> tuple[Work, Played, bool]:
    """Play one replication; where times depend on the number under way, until both agree."""
    work = work_of(load, options, retries.attempts, seed, replication)
    if not len(work.arrival_s):
        raise InputError("a replication drew no arrival: give a higher rate or a longer duration")
    played = play(work, options, paths, retries)
    if not by_concurrency(options):
        return work, played, True
    before = 0.0
    for _ in range(ROUNDS):
        under_way = under_way_at(played.records.start_s, played.records.end_s)
        mean = float(under_way.mean())
        if abs(mean - before) <= SETTLED * mean:
            return work, played, True
        before = mean
        work = timed(work, options, under_way, seed, replication)
        played = play(work, options, paths, retries)
    return work, played, False


def _servers(options: Sequence[Option]) -> dict[int, int]:
    return {
        code: option.gate.servers
        for code, option in enumerate(options)
        if option.gate is not None and option.gate.servers is not None
    }


def _measured(
    records: Records,
    work: Work,
    load: Load,
    options: Sequence[Option],
    paths: Sequence[Sequence[int]],
    deadline_s: float | None,
) -> tuple[dict[str, float], dict[str, Floats], list[dict[str, Any]]]:
    """Measure one replication: plain numbers, what they are sums of by request, and rows by option."""
    firsts = np.array([*(path[0] for path in paths), -1])[work.path]
    costs = costs_of(records, work, options)
    by_request = series(records, firsts, costs)
    found = {name: float(each.mean()) for name, each in by_request.items() if name != "cost_usd"}
    ends = records.end_s[~np.isnan(records.end_s)]
    span_s = max(load.period_s, float(ends.max()) if len(ends) else 0.0)
    rows = by_option(records, work, options, costs, span_s, load.period_s)
    fixed = _fixed_usd(load, options)
    found["cost_usd"] = np.nan if costs is None or fixed is None else float(costs.sum()) + fixed
    behind = gate_codes(options)
    limited = next((options[code].gate for path in paths for code in path if options[code].gate is not None), None)
    found["utilisation"] = np.nan if limited is None else use_of(limited, behind[limited.name], records, work, span_s)
    found["requests"] = float(len(records.option))
    found["cached_share"] = float((work.path < 0).mean())
    late = np.nan
    waits = work.path == 1
    if deadline_s is not None and waits.any() and not np.isnan(records.end_s[waits]).any():
        late = float((records.end_s - records.arrival_s > deadline_s)[waits].mean())
    found["late_share"] = late
    served, unserved = could_not_wait(records, work)
    found["unserved_share"] = unserved / (served + unserved) if unserved else 0.0
    for name, each in latencies(records, work).items():
        own = points(each)
        of_all = points_of_all(each, served, unserved) if unserved else own
        found |= {f"{name}.{point}": value for point, value in own.items()}
        found |= {f"{name}.all.{label(p)}": of_all[label(p)] for p in PERCENTILES}
    return found, by_request, rows


def _averaged(rows: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Average what the options did over the replications; None where one does not know it."""
    out = []
    for several in zip(*rows, strict=True):
        held = {name: [row[name] for row in several] for name in several[0] if name != "option"}
        means = {name: None if None in each else float(np.mean(each)) for name, each in held.items()}
        out.append({"option": several[0]["option"], **means})
    return out


def _fixed_usd(load: Load, options: Sequence[Option]) -> float | None:
    """Cost of what is bought by the hour over the period [USD]; None where it is not known."""
    hourly = [option.usd_per_hour for option in options]
    return None if None in hourly else load.period_s / 3600 * sum(usd or 0.0 for usd in hourly)
