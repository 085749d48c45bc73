"""Quotas on demand: token buckets that a request reserves from when it starts and settles with when it ends.

At the start Bedrock deducts everything the request may use, ``input + cache read + cache write + max_tokens``; at the
end it keeps ``input + cache write + output x burndown`` and returns the rest. Quota is not the bill: the burndown rate
and the reservation of ``max_tokens`` cost quota, never money.

How large a burst AWS lets through is not published. A bucket holds ``burst_s`` seconds of its rate, 60 unless stated;
the tokens of a day refill evenly over the day.

>>> state = full(Limits(tpm=2_000_000), now_s=0.0)
>>> started = 0
>>> while (after := start(state, reservation(input_tokens=500, max_tokens=64_000), now_s=0.0)).refused is None:
...     state, started = after.state, started + 1
>>> started, after.refused
(31, 'tpm')
"""

import dataclasses
from typing import NamedTuple

from bedrock_lab.errors import InputError

MINUTE_S = 60.0
DAY_S = 86_400.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Quota of one model in one account; None is no limit.

    Attributes
    ----------
    tpm, rpm, tpd
        Tokens a minute, requests a minute, tokens a day.
    burst_s
        How many seconds of its rate a bucket by the minute holds [s].
    """

    tpm: float | None = None
    rpm: float | None = None
    tpd: float | None = None
    burst_s: float = MINUTE_S

    def __post_init__(self) -> None:
        """Refuse what is no limit."""
        for name in ("tpm", "rpm", "tpd", "burst_s"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise InputError(f"{name} {value!r}: allowed is a number above 0")


class Bucket(NamedTuple):
    """A token bucket as it stood at a time; `level` below 0 is a debt."""

    rate_per_s: float
    capacity: float
    level: float
    at_s: float


class State(NamedTuple):
    """The buckets of one model in one account; None is no limit."""

    tpm: Bucket | None
    rpm: Bucket | None
    tpd: Bucket | None


class Start(NamedTuple):
    """What became of a start: the state after it, and the limit that refused it (tpm, rpm, tpd) or None."""

    state: State
    refused: str | None


def refilled(bucket: Bucket, now_s: float) -> Bucket:
    """Let a bucket fill up to a time; a clock that runs backwards changes nothing.

    >>> refilled(Bucket(rate_per_s=2.0, capacity=100.0, level=10.0, at_s=0.0), 5.0).level
    20.0
    """
    passed_s = now_s - bucket.at_s
    if passed_s <= 0:
        return bucket
    level = min(bucket.capacity, bucket.level + passed_s * bucket.rate_per_s)
    return Bucket(bucket.rate_per_s, bucket.capacity, level, now_s)


def full(limits: Limits, now_s: float) -> State:
    """Return the full buckets of a quota."""

    def bucket(amount: float | None, period_s: float, holds_s: float) -> Bucket | None:
        if amount is None:
            return None
        capacity = amount * holds_s / period_s
        return Bucket(amount / period_s, capacity, capacity, now_s)

    return State(
        tpm=bucket(limits.tpm, MINUTE_S, limits.burst_s),
        rpm=bucket(limits.rpm, MINUTE_S, limits.burst_s),
        tpd=bucket(limits.tpd, DAY_S, DAY_S),
    )


def reservation(
    *,
    input_tokens: int,
    max_tokens: int,
    cache_read_tokens: int = 0,
    cache_write_tokens: int = 0,
    burndown: float = 1.0,
) -> float:
    """Quota tokens deducted when a request starts [tokens].

    Sources disagree whether ``max_tokens`` is multiplied here too: `burndown` is 1 unless stated.

    >>> reservation(input_tokens=500, max_tokens=1000)
    1500.0
    """
    return input_tokens + cache_read_tokens + cache_write_tokens + max_tokens * burndown


def settlement(*, input_tokens: int, output_tokens: int, cache_write_tokens: int = 0, burndown: float = 1.0) -> float:
    """Quota tokens a finished request has used; cache reads are free [tokens].

    >>> settlement(input_tokens=500, output_tokens=100, burndown=5)
    1000
    """
    return input_tokens + cache_write_tokens + output_tokens * burndown


def start(state: State, tokens: float, now_s: float) -> Start:
    """Start a request that reserves tokens, or refuse it and take nothing.

    Parameters
    ----------
    tokens
        Its `reservation` [tokens].
    now_s
        The time by any clock that does not run backwards [s].
    """
    tpm = state.tpm and refilled(state.tpm, now_s)
    rpm = state.rpm and refilled(state.rpm, now_s)
    tpd = state.tpd and refilled(state.tpd, now_s)
    kept = State(tpm, rpm, tpd)
    if rpm is not None and rpm.level < 1:
        return Start(kept, "rpm")
    if tpm is not None and tpm.level < tokens:
        return Start(kept, "tpm")
    if tpd is not None and tpd.level < tokens:
        return Start(kept, "tpd")
    return Start(State(_moved(tpm, -tokens), _moved(rpm, -1), _moved(tpd, -tokens)), None)


def settle(state: State, reserved: float, used: float, now_s: float) -> State:
    """End a request: return what it reserved and keep what it used; more than reserved leaves a debt.

    Parameters
    ----------
    reserved, used
        Its `reservation` and its `settlement` [tokens].
    """
    tpm = state.tpm and refilled(state.tpm, now_s)
    tpd = state.tpd and refilled(state.tpd, now_s)
    return State(_moved(tpm, reserved - used), state.rpm, _moved(tpd, reserved - used))


def _moved(bucket: Bucket | None, amount: float) -> Bucket | None:
    if bucket is None:
        return None
    level = min(bucket.capacity, bucket.level + amount)
    return Bucket(bucket.rate_per_s, bucket.capacity, level, bucket.at_s)
