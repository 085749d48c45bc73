"""Predict the latency of one load and length from a fit."""

import math
from typing import Any

from bedrock_lab.errors import InputError
from bedrock_lab.predict.latency_model import Group, LatencyModel
from bedrock_lab.predict.latency_prior import published
from bedrock_lab.predict.latency_result import LatencyPrediction, Predicted
from bedrock_lab.predict.latency_sample import Conditions
from bedrock_lab.predict.latency_seen import beyond_of, of_group
from bedrock_lab.predict.latency_unseen import from_published, pooled


def predict_latency(
    model: LatencyModel,
    *,
    group: str | None = None,
    concurrency: float | None = None,
    rate_per_s: float | None = None,
    input_tokens: float | None = None,
    output_tokens: float | None = None,
    hour: int | None = None,
) -> LatencyPrediction:
    """Predict TTFT and E2E with intervals; what leaves the fitted range is said.

    Parameters
    ----------
    group
        Which service; not needed where one was fitted. One that was not fitted is predicted from what is published
        of it, else from all others.
    concurrency, rate_per_s
        Requests under way, or arrivals [1/s], whichever the fit holds; None as in the rows.
    input_tokens, output_tokens
        Of a request; None as in the rows.
    hour
        Hour of the day [h, UTC].

    Raises
    ------
    InputError
        A value is out of range, the fit holds the other kind of load, or there is nothing to predict from.
    """
    if not isinstance(model, LatencyModel):
        raise InputError(f"a {type(model).__name__} is no fit; lab.fit_latency or load_latency('M.json') give one")
    asked = _asked(model, concurrency, rate_per_s, input_tokens, output_tokens, hour)
    name, found = model.group(group)
    assumed = model.assumptions
    if found is not None:
        beyond = beyond_of(model.load_name, found, asked)
        ttft, e2e = of_group(found, asked)
        kind, rows = ("measured", found.n) if not model.origin.invented else (str(model.origin), found.n)
        drifts = _drift_words(found)
    else:
        prior = published([name]).get(name)
        drifts = []
        if prior is not None:
            ttft, e2e = from_published(prior, asked)
            kind, rows, assumed = "published", 0, (prior.assumed(name),)
            beyond = [f"group {name!r} was not fitted; these are published figures, widened"]
        else:
            ttft, e2e, beyond = pooled(model, name, asked)
            kind, rows = ("pooled" if not model.origin.invented else str(model.origin)), model.n
    origin = str(model.origin) if kind != "published" else "published figures"
    evidence = {
        "kind": kind,
        "decides": kind == "measured" and model.origin.value in {"live", "log"} and not beyond,
        "origin": origin,
        "rows": rows,
        "validation": _validation(model, name),
        "drift": drifts,
    }
    return LatencyPrediction(
        group=name,
        conditions=_conditions(model, asked),
        ttft_s=ttft,
        e2e_s=e2e,
        extrapolating=bool(beyond),
        beyond=tuple(beyond),
        evidence=evidence,
        assumptions=assumed,
        warnings=(*model.notes, *_refused(ttft, e2e)) if kind != "published" else (),
    )


def _asked(
    model: LatencyModel,
    concurrency: float | None,
    rate_per_s: float | None,
    input_tokens: float | None,
    output_tokens: float | None,
    hour: int | None,
) -> Conditions:
    given = {"concurrency": concurrency, "rate_per_s": rate_per_s, "input_tokens": input_tokens}
    for name, value in (given | {"output_tokens": output_tokens}).items():
        if value is not None and not 0 < value < math.inf:
            raise InputError(f"{name} {value:g}: a number above 0 is allowed")
    if hour is not None and not 0 <= hour <= 23:
        raise InputError(f"hour {hour}: allowed are 0 to 23")
    if concurrency is not None and rate_per_s is not None:
        raise InputError("both a concurrency and a rate are given; give one of them")
    other = {"concurrency": rate_per_s, "rate_per_s": concurrency}.get(model.load_name or "")
    if other is not None:
        raise InputError(f"the fit holds {model.load_name} as its load; ask for that")
    load = rate_per_s if concurrency is None else concurrency
    return Conditions(load=load, input_tokens=input_tokens, output_tokens=output_tokens, hour=hour)


def _conditions(model: LatencyModel, asked: Conditions) -> dict[str, float | int | None]:
    return {
        model.load_name or "concurrency": asked.load,
        "input_tokens": asked.input_tokens,
        "output_tokens": asked.output_tokens,
        "hour": asked.hour,
    }


def _validation(model: LatencyModel, name: str) -> dict[str, Any]:
    held = model.validation
    own = next((row for row in held["groups"] if row["group"] == name), None)
    names = ("ttft_p95_error", "e2e_p95_error", "coverage", "split", "unseen_groups")
    return {key: held[key] for key in names} | {"group": own}


def _drift_words(group: Group) -> list[str]:
    return [
        f"drift: the p95 of {metric} differs by {found.ratio:.2g}x between {found.blocks} blocks of time; "
        "the intervals are widened by it"
        for metric, found in group.drift.items()
        if found is not None and found.called
    ]


def _refused(ttft: Predicted, e2e: Predicted) -> list[str]:
    out = []
    for name, found in (("ttft_s", ttft), ("e2e_s", e2e)):
        if not found.n:
            continue
        few = [f"p{one.p * 100:g}" for one in found.percentiles if one.value is None]
        bare = [f"p{one.p * 100:g}" for one in found.percentiles if one.value is not None and one.lo is None]
        if few:
            out.append(f"{name}: {found.n} rows are too few for {', '.join(few)}")
        if bare:
            out.append(f"{name}: {found.n} rows are too few for an interval of {', '.join(bare)}")
    return out
