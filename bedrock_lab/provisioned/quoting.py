"""A quote: what units cost, what is committed to and until when, and what utilisation pays for it."""

import dataclasses
import re
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np

from bedrock_lab.catalogue.model import lifecycle, resolve
from bedrock_lab.catalogue.offers import unit_prices, unit_quota
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.catalogue.tables import source_text
from bedrock_lab.errors import InputError, UnknownModelError
from bedrock_lab.planning.planner import plan
from bedrock_lab.planning.result import Plan
from bedrock_lab.provisioned.payback import Payback, payback
from bedrock_lab.provisioned.quote import TYPED, Quote
from bedrock_lab.provisioned.sold import Sold, sold
from bedrock_lab.provisioned.terms import checked_term, end_of, hours
from bedrock_lab.quote import plain
from bedrock_lab.traffic.trace import Trace

AMOUNT = re.compile(r"\d{1,15}(\.\d{1,12})?")
MOST_UNITS = 100_000


def amount(given: object, name: str) -> Decimal:
    """Read an amount of USD exactly; a float is read as it is written.

    >>> amount("48.0", "confirm_usd"), amount(48, "confirm_usd")
    (Decimal('48.0'), Decimal('48'))
    """
    text = str(given).strip()
    if isinstance(given, bool) or not AMOUNT.fullmatch(text):
        raise InputError(f"{name} {text!r}: an amount in USD is allowed, digits with a decimal point, such as 30922.8")
    return Decimal(text)


def quote(
    model_id: str,
    units: int,
    term: str,
    *,
    prices: Prices,
    region: str,
    now: datetime,
    usd_per_unit_hour: object = None,
    unpriced: bool = False,
    trace: Trace | None = None,
    as_model: bool = False,
    shape: str | None = None,
    unit_input_tpm: float | str | None = None,
    unit_output_tpm: float | str | None = None,
) -> Quote:
    """Work out what a purchase would cost; nothing is called.

    Parameters
    ----------
    usd_per_unit_hour
        Price typed in where none is published; `unpriced` says that it is meant so.
    trace, as_model, shape
        Traffic that would use the units; all of it taken as calls of this model; how a short one stands for a week.
    unit_input_tpm, unit_output_tpm
        What one unit carries, from your account team [tokens/min].
    """
    if type(units) is not int or not 1 <= units <= MOST_UNITS:
        raise InputError(f"units {units!r}: allowed is a whole number from 1 to {MOST_UNITS:,}")
    checked_term(term)
    bought = sold(model_id, prices, region, now.date())
    price, source, known_from = _price(bought, term, prices, region, usd_per_unit_hour, unpriced=unpriced)
    if trace is None and any(given is not None for given in (shape, unit_input_tpm, unit_output_tpm)):
        raise InputError("unit figures and shape say what utilisation pays: give the trace they are meant for")
    ends = end_of(now, term)
    found = None
    if trace is not None:
        chosen = planned(
            trace,
            bought,
            prices=prices,
            region=region,
            as_model=as_model,
            shape=shape,
            unit_input_tpm=unit_input_tpm,
            unit_output_tpm=unit_output_tpm,
            unit_price={term: float(price)} if unpriced else None,
        )
        found = payback(chosen, units, term, float(price))
    return Quote(
        model=bought.model.id,
        model_id=model_id,
        bought_id=bought.model_id,
        region=region,
        units=units,
        term=term,
        hours=hours(term),
        usd_per_unit_hour=price,
        price_source=source,
        price_known_from=known_from,
        starts=now,
        ends=ends,
        payback=found,
        warnings=tuple(_warnings(bought, term, units, now, ends, found)),
    )


