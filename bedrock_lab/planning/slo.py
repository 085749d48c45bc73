"""Whether an option meets an SLO: only from evidence, else not known."""

import re
from collections.abc import Mapping

import numpy as np

from bedrock_lab.assumptions import Assumption, Origin
from bedrock_lab.errors import InputError
from bedrock_lab.planning.purchase import DEFERRED, Purchase
from bedrock_lab.stats import effective_size, percentile_interval
from bedrock_lab.traffic.trace import Trace

TERM = re.compile(r"(ttft|e2e)_p(50|90|95|99)")
EVIDENCE = (Origin.LIVE, Origin.LOG)
"""Origins whose latency may decide an SLO: never a synthetic or an emulated one, nor another system's."""


def parse_slo(text: str) -> dict[str, float]:
    """Read ``ttft_p95=1.5,e2e_p99=20`` [s].

    >>> parse_slo("ttft_p95=1.5")
    {'ttft_p95': 1.5}
    """
    out = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        try:
            out[name.strip()] = float(value)
        except ValueError:
            raise InputError(f"SLO {part!r}: write ttft_p95=SECONDS,e2e_p99=SECONDS") from None
    return check_slo(out)


def check_slo(slo: dict[str, float]) -> dict[str, float]:
    """Refuse SLO terms that name no latency percentile or no positive limit."""
    for name, limit in slo.items():
        number = isinstance(limit, int | float) and not isinstance(limit, bool)
        if not TERM.fullmatch(name) or not number or not 0 < limit < float("inf"):
            raise InputError(f"SLO {name}={limit}: write ttft_p95=SECONDS or e2e_p99=SECONDS (p50, p90, p95, p99)")
    return slo


def latency_error(stated: Mapping[str, Assumption]) -> float:
    """Return the largest relative error stated for latencies."""
    held = stated.get("latency_error")
    return 0.0 if held is None else float(held.hi if held.hi is not None else held.value)


def trace_meets(trace: Trace, slo: Mapping[str, float], *, error: float = 0.0) -> bool | None:
    """Whether the latencies of a trace's default tier meet an SLO: True, False, or None where they cannot say.

    True needs the upper end of every percentile's interval within its limit, False one lower end beyond it; with a
    relative error of the latencies, each end moved outwards by as much.
    """
    if not slo or trace.origin not in EVIDENCE or trace.kind != "requests":
        return None
    tier = trace.text("tier")
    default = np.ones(len(trace), dtype=bool) if tier is None else np.array([t in {None, "default"} for t in tier])
    verdicts: list[bool | None] = []
    for name, limit in slo.items():
        metric, _, share = name.partition("_p")
        values = trace.column(f"{metric}_s")
        if values is None:
            return None
        seen = values[default & ~np.isnan(values)]  # throttled and failed rows have no latency
        found = percentile_interval(seen, int(share) / 100, effective_size(seen))
        if found.lo is None or found.hi is None:
            verdicts.append(None)
        else:
            within, beyond = found.hi * (1 + error) <= limit, found.lo * (1 - error) > limit
            verdicts.append(True if within else False if beyond else None)
    if any(v is False for v in verdicts):
        return False
    return True if all(verdicts) else None


def carried(purchase: Purchase, met: bool | None) -> bool | None:
    """Carry evidence on default on-demand over: what is slower than it, or keeps most of it, fails with it."""
    if purchase.tier == "default" and purchase.option == "on-demand":
        return met
    by_token = purchase.tier in DEFERRED or (purchase.option == "mix" and not purchase.is_capacity)
    return False if met is False and by_token else None
