"""Read a notebook file and find its tagged cells."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bedrock_lab.errors import InputError

Cell = Mapping[str, Any]


def read_notebook(path: Path) -> Any:
    """Read a Python notebook as an ``nbformat`` node whose cells all have ids.

    A cell without an id gets one from its place, so that running a notebook twice gives the same file.

    Raises
    ------
    InputError
        When the file is missing, is no notebook of format 4, or is written for another language.
    """
    import nbformat
    from nbformat.v4.rwbase import rejoin_lines

    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such notebook") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError:
        raise InputError(f"{path}: not a notebook (not JSON)") from None
    if not isinstance(content, dict) or not isinstance(content.get("cells"), list):
        raise InputError(f"{path}: not a notebook (no list of cells)")
    if content.get("nbformat") != 4:
        raise InputError(f"{path}: notebook format {content.get('nbformat')}; format 4 is read")
    for number, cell in enumerate(content["cells"]):
        if isinstance(cell, dict):
            cell.setdefault("id", f"cell-{number}")
    content["nbformat_minor"] = max(5, content.get("nbformat_minor", 0))
    node = nbformat.from_dict(content)  # type: ignore[no-untyped-call]
    try:
        nbformat.validate(node)
    except nbformat.ValidationError as error:
        raise InputError(f"{path}: not a valid notebook ({' '.join(error.message.split())[:120]})") from None
    rejoin_lines(node)  # type: ignore[no-untyped-call]
    language = node.metadata.get("kernelspec", {}).get("language", "python")
    if language != "python":
        raise InputError(f"{path}: a notebook for {language}; Python notebooks are run")
    return node


def text_of(notebook: Any) -> str:
    """Write a notebook as text, the same for the same content."""
    import nbformat

    return str(nbformat.writes(notebook)) + "\n"  # type: ignore[no-untyped-call]


def tags(cell: Cell) -> tuple[str, ...]:
    """Return the tags of a cell."""
    return tuple(cell["metadata"].get("tags", ()))


def tagged(notebook: Mapping[str, Any], tag: str) -> tuple[Cell, ...]:
    """Return the code cells that bear a tag, in order."""
    return tuple(cell for cell in notebook["cells"] if cell["cell_type"] == "code" and tag in tags(cell))
