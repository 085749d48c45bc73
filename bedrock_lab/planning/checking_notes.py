"""What a simulation tells its reader: what was assumed, what to mind, and what the plan said."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from bedrock_lab.assumptions import Assumption, Kind
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.planning.checking_demand import Played
from bedrock_lab.planning.checking_options import Laws, Stated, Ways
from bedrock_lab.planning.checking_plan import Choice
from bedrock_lab.predict.quota_notes import never_started
from bedrock_lab.predict.sim_arrivals import Process
from bedrock_lab.predict.sim_options import demands
from bedrock_lab.predict.sim_run import Runs
from bedrock_lab.predict.sim_service import Recorded
from bedrock_lab.pricing import Floats
from bedrock_lab.traffic.trace import Trace

BURSTY = 3.0
"""The trace's dispersion by the minute against that of a drawn process, from which the process is called too smooth."""


class Held(NamedTuple):
    """What was asked and what came of it; `undecided` where an SLO is asked for and nothing may decide it."""

    trace: Trace
    taken: Played
    stated: Stated
    choice: Choice | None
    laws: Laws
    ways: Ways
    runs: Runs
    process: Process | None
    slo: bool
    undecided: bool


def beside(choice: Choice, monthly: float | None) -> dict[str, Any]:
    """Lay what the plan said of its candidate beside what was simulated."""
    said = choice.cost_usd_per_month
    return {
        "candidate": choice.name,
        "option": choice.option,
        "tier": choice.tier,
        "planned_usd_per_month": said,
        "simulated_usd_per_month": monthly,
        "difference_usd_per_month": None if monthly is None or said is None else monthly - said,
        "comparable": not choice.notes,
    }


def assumptions(
    held: Held, clients: int | None, prompt_cache: float, burndown: Assumption | None
) -> tuple[Assumption, ...]:
    """Gather what was assumed."""
    made = list(held.taken.assumptions)
    made += [burndown] if burndown is not None else []
    made += _of_limits(held)
    if float(held.runs.values["first_refused_share"].max()) > 0:
        each = "each its own" if clients is None else float(clients)
        made.append(_assumed("retry_clients", each, "how many clients share the SDK's retry purse"))
    if prompt_cache:
        source = "stated by the user; writes that fill the cache are not in it"
        made.append(_assumed("prompt_cache", prompt_cache, source, "share of input"))
    if held.ways.deferrable:
        source = "stated by the user or the plan"
        made.append(_assumed("deferrable", held.ways.deferrable, source, "share of requests"))
        if held.stated.turnaround_h is not None:
            source = "stated by the user; none is published"
            made.append(_assumed("turnaround_h", held.stated.turnaround_h, source, "h"))
    return tuple(made)


def _of_limits(held: Held) -> Iterator[Assumption]:
    """State what was taken for the limits and how they let requests in."""
    if not any(option.gate is not None for option in held.ways.options):
        return
    yield _assumed("burst_s", held.stated.burst_s, "how large a burst is let through is not published", "s of the rate")
    yield from _of_holding(held)
    bought = next((o for o in held.ways.options if o.gate is not None and o.gate.bought), None)
    if bought is None:
        return
    for side in ("input", "output"):
        known = None if held.choice is None else getattr(held.choice, f"{side}_tpm")
        if known is not None:
            yield Assumption(
                name=f"capacity_{side}_tpm",
                value=known.value,
                lo=known.lo,
                hi=known.hi,
                kind=Kind.ASSUMED if known.lo < known.hi else Kind.CLAIMED,
                source=f"{bought.name} by the plan",
                unit="tokens/min",
            )
    source = "when bought capacity takes a request up is not published: while both its buckets hold something"
    yield _assumed("capacity_admission", "by the buckets", source)
    if held.laws.law is not None and not held.laws.stated:
        yield _assumed("capacity_latency", "as recorded", "latency on bought capacity is taken as the trace's own")


