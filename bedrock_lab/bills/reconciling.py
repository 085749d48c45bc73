"""Hold a trace against a bill: every cent of the difference has a cause, or stands as unexplained.

Causes are looked for where the evidence is strongest first: what is no token; hours one side has and the other has not;
within an hour, tokens that cancel entirely; over the whole time, the rest; then the rate tokens were charged at.
"""

import dataclasses
import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from bedrock_lab.bills import causes as why
from bedrock_lab.bills.cells import (
    NOUGHT,
    Bill,
    Cell,
    Charged,
    Rates,
    Sums,
    accounts_in_common,
    billed,
    grain_of,
    traced,
)
from bedrock_lab.bills.charge import CREDIT, DISCOUNT, FEE, REFUND, TAX, USAGE, Charge, Charges, unknown
from bedrock_lab.bills.deliveries import Deliveries
from bedrock_lab.bills.rates import rate_causes
from bedrock_lab.bills.reading import read_charges
from bedrock_lab.bills.reconciliation import Explained, Reconciliation, Side
from bedrock_lab.bills.spans import covered_spans, logged_spans, take_out_what_one_side_has_alone
from bedrock_lab.bills.unpriced import unpriced_tokens
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.catalogue.pricelist import prices as load_prices
from bedrock_lab.errors import InputError
from bedrock_lab.quote import EXACT, add
from bedrock_lab.rows import priced_rows
from bedrock_lab.traffic.checked import checked
from bedrock_lab.traffic.trace import Trace

KINDS = {CREDIT: "credits", REFUND: "refunds", TAX: "tax", DISCOUNT: "discounts", FEE: "fees"}
CATEGORIES = {
    "mantle": "mantle",
    "provisioned": "provisioned units",
    "reserved": "reserved capacity",
    "custom_model": "custom models",
    "guardrail": "guardrails",
    "knowledge_base": "knowledge bases",
    "agent": "agents",
    "data_automation": "data automation",
    "evaluation": "evaluation",
    "media": "images, audio and video",
}
"""Names of causes for what a bill holds beside tokens on bedrock-runtime."""


def reconcile(
    trace: Trace,
    bill: Charges | str | Path,
    prices: Prices | None = None,
    *,
    model: str | None = None,
    region: str | None = None,
    scope: str | None = None,
    deliveries: Deliveries | None = None,
) -> Reconciliation:
    """Say why a bill and a trace differ.

    Parameters
    ----------
    bill
        As `lab.read_bill` returns it, or the path of a bill of this machine.
    prices
        At which the trace is priced; by default as of the bill's last day.
    model, region, scope
        Of rows that name none.
    deliveries
        How deliveries of the log went, as evidence for hours without one.

    Raises
    ------
    InputError
        The trace cannot be priced, or the bill says no amounts of usage.
    """
    trace = checked(trace)
    bill = bill if isinstance(bill, Charges) else read_charges(bill)
    silent = [c for c in bill.charges if c.kind == USAGE and c.meaning.category == "tokens" and c.tokens is None]
    if silent:
        raise InputError(f"{bill.source}: says no usage amounts, only USD; download it with usage, or give the report")
    prices = prices or load_prices(priced_as_of(bill))
    rates, found = Rates(prices), why.Causes()
    charged = [c for c in bill.charges if c.is_tokens]
    grain, accounts = grain_of(trace, charged), accounts_in_common(trace, charged)
    given: dict[str, Any] = {"model": model, "region": region, "scope": scope}
    rows = priced_rows(trace, **given)
    ours = traced(trace, rows, prices, grain, accounts)
    theirs = billed(charged, grain, accounts)
    by = _sides(ours, theirs, rates)
    _beside_tokens(bill.charges, found)
    logged = logged_spans(trace, ours, grain, accounts)
    take_out_what_one_side_has_alone(
        ours, theirs, logged, covered_spans(bill, charged, grain), grain, rates, found, deliveries
    )
    left = _tokens(ours, theirs, unpriced_tokens(trace, prices, grain, accounts, given), rates, found)
    share = _unexplained(left, rates, bill.total_usd, found)
    trace_usd = add(side.trace_usd for side in by)
    return Reconciliation(
        trace_source=trace.source,
        bill_source=bill.source,
        origin=trace.origin if trace.origin.invented else bill.origin,
        as_of=prices.as_of.isoformat(),
        grain=grain.word,
        trace_usd=trace_usd,
        trace_list_usd=add(EXACT.multiply(s.trace_tokens, _list(s, rates)) for s in by if s.trace_tokens),
        bill_usd=bill.total_usd,
        by=by,
        causes=_in_order(found),
        unexplained_share=share,
        assumptions=(*rows.assumptions, *bill.assumptions),
        warnings=(*rows.warnings, *bill.notes, *prices.notes),
    )


def priced_as_of(bill: Charges) -> str | None:
    """Return the bill's last day; None where it names no time."""
    end = bill.span[1]
    return None if end is None else str((dt.datetime.fromisoformat(end) - dt.timedelta(seconds=1)).date())


def _sides(ours: Sums, theirs: Bill, rates: Rates) -> tuple[Side, ...]:
    """Sum both sides by cell; a cell of the trace without a price raises as pricing does."""
    tokens: dict[Cell, Decimal] = {}
    bills: dict[Cell, Charged] = {}
    for held in ours.values():
        for cell, n in held.items():
            tokens[cell] = tokens.get(cell, NOUGHT) + n
    for sums in theirs.values():
        for cell, entry in sums.items():
            bills[cell] = _joined(bills.get(cell), entry)
    made = []
    for cell in sorted(tokens.keys() | bills.keys()):
        n, entry = tokens.get(cell, NOUGHT), bills.get(cell, Charged())
        made.append(
            Side(
                model=cell.model,
                region=cell.region,
                scope=cell.scope,
                tier=cell.tier,
                bucket=cell.bucket,
                long_context=cell.long,
                trace_tokens=n,
                bill_tokens=entry.tokens,
                trace_usd=EXACT.multiply(n, rates.priced(cell)[1]) if n else NOUGHT,
                bill_usd=entry.usd,
            )
        )
    return tuple(sorted(made, key=lambda s: -abs(s.bill_usd - s.trace_usd)))


