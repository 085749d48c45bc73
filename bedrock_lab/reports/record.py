"""The sidecar: what a run was given, what came of it, and under which circumstances."""

import json
import platform
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bedrock_lab.reports.given import Value
from bedrock_lab.reports.inputs import sha256

PACKAGES = ("bedrock-lab", "papermill", "pandas", "plotly")
DATE = "prices_as_of"
"""Parameter that names the day whose prices hold."""


def first_record(
    name: str, notebook: Path, values: Mapping[str, Value], inputs: list[dict[str, Any]], started: datetime
) -> dict[str, Any]:
    """Write down what is known before a cell ran."""
    return {
        "status": "running",
        "report": name,
        "notebook": notebook.name,
        "notebook_sha256": sha256(notebook),
        "parameters": {n: v.value for n, v in values.items()},
        "parameters_from": {n: v.source for n, v in values.items()},
        "inputs": inputs,
        "prices_date": values[DATE].value if DATE in values else None,
        "results": {},
        "origin": None,
        "warnings": [],
        "since": None,
        "gates": [],
        "alerts": [],
        "versions": {"python": platform.python_version(), **_versions()},
        "started": started.isoformat(timespec="seconds"),
        "finished": None,
        "seconds": None,
        "error": None,
    }


def finished(record: Mapping[str, Any], failure: Mapping[str, Any] | None, now: datetime) -> dict[str, Any]:
    """Close a record: how it ended, and when."""
    return {
        **record,
        "status": "ok" if failure is None else "failed",
        "error": failure,
        "finished": now.isoformat(timespec="seconds"),
        "seconds": round((now - datetime.fromisoformat(record["started"])).total_seconds(), 3),
    }


def text_of_record(record: Mapping[str, Any]) -> str:
    """Write a record as JSON."""
    return json.dumps(record, indent=1, allow_nan=False) + "\n"


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name.replace("-", "_")] = version(name)
        except PackageNotFoundError:
            found[name.replace("-", "_")] = "not installed"
    return found
