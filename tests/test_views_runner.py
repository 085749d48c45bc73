"""The runner: everything checked first, published whole or not at all."""

import json
from pathlib import Path

import pytest

from bedrock_lab.errors import InputError, NotebookFailedError
from bedrock_lab.views import runner
from bedrock_lab.views.notebook import read_notebook
from bedrock_lab.views.runner import publish, run_notebook, working_folder

DATA = Path(__file__).parent / "data" / "views"


def visible(folder):
    """List what a reader of the folder sees, hidden leftovers too."""
    return sorted(path.name for path in folder.rglob("*"))


def test_a_run_is_published_with_page_notebook_and_sidecar(tmp_path, capfd):
    """One kernel: the values reach the notebook, its answer reaches page and sidecar, nothing is chattered."""
    run = run_notebook(DATA / "ok.ipynb", {"load": "3"}, tmp_path / "out {x}")
    folder = run.sidecar.parent
    assert visible(folder) == ["ok.html", "ok.ipynb", "ok.json"]
    assert folder.parent == tmp_path / "out {x}" / "ok"
    assert visible(folder.parent) == sorted([folder.name, *visible(folder)])

    record = json.loads(run.sidecar.read_text())
    assert record["status"] == run.status == "ok"
    assert record["parameters"] == {"load": 3.0, "label": "base"}
    assert record["results"] == {"twice": 6.0, "cwd": Path.cwd().name}
    assert (record["origin"], record["warnings"], record["error"]) == ("synthetic", ["Only a fixture."], None)
    assert {"bedrock_lab", "python", "plotly"} <= set(record["versions"])
    assert record["started"] <= record["finished"]

    page = run.html.read_text()
    assert "Twice the load of base is 6 requests per second." in page
    assert "<title>[SYNTHETIC] How much is twice the load?</title>" in page
    assert "running" not in run.notebook.read_text()
    assert capfd.readouterr() == ("", "")


def test_a_failing_cell_is_named_and_the_notebook_kept(tmp_path, capfd):
    """The error says cell, name and message in one line, and where the notebook lies."""
    with pytest.raises(NotebookFailedError) as caught:
        run_notebook(DATA / "raises.ipynb", {}, tmp_path)
    (folder,) = (tmp_path / "raises").iterdir()
    kept = folder / "raises.ipynb"
    message = str(caught.value)
    assert "cell [4] raised ZeroDivisionError: division by zero" in message
    assert message.endswith(f"kept: {kept}")
    assert visible(folder) == ["raises.ipynb", "raises.json"]
    outputs = [output for cell in read_notebook(kept).cells for output in cell.get("outputs", ())]
    assert [output.ename for output in outputs] == ["ZeroDivisionError"]
    record = json.loads((folder / "raises.json").read_text())
    assert record["status"] == "failed"
    assert record["error"] == {"cell": 4, "name": "ZeroDivisionError", "message": "division by zero"}
    assert capfd.readouterr() == ("", "")


def test_input_that_a_cell_finds_wrong_is_an_input_error(tmp_path):
    """The user's mistake keeps its message and its exit code 2; the notebook is kept all the same."""
    with pytest.raises(InputError, match=r"^unknown model 'x'; known: y") as caught:
        run_notebook(DATA / "raises.ipynb", {"kind": "input"}, tmp_path)
    assert caught.value.exit_code == 2
    (sidecar,) = (tmp_path / "raises").glob("*/raises.json")
    assert json.loads(sidecar.read_text())["error"]["name"] == "UnknownModelError"


@pytest.fixture
def no_kernel(monkeypatch):
    """Fail the test where a kernel would start."""
    monkeypatch.setattr(runner, "execute", lambda *_, **__: pytest.fail("a kernel started"))


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("absent", {}, "no such notebook"),
        ("no_parameters", {}, "0 cells tagged"),
        ("bad_parameter_line", {}, "limit = 3"),
        ("ok", {"lode": "1"}, "did you mean 'load'"),
        ("ok", {"load": "fast"}, "load='fast'"),
        ("ok", {"load": "101"}, r"0\.\.100"),
    ],
)
def test_wrong_input_is_refused_before_a_kernel_starts(tmp_path, no_kernel, name, given, says):
    """Nothing is run and nothing is written."""
    with pytest.raises(InputError, match=says):
        run_notebook(DATA / f"{name}.ipynb", given, tmp_path)
    assert visible(tmp_path) == []


def test_an_output_folder_that_cannot_be_made_is_refused(tmp_path, no_kernel):
    """A file stands where the folder should go."""
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        run_notebook(DATA / "ok.ipynb", {}, tmp_path / "file")


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_run_leaves_nothing(tmp_path, monkeypatch, interrupt):
    """Neither a published folder nor a hidden one."""

    def half(_notebook, kept, *_, **__):
        kept.write_text("half")
        raise interrupt

    monkeypatch.setattr(runner, "execute", half)
    with pytest.raises(interrupt):
        run_notebook(DATA / "ok.ipynb", {}, tmp_path)
    assert visible(tmp_path) == ["ok"]


def test_a_malformed_answer_fails_the_run_and_keeps_the_notebook(tmp_path, monkeypatch):
    """A result that is not a result is said in one line; no page is published."""
    notebook = read_notebook(DATA / "ok.ipynb")
    (answer,) = [cell for cell in notebook.cells if "answer" in cell.metadata.get("tags", ())]
    mime = "application/vnd.bedrock-lab.result+json"
    data = {mime: {"answer": "yes", "colour": "red"}}
    answer.outputs = [{"output_type": "display_data", "metadata": {}, "data": data}]

    def executed(_notebook, kept, *_, **__):
        kept.write_text("kept")
        return notebook, None

    monkeypatch.setattr(runner, "execute", executed)
    with pytest.raises(NotebookFailedError, match="unknown field 'colour'"):
        run_notebook(DATA / "ok.ipynb", {}, tmp_path)
    (folder,) = (tmp_path / "ok").iterdir()
    assert visible(folder) == ["ok.ipynb", "ok.json"]


def test_runs_of_the_same_second_stand_side_by_side(tmp_path):
    """A taken stamp gets a number; what stands there is never touched."""
    names = []
    for number in range(3):
        with working_folder(tmp_path) as work:
            (work / "x").write_text(str(number))
            names.append(publish(work, tmp_path, "20261123T201530Z").name)
    assert names == ["20261123T201530Z", "20261123T201530Z-2", "20261123T201530Z-3"]
    assert [(tmp_path / name / "x").read_text() for name in names] == ["0", "1", "2"]


def test_the_working_folder_lies_beside_the_target(tmp_path):
    """A rename across file systems would not be atomic."""
    with working_folder(tmp_path / "out") as work:
        assert work.parent == tmp_path / "out"
        assert work.stat().st_dev == tmp_path.stat().st_dev
    assert visible(tmp_path) == ["out"]
