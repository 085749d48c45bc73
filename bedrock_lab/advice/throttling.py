"""Quota: limits of answers far above what answers need, and minutes in which requests were refused."""

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.advice.finding import Finding
from bedrock_lab.advice.ground import Ground
from bedrock_lab.catalogue.model import resolve
from bedrock_lab.catalogue.offers import quota
from bedrock_lab.errors import LabError
from bedrock_lab.pricing import Floats
from bedrock_lab.stats import percentile
from bedrock_lab.traffic.usage import BUCKETS

NEARLY_ALL, ENOUGH = 0.999, 1000
"""The share of answers a limit has to leave whole, and how many there must be to know the longest thousandth."""
FAR_ABOVE = 2.0
"""A limit is far above its answers from here on: max_tokens over what nearly all need."""
MINUTE_S = 60.0
NO_MONEY = "max_tokens takes quota, never money: AWS bills the tokens that were made"
UNBILLED = "AWS bills no refused request; what it cost was time, or an answer"


def max_tokens(ground: Ground) -> list[Finding] | str:
    """Find models whose requests reserve far more output than nearly all of their answers need."""
    trace = ground.trace
    if trace.kind == "windows":
        return "the rows are sums: no request says its max_tokens"
    limit, output = ground.known("max_tokens"), ground.known("output_tokens")
    if limit is None or output is None:
        return f"no row says {'max_tokens' if limit is None else 'output_tokens'}"
    told = ground.served() & ~np.isnan(limit) & ~np.isnan(output)
    if not told.any():
        return "no answered request says both max_tokens and output_tokens"
    rows, models = np.flatnonzero(told), ground.coded("model")
    groups = [("", np.arange(len(rows)))] if models is None else models.groups(rows)
    made = [_reserved_in_vain(ground, name, rows[mine], limit, output) for name, mine in groups]
    return [one for one in made if one is not None]


def _reserved_in_vain(
    ground: Ground, name: str, rows: NDArray[np.int64], limit: Floats, output: Floats
) -> Finding | None:
    """Compare what requests of a model may say with what their answers are."""
    answers, limits = output[rows], limit[rows]
    many = len(rows) >= ENOUGH
    least = max(1.0, percentile(answers, NEARLY_ALL if many else 1.0))
    if float(limits.mean()) < FAR_ABOVE * least:
        return None
    vain = np.maximum(limits - least, 0.0)
    minute = np.floor(np.asarray(ground.trace.column("time_s"))[rows] / MINUTE_S).astype(np.int64)
    reserved = np.bincount(minute, weights=_prompt(ground)[rows] + limits)
    busiest = int(reserved.argmax())
    spared = float(np.bincount(minute, weights=vain)[busiest])
    which = f"99.9 % of {len(rows):,} answers" if many else f"all of the {len(rows):,} answers"
    of = f" of {name}" if name else ""
    default = _default_quota(name or ground.called)
    held = f", {reserved[busiest] / default:.0%} of the default quota of {default:,.0f}" if default else ""
    tpm = f"{default:.0f}" if default else "YOUR_TPM"
    model = name or ground.called
    return Finding(
        id="max_tokens",
        about=name,
        sentence=(
            f"Requests{of} ask for up to {limits.mean():,.0f} tokens, and {which} have at most {least:,.0f}. What is "
            f"asked for is taken from the quota when a request starts: in the busiest minute {reserved[busiest]:,.0f} "
            f"tokens{held}, of which {spared:,.0f} were for answers that never came."
        ),
        no_usd=NO_MONEY,
        n=len(rows),
        of="answered requests that say max_tokens",
        share=float((limits > least).mean()),
        do=(
            f"Set maxTokens to {least:,.0f}, and see what throttles then: bedrock-lab quota {ground.file} "
            f"--model {model} --tpm {tpm} --max-tokens {least:.0f}"
        ),
        figures={
            "max_tokens_mean": float(limits.mean()),
            "needed_tokens": least,
            "cut": int((answers > least).sum()),
            "busiest_minute_reserved_tokens": float(reserved[busiest]),
            "busiest_minute_vain_tokens": spared,
            "vain_share_of_reserved": float(vain.sum() / (_prompt(ground)[rows] + limits).sum()),
        },
    )


def _prompt(ground: Ground) -> Floats:
    """Input, cache reads and cache writes of each row [tokens]."""
    out = np.zeros(len(ground.trace))
    for bucket in BUCKETS:
        held = None if bucket == "output" else ground.known(f"{bucket}_tokens")
        out += 0.0 if held is None else np.nan_to_num(held)
    return out


def _default_quota(name: str) -> float | None:
    """Tokens a minute an account has by default of what an id calls; None where nobody says."""
    try:
        ref = resolve(name)
    except LabError:
        return None
    row = quota(ref.model.id, ref.scope)
    return float(row["tpm"]) if row and row["tpm"] else None


def throttled_minutes(ground: Ground) -> list[Finding] | str:
    """Find the minutes in which requests were refused."""
    trace = ground.trace
    if ground.coded("outcome") is None:
        return "no row says whether it was throttled"
    refused = ground.where("outcome", "throttled")
    if not refused.any():
        return []
    width = max(MINUTE_S, trace.window_s or MINUTE_S)
    place = np.floor(np.asarray(trace.column("time_s")) / width).astype(np.int64)
    lost = np.bincount(place, weights=ground.counts * refused)
    every = np.bincount(place, weights=ground.counts)
    spans = len(every)
    hit = int((lost > 0).sum())
    worst = int(lost.argmax())
    models = ground.coded("model")
    called = [] if models is None else [name for name, _ in models.groups(np.flatnonzero(refused)) if name]
    model = called[0] if called else ground.called
    default = _default_quota(model)
    what = "minutes" if width == MINUTE_S else f"windows of {width:g} s"
    return [
        Finding(
            id="throttled_minutes",
            sentence=(
                f"{lost.sum():,.0f} of {every.sum():,.0f} requests were throttled, in {hit:,} of {spans:,} {what}; "
                f"the worst, {worst * width / MINUTE_S:,.0f} minutes after the start, refused {lost[worst]:,.0f} of "
                f"{every[worst]:,.0f}."
            ),
            no_usd=UNBILLED,
            n=int(lost.sum()),
            of="requests",
            share=float(lost.sum() / every.sum()),
            do=(
                "See which limit refuses them and what helps: bedrock-lab quota "
                f"{ground.file} --model {model} --tpm {f'{default:.0f}' if default else 'YOUR_TPM'}"
            ),
            figures={
                "minutes": hit,
                "minutes_share": hit / spans,
                "window_s": width,
                "worst_minute": int(worst * width // MINUTE_S),
                "models": called,
            },
        )
    ]
