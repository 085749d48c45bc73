"""Run a notebook as a report: everything checked first, published whole or not at all."""

import dataclasses
import errno
import json
import logging
import platform
import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bedrock_lab import errors
from bedrock_lab.errors import InputError, LabError, NotebookFailedError
from bedrock_lab.views.files import write_atomic
from bedrock_lab.views.from_notebook import answer_of, page_from_notebook
from bedrock_lab.views.notebook import read_notebook, text_of
from bedrock_lab.views.page import write_page
from bedrock_lab.views.parameters import bind, read_parameters

PACKAGES = ("bedrock-lab", "papermill", "pandas", "plotly")
INPUT_ERRORS = {
    name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, InputError)
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A published run; ``record`` is what the sidecar holds."""

    status: str
    notebook: Path
    html: Path
    sidecar: Path
    record: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        paths = {"notebook": self.notebook, "html": self.html, "sidecar": self.sidecar}
        return {
            "status": self.status,
            **{name: str(path) for name, path in paths.items()},
            "parameters": self.record["parameters"],
            "results": self.record["results"],
        }


def run_notebook(path: Path, given: Mapping[str, Any], out: Path, *, progress: bool = True) -> Run:
    """Run a notebook with parameters and publish it under ``out/<notebook>/<UTC stamp>/``.

    The kernel works in the caller's folder, so that relative paths mean what the user typed.

    Parameters
    ----------
    given
        Parameters by name, as texts or typed; the others keep their defaults.
    progress
        Whether to draw a progress bar where stderr is a terminal.

    Raises
    ------
    InputError
        Before a kernel starts: the notebook, a parameter or the folder is wrong. Afterwards: a cell found
        the input wrong; the notebook is kept.
    NotebookFailedError
        When a cell raised otherwise; the notebook is kept.
    """
    notebook = read_notebook(path)
    values = bind(read_parameters(notebook), given)
    started = datetime.now(UTC)
    home = out / path.stem
    with working_folder(home) as work:
        kept = work / f"{path.stem}.ipynb"
        executed, failure = execute(notebook, kept, values, progress=progress and sys.stderr.isatty())
        record = _record(path, values, started, datetime.now(UTC))
        if failure is None:
            try:
                record |= _publish_page(executed, record, work / f"{path.stem}.html")
            except LabError as error:
                failure = {"cell": None, "name": type(error).__name__, "message": str(error)}
        record |= {"status": "ok" if failure is None else "failed", "error": failure}
        sidecar = work / f"{path.stem}.json"
        write_atomic(sidecar, json.dumps(record, indent=1, allow_nan=False) + "\n")
        folder = publish(work, home, f"{started:%Y%m%dT%H%M%SZ}")
    if failure is not None:
        raise _raised(path, failure, folder / kept.name)
    return Run(
        status="ok",
        notebook=folder / kept.name,
        html=folder / f"{path.stem}.html",
        sidecar=folder / sidecar.name,
        record=record,
    )


def execute(
    notebook: Any, kept: Path, values: Mapping[str, Any], *, progress: bool
) -> tuple[Any, dict[str, Any] | None]:
    """Execute a notebook in a fresh kernel and write it to ``kept``, whether a cell raises or not.

    Returns
    -------
    The executed notebook, and what went wrong: None, or ``{cell, name, message}`` with the number of the
    code cell.
    """
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    from bedrock_lab.views.kernel import NAME, local_kernel

    failure: dict[str, Any] | None = None
    # papermill fills in {braces} of a path
    target = str(kept.resolve()).replace("{", "{{").replace("}", "}}")
    with local_kernel() as kernel, _quiet():
        try:
            papermill.execute_notebook(
                notebook,
                target,
                dict(values),
                kernel_name=NAME,
                language="python",
                progress_bar={"desc": kept.stem, "unit": "cell", "leave": False} if progress else False,
                **kernel,
            )
        except PapermillExecutionError as error:
            failure = {"cell": error.exec_count, "name": error.ename, "message": error.evalue}
        except DeadKernelError:
            failure = {"cell": None, "name": "DeadKernelError", "message": "the kernel died; out of memory?"}
    executed = read_notebook(kept)
    for name in ("input_path", "output_path"):
        executed.metadata.papermill.pop(name, None)
    write_atomic(kept, text_of(executed))
    return executed, failure


@contextmanager
def working_folder(home: Path) -> Iterator[Path]:
    """Make a hidden folder in ``home`` that goes with the block, unless it was published before."""
    work = home / f".running-{secrets.token_hex(6)}"
    try:
        work.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"{home}: cannot be written ({error.strerror}); give another folder") from None
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def publish(work: Path, home: Path, stamp: str) -> Path:
    """Rename the finished folder to its stamp; where that is taken, to ``<stamp>-2`` and so on."""
    number = 1
    while True:
        folder = home / (stamp if number == 1 else f"{stamp}-{number}")
        if not folder.exists():
            try:
                return work.rename(folder)
            except OSError as error:
                if error.errno not in {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}:
                    raise
        number += 1


def _publish_page(executed: Any, record: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Write the page and return what the answer cell adds to the record."""
    result = answer_of(executed)
    write_page(page_from_notebook(executed, record), path)
    return {
        "results": dict(result.results),
        "origin": None if result.origin is None else str(result.origin),
        "warnings": list(result.warnings),
    }


def _record(path: Path, values: Mapping[str, Any], started: datetime, finished: datetime) -> dict[str, Any]:
    return {
        "status": "ok",
        "notebook": path.name,
        "parameters": dict(values),
        "results": {},
        "origin": None,
        "warnings": [],
        "versions": {"python": platform.python_version(), **_versions()},
        "started": started.isoformat(timespec="seconds"),
        "finished": finished.isoformat(timespec="seconds"),
        "seconds": round((finished - started).total_seconds(), 3),
        "error": None,
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name.replace("-", "_")] = version(name)
        except PackageNotFoundError:
            found[name.replace("-", "_")] = "not installed"
    return found


def _raised(path: Path, failure: Mapping[str, Any], kept: Path) -> LabError:
    message = " ".join(str(failure["message"]).split())
    if failure["name"] in INPUT_ERRORS:
        return InputError(f"{message} (notebook kept: {kept})")
    where = "the page" if failure["cell"] is None else f"cell [{failure['cell']}]"
    return NotebookFailedError(f"{path}: {where} raised {failure['name']}: {message}; kept: {kept}")


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what papermill logs: a failed cell is said once, by us."""
    logger = logging.getLogger("papermill")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)