def _price(
    bought: Sold, term: str, prices: Prices, region: str, typed: object, *, unpriced: bool
) -> tuple[Decimal, str, str | None]:
    """Return the price of a unit-hour with its source: published, or typed in where none is."""
    published = unit_prices(prices, bought.model.id, region)
    if unpriced != (typed is not None):
        raise InputError("--unpriced and --usd-per-unit-hour go together: a price typed in where none is published")
    if term in published:
        sale = published[term]
        if typed is not None:
            raise InputError(
                f"the price of {bought.model.id}, term {term}, is published: {plain(sale.usd_per_hour)} USD a "
                "unit-hour; leave --unpriced out, or give a negotiated price by --overlay"
            )
        listed = unit_prices(Prices(as_of=prices.as_of), bought.model.id, region)[term].usd_per_hour
        net = "" if listed == sale.usd_per_hour else f", net of the overlay, list {plain(listed)} USD"
        return sale.usd_per_hour, f"{sale.source}{net}", sale.known_from
    if typed is None:
        known = ", ".join(f"{t} {plain(p.usd_per_hour)} USD" for t, p in published.items())
        raise InputError(
            f"no price of a model unit of {bought.model.id} is published for term {term} in {region}"
            f"{f' (published: {known})' if known else ''}: ask your AWS account team, then give --unpriced "
            "--usd-per-unit-hour X"
        )
    price = amount(typed, "--usd-per-unit-hour")
    if not price:
        raise InputError("--usd-per-unit-hour 0: allowed is more than 0 [USD per unit-hour]")
    return price, TYPED, None


def _warnings(
    bought: Sold, term: str, units: int, now: datetime, ends: datetime | None, found: Payback | None
) -> list[str]:
    """Say what a buyer should know besides the price."""
    quota = unit_quota(term)
    allowed, source = int(quota["units"]), source_text(quota["source"])
    made = [bought.note]
    if units > allowed:
        made.append(
            f"the default quota is {allowed} units {'without' if term == 'none' else 'with'} commitment "
            f"({quota['note']}; {source}): where your account has no more, AWS refuses; {how_to_ask(bought.model.id)}"
        )
    eol = lifecycle(bought.model.id, now.date()).eol
    if eol and ends and ends.date() > eol:
        made.append(f"the commitment ends after the model's end of life, {eol}: it is paid for beyond that day")
    if found is not None:
        made += found.warnings
    return [text for text in made if text]


def how_to_ask(model: str) -> str:
    """Say how a quota of model units is raised."""
    return (
        f"ask for model units of {model} in an AWS Support case (service limit increase, Amazon Bedrock), or in "
        "Service Quotas under 'Model units ... provisioned'"
    )


def planned(
    trace: Trace,
    bought: Sold,
    *,
    prices: Prices,
    region: str,
    as_model: bool,
    shape: str | None,
    unit_input_tpm: float | str | None,
    unit_output_tpm: float | str | None,
    unit_price: dict[str, float] | None,
) -> Plan:
    """Plan on-demand against provisioned units for the rows that call the model."""
    rows, note = (trace, None) if as_model else _calling(trace, bought)
    made = plan(
        rows,
        prices,
        model=None if as_model else bought.model.id,
        as_model=bought.model.id if as_model else None,
        region=region,
        option=["on-demand", "provisioned"],
        shape=shape,
        period_s=None if rows is trace else trace.period_s,
        unit_input_tpm=unit_input_tpm,
        unit_output_tpm=unit_output_tpm,
        unit_price=unit_price,
    )
    return made if note is None else _with(made, note)


def _with(made: Plan, note: str) -> Plan:
    return dataclasses.replace(made, warnings=(note, *made.warnings))


def _calling(trace: Trace, bought: Sold) -> tuple[Trace, str | None]:
    """Keep the rows that call the model; rows that name none are taken as its calls."""
    names = trace.text("model")
    if names is None:
        return trace, None
    same = {name: _is(name, bought) for name in set(names.tolist())}
    mask = np.array([same[name] for name in names.tolist()])
    if mask.all():
        return trace, None
    if not mask.any():
        called = ", ".join(sorted(str(name) for name in same)[:3])
        raise InputError(
            f"{trace.source}: calls {called}, not {bought.model.id}, whose units would serve none of it; --as-model "
            "takes all rows as its calls"
        )
    note = (
        f"{int(mask.sum()):,} of {len(mask):,} rows of {trace.source} call {bought.model.id}; the others are left out"
    )
    return trace.select(mask, rebase=False), note


def _is(name: Any, bought: Sold) -> bool:
    try:
        return name is None or resolve(str(name)).model.id == bought.model.id
    except (InputError, UnknownModelError):
        return False
