"""The shelf: runs stand side by side, latest leads to the last good one, and one run works at a time."""

import errno
import json
import multiprocessing
import os
from datetime import date

import pytest
from report_runs import OK, answered

from bedrock_lab.errors import InputError, LabError, NotebookFailedError
from bedrock_lab.reports import running, shelf
from bedrock_lab.reports.given import Value, in_environment, read_params, settled
from bedrock_lab.reports.running import run_report
from bedrock_lab.views.parameters import Parameter


@pytest.fixture
def stand_in(monkeypatch):
    """Return a setter of what the notebook answers, without a kernel."""

    def give(results, **how):
        monkeypatch.setattr(running, "execute", answered(results, **how))

    give({"cost_usd": 5})
    return give


def latest(home):
    return str((home / "latest").readlink())


def test_runs_of_the_same_second_stand_side_by_side(tmp_path):
    """A taken stamp gets a number; what stands there is never touched; ten comes after two."""
    names = []
    for number in range(11):
        with shelf.working_folder(tmp_path) as work:
            (work / "x").write_text(str(number))
            names.append(shelf.publish(work, tmp_path, "20261123T201530Z").name)
    assert names == ["20261123T201530Z", *(f"20261123T201530Z-{n}" for n in range(2, 12))]
    assert [(tmp_path / name / "x").read_text() for name in names] == [str(n) for n in range(11)]
    assert shelf.stamps(tmp_path) == names


def test_the_working_folder_lies_beside_the_target(tmp_path):
    """A rename across file systems would not be atomic."""
    with shelf.working_folder(tmp_path / "out") as work:
        assert work.parent == tmp_path / "out"
        assert work.stat().st_dev == tmp_path.stat().st_dev
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["out"]


def test_latest_moves_on_with_a_good_run_and_stays_with_a_failed_one(tmp_path, stand_in):
    """A relative link, so that the folder can be moved."""
    first = run_report(OK, {}, tmp_path)
    assert latest(tmp_path / "ok") == first.folder.name
    second = run_report(OK, {}, tmp_path)
    assert latest(tmp_path / "ok") == second.folder.name != first.folder.name
    stand_in({}, failure={"cell": 3, "name": "ValueError", "message": "no"})
    with pytest.raises(NotebookFailedError):
        run_report(OK, {}, tmp_path)
    assert latest(tmp_path / "ok") == second.folder.name
    assert [s for s, _ in shelf.history(tmp_path / "ok")] == [first.folder.name, second.folder.name]


@pytest.mark.parametrize("name", ["publish", "point", "stamp_of"])
def test_a_full_disk_ends_in_one_line_and_leaves_latest(tmp_path, stand_in, monkeypatch, name):
    """Exit code 1; the next run sweeps up and goes on."""
    good = run_report(OK, {}, tmp_path)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(shelf, name, full)
        with pytest.raises(LabError, match="No space left on device; latest is as it was") as caught:
            run_report(OK, {}, tmp_path)
    assert caught.value.exit_code == 1
    assert latest(tmp_path / "ok") == good.folder.name
    assert not list((tmp_path / "ok").glob(".running-*"))
    run_report(OK, {}, tmp_path)


def test_what_a_dead_run_left_is_swept(tmp_path, stand_in):
    """Hidden folders and half a link go with the next run."""
    home = tmp_path / "ok"
    for name in (".running-1", ".leaving-2"):
        (home / name).mkdir(parents=True)
        (home / name / "half").write_text("")
    (home / ".latest-3").symlink_to("nowhere")
    run = run_report(OK, {}, tmp_path)
    assert sorted(p.name for p in home.iterdir()) == sorted([".lock", run.folder.name, "latest"])


def test_keep_leaves_the_last_good_runs_and_what_failed_since(tmp_path, stand_in):
    """A failed run is kept as long as a good one before it is."""
    runs = [run_report(OK, {}, tmp_path).folder.name for _ in range(2)]
    stand_in({}, failure={"cell": 3, "name": "ValueError", "message": "no"})
    with pytest.raises(NotebookFailedError):
        run_report(OK, {}, tmp_path)
    (failed,) = set(shelf.stamps(tmp_path / "ok")) - set(runs)
    stand_in({"cost_usd": 5})
    third = run_report(OK, {}, tmp_path, keep=2).folder.name
    assert shelf.stamps(tmp_path / "ok") == [runs[1], failed, third]
    fourth = run_report(OK, {}, tmp_path, keep=1).folder.name
    assert shelf.stamps(tmp_path / "ok") == [fourth]
    assert latest(tmp_path / "ok") == fourth


def hold(home, ready, go):
    """Hold the lock until told."""
    with shelf.locked(home):
        ready.set()
        go.wait(60)


def test_a_second_run_says_who_is_at_work_and_a_kill_frees_the_lock(tmp_path, stand_in):
    """The lock is the system's: nothing is left to clean up by hand."""
    spawn = multiprocessing.get_context("spawn")
    ready, go = spawn.Event(), spawn.Event()
    other = spawn.Process(target=hold, args=(tmp_path / "ok", ready, go))
    other.start()
    assert ready.wait(60)
    with pytest.raises(LabError, match=rf"a run is under way \(process {other.pid} since .* UTC\); wait for it"):
        run_report(OK, {}, tmp_path)
    run_report(OK, {}, tmp_path, name="second")
    other.kill()
    other.join()
    run_report(OK, {}, tmp_path)


