"""``init``: a folder with a report on a schedule, ready to run."""

import json as json_text
import re
import sys
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any

import typer

from bedrock_lab.cli.output import JSON, emit
from bedrock_lab.cli.policies import KNOWN, Asked
from bedrock_lab.errors import InputError, LabError

HOME = "/srv/bedrock-lab"
PROGRAM = f"{HOME}/.venv/bin/bedrock-lab"
"""The folder and the program that the files of the package name, and that `init` puts its own for."""
POLICIES = ("read", "logs", "bill", "measure", "report")
"""What the reports of the package read or call, by its name in ``doctor --policy``."""
PLAIN = re.compile(r"[\w./+@-]+")
"""Paths that cron, systemd, a shell and Python read alike, without quotes."""


def init(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Where to write it; made where it is not there.")],
    json: bool = JSON,
) -> None:
    """Write a project: settings, a notebook, schedules, IAM policies, a README; nothing is overwritten."""
    home = checked_folder(folder)
    texts = project(home, Path(sys.executable).with_name("bedrock-lab"))
    write_new(home, texts)
    lines = [f"{home}: {len(texts)} files", *(f"  {name}" for name in texts), f"next: cd {home} && cat README.md"]
    emit({"folder": str(home), "files": list(texts)}, "\n".join(lines), as_json=json)


def checked_folder(folder: str) -> Path:
    """Return the absolute folder, where a schedule can name it.

    Raises
    ------
    InputError
        It is a file, or its path would need quotes.
    """
    home = Path(folder).absolute()
    if not folder or not PLAIN.fullmatch(str(home)):
        raise InputError(f"DIR {str(home)!r}: letters, digits and ./+@_- are allowed, as a schedule names it unquoted")
    if home.exists() and not home.is_dir():
        raise InputError(f"DIR {home}: is a file; give a folder")
    return home


def project(home: Path, program: Path) -> dict[str, str]:
    """Return the text of every file of a project in `home`, by its path there."""
    found = {name: text.replace(PROGRAM, str(program)).replace(HOME, str(home)) for name, text in package_texts()}
    for policy in POLICIES:
        document = KNOWN[policy](Asked()).documents["policy"]
        found[f"iam/{policy}.json"] = json_text.dumps(document, indent=2) + "\n"
    return dict(sorted(found.items()))


def package_texts() -> list[tuple[str, str]]:
    """Read the files the package holds for a project; the notebook comes without its outputs."""
    out: list[tuple[str, str]] = []
    pending: list[tuple[str, Traversable]] = [("", files("bedrock_lab") / "project")]
    while pending:
        prefix, folder = pending.pop()
        for item in folder.iterdir():
            if item.is_dir():
                pending.append((f"{prefix}{item.name}/", item))
                continue
            text = item.read_text(encoding="utf-8")
            # the operator is stored as text: no checker here could import Airflow
            out.append((prefix + item.name.removesuffix(".txt" if item.name.endswith(".py.txt") else ""), text))
    return [(name, without_outputs(text) if name.endswith(".ipynb") else text) for name, text in out]


def without_outputs(text: str) -> str:
    """Return a notebook as it is before it runs."""
    notebook: dict[str, Any] = json_text.loads(text)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    return json_text.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def write_new(home: Path, texts: dict[str, str]) -> None:
    """Write files that are not there yet: all of them, or none.

    Raises
    ------
    InputError
        One of them is there, or the folder cannot be written.
    LabError
        The disk is full or fails.
    """
    there = [name for name in texts if (home / name).exists() or (home / name).is_symlink()]
    if there:
        more = f" (and {len(there) - 1} more)" if len(there) > 1 else ""
        raise InputError(f"{home / there[0]}{more}: is there, and nothing is overwritten; give an empty folder")
    made: list[Path] = []
    try:
        for name, text in texts.items():
            path = home / name
            for parent in reversed([p for p in path.parents if not p.exists()]):
                parent.mkdir()
                made.append(parent)
            with path.open("x", encoding="utf-8", newline="\n") as file:
                made.append(path)
                file.write(text)
    except OSError as error:
        take_away(made)
        kind = InputError if isinstance(error, FileExistsError | NotADirectoryError | PermissionError) else LabError
        raise kind(f"{error.filename or home}: cannot be written ({error.strerror}); nothing was kept") from None
    except KeyboardInterrupt:
        take_away(made)
        raise


def take_away(made: list[Path]) -> None:
    """Remove what was made, the last first."""
    for path in reversed(made):
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
