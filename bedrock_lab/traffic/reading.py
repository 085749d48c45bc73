"""Read requests from a file or a folder, whatever the format."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from bedrock_lab.assumptions import Origin
from bedrock_lab.errors import InputError, listing
from bedrock_lab.traffic.identities import without_identities
from bedrock_lab.traffic.readers import azure, bedrock_logs, burstgpt, mooncake, table
from bedrock_lab.traffic.readers.bedrock_logs import Wish, wish
from bedrock_lab.traffic.readers.files import FileError, Looks, head, load, look, one_line, unpacked
from bedrock_lab.traffic.readers.names import fields_of
from bedrock_lab.traffic.readers.raw import Raw, join, raw_of_trace, trace_of_raw
from bedrock_lab.traffic.trace import Skipped, Trace

T = TypeVar("T")
Reader = Callable[[str, bytes, Looks, Mapping[str, str] | None], Raw]
PUBLIC: dict[str, Any] = {"azure": azure, "mooncake": mooncake, "burstgpt": burstgpt}
LOGS = "bedrock-logs"
FORMATS = ("auto", *PUBLIC, LOGS, "table")
"""The formats that can be asked for; a Trace that was written is recognised under ``auto``."""


def read_trace(
    path: str | Path,
    format: str = "auto",  # noqa: A002  the name of the command line's option
    columns: Mapping[str, str] | None = None,
    origin: Origin | str | None = None,
    *,
    identities: bool = False,
    app_key: str | None = None,
    since: str | None = None,
    until: str | None = None,
) -> Trace:
    """Read a file, or every file of a folder, as a Trace.

    Parameters
    ----------
    path
        A file (plain, gzip or zstd, told by its first bytes) or a folder, whose files are read in the order of
        their names and joined. In a folder a file that cannot be read is listed in `Trace.skipped`; a single
        file that cannot be read is an error.
    format
        One of `FORMATS`; ``auto`` tells by the content.
    columns
        For tables: short name or column of a Trace -> the file's name for it, such as
        ``{"time": "T", "input": "I", "output": "O"}``. Columns not named are found by their names.
    origin
        Where the rows come from, where the format does not say: tables are taken as logs.
    identities
        Whether account ids stay as they are; else they become salted hashes.
    app_key
        Of invocation logs: the key of ``requestMetadata`` that names the application.
    since, until
        Of invocation logs: records from this time on, and before that one, ISO 8601.

    Raises
    ------
    InputError
        One line: the file (and line), what is wrong, what is allowed.
    """
    if format not in FORMATS:
        raise InputError(f"unknown format {format!r}; known: {', '.join(FORMATS)}")
    if columns and format not in {"auto", "table"}:
        raise InputError(f"columns are for tables; the format is {format}")
    if "://" in str(path):
        raise InputError(f"{path}: only files and folders of this machine, and s3://, are read")
    path = Path(path)
    wanted = "table" if columns else format
    logs = wish(app_key, since, until)
    try:
        is_folder, is_there = path.is_dir(), path.exists()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if not is_there:
        raise InputError(f"{path}: no such file or folder")
    trace = (read_folder if is_folder else read_file)(path, wanted, columns, logs)
    trace = trace if identities else without_identities(trace)
    return trace if origin is None else dataclasses.replace(trace, origin=origin_of(origin))


def origin_of(name: Origin | str) -> Origin:
    """Return the origin of that name or refuse it."""
    try:
        return Origin(name)
    except ValueError:
        raise InputError(f"unknown origin {str(name)!r}; known: {', '.join(Origin)}") from None


def read_file(path: Path, wanted: str, columns: Mapping[str, str] | None, logs: Wish) -> Trace:
    """Read one file; a Trace that was written comes back as it was."""
    got = read_one(path, wanted, columns, logs)
    return got if isinstance(got, Trace) else named(str(path), lambda: trace_of_raw(got, str(path), ()))


def read_one(path: Path, wanted: str, columns: Mapping[str, str] | None, logs: Wish) -> Raw | Trace:
    """Read one file as rows, or as the Trace that was written there."""
    file = str(path)
    packed = load(path)
    if wanted == LOGS or (wanted == "auto" and bedrock_logs.fits(head(file, packed))):
        return bedrock_logs.read(file, packed, logs)
    data = unpacked(file, packed)
    looks = look(file, data)
    if looks.layout == "parquet" and wanted == "auto":
        trace = written_trace(file, data)
        if trace is not None:
            return trace
    return reader_of(file, looks, wanted)(file, data, looks, columns)


def named(file: str, make: Callable[[], T]) -> T:
    """Call `make` and name the file in what it refuses."""
    try:
        return make()
    except FileError:
        raise
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith(file) else f"{file}: {text}") from None


def reader_of(file: str, looks: Looks, wanted: str) -> Reader:
    """Return the function that reads a file of these looks.

    Raises
    ------
    FileError
        When the columns are not those of the format asked for, or of none known.
    """
    public = {name: module for name, module in PUBLIC.items() if module.fits(looks)}
    if wanted in PUBLIC:
        if wanted not in public:
            needs = ", ".join(sorted(PUBLIC[wanted].NAMES))
            raise FileError(file, f"no {wanted} trace: it needs {needs}; the file has {listing(looks.names)}")
        return without_columns(PUBLIC[wanted].read)
    if wanted == "auto" and public:
        return without_columns(next(iter(public.values())).read)
    if wanted == "auto":
        try:
            fields_of(file, looks.names)
        except FileError as error:
            known = f"known formats: {', '.join(FORMATS[1:])} and our own parquet; say columns for a table"
            raise FileError(file, f"{error.reason}; {known}") from None
    return table.read


def without_columns(read: Callable[[str, bytes, Looks], Raw]) -> Reader:
    """Give a reader of a fixed format the signature of the one for tables."""
    return lambda file, data, looks, _columns: read(file, data, looks)


def written_trace(file: str, data: bytes) -> Trace | None:
    """Return the Trace a parquet file holds, or None where it was written by somebody else."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from bedrock_lab.traffic.parquet import metadata, trace_of

    def make() -> Trace | None:
        source = pq.ParquetFile(pa.BufferReader(data))
        meta = metadata(source.schema_arrow)
        return None if meta is None else trace_of(source.read(), meta)

    try:
        return named(file, make)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise FileError(file, f"the parquet data cannot be read ({one_line(error)})") from None


