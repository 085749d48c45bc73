"""Run notebooks in place at their default parameters and store what they show.

Stored outputs are what a reader sees without running anything, and what later runs are compared with; so
everything that differs between two equal runs is left out, and the same notebook gives the same bytes.
"""

import itertools
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bedrock_lab.errors import InputError, LabError, NotebookFailedError
from bedrock_lab.views.files import write_atomic
from bedrock_lab.views.from_notebook import WIDGET, answer_of
from bedrock_lab.views.notebook import read_notebook, text_of
from bedrock_lab.views.parameters import read_parameters
from bedrock_lab.views.runner import execute

LARGEST = 500_000
"""Bytes a stored notebook may have."""

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def store(path: Path) -> bool:
    """Run one notebook and store its outputs in it; say whether the file changed.

    Raises
    ------
    InputError
        When it is no notebook to run.
    NotebookFailedError
        When a cell raises or writes to stderr, or the outputs are too large; the file stays as it was.
    """
    notebook = read_notebook(path)
    read_parameters(notebook)
    before = path.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        executed, failure = execute(notebook, Path(folder) / path.name, {}, progress=sys.stderr.isatty())
    if failure is not None:
        message = " ".join(str(failure["message"]).split())
        raise NotebookFailedError(f"{path}: cell [{failure['cell']}] raised {failure['name']}: {message}")
    answer_of(executed)
    after = text_of(normalised(executed, path))
    if len(after.encode()) > LARGEST:
        raise NotebookFailedError(f"{path}: {len(after.encode()):,} bytes with outputs; allowed {LARGEST:,}")
    if after == before:
        return False
    write_atomic(path, after)
    return True


def normalised(notebook: Any, path: Path) -> Any:
    """Leave out times and widget ids, which differ from run to run, and count the cells from 1.

    The counts stay because nbval compares the outputs of counted cells alone.

    Raises
    ------
    NotebookFailedError
        When a cell wrote to stderr: warnings name paths and process ids.
    """
    notebook["metadata"] = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    counts = itertools.count(1)
    for cell in notebook["cells"]:
        for name in ("papermill", "execution"):
            cell["metadata"].pop(name, None)
        if cell["cell_type"] != "code":
            continue
        cell["execution_count"] = next(counts)
        for output in cell["outputs"]:
            if output.get("name") == "stderr":
                first = output["text"].strip().splitlines()[-1:]
                raise NotebookFailedError(f"{path}: cell {cell['id']} writes to stderr: {' '.join(first)}")
            if "execution_count" in output:
                output["execution_count"] = cell["execution_count"]
            output.get("data", {}).pop(WIDGET, None)
    return notebook


def main(arguments: Sequence[str]) -> int:
    """Store every notebook of the folders given; return the exit code."""
    try:
        if not arguments:
            raise InputError("no folder given; usage: python -m bedrock_lab.views.store FOLDER...")
        for folder in map(Path, arguments):
            if not folder.is_dir():
                raise InputError(f"{folder}: no such folder")
            for path in sorted(folder.glob("*.ipynb")):
                print(f"{path}: {'stored' if store(path) else 'unchanged'}")  # noqa: T201 - a command
    except LabError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
