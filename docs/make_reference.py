"""Write what the site takes from the code: help texts, docstrings, assumptions, and every notebook's page.

Nothing of it is kept under version control: it follows the code.
"""

import importlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import typer.main

import bedrock_lab as lab
from bedrock_lab.cli.main import app
from bedrock_lab.views.from_notebook import page_from_notebook
from bedrock_lab.views.page import write_page
from bedrock_lab.views.parameters import read_parameters

HERE = Path(__file__).resolve().parent
OUT = HERE / "reference"
PACKAGE = "bedrock_lab"


def commands(command: Any, path: tuple[str, ...] = ("bedrock-lab",)) -> Iterator[tuple[str, str]]:
    """Yield each command with its help, groups before what is in them."""
    with command.make_context(path[-1], [], resilient_parsing=True) as context:
        context.info_name = " ".join(path)
        yield " ".join(path), command.get_help(context)
    for name, inner in sorted(getattr(command, "commands", {}).items()):
        yield from commands(inner, (*path, name))


def cli_page() -> str:
    """Lay out every ``--help``."""
    parts = ["# Command line", "What every command prints with `--help`."]
    for name, text in commands(typer.main.get_command(app)):
        parts += [f"## {name}", f"```text\n{text.rstrip()}\n```"]
    return "\n\n".join(parts) + "\n"


def python_page() -> str:
    """Lay out every public name with its docstring, by the room it lives in."""
    rooms: dict[str, list[str]] = {}
    for name, home in lab._HOME.items():  # noqa: SLF001 - the one list of what is public
        rooms.setdefault(home.split(".")[1], []).append(name)
    parts = ["# Python", "Every public name: `import bedrock_lab as lab`, then `lab.<name>`."]
    for room, names in sorted(rooms.items()):
        doc = (importlib.import_module(f"{PACKAGE}.{room}").__doc__ or "").strip().partition("\n")[0]
        parts += [f"## {room}", doc]
        for name in sorted(names, key=str.lower):
            kind = "autoclass" if isinstance(getattr(lab, name), type) else "autofunction"
            options = "\n   :members:" if kind == "autoclass" else ""
            parts.append(f"```{{eval-rst}}\n.. {kind}:: {PACKAGE}.{name}{options}\n```")
    return "\n\n".join(parts) + "\n"


def answers() -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield answers of the package to synthetic traffic, with what they assume."""
    prices, model = lab.prices("2026-11-22"), "us.anthropic.claude-sonnet-4-6"
    small = lab.from_averages(requests_per_month=20_000, input_mean=900, output_mean=150)
    yield "lab.plan of averages", lab.plan(small, prices, model=model).assumptions
    units = lab.plan(small, prices, model="meta.llama3-1-70b-instruct")
    yield "lab.plan where model units are on sale, their size unknown", units.assumptions
    yield "lab.quota", lab.quota(small, model=model, tpm=100_000).assumptions
    yield "lab.prompt_cache", lab.prompt_cache(lab.example_conversations(), prices, model=model).assumptions


def assumptions_page() -> str:
    """Lay out what answers of the package assume, with range, kind and source."""
    parts = [
        "# Assumptions",
        (
            "Every answer carries what it rests on in `assumptions`: a value, a range where there is one, and where it "
            "comes from. These are the answers' own lists for synthetic traffic; `--assume NAME=VALUE` or "
            "`--assume NAME=LO..HI` replaces one in a plan."
        ),
    ]
    for title, found in answers():
        rows = [f"| `{a.name}` | {_figure(a)} | {a.unit} | {a.kind.value} | {_cell(a.source)} |" for a in found]
        parts.append(f"## `{title}`\n\n| name | value (range) | unit | kind | source |\n|---|---|---|---|---|")
        parts[-1] += "\n" + "\n".join(rows)
    return "\n\n".join(parts) + "\n"


def _figure(assumption: Any) -> str:
    if not isinstance(assumption.value, int | float):
        return "unknown" if assumption.value is None else str(assumption.value)
    ranged = None not in {assumption.lo, assumption.hi}
    return f"{assumption.value:,g}" + (f" ({assumption.lo:,g} to {assumption.hi:,g})" if ranged else "")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def notebook_pages() -> str:
    """Render the stored outputs of every notebook as its page, and list them."""
    pages = OUT / "pages"
    pages.mkdir(parents=True)
    parts = ["# Notebooks", "Each as its report page, of the outputs stored with it.", ""]
    for path in sorted((HERE.parent / "notebooks").glob("[0-9]*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        defaults = {p.name: p.default for p in read_parameters(notebook)}
        page = page_from_notebook(notebook, {"notebook": path.name, "parameters": defaults})
        write_page(page, pages / f"{path.stem}.html")
        parts.append(f'- <a href="../{path.stem}.html">{page.question}</a> (`notebooks/{path.name}`)')
    return "\n".join(parts) + "\n"


def main() -> None:
    """Write all of it anew."""
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    pages = {"cli": cli_page, "python": python_page, "assumptions": assumptions_page, "notebooks": notebook_pages}
    for name, page in pages.items():
        (OUT / f"{name}.md").write_text(page())


if __name__ == "__main__":
    main()
