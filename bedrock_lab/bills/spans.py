"""Hours, accounts and Regions that only one of a trace and a bill has."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from bedrock_lab.bills import causes as why
from bedrock_lab.bills.cells import At, Bill, Grain, Place, Rates, Sums, labels, periods
from bedrock_lab.bills.charge import Charge, Charges
from bedrock_lab.bills.deliveries import Deliveries
from bedrock_lab.quote import EXACT, add
from bedrock_lab.traffic.clock import utc_ns
from bedrock_lab.traffic.trace import Trace

Spans = dict[Place, set[int]]


def logged_spans(trace: Trace, ours: Sums, grain: Grain, accounts: frozenset[str]) -> Spans:
    """Spans in which each place has any row, failed ones too: there the log was delivered."""
    found: Spans = {}
    for at in ours:
        if at.period is not None:
            found.setdefault(at.place, set()).add(at.period)
    regions = trace.text("region")
    if grain.ns is None or regions is None:
        return found
    rows: Any = zip(labels(trace, accounts), regions, periods(trace, grain), strict=True)
    for account, region, period in set(rows):
        if region is not None:
            found.setdefault(Place(account or None, str(region)), set()).add(int(period))
    return found


def covered_spans(bill: Charges, charged: Iterable[Charge], grain: Grain) -> tuple[int, int] | None:
    """First and last span the bill is for."""
    held = list(charged)
    if grain.ns is None or not held:
        return None
    first, last = bill.covers or (min(c.start or "" for c in held), max(c.end or "" for c in held))
    return utc_ns(first) // grain.ns, (utc_ns(last) - 1) // grain.ns


def take_out_what_one_side_has_alone(
    ours: Sums,
    theirs: Bill,
    logged: Spans,
    covered: tuple[int, int] | None,
    grain: Grain,
    rates: Rates,
    found: why.Causes,
    deliveries: Deliveries | None = None,
) -> None:
    """Take out spans and places that one side has alone, with what is counted of deliveries there."""
    if covered is None or not logged:
        return
    numbers = set().union(*logged.values())
    first, last = min(numbers), max(numbers)
    for at in [a for a in theirs if a.period is not None]:
        usd = add(entry.usd for entry in theirs[at].values())
        when = _name(at, grain)
        if not first <= (at.period or 0) <= last:
            detail = f"the bill has {grain.word}s before the trace's first or after its last row"
            found.add(why.EDGES, usd, detail)
        elif at.place not in logged:
            found.add(why.OUTSIDE, usd, f"{at.place.region}: an account or Region the trace has no row of")
        elif at.period not in logged[at.place]:
            said = deliveries.evidence(at, grain) if deliveries else ""
            found.add(why.OUTSIDE, usd, f"{at.place.region} {when}: no log was delivered{f' ({said})' if said else ''}")
        else:
            continue
        del theirs[at]
    for at in [a for a in ours if a.period is not None and not covered[0] <= a.period <= covered[1]]:
        usd = add(EXACT.multiply(n, rates.priced(cell)[1]) for cell, n in ours[at].items())
        found.add(why.EDGES, -usd, f"the trace has {grain.word}s outside the time the bill is for")
        del ours[at]


def _name(at: At, grain: Grain) -> str:
    moment = dt.datetime.fromtimestamp((at.period or 0) * (grain.ns or 0) // 10**9, dt.UTC)
    return moment.strftime("%Y-%m-%dT%HZ" if grain.word == "hour" else "%Y-%m-%d")
