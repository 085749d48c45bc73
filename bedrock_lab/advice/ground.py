"""What findings start from: the rows of a trace that are paid by the token, priced, and how many of it make a month."""

import dataclasses
import shlex
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.advice.finding import Range
from bedrock_lab.assumptions import Assumption, Kind
from bedrock_lab.catalogue.pricelist import TIERS, Prices
from bedrock_lab.catalogue.target import Target, target
from bedrock_lab.errors import InputError, UnknownPriceError
from bedrock_lab.planning.demand import AS_RECORDED, DAY_S, Shape, shape_by_day, shape_of
from bedrock_lab.pricing import Floats
from bedrock_lab.rows import Rows, priced_rows, row_costs
from bedrock_lab.traffic.arrays import to_numpy
from bedrock_lab.traffic.clock import MONTH_S
from bedrock_lab.traffic.shapes import hourly_weights
from bedrock_lab.traffic.trace import Trace

WEEK_S = 7 * DAY_S
LEAST_SHARE = 0.01
"""A saving below this share of what the trace costs is not worth a sentence."""


class Coded(NamedTuple):
    """A text column: its names in order, and the place of each row's name among them, -1 for none."""

    names: list[str]
    codes: NDArray[np.int64]

    def groups(self, rows: NDArray[np.int64]) -> Iterator[tuple[str, NDArray[np.int64]]]:
        """Yield each name that some of these rows have, "" for none, with the places of those rows among them."""
        mine = self.codes[rows]
        for code in np.unique(mine).tolist():
            yield (self.names[code] if code >= 0 else ""), np.flatnonzero(mine == code)


def coded(trace: Trace, name: str) -> Coded | None:
    """Return a text column as codes; None where it is absent."""
    if name not in trace.table.column_names:
        return None
    column = trace.table.column(name).combine_chunks()
    held = column.dictionary.to_pylist()
    names = sorted(set(held))
    place = {each: i for i, each in enumerate(names)}
    codes = to_numpy(column.indices)
    known = np.where(np.isnan(codes), len(held), codes).astype(np.int64)
    return Coded(names, np.array([*(place[each] for each in held), -1], dtype=np.int64)[known])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The priced rows that call one model in one scope, Region and tier.

    Attributes
    ----------
    row
        Their numbers in the trace.
    usd
        What each costs, net [USD].
    """

    where: Target
    rows: Rows
    row: NDArray[np.int64]
    usd: Floats

    def tokens(self, bucket: str) -> Floats:
        """Tokens of each row in a bucket."""
        held = self.rows.tokens.get(bucket)
        return np.zeros(len(self.row)) if held is None else held

    def at(self, prices: Prices, **elsewhere: str) -> Floats | None:
        """Cost of each row at another tier or scope [USD]; None where that has no price."""
        try:
            return row_costs(self.rows, prices, **elsewhere)  # type: ignore[arg-type]
        except UnknownPriceError:
            return None

    def as_model(self, where: Target, prices: Prices) -> Floats:
        """Cost of each row as a call of another model [USD]; raises where that has no price."""
        return row_costs(dataclasses.replace(self.rows, targets=(where,)), prices)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A trace made ready to be looked at.

    Attributes
    ----------
    parts
        What is paid by the token, by model, scope, Region and tier; empty where nothing can be priced.
    unpriced
        Why there are no USD; empty where there are.
    times
        How many times the trace fits in a month, lowest and highest.
    deferrable
        Share of the requests that can wait, where somebody said.
    file
        The trace as a command names it.
    model
        Of rows that name none, where somebody said.
    """

    trace: Trace
    prices: Prices
    parts: tuple[Part, ...]
    unpriced: str
    times: Range
    deferrable: float | None
    file: str
    model: str | None
    assumptions: tuple[Assumption, ...]
    warnings: tuple[str, ...]

    @property
    def usd(self) -> float:
        """What the priced rows cost [USD]."""
        return float(sum(part.usd.sum() for part in self.parts))

    @property
    def counts(self) -> Floats:
        """Requests of each row: 1, or those of a window; 1 a window where none says."""
        if self.trace.kind != "windows" or self.unit == "windows":
            return np.ones(len(self.trace))
        return np.asarray(np.nan_to_num(np.asarray(self.trace.column("requests"), dtype=float)))

    @property
    def unit(self) -> str:
        """What `counts` counts: requests, or windows where they do not say how many requests they hold."""
        held = self.trace.column("requests") if self.trace.kind == "windows" else None
        if self.trace.kind != "windows":
            return "requests"
        return "windows" if held is None or np.isnan(np.asarray(held, dtype=float)).all() else "requests"

    @property
    def called(self) -> str:
        """The model as a command names it: the one stated, else that of the first rows."""
        return self.model or (self.parts[0].where.model_id if self.parts else "ID")

    @property
    def rows(self) -> str:
        """The trace as a command that prices it takes it."""
        return f"{self.file} --model {self.model}" if self.model else self.file

    def month(self, low: float, high: float | None = None) -> Range:
        """Bring amounts of the trace to a month [USD/month], over the shapes a short trace may have."""
        top = low if high is None else high
        ends = [amount * times for amount in (low, top) for times in self.times]
        return min(ends), max(ends)

    def row_usd(self) -> Floats:
        """Cost of every row of the trace [USD]; 0 where it is not priced."""
        out = np.zeros(len(self.trace))
        for part in self.parts:
            out[part.row] = part.usd
        return out

    def by_model(self) -> dict[str, list[Part]]:
        """Group the parts by catalogue id."""
        out: dict[str, list[Part]] = {}
        for part in self.parts:
            out.setdefault(part.where.model.id, []).append(part)
        return out

    def known(self, name: str) -> Floats | None:
        """Return a numeric column as floats, NaN where it says nothing; None where it is absent."""
        held = self.trace.column(name)
        return None if held is None else np.asarray(held, dtype=float)

    def served(self) -> NDArray[np.bool_]:
        """Rows that were neither throttled nor failed."""
        return ~(self.where("outcome", "throttled") | self.where("outcome", "failed"))

    def coded(self, name: str) -> Coded | None:
        """Return a text column as codes; None where it is absent."""
        return coded(self.trace, name)

    def where(self, name: str, value: str) -> NDArray[np.bool_]:
        """Rows of which a text column says a value."""
        held = self.coded(name)
        if held is None or value not in held.names:
            return np.zeros(len(self.trace), dtype=bool)
        return np.asarray(held.codes == held.names.index(value))


