"""Read bills of this machine: cost and usage reports as parquet or CSV, Cost Explorer's CSV, a folder of them."""

import csv
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bedrock_lab.assumptions import Assumption, Kind, Origin
from bedrock_lab.bills import columns as c
from bedrock_lab.bills import cost_explorer_csv
from bedrock_lab.bills.charge import Charge, Charges, total
from bedrock_lab.bills.rows import charge_of, is_bedrock, moment
from bedrock_lab.errors import InputError
from bedrock_lab.traffic.readers.files import PARQUET, FileError, load, one_line, text_of, unpacked
from bedrock_lab.traffic.trace import Skipped

SUFFIXES = (".parquet", ".csv", ".csv.gz", ".gz", ".zst", ".csv.zip", ".zip", ".tsv")
VERSION = re.compile(r"((?:^|.*/)\d{8}-\d{8})/([0-9a-zA-Z-]{20,})/[^/]+$")
READ = "a cost and usage report (parquet, CSV; 2.0 or legacy) or Cost Explorer's CSV is read"


class Gathering:
    """Charges as they come in: rows that differ in nothing but amounts are summed at once.

    Parameters
    ----------
    identities
        Whether account ids stay as they are.
    """

    def __init__(self, *, identities: bool = False) -> None:
        self.identities = identities
        self.held: dict[tuple[Any, ...], list[Charge]] = {}
        self.rows = self.other_rows = 0
        self.skipped: list[Skipped] = []
        self.formats: Counter[str] = Counter()
        self.periods: set[tuple[str, str]] = set()

    def take(self, row: Mapping[str, Any], file: str, line: int) -> None:
        """Count one row: of Bedrock, of another service, or one that cannot be read."""
        if not is_bedrock(row):
            self.other_rows += 1
            return
        try:
            first, last = moment(row.get(c.FROM), "the billing period"), moment(row.get(c.UNTIL), "the billing period")
            self.add(charge_of(row, identities=self.identities))
            if first and last:
                self.periods.add((first, last))
        except InputError as error:
            self.skipped.append(Skipped(file=file, line=line, reason=str(error)))

    def add(self, charge: Charge) -> None:
        """Count one charge."""
        self.rows += charge.rows
        key = (
            (charge.usage_type, charge.kind, charge.product, charge.unit, charge.meaning.region),
            (charge.start, charge.end, charge.account, charge.list_usd is None),
        )
        held = self.held.setdefault(key, [])
        held.append(charge)
        if len(held) >= 256:
            self.held[key] = [Charge(**total(held))]

    def charges(self) -> tuple[Charge, ...]:
        """Return what came in."""
        return tuple(Charge(**total(held)) for held in self.held.values())

    def result(self, source: str, origin: Origin, **more: Any) -> Charges:
        """Return the bill, with what was assumed in reading it."""
        found = self.charges()
        return Charges(
            source=source,
            format=", ".join(sorted(self.formats)) or "cur",
            origin=origin,
            charges=found,
            rows=self.rows,
            other_rows=self.other_rows,
            skipped=tuple(self.skipped),
            assumptions=unit_assumptions(found),
            covers=(min(p[0] for p in self.periods), max(p[1] for p in self.periods)) if self.periods else None,
            **more,
        )


def unit_assumptions(charges: Iterable[Charge]) -> tuple[Assumption, ...]:
    """State how usage amounts were taken as tokens where their unit does not say."""
    open_units = {(x.unit or "none", x.meaning.marketplace) for x in charges if x.tokens is not None}
    made = []
    for market, size in ((True, "1M"), (False, "1K")):
        units = sorted(u for u, m in open_units if m == market and "token" not in u.lower())
        if units:
            made.append(
                Assumption(
                    name="tokens_per_unit" if market else "tokens_per_amount",
                    value=1e6 if market else 1e3,
                    kind=Kind.PUBLISHED if market else Kind.ASSUMED,
                    source=f"unit {', '.join(units)} is taken as {size} tokens, as the price list counts them",
                    unit="tokens",
                )
            )
    return tuple(made)


