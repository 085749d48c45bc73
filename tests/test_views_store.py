"""Stored notebooks: outputs kept, everything that differs between equal runs left out."""

import shutil
from pathlib import Path

import nbformat
import pytest

from bedrock_lab.errors import NotebookFailedError
from bedrock_lab.views import store as module
from bedrock_lab.views.notebook import read_notebook, text_of
from bedrock_lab.views.store import main, normalised

DATA = Path(__file__).parent / "data" / "views"


def test_storing_twice_gives_the_same_bytes(tmp_path, capsys):
    """Two kernels: outputs are there, counts and times are not, cell ids stay."""
    path = tmp_path / "plot.ipynb"
    shutil.copy(DATA / "plot.ipynb", path)
    assert main([str(tmp_path)]) == 0
    first = path.read_bytes()
    assert main([str(tmp_path)]) == 0
    assert path.read_bytes() == first
    assert capsys.readouterr().out == f"{path}: stored\n{path}: unchanged\n"

    assert first.endswith(b"\n}\n")
    assert b"papermill" not in first
    notebook = read_notebook(path)
    assert [cell.id for cell in notebook.cells] == [cell.id for cell in read_notebook(DATA / "plot.ipynb").cells]
    drawn = notebook.cells[-1]
    assert drawn.execution_count == sum(c.cell_type == "code" for c in notebook.cells)
    assert list(drawn.outputs[0].data) == ["application/vnd.plotly.v1+json"]


def executed_with(output):
    """Return the plain fixture as if its last cell had shown something."""
    notebook = read_notebook(DATA / "ok.ipynb")
    notebook.cells[-1].outputs = [nbformat.from_dict(output)]
    return notebook


def test_a_notebook_that_fails_or_is_too_large_stays_as_it_was(tmp_path, monkeypatch, capsys):
    """The message names the notebook and the exit code is 1."""
    path = tmp_path / "ok.ipynb"
    shutil.copy(DATA / "ok.ipynb", path)
    before = path.read_bytes()
    large = executed_with({"output_type": "stream", "name": "stdout", "text": "x" * 500_000})
    failed = (large, {"cell": 3, "name": "ValueError", "message": "no\nway"})
    for outcome, says in ((failed, "cell [3] raised ValueError: no way"), ((large, None), "allowed 500,000")):
        monkeypatch.setattr(module, "execute", lambda *_, outcome=outcome, **__: outcome)
        assert main([str(tmp_path)]) == 1
        assert says in capsys.readouterr().err
    assert path.read_bytes() == before


def test_what_a_cell_writes_to_stderr_is_not_stored():
    """Warnings name paths and process ids, so they differ from run to run."""
    noisy = executed_with({"output_type": "stream", "name": "stderr", "text": "/tmp/x.py:1: Warning: old"})
    with pytest.raises(NotebookFailedError, match="writes to stderr"):
        normalised(noisy, Path("ok.ipynb"))


def test_widget_ids_are_left_out_of_the_stored_output():
    """They are drawn at random; the text beside them stays."""
    data = {"application/vnd.jupyter.widget-view+json": {"model_id": "1f"}, "text/plain": "a panel"}
    panel = executed_with({"output_type": "display_data", "metadata": {}, "data": data})
    stored = normalised(panel, Path("ok.ipynb"))
    assert stored.cells[-1].outputs[0].data == {"text/plain": "a panel"}
    assert "model_id" not in text_of(stored)


@pytest.mark.parametrize("arguments", [[], ["/no/such/folder"]])
def test_a_missing_folder_is_wrong_input(arguments, capsys):
    """Exit code 2, one line."""
    assert main(arguments) == 2
    assert "folder" in capsys.readouterr().err