def files_of(folder: Path, logs: Wish) -> list[Path]:
    """Return the files of a folder and of the folders in it that are read, by name.

    Raises
    ------
    InputError
        There are none, or none in the time wanted.
    """
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith((".", "_")))
    if not paths:
        raise InputError(f"{folder}: the folder holds no files")
    paths = [p for p in paths if not (bedrock_logs.beside(p) or bedrock_logs.outside(p, logs))]
    if not paths:
        raise InputError(f"{folder}: no file of the folder lies in the time asked for")
    return paths


def read_folder(folder: Path, wanted: str, columns: Mapping[str, str] | None, logs: Wish) -> Trace:
    """Read every file of a folder and of the folders in it; hidden files are left alone."""
    parts: list[Raw] = []
    skipped: list[Skipped] = []
    for path in files_of(folder, logs):
        try:
            got = read_one(path, wanted, columns, logs)
        except InputError as error:
            line = error.line if isinstance(error, FileError) else None
            reason = error.reason if isinstance(error, FileError) else str(error)
            skipped.append(Skipped(file=str(path), line=line, reason=reason))
            continue
        parts.append(raw_of_trace(got, str(path)) if isinstance(got, Trace) else got)
    if not parts:
        first = skipped[0]
        raise InputError(f"{folder}: none of {len(skipped)} files can be read; {first.file}: {first.reason}")
    whole = join(parts)
    return named(str(folder), lambda: trace_of_raw(whole, str(folder), tuple(skipped)))
