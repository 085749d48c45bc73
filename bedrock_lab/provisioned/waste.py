"""Waste: units that are idle or serve less than they cost; found, never deleted."""

import dataclasses
import html
import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

from bedrock_lab.assumptions import Assumption, Kind
from bedrock_lab.catalogue import places
from bedrock_lab.catalogue.offers import unit_claim
from bedrock_lab.catalogue.pricelist import Prices, Spot
from bedrock_lab.catalogue.tables import source_text
from bedrock_lab.client.metric_data import PRICE_OF_A_METRIC, Reading
from bedrock_lab.errors import InputError, UnknownPriceError
from bedrock_lab.pricing import Floats, unit_price
from bedrock_lab.provisioned.held import Units
from bedrock_lab.provisioned.terms import when
from bedrock_lab.quote import plain
from bedrock_lab.traffic.clock import MONTH_S

YOUNG_S = 3600.0
"""Units younger than this are not judged [s]."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What units were used for since they were bought, within the days looked at.

    Attributes
    ----------
    verdict
        idle (no request at all), under-used (the same tokens cost less on demand), pays, or unknown.
    period_s
        Time looked at [s].
    usd_per_month
        What the units cost [USD/month]; None where their price is not known.
    on_demand_usd_per_month
        What their tokens would cost on demand, in a month of such days [USD/month].
    wasted_usd_per_month
        What deleting them and calling on demand would save [USD/month]; 0 where they pay.
    utilisation, unused_usd_per_month
        Mean share of the units in use, and the price of the rest; None where nobody says what a unit carries.
    peak_units, spare_units
        Units the busiest period needed, and whole units that no period needed.
    """

    units: Units
    verdict: str
    period_s: float
    requests: int
    input_tokens: int
    output_tokens: int
    usd_per_month: float | None
    on_demand_usd_per_month: float | None
    wasted_usd_per_month: float | None
    utilisation: float | None
    unused_usd_per_month: float | None
    peak_units: float | None
    spare_units: int | None
    note: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        own = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "units"}
        told = self.units.to_dict()
        named = {key: told[key] for key in ("name", "id", "arn", "model", "units", "term", "status", "ends")}
        return named | own


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Waste:
    """Every name with its use; `reading` is what CloudWatch was asked."""

    rows: tuple[Usage, ...]
    reading: Reading
    assumptions: tuple[Assumption, ...]

    @property
    def wasted_usd_per_month(self) -> float | None:
        """Sum over the names where it is known [USD/month]; None where it is known of none."""
        known = [row.wasted_usd_per_month for row in self.rows if row.wasted_usd_per_month is not None]
        return None if self.rows and not known else float(sum(known))

    @property
    def unknown(self) -> int:
        """Names of which nobody knows what is wasted."""
        return sum(row.wasted_usd_per_month is None for row in self.rows)

    @property
    def total(self) -> str:
        """The sum in words."""
        if self.wasted_usd_per_month is None:
            return "what is wasted is not known of any; nothing is deleted by itself"
        unknown = f", {self.unknown} unknown" if self.unknown else ""
        return f"{self.wasted_usd_per_month:,.2f} USD a month wasted{unknown}; nothing is deleted by itself"

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of ``bedrock-lab provisioned waste``."""
        return {
            "wasted_usd_per_month": self.wasted_usd_per_month,
            "unknown": self.unknown,
            "rows": [row.to_dict() for row in self.rows],
            "start": when(self.reading.start),
            "end": when(self.reading.end),
            "cloudwatch": {
                "calls": self.reading.calls,
                "metrics": self.reading.metrics,
                "usd": plain(self.reading.usd),
            },
            "assumptions": [a.to_dict() for a in self.assumptions],
        }

    def to_frame(self) -> Any:
        """Return a pandas DataFrame, a row a name."""
        import pandas as pd

        return pd.DataFrame([row.to_dict() for row in self.rows])

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.total)}</p>" + (str(self.to_frame().to_html(index=False)) if self.rows else "")


def both_figures(unit_input_tpm: float | None, unit_output_tpm: float | None) -> tuple[float, float] | None:
    """Return what a unit carries, where it is given: both limits or none."""
    given = (unit_input_tpm, unit_output_tpm)
    if given == (None, None):
        return None
    if unit_input_tpm is None or unit_output_tpm is None:
        raise InputError("a model unit has two limits: give --unit-input-tpm and --unit-output-tpm")
    if not (0 < unit_input_tpm < math.inf and 0 < unit_output_tpm < math.inf):
        raise InputError(f"unit figures {unit_input_tpm:g}, {unit_output_tpm:g}: allowed is more than 0 tokens/min")
    return unit_input_tpm, unit_output_tpm


def figures(model: str | None, given: tuple[float, float] | None) -> tuple[float, float] | None:
    """Return what a unit carries, input and output [tokens/min]: given, else claimed by somebody, else None."""
    if given is not None:
        return given
    claim = unit_claim(model) if model else None
    if claim and claim["output_tpm"]:
        return float(claim["input_tpm"]), float(claim["output_tpm"])
    return None


def assumed(held: Sequence[Units], given: tuple[float, float] | None) -> tuple[Assumption, ...]:
    """State what utilisation and the comparison rest on."""
    cache = "not counted: whether prompt caching works on units is not documented"
    made = [
        Assumption(name="cache_tokens_counted", value=0.0, kind=Kind.ASSUMED, source=cache, unit="tokens"),
        PRICE_OF_A_METRIC,
    ]
    if given is not None:
        return (*made, *_sides("", given, Kind.ASSUMED, "stated by the user"))
    for model in dict.fromkeys(one.model for one in held if one.model):
        claim, sizes = unit_claim(model), figures(model, None)
        if claim and sizes is not None:
            made += _sides(f" of {model}", sizes, Kind.CLAIMED, source_text(claim["source"]))
    return tuple(made)


def _sides(of: str, sizes: tuple[float, float], kind: Kind, source: str) -> list[Assumption]:
    return [
        Assumption(name=f"unit_{side}_tpm{of}", value=size, kind=kind, source=source, unit="tokens/min")
        for side, size in zip(("input", "output"), sizes, strict=True)
    ]


def usage(
    one: Units,
    sums: dict[str, Floats],
    reading: Reading,
    now: datetime,
    *,
    prices: Prices,
    region: str,
    given: tuple[float, float] | None,
) -> Usage:
    """Judge the use of units by their metrics."""
    period_s = (min(reading.end, now) - max(reading.start, one.created)).total_seconds()
    requests, inputs, outputs = (
        round(float(sums[m].sum())) for m in ("Invocations", "InputTokenCount", "OutputTokenCount")
    )
    cost = None if one.usd_per_month is None else float(one.usd_per_month)
    value, note = _on_demand(one, inputs, outputs, prices, region)
    young = period_s < YOUNG_S
    monthly = None if value is None or young else value * MONTH_S / period_s
    wasted = None
    if cost is not None and not young:
        wasted = cost if not requests else None if monthly is None else max(0.0, cost - monthly)
    mean, peak = _use(one, sums, reading, period_s, given)
    spare = None if peak is None or young else max(0, one.units - max(1, math.ceil(round(peak, 9))))
    return Usage(
        units=one,
        verdict=_verdict(requests, wasted, young=young),
        period_s=period_s,
        requests=requests,
        input_tokens=inputs,
        output_tokens=outputs,
        usd_per_month=cost,
        on_demand_usd_per_month=monthly,
        wasted_usd_per_month=wasted,
        utilisation=None if young else mean,
        unused_usd_per_month=None if mean is None or cost is None or young else cost * (1 - mean),
        peak_units=None if young else peak,
        spare_units=spare if requests else None,
        note="; ".join(_notes(one, now, note, young=young)),
    )


def _notes(one: Units, now: datetime, note: str, *, young: bool) -> list[str]:
    """Say what limits a judgement, and what can be done about it."""
    said = ["younger than an hour: not judged" if young else note]
    if one.bound(now):
        said.append(f"committed until {when(one.ends)}: cannot be deleted before")
    return [text for text in said if text]


def _verdict(requests: int, wasted: float | None, *, young: bool) -> str:
    if young:
        return "unknown"
    if not requests:
        return "idle"
    if wasted is None:
        return "unknown"
    return "under-used" if wasted > 0 else "pays"


def _on_demand(one: Units, inputs: int, outputs: int, prices: Prices, region: str) -> tuple[float | None, str]:
    """Return what tokens cost on demand [USD], or why that is not known."""
    cost_note = "" if one.usd_per_unit_hour is not None else "no price of its units is published; "
    if one.model is None:
        return None, f"{cost_note}the catalogue does not know the model"
    try:
        spot = Spot(one.model, region, places.IN_REGION, "default")
        per_million = [float(unit_price(prices, spot, bucket)) for bucket in ("input", "output")]
    except UnknownPriceError:
        return None, f"{cost_note}no on-demand price is published here"
    return (inputs * per_million[0] + outputs * per_million[1]) / 1e6, cost_note.removesuffix("; ")


def _use(
    one: Units, sums: dict[str, Floats], reading: Reading, period_s: float, given: tuple[float, float] | None
) -> tuple[float | None, float | None]:
    """Return mean utilisation, and the units the busiest period needed."""
    sizes = figures(one.model, given)
    if sizes is None or period_s <= 0:
        return None, None
    per_input, per_output = sizes
    minutes = reading.period_s / 60
    needed = np.maximum(sums["InputTokenCount"] / per_input, sums["OutputTokenCount"] / per_output) / minutes
    busy_s = float(np.minimum(needed, one.units).sum()) * reading.period_s
    return busy_s / (one.units * period_s), float(needed.max(initial=0.0))