def _joined(held: Charged | None, more: Charged) -> Charged:
    """Add what two spans were charged in a cell."""
    if held is None:
        return dataclasses.replace(more)
    known = held.list_usd is not None and more.list_usd is not None
    return Charged(
        tokens=held.tokens + more.tokens,
        usd=EXACT.add(held.usd, more.usd),
        list_usd=EXACT.add(held.list_usd or NOUGHT, more.list_usd or NOUGHT) if known else None,
        rows=held.rows + more.rows,
    )


def _list(side: Side, rates: Rates) -> Decimal:
    cell = Cell(side.model, side.region, side.scope, side.tier, side.bucket, side.long_context)
    return rates.priced(cell)[0]


def _beside_tokens(charges: Iterable[Charge], found: why.Causes) -> None:
    """Name what a bill holds beside tokens on bedrock-runtime, each line under its cause."""
    for charge in charges:
        if charge.is_tokens:
            continue
        if charge.kind != USAGE:
            name = KINDS[charge.kind]
        elif unknown(charge):
            name = why.UNKNOWN
        else:
            name = CATEGORIES.get(charge.meaning.category, why.UNKNOWN)
        found.add(name, charge.usd, charge.usage_type or charge.product or charge.kind)


def _tokens(
    ours: Sums, theirs: Bill, unpriced: dict[str, Sums], rates: Rates, found: why.Causes
) -> dict[Cell, tuple[Decimal, Charged]]:
    """Match tokens hour by hour, then over the whole time; return what is left by cell, with what was charged there."""
    rest: why.Tokens = {}
    spare: dict[str, why.Tokens] = {name: {} for name in unpriced}
    bills: dict[Cell, Charged] = {}
    for at in sorted(ours.keys() | theirs.keys(), key=str):
        sums, entries = ours.get(at, {}), theirs.get(at, {})
        here = {c: entries.get(c, Charged()).tokens - sums.get(c, NOUGHT) for c in sums.keys() | entries.keys()}
        beside = {name: dict(held.get(at, {})) for name, held in unpriced.items()}
        if at.period is not None:
            why.match(here, rates, found, whole=True)
            why.match_unpriced(here, beside, rates, found, whole=True)
        for cell, n in here.items():
            rest[cell] = rest.get(cell, NOUGHT) + n
        for name, held in beside.items():
            for cell, n in held.items():
                spare[name][cell] = spare[name].get(cell, NOUGHT) + n
        for cell, entry in entries.items():
            bills[cell] = _joined(bills.get(cell), entry)
    why.match(rest, rates, found, whole=False)
    why.match_unpriced(rest, spare, rates, found, whole=False)
    for cell, entry in bills.items():
        rate_causes(cell, entry, rates, found)
    _not_logged(rest, bills, ours, rates, found)
    return {cell: (n, bills.get(cell, Charged())) for cell, n in rest.items() if n}


def _not_logged(rest: why.Tokens, bills: dict[Cell, Charged], ours: Sums, rates: Rates, found: why.Causes) -> None:
    """Name tokens of batch jobs, which no invocation log records, and of models the trace has no row of."""
    seen = {cell for held in ours.values() for cell in held}
    tiers, models = {c.tier for c in seen}, {c.model for c in seen}
    for cell in [c for c in rest if rest[c] > 0]:
        rate = rates.of(cell)
        usd = bills[cell].usd if rate is None else EXACT.multiply(rest[cell], rate[1])
        if cell.tier == "batch" and "batch" not in tiers:
            found.add(why.OUTSIDE, usd, f"{cell.model} {cell.region}: batch jobs, which the invocation log leaves out")
        elif cell.model not in models:
            found.add(why.OUTSIDE, usd, f"{cell.model} {cell.region}: a model the trace has no row of")
        else:
            continue
        rest[cell] = NOUGHT


def _unexplained(
    left: dict[Cell, tuple[Decimal, Charged]],
    rates: Rates,
    bill_usd: Decimal,
    found: why.Causes,
) -> float:
    """Add what is left, cell by cell; return its share of the bill regardless of sign."""
    gross = NOUGHT
    for cell, (tokens, entry) in sorted(left.items()):
        rate = rates.of(cell)
        usd = entry.usd if rate is None else EXACT.multiply(tokens, rate[1])
        gross = add((gross, abs(usd)))
        said = f"{tokens:+,} {cell.bucket} tokens of {cell.model} ({cell.region}, {cell.scope}, {cell.tier})"
        found.add(why.UNEXPLAINED, usd, said)
    if not gross:
        return 0.0
    return float(gross / abs(bill_usd)) if bill_usd else 1.0


def _in_order(found: why.Causes) -> tuple[Explained, ...]:
    """Order causes by size, unexplained last and always there."""
    made = [Explained(cause=c.name, usd=c.usd, detail=why.spans(c.details)) for c in found]
    last = next((c for c in made if c.cause == why.UNEXPLAINED), None)
    rest = sorted((c for c in made if c is not last), key=lambda c: (-abs(c.usd), c.cause))
    return (*rest, last or Explained(cause=why.UNEXPLAINED, usd=NOUGHT, detail="nothing is left without a cause"))
