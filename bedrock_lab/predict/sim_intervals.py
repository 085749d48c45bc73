"""How sure the figures of a simulation are: over replications, and over stretches of a trace."""

import math

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.predict.sim_measures import PERCENTILES, label, with_unserved
from bedrock_lab.stats import effective_size, percentile_interval

Floats = NDArray[np.float64]
Span = tuple[float | None, float | None]

BATCHES = 20
"""Stretches of a trace whose means are taken for independent."""
LEAST_BATCH = 10
"""Requests of such a stretch at least."""


def span_of(values: Floats) -> Span:
    """95 % interval of a mean over independent replications, by Student's law."""
    if np.isnan(values).any():
        return None, None
    if np.isinf(values).any():
        return float(values.min()), float(np.inf)
    return _student(values)


def _student(values: Floats) -> tuple[float, float]:
    from scipy.special import stdtrit

    count, mean = len(values), float(values.mean())
    half = float(stdtrit(count - 1, 0.975)) * float(values.std(ddof=1)) / np.sqrt(count)
    return mean - half, mean + half


def trace_spans(
    known: dict[str, Floats], means: dict[str, Floats], spans: dict[str, Span], fixed_usd: float | None
) -> dict[str, Span]:
    """Find the intervals where all replications share the arrivals of a trace: how much traffic like it differs.

    Shares and costs by means of successive stretches of the trace; percentiles by ranks on the effective number of
    values, widened to the interval of the replications.

    Parameters
    ----------
    known
        Latencies of the first replication.
    means
        By request, what shares and cost are sums of, averaged over the replications.
    fixed_usd
        Cost of what is bought by the hour [USD].
    """
    out: dict[str, Span] = {}
    for name, each in means.items():
        out[name] = _batch_span(each) if name != "cost_usd" else _cost_span(each, fixed_usd)
    for name, each in known.items():
        size = effective_size(each)
        for p in PERCENTILES:
            key = f"{name}.{label(p)}"
            held, found = spans[key], percentile_interval(each, p, size)
            if found.lo is None or found.hi is None or held[0] is None or held[1] is None:
                out[key] = (None, None)
            else:
                out[key] = (min(found.lo, held[0]), max(found.hi, held[1]))
        if len(each) >= BATCHES * LEAST_BATCH:
            out[f"{name}.mean"] = _student(_batches(each))
    return out


def unserved_spans(
    known: dict[str, Floats], counts: tuple[int, int], values: dict[str, Floats], spans: dict[str, Span]
) -> dict[str, Span]:
    """Find the intervals of percentiles in which a request that nobody served counts as endless, as `trace_spans` does.

    Parameters
    ----------
    known
        Latencies of the first replication.
    counts
        Its requests that could not wait: served, unserved.
    values, spans
        By name, of the replications, and the intervals found so far.
    """
    served, unserved = counts
    out: dict[str, Span] = {}
    for name, each in known.items():
        every = with_unserved(each, served, unserved)
        share = effective_size(each) / len(each) if len(each) else 1.0
        for p in PERCENTILES:
            key = f"{name}.all.{label(p)}"
            if not values["unserved_share"].any():
                out[key] = spans[f"{name}.{label(p)}"]
                continue
            held, found = span_of(values[key]), percentile_interval(every, p, int(share * len(every)))
            lo, hi = (None if v is None or v == -math.inf else v for v in (found.lo, found.hi))
            if lo is None or hi is None or held[0] is None or held[1] is None:
                out[key] = (None, None)
            else:
                out[key] = (min(lo, held[0]), max(hi, held[1]))
    return out


def _batches(each: Floats) -> Floats:
    size = len(each) // BATCHES
    means: Floats = each[: BATCHES * size].reshape(BATCHES, size).mean(axis=1)
    return means


def _batch_span(each: Floats) -> Span:
    """Interval of a share; none seen of n leaves up to 1 - 0.05^(1/n) possible."""
    if len(each) < BATCHES * LEAST_BATCH:
        return None, None
    if not each.any():
        return 0.0, 1 - 0.05 ** (1 / len(each))
    low, high = _student(_batches(each))
    return max(0.0, low), min(1.0, high)


def _cost_span(each: Floats, fixed_usd: float | None) -> Span:
    if len(each) < BATCHES * LEAST_BATCH or fixed_usd is None:
        return None, None
    low, high = _student(_batches(each))
    return fixed_usd + max(0.0, low) * len(each), fixed_usd + high * len(each)
