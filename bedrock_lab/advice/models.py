"""What is called: models that end, and calls that a global profile would serve for less."""

import dataclasses
from collections.abc import Sequence
from datetime import timedelta

from bedrock_lab.advice.finding import Finding
from bedrock_lab.advice.ground import LEAST_SHARE, Ground, Part
from bedrock_lab.assumptions import Assumption
from bedrock_lab.catalogue import places
from bedrock_lab.catalogue.model import Lifecycle, find, invocable, lifecycle
from bedrock_lab.catalogue.target import Target, target
from bedrock_lab.errors import LabError, UnknownPriceError
from bedrock_lab.rows import TOKEN_RATIO, ratio_assumption

NEAR = timedelta(days=180)
"""An end of life, or the day before which none comes, is near from here on."""


def end_of_life(ground: Ground) -> list[Finding] | str:
    """Find models past or near their end, with what the replacement would cost."""
    if not ground.parts:
        return ground.unpriced
    found = []
    for model, parts in ground.by_model().items():
        life = lifecycle(model, ground.prices.as_of)
        said = _ending(model, life, ground)
        if said:
            found.append(_replaced(ground, model, parts, life, said))
    return found


def _ending(model: str, life: Lifecycle, ground: Ground) -> str:
    """Say how a model ends; empty where nothing near is known."""
    today = ground.prices.as_of
    if life.state == "EOL":
        return f"{model} passed its end of life {'by' if life.eol_note else 'on'} {life.eol}: calls fail"
    if life.state == "LEGACY":
        left = f" in {(life.eol - today).days} days" if life.eol else ""
        dearer = f", dearer from {life.extended_access} on" if life.extended_access else ""
        return f"{model} is legacy since {life.legacy}: it ends {life.eol or 'on a day not announced'}{left}{dearer}"
    if life.eol and life.eol <= today + NEAR:
        return f"{model} ends {life.eol}, in {(life.eol - today).days} days"
    floor = life.eol_no_sooner_than
    if floor and floor <= today:
        return f"{model} may be declared legacy any day: it was promised until {floor}"
    return ""


def _replaced(ground: Ground, model: str, parts: Sequence[Part], life: Lifecycle, said: str) -> Finding:
    now = float(sum(part.usd.sum() for part in parts))
    n = int(sum(ground.counts[part.row].sum() for part in parts))
    usd, why, words = None, "", ""
    assumptions: tuple[Assumption, ...] = ()
    do = f"See what there is: bedrock-lab models --provider {find(model).provider}"
    if life.replacement is None:
        why = "no source names a replacement"
    else:
        try:
            other = _target_like(life.replacement, parts[0])
            there = float(sum(part.as_model(_like(other, part), ground.prices).sum() for part in parts))
        except UnknownPriceError as error:
            why = f"its tokens have no price at {life.replacement} ({error})"
            words = f" The replacement is {life.replacement}."
        else:
            usd = ground.month(there * TOKEN_RATIO[0] - now, there * TOKEN_RATIO[1] - now)
            assumptions = (ratio_assumption(TOKEN_RATIO),)
            words = (
                f" The replacement {life.replacement} would cost {there * TOKEN_RATIO[0] / now:.2f} to "
                f"{there * TOKEN_RATIO[1] / now:.2f} times as much, over the tokens its tokenizer may make."
                if now
                else f" The replacement is {life.replacement}."
            )
            do = (
                f"Try {other.model_id} on your prompts; its price for this traffic: bedrock-lab compare {ground.file} "
                f"--model {parts[0].where.model_id} --model {other.model_id}"
            )
    return Finding(
        id="end_of_life",
        about=model,
        sentence=f"{said}.{words}",
        usd_month=usd,
        no_usd=why,
        means="change",
        n=n,
        of=ground.unit,
        share=n / max(1.0, float(ground.counts.sum())),
        do=do,
        models=(model,),
        figures={
            "state": life.state,
            "eol": str(life.eol) if life.eol else None,
            "replacement": life.replacement,
            "source": life.source,
        },
        assumptions=assumptions,
    )


def _target_like(replacement: str, part: Part) -> Target:
    """Find how the replacement is called from where the old model was: in its scope, else in one that can be."""
    model, where = find(replacement), part.where
    can = invocable(model.id)
    order = (where.scope, places.GEO, places.GLOBAL, places.IN_REGION)
    for scope in sorted(dict.fromkeys(order), key=lambda s: ("yes", "unknown", "no").index(can.get(s, "unknown"))):
        name = model.profile_id(scope, where.region)
        if name is None:
            continue
        try:
            return target(name, region=where.region, scope=scope)
        except LabError:
            continue
    return target(replacement, region=where.region, scope=where.scope)


def _like(other: Target, part: Part) -> Target:
    """Ask for the tier and Region of the rows."""
    return dataclasses.replace(other, region=part.where.region, tier=part.where.tier)


def global_scope(ground: Ground) -> list[Finding] | str:
    """Find calls in-region or in a geography whose model is sold for less through its global profile."""
    if not ground.parts:
        return ground.unpriced
    found = []
    for model, parts in ground.by_model().items():
        if invocable(model).get(places.GLOBAL) != "yes":
            continue
        saved, n, spent = 0.0, 0.0, 0.0
        name = None
        for part in parts:
            there = None if part.where.scope == places.GLOBAL else part.at(ground.prices, scope=places.GLOBAL)
            if there is None:
                continue
            saved += float((part.usd - there).sum())
            spent += float(part.usd.sum())
            n += float(ground.counts[part.row].sum())
            name = find(model).profile_id(places.GLOBAL, part.where.region)
        if saved <= LEAST_SHARE * ground.usd or name is None:
            continue
        scopes = sorted({part.where.scope for part in parts} - {places.GLOBAL})
        found.append(
            Finding(
                id="global_scope",
                about=model,
                sentence=(
                    f"{n:,.0f} {ground.unit} call {model} {' and '.join(scopes)}, which costs "
                    f"{saved / (spent - saved):.1%} more than {name}; a call of that may be served in any commercial "
                    "Region, which your rules have to allow."
                ),
                usd_month=ground.month(saved),
                n=round(n),
                of=ground.unit,
                share=n / max(1.0, float(ground.counts.sum())),
                do=(
                    f"Call {name}, if data may leave the geography; the plan with it: bedrock-lab plan {ground.rows} "
                    f"--allow-scopes {','.join((*scopes, places.GLOBAL))}"
                ),
                models=(model,),
                figures={"usd": spent, "usd_global": spent - saved, "model_id": name},
            )
        )
    return found
