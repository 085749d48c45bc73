"""Run a notebook as a report: everything checked first, published whole or not at all."""

import dataclasses
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bedrock_lab import errors
from bedrock_lab.errors import InputError, LabError, NotebookFailedError
from bedrock_lab.gates import Gate, read_gate
from bedrock_lab.reports import alerts, shelf
from bedrock_lab.reports.given import FLAG, Value, settled
from bedrock_lab.reports.inputs import input_hashes
from bedrock_lab.reports.record import finished, first_record, text_of_record
from bedrock_lab.reports.sending import Away
from bedrock_lab.reports.since import sentence, since_last
from bedrock_lab.reports.since_page import Runs, since_sections, trend_sections
from bedrock_lab.views.files import write_atomic
from bedrock_lab.views.from_notebook import answer_of, page_from_notebook
from bedrock_lab.views.notebook import read_notebook
from bedrock_lab.views.page import Page, write_page
from bedrock_lab.views.parameters import read_parameters
from bedrock_lab.views.runner import execute

NAME = re.compile(r"[A-Za-z0-9_][\w.-]*")
INPUT_ERRORS = {
    name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, InputError)
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A published run; ``record`` is what the sidecar holds."""

    folder: Path
    notebook: Path
    html: Path
    sidecar: Path
    record: Mapping[str, Any]
    earlier_alerts: tuple[str, ...] = ()
    sent: Mapping[str, str] | None = None

    @property
    def status(self) -> str:
        """How it ended."""
        return str(self.record["status"])

    @property
    def alerts(self) -> tuple[str, ...]:
        """The sentences of gates that are true, those of runs that ended before they could say theirs among them."""
        return (*self.earlier_alerts, *self.record["alerts"])

    @property
    def summary(self) -> str:
        """One line for a mail's subject or a chat."""
        answer = self.record.get("answer") or "done"
        many = len(self.alerts)
        counted = f" [{many} alert{'s' if many > 1 else ''}]" if many else ""
        since = f" {sentence(self.record['since'])}" if self.record["since"] else ""
        page = self.sent["html"] if self.sent else self.html
        return f"{self.record['report']} {self.folder.name}:{counted} {answer}{since} {page}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        paths = {"notebook": self.notebook, "html": self.html, "sidecar": self.sidecar}
        kept = ("report", "parameters", "results", "origin", "warnings", "since")
        return {
            "status": self.status,
            **{name: str(path) for name, path in paths.items()},
            **{name: self.record[name] for name in kept},
            "stamp": self.folder.name,
            "alerts": list(self.alerts),
            "sent": None if self.sent is None else dict(self.sent),
        }


def _nothing(_: str) -> None:
    """Say nothing."""


def run_report(
    notebook: str | Path,
    given: Mapping[str, Any] | None = None,
    out: str | Path = "outputs",
    *,
    name: str | None = None,
    fail_if: Sequence[str | Gate] = (),
    keep: int | None = None,
    to: Away | None = None,
    say: Callable[[str], None] = _nothing,
    progress: bool = False,
) -> Run:
    """Run a notebook with parameters and publish it under ``out/<report>/<UTC stamp>/``, ``latest`` leading to it.

    The kernel works in the caller's folder, so that relative paths mean what the user typed.

    Parameters
    ----------
    given
        Parameters by name, as texts, typed, or as a `Value` that says where it is from; the others keep their defaults.
    name
        Name of the report: its folder and its history; the notebook's where none is given.
    fail_if
        Conditions over the results; those that are true are the run's `alerts`.
    keep
        Good runs to keep, the last ones; None keeps all.
    to
        Where the run is sent to once it stands and its alerts are said.
    say
        Called with each alert, once, when the run is published.
    progress
        Whether to draw a progress bar where stderr is a terminal.

    Raises
    ------
    InputError
        Before a kernel starts: the notebook, a parameter, a gate or the folder is wrong. Afterwards: a cell found the
        input wrong, or a gate names no figure of the results; what ran is kept.
    NotebookFailedError
        When a cell raised otherwise; the notebook is kept, ``latest`` stays as it was.
    LabError
        Another run of the report is under way, or the disk is full: ``latest`` stays as it was. Or the run stands and
        could not be sent.
    """
    path, started = Path(notebook), datetime.now(UTC)
    source = read_notebook(path)
    parameters = read_parameters(source)
    known = {n: v if isinstance(v, Value) else Value(v, FLAG) for n, v in (given or {}).items()}
    values = settled(parameters, known, started.date())
    gates = [read_gate(gate) if isinstance(gate, str) else gate for gate in fail_if]
    home = Path(out) / _checked_name(name or path.stem)
    if keep is not None and keep < 1:
        raise InputError(f"--keep {keep}: at least 1 run is kept")
    plain = {n: v.value for n, v in values.items()}
    with shelf.locked(home):
        shelf.sweep(home)
        earlier = _say_untold(home, say)
        record = first_record(home.name, path, values, input_hashes(parameters, plain), started)
        try:
            run = _ran(source, path, record, home, gates, progress=progress)
        except OSError as error:
            raise LabError(f"{home}: {error.strerror or error}; {shelf.LATEST} is as it was") from None
        for alert in run.record["alerts"]:
            say(alert)
        alerts.told(home, run.folder.name)
        if keep is not None:
            shelf.keep_last(home, keep)
        if to is not None:
            run = dataclasses.replace(run, sent=to.send(run.folder))
    _check_decided(run)
    return dataclasses.replace(run, earlier_alerts=tuple(earlier))