def prepared(
    trace: Trace,
    prices: Prices,
    *,
    period_s: float | None,
    shape: str | None,
    deferrable: float | None,
    file: str | None,
    **given: Any,
) -> Ground:
    """Price what is paid by the token, and say how often it fits in a month.

    Parameters
    ----------
    period_s
        Time the trace stands for [s]; None is its span in whole minutes.
    file
        Where the trace lies, for the commands; None leaves FILE in its place.
    given
        ``model region scope`` of rows that name none.
    """
    period = trace.period_s if period_s is None else float(period_s)
    if not 0 < period < np.inf:
        raise InputError(f"period_s is {period_s}; a length above 0 s is allowed")
    if deferrable is not None and not 0 <= deferrable <= 1:
        raise InputError(f"deferrable {deferrable}: allowed are shares from 0 to 1")
    if given["model"] is not None:
        target(given["model"], region=given["region"], scope=given["scope"])  # refuses what is no model
    times, assumed = _month(trace, period, shape)
    parts, why, assumptions, warnings = _priced(trace, prices, given)
    return Ground(
        trace=trace,
        prices=prices,
        parts=parts,
        unpriced=why,
        times=times,
        deferrable=deferrable,
        file=shlex.quote(file) if file else "FILE",
        model=given["model"],
        assumptions=(*assumptions, *assumed) if parts else (),
        warnings=warnings,
    )


def _month(trace: Trace, period: float, shape: str | None) -> tuple[Range, tuple[Assumption, ...]]:
    """Say how often a trace fits in a month: as it is, or, under a week of it, in a flat and an office week."""
    often = MONTH_S / period
    if period >= WEEK_S:
        return (often * AS_RECORDED.mean,) * 2, ()
    days = int(period // DAY_S)
    start = trace.start_hour_of_week()

    def shaped(name: str) -> Shape:
        hourly = hourly_weights(name)
        return shape_by_day(name, hourly, start, days) if days else shape_of(name, hourly)

    means = [shaped(name).mean for name in ((shape,) if shape else ("flat", "office"))]
    source = (
        f"a week of shape {shape}, as stated"
        if shape
        else "under a week of traffic: a month lies between a flat week and one of office hours (--shape states one)"
    )
    assumed = Assumption(
        name="shape", value=means[0], lo=min(means), hi=max(means), kind=Kind.ASSUMED, source=source,
        unit="mean hour against the recorded one",
    )  # fmt: skip
    return (often * min(means), often * max(means)), (assumed,)


Priced = tuple[tuple[Part, ...], str, tuple[Assumption, ...], tuple[str, ...]]


def _priced(trace: Trace, prices: Prices, given: dict[str, Any]) -> Priced:
    """Price the rows paid by the token, model by model; what has no price is said."""
    tier = coded(trace, "tier")
    paid = [True] if tier is None else [*(name in TIERS for name in tier.names), True]
    by_token = np.ones(len(trace), dtype=bool) if tier is None else np.array(paid)[tier.codes]
    if not by_token.any():
        return (), "no row is paid by the token", (), ()
    numbers = np.flatnonzero(by_token)
    held = trace if by_token.all() else trace.select(by_token, rebase=False)
    try:
        rows = priced_rows(held, **given)
    except InputError as error:
        return (), str(error).removeprefix(f"{trace.source}: "), (), ()
    parts: list[Part] = []
    missing: dict[str, int] = {}
    for code, where in enumerate(rows.targets):
        mine = np.flatnonzero(rows.codes == code)
        if not len(mine):
            continue
        cut = dataclasses.replace(
            rows,
            targets=(where,),
            codes=np.zeros(len(mine), dtype=np.int64),
            tokens={bucket: values[mine] for bucket, values in rows.tokens.items()},
            kept=rows.kept[mine],
        )
        try:
            usd = row_costs(cut, prices)
        except UnknownPriceError as error:
            missing[str(error)] = len(mine)
            continue
        parts.append(Part(where=where, rows=cut, row=numbers[cut.kept], usd=usd))
    said = [f"{number:,} rows have no price and are left out of USD: {why}" for why, number in missing.items()]
    return tuple(parts), "" if parts else next(iter(missing)), rows.assumptions, (*rows.warnings, *said)
