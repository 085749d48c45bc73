"""What a run comes to: shares, costs, use and latencies of one replication, as plain numbers."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.predict.quota import DAY_S, MINUTE_S
from bedrock_lab.predict.sim_options import Gate, Option, Work, demands
from bedrock_lab.predict.sim_records import FAILED, OK, THROTTLED, Records
from bedrock_lab.stats import rank

Floats = NDArray[np.float64]

LATENCIES = ("ttft_s", "e2e_s", "wait_s")
PERCENTILES = (0.5, 0.9, 0.95, 0.99)


def label(p: float) -> str:
    """Name a percentile.

    >>> label(0.95)
    'p95'
    """
    return f"p{round(p * 100)}"


def latencies(records: Records, work: Work) -> dict[str, Floats]:
    """Return what is known of each latency of requests that could not wait and were served [s], as they came."""
    served = (records.outcome == OK) & (records.option >= 0) & (work.path == 0)
    by_name = {"ttft_s": records.ttft_s, "e2e_s": records.e2e_s, "wait_s": records.wait_s}
    return {name: values[served & ~np.isnan(values)] for name, values in by_name.items()}


def with_unserved(known: Floats, served: int, unserved: int) -> Floats:
    """Add the requests that nobody served as endless to what is known of a latency [s].

    Where only some of the served say it, as many are added as keep the share of the others. Where none does, all that
    can be said is which percentiles lie among the endless: the others are below all numbers.

    >>> with_unserved(np.array([1.0, 2.0]), 4, 2).tolist()
    [1.0, 2.0, inf]
    """
    if not unserved:
        return known
    if not len(known):
        return np.concatenate([np.full(served, -np.inf), np.full(unserved, np.inf)])
    return np.concatenate([known, np.full(math.ceil(unserved * len(known) / served - 1e-9), np.inf)])


def points_of_all(known: Floats, served: int, unserved: int) -> dict[str, float]:
    """Return the percentiles over all requests that could not wait; NaN where nothing says them.

    >>> points_of_all(np.array([]), 15, 5)
    {'p50': nan, 'p90': inf, 'p95': inf, 'p99': nan}
    """
    every = np.sort(with_unserved(known, served, unserved))
    return {label(p): value if value > -np.inf else np.nan for p, value in _percentiles(every).items()}


def could_not_wait(records: Records, work: Work) -> tuple[int, int]:
    """Count the requests that could not wait and did not come from the cache: (served, unserved)."""
    mine = work.path == 0
    served = int((mine & (records.outcome == OK)).sum())
    return served, int(mine.sum()) - served


def series(records: Records, firsts: Floats, costs: Floats | None) -> dict[str, Floats]:
    """Return by request what the shares and the cost are sums of.

    Parameters
    ----------
    firsts
        First option of each request's path.
    costs
        Cost of each request where it was served [USD].
    """
    made = {
        "throttled_share": records.outcome == THROTTLED,
        "failed_share": records.outcome == FAILED,
        "first_refused_share": (records.attempts > 1) | (records.outcome == THROTTLED),
        "overflow_share": (records.option >= 0) & (records.option != firsts),
    }
    out: dict[str, Floats] = {name: values.astype(np.float64) for name, values in made.items()}
    if costs is not None:
        out["cost_usd"] = costs
    return out


def costs_of(records: Records, work: Work, options: Sequence[Option]) -> Floats | None:
    """Cost of each request where it was served [USD]; None where an option that served some has no prices."""
    cost = np.zeros(len(records.option))
    for code, option in enumerate(options):
        mine = records.option == code
        if not mine.any():
            continue
        if option.usd is None:
            return None
        cost[mine] = option.usd[work.row[mine]]
    return cost


def use_of(gate: Gate, codes: Sequence[int], records: Records, work: Work, span_s: float) -> float:
    """Share of a gate's limits that was used over a span of time: that of the limit used most."""
    mine = np.isin(records.option, codes)
    asked = demands(gate, work)
    shares = [0.0]
    if gate.servers is not None:
        held = ((work.holds_s[code], records.option == code) for code in codes)
        busy = sum(float(np.nansum(holds[there])) for holds, there in held if holds is not None)
        shares.append(busy / (gate.servers * span_s))
    for tokens, tpm in ((asked.pool_input, gate.input_tpm), (asked.pool_output, gate.output_tpm)):
        if tpm is not None:
            shares.append(float(tokens[mine].sum()) / (tpm * span_s / MINUTE_S))
    if gate.limits is not None:
        used = float(asked.used[mine].sum())
        limits = ((used, gate.limits.tpm, MINUTE_S), (float(mine.sum()), gate.limits.rpm, MINUTE_S))
        for amount, most, by_s in (*limits, (used, gate.limits.tpd, DAY_S)):
            if most is not None:
                shares.append(amount / (most * span_s / by_s))
    return max(shares)


def gate_codes(options: Sequence[Option]) -> dict[str, list[int]]:
    """List the options behind each gate."""
    out: dict[str, list[int]] = {}
    for code, option in enumerate(options):
        if option.gate is not None:
            out.setdefault(option.gate.name, []).append(code)
    return out


def by_option(
    records: Records, work: Work, options: Sequence[Option], costs: Floats | None, span_s: float, period_s: float
) -> list[dict[str, Any]]:
    """Describe what each option did in one replication."""
    behind = gate_codes(options)
    rows = []
    for code, option in enumerate(options):
        mine = records.option == code
        fixed = None if option.usd_per_hour is None else option.usd_per_hour * period_s / 3600
        variable = None if costs is None else float(costs[mine].sum())
        cost = None if fixed is None or variable is None else fixed + variable
        gate = option.gate
        e2e = records.e2e_s[mine]
        known = e2e[~np.isnan(e2e)]
        rows.append(
            {
                "option": option.name,
                "requests": float(mine.sum()),
                "share": float(mine.mean()) if len(mine) else 0.0,
                "input_tokens": float(work.input_tokens[mine].sum()),
                "cache_read_tokens": float(work.cache_read_tokens[mine].sum()),
                "output_tokens": float(work.output_tokens[mine].sum()),
                "utilisation": None if gate is None else use_of(gate, behind[gate.name], records, work, span_s),
                "cost_usd": cost,
                "wait_mean_s": float(records.wait_s[mine].mean()) if mine.any() else None,
                "e2e_mean_s": float(known.mean()) if len(known) else None,
            }
        )
    return rows


def points(values: Floats) -> dict[str, float]:
    """Return mean and percentiles; NaN where there are too few values for one.

    >>> points(np.arange(1.0, 21.0))
    {'mean': 10.5, 'p50': 10.0, 'p90': 18.0, 'p95': 19.0, 'p99': nan}
    """
    if not len(values):
        return dict.fromkeys(["mean", *map(label, PERCENTILES)], np.nan)
    found = _percentiles(np.sort(values))
    return {"mean": float(values.mean())} | {label(p): value for p, value in found.items()}


def _percentiles(ordered: Floats) -> dict[float, float]:
    def enough(p: float) -> bool:
        return len(ordered) >= 1 / (1 - p) - 1e-9

    return {p: float(ordered[rank(len(ordered), p) - 1]) if enough(p) else np.nan for p in PERCENTILES}
