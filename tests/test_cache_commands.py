"""``invoke --cache``, ``cache stats``, ``cache purge`` and ``doctor --policy cache`` from the command line."""

import json
from pathlib import Path

import pytest
from cache_stores import SHARED, Places, free_port

from bedrock_lab.cli.main import run

ROOT = Path(__file__).resolve().parents[1]
MODEL = "amazon.nova-lite-v1:0"


@pytest.fixture(scope="module")
def places(aws, tmp_path_factory):
    made = Places(aws, tmp_path_factory.mktemp("commands"))
    yield made
    made.stop()


@pytest.fixture
def call(aws, capsys, monkeypatch):
    """Return a caller of the command line on the local AWS: exit code, what it printed, what it said on stderr."""
    for name, value in aws.env().items():
        monkeypatch.setenv(name, value)

    def run_it(*arguments):
        code = run(arguments)
        out, said = capsys.readouterr()
        return code, out, said

    return run_it


@pytest.mark.parametrize("name", SHARED)
def test_from_the_first_call_to_the_purge(name, places, call):
    """The second process has the first one's answer; totals are those of both."""
    url, _ = places.new(name)
    texts = []
    for saved in (False, True):
        code, out, said = call("invoke", "--model", MODEL, "--cache", url, "--json", "Hello")
        found = json.loads(out)
        texts.append(found["text"])
        assert code == 0
        assert ("answered by the cache" in said) == saved
        assert (found["cost_usd"] == 0) == saved
        assert found["record"]["cache"] == ("hit" if saved else "miss")
    assert texts[0] == texts[1] != ""
    cost = found["record"]["usd_saved"]

    code, out, _ = call("cache", "stats", "--cache", url, "--json")
    stats = json.loads(out)
    assert code == 0
    assert [stats[n] for n in ("hits", "misses", "waits", "stored", "entries", "errors")] == [1, 1, 0, 1, 1, 0]
    assert stats["usd_saved"] == pytest.approx(cost)
    if name == "dynamodb":  # the lease, its return, the answer; each process's last addition to the totals is not in it
        assert stats["spent"]["write_units"] >= 3
        assert stats["net_usd"] == pytest.approx(cost - stats["cost_usd"])
    else:
        assert stats["cost_usd"] == (0 if name == "sqlite" else None)
    assert "hits 1, waits 0, misses 1, stored 1" in call("cache", "stats", "--cache", url)[1]

    for arguments, left in (
        (("--older-than", "1h"), 1),
        (("--model", "amazon.nova-pro"), 1),
        (("--namespace", "other"), 1),
        (("--expired",), 1),
        (("--model", "amazon.nova-lite", "--dry-run"), 1),
        (("--model", "amazon.nova-lite"), 0),
        (("--all",), 0),
    ):
        code, out, _ = call("cache", "purge", "--cache", url, "--json", *arguments)
        assert code == 0
        assert json.loads(out)["dry_run"] == ("--dry-run" in arguments)
        assert json.loads(call("cache", "stats", "--cache", url, "--json")[1])["entries"] == left


def test_streams(call, tmp_path):
    """Come again, from a file in this folder."""
    url = f"sqlite:///{tmp_path}/answers.db"
    first = call("invoke", "--model", MODEL, "--stream", "--cache", url, "Hello")
    again = call("invoke", "--model", MODEL, "--stream", "--cache", url, "Hello")
    assert first[0] == again[0] == 0
    assert first[1] == again[1] != ""
    assert "saved 0.0000" in again[2]


