"""Figures of a provisioned model unit: from the user, else claimed somewhere, else assumed from its price."""

import dataclasses

import numpy as np

from bedrock_lab.assumptions import Assumption, Kind
from bedrock_lab.catalogue.model import Model
from bedrock_lab.catalogue.offers import PROVISIONED_TERMS, offer, unit_claim, unit_prices
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.catalogue.tables import source_text
from bedrock_lab.errors import InputError
from bedrock_lab.planning.demand import Demand

PARITY = (0.5, 1.0, 2.0)
"""On-demand value of a fully used unit against its price without commitment: low, middle, high (assumed)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class UnitFigures:
    """Price by term [USD/h] and throughput [tokens/min] of a model unit, and whether one may rely on them."""

    usd_per_hour: dict[str, float]
    input_tpm: Assumption
    output_tpm: Assumption
    availability: str
    note: str


def parse_unit_price(text: str) -> dict[str, float]:
    """Read ``none=60,1m=44,6m=30``.

    >>> parse_unit_price("none=60,1m=44")
    {'none': 60.0, '1m': 44.0}
    """
    out: dict[str, float] = {}
    for part in filter(None, text.split(",")):
        term, _, value = part.partition("=")
        try:
            price = float(value)
        except ValueError:
            price = float("nan")
        if term in out or term not in PROVISIONED_TERMS or not 0 < price < float("inf"):
            allowed = ",".join(f"{t}=USD" for t in PROVISIONED_TERMS)
            raise InputError(
                f"unit price {part!r}: write {allowed}, each once, with prices above 0 [USD per unit-hour]"
            )
        out[term] = price
    if not out:
        raise InputError(f"unit price {text!r}: names no term; allowed: {', '.join(PROVISIONED_TERMS)}")
    return out


def _throughput(name: str, value: float, source: str, kind: Kind, factor: tuple[float, float] = (1, 1)) -> Assumption:
    return Assumption(
        name=name,
        value=value,
        lo=value * factor[0],
        hi=value * factor[1],
        kind=kind,
        source=source,
        unit="tokens/min",
    )


def _by_parity(demand: Demand, price_none: float) -> tuple[Assumption, Assumption]:
    """Assume a throughput at which a fully used unit is worth about what it costs, in the trace's own mix."""
    if not demand.on_demand_usd.any():
        raise InputError("the trace holds no tokens: no throughput of a unit can be assumed from it")
    value_per_minute = float(np.sum(demand.on_demand_usd)) / max(
        float(np.sum(demand.input_tpm)) * demand.window_s / 60, 1e-300
    )
    share = float(np.sum(demand.output_tpm)) / max(float(np.sum(demand.input_tpm)), 1e-300)
    middle = price_none / 60 / value_per_minute
    factor = (PARITY[0] / PARITY[1], PARITY[2] / PARITY[1])
    source = (
        f"assumed: full use is worth {PARITY[0]:g} to {PARITY[2]:g} times the unit's price on demand; "
        "AWS publishes no throughput of a model unit"
    )
    return (
        _throughput("unit_input_tpm", middle, source, Kind.ASSUMED, factor),
        _throughput("unit_output_tpm", max(middle * share, 1e-9), source, Kind.ASSUMED, factor),
    )


def unit_figures(
    model: Model,
    prices: Prices,
    region: str,
    demand: Demand,
    *,
    given: dict[str, Assumption],
    given_price: dict[str, float] | None,
) -> UnitFigures | str:
    """Find what is known of a unit of a model; a string is the reason why it is not offered.

    Raises
    ------
    InputError
        Throughput in one dimension only, or throughput given with no price known.
    """
    stated = {name: given[name] for name in ("unit_input_tpm", "unit_output_tpm") if name in given}
    if len(stated) == 1:
        missing = ({"unit_input_tpm", "unit_output_tpm"} - set(stated)).pop()
        raise InputError(f"a model unit has two limits: give {missing} too (--{missing.replace('_', '-')})")
    for figure in stated.values():
        if isinstance(figure.lo, float) and figure.lo <= 0:
            raise InputError(f"{figure.name} {figure.lo:g}: allowed is more than 0 tokens/min")
    published = {t: float(p.usd_per_hour) for t, p in unit_prices(prices, model.id, region).items()}
    usd_per_hour = given_price or published
    sold = offer(prices, model.id, "provisioned", region, "in-region")
    if stated:
        if not usd_per_hour:
            raise InputError(f"no unit price is published for {model.id}; give one (--unit-price none=USD,1m=USD)")
        return UnitFigures(
            usd_per_hour=usd_per_hour,
            input_tpm=stated["unit_input_tpm"],
            output_tpm=stated["unit_output_tpm"],
            availability="yes",
            note="unit figures by the user's word",
        )
    if sold.availability == "no" and not given_price:
        return sold.reason
    if not usd_per_hour:
        return f"{sold.reason}: give --unit-input-tpm, --unit-output-tpm and --unit-price to see it"
    claim = unit_claim(model.id)
    if claim and claim["output_tpm"]:
        figures = tuple(
            _throughput(f"unit_{side}_tpm", float(claim[f"{side}_tpm"]), source_text(claim["source"]), Kind.CLAIMED)
            for side in ("input", "output")
        )
    else:
        figures = _by_parity(demand, usd_per_hour.get("none", max(usd_per_hour.values())))
    return UnitFigures(
        usd_per_hour=usd_per_hour,
        input_tpm=figures[0],
        output_tpm=figures[1],
        availability="unknown",
        note="AWS publishes no throughput of a model unit: give --unit-input-tpm and --unit-output-tpm",
    )
