"""Tokens of requests a trace does not price: failed, blocked by a guardrail, throttled."""

import dataclasses
from typing import Any

import numpy as np

from bedrock_lab.bills import causes as why
from bedrock_lab.bills.cells import Grain, Sums, traced
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.rows import priced_rows
from bedrock_lab.traffic.trace import Trace


def unpriced_tokens(
    trace: Trace, prices: Prices, grain: Grain, accounts: frozenset[str], given: dict[str, Any]
) -> dict[str, Sums]:
    """Tokens of requests that are not priced, by why: failed, blocked by a guardrail, throttled."""
    outcomes = trace.text("outcome")
    if outcomes is None or trace.kind != "requests":
        return {}
    codes = trace.text("error_code")
    said = np.full(len(trace), "") if codes is None else np.array([str(c or "").lower() for c in codes])
    blocked = np.char.find(said.astype(str), "guardrail") >= 0
    masks = {
        why.RETRIED: outcomes == "throttled",
        why.BLOCKED: (outcomes == "failed") & blocked,
        why.FAILED: (outcomes == "failed") & ~blocked,
    }
    found = {}
    for name, mask in masks.items():
        known = mask & _has_tokens(trace)
        if known.any():
            part = _as_if_served(trace.select(known, rebase=False))
            found[name] = traced(part, priced_rows(part, **given), prices, grain, accounts)
    return found


def _has_tokens(trace: Trace) -> Any:
    columns = [trace.column(f"{b}_tokens") for b in ("input", "output")]
    return np.any([np.nan_to_num(c) > 0 for c in columns if c is not None], axis=0)


def _as_if_served(trace: Trace) -> Trace:
    """Return rows without their outcome, unknown tokens as none."""
    import pyarrow.compute as pc

    table = trace.table.drop_columns(["outcome"])
    for name in ("input_tokens", "output_tokens"):
        if name in table.column_names:
            place = table.column_names.index(name)
            table = table.set_column(place, name, pc.fill_null(table.column(name), 0))
    return dataclasses.replace(trace, table=table)
