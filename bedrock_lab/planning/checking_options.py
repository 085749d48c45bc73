"""Which options serve the requests of a simulation: those of a plan's candidate, or of limits somebody states."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from bedrock_lab.assumptions import Assumption
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.errors import InputError
from bedrock_lab.planning.checking_demand import Played, cost_at
from bedrock_lab.planning.checking_plan import Choice, Known
from bedrock_lab.planning.purchase import DEFERRED
from bedrock_lab.predict.quota import Limits
from bedrock_lab.predict.quota_notes import burndown_of as catalogue_burndown
from bedrock_lab.predict.sim_options import Gate, Option
from bedrock_lab.predict.sim_service import Constant, Recorded, Service
from bedrock_lab.pricing import Floats

HOUR_S = 3600.0
WORST, CENTRAL, BEST = "worst", "central", "best"
ABOVE_ZERO = (
    *("tpm", "rpm", "tpd", "input_tpm", "output_tpm"),
    *("deadline_h", "turnaround_h", "usd_per_hour", "burndown", "reserve_burndown", "burst_s"),
)
"""Stated values that are numbers above 0, whether or not they come to count."""


BURST_S = 60.0
BOUGHT = "capacity: input_tpm, output_tpm or servers"
WAITING = "requests that can wait: deferrable"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """Limits and habits somebody states; None is not stated.

    Attributes
    ----------
    tpm, rpm, tpd, burst_s
        Quota on demand, and the seconds of its rate a bucket by the minute holds.
    burndown, reserve_burndown
        Quota tokens an output token counts, and a token of ``max_tokens`` at the start.
    input_tpm, output_tpm, usd_per_hour
        Capacity bought, and its price.
    servers, max_wait_s
        Requests at a time at the first option, and how long one may wait in line for it.
    overflow
        Whether what bought capacity refuses goes on demand.
    turnaround_h, deadline_h, defer_to
        How long batch takes, how long may pass, and where requests go that can wait.
    """

    tpm: float | None = None
    rpm: float | None = None
    tpd: float | None = None
    burst_s: float = BURST_S
    burndown: float | None = None
    reserve_burndown: float = 1.0
    input_tpm: float | None = None
    output_tpm: float | None = None
    usd_per_hour: float | None = None
    servers: int | None = None
    max_wait_s: float = 0.0
    overflow: bool = True
    deferrable: float | None = None
    deadline_h: float | None = None
    turnaround_h: float | None = None
    defer_to: str = "batch"

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        for name in ABOVE_ZERO:
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int | float) or not 0 < value < float("inf")):
                said = f"{value:g}" if isinstance(value, int | float) else repr(value)
                raise InputError(f"{name} {said}: allowed is a number above 0")
        if self.defer_to not in DEFERRED:
            raise InputError(f"defer_to {self.defer_to!r}: allowed are {', '.join(DEFERRED)}")

    def check_partners(self) -> None:
        """Refuse what counts for nothing without another value, where no plan brings that.

        Raises
        ------
        InputError
            Naming what it needs.
        """
        bought = self.input_tpm is not None or self.output_tpm is not None
        gated = bought or self.limits is not None or self.servers is not None
        needs = (
            ("usd_per_hour", self.usd_per_hour is not None, bought or self.servers is not None, BOUGHT),
            ("overflow", not self.overflow, bought or self.servers is not None, BOUGHT),
            ("burndown", self.burndown is not None, self.counts_tokens, "a quota of tokens: tpm or tpd"),
            ("reserve_burndown", self.reserve_burndown != 1.0, self.counts_tokens, "a quota of tokens: tpm or tpd"),
            (
                "burst_s",
                self.burst_s != BURST_S,
                bought or self.limits is not None,
                "a quota or capacity: tpm, input_tpm",
            ),
            ("max_wait_s", self.max_wait_s > 0, gated, "something to wait for: tpm, rpm, input_tpm or servers"),
            ("deadline_h", self.deadline_h is not None, bool(self.deferrable), WAITING),
            ("turnaround_h", self.turnaround_h is not None, bool(self.deferrable), WAITING),
        )
        for name, given, there, what in needs:
            if given and not there:
                raise InputError(f"{name} {getattr(self, name)} counts for nothing without {what}")

    @property
    def counts_tokens(self) -> bool:
        """Whether a quota counts tokens."""
        return self.tpm is not None or self.tpd is not None

    @property
    def limits(self) -> Limits | None:
        """The quota; None where none is stated."""
        if self.tpm is None and self.rpm is None and self.tpd is None:
            return None
        return Limits(tpm=self.tpm, rpm=self.rpm, tpd=self.tpd, burst_s=self.burst_s)


class Ways(NamedTuple):
    """Options and the paths over them: of requests that cannot wait, and of those that can."""

    options: tuple[Option, ...]
    paths: tuple[tuple[int, ...], ...]
    deferrable: float


class Laws(NamedTuple):
    """Laws of latency, and whether somebody states them (then they hold for every way of buying)."""

    law: Service | Recorded | None
    stated: bool

    def holds_s(self, taken: Played, side: str) -> Floats | None:
        """Return how long each row holds its place where the law does not say it [s]; None where it says all."""
        if self.stated:
            return None
        held = taken.holding
        return {WORST: held.slowest_s, CENTRAL: held.service_s, BEST: held.fastest_s}[side]


def burndown_of(stated: Stated, taken: Played) -> tuple[Known, Assumption | None]:
    """Burndown rate: stated, the catalogue's, or the range of what there is."""
    if stated.burndown is not None:
        return Known(stated.burndown, stated.burndown, stated.burndown), None
    if not stated.counts_tokens:
        return Known(1.0, 1.0, 1.0), None
    model = taken.model
    found = catalogue_burndown(
        "the model" if model is None else model.id, None if model is None else model.burndown, None
    )
    return Known(found.value, found.lo, found.hi), found.assumption


