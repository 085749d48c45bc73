"""Rules that make a notebook a document: a question, one call, words, and no figure that would lie elsewhere."""

import ast
import json
import re
from pathlib import Path

import pytest

from bedrock_lab.views.from_notebook import answer_of
from bedrock_lab.views.notebook import read_notebook
from bedrock_lab.views.parameters import read_parameters

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda p: p.stem)
def notebook(request):
    """Load each notebook."""
    return read_notebook(request.param)


def cells(notebook, kind):
    return [c for c in notebook["cells"] if c["cell_type"] == kind]


def source(cell):
    return "".join(cell["source"])


def tags(cell):
    return cell["metadata"].get("tags", [])


def test_there_are_notebooks():
    """An empty folder would pass every rule."""
    assert NOTEBOOKS


def test_names_are_a_number_and_a_question():
    """01_which_option.ipynb."""
    for path in NOTEBOOKS:
        assert re.fullmatch(r"\d\d_[a-z_]+\.ipynb", path.name)


def test_the_first_cell_asks(notebook):
    """The question only, as the heading."""
    first = notebook["cells"][0]
    assert first["cell_type"] == "markdown"
    assert source(first).splitlines()[0].startswith("# ")
    assert source(first).splitlines()[0].endswith("?")


def test_parameters_then_import_then_answer(notebook):
    """The order a reader and the runner count on."""
    code = cells(notebook, "code")
    assert tags(code[0]) == ["parameters"]
    assert source(code[1]) == "import bedrock_lab as lab"
    assert tags(code[2]) == ["answer"]
    assert sum("import" in source(c) for c in code) == 1


def test_parameters_are_typed_described_and_what_papermill_sees(notebook):
    """Names by our reader equal the names assigned in the cell, and those papermill finds."""
    from papermill.inspection import _infer_parameters

    cell = cells(notebook, "code")[0]
    assigned = [s.target.id for s in ast.parse(source(cell)).body]
    ours = read_parameters(notebook)
    assert [p.name for p in ours] == assigned
    assert [p.name for p in _infer_parameters(notebook)] == assigned
    assert all((p.meaning and p.unit) or p.choices for p in ours)
    assert "prices_as_of" in assigned


def test_no_markdown_holds_a_figure(notebook):
    """Run on another trace, a figure in the text would lie."""
    for cell in cells(notebook, "markdown"):
        assert not re.search(r"\d", re.sub(r"`[^`]*`", "", source(cell))), source(cell)[:80]


def test_no_logic_in_cells(notebook):
    """No function, class or loop; no cell over 12 lines; no boto3."""
    for cell in cells(notebook, "code"):
        text = source(cell)
        assert len(text.splitlines()) <= 12
        assert "boto3" not in text
        for node in ast.walk(ast.parse(text)):
            assert not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.For | ast.While | ast.Lambda)


def test_more_words_than_code(notebook):
    """At least eight words of prose for a line of code, parameters and answer apart."""
    words = sum(len(source(c).split()) for c in cells(notebook, "markdown"))
    lines = sum(len(source(c).splitlines()) for c in cells(notebook, "code") if not tags(c))
    assert words >= 8 * lines
    assert words >= 300


def test_it_ends_with_what_would_change_the_answer(notebook):
    """The last heading."""
    headings = re.findall(r"^## (.+)$", "\n".join(source(c) for c in cells(notebook, "markdown")), re.MULTILINE)
    assert headings[-1] == "What would change this answer"


def test_outputs_are_stored_small_and_stripped(notebook):
    """Every code cell that shows something has its output; counts run from 1, and no times are kept."""
    for number, cell in enumerate(cells(notebook, "code"), 1):
        assert cell["execution_count"] == number  # nbval compares no others
        assert "execution" not in cell["metadata"]
        quiet = tags(cell) == ["parameters"] or source(cell).startswith("import")
        assert bool(cell["outputs"]) is not quiet, source(cell)
    assert len(json.dumps(notebook)) < 500_000


def test_charts_are_plotly_data_without_scripts(notebook):
    """The mime bundle alone: no HTML with a script around it."""
    bundles = [o["data"] for c in cells(notebook, "code") for o in c["outputs"] if "data" in o]
    figures = [b for b in bundles if "application/vnd.plotly.v1+json" in b]
    assert figures
    assert all("text/html" not in b for b in figures)
    assert "<script" not in json.dumps(bundles)


def test_the_answer_is_a_result_with_tiles(notebook):
    """The page puts it on top."""
    found = answer_of(notebook)
    assert found.answer
    assert found.tiles
    assert found.origin is not None


def test_dates_are_pinned(notebook):
    """A new price row changes no stored output."""
    value = next(p.default for p in read_parameters(notebook) if p.name == "prices_as_of")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", value)
