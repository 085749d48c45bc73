"""What was read of a log, beside the trace that is made of it: a part a file, and a manifest by which a run goes on."""

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bedrock_lab.errors import InputError, LabError
from bedrock_lab.traffic.arrays import from_numpy, to_numpy
from bedrock_lab.traffic.identities import hashed, hashed_column, hidden, new_salt
from bedrock_lab.traffic.readers.raw import Raw
from bedrock_lab.traffic.readers.unsaid import OPAQUE
from bedrock_lab.traffic.trace import Skipped

SUFFIX, MANIFEST, SALT = ".read", "manifest.jsonl", "salt"
AT, HASHES = "at_ns", "prefix_hashes"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A file of a log: its name as it is shown, and what changes when its content does."""

    name: str
    etag: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A file that was read: where its rows are, how many, and what of it was left out."""

    key: str
    etag: str
    file: str
    rows: int
    unsaid: Mapping[str, int]
    skipped: Sequence[Skipped]
    expresses: Sequence[str]
    block_tokens: int | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return dataclasses.asdict(self) | {"skipped": [item.to_dict() for item in self.skipped]}


class Parts:
    """A folder of parts, each written whole before the manifest names it.

    Account ids stand there as hashes; their salt lies beside them for the next run, readable by its owner alone.
    """

    def __init__(self, folder: Path, terms: Mapping[str, Any], *, identities: bool) -> None:
        self.folder, self.identities = folder, identities
        self.salt = b""
        self.parts: dict[str, Part] = {}
        self._open(dict(terms) | {"identities": identities})

    def key(self, item: Item) -> str:
        """Return the name under which the manifest has a file."""
        return item.name if self.identities else hidden(item.name, self.salt)

    def has(self, item: Item) -> bool:
        """Whether a file was read, as it is now."""
        held = self.parts.get(self.key(item))
        return held is not None and held.etag == item.etag

    def add(self, item: Item, raw: Raw) -> None:
        """Keep a file's rows."""
        key = self.key(item)
        file = f"{hashed(key, self.salt)[5:]}-{len(self.parts):06d}.parquet"
        skipped = [dataclasses.replace(s, file=key) for s in raw.skipped]
        unsaid = {self._label(name): count for name, count in raw.unsaid.items()}
        table = self._table(raw)
        self._write(file, lambda handle: pq.write_table(table, handle, compression="zstd"))
        part = Part(
            key=key, etag=item.etag, file=file, rows=len(table), unsaid=unsaid, skipped=skipped,
            expresses=raw.expresses, block_tokens=raw.prefix_block_tokens,
        )  # fmt: skip
        old = self.parts.get(key)
        self._say(part.to_dict())
        self.parts[key] = part
        if old is not None:
            (self.folder / old.file).unlink(missing_ok=True)

    def read(self, part: Part, columns: Sequence[str] | None = None) -> pa.Table:
        """Read a part's rows."""
        with pq.ParquetFile(self.folder / part.file) as file:
            return file.read(columns, use_threads=False)

    def names(self, part: Part) -> Sequence[str]:
        """Return the columns a part has."""
        return list(pq.read_schema(self.folder / part.file).names)

    def _label(self, name: str) -> str:
        return name if self.identities or not name.startswith(OPAQUE) else OPAQUE + hashed(name, self.salt)

    def _table(self, raw: Raw) -> pa.Table:
        columns = dict(raw.columns)
        at = np.round(to_numpy(columns.pop("time_s")) * 1e9).astype(np.int64) + (raw.start_ns or 0)
        columns = {AT: from_numpy(at), **columns}
        if raw.prefix_hashes is not None:
            columns[HASHES] = raw.prefix_hashes
        if "account" in columns and not self.identities:
            columns["account"] = hashed_column(columns["account"], self.salt)
        return pa.Table.from_arrays(list(columns.values()), names=list(columns))

    def _open(self, terms: dict[str, Any]) -> None:
        """Begin the folder, or go on where a run left it."""
        manifest = self.folder / MANIFEST
        try:
            self.folder.mkdir(exist_ok=True)
            held = manifest.read_bytes() if manifest.exists() else b""
        except OSError as error:
            raise InputError(f"{self.folder}: cannot be used ({error.strerror}); give a writable folder") from None
        lines = list(whole_lines(held))
        if not lines:
            self.salt = new_salt()
            (self.folder / SALT).touch(mode=0o600)
            (self.folder / SALT).write_bytes(self.salt)
            self._write(MANIFEST, lambda handle: handle.write(json.dumps(terms).encode() + b"\n"))
            return
        if lines[0] != json.loads(json.dumps(terms)):
            other = sorted(name for name in terms if lines[0].get(name) != terms[name])
            raise InputError(
                f"{self.folder}: was begun with other {', '.join(other) or 'terms'}; give another OUT, or delete it"
            )
        try:
            self.salt = (self.folder / SALT).read_bytes()
            for line in lines[1:]:
                part = Part(**line | {"skipped": [Skipped(**item) for item in line["skipped"]]})
                if (self.folder / part.file).exists():
                    self.parts[part.key] = part
        except (OSError, TypeError, KeyError):
            raise InputError(f"{self.folder}: its manifest cannot be read; delete the folder") from None
        if held and not held.endswith(b"\n"):
            with manifest.open("ab") as file:  # a killed run's last line ends here
                file.write(b"\n")

    def _say(self, line: Mapping[str, Any]) -> None:
        with failing(self.folder), (self.folder / MANIFEST).open("ab") as file:
            file.write(json.dumps(line).encode() + b"\n")

    def _write(self, name: str, write: Any) -> None:
        """Write a file of the folder, whole or not at all."""
        partial = self.folder / f".{name}.{os.getpid()}"
        try:
            with failing(self.folder):
                with partial.open("wb") as handle:
                    write(handle)
                partial.replace(self.folder / name)
        finally:
            partial.unlink(missing_ok=True)


def whole_lines(data: bytes) -> Iterator[dict[str, Any]]:
    """Yield the lines of a manifest; what a killed run left of one is passed over."""
    for line in data.split(b"\n"):
        with contextlib.suppress(ValueError):
            held = json.loads(line)
            if isinstance(held, dict):
                yield held


@contextlib.contextmanager
def failing(folder: Path) -> Iterator[None]:
    """Say in one line that writing failed."""
    try:
        yield
    except OSError as error:
        raise LabError(
            f"{folder}: writing failed ({error.strerror or error}); what was read is kept: run it again"
        ) from None
