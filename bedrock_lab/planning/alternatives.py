"""Models beside each other for one's own traffic: what each costs, fits, limits and still lives."""

import dataclasses
import html
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from bedrock_lab.assumptions import Assumption, Kind, Origin
from bedrock_lab.billing import bill
from bedrock_lab.catalogue.behaviour import cache_rule, published_latency
from bedrock_lab.catalogue.model import invocable, lifecycle, resolve
from bedrock_lab.catalogue.offers import OPTIONS, offer, quota
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.catalogue.pricelist import prices as load_prices
from bedrock_lab.catalogue.target import target
from bedrock_lab.errors import InputError
from bedrock_lab.rows import TOKEN_RATIO
from bedrock_lab.traffic.checked import checked
from bedrock_lab.traffic.clock import MONTH_S
from bedrock_lab.traffic.trace import Trace
from bedrock_lab.traffic.windows import window_sums

MINUTE_S = 60.0
PROMPT = ("input", "cache_read", "cache_write_5m", "cache_write_30m", "cache_write_1h", "cache_write_unknown")
DAYS_PER_MONTH = 365 / 12


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """One model for the traffic; None where nobody says.

    Attributes
    ----------
    usd_per_month, range
        On demand at the default tier, over the tokens its tokenizer may make [USD/month].
    fits_share
        Requests whose prompt and answer fit its context; None where it is not known.
    options
        yes, unknown or no, by way of buying.
    cache_minimum_tokens
        Least prefix it caches; None where it caches nothing.
    quota_share
        Quota tokens of the busiest minute as a share of the default quota, by what is used, not reserved.
    ttft_s, otps
        Published medians.
    quality
        As given, from `quality_source`.
    pareto
        Whether no other is as cheap and as good (where qualities are given) or as fast (where latencies are).
    """

    model: str
    model_id: str
    provider: str
    scope: str
    region: str
    usd_per_month: float | None
    range: tuple[float, float] | None
    context_tokens: int | None
    max_output_tokens: int | None
    fits_share: float | None
    scopes: Mapping[str, str]
    options: Mapping[str, str]
    cache_minimum_tokens: int | None
    tpm: int | None
    burndown: int | None
    quota_share: float | None
    lifecycle: str
    eol: date | None
    months_left: float | None
    replacement: str | None
    ttft_s: float | None
    otps: float | None
    quality: float | None
    pareto: bool
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return values | {
            "range": None if self.range is None else list(self.range),
            "eol": None if self.eol is None else self.eol.isoformat(),
            "scopes": dict(self.scopes),
            "options": dict(self.options),
            "notes": list(self.notes),
        }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ModelComparison:
    """Models beside each other, the cheapest first; frozen, with ``to_dict`` and ``to_frame``."""

    source: str
    origin: Origin
    requests: int
    as_of: str
    models: tuple[Alternative, ...]
    quality_source: str | None
    assumptions: tuple[Assumption, ...]
    warnings: tuple[str, ...]

    @property
    def answer(self) -> str:
        """One sentence."""
        priced = [m for m in self.models if m.usd_per_month is not None and m.range is not None]
        if not priced:
            return "None of these models has a price for this traffic."
        first = priced[0]
        assert first.range is not None
        said = f"{first.model} is the cheapest: {first.usd_per_month:,.0f} USD a month "
        said += f"({first.range[0]:,.0f} to {first.range[1]:,.0f})"
        sure = [m for m in priced[1:] if m.range is not None and m.range[0] <= first.range[1]]
        if sure:
            said += f"; {', '.join(m.model for m in sure)} may cost no more"
        judged = "by the scores given" if self.quality_source else "whether its answers are good enough nobody said"
        return f"{said}; {judged}."

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of ``bedrock-lab compare``."""
        return {
            "answer": self.answer,
            "source": self.source,
            "origin": str(self.origin),
            "requests": self.requests,
            "date": self.as_of,
            "models": [m.to_dict() for m in self.models],
            "quality_source": self.quality_source,
            "assumptions": [a.to_dict() for a in self.assumptions],
            "warnings": list(self.warnings),
        }

    def to_frame(self) -> Any:
        """Return a row a model as a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame([m.to_dict() for m in self.models])

    def _repr_html_(self) -> str:
        shown = self.to_frame().drop(columns=["scopes", "options", "notes"])
        return f"<p><strong>{html.escape(self.answer)}</strong></p>" + str(shown.to_html(index=False))


