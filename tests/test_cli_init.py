"""A project of `init`: complete, its schedules read by what will read them, nothing ever overwritten."""

import ast
import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import botocore.session
import nbformat
import pytest
import yaml
from botocore.validate import ParamValidator

from bedrock_lab.cli import init, main
from bedrock_lab.cli.policies import KNOWN, Asked
from bedrock_lab.views.notebook import read_notebook
from bedrock_lab.views.parameters import bind, read_parameters

ROOT = Path(__file__).resolve().parents[1]
SCHEDULES = ROOT / "examples" / "schedules"
ARGUMENTS = (
    'report which_option.ipynb --params report.toml --fail-if "baseline.cost_usd_per_month > 20000"'
    ' --fail-if "since.change_share > 0.2" --keep 24'
)


@pytest.fixture
def home(tmp_path):
    """Write a project."""
    assert main.run(["init", str(tmp_path / "new" / "project")]) == 0
    return tmp_path / "new" / "project"


def files_of(folder):
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()}


def test_what_it_says_is_what_it_wrote(tmp_path, capsys):
    """As one JSON object, and in lines; each file is there and has something in it."""
    assert main.run(["init", str(tmp_path / "a"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    written = files_of(tmp_path / "a")
    assert told == {"folder": str(tmp_path / "a"), "files": sorted(written)}
    assert all(written.values())
    assert main.run(["init", str(tmp_path / "b")]) == 0
    assert {line.strip() for line in capsys.readouterr().out.splitlines()} >= set(written)
    assert len(written["README.md"].splitlines()) == 10


@pytest.mark.parametrize("there", ["report.toml", "iam/read.json", "schedules/eventbridge/task.json", "schedules"])
def test_nothing_is_overwritten_and_then_nothing_is_written(tmp_path, capsys, there):
    """One file in the way, wherever it is: exit 2, one line, and the folder is as it was."""
    (tmp_path / there).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / there).write_text("mine")
    (tmp_path / "beside.txt").write_text("stays")
    before = files_of(tmp_path), sorted(tmp_path.rglob("*"))
    assert main.run(["init", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert str(tmp_path / there) in said.err
    assert (files_of(tmp_path), sorted(tmp_path.rglob("*"))) == before


def test_a_link_that_leads_nowhere_is_not_written_through(tmp_path, capsys):
    """It is in the way as a file is."""
    (tmp_path / "report.toml").symlink_to(tmp_path.parent / "elsewhere.toml")
    assert main.run(["init", str(tmp_path)]) == 2
    assert "report.toml" in capsys.readouterr().err
    assert not (tmp_path.parent / "elsewhere.toml").exists()


def test_files_that_are_not_in_the_way_stay(tmp_path):
    """A repository with something in it takes a project beside that."""
    (tmp_path / "mine.txt").write_text("mine")
    assert main.run(["init", str(tmp_path)]) == 0
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("folder", ["", "a b", "100%", "a'b", "a;b", "$HOME"])
def test_a_path_a_schedule_cannot_name_is_refused(tmp_path, capsys, monkeypatch, folder):
    """A percent sign ends cron's command, a blank systemd's path."""
    monkeypatch.chdir(tmp_path)
    assert main.run(["init", folder]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_folder_s_place_is_refused(tmp_path, capsys):
    """And stays."""
    (tmp_path / "file").write_text("mine")
    assert main.run(["init", str(tmp_path / "file")]) == 2
    assert "is a file" in capsys.readouterr().err


def test_a_disk_that_fills_up_leaves_nothing(tmp_path, capsys, monkeypatch):
    """What was written before goes again, the folders too."""
    opened = Path.open

    def full(path, mode="r", **kwargs):
        if mode == "x" and path.name == "task.json":
            raise OSError(28, "No space left on device", str(path))
        return opened(path, mode, **kwargs)

    monkeypatch.setattr(Path, "open", full)
    assert main.run(["init", str(tmp_path / "new" / "project")]) == 1
    assert "No space left" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_parameters_fit_the_notebook_and_the_settings_are_known(home):
    """A project runs as it is written; the notebook comes without outputs."""
    notebook = read_notebook(home / "which_option.ipynb")
    given = tomllib.loads((home / "report.toml").read_text()) | {"prices_as_of": "2026-11-22"}
    assert bind(read_parameters(notebook), given)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    assert set(tomllib.loads((home / "bedrock-lab.toml").read_text())) == {"region", "outputs"}


def test_policies_are_those_of_doctor(home):
    """`doctor --policy NAME` prints the same document."""
    for path in (home / "iam").iterdir():
        assert json.loads(path.read_text()) == KNOWN[path.stem](Asked()).documents["policy"]


def test_examples_are_the_package_s_files():
    """One source: what examples/schedules shows is what `init` writes from."""
    held = {n.removeprefix("schedules/"): t for n, t in init.package_texts() if n.startswith("schedules/")}
    shown = files_of(SCHEDULES)
    del shown["README.md"]
    assert shown == held


def test_every_schedule_runs_the_same_report(home):
    """In a shell's words, in a list, or in an argument a line."""
    for name in ("crontab", "bedrock-lab-report.service", "github-actions.yml", "airflow_dag.py"):
        text = (home / "schedules" / name).read_text()
        words = " ".join(text.replace("\\\n", " ").replace("\\\\", " ").split())
        assert f"bedrock-lab {ARGUMENTS}" in words, name
    entry = re.search(r"ENTRYPOINT (\[.*?\])", (home / "schedules/Dockerfile").read_text().replace("\\\n", ""))
    words = [f'"{part}"' if " " in part else part for part in json.loads(entry[1])]
    assert " ".join(words) == f"bedrock-lab {ARGUMENTS}"


def test_no_schedule_names_the_example_s_folder(home):
    """The project's own stands there, and the program that wrote it."""
    assert not [name for name, text in files_of(home).items() if init.HOME in text]
    assert f"cd {home} && " in (home / "schedules/crontab").read_text()


def test_cron_s_line_runs_with_a_bare_environment(home):
    """What sh makes of it: the limit is said, the page is there, exit 3; the notebook is a tiny one."""
    (home / "which_option.ipynb").write_text(nbformat.writes(tiny(30_000)))
    line = (home / "schedules/crontab").read_text().splitlines()[-1]
    command = re.fullmatch(r"15 6 1 \* \* ([^%]+)", line)[1]
    bare = {"PATH": "/usr/bin:/bin", "HOME": str(home.parent), "SHELL": "/bin/sh", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd="/", env=bare, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 3, done.stderr[-2000:]
    assert "cost_usd_per_month = 30000" in done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert (home / "outputs/which_option/latest/which_option.html").exists()


def tiny(cost):
    """Make a notebook that takes the project's parameters and answers at once."""
    head = 'trace: str = ""  # one [path]\nmodel: str = ""  # two [model id]\n'
    head += "deferrable: float = 0.0  # three [share] 0..1\n"
    parameters = nbformat.v4.new_code_cell(head + 'prices_as_of: str = "2026-11-22"  # four [date]')
    answer = nbformat.v4.new_code_cell(
        "from bedrock_lab.assumptions import Origin\nfrom bedrock_lab.views.result import Result, Tile\n"
        f"Result(answer='Done.', origin=Origin.SYNTHETIC, tiles=(Tile(label='One', value='1'),),"
        f" results={{'baseline': {{'cost_usd_per_month': {cost}}}}})"
    )
    parameters.metadata["tags"], answer.metadata["tags"] = ["parameters"], ["answer"]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Tiny"), parameters, answer])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not there")
def test_systemd_reads_the_units(home):
    """No word of them is unknown to it, the program is there, and the day is the first."""
    units = [home / "schedules" / f"bedrock-lab-report.{kind}" for kind in ("service", "timer")]
    command = ["systemd-analyze", "verify", "--man=no", *map(str, units)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "bedrock-lab-report" not in done.stderr
    day = re.search(r"OnCalendar=(.+)", units[1].read_text())[1]
    done = subprocess.run(["systemd-analyze", "calendar", day], capture_output=True, text=True, timeout=60, check=True)
    assert "-01 06:15:00" in done.stdout


def test_the_workflow_is_yaml_with_what_github_asks_for(home):
    """A schedule, one job, every step an action or a command; the history is saved when an alert fails the job too."""
    found = yaml.safe_load((home / "schedules/github-actions.yml").read_text())
    assert found[True]["schedule"] == [{"cron": "15 6 1 * *"}]  # YAML 1.1 reads the key `on` as true
    (job,) = found["jobs"].values()
    assert all(("uses" in step) != ("run" in step) for step in job["steps"])
    report = [i for i, step in enumerate(job["steps"]) if "report" in step.get("run", "")]
    assert all(step["if"] == "always()" for step in job["steps"][report[0] + 1 :])
    restored, saved = (s["with"] for s in job["steps"] if s.get("uses", "").startswith("actions/cache/"))
    assert restored["key"] == saved["key"]


def test_the_operator_is_python_that_calls_what_airflow_has(home):
    """It compiles; with stand-ins for Airflow's two names it makes one DAG with one task in the project's folder."""
    text = (home / "schedules/airflow_dag.py").read_text()
    tree = ast.parse(text)
    wanted = {
        (node.module, alias.name) for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert ("airflow.providers.standard.operators.bash", "BashOperator") in wanted
    assert ("airflow.sdk", "DAG") in wanted
    made = []

    class Dag:
        def __init__(self, **given):
            made.append(given)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    kept = [node for node in tree.body if not (isinstance(node, ast.ImportFrom) and "airflow" in node.module)]
    names = {"DAG": Dag, "BashOperator": lambda **given: made.append(given)}
    exec(compile(ast.Module(kept, []), "airflow_dag.py", "exec"), names)
    dag, task = made
    assert dag["schedule"] == "15 6 1 * *"
    assert dag["catchup"] is False
    assert task["cwd"] == str(home)
    assert task["retries"] == 0


@pytest.mark.parametrize(
    ("service", "operation", "name"),
    [("ecs", "RegisterTaskDefinition", "task"), ("scheduler", "CreateSchedule", "schedule")],
)
def test_aws_s_own_models_take_the_calls(home, service, operation, name):
    """No unknown member, none missing, every type right."""
    asked = json.loads((home / f"schedules/eventbridge/{name}.json").read_text())
    model = botocore.session.get_session().get_service_model(service).operation_model(operation)
    assert set(asked) <= set(model.input_shape.members)
    assert ParamValidator().validate(asked, model.input_shape).generate_report() == ""


def test_the_policies_of_the_scheduler_name_what_the_calls_name(home):
    """The schedule's task and cluster, and the task's two roles."""
    folder = home / "schedules/eventbridge"
    task, schedule, policy = (
        json.loads((folder / f"{name}.json").read_text()) for name in ("task", "schedule", "scheduler-policy")
    )
    run, hand = policy["Statement"]
    started = schedule["Target"]["EcsParameters"]["TaskDefinitionArn"]
    assert run["Resource"] == [started, f"{started}:*"]
    assert started.endswith(f"task-definition/{task['family']}")
    assert run["Condition"]["ArnLike"]["ecs:cluster"] == schedule["Target"]["Arn"]
    assert set(hand["Resource"]) == {task["taskRoleArn"], task["executionRoleArn"]}


def test_the_calls_are_a_shell_script_over_files_that_are_there(home):
    """`sh -n` reads it; each file it hands over lies beside it."""
    script = home / "schedules/eventbridge/calls.sh"
    subprocess.run(["/bin/sh", "-n", str(script)], check=True, timeout=60)
    for name in re.findall(r"file://(\S+)", script.read_text()):
        assert (script.parent / name).exists()


def test_the_container_copies_files_that_are_there(home):
    """Each COPY of the Dockerfile, from the project's folder."""
    for line in re.findall(r"^COPY (.+) \./$", (home / "schedules/Dockerfile").read_text(), flags=re.MULTILINE):
        assert all((home / name).exists() for name in line.split())


def test_the_package_holds_all_of_it():
    """No file of the project is one that git, and with it the wheel, leaves out."""
    names = [str(p) for p in (ROOT / "bedrock_lab" / "project").rglob("*") if p.is_file()]
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("no checkout")
    done = subprocess.run(["git", "check-ignore", *names], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == ""
    assert os.path.commonpath(names).endswith("project")
