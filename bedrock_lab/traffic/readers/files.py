"""Bytes of a file, unpacked, and what they look like."""

import csv
import dataclasses
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bedrock_lab.errors import InputError

GZIP, ZSTD, PARQUET = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1"
PIECE = 1 << 20
"""So much is unpacked at a time where a file is read in pieces: it stays in the processor's cache [bytes]."""


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
    """Return the bytes of a file as they are."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileError(str(path), f"cannot be read ({error.strerror})") from None


def unpacked(file: str, data: bytes) -> bytes:
    """Unpack gzip or zstd data; plain data stays as it is.

    Raises
    ------
    FileError
        It is cut off, damaged or empty.
    """
    if data.startswith((GZIP, ZSTD)):
        data = b"".join(pieces(file, data))
    if not data.strip():
        raise FileError(file, "the file is empty; a trace has at least one row")
    return data


def pieces(file: str, data: bytes) -> Iterator[bytes]:
    """Yield a file's bytes unpacked, a piece at a time.

    Raises
    ------
    FileError
        It is cut off or damaged; the pieces before that were yielded.
    """
    if data.startswith(GZIP):
        yield from unzipped(file, data)
    elif data.startswith(ZSTD):
        yield from unzstd(file, data)
    else:
        yield from (data[begin : begin + PIECE] for begin in range(0, len(data), PIECE))


def blocks(file: str, data: bytes) -> Iterator[bytes]:
    """Yield a file's lines unpacked, some whole lines at a time."""
    rest: list[bytes] = []
    for piece in pieces(file, data):
        end = piece.rfind(b"\n") + 1
        if end:
            yield b"".join((*rest, piece[:end]))
            rest.clear()
        if end < len(piece):
            rest.append(piece[end:])
    if rest:
        yield b"".join(rest)


def head(file: str, data: bytes) -> bytes:
    """Return the first bytes of a file unpacked."""
    return next(pieces(file, data), b"")


def unzipped(file: str, data: bytes) -> Iterator[bytes]:
    """Unpack gzip data member by member, by isal where it is installed: twice as fast."""
    while data:
        member, failed = unzipper()
        try:
            piece = member.decompress(data, PIECE)
            while not member.eof:
                yield piece
                tail = getattr(member, "unconsumed_tail", b"")
                piece = member.decompress(tail, PIECE)
                if not piece and not tail and not member.eof:
                    raise FileError(file, "the gzip data is cut off; copy the file again")
        except failed as error:
            raise FileError(file, f"the gzip data is damaged ({one_line(error)})") from None
        yield piece
        data = member.unused_data.lstrip(b"\0")  # zeros may fill the last block of a tape
        if data and not data.startswith(GZIP):
            raise FileError(file, "the gzip data is damaged (bytes behind its end are no gzip)")


def unzipper() -> tuple[Any, Any]:
    """Return what unpacks one member of a gzip file, and its error."""
    try:
        from isal import igzip_lib
    except ImportError:
        return zlib.decompressobj(wbits=31), zlib.error
    return igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP), igzip_lib.error


def unzstd(file: str, data: bytes) -> Iterator[bytes]:
    """Unpack zstd data."""
    import pyarrow as pa

    try:
        with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
            while piece := bytes(stream.read(PIECE)):
                yield piece
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
