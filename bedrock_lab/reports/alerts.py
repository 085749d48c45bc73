"""What a run is to be failed for: gates decided over its results, and each alert said once.

A run with alerts is published with a mark that goes once they were said. A run killed in between keeps its mark, and
the next one says what it could not. The mark is taken away, not written, so that a full disk repeats no alert.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bedrock_lab.errors import InputError
from bedrock_lab.gates import Gate
from bedrock_lab.reports.shelf import sidecar, stamps
from bedrock_lab.reports.since import gate_figures

UNTOLD = ".untold"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A gate as a run left it; `holds` is None where a figure it looks at is not known."""

    expr: str
    holds: bool | None
    says: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return dataclasses.asdict(self)


def judge(gate: Gate, results: Mapping[str, Any], since: Mapping[str, Any] | None) -> Judged:
    """Decide one gate; what it asks of the last run is not so on a first run."""
    if since is None and any(name.startswith("since.") for name in gate.names):
        return Judged(expr=gate.text, holds=False, says="the first run: there is none to compare with")
    known = {**results, **({} if since is None else {"since": gate_figures(since)})}
    try:
        holds = gate.holds(known)
        return Judged(expr=gate.text, holds=holds, says=gate.sentence(known) if holds else "")
    except InputError as error:
        return Judged(expr=gate.text, holds=None, says=str(error))


def alerts(judged: Iterable[Judged]) -> list[str]:
    """Return the sentences of the gates that are true."""
    return [found.says for found in judged if found.holds]


def mark(work: Path) -> None:
    """Mark a run that is about to be published as one whose alerts are still to be said."""
    (work / UNTOLD).touch()


def told(home: Path, stamp: str) -> None:
    """Take the mark away."""
    (home / stamp / UNTOLD).unlink(missing_ok=True)


def untold(home: Path) -> Iterator[tuple[str, list[str]]]:
    """Find runs that ended before they could say their alerts."""
    for stamp in stamps(home):
        if (home / stamp / UNTOLD).exists():
            found = sidecar(home, stamp)
            yield stamp, list(found.get("alerts", ())) if found else []
