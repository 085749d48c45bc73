"""Make a Trace from what people know by heart: requests a month and average lengths."""

from pathlib import Path

import numpy as np

from bedrock_lab.assumptions import Origin
from bedrock_lab.errors import InputError
from bedrock_lab.traffic.clock import MONTH_S
from bedrock_lab.traffic.shapes import shape_weights
from bedrock_lab.traffic.trace import Trace, make_trace

DAY_S = 86_400
MOST_DAYS = 3660
MOST_REQUESTS = 2_000_000
START = "2026-01-05T00:00:00Z"
INPUT_SD_LOG = 0.99
OUTPUT_SD_LOG = 0.86
EXAMPLE_MODEL = "us.anthropic.claude-sonnet-4-6"


def from_averages(
    requests_per_month: float,
    input_mean: float,
    output_mean: float,
    *,
    shape: str | Path = "flat",
    days: int = 14,
    seed: int = 0,
    model: str | None = None,
    input_sd_log: float = INPUT_SD_LOG,
    output_sd_log: float = OUTPUT_SD_LOG,
) -> Trace:
    """Make requests up from averages.

    Arrivals are a Poisson process whose rate follows the shape by the hour, conditioned on its number of arrivals;
    lengths are lognormal, drawn independently, then scaled so that their means are those stated (to half a token
    in the total). The first arrival is at 0 s and the last in the final minute, so that the period is `days` days.

    Parameters
    ----------
    requests_per_month
        Requests in a month of 2,628,000 s.
    input_mean, output_mean
        Mean tokens of a request [tokens]: input 1 or more; output 0, or 1 or more.
    shape
        ``flat``, ``office`` or a file of 168 weights.
    days
        How many days to make, from a Monday 00:00 UTC [d].
    seed
        Seed of the random numbers; the same seed gives the same rows.
    model
        Model every row names; None leaves it open.
    input_sd_log, output_sd_log
        Standard deviation of the natural logarithm of the lengths. The defaults are those of the 19,366 requests
        of the public Azure conversation trace of 2023 (0.985 and 0.859; the two lengths' logarithms correlate by
        0.09, taken as 0). Yours may differ: an assumption that matters for peaks, not for totals.

    Returns
    -------
    Trace
        Requests; above 2,000,000 of them sums over windows of 60 s, where a window's tokens follow the normal
        approximation of a sum of lognormal lengths and the totals are exact.

    Raises
    ------
    InputError
        When a figure is not in its range or gives fewer than two requests.

    Examples
    --------
    >>> trace = from_averages(100_000, 1200, 300, days=7)
    >>> trace.requests, trace.period_s / 86_400, round(float(trace.column("input_tokens").mean()), 6)
    (23014, 7.0, 1200.0)
    """
    total = checked_count(requests_per_month, days)
    means = {"input_tokens": checked_mean("input_mean", input_mean, total)}
    means["output_tokens"] = 0.0 if output_mean == 0 else checked_mean("output_mean", output_mean, total)
    spreads = {
        "input_tokens": checked_spread("input_sd_log", input_sd_log),
        "output_tokens": checked_spread("output_sd_log", output_sd_log),
    }
    weights = shape_weights(shape)
    rng = generator(seed)
    by_hour = np.tile(weights, days // 7 + 1)[: days * 24]
    if not by_hour.any():
        raise InputError(f"shape {shape}: every weight of the first {days} days is 0; at least one above 0 is needed")
    notes = [
        f"arrivals: Poisson with the hourly rates of the shape {shape}",
        f"lengths: lognormal, standard deviations of the logarithm {input_sd_log:g} and {output_sd_log:g}",
        "lengths: input and output independent; the default spreads are those of the Azure trace of 2023",
        "no prompt caching: averages do not say how much of the input is cached",
    ]
    source = (
        f"averages: {requests_per_month:,.10g} requests a month, {input_mean:g} input and {output_mean:g} output "
        f"tokens each, shape {shape}, {days} days, seed {seed}"
    )
    if total > MOST_REQUESTS:
        columns = window_columns(rng, total, by_hour, means, spreads)
        notes.append("sums over windows of 60 s, by the normal approximation")
        window_s: float | None = 60.0
    else:
        columns = request_columns(rng, total, by_hour, means, spreads)
        window_s = None
    if model is not None:
        columns["model"] = np.full(len(columns["time_s"]), model, dtype=object)
    return make_trace(
        columns,
        origin=Origin.SYNTHETIC,
        source=source,
        format="averages",
        kind="requests" if window_s is None else "windows",
        window_s=window_s,
        start_time=START,
        notes=notes,
    )


def generator(seed: int) -> np.random.Generator:
    """Return the random numbers of a seed or refuse it."""
    if type(seed) is not int or seed < 0:
        raise InputError(f"seed is {seed!r}; a whole number of 0 or more is allowed")
    return np.random.default_rng(seed)


def example_trace(seed: int = 0) -> Trace:
    """Make two weeks of office traffic to try things on; nobody's.

    Two million requests a month with the mean lengths of the public Azure conversation trace of 2023: 1,155 input
    and 211 output tokens, to Claude Sonnet 4.6 through its US profile.

    >>> example_trace().origin
    <Origin.SYNTHETIC: 'synthetic'>
    """
    return from_averages(2_000_000, 1155, 211, shape="office", seed=seed, model=EXAMPLE_MODEL)


def request_columns(
    rng: np.random.Generator, total: int, by_hour: np.ndarray, means: dict[str, float], spreads: dict[str, float]
) -> dict[str, np.ndarray]:
    """Draw single requests."""
    counts = rng.multinomial(total, by_hour / by_hour.sum())
    times = (np.repeat(np.arange(len(by_hour)), counts) + rng.random(total)) * 3600.0
    times.sort()
    times[0] = 0.0
    end = len(by_hour) * 3600.0
    if times[-1] < end - 60.0:
        times[-1] = end - 60.0 + 60.0 * rng.random()
    columns = {"time_s": times}
    for name, mean in means.items():
        shares = rng.lognormal(0.0, spreads[name], total)
        columns[name] = with_total(np.ones(total, dtype=np.int64), shares, mean)
    return columns


def window_columns(
    rng: np.random.Generator, total: int, by_hour: np.ndarray, means: dict[str, float], spreads: dict[str, float]
) -> dict[str, np.ndarray]:
    """Draw sums over windows of 60 s."""
    by_minute = np.repeat(by_hour, 60)
    counts = rng.multinomial(total, by_minute / by_minute.sum()).astype(np.int64)
    columns = {"time_s": np.arange(len(counts)) * 60.0, "requests": counts}
    for name, mean in means.items():
        deviation = mean * np.sqrt(counts * np.expm1(spreads[name] ** 2))
        drawn = counts * mean + deviation * rng.standard_normal(len(counts))
        columns[name] = with_total(counts, np.maximum(drawn - counts, 0.0), mean)
    return columns


def with_total(counts: np.ndarray, shares: np.ndarray, mean: float) -> np.ndarray:
    """Return whole tokens in proportion to the shares, 1 or more a request, with the mean stated."""
    requests = int(counts.sum())
    if mean == 0:
        return np.zeros(len(counts), dtype=np.int64)
    return np.asarray(counts + apportion(shares, round(requests * mean) - requests))


def apportion(shares: np.ndarray, total: int) -> np.ndarray:
    """Split a whole number in proportion to shares, by largest remainders.

    >>> apportion(np.array([1.0, 1.0, 2.0]), 5).tolist()
    [1, 1, 3]
    """
    if not shares.any():
        shares = np.ones(len(shares))
    scaled = shares / shares.max()
    exact = scaled / scaled.sum() * total
    out: np.ndarray = np.floor(exact).astype(np.int64)
    left = total - int(out.sum())
    if left < 0:
        # rounding of floats near 2^53: the largest part can spare it
        out[np.argmax(out)] += left
    else:
        np.add.at(out, np.resize(np.argsort(out - exact, kind="stable"), left), 1)
    return out


def checked_count(requests_per_month: float, days: int) -> int:
    """Return how many requests the days hold or refuse the figures."""
    if type(days) is not int or not 1 <= days <= MOST_DAYS:
        raise InputError(f"days is {days!r}; a whole number from 1 to {MOST_DAYS} is allowed")
    if not 0 < requests_per_month < 1e15:
        raise InputError(f"requests_per_month is {requests_per_month!r}; a number above 0 and below 1e15 is allowed")
    total = round(requests_per_month * days * DAY_S / MONTH_S)
    if total < 2:
        raise InputError(
            f"requests_per_month is {requests_per_month:g}; over {days} days that makes {total} requests, "
            "at least 2 are needed: give more days"
        )
    return total


def checked_mean(name: str, mean: float, total: int) -> float:
    """Return a mean length or refuse it."""
    if not 1 <= mean <= 1e9 or total * mean > 2**53:
        zero = "0, or " if name == "output_mean" else ""
        raise InputError(f"{name} is {mean!r}; {zero}1 to 1e9 tokens are allowed, below 2^53 in total")
    return float(mean)


def checked_spread(name: str, value: float) -> float:
    """Return a standard deviation of logarithms or refuse it."""
    if not 0 <= value <= 5:
        raise InputError(f"{name} is {value!r}; 0 to 5 is allowed")
    return float(value)