def read_charges(path: str | Path, *, origin: Origin | str = Origin.LOG, identities: bool = False) -> Charges:
    """Read a bill: a file, or every report in a folder.

    Parameters
    ----------
    origin
        Where the rows come from; ``synthetic`` for a made-up bill.
    identities
        Whether account ids stay as they are.

    Raises
    ------
    InputError
        One line: the file, what is wrong, what is allowed.
    """
    place = Path(path)
    gathered = Gathering(identities=identities)
    if place.is_dir():
        files = latest({p: p.stat().st_mtime for p in place.rglob("*") if p.is_file() and wanted(p.name)})
        if not files:
            raise InputError(f"{path}: no bill is in the folder; {READ}")
        read_many(gathered, files, load)
    else:
        if not place.exists():
            raise InputError(f"{path}: no such file")
        read_data(gathered, str(place), load(place))
    return finished(gathered, str(path), Origin(origin))


def read_many(gathered: Gathering, files: Iterable[Any], fetch: Callable[[Any], bytes]) -> None:
    """Read files one after the other; one that cannot be read is listed, its rows left out whole."""
    for file in files:
        before = (dict(gathered.held), gathered.rows, gathered.other_rows, list(gathered.skipped))
        try:
            read_data(gathered, str(file), fetch(file))
        except InputError as error:
            gathered.held, gathered.rows, gathered.other_rows, gathered.skipped = before
            reason = error.reason if isinstance(error, FileError) else str(error)
            gathered.skipped.append(Skipped(file=str(file), line=None, reason=reason))


def finished(gathered: Gathering, source: str, origin: Origin, **more: Any) -> Charges:
    """Return the bill, or refuse one in which nothing could be read."""
    if not gathered.rows and gathered.skipped:
        first = gathered.skipped[0]
        where = f"{first.file}{'' if first.line is None else f':{first.line}'}"
        raise InputError(f"{source}: nothing can be read; {where}: {first.reason}")
    whole_files = [s.file for s in gathered.skipped if s.line is None]
    if whole_files:
        more.setdefault("partial", f"{len(whole_files)} files could not be read")
    if not gathered.rows:
        more["warnings"] = (*more.get("warnings", ()), f"no row is of Bedrock among {gathered.other_rows:,}")
    return gathered.result(source, origin, **more)


def wanted(name: str) -> bool:
    """Whether a file's name is that of a report's data.

    >>> wanted("report-00001.snappy.parquet"), wanted("report-Manifest.json")
    (True, False)
    """
    return name.lower().endswith(SUFFIXES)


def latest(written: Mapping[Any, float]) -> list[Any]:
    """Of a legacy report kept in versions, take each period's last; other files all count.

    The layout is ``<period>/<assembly id>/<name>-<number>.csv.gz``: a period's folder holds one folder an update.

    Parameters
    ----------
    written
        When each file was written [s].

    Examples
    --------
    >>> old, flat = "r/20261101-20261201/aaaa0000-1111-2222-3333/r-1.csv.gz", "r/20261101-20261201/r-1.csv.gz"
    >>> latest({old: 1.0, old.replace("aaaa", "ffff"): 2.0, flat: 0.0})
    ['r/20261101-20261201/ffff0000-1111-2222-3333/r-1.csv.gz', 'r/20261101-20261201/r-1.csv.gz']
    """
    newest: dict[str, tuple[float, str]] = {}
    for file, when in written.items():
        found = VERSION.search(str(file))
        if found:
            newest[found[1]] = max(newest.get(found[1], (when, found[2])), (when, found[2]))
    return sorted(f for f in written if not (m := VERSION.search(str(f))) or newest[m[1]][1] == m[2])