class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (
                ("invoke", "--model", MODEL, "--cache", "ftp://x", "Hello"),
                "unknown kind 'ftp'; allowed: sqlite:///path",
            ),
            (
                ("invoke", "--model", MODEL, "--cache", "dynamodb://none", "Hello"),
                "no such table; aws dynamodb create-",
            ),
            (("cache", "stats", "--cache", "memory:"), "memory ends with its process"),
            (("cache", "purge", "--cache", "memory:"), "choose answers by --older-than"),
            (("cache", "purge", "--cache", "memory:", "--all", "--expired"), "choose answers by --older-than"),
            (("cache", "purge", "--cache", "memory:", "--older-than", "soon"), "write 90s, 15m, 12h or 7d"),
            (("doctor", "--policy", "everything"), "--policy 'everything': allowed here are logs, measure, cache"),
            (("doctor", "--create"), "--create goes with --policy cache"),
            (("doctor", "--policy", "cache", "--cache", "sqlite:///a.db"), "write dynamodb://table"),
        ],
    )
    def test_it_is_said_in_a_line(self, call, arguments, words):
        code, out, said = call(*arguments)
        assert (code, out) == (2, "")
        assert words in said
        assert said.count("\n") == 1

    def test_a_server_that_is_down(self, call):
        """Calls go on; stats, which need it, fail."""
        url = f"redis://127.0.0.1:{free_port()}/0"
        code, out, _ = call("invoke", "--model", MODEL, "--cache", url, "Hello")
        assert code == 0
        assert out.strip()
        code, _, said = call("cache", "stats", "--cache", url)
        assert code == 1
        assert "does not answer (ConnectionError)" in said


class TestDoctor:
    def test_it_prints_the_calls_and_makes_none(self, call, speak, aws):
        """Policy and commands name the table; nothing is made."""
        code, out, _ = call("doctor", "--policy", "cache", "--cache", "dynamodb://shown?region=us-east-1", "--json")
        found = json.loads(out)
        assert code == 0
        assert found["created"] is False
        assert found["calls"][0].startswith("aws dynamodb create-table --region us-east-1 --table-name shown ")
        assert found["calls"][1].startswith("aws dynamodb update-time-to-live --region us-east-1 --table-name shown ")
        resources = {statement["Resource"] for statement in found["policy"]["Statement"]}
        assert resources == {"arn:aws:dynamodb:us-east-1:123456789012:table/shown"}
        assert "shown" not in speak(aws, "dynamodb").list_tables()["TableNames"]

    def test_it_makes_the_table_where_it_is_asked_to(self, call):
        """Once; then it is a cache."""
        url = "dynamodb://made?region=us-east-1"
        for made in (True, False):
            code, out, _ = call("doctor", "--policy", "cache", "--cache", url, "--create", "--json")
            assert (code, json.loads(out)["created"]) == (0, made)
        assert call("invoke", "--model", MODEL, "--cache", url, "Hello")[0] == 0

    def test_the_example_is_the_policy(self, call):
        """As it is printed for the table of the example."""
        shown = json.loads(call("doctor", "--policy", "cache", "--json")[1])["policy"]
        assert json.loads((ROOT / "examples/iam/response-cache.json").read_text()) == shown

    def test_the_policy_allows_what_the_cache_does_and_no_more(self, places):
        """Every operation a store sends, gathered from boto3 itself, stands in it; nothing else does."""
        from bedrock_lab.cache import Held, Matter, Which, open_store
        from bedrock_lab.cache.table import connect, policy, trouble

        url, more = places.new("dynamodb")
        store, sent = open_store(url, 10.0, **more), set()
        look = connect(None, more, connect_s=5, read_s=5)
        for db in (store._db, look):
            db.meta.events.register("before-call.dynamodb", lambda model, **_: sent.add(f"dynamodb:{model.name}"))
        trouble(look, store.table)
        key = b"k" * 32
        store.put(key, b"v", Matter(1.0, 2.0, "m", "n"))
        store.get(key)
        store.lease(key, "a", None, dead=False)
        store.beat(key, "a", 1)
        store.release(key, "a", b"note")
        store.lease(key, "b", Held("c", 0), dead=True)
        store.release(key, "b", None)
        store.add({"hits": 1})
        store.stats()
        store.purge(Which(), dry_run=False)
        allowed = {name for statement in policy("t", "us-east-1")["Statement"] for name in statement["Action"]}
        assert sent == allowed
        store.close()
        look.close()
