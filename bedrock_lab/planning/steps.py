"""One step of a plan each, with its bill, saving, risk, effort and the command that takes it."""

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from bedrock_lab.catalogue.offers import batch_limits, unit_prices, unit_quota
from bedrock_lab.planning.answers import COMMITMENT, capacity_words, usd
from bedrock_lab.planning.attribution import Saving, hours_in_words, whole_usd
from bedrock_lab.planning.candidates import Candidate
from bedrock_lab.planning.costing import Costing
from bedrock_lab.planning.market import DAYS_PER_MONTH, Market
from bedrock_lab.planning.purchase import DEFERRED, Purchase
from bedrock_lab.planning.purchases import unit_purchase
from bedrock_lab.planning.result import Action
from bedrock_lab.planning.scenario import Scenario
from bedrock_lab.pricing import HOURS_PER_MONTH

CHECK = "`bedrock-lab plan-check PLAN.json NEW_TRACE`"
COMMITTED_HOURS = {"none": 1, "1m": int(HOURS_PER_MONTH), "6m": 6 * int(HOURS_PER_MONTH)}
"""Hours a purchase obliges to at once, as `provisioned create` confirms them."""


class Told(NamedTuple):
    """What the steps are written from; `falls` says what happens if demand halves, where others share the capacity."""

    market: Market
    chosen: Candidate
    baseline: Candidate
    model_id: str
    falls: str | None = None

    @property
    def scenario(self) -> Scenario:
        """The central value of every assumption."""
        return self.market.scenario

    @property
    def purchase(self) -> Purchase:
        """What is bought."""
        return self.chosen.purchase

    def call(self, scope: str | None) -> str:
        """Id to call in a scope."""
        model = self.market.model
        found = model.profile_id(scope, self.market.region) if model is not None and scope else None
        return found or self.model_id

    def on(self, days: float) -> str:
        """Day so long after the plan's."""
        return (self.market.prices.as_of + timedelta(days=days)).isoformat()


def _call(told: Told, bills: dict[str, float], saving: Saving) -> Iterator[Action]:
    """Call another scope or tier."""
    p = told.purchase
    alone = p.mix is None and not p.is_capacity and p.tier not in DEFERRED
    tier, scope = (p.tier if alone else "default"), (p.mix.overflow.scope if p.mix else p.scope)
    call = told.call(scope)
    extra = {"default": "", "latency-optimized": ", performanceConfig={'latency': 'optimized'}"}
    argument = extra.get(tier, f", serviceTier={{'type': '{tier}'}}")
    same = scope == told.baseline.purchase.scope and tier == "default"
    yield Action(
        step=f"Call {call}" + ("" if tier == "default" else f" at tier {tier}"),
        detail="nothing is bought in advance" + ("; it is what you do today" if same else ""),
        usd_per_month=bills["overflow"] if alone else None,
        saves_usd_per_month=saving.usd_per_month,
        range=saving.range,
        risk="none"
        if same
        else "other Regions answer: check where your data may go"
        if scope != "in-region"
        else "low",
        command=f"client.converse(modelId='{call}'{argument}, messages=...)",
        look_again=f"{told.on(30)}: {CHECK}",
    )


