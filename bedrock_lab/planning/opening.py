"""Bring a trace, prices and assumptions together into the market a plan is made on."""

import dataclasses
from collections.abc import Sequence

from bedrock_lab.assumptions import Assumption, Kind
from bedrock_lab.catalogue import places
from bedrock_lab.catalogue.model import Model
from bedrock_lab.catalogue.offers import TIER_OF
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.planning import options
from bedrock_lab.planning.decide import ENOUGH_S
from bedrock_lab.planning.demand import AS_RECORDED, DAY_S, Demand, Shape, demand, shape_by_day, shape_of
from bedrock_lab.planning.held import Headroom
from bedrock_lab.planning.intervals import FOUR_WEEKS_S
from bedrock_lab.planning.market import Market
from bedrock_lab.planning.purchase import DEFERRED
from bedrock_lab.planning.question import SHAPE_UNKNOWN, WEEK_TO_WEEK, Question
from bedrock_lab.planning.scenario import Scenario
from bedrock_lab.planning.slo import latency_error, trace_meets
from bedrock_lab.planning.units import UnitFigures, unit_figures
from bedrock_lab.pricing import unknown_ttl_assumption, unknown_ttl_prices
from bedrock_lab.rows import Rows
from bedrock_lab.traffic.shapes import hourly_weights
from bedrock_lab.traffic.trace import Trace

