"""Copy an invocation log into a trace on disk, a file at a time: what was read is kept, and a run goes on."""

import dataclasses
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from bedrock_lab.errors import InputError
from bedrock_lab.traffic import log_merge
from bedrock_lab.traffic.identities import hidden
from bedrock_lab.traffic.log_parts import SUFFIX, Item, Parts
from bedrock_lab.traffic.readers import bedrock_logs
from bedrock_lab.traffic.readers.bedrock_logs import Wish
from bedrock_lab.traffic.readers.files import FileError, head, load
from bedrock_lab.traffic.readers.raw import Raw
from bedrock_lab.traffic.trace import Skipped, parquet_name

Say = Callable[[str], None]
Got = Raw | str
"""The rows of a file, or why there are none."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A log's trace on disk.

    Parameters
    ----------
    path
        The trace.
    folder
        What was read, file by file: a run with the same arguments reads only what is new.
    files, again
        Files that are in the trace, and those of them an earlier run had read.
    rows
        Requests in the trace.
    reordered, duplicates, skipped, notes
        As in `Trace`.
    """

    path: Path
    folder: Path
    files: int
    again: int
    rows: int
    reordered: int
    duplicates: int
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        skipped = [item.to_dict() for item in self.skipped]
        return dataclasses.asdict(self) | {"path": str(self.path), "folder": str(self.folder), "skipped": skipped}


def copy_logs(
    source: str | Path,
    out: str | Path,
    wanted: Wish | None = None,
    *,
    workers: int = 1,
    identities: bool = False,
    say: Say = lambda _: None,
    **arguments: Any,
) -> Copied:
    """Write the trace of a log, with little in memory; a run that was killed goes on where it was.

    Beside `out` a folder (its name and ``.read``) keeps the rows of each file with a manifest: file, etag, rows, what
    was left out. A file that is there with the same etag is not read again, one that changed is.

    Parameters
    ----------
    source
        A file, a folder, or ``s3://bucket/prefix/``.
    out
        The parquet file to write.
    wanted
        What is wanted of the log.
    workers
        Processes that unpack and read; a script that asks for more than one guards its main module.
    identities
        Whether account ids stay as they are.
    say
        Takes what a person should read.
    arguments
        For S3, as `read_trace` takes them.

    Raises
    ------
    InputError
        Nothing is there to read, the folder was begun with other terms, or `out` cannot be written.
    LabError
        S3 does not answer, or writing failed.
    """
    wanted, out = wanted or Wish(), parquet_name(out)
    if workers < 1:
        raise InputError(f"workers {workers}: 1 or more are allowed")
    with opened(str(source), wanted, say, arguments) as (items, fetched):
        parts = Parts(out.with_name(out.name + SUFFIX), terms_of(str(source), wanted), identities=identities)
        new = [item for item in items if not parts.has(item)]
        if len(new) < len(items):
            say(f"{len(items) - len(new):,} of {len(items):,} files were read before")
        failed = [*_read(parts, new, fetched, wanted, workers)]
    chosen = [parts.parts[parts.key(item)] for item in items if parts.has(item)]
    if not chosen:
        why = failed[0]
        raise InputError(f"{hidden(str(source))}: none of {len(failed)} files can be read; {why.file}: {why.reason}")
    meta = log_merge.merge(parts, chosen, out, str(source), failed)
    rows = sum(part.rows for part in chosen) - meta["duplicates"]
    return Copied(
        path=out,
        folder=parts.folder,
        files=len(chosen),
        again=len(items) - len(new),
        rows=rows,
        reordered=meta["reordered"],
        duplicates=meta["duplicates"],
        skipped=tuple(Skipped(**item) for item in meta["skipped"]),
        notes=tuple(meta["notes"]),
    )


def terms_of(source: str, wanted: Wish) -> dict[str, Any]:
    """Return what a folder of parts was read for; another run must want the same."""
    return {"format": "bedrock-logs", "source": hidden(source, b""), **dataclasses.asdict(wanted)}


def is_log(path: str, format_: str) -> bool:
    """Whether a path is read as an invocation log: told by its name in S3, else by the first file."""
    if path.startswith("s3://") or format_ == "bedrock-logs":
        return True
    if format_ != "auto" or not Path(path).exists():
        return False
    first = next(iter(local_files(Path(path), Wish())), None)
    if first is None:
        return False
    try:
        return bedrock_logs.fits(head(str(first), load(first)))
    except FileError:
        return False


def local_files(path: Path, wanted: Wish) -> list[Path]:
    """Return the files of a log on this machine, in order."""
    from bedrock_lab.traffic.reading import files_of

    return files_of(path, wanted) if path.is_dir() else [path]


@contextmanager
def opened(source: str, wanted: Wish, say: Say, arguments: dict[str, Any]) -> Iterator[Any]:
    """Yield what is there, and what fetches the bytes of files; None where a reader loads them itself."""
    if source.startswith("s3://"):
        from bedrock_lab.sources.s3_logs import Bucket

        with Bucket.opened(source, arguments) as bucket:
            items = bucket.items(wanted)
            say(f"{hidden(source)}: {len(items):,} files of the invocation log")
            yield items, bucket.many
        return
    path = Path(source)
    if not path.exists():
        raise InputError(f"{source}: no such file or folder")
    files = local_files(path, wanted)
    stats = {str(file): file.stat() for file in files}
    items = [Item(name=name, etag=f"{stat.st_size}-{stat.st_mtime_ns}") for name, stat in stats.items()]
    yield items, None


def loaded(item: Item) -> bytes | str:
    """Return a file's bytes, or why there are none."""
    try:
        return load(Path(item.name))
    except FileError as error:
        return error.reason


def rows_of(item: Item, data: bytes | str | None, wanted: Wish) -> Got:
    """Read a file; None for its bytes is a file of this machine."""
    data = loaded(item) if data is None else data
    if isinstance(data, str):
        return data
    try:
        return bedrock_logs.read(item.name, data, wanted)
    except InputError as error:
        return error.reason if isinstance(error, FileError) else str(error)


def _read(parts: Parts, new: Sequence[Item], fetched: Any, wanted: Wish, workers: int) -> Iterator[Skipped]:
    """Read files into parts; yield those that cannot be read, which the next run tries again."""
    todo = fetched(new) if fetched is not None else ((item, None) for item in new)
    if workers == 1 or len(new) == 1:
        done: Iterator[tuple[Item, Got]] = ((item, rows_of(item, data, wanted)) for item, data in todo)
        yield from _kept(parts, done)
        return
    context = get_context("spawn")  # threads that fetch would not survive a fork
    with ProcessPoolExecutor(
        min(workers, len(new)), mp_context=context, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)
    ) as pool:
        yield from _kept(parts, _spread(pool, todo, wanted, 2 * workers))


def _spread(pool: Executor, todo: Iterator[tuple[Item, Any]], wanted: Wish, ahead: int) -> Iterator[tuple[Item, Got]]:
    """Read files in several processes, some ahead, and hand them over in order."""
    waiting: list[tuple[Item, Future[Got]]] = []

    def more(count: int) -> None:
        waiting.extend((item, pool.submit(rows_of, item, data, wanted)) for item, data in islice(todo, count))

    more(ahead)
    while waiting:
        item, future = waiting.pop(0)
        yield item, future.result()
        more(1)


def _kept(parts: Parts, done: Iterator[tuple[Item, Got]]) -> Iterator[Skipped]:
    for item, got in done:
        if isinstance(got, str):
            yield Skipped(file=parts.key(item), line=None, reason=got)
        else:
            parts.add(item, got)
