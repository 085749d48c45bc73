"""Make more traffic like some that was seen."""

import math

import numpy as np

from bedrock_lab.assumptions import Origin
from bedrock_lab.errors import InputError
from bedrock_lab.traffic.arrays import from_numpy
from bedrock_lab.traffic.averages import generator
from bedrock_lab.traffic.columns import GROUPING, TOKEN_COLUMNS
from bedrock_lab.traffic.trace import Trace, make_trace
from bedrock_lab.traffic.windows import window_sums

MINUTE_S = 60.0
MOST_REQUESTS = 50_000_000
KEPT = (*GROUPING, *TOKEN_COLUMNS, "max_tokens")


def synth(like: Trace, hours: float | None = None, seed: int = 0) -> Trace:
    """Make requests like those of a Trace.

    Arrivals are a Poisson process with the source's requests of each minute as its rate; where `hours` reach past
    the source it is repeated, and time is never compressed. Each request takes tokens, `max_tokens`, model, app and
    the other grouping columns together from one request of the source, drawn with replacement from all of them:
    lengths keep their joint distribution and lose their order. Outcomes, latencies, ids and prefix hashes are not
    carried over, for nobody sent these requests.

    Parameters
    ----------
    like
        Single requests to resample.
    hours
        How long the new traffic runs [h]; as long as the source's period where unset.
    seed
        Seed of the random numbers; the same seed gives the same rows.

    Raises
    ------
    InputError
        When the source holds windows, no request has input tokens, or `hours` is not above 0.
    """
    like.need_requests("making traffic like another")
    length_s = like.period_s if hours is None else hours * 3600.0
    if not 0 < length_s < math.inf:
        raise InputError(f"hours is {hours}; a number above 0 is allowed")
    rng = generator(seed)
    times = arrivals(rng, window_sums(like, MINUTE_S, ["requests"])["requests"], length_s)
    inputs = like.column("input_tokens")
    if inputs is None:
        raise InputError(f"{like.source}: no request has input tokens to draw from")
    # a request refused before it ran has no usage to draw from
    usable = np.flatnonzero(~np.isnan(inputs.astype(np.float64)))
    rows = from_numpy(usable[rng.integers(0, len(usable), len(times))])
    names = [name for name in KEPT if name in like.table.column_names]
    drawn = like.table.select(names).take(rows).combine_chunks()
    return make_trace(
        {"time_s": times, **{name: drawn.column(name) for name in names}},
        origin=Origin.SYNTHETIC,
        source=f"resampled from {like.source}, {length_s / 3600:g} h, seed {seed}",
        format="synthetic",
        start_time=like.start_time,
        expresses=like.expresses,
        notes=(
            *like.notes,
            f"arrivals: Poisson by the minute of {like.source} ({like.period_s / 3600:g} h), repeated to fill",
            "lengths: drawn with replacement from the source's requests, without regard to time or session",
        ),
    )


def arrivals(rng: np.random.Generator, by_minute: np.ndarray, length_s: float) -> np.ndarray:
    """Draw arrival times [s] whose expected number in each minute is the source's, repeated to `length_s`.

    The first arrival is put at 0, as in any Trace; where none is drawn there is that one.
    """
    minutes = math.ceil(length_s / MINUTE_S)
    expected = minutes / len(by_minute) * float(by_minute.sum())
    if expected > MOST_REQUESTS:
        raise InputError(f"{length_s / 3600:g} h would be {expected:.3g} requests; up to {MOST_REQUESTS:,} are made")
    counts = rng.poisson(np.resize(by_minute, minutes))
    starts = np.repeat(np.arange(minutes) * MINUTE_S, counts)
    times = np.sort(starts + MINUTE_S * rng.random(len(starts)))
    times = times[times < length_s]
    if not len(times):
        return np.zeros(1)
    times[0] = 0.0
    return np.asarray(times)
