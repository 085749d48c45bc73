"""How batch runs are told to people: a bar in records, states, results, retries."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bedrock_lab.batch.amounts import counted
from bedrock_lab.cli.output import emit, warn

if TYPE_CHECKING:
    from bedrock_lab.batch.watching import Status

WIDTH = 30
"""Of the bar [characters]."""


def bar(status: "Status") -> None:
    """Show how far the jobs are, in records, where somebody looks."""
    if not sys.stderr.isatty():
        return
    done, records = status.count("processed"), status.records
    filled = WIDTH * done // max(1, records)
    states = ", ".join(f"{n} {name}" for name, n in status.counts.items())
    eta = "ETA unknown" if status.eta_s is None else f"ETA {status.eta_s:,.0f} s by these jobs' own speed"
    line = f"|{'#' * filled:{WIDTH}}| {done:,}/{records:,} records, {states}, {eta}"
    print(f"\r\033[K{line}", end="\n" if status.over else "\r", file=sys.stderr, flush=True)  # noqa: T201 - progress


def told(found: Any, *, as_json: bool) -> int:
    """Print what was collected, and return its exit code."""
    shown = found.to_dict()
    warn(shown["notes"])
    cost = "cost unknown" if shown["cost_usd"] is None else f"cost {shown['cost_usd']:.6f} USD"
    outcomes = ", ".join(f"{shown[name]:,} {name}" for name in ("ok", "throttled", "failed"))
    done = "" if shown["new"] else "done before: "
    text = f"{done}{shown['records']:,} records: {outcomes} ({shown['missing']:,} missing); {cost}\n"
    emit(shown, text + "\n".join(shown["files"].values()), as_json=as_json)
    return int(found.exit_code)


def in_words(shown: Mapping[str, Any]) -> str:
    """Write how a run stands for people."""
    from bedrock_lab.views.text import in_columns

    rows = [
        (job["name"], job["status"], f"{job['records']:,}", *(count(job[name]) for name in COUNTS))
        for job in shown["jobs"]
    ]
    states = ", ".join(f"{n} {name}" for name, n in shown["states"].items())
    speed = "" if shown["speed_per_s"] is None else f"; {shown['speed_per_s']:.3g} records/s"
    eta = "" if shown["eta_s"] is None else f", about {shown['eta_s']:,.0f} s left at that speed"
    head = f"run {shown['run']} at {shown['s3']}: {states}{speed}{eta}"
    return f"{head}\n\n{in_columns(('job', 'state', 'records', *COUNTS), rows)}"


COUNTS = ("processed", "succeeded", "failed")


def count(value: int | None) -> str:
    """Write a count that may be unknown.

    >>> count(None), count(1200)
    ('-', '1,200')
    """
    return "-" if value is None else f"{value:,}"


def retried_in_words(shown: Mapping[str, Any]) -> str:
    """Say what was begun."""
    if shown["attempt"] is None:
        return "nothing to retry"
    if shown["how"] == "on-demand":
        return (
            f"attempt {shown['attempt']}: {shown['asked']} records asked on demand, {shown['ok']} ok, "
            f"{shown['failed']} failed, {shown['left']} left; batch collect joins the answers"
        )
    return (
        f"attempt {shown['attempt']}: {counted(shown['records'], 'record')}, {counted(shown['made'], 'job')} made; "
        "batch status --watch waits for them, batch collect joins the answers"
    )