def test_each_true_gate_is_said_once(tmp_path, stand_in):
    """Two of three hold: two sentences, both in the sidecar."""
    said = []
    gates = ["cost_usd > 4", "cost_usd > 6", "cost_usd == 5"]
    run = run_report(OK, {}, tmp_path, fail_if=gates, say=said.append)
    assert said == [f"--fail-if '{gate}' is true: cost_usd = 5" for gate in (gates[0], gates[2])]
    record = json.loads(run.sidecar.read_text())
    assert tuple(said) == run.alerts == tuple(record["alerts"])
    assert [g["holds"] for g in record["gates"]] == [True, False, True]
    assert "[2 alerts]" in run.summary
    assert "\n" not in run.summary
    assert not list(run.folder.glob(".untold"))


def test_a_gate_on_a_figure_that_is_not_there_is_refused_once_the_report_stands(tmp_path, stand_in):
    """A misspelt condition would otherwise never be true; the other gates are said all the same."""
    said = []
    with pytest.raises(InputError, match=r"no figure 'cost'; it has cost_usd .the report is published: "):
        run_report(OK, {}, tmp_path, fail_if=["cost > 4", "cost_usd > 4"], say=said.append)
    assert len(said) == 1
    assert (tmp_path / "ok" / "latest" / "ok.html").is_file()


def test_an_alert_that_could_not_be_said_is_said_by_the_next_run(tmp_path, stand_in):
    """The run that ended in between left its mark."""

    def dead(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_report(OK, {}, tmp_path, fail_if=["cost_usd > 4"], say=dead)
    (stamp,) = shelf.stamps(tmp_path / "ok")
    said = []
    run = run_report(OK, {}, tmp_path, say=said.append)
    assert said == [f"--fail-if 'cost_usd > 4' is true: cost_usd = 5 (run {stamp}, which ended before it could say so)"]
    assert list(run.alerts) == said
    run_report(OK, {}, tmp_path, say=said.append)
    assert len(said) == 1


def test_inputs_are_known_by_their_content(tmp_path, monkeypatch):
    """sha256 of a file as coreutils writes it; a folder's changes with any name or content in it."""
    from bedrock_lab.reports.inputs import input_hashes

    path = Parameter(name="trace", type="str", default="", meaning="a trace", unit="path")
    file = tmp_path / "a.csv"
    file.write_text("abc")
    (found,) = input_hashes([path], {"trace": str(file)})
    assert found["sha256"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert (found["bytes"], found["files"]) == (3, 1)
    (folder,) = input_hashes([path], {"trace": str(tmp_path)})
    file.rename(tmp_path / "b.csv")
    (renamed,) = input_hashes([path], {"trace": str(tmp_path)})
    assert folder["sha256"] != renamed["sha256"]
    for elsewhere in ("s3://bucket/key", str(tmp_path / "none")):
        assert input_hashes([path], {"trace": elsewhere})[0]["sha256"] is None
    assert input_hashes([path], {"trace": ""}) == []


def test_a_file_of_parameters_is_typed_as_it_is_written(tmp_path):
    """Numbers, truths and days of TOML; today is the day of the run."""
    path = tmp_path / "p.toml"
    path.write_text('load = 3\nday = 2026-11-22\nother = "today"\n')
    load = Parameter(name="load", type="float", default=1.0, meaning="load", unit="1/s")
    day, other = (Parameter(name=n, type="str", default="", meaning="day", unit="date") for n in ("day", "other"))
    given = {n: Value(v, "p.toml") for n, v in read_params(path).items()}
    found = settled([load, day, other], given, date(2026, 12, 1))
    assert {n: v.value for n, v in found.items()} == {"load": 3.0, "day": "2026-11-22", "other": "2026-12-01"}
    assert in_environment({"BEDROCK_LAB_PARAM_LOAD": "2"})["load"].source == "BEDROCK_LAB_PARAM_LOAD"


@pytest.mark.parametrize(("text", "says"), [(None, "no such file"), ("load = ", "not valid TOML")])
def test_a_file_of_parameters_that_cannot_be_read_is_named(tmp_path, text, says):
    """One line."""
    path = tmp_path / "p.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=says):
        read_params(path)


def test_what_stands_closer_wins(tmp_path, stand_in, monkeypatch):
    """Flag before environment before file before settings before default; the sidecar says which it was."""
    from bedrock_lab.cli.main import run

    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.toml").write_text('load = 3\nlabel = "file"\n')
    for arguments, env, expected in (
        (["--params", "p.toml"], {}, (3.0, "p.toml", "file")),
        (["--params", "p.toml"], {"BEDROCK_LAB_PARAM_LOAD": "4"}, (4.0, "BEDROCK_LAB_PARAM_LOAD", "file")),
        (["--params", "p.toml", "-p", "load=5"], {"BEDROCK_LAB_PARAM_LOAD": "4"}, (5.0, "-p", "file")),
        ([], {}, (2.0, "default", "base")),
    ):
        with monkeypatch.context() as patch:
            for name, value in env.items():
                patch.setenv(name, value)
            assert run(["report", str(OK), *arguments]) == 0
        record = json.loads((tmp_path / "outputs" / "ok" / "latest" / "ok.json").read_text())
        found = record["parameters"]
        assert (found["load"], record["parameters_from"]["load"], found["label"]) == expected
