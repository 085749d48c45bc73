"""What of a plan can be moved, with label, unit, span and how it is known; and what cannot, and why."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from bedrock_lab.assumptions import Assumption
from bedrock_lab.planning.evaluating import market_at
from bedrock_lab.planning.flips import Flip
from bedrock_lab.planning.market import Market
from bedrock_lab.planning.purchase import TERM_MONTHS
from bedrock_lab.planning.result import Plan

Form = Literal["ratio", "share", "whole", "choice", "several"]
WEEK_H = 168
DEADLINES = (1, 4, 12, 24, 48, WEEK_H)
FARTHEST = 4.0
"""Factor up to which a quantity without a range of its own is moved, both ways."""
NO_DEADLINE = "none"
TERMS = {"none": "no commitment", "1m": "1 month", "3m": "3 months", "6m": "6 months"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A quantity that can be moved.

    Attributes
    ----------
    form
        ``ratio`` is more than 0, ``share`` from 0 to 1, ``whole`` a count; ``choice`` takes one of `choices`,
        ``several`` some of them.
    value
        The plan's own.
    lo, hi
        Ends of the slider.
    least, most
        What a value may be at all, in a file or in code.
    known
        How the plan's value is known.
    """

    name: str
    label: str
    unit: str
    group: str
    form: Form
    value: Any
    lo: float = 0.0
    hi: float = 1.0
    least: float = 0.0
    most: float = math.inf
    choices: tuple[Any, ...] = ()
    known: str = ""


def controls_of(plan: Plan) -> dict[str, Control]:
    """List what can be moved, by name, in the order it is shown."""
    market = market_at(plan, {})
    made = [*_traffic(market), *_buying(plan, market), *_prices(market)]
    return {control.name: control for control in made}


def _traffic(market: Market) -> Iterator[Control]:
    now, held = market.scenario, market.assumptions
    yield _ratio("growth", "Demand (rate)", "x the trace's", "Traffic", now.growth, held.get("growth"), least=0.0)
    if "token_ratio" in held:
        yield _ratio("token_ratio", "Tokens of the same text", "x", "Traffic", now.token_ratio, held["token_ratio"])
    yield _share("response_cache_share", "Answered by a response cache", "Traffic", now.response_cache_share, held)
    if market.deferring or market.question.deferrable:
        yield _share("deferrable", "Can wait", "Traffic", market.question.deferrable, held)
        given = market.question.deadline_h
        yield Control(
            name="deadline_h",
            label="Deadline of what can wait",
            unit="h",
            group="Traffic",
            form="choice",
            value=NO_DEADLINE if given is None else given,
            choices=(NO_DEADLINE, *DEADLINES) if given is None else tuple(sorted({given, *DEADLINES})),
            known="stated",
        )
    if "shape" in held:
        yield Control(
            name="shape",
            label="Hours the trace does not show",
            unit="",
            group="Traffic",
            form="choice",
            value=market.question.shape or "",
            choices=tuple(dict.fromkeys(("", "flat", "office", market.question.shape or ""))),
            known=str(held["shape"].kind),
        )


def _buying(plan: Plan, market: Market) -> Iterator[Control]:
    asked = plan.question.options
    if len(asked) > 1:
        yield Control(
            name="option",
            label="Ways of buying allowed",
            unit="",
            group="Buying",
            form="several",
            value=asked,
            choices=asked,
            known="stated",
        )
    if market.figures is None:
        return
    terms = tuple(t for t in market.figures.usd_per_hour if t in TERM_MONTHS)
    yield Control(
        name="units", label="Units kept in view", unit="units", group="Buying", form="whole", value=0, hi=20, most=1000
    )
    yield Control(
        name="term", label="Their commitment", unit="", group="Buying", form="choice", value=terms[0], choices=terms
    )
    for side in ("input", "output"):
        figure: Assumption = getattr(market.figures, f"{side}_tpm")
        yield _ratio(figure.name, f"Unit, {side}", "tokens/min", "Buying", float(figure.value), figure)


