"""One table shape for requests, whatever their origin."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bedrock_lab.assumptions import Origin
from bedrock_lab.errors import InputError, listing
from bedrock_lab.traffic.arrays import texts, to_numpy
from bedrock_lab.traffic.clock import hour_of_week, shift
from bedrock_lab.traffic.columns import COLUMNS
from bedrock_lab.traffic.html import summary_table
from bedrock_lab.traffic.rows import arrival_order, checked, rebased, take
from bedrock_lab.traffic.usage import BUCKETS

READER_VERSION = "1"
KINDS = ("requests", "windows")
OTHER_SUFFIXES = (".csv", ".json", ".jsonl", ".txt", ".gz", ".zst")
"""Names that would promise another format than the one a trace is written in."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """What a reader left out: a whole file (`line` is None) or a file from its first bad line on."""

    file: str
    line: int | None
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"file": self.file, "line": self.line, "reason": self.reason}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Requests in the order of their arrival, or sums of them by window, with where they come from.

    Build one with `read_trace`, `make_trace`, `synth` or `from_averages`.

    Parameters
    ----------
    table
        The rows: columns of `COLUMNS` in that order; a column that is absent is null in every row.
    kind
        ``requests`` (one row a request) or ``windows`` (one row a window and model).
    origin
        Whether the rows were measured, logged, published or invented.
    source
        The file, or what the rows were made from.
    format
        The format they were read from.
    start_time
        When `time_s` is 0, as ISO 8601 UTC; None where the source does not say.
    expresses
        The token buckets the format can hold; the others are unknown, not zero.
    window_s
        The length of a window [s]; None for requests.
    reordered
        Rows whose time lay before that of a row above them in the source.
    duplicates
        Rows dropped because an earlier one had their request id.
    skipped
        What could not be read.
    reader_version
        The version of the reading rules that made the table.
    prefix_hashes
        By row, the ids of the prompt's blocks, each standing for the whole prompt up to its end.
    prefix_block_tokens
        The length of such a block [tokens].
    notes
        What was assumed in making the rows, in words.
    """

    table: pa.Table
    kind: str
    origin: Origin
    source: str
    format: str
    start_time: str | None = None
    expresses: tuple[str, ...] = BUCKETS
    window_s: float | None = None
    reordered: int = 0
    duplicates: int = 0
    skipped: tuple[Skipped, ...] = ()
    reader_version: str = READER_VERSION
    prefix_hashes: Any = None
    prefix_block_tokens: int | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @property
    def requests(self) -> int:
        """The number of requests, summed over the windows of a Trace of windows."""
        counts = self.column("requests") if self.kind == "windows" else None
        return len(self) if counts is None else int(np.nansum(counts))

    @property
    def span_s(self) -> float:
        """From the first row's time to the last row's [s]; of windows, between their starts."""
        times = to_numpy(self.table.column("time_s").combine_chunks())
        return float(times[-1] - times[0])

    @property
    def period_s(self) -> float:
        """How long the rows stand for [s]: whole minutes, the last one counted as full.

        Windows are counted to the end of the last one, in whole minutes.
        """
        if self.window_s is not None:
            return float(np.ceil((self.span_s + self.window_s) / 60.0 - 1e-9) * 60.0)
        return float((np.floor(self.span_s / 60.0) + 1.0) * 60.0)

    def column(self, name: str) -> np.ndarray | None:
        """Return a numeric column: int64 counts or float64 numbers, None where it is absent.

        A column with nulls is float64 with NaN in their place, counts too.
        """
        self.known(name)
        if name not in self.table.column_names:
            return None
        if COLUMNS[name] in {"text", "id"}:
            raise InputError(f"column {name} holds text; ask with text({name!r})")
        return to_numpy(self.table.column(name).combine_chunks())

    def text(self, name: str) -> np.ndarray | None:
        """Return a text column as an object array with None for null, or None where it is absent."""
        self.known(name)
        if name not in self.table.column_names:
            return None
        if COLUMNS[name] not in {"text", "id"}:
            raise InputError(f"column {name} holds numbers; ask with column({name!r})")
        return texts(self.table.column(name).combine_chunks())

    def known(self, name: str) -> None:
        """Refuse a name that no Trace has as a column."""
        if name not in COLUMNS:
            raise InputError(f"no column {name!r} in a trace; known: {', '.join(COLUMNS)}")

    def start_hour_of_week(self) -> float | None:
        """Return the hours from Monday 00:00 UTC to the start [h], None where the start is unknown."""
        return None if self.start_time is None else hour_of_week(self.start_time)

    def need_requests(self, question: str) -> None:
        """Raise unless the rows are single requests, naming the question that needs them."""
        if self.kind != "requests":
            raise InputError(
                f"{question} needs single requests; {self.source} holds sums over windows of {self.window_s:g} s"
            )

    def select(self, mask: np.ndarray, *, rebase: bool = True) -> "Trace":
        """Return the rows where `mask` is true.

        Parameters
        ----------
        mask
            One boolean a row.
        rebase
            Whether the clock starts anew at the first row that is left; else it goes on as it was.
        """
        rows = np.flatnonzero(np.asarray(mask, dtype=bool))
        if len(mask) != len(self):
            raise InputError(f"the mask has {len(mask)} values; the trace has {len(self)} rows")
        if not len(rows):
            raise InputError("no row of the trace is selected")
        table, hashes = take(self.table, self.prefix_hashes, rows)
        start = self.start_time
        if rebase:
            table, offset = rebased(table)
            start = shift(start, offset)
        return dataclasses.replace(self, table=table, prefix_hashes=hashes, start_time=start)

    def to_frame(self) -> Any:
        """Return the rows as a pandas DataFrame."""
        return self.table.to_pandas()

    def to_dict(self) -> dict[str, Any]:
        """Return a summary of plain values for JSON; the rows are not in it."""
        return {
            "kind": self.kind,
            "origin": str(self.origin),
            "format": self.format,
            "source": self.source,
            "requests": self.requests,
            "rows": len(self),
            "start_time": self.start_time,
            "span_s": self.span_s,
            "period_s": self.period_s,
            "window_s": self.window_s,
            "columns": list(self.table.column_names),
            "expresses": list(self.expresses),
            "reordered": self.reordered,
            "duplicates": self.duplicates,
            "skipped": [item.to_dict() for item in self.skipped],
            "notes": list(self.notes),
            "reader_version": self.reader_version,
        }

    def _repr_html_(self) -> str:
        """Show the summary in a notebook."""
        texts_only = {k: ", ".join(map(str, v)) if isinstance(v, list) else v for k, v in self.to_dict().items()}
        return summary_table(f"Trace ({self.origin})", texts_only)

    def write(self, path: str | Path) -> Path:
        """Write rows and metadata to a parquet file, whole or not at all."""
        from bedrock_lab.traffic.parquet import write_trace

        return write_trace(self, parquet_name(path))


