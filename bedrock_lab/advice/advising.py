"""`findings`: everything worth knowing of a trace, ordered by USD a month, nothing said twice."""

import dataclasses
from collections.abc import Callable

from bedrock_lab.advice.caching import cache_writes
from bedrock_lab.advice.drivers import output_drivers
from bedrock_lab.advice.finding import Finding, Findings, NotLookedAt
from bedrock_lab.advice.ground import Ground, prepared
from bedrock_lab.advice.models import end_of_life, global_scope
from bedrock_lab.advice.prompts import constant_prefix
from bedrock_lab.advice.spending import app_share, deferrable_peak, growth_by_week, idle_units
from bedrock_lab.advice.throttling import max_tokens, throttled_minutes
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.catalogue.pricelist import prices as load_prices
from bedrock_lab.traffic.checked import checked
from bedrock_lab.traffic.trace import Trace

FINDERS: dict[str, Callable[[Ground], list[Finding] | str]] = {
    "app_share": app_share,
    "cache_writes_unread": cache_writes,
    "constant_prefix": constant_prefix,
    "deferrable_peak": deferrable_peak,
    "end_of_life": end_of_life,
    "global_scope": global_scope,
    "growth_by_week": growth_by_week,
    "idle_units": idle_units,
    "max_tokens": max_tokens,
    "output_drivers": output_drivers,
    "throttled_minutes": throttled_minutes,
}
"""What is looked for, each by a function that returns what it found, or why it could not look."""

SAME = (
    ({"end_of_life", "global_scope"}, "both change the price of the same tokens"),
    ({"end_of_life", "deferrable_peak"}, "both change the price of the same tokens"),
    ({"global_scope", "deferrable_peak"}, "both change the price of the same tokens"),
    ({"deferrable_peak", "cache_writes_unread"}, "batch has no prompt cache: what moves there writes none"),
    ({"constant_prefix", "cache_writes_unread"}, "both are about the beginning of the same prompts"),
    ({"constant_prefix", "global_scope"}, "tokens left out cost nothing in any scope"),
    ({"constant_prefix", "deferrable_peak"}, "tokens left out cost nothing in batch either"),
    ({"output_drivers", "global_scope"}, "tokens left out cost nothing in any scope"),
    ({"output_drivers", "deferrable_peak"}, "tokens left out cost nothing in batch either"),
    ({"max_tokens", "throttled_minutes"}, "what is reserved in vain may be what refused them"),
    ({"app_share", "output_drivers"}, "the app's cost holds that of its answers"),
)
"""Pairs of findings that count some of the same, and why."""


def findings(
    trace: Trace,
    prices: Prices | None = None,
    *,
    model: str | None = None,
    region: str | None = None,
    scope: str | None = None,
    deferrable: float | None = None,
    shape: str | None = None,
    period_s: float | None = None,
    file: str | None = None,
) -> Findings:
    """Say what is worth knowing of a trace, each finding in a sentence with USD a month and what to do.

    Parameters
    ----------
    trace
        Requests or windows.
    prices
        By default today's list.
    model, region, scope
        Of rows that name none.
    deferrable
        Share of the requests that can wait a day; unset, it is bounded by what lies above the mean hour.
    shape
        ``flat``, ``office`` or a file of 168 hourly weights, for a trace under a week; unset, the range is over both.
    period_s
        Time the trace stands for [s].
    file
        Where the trace lies, for the commands of what to do.

    Raises
    ------
    InputError
        A value is wrong. A trace that cannot be priced is no error: what needs USD is then not looked at.

    Examples
    --------
    >>> import numpy as np
    >>> from bedrock_lab.traffic import make_trace
    >>> columns = {"time_s": np.arange(2000.0), "input_tokens": np.full(2000, 100), "output_tokens": np.full(2000, 50),
    ...            "max_tokens": np.full(2000, 4096)}
    >>> trace = make_trace(columns, origin="synthetic", source="demo.parquet", format="example")
    >>> found = findings(trace, load_prices("2026-11-22"), model="amazon.nova-lite")
    >>> [f.id for f in found.findings]
    ['max_tokens']
    """
    ground = prepared(
        checked(trace),
        prices or load_prices(),
        period_s=period_s,
        shape=shape,
        deferrable=deferrable,
        file=file,
        model=model,
        region=region,
        scope=scope,
    )
    made: list[Finding] = []
    left: list[NotLookedAt] = []
    nothing: list[str] = []
    for name, look in FINDERS.items():
        found = look(ground)
        if isinstance(found, str):
            left.append(NotLookedAt(id=name, because=found))
        elif found:
            made += found
        else:
            nothing.append(name)
    return Findings(
        source=trace.source,
        origin=trace.origin,
        as_of=ground.prices.as_of.isoformat(),
        requests=trace.requests,
        usd_month=ground.month(ground.usd) if ground.parts else None,
        findings=tuple(sorted(finished(made), key=lambda f: (-f.size, f.id, f.about))),
        nothing=tuple(nothing),
        not_looked_at=tuple(left),
        assumptions=ground.assumptions,
        warnings=ground.warnings,
    )


def finished(made: list[Finding]) -> list[Finding]:
    """Put the USD into each sentence, and say which other findings count some of the same."""
    out = []
    for each in made:
        there = {other.id for other in made if other is not each and shared(each, other)}
        said = [
            f"{other}: {why}" for pair, why in SAME if each.id in pair for other in pair - {each.id} if other in there
        ]
        out.append(dataclasses.replace(each, sentence=f"{each.sentence} {each.amount}", overlaps=tuple(sorted(said))))
    return out


def shared(one: Finding, other: Finding) -> bool:
    """Whether two findings count tokens of the same model."""
    return not one.models or not other.models or bool(set(one.models) & set(other.models))
