"""The text of a request for Reserved capacity, which is bought through the AWS account team and not by an API."""

import dataclasses
import html
import math
from decimal import Decimal
from typing import Any

from bedrock_lab.assumptions import Assumption, Origin
from bedrock_lab.catalogue.offers import RESERVED_TERMS, ReservedPrice, offer, reserved_prices
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.catalogue.target import Target
from bedrock_lab.errors import InputError
from bedrock_lab.planning.answers import COMMITMENT, usd
from bedrock_lab.planning.demand import demand
from bedrock_lab.planning.options import plan_scopes
from bedrock_lab.planning.purchase import TERM_MONTHS
from bedrock_lab.pricing import HOURS_PER_MONTH, Floats
from bedrock_lab.quote import plain
from bedrock_lab.rows import priced_rows
from bedrock_lab.stats import percentile
from bedrock_lab.traffic.trace import Trace

PERCENTS = (50, 95, 99)
MINIMUM_KTPM = (100, 10)
"""Least purchase of input and output where no price names one [1,000 tokens/min] (AWS's user guide, service tiers)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A drafted request for Reserved capacity; nothing is sent.

    Attributes
    ----------
    input_tpm, output_tpm
        Tokens per minute over all minutes: mean, p50, p95, p99, max. Input counts cache writes too, as Reserved does.
    ask_ktpm
        Proposed purchase, input and output: p95, at least the minimum [1,000 tokens/min].
    usd_per_hour
        Its price [USD/h]; None where none is published.
    """

    model: str
    model_id: str
    region: str
    scope: str
    term: str
    origin: Origin
    source: str
    requests: int
    period_s: float
    input_tpm: dict[str, float]
    output_tpm: dict[str, float]
    minimum_ktpm: tuple[int, int]
    ask_ktpm: tuple[int, int]
    price: ReservedPrice | None
    usd_per_hour: Decimal | None
    text: str
    assumptions: tuple[Assumption, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of ``bedrock-lab provisioned request``."""
        own = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "price"}
        hourly = self.usd_per_hour
        return own | {
            "origin": str(self.origin),
            "minimum_ktpm": list(self.minimum_ktpm),
            "ask_ktpm": list(self.ask_ktpm),
            "usd_per_hour": None if hourly is None else plain(hourly),
            "usd_per_month": None if hourly is None else plain(HOURS_PER_MONTH * hourly),
            "price_source": self.price.source if self.price else None,
            "assumptions": [a.to_dict() for a in self.assumptions],
            "warnings": list(self.warnings),
        }

    def to_frame(self) -> Any:
        """Return the tokens per minute as a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame({"input_tpm": self.input_tpm, "output_tpm": self.output_tpm})

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.text)}</pre>"


def request(
    trace: Trace,
    prices: Prices,
    *,
    model: str | None = None,
    as_model: str | None = None,
    region: str | None = None,
    scope: str | None = None,
    term: str = "1m",
) -> Request:
    """Draft the request for the traffic of a trace.

    Raises
    ------
    InputError
        A term that is not sold, or a trace of several models.
    """
    if term not in RESERVED_TERMS:
        raise InputError(f"term {term!r}: Reserved capacity is sold for {', '.join(RESERVED_TERMS)}")
    rows = priced_rows(trace, model=model, as_model=as_model, region=region, scope=scope)
    spots = {(t.model.id, t.region, t.scope) for t in rows.targets}
    if len(spots) > 1:
        raise InputError(f"{trace.source}: calls {len(spots)} models, Regions or scopes; a request is for one")
    where = _callable(rows.targets[0])
    made, _ = demand(trace, rows, prices)
    sold = reserved_prices(prices, where.model.id, where.region, where.scope).get(term)
    least = sold.minimum_ktpm if sold else MINIMUM_KTPM
    sides = _spread(made.input_tpm), _spread(made.output_tpm)
    ask = max(least[0], _ktpm(sides[0]["p95"])), max(least[1], _ktpm(sides[1]["p95"]))
    hourly = None if sold is None else _hourly(sold, ask)
    sale = offer(prices, where.model.id, "reserved", where.region, where.scope)
    profile = where.model.profile_id(where.scope, where.region) or where.model.id
    found = Request(
        model=where.model.id,
        model_id=profile,
        region=where.region,
        scope=where.scope,
        term=term,
        origin=trace.origin,
        source=trace.source,
        requests=int(trace.requests),
        period_s=made.period_s,
        input_tpm=sides[0],
        output_tpm=sides[1],
        minimum_ktpm=least,
        ask_ktpm=ask,
        price=sold,
        usd_per_hour=hourly,
        text="",
        assumptions=rows.assumptions,
        warnings=(
            *rows.warnings,
            *([] if sold else [f"no Reserved price is published for {where.model.id} {where.scope}: {sale.reason}"]),
            *([f"the traffic is {trace.origin}: replace it by your own before you send this"] * trace.origin.invented),
        ),
    )
    return dataclasses.replace(found, text=written(found))