def _prices(market: Market) -> Iterator[Control]:
    now, held = market.scenario, market.assumptions
    yield _ratio("token_price", "Token prices", "x the list's", "Prices", now.token_price, held.get("token_price"))
    if market.figures is not None and market.figures.availability == "yes":
        yield _ratio("unit_price_factor", "Unit prices", "x the plan's", "Prices", 1.0, None)
    if (market.figures is not None or market.sells_reserved) and bool(market.demand.cache_read_tpm.any()):
        name = "cache_reads_counted"
        yield _share(name, "Cached tokens that fill capacity", "Prices", now.cache_reads_counted, held)


def _ratio(
    name: str, label: str, unit: str, group: str, value: float, known: Assumption | None, least: float = 1e-12
) -> Control:
    """Make a slider: from lo to hi of its assumption, else to a quarter and to four times."""
    lo, hi = value / FARTHEST, value * FARTHEST
    if known is not None and known.lo and known.hi and known.spread:
        lo, hi = known.lo, known.hi
    return Control(
        name=name,
        label=label,
        unit=unit,
        group=group,
        form="ratio",
        value=value,
        lo=lo,
        hi=hi,
        least=least,
        known=str(known.kind) if known else "as recorded",
    )


def _share(name: str, label: str, group: str, value: float, held: Mapping[str, Assumption]) -> Control:
    return Control(
        name=name,
        label=label,
        unit="share",
        group=group,
        form="share",
        value=float(value),
        most=1.0,
        known=str(held[name].kind) if name in held else "as recorded",
    )


MISSING = {
    "burst": "windows are planned as they were recorded; make traffic of another burst with lab.synth and plan it",
    "input_tokens": "the demand holds sums of priced requests; plan a trace of other lengths",
    "output_tokens": "the demand holds sums of priced requests; plan a trace of other lengths",
    "cache_hit": "which tokens a prompt cache would read depends on the prompts: lab.prompt_cache answers it",
    "max_tokens": "it moves a quota's reservations, not costs: lab.quota answers it",
    "reserved_tpm": "the planner finds the best size of Reserved in every scenario; a fixed one is not costed",
    "latency_error": "the SLO is decided on the trace when the plan is made; plan again with another one",
    "week_to_week_cv": "it widens sampling intervals, which a fast answer does not have",
    "model": "another model has other prices and tokens: plan again, or lab.compare",
    "allow_scopes": "scopes are priced when the plan is made; plan again with others",
    "slo": "the SLO is decided on the trace when the plan is made; plan again with another one",
    "overlay": "negotiated prices are read when the plan is made; token_price moves them all together",
    "price_factor": "token_price does the same, and the plan command takes it",
}
"""What a reader may look for and cannot move, and who answers it instead."""


def missing_of(plan: Plan, controls: Mapping[str, Control]) -> dict[str, str]:
    """List what cannot be moved in this plan, and why."""
    made = {name: why for name, why in MISSING.items() if name not in controls}
    refused = {e["option"]: e["reason"] for e in plan.not_offered}
    if "units" not in controls:
        why = refused.get("provisioned", "the plan has no unit figures")
        made |= dict.fromkeys(("units", "term", "unit_input_tpm", "unit_output_tpm", "unit_price_factor"), why)
    elif "unit_price_factor" not in controls:
        made["unit_price_factor"] = "what a unit carries is assumed from its price; state its throughput in the plan"
    for a in plan.assumptions:
        if a.spread and a.name not in controls and a.name not in made:
            made[a.name] = "its range is in every figure shown; it cannot be stated as one value"
    return made


def marks_of(control: Control, flips: tuple[Flip, ...]) -> tuple[Flip, ...]:
    """List where the recommendation turns on a slider."""
    return tuple(f for f in flips if f.assumption == control.name and control.lo <= f.value <= control.hi)