def compare(
    trace: Trace,
    models: Sequence[str],
    prices: Prices | None = None,
    *,
    region: str | None = None,
    token_ratio: tuple[float, float] = TOKEN_RATIO,
    quality: Mapping[str, float] | None = None,
    quality_source: str | None = None,
) -> ModelComparison:
    """Put models beside each other for a trace.

    Parameters
    ----------
    models
        Two or more ids; one with a profile prefix is taken in that scope.
    token_ratio
        Tokens another tokenizer makes of the same text; the trace's own model has none.
    quality, quality_source
        Scores by model id, and who measured them how; shown as given, never made up.

    Raises
    ------
    InputError
        A model is unknown, there are fewer than two, or scores have no source.
    """
    trace = checked(trace)
    if isinstance(models, str) or len(models) < 2:
        raise InputError(f"compare: {models!r}; give two or more models")
    if quality and not quality_source:
        raise InputError("scores of quality need their source: quality_source says who measured them, and how")
    scores = {resolve(name).model.id: float(score) for name, score in (quality or {}).items()}
    prices = prices or load_prices()
    per_month = MONTH_S / trace.period_s
    assumed: dict[str, Assumption] = {}
    warnings: list[str] = []
    found = []
    for model_id in dict.fromkeys(models):
        where = target(model_id, region=region)
        model, life = where.model, lifecycle(where.model.id, prices.as_of)
        notes = list(where.warnings)
        cost = span = None
        ratio = token_ratio
        try:
            billed = bill(trace, prices, as_model=model_id, region=region, token_ratio=token_ratio)
        except InputError as error:
            notes.append(f"not priced: {error}")
        else:
            cost = float(billed.cost_usd) * per_month
            span = float(billed.lo_hi[0]) * per_month, float(billed.lo_hi[1]) * per_month
            assumed |= {a.name: a for a in billed.assumptions}
            if not any(a.name == "token_ratio" for a in billed.assumptions):
                ratio = (1.0, 1.0)
        row, rule = quota(model.id, where.scope), cache_rule(model.id)
        tpm = int(row["tpm"]) if row and row["tpm"] else None
        latency = published_latency(model.id)
        found.append(
            Alternative(
                model=model.id,
                model_id=model_id,
                provider=model.provider,
                scope=where.scope,
                region=where.region,
                usd_per_month=cost,
                range=span,
                context_tokens=model.context_tokens,
                max_output_tokens=model.max_output_tokens,
                fits_share=_fits(trace, model.context_tokens, ratio[1]),
                scopes=dict(invocable(model.id)),
                options={o: offer(prices, model.id, o, where.region, where.scope).availability for o in OPTIONS},
                cache_minimum_tokens=rule.minimum_prefix_tokens if rule else None,
                tpm=tpm,
                burndown=model.burndown,
                quota_share=_of_quota(trace, tpm, model.burndown, ratio[1]),
                lifecycle=life.state,
                eol=life.eol,
                months_left=None if life.eol is None else (life.eol - prices.as_of).days / DAYS_PER_MONTH,
                replacement=life.replacement,
                ttft_s=latency.ttft_s,
                otps=latency.otps,
                quality=scores.get(model.id),
                pareto=False,
                notes=tuple(notes),
            )
        )
    if any(m.ttft_s is not None or m.otps is not None for m in found):
        warnings.append("latencies are medians somebody published of some day's traffic, not yours: measure yours")
    if quality_source:
        assumed["quality"] = Assumption(
            name="quality", value="as given", kind=Kind.CLAIMED, source=quality_source, unit="score"
        )
    ordered = sorted(found, key=lambda m: (m.usd_per_month is None, m.usd_per_month or 0.0))
    return ModelComparison(
        source=trace.source,
        origin=trace.origin,
        requests=int(trace.requests),
        as_of=prices.as_of.isoformat(),
        models=tuple(dataclasses.replace(m, pareto=_unbeaten(m, found)) for m in ordered),
        quality_source=quality_source,
        assumptions=tuple(assumed.values()),
        warnings=tuple(warnings),
    )


def _fits(trace: Trace, context: int | None, ratio: float) -> float | None:
    """Share of requests whose prompt and longest answer fit a context, with as many tokens as there may be."""
    if context is None or trace.kind != "requests":
        return None
    columns = [trace.column(f"{bucket}_tokens") for bucket in PROMPT]
    prompt = sum((np.nan_to_num(c) for c in columns if c is not None), np.zeros(len(trace)))
    longest = trace.column("max_tokens")
    output = trace.column("output_tokens") if longest is None else longest
    whole = prompt * ratio + (0.0 if output is None else np.nan_to_num(output))
    return float((whole <= context).mean())


def _of_quota(trace: Trace, tpm: int | None, burndown: int | None, ratio: float) -> float | None:
    """Quota tokens the busiest minute settles, as a share of the quota; what requests reserve comes on top."""
    if tpm is None or burndown is None or (trace.window_s or 0.0) > MINUTE_S:
        return None
    names = [f"{bucket}_tokens" for bucket in (*PROMPT, "output") if bucket != "cache_read"]
    there = [name for name in names if trace.column(name) is not None]
    sums = window_sums(trace, MINUTE_S, there)
    settled = sum((sums[name] * (burndown if name == "output_tokens" else 1) for name in there), np.zeros(1))
    return float(np.max(settled)) * ratio / tpm


def _unbeaten(one: Alternative, others: Sequence[Alternative]) -> bool:
    """Whether no other is at least as cheap and as good, and better in one; good is quality, else published speed."""
    if one.usd_per_month is None:
        return False

    def goods(m: Alternative) -> tuple[float, ...] | None:
        if m.usd_per_month is None:
            return None
        if m.quality is not None and one.quality is not None:
            return -m.usd_per_month, m.quality
        if m.ttft_s is not None and one.ttft_s is not None:
            return -m.usd_per_month, -m.ttft_s
        return None

    mine = goods(one)
    if mine is None:
        return all(m.usd_per_month is None or m.usd_per_month >= one.usd_per_month for m in others)
    theirs = [g for m in others if m is not one and (g := goods(m)) is not None]
    return not any(all(a >= b for a, b in zip(g, mine, strict=True)) and g != mine for g in theirs)
