"""The ways of serving a segment: as it is, and with each substitute, every one planned."""

import dataclasses

import numpy as np

from bedrock_lab.catalogue.model import lifecycle, resolve
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.catalogue.target import target
from bedrock_lab.errors import InputError, UnknownPriceError, listing
from bedrock_lab.planning.segments.assigning import Variant
from bedrock_lab.planning.segments.cutting import Cut, Places, by_place, take_rows
from bedrock_lab.planning.segments.flags import Flags
from bedrock_lab.planning.segments.leaf import Leaf, ground_for, leaf_of
from bedrock_lab.planning.segments.segment import Segment, Substitute
from bedrock_lab.rows import Rows, ratio_assumption
from bedrock_lab.traffic.trace import Trace

AS_IT_IS = "as it is"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What every segment is planned on."""

    trace: Trace
    rows: Rows
    prices: Prices
    flags: Flags


def variants_of(on: Basis, cut: Cut) -> list[Variant]:
    """Plan a segment as it is, and with each of its substitutes."""
    segment = cut.segment
    names = [name_of(s) for s in segment.substitutes]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"segment {segment.name}: two substitutes are {twice[0]}; write each once")
    places = by_place(on.rows, cut.places)
    called = list(dict.fromkeys(model for model, _ in places))
    outside = [model for model in called if segment.allowed is not None and model not in segment.allowed]
    if outside:
        raise InputError(
            f"segment {segment.name}: its rows call {outside[0]}, which is not among its models: "
            f"{listing(segment.allowed or ())}"
        )
    as_it_is = [_leaf(on, segment, take_rows(on.rows, held), AS_IT_IS, 1.0) for held in places.values()]
    made = [Variant(segment=segment.name, name=AS_IT_IS, leaves=tuple(as_it_is))]
    return made + [_with(on, segment, substitute, places) for substitute in segment.substitutes]


def name_of(substitute: Substitute) -> str:
    """Name a variant.

    >>> name_of(Substitute(model="amazon.nova-lite", share=0.4, quality_at_least=0.8, quality_source="a test"))
    '40% to amazon.nova-lite'
    """
    percent = f"{100 * substitute.share:.4g}%"
    return f"{percent} to {resolve(substitute.model).model.id}"


def _with(on: Basis, segment: Segment, substitute: Substitute, places: dict[tuple[str, str], Places]) -> Variant:
    """Send a share of every request's like to another model, and plan both parts."""
    name, model = name_of(substitute), resolve(substitute.model).model
    refused = Variant(segment=segment.name, name=name, leaves=())
    life = lifecycle(model.id, on.prices.as_of)
    if life.state == "EOL":
        return dataclasses.replace(refused, reason=f"{model.id} passed its end of life {life.eol or ''}".strip())
    if any(called == model.id for called, _ in places):
        raise InputError(f"segment {segment.name}: it calls the substitute {model.id} already: tell those rows apart")
    leaves: list[Leaf] = []
    try:
        if substitute.share < 1:
            rest = 1 - substitute.share
            leaves = [_leaf(on, segment, take_rows(on.rows, held), name, rest) for held in places.values()]
        for region in dict.fromkeys(region for _, region in places):
            mine = np.sort(np.concatenate([held for (_, at), held in places.items() if at == region]))
            rows = retargeted(take_rows(on.rows, mine), substitute.model, region, on.flags.token_ratio)
            leaves.append(_leaf(on, segment, rows, name, substitute.share, measured=False))
    except UnknownPriceError as error:
        return dataclasses.replace(refused, reason=str(error))
    fits = fits_share(on.rows, np.concatenate(list(places.values())), model.context_tokens)
    reason = ""
    bound = substitute.quality_at_least or 0.0
    if segment.quality_needed is not None and bound < segment.quality_needed:
        reason = f"its quality bound {bound:g} is below the {segment.quality_needed:g} needed"
    elif fits < substitute.share:
        reason = f"only {fits:.1%} of the requests fit its context of {model.context_tokens:,} tokens"
    elif any(leaf.judged is None for leaf in leaves):
        reason = "nothing on sale for a part of it is allowed here"
    return dataclasses.replace(refused, leaves=tuple(leaves), reason=reason)


def _leaf(on: Basis, segment: Segment, rows: Rows, variant: str, share: float, *, measured: bool = True) -> Leaf:
    """Plan some rows; `measured` says whether their latencies are those of the model they are planned for."""
    question = on.flags.question(segment, rows.targets[0].model.id)
    try:
        ground = ground_for(
            on.trace, rows, on.prices, question, measured=measured,
            allow_scopes=on.flags.scopes(segment), window_s=on.flags.window_s, period_s=on.flags.period_s,
        )  # fmt: skip
        return leaf_of(on.trace, rows, ground, question, names=(segment.name, variant), share=share)
    except UnknownPriceError:
        raise
    except InputError as error:
        raise InputError(f"segment {segment.name}: {error}") from None


def retargeted(rows: Rows, model_id: str, region: str, token_ratio: tuple[float, float]) -> Rows:
    """Take rows as calls of another model, whose tokenizer may count otherwise."""
    where = target(model_id, region=region)
    ratio = ratio_assumption(token_ratio)
    return dataclasses.replace(
        rows,
        targets=(where,),
        codes=np.zeros(len(rows.codes), dtype=np.int64),
        assumptions=(*(a for a in rows.assumptions if a.name != ratio.name), ratio),
        warnings=where.warnings,
    )


def fits_share(rows: Rows, places: Places, context_tokens: int | None) -> float:
    """Share of the requests whose prompt and answer fit a context; 1 where it, or single requests, are not known."""
    if context_tokens is None or not rows.single:
        return 1.0
    tokens = sum((values[places] for values in rows.tokens.values()), np.zeros(len(places)))
    return float((tokens <= context_tokens).mean())