WEEK_S = 7 * DAY_S
SEVERAL = "the trace calls several models or scopes: plan one at a time"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a trace and prices fix, whatever is asked of the plan.

    Attributes
    ----------
    missing
        Why a (tier, scope) has no price.
    given
        Assumptions of the rows, the price of cache writes of unknown TTL among them.
    extra_usd
        Relative addition to token costs if those were of the dearest.
    met
        Whether on demand is measured to meet the SLO; None where nothing says.
    note
        What is to be said of the period.
    headroom
        What came of holding the SLO by simulation; None where it was not.
    """

    demand: Demand
    missing: dict[tuple[str, str], str]
    model: Model | None
    region: str
    prices: Prices
    scopes: options.Scopes
    given: tuple[Assumption, ...]
    extra_usd: float
    met: bool | None
    note: str | None
    headroom: Headroom | None = None


def ground_of(
    trace: Trace,
    rows: Rows,
    prices: Prices,
    question: Question,
    *,
    allow_scopes: str | Sequence[str] | None,
    window_s: float | None,
    period_s: float | None,
) -> Ground:
    """Sum a trace by window at every price the options of a question need."""
    if window_s is None:
        window_s = max(60.0, trace.window_s or 0.0)
    model, scope = _single_target(rows)
    scopes = options.plan_scopes(model, scope, allow_scopes)
    tiers = {(TIER_OF[o], s or "") for o in question.options if o in TIER_OF for s in scopes.allowed}
    if model is not None:
        tiers |= {("default", s) for s in places.SCOPES}
    made, missing = demand(
        trace,
        rows,
        prices,
        window_s=window_s,
        period_s=period_s,
        tiers=tuple(sorted(tiers)),
        scope=scopes.baseline,
    )
    extra, ttl = _unknown_ttl(rows, prices, float(made.on_demand_usd.sum()))
    return Ground(
        demand=made,
        missing=missing,
        model=model,
        region=rows.targets[0].region,
        prices=prices,
        scopes=scopes,
        given=(*rows.assumptions, *ttl),
        extra_usd=extra,
        met=trace_meets(trace, question.slo, error=latency_error(question.stated)),
        note=_period_note(trace, made.period_s),
    )


def open_market(ground: Ground, question: Question) -> Market:
    """Bring demand, prices and what is asked together."""
    made, model, prices, region, scopes = ground.demand, ground.model, ground.prices, ground.region, ground.scopes
    refused = options.not_requested(question.options)
    figures = None
    if "provisioned" in question.options:
        found = (
            unit_figures(model, prices, region, made, given=question.stated, given_price=question.unit_price)
            if model is not None
            else SEVERAL
        )
        figures = found if isinstance(found, UnitFigures) else None
        if isinstance(found, str):
            refused.append({"option": "provisioned", "reason": found})
    if "reserved" in question.options and (model is None or scopes.home is None):
        refused.append({"option": "reserved", "reason": SEVERAL})
    asked = (model, prices, region, scopes, question.options, ground.missing)
    tokens, no_tokens, assumed = options.token_purchases(*asked, question.deferrable, question.deadline_h)
    if_some, _, _ = options.token_purchases(*asked, 1.0, question.deadline_h)
    shape, shapes, note = _shapes(question, made)
    held = {a.name: a for a in (*ground.given, *assumed, *question.stated.values())}
    if figures is not None:
        held |= {a.name: a for a in (figures.input_tpm, figures.output_tpm)}
    short = made.period_s < ENOUGH_S and question.shape is None
    if not short and made.covered_s < FOUR_WEEKS_S:
        held.setdefault(WEEK_TO_WEEK.name, WEEK_TO_WEEK)
    if question.deferrable:
        held["deferrable"] = _deferrable(question.deferrable)
    if made.period_s < WEEK_S:
        stated = dataclasses.replace(SHAPE_UNKNOWN, value=question.shape or "", source="stated by the user")
        held["shape"] = stated if question.shape else SHAPE_UNKNOWN
    return Market(
        demand=made,
        model=model,
        region=region,
        prices=prices,
        scopes=scopes,
        question=question,
        tokens=tuple(tokens),
        deferring=tuple(p for p in if_some if p.tier in DEFERRED),
        figures=figures,
        scenario=_scenario(question, held, shape, figures),
        shapes=shapes,
        extra_usd=ground.extra_usd,
        short=short,
        met=ground.met,
        headroom=ground.headroom,
        assumptions=held,
        refused=(*refused, *no_tokens),
        warnings=tuple(w for w in (note, ground.note) if w),
    )


def _period_note(trace: Trace, period_s: float) -> str | None:
    """Say that the period given is not the time the requests span."""
    if trace.span_s <= period_s <= 2 * trace.period_s:
        return None
    which = "shorter" if period_s < trace.span_s else "longer"
    held = "" if which == "shorter" else "; what the rest of it looked like is taken from them"
    return f"the period of {period_s:g} s is {which} than the {trace.span_s:,.0f} s from first to last request{held}"


def _single_target(rows: Rows) -> tuple[Model | None, str | None]:
    """Return the one model and scope the rows call; None where they differ."""
    model = rows.targets[0].model if len(rows.models) == 1 else None
    scopes = {t.scope for t in rows.targets}
    return model, scopes.pop() if len(scopes) == 1 else None


def _deferrable(share: float) -> Assumption:
    return Assumption(
        name="deferrable", value=share, kind=Kind.ASSUMED, source="stated by the user", unit="share of requests"
    )


def _shapes(question: Question, made: Demand) -> tuple[Shape, tuple[Shape, ...], str | None]:
    """Return the central shape, every shape the range runs over, and a warning.

    A trace of a day or more holds its own nights: a shape then weighs its days alone.
    """

    def shaped(name: str) -> Shape:
        days = int(made.covered_s // DAY_S)
        hourly = hourly_weights(name)
        return shape_by_day(name, hourly, made.start_hour, days) if days else shape_of(name, hourly)

    if made.period_s >= WEEK_S:
        note = "the trace holds a week or more: --shape does not reshape it" if question.shape else None
        return AS_RECORDED, (AS_RECORDED,), note
    if question.shape:
        stated = shaped(question.shape)
        note = None
        if not 0.02 <= stated.mean <= 2:
            note = f"the weights of shape {question.shape} average {stated.mean:g} of the demand as recorded"
        return stated, (stated,), note
    flat, office = shaped("flat"), shaped("office")
    return flat, (flat, office), None


def _scenario(question: Question, held: dict[str, Assumption], shape: Shape, figures: UnitFigures | None) -> Scenario:
    """Put every assumption at its central value."""

    def central(name: str, default: float) -> float:
        return float(held[name].value) if name in held else default

    return Scenario(
        growth=central("growth", 1.0),
        token_ratio=central("token_ratio", 1.0),
        deferrable=question.deferrable,
        unit_input_tpm=float(figures.input_tpm.value) if figures else None,
        unit_output_tpm=float(figures.output_tpm.value) if figures else None,
        cache_reads_counted=central("cache_reads_counted", 0.0),
        response_cache_share=central("response_cache_share", 0.0),
        token_price=central("token_price", 1.0),
        ratios=tuple((t, central(f"{t}_ratio", 1.0)) for t in TIER_OF.values() if f"{t}_ratio" in held),
        shape=shape,
    )


def _unknown_ttl(rows: Rows, prices: Prices, total: float) -> tuple[float, list[Assumption]]:
    """Return the relative addition to token costs if cache writes of unknown TTL were of the dearest one."""
    writes = rows.tokens.get("cache_write_unknown")
    if writes is None or not writes.any() or total <= 0:
        return 0.0, []
    low = high = 0.0
    for code, where in enumerate(rows.targets):
        tokens = float(writes[rows.codes == code].sum())
        if tokens:
            cheap, dear = unknown_ttl_prices(prices, where.spot._replace(tier="default"))
            low, high = low + tokens * float(cheap) / 1e6, high + tokens * float(dear) / 1e6
    return (high - low) / total, [unknown_ttl_assumption(low, high)]
