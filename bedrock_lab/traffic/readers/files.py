"""Bytes of a file, unpacked, and what they look like."""

import csv
import dataclasses
import gzip
import json
import zlib
from pathlib import Path

from bedrock_lab.errors import InputError

GZIP, ZSTD, PARQUET = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1"


class FileError(InputError):
    """A file, or one line of it, cannot be read."""

    def __init__(self, file: str, reason: str, line: int | None = None, unit: str = "") -> None:
        where = file if line is None else f"{file}: {unit} {line}" if unit else f"{file}:{line}"
        super().__init__(f"{where}: {reason}")
        self.file, self.reason, self.line = file, reason, line


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """What a file looks like: how it is laid out and the columns it names."""

    layout: str
    names: tuple[str, ...]
    delimiter: str = ","


def load(path: Path) -> bytes:
    """Return the bytes of a file, unpacked where they are gzip or zstd."""
    file = str(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FileError(file, f"cannot be read ({error.strerror})") from None
    return unpacked(file, data)


def unpacked(file: str, data: bytes) -> bytes:
    """Unpack gzip or zstd data; plain data stays as it is.

    Raises
    ------
    FileError
        It is cut off, damaged or empty.
    """
    if data.startswith(GZIP):
        try:
            data = unzipped(data)
        except EOFError:
            raise FileError(file, "the gzip data is cut off; copy the file again") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise FileError(file, f"the gzip data is damaged ({error})") from None
    elif data.startswith(ZSTD):
        data = unzstd(file, data)
    if not data.strip():
        raise FileError(file, "the file is empty; a trace has at least one row")
    return data


def unzipped(data: bytes) -> bytes:
    """Unpack gzip data, by isal where it is installed: three times as fast."""
    try:
        from isal import igzip
    except ImportError:
        return gzip.decompress(data)
    try:
        return bytes(igzip.decompress(data))  # type: ignore[no-untyped-call]
    except Exception as error:  # noqa: BLE001 - its errors are its own; gzip's own reading says what is wrong
        del error
        return gzip.decompress(data)


def unzstd(file: str, data: bytes) -> bytes:
    """Unpack zstd data."""
    import pyarrow as pa

    try:
        with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
            return bytes(stream.read())
    except OSError as error:
        raise FileError(file, f"the zstd data is cut off or damaged ({error})") from None


def look(file: str, data: bytes) -> Looks:
    """Tell the layout of a file (parquet, json or csv) and the names of its columns."""
    if data.startswith(PARQUET):
        return Looks(layout="parquet", names=parquet_names(file, data))
    head = text_of(file, data).lstrip("\ufeff \t\r\n").split("\n", 1)[0].strip()
    if head.startswith("{"):
        try:
            return Looks(layout="json", names=tuple(json.loads(head)))
        except (ValueError, RecursionError):
            raise FileError(file, "no JSON object; JSON lines hold one whole object a line", 1) from None
    if head.startswith("["):
        raise FileError(file, "a JSON list; JSON lines hold one object a line")
    delimiter = max(",\t;", key=head.count)
    try:
        names = next(csv.reader([head], delimiter=delimiter))
    except csv.Error as error:
        raise FileError(file, f"no header of CSV ({error})", 1) from None
    return Looks(layout="csv", names=tuple(name.strip() for name in names), delimiter=delimiter)


def text_of(file: str, data: bytes) -> str:
    """Decode a text file, without a byte order mark."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(file, f"byte {error.start} is not UTF-8; CSV, JSON lines or parquet are read") from None
    if "\0" in text:
        raise FileError(file, "holds NUL bytes; CSV, JSON lines or parquet are read")
    return text


def parquet_names(file: str, data: bytes) -> tuple[str, ...]:
    """Return the columns of a parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return tuple(pq.ParquetFile(pa.BufferReader(data)).schema_arrow.names)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise FileError(file, f"the parquet data is cut off or damaged ({one_line(error)})") from None


def one_line(error: Exception) -> str:
    """Return the first line of an error's message."""
    return (str(error).splitlines() or [type(error).__name__])[0]
