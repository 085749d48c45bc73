"""What a quota answer rests on, how it reads in a sentence, and how it changes with what is assumed."""

import dataclasses
import math
from collections.abc import Iterator, Sequence

from bedrock_lab.assumptions import Assumption, Kind
from bedrock_lab.predict.quota import MINUTE_S, Limits
from bedrock_lab.predict.quota_buckets import Floats
from bedrock_lab.predict.quota_passes import Case
from bedrock_lab.predict.quota_result import Limit, Variant
from bedrock_lab.predict.quota_retries import ATTEMPTS, Retries

BURNDOWNS = (1.0, 15.0)
"""The burndown rates AWS publishes for other models run from 1 to 15."""


ARRIVALS = "arrivals_in_a_window"
"""What is assumed of sums over windows: even, or all at once."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Burndown:
    """Quota tokens of an output token, and how that is known."""

    value: float
    lo: float
    hi: float
    assumption: Assumption | None


def burndown_of(model: str, known: int | None, given: tuple[float, float, float] | None) -> Burndown:
    """Return the stated burndown, else the catalogue's, else the range of all that are published.

    >>> burndown_of("some.model", None, None).value
    8.0
    """
    if given is None and known is not None:
        return Burndown(value=known, lo=known, hi=known, assumption=None)
    low, high = BURNDOWNS
    value, low, high = ((low + high) / 2, low, high) if given is None else given
    source = (
        f"no source gives the burndown of {model}; others' run from {low:g} to {high:g} (--burndown X states one)"
        if given is None
        else "stated by the user"
    )
    assumed = Assumption(
        name="burndown", value=value, lo=low, hi=high, kind=Kind.ASSUMED, source=source, unit="quota tokens a token"
    )
    return Burndown(value=value, lo=low, hi=high, assumption=assumed)


def assumed(case: Case, burndown: Burndown, *, simulated: bool) -> list[Assumption]:
    """List what is assumed of every quota, and of one that is simulated."""

    def note(name: str, value: float | str, source: str, unit: str, lo: float | None, hi: float | None) -> Assumption:
        return Assumption(name=name, value=value, lo=lo, hi=hi, kind=Kind.ASSUMED, source=source, unit=unit)

    made = [] if burndown.assumption is None else [burndown.assumption]
    if burndown.hi > 1:
        source = "sources disagree whether max_tokens is multiplied by the burndown when it is reserved"
        made.append(note("reserved_burndown", 1.0, source, "quota tokens a token", 1.0, burndown.hi))
    source = "how large a burst is let through is not published: a bucket holds so many seconds of its rate"
    made.append(note("burst_s", case.limits.burst_s, source, "s", None, None))
    if simulated:
        source = "how buckets refill is not published: all the time, or anew by the clock (both are simulated)"
        made.append(note("filling", case.filling, source, "", None, None))
        made.append(note("full_at_start", 1.0, "the trace begins with full buckets", "", None, None))
        source = f"botocore's standard mode, {ATTEMPTS} attempts by default; these clients share the requests evenly"
        made.append(note("sdk_clients", float(case.retries.clients or 0), source, "clients", None, None))
    return made


def variants(
    case: Case, burndown: Burndown, *, limits_assumed: bool, times_assumed: bool, arrivals_assumed: bool
) -> Iterator[tuple[str, str, Case]]:
    """Name every other way things may be, one assumption at a time and then the best and the worst together."""
    best, worst = case, case
    if burndown.lo < burndown.hi:
        yield "burndown", f"{burndown.lo:g}", dataclasses.replace(case, burndown=burndown.lo)
        yield "burndown", f"{burndown.hi:g}", dataclasses.replace(case, burndown=burndown.hi)
        best = dataclasses.replace(best, burndown=burndown.lo)
        worst = dataclasses.replace(worst, burndown=burndown.hi)
    if burndown.hi > 1:
        yield "reserved_burndown", f"{burndown.value:g}", dataclasses.replace(case, reserved_burndown=burndown.value)
        worst = dataclasses.replace(worst, reserved_burndown=burndown.hi)
    if limits_assumed:
        yield "max_tokens", "as long as the answer", dataclasses.replace(case, most="least_max_tokens")
        best = dataclasses.replace(best, most="least_max_tokens")
    if times_assumed:
        yield "times", "fast", dataclasses.replace(case, service="fastest_s")
        yield "times", "slow", dataclasses.replace(case, service="slowest_s")
        best = dataclasses.replace(best, service="fastest_s")
        worst = dataclasses.replace(worst, service="slowest_s")
    if arrivals_assumed:
        yield ARRIVALS, "all at once", dataclasses.replace(case, arrivals="at_once_s")
        worst = dataclasses.replace(worst, arrivals="at_once_s")
    yield "filling", "clock", dataclasses.replace(case, filling="clock")
    free = Retries(attempts=case.retries.attempts, clients=None)
    yield "sdk_clients", "one a request", dataclasses.replace(case, retries=free)
    by_clock = dataclasses.replace(worst, filling="clock")
    for words, other in (("the best", best), ("the worst", worst), ("the worst, clock", by_clock)):
        if other != case:
            yield "all", words, other


def span(value: float, name: str, others: Sequence[Variant]) -> tuple[float, float]:
    """Return what a share runs over."""
    seen = [value, *(getattr(each, name) for each in others)]
    return min(seen), max(seen)


def never_started(reserved: Floats, limits: Limits) -> list[str]:
    """Say how many requests reserve more than a full bucket holds."""
    most = min(limits.tpm * limits.burst_s / MINUTE_S if limits.tpm else math.inf, limits.tpd or math.inf)
    number = int((reserved > most).sum())
    if not number:
        return []
    return [f"requests that reserve more than a full bucket holds ({most:,.0f} tokens) never start: {number:,}"]


def one_request(starts: int, binds: str, sustained: float) -> str:
    """Say what a quota means for one kind of request."""
    return (
        f"{starts:,} requests start at once from full buckets, then {binds.upper()} refuses; in the long run "
        f"{sustained:,.1f} a minute get through."
    )


def whole_trace(
    requests: int,
    shares: dict[str, float],
    ranges: dict[str, tuple[float, float]],
    binds: str | None,
    limits: Sequence[Limit],
) -> str:
    """Say what a quota means for a trace."""
    closest = min(limits, key=lambda each: each.headroom)
    throttled, failed = shares["throttle_probability"], shares["failed_share"]
    low, high = ranges["throttle_probability"]
    if high == 0:
        return (
            f"None of {requests:,} requests is throttled: the closest limit, {closest.limit.upper()}, is "
            f"{closest.headroom:.2f} x what they need."
        )
    said = (
        f"{throttled:.2%} of {requests:,} requests are throttled at the first attempt ({low:.2%} to {high:.2%} with "
        "what is assumed)"
    )
    if not throttled:
        return f"{said}; {closest.limit.upper()} is {closest.headroom:.2f} x what they need."
    return (
        f"{said}, {failed:.2%} still fail after the SDK's retries; {str(binds).upper()} binds, and "
        f"{closest.needed:,.0f} {closest.limit.upper()} would let all through."
    )
