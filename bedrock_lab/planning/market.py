"""Everything on sale for a demand: its candidates in a scenario, which of them wins, and where that flips."""

import dataclasses
from collections.abc import Sequence

from bedrock_lab.assumptions import Assumption
from bedrock_lab.catalogue import places
from bedrock_lab.catalogue.model import Model
from bedrock_lab.catalogue.offers import TIER_OF
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.planning import options
from bedrock_lab.planning.candidates import Costing, Purchase, Scenario
from bedrock_lab.planning.decide import ENOUGH_S
from bedrock_lab.planning.demand import AS_RECORDED, DAY_S, Demand, Shape, demand, shape_of
from bedrock_lab.planning.flips import Flip, Winner, nearest_flips
from bedrock_lab.planning.intervals import FOUR_WEEKS_S
from bedrock_lab.planning.question import SHAPE_UNKNOWN, WEEK_TO_WEEK, Question
from bedrock_lab.planning.units import UnitFigures, unit_figures
from bedrock_lab.pricing import unknown_ttl_assumption, unknown_ttl_prices
from bedrock_lab.rows import Rows
from bedrock_lab.traffic.shapes import hourly_weights
from bedrock_lab.traffic.trace import Trace

WEEK_S = 7 * DAY_S
SEVERAL = "the trace calls several models or scopes: plan one at a time"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What can be bought for one demand, and the assumptions its costs rest on.

    Attributes
    ----------
    model
        The one model called; None where rows call several.
    tokens
        Purchases by the token.
    figures
        Unit figures; None where provisioned throughput is not on the table.
    scenario
        The central value of every assumption.
    shapes
        Every shape of the week the range runs over.
    extra_usd
        Relative addition to token costs if cache writes of unknown TTL were of the dearest.
    short
        Whether the trace is too short to judge capacity and no shape was asserted.
    """

    demand: Demand
    model: Model | None
    region: str
    prices: Prices
    scopes: options.Scopes
    question: Question
    tokens: tuple[Purchase, ...]
    figures: UnitFigures | None
    scenario: Scenario
    shapes: tuple[Shape, ...]
    extra_usd: float
    short: bool
    assumptions: dict[str, Assumption]
    refused: tuple[dict[str, str], ...]
    warnings: tuple[str, ...]

    def capacity(self, costing: Costing) -> tuple[list[Purchase], list[dict[str, str]]]:
        """Capacity purchases for a scenario, and what is not offered."""
        made: list[Purchase] = []
        if self.figures is not None:
            made += options.provisioned_purchases(costing, self.figures)
        if "reserved" not in self.question.options or self.model is None or self.scopes.home is None:
            return made, []
        bought, reason = options.reserved_purchases(costing, self.model, self.prices, self.region, self.scopes)
        return made + bought, [{"option": "reserved", "reason": reason}] if reason else []

    def winner(self, scenario: Scenario) -> str:
        """Way of buying that is cheapest in a scenario, sizes apart."""
        costing = Costing(self.demand, scenario)
        pool = [p for p in self.tokens if p.availability == "yes"]
        named = [(p.name, float(c)) for p, c in zip(pool, costing.monthly(pool), strict=True)] if pool else []
        if self.figures is not None and self.figures.availability == "yes":
            for term, usd in self.figures.usd_per_hour.items():
                named.append((f"provisioned-{term}", options.best_provisioned_cost(costing, usd)))
        if "reserved" in self.question.options and self.model is not None and self.scopes.home is not None:
            least = min((c for _, c in named), default=float("inf"))
            named += options.best_reserved_costs(
                costing, self.model, self.prices, self.region, self.scopes, below=least
            )
        return min(named, key=lambda pair: (round(pair[1], 9), named.index(pair)))[0] if named else "nothing"

    def flips(self) -> list[Flip]:
        """Find the nearest value of each quantity that changes the way of buying."""
        base = self.scenario
        spans = [("growth", base.growth, base.growth / 4, base.growth * 4)]
        if any(p.tier in {"batch", "flex"} for p in self.tokens):
            spans.append(("deferrable", base.deferrable, 0.0, 1.0))
        if self.figures is not None and self.figures.availability == "yes":
            for name in ("unit_input_tpm", "unit_output_tpm"):
                value = float(getattr(base, name))
                spans.append((name, value, value / 4, value * 4))
            spans.append(("unit_price_factor", 1.0, 0.25, 4.0))
        found: list[Flip] = []
        for name, at, lo, hi in spans:
            found += nearest_flips(name, at, lo, hi, self._winner_by(name))
        return found

    def _winner_by(self, name: str) -> Winner:
        def winner(value: float) -> str:
            return self.winner(dataclasses.replace(self.scenario, **{name: value}))  # type: ignore[arg-type]

        return winner


def open_market(
    trace: Trace,
    rows: Rows,
    prices: Prices,
    question: Question,
    *,
    allow_scopes: str | Sequence[str] | None,
    window_s: float | None,
    period_s: float | None,
) -> Market:
    """Bring demand, prices and assumptions together."""
    if window_s is None:
        window_s = max(60.0, trace.window_s or 0.0)
    model, scope = _single_target(rows)
    region = rows.targets[0].region
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
    tokens, no_tokens, assumed = options.token_purchases(
        model, prices, region, scopes, question.options, missing, question.deferrable, question.deadline_h
    )
    shape, shapes, note = _shapes(question, made.period_s)
    extra, ttl = _unknown_ttl(rows, prices, float(made.on_demand_usd.sum()))
    held = {a.name: a for a in (*rows.assumptions, *assumed, *question.stated.values(), *ttl)}
    if figures is not None:
        held |= {a.name: a for a in (figures.input_tpm, figures.output_tpm)}
    short = made.period_s < ENOUGH_S and question.shape is None
    if not short and made.period_s < FOUR_WEEKS_S:
        held.setdefault(WEEK_TO_WEEK.name, WEEK_TO_WEEK)
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
        figures=figures,
        scenario=_scenario(question, held, shape, figures),
        shapes=shapes,
        extra_usd=extra,
        short=short,
        assumptions=held,
        refused=(*refused, *no_tokens),
        warnings=tuple(w for w in (note, _period_note(trace, made.period_s)) if w),
    )


def _period_note(trace: Trace, period_s: float) -> str | None:
    """Say that the period given is shorter than the trace: its requests would then come faster than they did."""
    if period_s >= trace.span_s:
        return None
    return f"the period of {period_s:g} s is shorter than the {trace.span_s:,.0f} s from first to last request"


def _single_target(rows: Rows) -> tuple[Model | None, str | None]:
    """Return the one model and scope the rows call; None where they differ."""
    model = rows.targets[0].model if len(rows.models) == 1 else None
    scopes = {t.scope for t in rows.targets}
    return model, scopes.pop() if len(scopes) == 1 else None


def _shapes(question: Question, period_s: float) -> tuple[Shape, tuple[Shape, ...], str | None]:
    """Return the central shape, every shape the range runs over, and a warning."""
    if period_s >= WEEK_S:
        note = "the trace holds a week or more: --shape does not reshape it" if question.shape else None
        return AS_RECORDED, (AS_RECORDED,), note
    if question.shape:
        made = shape_of(question.shape, hourly_weights(question.shape))
        note = None
        if not 0.02 <= made.mean <= 2:
            note = f"the weights of shape {question.shape} average {made.mean:g} of the demand as recorded"
        return made, (made,), note
    flat, office = (shape_of(name, hourly_weights(name)) for name in ("flat", "office"))
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