def read_data(gathered: Gathering, file: str, packed: bytes) -> None:
    """Read one file's bytes, whatever report they are."""
    data = _unzipped(file, packed) if packed.startswith(b"PK") else unpacked(file, packed)
    if data.startswith(PARQUET):
        _read_parquet(gathered, file, data)
        return
    text = text_of(file, data)
    head = text.split("\n", 1)[0]
    delimiter = max(",\t;", key=head.count)
    try:
        names = next(csv.reader([head], delimiter=delimiter), [])
    except csv.Error as error:
        raise FileError(file, f"no header of CSV ({error})", 1) from None
    if c.is_cur(names):
        gathered.formats["cur 2.0 csv" if "line_item_usage_type" in names else "legacy cur csv"] += 1
        for line, row in _csv_rows(gathered, file, text, names, delimiter):
            gathered.take(row, file, line)
    elif cost_explorer_csv.is_download(names):
        gathered.formats["cost explorer csv"] += 1
        for charge in cost_explorer_csv.read(file, text, gathered.skipped):
            gathered.add(charge)
    else:
        raise FileError(file, f"the columns are those of no bill known here; {READ}")


def _unzipped(file: str, packed: bytes) -> bytes:
    """Return the one file of a zip archive, the legacy report's older packing."""
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            names = [n for n in archive.namelist() if not n.endswith("/")]
            if len(names) != 1:
                raise FileError(file, f"the zip holds {len(names)} files; a report's holds one")
            return archive.read(names[0])
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(file, f"the zip is cut off or damaged ({one_line(error)})") from None


def _csv_rows(
    gathered: Gathering, file: str, text: str, names: list[str], delimiter: str
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield rows of a report with their line, columns by the names used here."""
    places = _places(names)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    next(reader)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            gathered.skipped.append(Skipped(file=file, line=reader.line_num, reason=f"no row of CSV ({error})"))
            continue
        if not cells:
            continue
        if len(cells) != len(names):
            reason = f"{len(cells)} cells; the header names {len(names)} columns"
            gathered.skipped.append(Skipped(file=file, line=reader.line_num, reason=reason))
            continue
        yield reader.line_num, _row({name: cells[i] for name, i in places.items()})


def _places(names: list[str]) -> dict[str, int]:
    """Where each column used here stands; of two that mean the same, the first."""
    found: dict[str, int] = {}
    for i, name in enumerate(names):
        column = snake_known(name)
        if column is not None:
            found.setdefault(column, i)
    return found


def snake_known(name: str) -> str | None:
    """Name a column as it is used here; None where it is not."""
    plain = c.snake(name)
    return c.PRODUCT if plain == c.PRODUCT else c.KNOWN.get(plain)


def _row(values: dict[str, Any]) -> dict[str, Any]:
    """Fill in the product's name from CUR 2.0's map of attributes."""
    attributes = values.pop(c.PRODUCT, None)
    if attributes and not values.get(c.NAME):
        values[c.NAME] = product_name(attributes)
    return values


def product_name(attributes: Any) -> str:
    """Find the product's name in a map, a list of pairs, or the map written as text.

    >>> product_name('{"product_name": "Amazon Bedrock"}'), product_name([("product_name", "Amazon Bedrock")])
    ('Amazon Bedrock', 'Amazon Bedrock')
    """
    if isinstance(attributes, str):
        try:
            attributes = json.loads(attributes)
        except (ValueError, RecursionError):
            return ""
    try:
        return str(dict(attributes).get("product_name") or "")
    except (TypeError, ValueError):
        return ""


def _read_parquet(gathered: Gathering, file: str, data: bytes) -> None:
    """Read the columns that are used, group after group of rows; a report's doubles count by their shortest form."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        report = pq.ParquetFile(pa.BufferReader(data))
        names = list(report.schema_arrow.names)
        if not c.is_cur(names):
            raise FileError(file, f"the columns are those of no bill known here; {READ}")
        places = {names[i]: known for known, i in _places(names).items()}
        gathered.formats["cur parquet"] += 1
        line = 0
        for batch in report.iter_batches(batch_size=65_536, columns=list(places)):
            for row in batch.rename_columns([places[n] for n in batch.schema.names]).to_pylist():
                line += 1
                gathered.take(_row(row), file, line)
        if line != report.metadata.num_rows:
            raise FileError(file, f"says {report.metadata.num_rows:,} rows and holds {line:,}; copy the file again")
    except (pa.ArrowException, OSError, UnicodeDecodeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise FileError(file, f"the parquet data is cut off or damaged ({one_line(error)})") from None
