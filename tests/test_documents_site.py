"""The site of the documents: it builds without a warning, its reference is complete, its tutorial shows what comes."""

import doctest
import re
import shlex
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import typer.main

import bedrock_lab as lab
from bedrock_lab.cli.main import app, run

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
FENCE = re.compile(r"```(\w+)\n(.*?)```", flags=re.DOTALL)


class Outside(HTMLParser):
    """Collect what a page would fetch from elsewhere."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        fetched = given.get("src") or (given.get("href") if tag == "link" else None) or ""
        if re.match(r"(https?:)?//", fetched):
            self.found.append(fetched)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site of a copy of the documents, every warning an error."""
    copy = tmp_path_factory.mktemp("site")
    for name in ("notebooks", "examples", "bedrock_lab"):
        (copy / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "README.md", copy)
    shutil.copytree(DOCS, copy / "docs", ignore=shutil.ignore_patterns("_build", "reference"))
    subprocess.run([sys.executable, copy / "docs" / "make_reference.py"], check=True)
    out = copy / "html"
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", copy / "docs", out]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


def test_the_reference_holds_every_public_name_and_command(site):
    """Nothing public is left out, and each has more than its signature."""
    python = (site / "reference" / "python.html").read_text()
    for name in set(lab.__all__) - {"__version__", "views"}:
        assert f'id="bedrock_lab.{name}"' in python, name
    commands = (site / "reference" / "cli.html").read_text()
    for name in typer.main.get_command(app).commands:
        assert f'id="bedrock-lab-{name}"' in commands, name


def test_every_page_is_reached_and_fetches_nothing(site):
    """Each document is built, each notebook has its page, and no page asks another host for anything."""
    pages = {path.stem for path in DOCS.glob("*.md")} | {
        path.stem for path in (ROOT / "notebooks").glob("[0-9]*.ipynb")
    }
    assert pages <= {path.stem for path in site.glob("*.html")}
    for path in site.rglob("*.html"):
        outside = Outside()
        outside.feed(path.read_text())
        assert outside.found == [], path.name


def test_the_tutorial_shows_what_comes(tmp_path, monkeypatch, capsys):
    """Every command and snippet of the tutorial runs; what is printed beneath is what they print."""
    for name in ("notebooks", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    checker, printed, shown = doctest.OutputChecker(), "", 0
    for language, text in FENCE.findall((DOCS / "tutorial.md").read_text()):
        if language == "sh":
            for line in text.splitlines():
                assert run(shlex.split(line)[1:]) == 0, line
                printed = capsys.readouterr().out
        elif language == "python":
            exec(compile(text, "tutorial.md", "exec"), {})
        else:
            flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            assert checker.check_output(text, printed, flags), printed
            shown += 1
    assert shown >= 4


def commands_of(page):
    return re.findall(r"`bedrock-lab ([^`]+)`", " ".join((DOCS / page).read_text().split()))


@pytest.mark.parametrize("page", ["questions.md"])
def test_commands_named_in_passing_exist(page):
    """Every command the page names is one, and so is each of its options."""
    found = commands_of(page)
    assert len(found) >= 25
    for line in found:
        command = typer.main.get_command(app)
        words = shlex.split(line)
        while words and hasattr(command, "commands"):
            assert words[0] in command.commands, line
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line
