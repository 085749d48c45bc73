"""What requests ask of a quota: from the rows of a trace to tokens, limits of answers and times."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.assumptions import Assumption, Kind
from bedrock_lab.catalogue.model import Model, resolve
from bedrock_lab.errors import InputError, listing
from bedrock_lab.predict.quota import reservation, settlement
from bedrock_lab.predict.quota_buckets import Floats
from bedrock_lab.predict.quota_engine import Load
from bedrock_lab.predict.quota_holding import answers, holding
from bedrock_lab.predict.quota_windows import spread
from bedrock_lab.traffic.clock import utc_ns
from bedrock_lab.traffic.trace import Trace
from bedrock_lab.traffic.usage import CACHE_WRITES

NOT_ON_QUOTA = ("reserved", "batch", "provisioned")
"""Tiers that do not draw on the on-demand quota; default, priority and flex share it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Requests in the order of arrival, an array each.

    Attributes
    ----------
    prompt_tokens
        Input, cache reads and cache writes: what a start reserves beside `max_tokens`.
    kept_tokens
        Input and cache writes: what stays taken at the end beside the output.
    max_tokens, least_max_tokens
        The limit of each answer; the second is as long as the answer where the trace does not say.
    service_s, fastest_s, slowest_s
        How long each holds its reservation [s]; the three differ where it was not recorded.
    at_once_s
        When each would arrive if all of a window came at its beginning; `time_s` where arrivals are known.
    midnight_s
        Seconds from 00:00 UTC to time 0; None where the trace has no date.
    """

    time_s: Floats
    prompt_tokens: Floats
    kept_tokens: Floats
    output_tokens: Floats
    max_tokens: Floats
    least_max_tokens: Floats
    service_s: Floats
    fastest_s: Floats
    slowest_s: Floats
    at_once_s: Floats
    midnight_s: float | None

    def __len__(self) -> int:
        return len(self.time_s)

    @property
    def minute(self) -> NDArray[np.int64]:
        """Minute of each arrival, from the first."""
        return np.floor(self.time_s / 60.0).astype(np.int64)

    def part(self, keep: NDArray[np.bool_]) -> "Demand":
        """Leave requests out; the clock stays."""
        arrays = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        cut: dict[str, Any] = {name: value[keep] for name, value in arrays.items() if isinstance(value, np.ndarray)}
        return dataclasses.replace(self, **cut)

    def load(
        self, *, burndown: float, reserved_burndown: float, most: str, service: str, arrivals: str = "time_s"
    ) -> Load:
        """Return what the engine needs.

        Parameters
        ----------
        burndown, reserved_burndown
            Quota tokens of an output token when it is settled, and of a token of `max_tokens` when it is reserved.
        most, service, arrivals
            Which field holds the limits of the answers, which the times they take, and which those they arrive at.
        """
        limit: Floats = getattr(self, most)
        output = np.minimum(self.output_tokens, limit)
        return Load(
            time_s=getattr(self, arrivals),
            reserved=reservation(input_tokens=self.prompt_tokens, max_tokens=limit, burndown=reserved_burndown),
            used=settlement(input_tokens=self.kept_tokens, output_tokens=output, burndown=burndown),
            service_s=getattr(self, service),
        )


class Found:
    """Collects what was assumed and what should be told while a trace is read."""

    def __init__(self) -> None:
        self.assumptions: list[Assumption] = []
        self.warnings: list[str] = []

    def assume(self, name: str, value: float | str, source: str, unit: str = "", **ends: float) -> None:
        """Note an assumption."""
        self.assumptions.append(Assumption(name=name, value=value, kind=Kind.ASSUMED, source=source, unit=unit, **ends))


def demand_of(
    trace: Trace,
    model: Model,
    *,
    max_tokens: int | None,
    given: Mapping[str, Assumption],
    rng: np.random.Generator,
) -> tuple[Demand, Found]:
    """Read the requests of one model that draw on its quota.

    Parameters
    ----------
    max_tokens
        In place of what the rows say [tokens].
    given
        Stated ``ttft_s`` and ``otps``, for requests whose time is not recorded.
    rng
        Draws the output of requests that have none from those that have.

    Raises
    ------
    InputError
        The trace holds windows that count no requests, or no row with known input; or an answer's limit is not known
        at all.
    """
    found = Found()
    together = None
    if trace.kind == "windows":
        width = float(trace.window_s or 0.0)
        trace, together = spread(trace)
        _of_windows(width, trace, found, says=max_tokens is not None)
    kept = _kept(trace, model.id, found)
    prompt, whole = _prompt(trace, kept, found)
    output = _output(trace, kept, found, rng)
    says = _recorded(trace, kept, "max_tokens") if max_tokens is None else np.full(len(kept), float(max_tokens))
    longest = answers(says, output, model.max_output_tokens, source=trace.source, model=model.id)
    output = np.where(np.isnan(output), longest.most, output)
    held = holding(_recorded(trace, kept, "e2e_s"), np.minimum(output, longest.most), model.id, given)
    found.assumptions += [*longest.assumptions, *held.assumptions]
    found.warnings += [*_above_limit(says, model), *longest.warnings]
    times = np.asarray(trace.column("time_s"), dtype=float)[kept]
    start = None if trace.start_time is None else (utc_ns(trace.start_time) / 1e9) % 86_400.0
    demand = Demand(
        time_s=times,
        prompt_tokens=whole,
        kept_tokens=prompt,
        output_tokens=output,
        max_tokens=longest.most,
        least_max_tokens=longest.least,
        service_s=held.service_s,
        fastest_s=held.fastest_s,
        slowest_s=held.slowest_s,
        at_once_s=times if together is None else together[kept],
        midnight_s=start,
    )
    return demand, found


def _of_windows(width: float, trace: Trace, found: Found, *, says: bool) -> None:
    """Say what sums over windows cannot answer, and what stands in for it."""
    found.assume(
        "arrivals_in_a_window",
        "even",
        f"the rows are sums over {width:g} s: requests are spread evenly over each; at the other end all come at once",
    )
    if trace.column("e2e_s") is not None:
        found.assume("e2e_s", "median", "each request takes the median server latency of its window and model")
    found.warnings.append(
        "sums over windows do not say the mix within one: each request is taken as its window's mean"
        f"{'' if says else '; nor max_tokens, which --max-tokens N states'}"
    )


def _kept(trace: Trace, model: str, found: Found) -> NDArray[np.int64]:
    """Find the rows of the model that draw on the quota and whose input is known."""
    keep = np.ones(len(trace), dtype=bool)
    named, tier, inputs = trace.text("model"), trace.text("tier"), trace.column("input_tokens")
    if inputs is None:
        raise InputError(f"{trace.source}: a quota needs input_tokens, which the trace does not have")
    reasons = [
        (np.isnan(np.asarray(inputs, dtype=float)), "rows without input tokens, so that demand may be understated")
    ]
    if named is not None:
        same = {name: name is None or resolve(str(name)).model.id == model for name in set(named)}
        reasons.append((~np.array([same[name] for name in named]), "rows of other models"))
    if tier is not None:
        reasons.append((np.isin(tier.astype(str), NOT_ON_QUOTA), "rows of reserved, batch or provisioned capacity"))
    for bad, words in reasons:
        if (bad & keep).any():
            found.warnings.append(f"left out: {words}: {int((bad & keep).sum()):,}")
            keep &= ~bad
    if not keep.any():
        others = [] if named is None else sorted({str(name) for name in named if name is not None and not same[name]})
        calls = f"; its rows call {listing(others, 3)}" if others else ""
        raise InputError(f"{trace.source}: no row of {model} with known input draws on an on-demand quota{calls}")
    for name in ("account", "region", "scope"):
        values = trace.text(name)
        if values is not None and len(set(values[keep])) > 1:
            found.warnings.append(f"the rows name several values of {name}, each with a quota of its own: select one")
    return np.flatnonzero(keep)


def _prompt(trace: Trace, kept: NDArray[np.int64], found: Found) -> tuple[Floats, Floats]:
    """Return (input and cache writes, the same with cache reads) [tokens]."""

    def tokens(bucket: str) -> Floats:
        column = trace.column(f"{bucket}_tokens")
        return np.zeros(len(kept)) if column is None else np.nan_to_num(np.asarray(column, dtype=float))[kept]

    if not {"cache_read", *CACHE_WRITES} & set(trace.expresses):
        source = f"format {trace.format} cannot express cache tokens: all input is taken as uncached"
        found.assume("no_prompt_caching", 0.0, source, "share of input")
    prompt = tokens("input") + sum(tokens(bucket) for bucket in CACHE_WRITES)
    return prompt, prompt + tokens("cache_read")


def _output(trace: Trace, kept: NDArray[np.int64], found: Found, rng: np.random.Generator) -> Floats:
    """Return output tokens; rows without are drawn from those with; all NaN where no row has any."""
    output = _recorded(trace, kept, "output_tokens")
    outcome = trace.text("outcome")
    if outcome is not None:
        output = np.where(np.isin(outcome[kept].astype(str), ("throttled", "failed")), np.nan, output)
    unknown = np.isnan(output)
    if unknown.all():
        found.assume("output_tokens", "max_tokens", "no row says how long its answer was: the longest is taken")
    elif unknown.any():
        source = f"lengths of {int(unknown.sum()):,} answers that are missing are drawn from those there are"
        found.assume("output_tokens", "drawn", source)
        output = output.copy()
        output[unknown] = rng.choice(output[~unknown], int(unknown.sum()))
    return output


def _above_limit(says: Floats, model: Model) -> list[str]:
    """Say how many rows ask for more than the model allows, which Bedrock refuses."""
    limit = model.max_output_tokens
    number = 0 if limit is None else int((says > limit).sum())
    return [f"max_tokens above the {limit:,} that {model.id} allows, reserved as stated: {number:,}"] if number else []


def _recorded(trace: Trace, kept: NDArray[np.int64], name: str) -> Floats:
    """Return a column of the rows; NaN where it says nothing."""
    column = trace.column(name)
    return np.full(len(kept), np.nan) if column is None else np.asarray(column, dtype=float)[kept]