def _of_holding(held: Held) -> Iterator[Assumption]:
    """State how long requests are taken to hold their places, where that matters and no law says it."""
    settling = [option for option in held.ways.options if option.gate is not None and option.gate.settles]
    if held.laws.stated or not settling:
        return
    yield from held.taken.holding.assumptions
    silent = [option.name for option in settling if option.service is None]
    if held.laws.law is not None and silent:
        source = f"how long requests on {', '.join(silent)} hold what they reserve is taken as the trace's own timings"
        yield _assumed("held_latency", "as recorded", source)


def _assumed(name: str, value: float | str, source: str, unit: str = "") -> Assumption:
    return Assumption(name=name, value=value, kind=Kind.ASSUMED, source=source, unit=unit)


def warnings(held: Held, prices: Prices) -> tuple[str, ...]:
    """Say what a reader should know, each once."""
    options, runs = held.ways.options, held.runs
    silent = [option.name for option in options if option.service is None]
    timed = None if not isinstance(held.laws.law, Recorded) else int((~np.isnan(held.laws.law.e2e_s)).sum())
    hourly = next((o.name for o in options if o.usd_per_hour is None), None)
    said = [
        *held.taken.warnings,
        *(prices.notes if held.taken.rows else ()),
        *(held.choice.notes if held.choice else ()),
        f"{_unknown_latency(held)}: latencies are null" if held.laws.law is None else None,
        f"latencies are those of the {timed:,} rows with timings, of {len(held.taken.kept):,}"
        if timed is not None and timed < len(held.taken.kept)
        else None,
        f"nothing is known of latency on {', '.join(silent)}: it is left out of the latencies"
        if held.laws.law is not None and silent
        else None,
        f"what {hourly} costs an hour is not known: cost is null (--usd-per-hour)" if hourly else None,
        "no quota is stated: on demand refuses nobody (--tpm, --rpm)"
        if held.stated.limits is None and any(option.gate is None for option in options)
        else None,
        *_never_started(held),
        f"the SLO is not decided: {_undecided(held)}" if held.undecided else None,
        _unserved(held),
        "nothing is drawn: every replication is the same, and intervals say how stretches of the trace differ"
        if not runs.distinct
        else None,
        "service times and the number under way did not come to rest: the load is near what can be served"
        if not runs.settled
        else None,
        _smoother(held),
    ]
    return tuple(dict.fromkeys(text for text in said if text))


def _never_started(held: Held) -> list[str]:
    """Say how many requests no full bucket of the quota lets in, where they have nowhere else to go."""
    gate = held.ways.options[0].gate
    if gate is None or gate.limits is None:
        return []
    return never_started(demands(gate, held.runs.work).reserved, gate.limits)


def _unknown_latency(held: Held) -> str:
    own = held.trace.column("e2e_s")
    if own is None or np.isnan(np.asarray(own, dtype=float)[held.taken.kept]).all():
        return "no timings and no latency model"
    return "ttft_s and otps stand in place of the trace's timings"


def _undecided(held: Held) -> str:
    if held.laws.law is None:
        return "nothing is known of latency"
    if held.laws.stated:
        return "the latency model rests on emulated, synthetic or other systems' timings"
    return f"timings of origin {held.trace.origin} decide nothing"


def _unserved(held: Held) -> str | None:
    """Say how many requests count as endless in the SLO."""
    unserved = float(held.runs.values["unserved_share"].mean())
    if not held.slo or unserved == 0:
        return None
    return f"{unserved:.2%} of the requests that cannot wait are not served: the SLO takes them as endless"


def _smoother(held: Held) -> str | None:
    """Say that drawn arrivals are smoother by the minute than the trace's own."""
    times = held.trace.column("time_s")
    if held.process is None or times is None or held.trace.period_s < 600:
        return None
    own, made = _dispersion(times), _dispersion(held.runs.first.arrival_s)
    if own <= BURSTY * made:
        return None
    return (
        f"the trace is burstier than what is drawn (dispersion by the minute {own:.1f} against {made:.1f}): its own "
        "arrivals say more"
    )


def _dispersion(times_s: Floats) -> float:
    counts = np.bincount((times_s // 60).astype(np.int64))
    return float(counts.var() / counts.mean())