def _checked_name(name: str) -> str:
    if not NAME.fullmatch(name) or name == shelf.LATEST:
        raise InputError(f"--name {name!r}: letters, digits, '_', '-' and '.' are allowed, and not {shelf.LATEST!r}")
    return name


def _say_untold(home: Path, say: Callable[[str], None]) -> list[str]:
    said = []
    for stamp, sentences in alerts.untold(home):
        for alert in sentences:
            said.append(f"{alert} (run {stamp}, which ended before it could say so)")
            say(said[-1])
        alerts.told(home, stamp)
    return said


def _ran(source: Any, path: Path, record: dict[str, Any], home: Path, gates: Sequence[Gate], *, progress: bool) -> Run:
    with shelf.working_folder(home) as work:
        kept, page, side = (work / f"{path.stem}{suffix}" for suffix in (".ipynb", ".html", ".json"))
        executed, failure = execute(source, kept, record["parameters"], progress=progress and sys.stderr.isatty())
        record = finished(record, failure, datetime.now(UTC))
        if failure is None:
            try:
                runs = shelf.history(home)
                record |= _concluded(executed, record, runs, gates)
                write_page(_page(executed, record, runs), page)
            except LabError as error:
                failure = {"cell": None, "name": type(error).__name__, "message": str(error)}
                record = finished(record, failure, datetime.now(UTC))
        if record["alerts"]:
            alerts.mark(work)
        write_atomic(side, text_of_record(record))
        folder = shelf.publish(work, home, shelf.stamp_of(datetime.fromisoformat(record["started"])))
    if failure is not None:
        raise _raised(path, failure, folder / kept.name)
    shelf.point(home, folder.name)
    return Run(
        folder=folder,
        notebook=folder / kept.name,
        html=folder / page.name,
        sidecar=folder / side.name,
        record=record,
    )


def _concluded(executed: Any, record: dict[str, Any], runs: Runs, gates: Sequence[Gate]) -> dict[str, Any]:
    """Take the answer out of the notebook, compare it with the last run's, and decide the gates over both."""
    result = answer_of(executed)
    since = since_last(runs, record | {"results": result.results})
    judged = [alerts.judge(gate, result.results, since) for gate in gates]
    return {
        "title": result.title or record["notebook"],
        "answer": result.answer,
        "results": dict(result.results),
        "origin": None if result.origin is None else str(result.origin),
        "warnings": list(result.warnings),
        "since": since,
        "gates": [found.to_dict() for found in judged],
        "alerts": alerts.alerts(judged),
    }


def _page(executed: Any, record: dict[str, Any], runs: Runs) -> Page:
    """Lay out the page: what changed since the last run before what the notebook says, the trend after it."""
    page = page_from_notebook(executed, record)
    if record["since"] is None:
        return page
    first = since_sections(record["since"], page.origin)
    last = trend_sections([*runs, ("", record)], page.origin)
    return dataclasses.replace(page, sections=(*first, *page.sections, *last))


def _check_decided(run: Run) -> None:
    """Refuse a gate that could not be decided: a misspelt condition would otherwise never be true."""
    for gate in run.record["gates"]:
        if gate["holds"] is None:
            raise InputError(f"{gate['says']} (the report is published: {run.html})")


def _raised(path: Path, failure: Mapping[str, Any], kept: Path) -> LabError:
    message = " ".join(str(failure["message"]).split())
    if failure["name"] in INPUT_ERRORS:
        return InputError(f"{message} (notebook kept: {kept})")
    where = "the page" if failure["cell"] is None else f"cell [{failure['cell']}]"
    return NotebookFailedError(f"{path}: {where} raised {failure['name']}: {message}; kept: {kept}")
