"""Where the runs of one report stand: ``<out>/<report>/<stamp>/``, and ``latest``, which leads to the last good one.

A run is written in a hidden folder and renamed when it is whole, so that a kill or a full disk leaves no half of it;
``latest`` is replaced in one step after that. What a dead run left behind is swept by the next one, under the lock.
"""

import contextlib
import fcntl
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bedrock_lab.errors import InputError, LabError

LATEST, LOCK = "latest", ".lock"
RUNNING, LEAVING, POINTING = ".running-", ".leaving-", ".latest-"
STAMP = re.compile(r"(\d{8}T\d{6}Z)(?:-(\d+))?")


def stamp_of(moment: datetime) -> str:
    """Write a moment as the name of a run's folder.

    >>> stamp_of(datetime(2026, 11, 23, 20, 15, 30, tzinfo=UTC))
    '20261123T201530Z'
    """
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def in_order(stamp: str) -> tuple[str, int]:
    """Order stamps by time, those of one second by their number.

    >>> sorted(["20261123T201530Z-10", "20261123T201530Z-2", "20261123T201530Z"], key=in_order)
    ['20261123T201530Z', '20261123T201530Z-2', '20261123T201530Z-10']
    """
    found = STAMP.fullmatch(stamp)
    return (found[1], int(found[2] or 1)) if found else (stamp, 0)


def stamps(home: Path) -> list[str]:
    """List the published runs, oldest first."""
    if not home.is_dir():
        return []
    return sorted((p.name for p in home.iterdir() if STAMP.fullmatch(p.name) and p.is_dir()), key=in_order)


def sidecar(home: Path, stamp: str) -> dict[str, Any] | None:
    """Read a published run's sidecar; None where it has none that can be read."""
    for path in sorted((home / stamp).glob("*.json")):
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(found, dict) and "status" in found:
            return found
    return None


def history(home: Path) -> list[tuple[str, dict[str, Any]]]:
    """Read the sidecars of the runs that ended well, oldest first."""
    read = ((stamp, sidecar(home, stamp)) for stamp in stamps(home))
    return [(stamp, found) for stamp, found in read if found is not None and found["status"] == "ok"]


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Hold the report's lock, which the system frees when the process ends, however it ends.

    Raises
    ------
    InputError
        The folder cannot be written to.
    LabError
        Another run holds the lock.
    """
    refused = f"{home}: cannot be written ({{}}); give another folder with --out"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if (home / LATEST).exists() and not (home / LATEST).is_symlink():
            raise InputError(f"{home / LATEST}: is no link of a report; move it away, or give another --out or --name")
        file = (home / LOCK).open("a+", encoding="utf-8")
    except OSError as error:
        raise InputError(refused.format(error.strerror)) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            who = file.read(200).strip() or "another process"
            raise LabError(
                f"{home}: a run is under way ({who}); wait for it, or give --name for a second report"
            ) from None
        except OSError as error:
            raise LabError(f"{home}: cannot be locked ({error.strerror}); give a folder of a local disk") from None
        with contextlib.suppress(OSError):  # who holds it is a courtesy: a full disk must not stop a run here
            file.seek(0)
            file.truncate()
            file.write(f"process {os.getpid()} since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n")
            file.flush()
        yield


def sweep(home: Path) -> None:
    """Remove what runs that were killed left behind; only who holds the lock may."""
    for path in home.iterdir():
        if path.name.startswith((RUNNING, LEAVING)):
            shutil.rmtree(path, ignore_errors=True)
        elif path.name.startswith(POINTING):
            path.unlink(missing_ok=True)


@contextmanager
def working_folder(home: Path) -> Iterator[Path]:
    """Make a hidden folder in ``home`` that goes with the block, unless it was published before."""
    work = home / f"{RUNNING}{secrets.token_hex(6)}"
    try:
        work.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"{home}: cannot be written ({error.strerror}); give another folder with --out") from None
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def publish(work: Path, home: Path, stamp: str) -> Path:
    """Rename the finished folder to its stamp, behind those of the same second to ``<stamp>-2`` and so on."""
    for path in (*work.iterdir(), work):
        _settle(path)
    # behind, not beside: a number that `keep_last` freed would put this run before older ones
    taken = [in_order(other)[1] for other in stamps(home) if in_order(other)[0] == stamp]
    folder = home / (stamp if not taken else f"{stamp}-{max(taken) + 1}")
    work.rename(folder)
    _settle(home)
    return folder


def point(home: Path, stamp: str) -> None:
    """Let ``latest`` lead to a run: whoever follows it comes to the old one or to the new one."""
    beside = home / f"{POINTING}{secrets.token_hex(6)}"
    beside.symlink_to(stamp)
    beside.replace(home / LATEST)
    _settle(home)


def keep_last(home: Path, number: int) -> list[str]:
    """Remove all but the last `number` good runs and what failed before them; never what ``latest`` leads to."""
    good = [stamp for stamp, _ in history(home)][-number:]
    kept = {str((home / LATEST).readlink())} if (home / LATEST).is_symlink() else set()
    first = in_order(good[0]) if good else ("", 0)
    gone = [stamp for stamp in stamps(home) if in_order(stamp) < first and stamp not in kept]
    for stamp in gone:
        leaving = home / f"{LEAVING}{secrets.token_hex(6)}"
        (home / stamp).rename(leaving)
        shutil.rmtree(leaving, ignore_errors=True)
    return gone


def _settle(path: Path) -> None:
    """Bring a file or a folder's entries to the disk before what follows relies on them."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
