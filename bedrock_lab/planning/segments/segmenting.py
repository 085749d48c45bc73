"""The plan by segment: traffic cut, each part planned under its own limits, sharing found, the whole added up."""

from collections.abc import Mapping, Sequence
from typing import Any

from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.catalogue.pricelist import prices as load_prices
from bedrock_lab.errors import InputError
from bedrock_lab.planning.planner import refuse_ended
from bedrock_lab.planning.saved import plain
from bedrock_lab.planning.segments.assigning import assign
from bedrock_lab.planning.segments.cutting import cut
from bedrock_lab.planning.segments.flags import Flags, units_by_model
from bedrock_lab.planning.segments.reading import units_of
from bedrock_lab.planning.segments.result import SegmentedPlan
from bedrock_lab.planning.segments.segment import Segment
from bedrock_lab.planning.segments.summing import summed
from bedrock_lab.planning.segments.values import check_texts, shown
from bedrock_lab.planning.segments.variants import Basis, variants_of
from bedrock_lab.rows import TOKEN_RATIO, priced_rows
from bedrock_lab.traffic.checked import checked
from bedrock_lab.traffic.trace import Trace


def plan_segments(
    trace: Trace,
    prices: Prices | None = None,
    *,
    by: str | Sequence[str] | None = None,
    segments: Sequence[Segment] = (),
    units: Mapping[str, Mapping[str, Any]] | None = None,
    model: str | None = None,
    as_model: str | None = None,
    region: str | None = None,
    scope: str | None = None,
    allow_scopes: str | Sequence[str] | None = None,
    option: str | list[str] | None = None,
    shape: str | None = None,
    period_s: float | None = None,
    window_s: float | None = None,
    deferrable: float = 0.0,
    deadline_h: float | None = None,
    unit_input_tpm: float | str | None = None,
    unit_output_tpm: float | str | None = None,
    unit_price: Mapping[str, float] | str | None = None,
    slo: Mapping[str, float] | str | None = None,
    assume: Mapping[str, Any] | None = None,
    token_ratio: tuple[float, float] = TOKEN_RATIO,
    seed: int = 0,
    risk: str = "mean",
    explain: bool = True,
) -> SegmentedPlan:
    """Choose the cheapest way of buying each segment of this traffic, with capacity shared where that costs less.

    Parameters
    ----------
    by
        Columns that tell segments apart, ``"app"`` or ``"app,operation"``; of `segments`, the rest of the rows.
    segments
        Parts with limits of their own, a row to the first that takes it; what they leave open is as given here.
    units
        By model: ``input_tpm``, ``output_tpm`` [tokens/min] and ``price`` by term [USD/h] of a provisioned model unit.
    explain
        Whether to search what would change each choice.

    Notes
    -----
    Further parameters are those of `plan`.

    Raises
    ------
    InputError
        A value is wrong, a segment takes no row, a price is missing, or a model is past its end of life.
    """
    asked = {name: plain(v) for name, v in locals().items() if name not in {"trace", "prices", "explain", "segments"}}
    trace = checked(trace)
    prices = prices or load_prices()
    check_texts("by", by)
    if not isinstance(segments, list | tuple) or not all(isinstance(s, Segment) for s in segments):
        raise InputError(f"segments {shown(segments)}: allowed is a list of lab.Segment")
    if by is None and not segments:
        raise InputError("nothing tells segments apart: give by (app, model, operation) or segments")
    rows = priced_rows(trace, model=model, as_model=as_model, region=region, scope=scope, token_ratio=token_ratio)
    refuse_ended(rows, prices)
    flags = Flags(
        allow_scopes=allow_scopes,
        option=option,
        shape=shape,
        period_s=period_s,
        window_s=window_s,
        deferrable=deferrable,
        deadline_h=deadline_h,
        slo=slo,
        assume=assume,
        token_ratio=token_ratio,
        seed=seed,
        risk=risk,
        units=units_by_model(rows, units_of(units or {}), unit_input_tpm, unit_output_tpm, unit_price),
    )
    on = Basis(trace=trace, rows=rows, prices=prices, flags=flags)
    parts = cut(trace, rows, segments, by)
    variants = [variants_of(on, part) for part in parts]
    asked["segments"] = [s.to_dict() for s in segments]
    return summed(on, parts, variants, assign(variants), asked=asked, explain=explain)
