"""The files a run reads, by content: two runs with equal hashes saw the same bytes."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bedrock_lab.views.parameters import Parameter

PATH = "path"
"""Unit of a parameter that names a file or a folder."""


def input_hashes(parameters: Iterable[Parameter], values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Describe the files and folders the parameters name; those that are elsewhere or absent have no hash."""
    return [
        {"parameter": p.name, "path": values[p.name], **_described(str(values[p.name]))}
        for p in parameters
        if p.unit == PATH and values[p.name]
    ]


def _described(name: str) -> dict[str, Any]:
    path = Path(name)
    unknown = {"sha256": None, "bytes": None, "files": None}
    if "://" in name:
        return unknown
    try:
        if path.is_file():
            return {"sha256": sha256(path), "bytes": path.stat().st_size, "files": 1}
        if not path.is_dir():
            return unknown
        files = sorted(p for p in path.rglob("*") if p.is_file())
        whole = hashlib.sha256()
        for file in files:
            whole.update(f"{file.relative_to(path).as_posix()}\0{sha256(file)}\n".encode())
        return {"sha256": whole.hexdigest(), "bytes": sum(f.stat().st_size for f in files), "files": len(files)}
    except OSError:
        return unknown


def sha256(path: Path) -> str:
    """Hash a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