def parquet_name(path: str | Path) -> Path:
    """Return the path a trace is written to, or refuse a name that promises another format."""
    if Path(path).suffix in OTHER_SUFFIXES:
        raise InputError(f"{path}: a trace is written as parquet; give a name that ends in .parquet")
    return Path(path)


def make_trace(
    columns: Mapping[str, Any],
    *,
    origin: Origin,
    source: str,
    format: str,  # noqa: A002  the word of the trace's own metadata
    kind: str = "requests",
    start_time: str | None = None,
    expresses: Sequence[str] | None = None,
    window_s: float | None = None,
    skipped: Sequence[Skipped] = (),
    prefix_hashes: Any = None,
    prefix_block_tokens: int | None = None,
    notes: Sequence[str] = (),
    rebase: bool = True,
) -> Trace:
    """Make a Trace from columns in any row order.

    Rows are sorted by time (equal times keep their order), rows with the request id of an earlier one are
    dropped, and the clock starts at the first arrival.

    Parameters
    ----------
    columns
        Numpy arrays or arrow arrays by column name; `time_s` is needed, and `requests` for windows.
        NaN and None are null.
    origin, source, format, kind, expresses, window_s, skipped, prefix_hashes, prefix_block_tokens, notes
        As in `Trace`; `expresses` defaults to the buckets that have a column.
    start_time
        When `time_s` is 0 in `columns`.
    rebase
        Whether to move the clock to the first arrival.

    Raises
    ------
    InputError
        When there are no rows, columns differ in length, or a value does not belong in its column.

    Examples
    --------
    >>> trace = make_trace(
    ...     {"time_s": np.array([7.0, 5.0]), "input_tokens": np.array([1, 2])},
    ...     origin=Origin.SYNTHETIC, source="two requests", format="example",
    ... )
    >>> trace.column("time_s").tolist(), trace.column("input_tokens").tolist(), trace.reordered
    ([0.0, 2.0], [2, 1], 1)
    """
    if kind not in KINDS:
        raise InputError(f"kind is {kind!r}; {listing(KINDS)} are allowed")
    if origin not in set(Origin):
        raise InputError(f"origin is {origin!r}; {listing(Origin)} are allowed")
    arrays = checked(columns, source, kind, window_s)
    times = to_numpy(arrays["time_s"])
    order, reordered, duplicates = arrival_order(times, arrays.get("request_id"))
    names = [name for name in COLUMNS if name in arrays]
    table = pa.Table.from_arrays([arrays[name] for name in names], names=names)
    if reordered or duplicates:
        table, prefix_hashes = take(table, prefix_hashes, order)
    if rebase:
        table, offset = rebased(table)
        start_time = shift(start_time, offset)
    given = [b for b in BUCKETS if f"{b}_tokens" in names] if expresses is None else expresses
    needed = {"time_s", "requests"} if kind == "windows" else {"time_s"}  # windows of a bill know no requests
    filled = [n for n in table.column_names if n in needed or table.column(n).null_count < len(table)]
    return Trace(
        table=table.select(filled),
        kind=kind,
        origin=Origin(origin),
        source=source,
        format=format,
        start_time=start_time,
        expresses=tuple(b for b in BUCKETS if b in given),
        window_s=window_s,
        reordered=reordered,
        duplicates=duplicates,
        skipped=tuple(skipped),
        prefix_hashes=prefix_hashes,
        prefix_block_tokens=prefix_block_tokens,
        notes=tuple(notes),
    )
