"""A bill's tokens as a Trace of windows: demand by hour or day, for who has neither logs nor metrics."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import numpy as np

from bedrock_lab.bills.charge import Charge, Charges
from bedrock_lab.bills.usage_type import Meaning
from bedrock_lab.catalogue import places
from bedrock_lab.catalogue.model import invocable
from bedrock_lab.errors import InputError
from bedrock_lab.traffic.clock import iso_utc, utc_ns
from bedrock_lab.traffic.trace import Trace, make_trace
from bedrock_lab.traffic.usage import BUCKETS

HOUR_S, DAY_S = 3_600.0, 86_400.0
Key = tuple[int, str | None, str, str, str, str]


def trace_of_bill(bill: Charges) -> Trace:
    """Make a Trace of kind ``windows`` out of the tokens a bill charges on bedrock-runtime.

    A window is as long as the bill's rows are: an hour, a day, a month. Requests are unknown, so is what happened
    within a window. A regional usage type stands for calls in the Region and through its geographic profile alike,
    priced the same: they are taken as geo where the model cannot be called in-region, else as in-region.

    Raises
    ------
    InputError
        No row charges tokens with their amount and time, or the rows are of different lengths.
    """
    charged = [c for c in bill.charges if c.is_tokens and c.start and c.end]
    if not charged:
        raise InputError(f"{bill.source}: no row charges tokens with amount, model, start and end; there is no traffic")
    lengths = sorted({utc_ns(c.end or "") - utc_ns(c.start or "") for c in charged})
    if len(lengths) > 1:
        said = ", ".join(f"{ns / 3.6e12:g} h" for ns in lengths[:4])
        raise InputError(f"{bill.source}: its rows span {said}; export the bill by the hour or by the day")
    sums = _sums(charged)
    first = min(key[0] for key in sums)
    keys = sorted(sums, key=lambda k: (k[0], str(k[1:])))
    columns: dict[str, Any] = {
        "time_s": np.array([(key[0] - first) / 1e9 for key in keys]),
        "requests": np.full(len(keys), np.nan),
        **{
            name: np.array([key[i] for key in keys], dtype=object)
            for i, name in enumerate(("account", "model", "region", "scope", "tier"), 1)
        },
        **{f"{b}_tokens": np.array([round(sums[key].get(b, Decimal(0))) for key in keys]) for b in BUCKETS},
    }
    return make_trace(
        columns,
        origin=bill.origin,
        source=bill.source,
        format="bill",
        kind="windows",
        start_time=iso_utc(first),
        expresses=BUCKETS,
        window_s=lengths[0] / 1e9,
        notes=_notes(bill, charged),
        skipped=bill.skipped,
    )


def _sums(charged: Iterable[Charge]) -> dict[Key, dict[str, Decimal]]:
    sums: dict[Key, dict[str, Decimal]] = {}
    for c in charged:
        m = c.meaning
        key = (utc_ns(c.start or ""), c.account, str(m.model), str(m.region), _scope(m), str(m.tier))
        held = sums.setdefault(key, {})
        held[str(m.bucket)] = held.get(str(m.bucket), Decimal(0)) + (c.tokens or Decimal(0))
    return sums


def _scope(found: Meaning) -> str:
    """Say in which scope calls of a line are taken."""
    geo = found.scope == places.IN_REGION and invocable(str(found.model)).get(places.IN_REGION) == "no"
    return places.GEO if geo else str(found.scope)


def _notes(bill: Charges, charged: list[Charge]) -> tuple[str, ...]:
    said = [
        "from a bill: tokens by window alone; requests, max_tokens, prefixes and what failed are not on it",
        "calls in a Region and through a geographic profile share a usage type: taken as the one the model allows",
    ]
    long = sum(c.tokens or 0 for c in charged if c.meaning.long_context)
    if long:
        said.append(f"{long:,.0f} tokens were charged at the long-context price, which windows cannot carry")
    left = [c for c in bill.charges if c.kind == "usage" and not c.is_tokens]
    if left:
        usd = sum(c.usd for c in left)
        said.append(f"{usd:,.2f} USD of the bill are no tokens of a known model on bedrock-runtime and are left out")
    return tuple(said)