def _callable(where: Target) -> Target:
    """Return a target in the nearest scope that can be called: a bare id may need a profile."""
    return dataclasses.replace(where, scope=plan_scopes(where.model, where.scope, None).home or where.scope)


def _spread(values: Floats) -> dict[str, float]:
    """Return mean, percentiles and maximum over all minutes, idle ones too."""
    return {
        "mean": float(values.mean()),
        **{f"p{p}": percentile(values, p / 100) for p in PERCENTS},
        "max": float(values.max()),
    }


def _ktpm(tpm: float) -> int:
    return math.ceil(round(tpm / 1000, 9))


def _hourly(sold: ReservedPrice, ktpm: tuple[int, int]) -> Decimal:
    per_input, per_output = sold.usd_per_hour_per_ktpm
    return ktpm[0] * per_input + ktpm[1] * per_output


def written(r: Request) -> str:
    """Write the request."""

    def row(name: str, values: dict[str, float]) -> str:
        return f"  {name:<7}" + "".join(f"{key} {values[key]:,.0f}   " for key in values).rstrip()

    return "\n".join(
        [
            f"Subject: Reserved capacity for {r.model_id} on Amazon Bedrock, {r.region}",
            "",
            "We would like to reserve capacity on Amazon Bedrock (service tier: reserved). Account: [account id].",
            "",
            f"  model     {r.model_id} ({r.scope})",
            f"  Region    {r.region}",
            f"  term      {COMMITMENT[r.term]}, beginning [date]",
            f"  input     {r.ask_ktpm[0]:,},000 tokens per minute (cache writes included)",
            f"  output    {r.ask_ktpm[1]:,},000 tokens per minute",
            f"  minimum   {r.minimum_ktpm[0]:,},000 input and {r.minimum_ktpm[1]:,},000 output, as we understand it",
            "",
            f"Our traffic, tokens per minute over {r.period_s / 86_400:,.1f} days ({r.requests:,} requests):",
            row("input", r.input_tpm),
            row("output", r.output_tpm),
            "",
            _price_words(r),
            "",
            "Please confirm:",
            "  1. availability of this size, and the earliest day it can begin;",
            "  2. prices for one and three months, and what happens at the end of the term (renewal, notice);",
            "  3. that traffic above the reservation is served at the default tier and billed on demand;",
            "  4. how cache reads count against the reservation;",
            "  5. the availability target and what it is worth if it is missed.",
        ]
    )


def _price_words(r: Request) -> str:
    if r.price is None or r.usd_per_hour is None:
        return "We found no published price for this; please quote one."
    per_input, per_output = r.price.usd_per_hour_per_ktpm
    month = HOURS_PER_MONTH * r.usd_per_hour
    return (
        f"By the published prices ({plain(per_input)} and {plain(per_output)} USD an hour for 1,000 input and output "
        f"tokens per minute, known from {r.price.known_from}) that is {plain(r.usd_per_hour)} USD an hour, "
        f"{usd(float(month))} a month, {usd(float(TERM_MONTHS[r.term] * month))} for the term."
    )
