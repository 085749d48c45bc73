"""What is asked of a plan, read and checked before anything is computed."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from bedrock_lab.assumptions import Assumption, Kind, stated
from bedrock_lab.errors import InputError
from bedrock_lab.planning import options
from bedrock_lab.planning.goal import Goal
from bedrock_lab.planning.slo import check_slo, parse_slo
from bedrock_lab.planning.units import parse_unit_price

ASSUMABLE = {
    "growth": "demand against the trace's",
    "unit_input_tpm": "tokens/min",
    "unit_output_tpm": "tokens/min",
    "cache_reads_counted": "share of cached tokens that bought capacity counts as input",
    "week_to_week_cv": "relative spread of demand between weeks",
    "response_cache_share": "share of requests that a response cache answers",
    "token_price": "token prices against the list's",
    "token_ratio": "tokens another tokenizer makes of the same text",
    "latency_error": "relative error of the latencies that decide an SLO",
}
"""Names that may be stated with ``--assume``, each with its unit."""

ABOVE_0 = ("token_price", "token_ratio")

RISKS = ("mean", "cvar90")
"""What a plan is chosen by: its cost, or the mean cost of its dearest tenth of resamples."""

WEEK_TO_WEEK = Assumption(
    name="week_to_week_cv",
    value=0.15,
    lo=0.0,
    hi=0.3,
    kind=Kind.ASSUMED,
    source="assumed: two weeks do not show it; the one public pool of fourteen days (ServeGen m-small) "
    "differed by 26 % from its first week to its second",
    unit="relative standard deviation",
)


SHAPE_UNKNOWN = Assumption(
    name="shape",
    value="flat..office",
    kind=Kind.ASSUMED,
    source="the trace is under a week: every hour is taken like these (flat); in office hours nights and weekends "
    "carry less, which is the other end of the range",
    unit="hourly weights of a week on the demand as recorded",
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of a plan, checked."""

    options: tuple[str, ...]
    deferrable: float
    deadline_h: float | None
    shape: str | None
    slo: dict[str, float]
    unit_price: dict[str, float] | None
    stated: dict[str, Assumption]
    seed: int
    risk: str = "mean"
    goal: Goal = dataclasses.field(default_factory=Goal)


def ask(
    option: Any,
    deferrable: float,
    deadline_h: float | None,
    shape: str | None,
    slo_terms: Mapping[str, float] | str | None,
    unit_input_tpm: Any,
    unit_output_tpm: Any,
    unit_price: Mapping[str, float] | str | None,
    assume: Mapping[str, Any] | None,
    seed: int,
    risk: str = "mean",
    goal: Goal | None = None,
) -> Question:
    """Read and check what is asked of a plan."""
    given = stated(assume or {}, ASSUMABLE)
    for name, value in (("unit_input_tpm", unit_input_tpm), ("unit_output_tpm", unit_output_tpm)):
        if value is not None:
            given |= stated({name: value}, ASSUMABLE)
    if unit_price is not None and not isinstance(unit_price, str | Mapping):
        raise InputError(f"unit price {unit_price!r}: write none=USD,1m=USD,6m=USD, or a table of these [USD/h]")
    if isinstance(unit_price, Mapping):
        unit_price = ",".join(f"{k}={v}" for k, v in unit_price.items())
    if seed < 0:
        raise InputError(f"seed {seed}: allowed is 0 or more")
    if deadline_h is not None and not deadline_h > 0:
        raise InputError(f"deadline {deadline_h:g} h: allowed is more than 0")
    if risk not in RISKS:
        raise InputError(f"risk {risk!r}: allowed is {' or '.join(RISKS)}")
    _check_stated(given)
    slo = parse_slo(slo_terms) if isinstance(slo_terms, str) else check_slo(dict(slo_terms or {}))
    return Question(
        options=options.requested(option),
        deferrable=options.check_deferrable(deferrable),
        deadline_h=deadline_h,
        shape=shape or None,
        slo=slo,
        unit_price=parse_unit_price(unit_price) if unit_price else None,
        stated=given,
        seed=seed,
        risk=risk,
        goal=(goal or Goal()).check(slo),
    )


def _check_stated(given: Mapping[str, Assumption]) -> None:
    """Refuse assumptions outside what they can be."""
    for name, assumed in given.items():
        low, high = (float(v if v is not None else assumed.value) for v in (assumed.lo, assumed.hi))
        if low < 0:
            raise InputError(f"assumption {name} {low:g}: allowed is 0 or more")
        if name in ABOVE_0 and low == 0:
            raise InputError(f"assumption {name} 0: allowed is more than 0")
        if name == "response_cache_share" and high > 1:
            raise InputError(f"assumption {name} {high:g}: allowed is a share from 0 to 1")
