"""What a plan's JSON says was bought: one candidate with its capacity, its prices and what they rest on."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.errors import InputError, listing
from bedrock_lab.planning.purchase import DEFERRED
from bedrock_lab.planning.saved import BY_SEGMENT, SCHEMA_VERSION
from bedrock_lab.traffic.trace import Trace

SINGULAR = {"growth": "traffic grows", "token_ratio": "another tokenizer counts otherwise"}
"""Assumptions of a plan under which it prices other traffic than the trace."""

NEEDED = ("decision", "baseline", "recommended", "candidates", "assumptions", "requests", "period_s", "date")
"""What a plan's JSON must have to be checked."""
AS_RECORDED = ("flat", "flat..office")
"""Shapes whose central value takes every hour like those recorded."""


@dataclasses.dataclass(frozen=True, slots=True)
class Known:
    """A figure with the range it may lie in."""

    value: float
    lo: float
    hi: float

    def times(self, factor: float) -> "Known":
        """Return so many of it."""
        return Known(self.value * factor, self.lo * factor, self.hi * factor)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A candidate of a plan, with what is needed to serve requests by it.

    Attributes
    ----------
    base
        What serves first: the candidate itself, or the base of a mix.
    input_tpm, output_tpm
        Capacity bought [tokens/min]; None where none is.
    usd_per_hour
        Its price [USD/h]; None where the plan does not say.
    deferrable, deferred
        Share of requests that can wait, and the tier they go to; None where they go the way of the others.
    mixed
        Whether what can wait is served by the capacity first, where that has room.
    ratio
        Price of its tier against on demand, where that is assumed.
    limits, max_tokens
        What the plan was held against, where an SLO was held by simulation: quota and deadline, and the limit of
        every answer.
    notes
        What makes the plan's cost another one than that of the trace as it stands.
    """

    name: str
    base: str
    option: str
    tier: str
    scope: str | None
    overflow_scope: str | None
    input_tpm: Known | None
    output_tpm: Known | None
    usd_per_hour: float | None
    cost_usd_per_month: float | None
    deferrable: float
    deferred: str | None
    mixed: bool
    ratio: float | None
    reads_counted: float
    model_id: str | None
    repriced: bool
    region: str | None
    slo: dict[str, float]
    limits: dict[str, float]
    max_tokens: int | None
    requests: int
    period_s: float
    date: str
    notes: tuple[str, ...]


def choice_of(plan: Any, candidate: str | None = None) -> Choice:
    """Read the candidate a plan recommends, or the one named, out of what ``plan --json`` prints.

    Raises
    ------
    InputError
        It is no such JSON, or has no such candidate.
    """
    if hasattr(plan, "to_dict"):
        plan = plan.to_dict()
    if isinstance(plan, Mapping) and plan.get("segments"):
        raise InputError(f"the plan is {BY_SEGMENT}")
    if not isinstance(plan, Mapping) or not set(NEEDED) <= set(plan):
        raise InputError("the plan is not what `bedrock-lab plan FILE --json` prints: run it and give its output")
    if plan.get("schema_version", SCHEMA_VERSION) != SCHEMA_VERSION:
        raise InputError(
            f"the plan has schema version {plan['schema_version']}; this version reads {SCHEMA_VERSION}: run "
            "`bedrock-lab plan FILE --json` again"
        )
    try:
        return _choice(plan, candidate)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"the plan is damaged ({type(error).__name__}: {error}): run `bedrock-lab plan FILE --json` again"
        ) from None


def against(choice: Choice, trace: Trace, prices: Prices) -> Choice:
    """Note where the trace or the prices are not those the plan was made on."""
    notes = list(choice.notes)
    if (choice.requests, choice.period_s) != (trace.requests, trace.period_s):
        notes.append(
            f"the plan was made on {choice.requests:,} requests in {choice.period_s:,.0f} s; this trace holds "
            f"{trace.requests:,} in {trace.period_s:,.0f} s"
        )
    if choice.date != prices.as_of.isoformat():
        notes.append(f"the plan's prices are of {choice.date}; here they are of {prices.as_of.isoformat()} (--date)")
    return dataclasses.replace(choice, notes=tuple(notes))


def _choice(plan: Mapping[str, Any], candidate: str | None) -> Choice:
    by_name = {entry["name"]: entry for entry in (*plan["candidates"], plan["baseline"])}
    notes: list[str] = []
    if candidate is not None:
        if candidate not in by_name:
            raise InputError(f"no candidate {candidate!r} in the plan; known: {listing(by_name, limit=30)}")
        chosen = by_name[candidate]
    else:
        chosen = plan["recommended"]
        if chosen is None:
            chosen = plan["baseline"]
            notes.append(
                f"the plan recommends nothing ({plan['decision']}): its baseline {chosen['name']} is simulated; name "
                f"another with --candidate, known: {listing(by_name, limit=8)}"
            )
    assumed = {entry["name"]: entry for entry in plan["assumptions"]}
    facts = {entry["what"]: entry["usd"] for entry in plan.get("prices", ())}
    for name, words in SINGULAR.items():
        held = assumed.get(name)
        if held is not None and float(held["value"]) != 1:
            notes.append(
                f"the plan assumes {name} {float(held['value']):g} ({words}); the trace is simulated as it stands, so "
                "that its cost is not the plan's"
            )
    if "shape" in assumed and assumed["shape"]["value"] not in AS_RECORDED:
        notes.append(
            f"the plan spreads the trace over a week of shape {assumed['shape']['value']}; what is simulated is the "
            "trace alone, so that its cost is not the plan's"
        )
    base, overflow, deferred = _parts(chosen)
    input_tpm, output_tpm, hourly = _capacity(base, assumed, facts)
    held = (plan.get("headroom") or {}).get("limits") or {}
    names = [name for name in (plan.get("model_id"),) if isinstance(name, str) and plan.get("model")]
    return Choice(
        name=chosen["name"],
        base=base["name"],
        option=base["option"],
        tier=base["tier"],
        scope=base["scope"],
        overflow_scope=plan["baseline"]["scope"] if overflow is None else overflow["scope"],
        input_tpm=input_tpm,
        output_tpm=output_tpm,
        usd_per_hour=hourly,
        cost_usd_per_month=None if chosen["cost_usd_per_month"] is None else float(chosen["cost_usd_per_month"]),
        deferrable=float(assumed["deferrable"]["value"]) if "deferrable" in assumed else 0.0,
        deferred=deferred,
        mixed=base is not chosen,
        ratio=_central(assumed.get(f"{deferred or base['tier']}_ratio")),
        reads_counted=_central(assumed.get("cache_reads_counted")) or 0.0,
        model_id=names[0] if names else None,
        repriced="token_ratio" in assumed,
        region=plan.get("region"),
        slo=dict(plan.get("slo") or {}),
        limits={name: float(value) for name, value in held.items() if name != "max_tokens" and value is not None},
        max_tokens=None if held.get("max_tokens") is None else int(held["max_tokens"]),
        requests=int(plan["requests"]),
        period_s=float(plan["period_s"]),
        date=str(plan["date"]),
        notes=tuple(notes),
    )


def _parts(chosen: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any] | None, str | None]:
    """Take a mix apart: what serves first, where that runs over to, and the tier of what can wait."""
    if chosen["option"] != "mix":
        return chosen, None, chosen["tier"] if chosen["tier"] in DEFERRED else None
    by_role: dict[str, list[Mapping[str, Any]]] = {}
    for part in chosen["parts"]:
        by_role.setdefault(part["role"], []).append(part)
    if "hours" in by_role or len(by_role.get("deferred", ())) > 1:
        raise InputError(
            f"{chosen['name']}: units by the hour, and requests that wait in two places, are not simulated; name "
            "another candidate (--candidate NAME)"
        )
    overflow = by_role["overflow"][0]
    base = by_role.get("base", [overflow])[0]
    deferred = by_role["deferred"][0]["tier"] if "deferred" in by_role else None
    return base, overflow, deferred


def _capacity(
    chosen: Mapping[str, Any], assumed: Mapping[str, Any], facts: Mapping[str, str]
) -> tuple[Known | None, Known | None, float | None]:
    """Tokens a minute of what was bought, input and output, and its price by the hour."""
    if chosen["option"] == "provisioned":
        units = int(chosen["units"])
        limits = [_known(assumed, f"unit_{side}_tpm").times(units) for side in ("input", "output")]
        price = next((usd for what, usd in facts.items() if what.endswith(f"model unit, {chosen['term']}")), None)
        return limits[0], limits[1], None if price is None else units * float(price.split()[0])
    if chosen["option"] == "reserved":
        hourly: float | None = 0.0
        limits = []
        for side in ("input", "output"):
            ktpm = int(chosen[f"reserved_{side}_ktpm"])
            limits.append(Known(*[ktpm * 1000.0] * 3))
            ends = f"reserved {side}, {chosen['term']}, {chosen['scope']}"
            price = next((usd for what, usd in facts.items() if what.endswith(ends)), None)
            hourly = None if price is None or hourly is None else hourly + ktpm * float(price.split()[0])
        return limits[0], limits[1], hourly
    if chosen["option"] not in {"on-demand", "batch"}:
        raise InputError(f"option {chosen['option']!r} of {chosen['name']} cannot be simulated yet")
    return None, None, 0.0


def _known(assumed: Mapping[str, Any], name: str) -> Known:
    if name not in assumed:
        raise InputError(f"the plan does not say {name}: run `bedrock-lab plan FILE --json` again")
    held = assumed[name]
    value = float(held["value"])
    return Known(value, *(value if held[end] is None else float(held[end]) for end in ("lo", "hi")))


def _central(held: Mapping[str, Any] | None) -> float | None:
    return None if held is None else float(held["value"])