def _defer(told: Told, bills: dict[str, float], saving: Saving) -> Iterator[Action]:
    """Move what can wait."""
    p = told.purchase
    ends = (p.mix.uncached, p.mix.cached) if p.mix else (p, p)
    stays = p.mix.overflow if p.mix else None
    moved = [to for to in dict.fromkeys(ends) if to != stays]
    share = f"{told.scenario.deferrable:.0%} of the requests"
    beyond = " and runs over" if p.is_capacity else ""
    for i, to in enumerate(moved):
        which = ""
        if len(set(ends)) > 1:
            which = " and touches no prompt cache" if to == ends[0] else " and uses the prompt cache"
        call = told.call(to.scope)
        if to.tier == "batch":
            model = told.market.model
            least = batch_limits(model.id if model else "*")["minimum_records"]
            yield Action(
                step=f"Move what can wait{which}{beyond} to batch jobs",
                detail=f"{share} can wait; at least {least} records a job; prompt caching does not work there; "
                "AWS publishes no turnaround",
                usd_per_month=bills["deferred"] if i == 0 else None,
                saves_usd_per_month=saving.usd_per_month if i == 0 else None,
                range=saving.range if i == 0 else None,
                risk="low: a job may end late or in part; `batch run` resumes it",
                effort="medium",
                command=f"bedrock-lab batch run REQUESTS.jsonl --model {call} --s3 s3://BUCKET/PREFIX/ "
                f"--role-arn ROLE_ARN --out DIR --max-spend-usd {max(1, whole_usd(bills['deferred']))}",
                look_again=f"{told.on(7)}: how long jobs took, how many records failed (`bedrock-lab batch compare`)",
            )
        else:
            yield Action(
                step=f"Send what can wait{which}{beyond} at tier {to.tier}",
                detail=f"{share} can wait; flex may answer later and is refused first when capacity is short",
                usd_per_month=bills["deferred"] if i == 0 else None,
                saves_usd_per_month=saving.usd_per_month if i == 0 else None,
                range=saving.range if i == 0 else None,
                risk="low: retry what is refused at the default tier",
                command=f"client.converse(modelId='{call}', serviceTier={{'type': '{to.tier}'}}, messages=...)",
                look_again=f"{told.on(7)}: how many were refused, and their latency",
            )


def _base(told: Told, bills: dict[str, float], saving: Saving) -> Iterator[Action]:
    """Buy the base."""
    p = told.purchase.mix.base if told.purchase.mix else told.purchase
    if p is None:
        return
    term, fall = p.term or "none", told.falls or _fall(told)
    ends = f"{told.on(max(0.0, DAYS_PER_MONTH * p.months - 30))}: 30 days before the term ends, as it renews by itself"
    again = ends if p.months else f"{told.on(30)}: {CHECK}"
    obligation = f"; {usd(p.fixed_usd_per_month * p.months)} are owed whatever the traffic" if p.months else ""
    made = Action(
        step="",
        detail="",
        usd_per_month=bills["base"],
        saves_usd_per_month=saving.usd_per_month,
        range=saving.range,
        risk=f"{'high' if p.months > 1 else 'medium' if p.months else 'low'}: {fall}{obligation}",
        effort="medium",
        reversible=not p.months,
        look_again=again,
    )
    if p.option == "reserved":
        size = f"{p.reserved_input_ktpm}k input and {p.reserved_output_ktpm}k output tokens per minute"
        yield dataclasses.replace(
            made,
            step=f"Ask the account team for {capacity_words(p)}",
            detail="Reserved capacity is sold by the account team and bills until it is deleted; "
            "`bedrock-lab provisioned request` drafts the whole letter",
            command=f"Please quote the Reserved tier for {told.call(p.scope)} in {told.market.region}: {size}, "
            f"{COMMITMENT[term]}, overflow to the default tier; we expect {usd(p.fixed_usd_per_month)} a month at list "
            "price.",
        )
        return
    quota, name = unit_quota(term), told.market.model.id if told.market.model else told.model_id
    yield Action(
        step="Raise the quota of model units",
        detail=f"the default is {quota['units']} with {COMMITMENT[term]} ({quota['note']})",
        command=f"Please raise the quota of model units with {COMMITMENT[term]} for {name} in {told.market.region} to "
        f"{p.units}.",
    )
    yield dataclasses.replace(
        made,
        step=f"Buy {capacity_words(p)}",
        detail="they bill by the hour until they are deleted; a commitment renews by itself and its units cannot be "
        "changed",
        command=_create(told, p),
    )