def ways_of(
    taken: Played, prices: Prices, stated: Stated, choice: Choice | None, laws: Laws, burndown: Known, side: str
) -> Ways:
    """Lay out the options.

    Parameters
    ----------
    side
        Where the limits stand in their ranges: worst, central or best.
    """
    quota = _quota(stated, burndown, side)
    tier, scope = (choice.tier, choice.scope) if choice is not None else ("default", None)
    bought = _bought(taken, stated, choice, laws, side)
    on_demand_tier = tier if tier not in {*DEFERRED, "reserved"} and bought is None else "default"
    if choice is not None and bought is not None and (choice.mixed or choice.option == "provisioned"):
        scope = choice.overflow_scope
    ratio = choice.ratio if choice is not None and on_demand_tier == tier else None
    holds_s = laws.holds_s(taken, side)
    on_demand = Option(
        name="on-demand" if on_demand_tier == "default" else on_demand_tier,
        gate=quota,
        service=laws.law if laws.stated or on_demand_tier == "default" else None,
        holds_s=holds_s,
        usd=cost_at(taken, prices, on_demand_tier, scope, ratio),
    )
    options = [on_demand] if bought is None else [bought, *([on_demand] if stated.overflow else [])]
    options[0] = _first(options[0], stated)
    paths: list[tuple[int, ...]] = [tuple(range(len(options)))]
    goes = choice.deferred if choice is not None else None
    share = stated.deferrable
    if share is None:
        share = choice.deferrable if choice is not None and goes is not None else 0.0
    if share:
        where = goes or stated.defer_to
        ratio = choice.ratio if choice is not None and goes == where else None
        options.append(_deferred(where, taken, prices, scope, ratio, stated, laws, quota, side))
        first = (0,) if bought is not None and choice is not None and choice.mixed else ()
        paths.append((*first, len(options) - 1))
    return Ways(tuple(options), tuple(paths), share)


def _quota(stated: Stated, burndown: Known, side: str) -> Gate | None:
    limits = stated.limits
    if limits is None:
        return None
    rate = {WORST: burndown.hi, CENTRAL: burndown.value, BEST: burndown.lo}[side]
    return Gate(name="quota", limits=limits, burndown=rate, reserve_burndown=stated.reserve_burndown)


def _bought(taken: Played, stated: Stated, choice: Choice | None, laws: Laws, side: str) -> Option | None:
    """Capacity bought; its requests cost nothing more."""
    name, hourly, reads = "capacity", stated.usd_per_hour, 0.0
    pair = [None if v is None else Known(v, v, v) for v in (stated.input_tpm, stated.output_tpm)]
    if choice is not None and choice.input_tpm is not None:
        if any(each is not None for each in pair):
            raise InputError("the plan's candidate says what was bought: give --input-tpm and --output-tpm without it")
        pair, name, hourly, reads = (
            [choice.input_tpm, choice.output_tpm], choice.base, choice.usd_per_hour, choice.reads_counted
        )  # fmt: skip
    if all(each is None for each in pair):
        return None
    at = {WORST: "lo", CENTRAL: "value", BEST: "hi"}[side]
    tpm = [None if each is None else float(getattr(each, at)) for each in pair]
    gate = Gate(name=name, input_tpm=tpm[0], output_tpm=tpm[1], burst_s=stated.burst_s, reads_counted=reads)
    usd, holds_s = 0.0 * taken.output_tokens, laws.holds_s(taken, side)
    return Option(name=name, gate=gate, service=laws.law, holds_s=holds_s, usd=usd, usd_per_hour=hourly)


def _first(option: Option, stated: Stated) -> Option:
    """Put the number at a time and the line before the first option."""
    if stated.servers is None and stated.max_wait_s == 0:
        return option
    gate = option.gate or Gate(name=option.name)
    return dataclasses.replace(
        option, gate=dataclasses.replace(gate, servers=stated.servers), max_wait_s=stated.max_wait_s
    )


def _deferred(
    tier: str,
    taken: Played,
    prices: Prices,
    scope: str | None,
    ratio: float | None,
    stated: Stated,
    laws: Laws,
    quota: Gate | None,
    side: str,
) -> Option:
    """Where requests go that can wait: flex shares the quota and waits in line for it, batch has no quota."""
    usd = cost_at(taken, prices, tier, scope, ratio)
    if tier == "batch":
        takes = None if stated.turnaround_h is None else Constant(stated.turnaround_h * HOUR_S)
        return Option(name="batch", service=takes, usd=usd)
    patience = 0.0 if stated.deadline_h is None else stated.deadline_h * HOUR_S
    law, holds_s = laws.law if laws.stated else None, laws.holds_s(taken, side)
    return Option(name=tier, gate=quota, max_wait_s=patience, service=law, holds_s=holds_s, usd=usd)


def spread(choice: Choice | None, burndown: Known, taken: Played, laws: Laws, ways: Ways) -> bool:
    """Whether what is assumed of the limits, or of how long a place is held, has a range."""
    known: Sequence[Known | None] = (burndown,)
    if choice is not None:
        known = (*known, choice.input_tpm, choice.output_tpm)
    settles = any(option.gate is not None and option.gate.settles for option in ways.options)
    open_ = bool((taken.least_tokens < taken.max_tokens).any())
    held = settles and not laws.stated and taken.holding.spread
    return open_ or held or any(each is not None and each.lo < each.hi for each in known)
