"""The runner: everything checked first, published whole or not at all."""

import json
from pathlib import Path

import pytest

from bedrock_lab.errors import InputError, NotebookFailedError
from bedrock_lab.reports import running
from bedrock_lab.reports.given import Value
from bedrock_lab.reports.running import run_report
from bedrock_lab.views.notebook import read_notebook

DATA = Path(__file__).parent / "data" / "views"
OWN = {".lock"}


def visible(folder):
    """List what a reader of the folder sees, hidden leftovers too; the report's lock is no leftover."""
    return sorted({path.name for path in folder.rglob("*")} - OWN)


def test_a_run_is_published_with_page_notebook_and_sidecar(tmp_path, capfd):
    """One kernel: the values reach the notebook, its answer reaches page and sidecar, nothing is chattered."""
    run = run_report(DATA / "ok.ipynb", {"load": "3"}, tmp_path / "out {x}")
    folder = run.sidecar.parent
    assert visible(folder) == ["ok.html", "ok.ipynb", "ok.json"]
    assert folder.parent == tmp_path / "out {x}" / "ok"
    assert visible(folder.parent) == sorted([folder.name, "latest", *visible(folder)])
    assert (folder.parent / "latest").resolve() == folder.resolve()

    record = json.loads(run.sidecar.read_text())
    assert record["status"] == run.status == "ok"
    assert record["parameters"] == {"load": 3.0, "label": "base"}
    assert record["parameters_from"] == {"load": "-p", "label": "default"}
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
    """The error says cell, name and message in one line, and where the notebook lies; latest does not lead there."""
    with pytest.raises(NotebookFailedError) as caught:
        run_report(DATA / "raises.ipynb", {}, tmp_path)
    (folder,) = (p for p in (tmp_path / "raises").iterdir() if p.is_dir())
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
    assert not (tmp_path / "raises" / "latest").exists()
    assert capfd.readouterr() == ("", "")


def test_input_that_a_cell_finds_wrong_is_an_input_error(tmp_path):
    """The user's mistake keeps its message and its exit code 2; the notebook is kept all the same."""
    with pytest.raises(InputError, match=r"^unknown model 'x'; known: y") as caught:
        run_report(DATA / "raises.ipynb", {"kind": "input"}, tmp_path)
    assert caught.value.exit_code == 2
    (sidecar,) = (tmp_path / "raises").glob("*/raises.json")
    assert json.loads(sidecar.read_text())["error"]["name"] == "UnknownModelError"


@pytest.fixture
def no_kernel(monkeypatch):
    """Fail the test where a kernel would start."""
    monkeypatch.setattr(running, "execute", lambda *_, **__: pytest.fail("a kernel started"))


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("absent", {}, "no such notebook"),
        ("no_parameters", {}, "0 cells tagged"),
        ("bad_parameter_line", {}, "limit = 3"),
        ("ok", {"lode": "1"}, "did you mean 'load'"),
        ("ok", {"load": "fast"}, "load='fast'"),
        ("ok", {"load": "101"}, r"0\.\.100"),
        ("ok", {"load": Value(101, "monthly.toml")}, r"0\.\.100 \(given by monthly\.toml\)"),
        ("ok", {"label": Value(1, "BEDROCK_LAB_PARAM_LABEL")}, r"a str \(given by BEDROCK_LAB_PARAM_LABEL\)"),
    ],
)
def test_wrong_input_is_refused_before_a_kernel_starts(tmp_path, no_kernel, name, given, says):
    """Nothing is run and nothing is written."""
    with pytest.raises(InputError, match=says):
        run_report(DATA / f"{name}.ipynb", given, tmp_path)
    assert visible(tmp_path) == []


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"name": "a/b"}, "--name 'a/b'"),
        ({"name": "latest"}, "--name 'latest'"),
        ({"name": ".hidden"}, "--name '.hidden'"),
        ({"keep": 0}, "--keep 0: at least 1"),
        ({"fail_if": ["twice"]}, "--fail-if 'twice': allowed are"),
        ({"fail_if": ["twice > 1", "exit()"]}, r"--fail-if 'exit\(\)'"),
    ],
)
def test_a_wrong_wish_is_refused_before_a_kernel_starts(tmp_path, no_kernel, wanted, says):
    """Names, counts and gates are read first."""
    with pytest.raises(InputError, match=says):
        run_report(DATA / "ok.ipynb", {}, tmp_path, **wanted)
    assert visible(tmp_path) == []


def test_an_output_folder_that_cannot_be_made_is_refused(tmp_path, no_kernel):
    """A file stands where the folder should go."""
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        run_report(DATA / "ok.ipynb", {}, tmp_path / "file")


def test_a_folder_that_bears_the_name_latest_is_not_overwritten(tmp_path, no_kernel):
    """Somebody's own folder stays."""
    (tmp_path / "ok" / "latest").mkdir(parents=True)
    with pytest.raises(InputError, match="is no link of a report"):
        run_report(DATA / "ok.ipynb", {}, tmp_path)


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_run_leaves_nothing(tmp_path, monkeypatch, interrupt):
    """Neither a published folder nor a hidden one."""

    def half(_notebook, kept, *_, **__):
        kept.write_text("half")
        raise interrupt

    monkeypatch.setattr(running, "execute", half)
    with pytest.raises(interrupt):
        run_report(DATA / "ok.ipynb", {}, tmp_path)
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

    monkeypatch.setattr(running, "execute", executed)
    with pytest.raises(NotebookFailedError, match="unknown field 'colour'"):
        run_report(DATA / "ok.ipynb", {}, tmp_path)
    (folder,) = (p for p in (tmp_path / "ok").iterdir() if p.is_dir())
    assert visible(folder) == ["ok.ipynb", "ok.json"]
    assert not (tmp_path / "ok" / "latest").exists()