def _create(told: Told, p: Purchase) -> str:
    model, term = told.market.model, p.term or "none"
    listed = unit_prices(told.market.prices, model.id, told.market.region).get(term) if model else None
    unpriced = ""
    if listed is None or float(listed.usd_per_hour) != p.usd_per_hour:
        unpriced = f" --unpriced --usd-per-unit-hour {p.usd_per_hour:g}"
    owed = p.usd_per_hour * (p.units or 0) * COMMITTED_HOURS[term]
    name = model.id if model else told.model_id
    return (
        f"bedrock-lab provisioned create --name NAME --model {name} --units {p.units} --term {term} "
        f"--region {told.market.region}{unpriced} --confirm-usd {owed:.2f}"
    )


def _fall(told: Told) -> str:
    """Say what a month costs more than on demand if demand halves."""
    half = dataclasses.replace(told.scenario, growth=told.scenario.growth / 2)
    bought = [told.purchase, told.baseline.purchase]
    with_it, without = (float(cost) for cost in Costing(told.market.demand, half).monthly(bought))
    return fall_in_words(with_it, without)


def fall_in_words(with_it: float, without: float) -> str:
    """Say what a plan costs against on demand if demand halves [USD/month]."""
    if with_it <= without:
        return "it still pays if demand halves"
    return f"if demand halves it costs {usd(with_it - without)} a month more than on demand"


def _hours(told: Told, bills: dict[str, float], saving: Saving) -> Iterator[Action]:
    """Run units without commitment in some hours of the week."""
    mix = told.purchase.mix
    if mix is None:
        return
    unit = unit_purchase(max(mix.schedule), "none", mix.hourly_usd, "yes")
    clock = (
        "UTC" if told.market.demand.start_hour is not None else "hours from the first request; its weekday is unknown"
    )
    yield Action(
        step=f"Run up to {many(max(mix.schedule))} without commitment in the hours that need them",
        detail=f"units by hour of the week ({clock}): {hours_in_words(mix.schedule)}",
        usd_per_month=bills["hours"],
        saves_usd_per_month=saving.usd_per_month,
        range=saving.range,
        risk="medium: nothing promises that units are free when they are created; hours are those of this traffic",
        effort="high",
        command=f"{_create(told, unit)}; afterwards bedrock-lab provisioned delete NAME",
        look_again=f"{told.on(30)}: {CHECK}",
    )


def _wait(told: Told, bills: dict[str, float], saving: Saving) -> Iterator[Action]:
    """Keep work for idle capacity."""
    del bills
    mix = told.purchase.mix
    if mix is None:
        return
    yield Action(
        step=f"Keep what can wait up to {mix.wait_h:g} h for idle capacity",
        detail="a queue in your client, oldest first; what finds no room in time goes the way of the rest",
        saves_usd_per_month=saving.usd_per_month,
        range=saving.range,
        risk="low: the deadline holds only while your queue runs",
        effort="high",
        command="queue on throttling of the capacity; drain when it answers again",
        look_again=f"{told.on(7)}: how old the oldest entry gets",
    )


def rest(told: Told, bills: dict[str, float], taken: set[str]) -> Iterator[Action]:
    """Say where the rest goes."""
    p = told.purchase
    if taken <= {"call"} and p.mix is None:
        return
    scope = p.mix.overflow.scope if p.mix else told.baseline.purchase.scope if p.option == "provisioned" else p.scope
    call = told.call(scope)
    units = p.has_units
    spill = (
        f"call the provisioned ARN; where it throttles, your client has to call {call} instead: units do not spill over"
    )
    yield Action(
        step="Call the capacity first, on demand when it is full" if p.is_capacity else "Keep the rest on demand",
        detail=f"{spill} by themselves" if units else f"call {call}",
        usd_per_month=bills["overflow"],
        effort="medium" if units else "low",
        command=f"client.converse(modelId={'PROVISIONED_ARN' if units else repr(call)}, messages=...)",
        look_again=f"{told.on(30)}: {CHECK}",
    )


def many(units: int) -> str:
    """Write a number of model units."""
    return "1 model unit" if units == 1 else f"{units} model units"


STEPS = {"call": _call, "defer": _defer, "base": _base, "hours": _hours, "wait": _wait}
