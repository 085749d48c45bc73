"""``bedrock-lab batch``: what is printed, where, and the exit codes."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from batch_runs import BUCKET, CREATE, QUICK, ROLE, calls, job_at, local_aws, log, objects, rows, write_input

from bedrock_lab.cli.main import run

NOVA = "amazon.nova-lite"


@pytest.fixture(scope="module")
def served():
    """Serve a local AWS whose jobs end at once."""
    with local_aws() as both:
        yield both


@pytest.fixture
def said(capfd, monkeypatch):
    """Run a command against a local AWS; return its exit code, stdout and stderr."""

    def command(aws, *arguments, group="batch"):
        for name, value in aws.env().items():
            monkeypatch.setenv(name, value)
        code = run([group, *map(str, arguments)])
        out, err = capfd.readouterr()
        return code, out, err

    return command


def given(prefix, out, source, **more):
    """Return the arguments of a run."""
    options = {"--model": NOVA, "--s3": f"s3://{BUCKET}/{prefix}/", "--role-arn": ROLE, "--out": out}
    options |= {"--max-spend-usd": 5, "--poll-s": 0.05, **more}
    named = [str(part) for name, value in options.items() if value is not None for part in (name, value)]
    return ["run", *([str(source)] if source else []), *named]


def test_run_prints_one_object_and_the_price_on_stderr(served, said, tmp_path):
    """JSON on stdout alone; the price is a line of stderr; again it says done, and nothing bills."""
    aws, _ = served
    source = write_input(tmp_path / "in.jsonl", 120)
    code, out, err = said(aws, *given("json", tmp_path / "out", source), "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["records"], found["ok"], found["failed"], found["missing"], found["new"]) == (120, 120, 0, 0, True)
    assert found["cost_usd"] == pytest.approx(sum(row["cost_usd"] for row in rows(tmp_path / "out")), rel=1e-12)
    assert "120 records in 1 job: about" in err
    assert "USD at worst" in err
    before = len(calls(aws))
    code, out, err = said(aws, *given("json", tmp_path / "out", source))
    assert code == 0
    assert out.startswith("done before: 120 records: 120 ok, 0 throttled, 0 failed")
    assert len(calls(aws)) == before


def test_step_by_step(served, said, tmp_path):
    """prepare, submit --dry-run, submit, status, status --watch, collect, retry, stop: each says what it did."""
    aws, s3 = served
    source = write_input(tmp_path / "in.jsonl", 120)
    where = ["--s3", f"s3://{BUCKET}/steps/"]
    out = ["--out", tmp_path / "out"]
    terms = ["--role-arn", ROLE, "--max-spend-usd", "5"]
    assert said(aws, "prepare", source, "--model", NOVA, *out)[0] == 0
    code, printed, err = said(aws, "submit", *where, *out, *terms, "--dry-run")
    assert (code, printed) == (0, "would make 1 job of 120 records; nothing was sent\n")
    assert "USD at worst" in err
    assert said(aws, "submit", *where, *out, "--role-arn", ROLE, "--dry-run")[0] == 0
    for wait in ("-1", "0", "nan", "inf"):
        code, _, err = said(aws, "status", *where, f"--poll-s={wait}")
        assert (code, len(err.splitlines())) == (2, 1), err
    assert objects(s3, "steps/") == {}
    code, printed, _ = said(aws, "submit", *where, *out, *terms)
    assert code == 0
    assert "1 shard uploaded, 1 of 1 job made" in printed
    code, printed, err = said(aws, "status", *where, "--watch", "--poll-s", "0.05")
    assert code == 0
    assert "1 Completed" in printed
    code, printed, _ = said(aws, "status", *where, "--json")
    assert json.loads(printed)["states"] == {"Completed": 1}
    code, printed, _ = said(aws, "collect", *where, *out)
    assert code == 0
    assert "120 records: 120 ok" in printed
    code, printed, _ = said(aws, "retry", *where, *out)
    assert (code, printed) == (0, "nothing to retry\n")
    assert said(aws, "stop", *where)[0] == 0


def test_status_under_way_says_that_no_turnaround_is_published(said, tmp_path):
    """While jobs run, stderr says that an ETA comes from these jobs alone."""
    with local_aws(batch={**QUICK, "records_per_s": 5}) as (aws, _):
        with job_at(aws, f"s3://{BUCKET}/slow/", tmp_path / "out", write_input(tmp_path / "in.jsonl", 120)) as job:
            job.submit()
        code, printed, err = said(aws, "status", "--s3", f"s3://{BUCKET}/slow/")
        assert code == 0
        assert "AWS publishes no turnaround of batch jobs" in err
        assert said(aws, "collect", "--s3", f"s3://{BUCKET}/slow/", "--out", tmp_path / "out")[0] == 2
        code, printed, _ = said(aws, "stop", "--s3", f"s3://{BUCKET}/slow/", "--json")
        assert code == 0
        assert set(json.loads(printed)["states"]) <= {"Stopping", "Stopped"}


def test_three_prompts(served, said, tmp_path):
    """Three prompts make no job: one line says the minimum and both prices, exit 2, nothing sent."""
    aws, _ = served
    before = len(log(aws))
    code, printed, err = said(aws, *given("three", tmp_path / "out", write_input(tmp_path / "in.jsonl", 3)))
    assert (code, printed) == (2, "")
    assert "100" in err
    assert "on demand" in err
    assert len(log(aws)) == before


def test_an_input_with_mistakes(served, said, tmp_path):
    """Every wrong line is told with its number; nothing is sent."""
    aws, _ = served
    source = tmp_path / "in.jsonl"
    source.write_text('{"recordId":"a","prompt":"x"}\n{"recordId":"a","prompt":"y"}\n{broken\n')
    before = len(log(aws))
    code, _, err = said(aws, *given("wrong", tmp_path / "out", source))
    assert code == 2
    assert "line 2:" in err
    assert "line 3:" in err
    assert len(log(aws)) == before


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"--max-spend-usd": "0.0000001"}, "the jobs may cost"),
        ({"--max-spend-usd": None}, "--max-spend-usd is missing"),
        ({"--role-arn": None}, "--role-arn is missing"),
        ({"--s3": "s3://bucket-two/x/"}, "there is no such bucket"),
        ({"--s3": "bucket"}, "write s3://bucket/prefix/"),
        ({"--model": None}, "--model"),
        ({"--model": "amazon.no-such"}, "unknown model"),
    ],
)
def test_bad_input_is_one_line(served, said, tmp_path, more, words):
    """One line on stderr, exit 2, nothing uploaded."""
    aws, s3 = served
    source = write_input(tmp_path / "in.jsonl", 120)
    made = len(calls(aws))
    code, printed, err = said(aws, *given("bad", tmp_path / "out", source, **more))
    assert (code, printed) == (2, "")
    assert len(err.splitlines()) == 1, err
    assert words in err
    assert objects(s3, "bad/") == {}
    assert len(calls(aws)) == made


def test_partially_completed_exits_3_and_offers_a_retry(said, tmp_path):
    """A job out of time: exit 3, the retry is offered, the results hold what came."""
    with local_aws(2e-5, batch={**QUICK, "records_per_s": 1e-3}) as (aws, _):
        code, printed, err = said(aws, *given("partial", tmp_path / "out", write_input(tmp_path / "in.jsonl", 120)))
        assert code == 3
        assert "bedrock-lab batch retry asks them again" in err
        assert "PartiallyCompleted" in err
        assert "missing" in printed
        code, _, err = said(aws, "status", "--s3", f"s3://{BUCKET}/partial/")
        assert code == 3
        assert "batch retry" in err


def test_failed_exits_1_with_the_words_of_aws(said, tmp_path):
    """A job that fails: exit 1, AWS's message on stderr."""
    with local_aws(batch={**QUICK, "minimum_records": 1000}) as (aws, _):
        code, _, err = said(aws, *given("failed", tmp_path / "out", write_input(tmp_path / "in.jsonl", 120)))
    assert code == 1
    assert "less records (120) than the required minimum of: 1000" in err


def test_interrupted(tmp_path):
    """Ctrl-C: exit 130, and the line says that jobs go on and how to stop them; run again it goes on."""
    with local_aws(batch={**QUICK, "records_per_s": 20}) as (aws, _):
        source = write_input(tmp_path / "in.jsonl", 120)
        code = "import sys; from bedrock_lab.cli.main import main; sys.argv = sys.argv[1:]; main()"
        arguments = [sys.executable, "-c", code, "bedrock-lab", "batch", *given("ctrl", tmp_path / "out", source)]
        process = subprocess.Popen(
            arguments, env={**os.environ, **aws.env()}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            while not calls(aws, "ListModelInvocationJobs") or not calls(aws, CREATE):
                if process.poll() is not None:
                    break
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
            process.communicate()
        assert process.returncode == 130, err
        assert b"jobs under way go on at AWS and are charged: bedrock-lab batch stop" in err
        assert b"Traceback" not in err
        with job_at(aws, f"s3://{BUCKET}/ctrl/", tmp_path / "out", source) as job:
            assert job.run().ok == 120
        assert len(aws.engine.book.jobs) == 1


def test_help_imports_nothing_heavy():
    """Help of a command comes without boto3, pyarrow or pandas."""
    code = (
        "from bedrock_lab.cli.main import run; run(['batch', 'run', '--help']); import sys; "
        "print(sorted({'boto3', 'pyarrow', 'pandas', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_commands_of_the_document_run(said, tmp_path, monkeypatch):
    """Every command of docs/batch.md, in its blocks and its words, exits 0 in order, and the Python block runs."""
    page = (Path(__file__).resolve().parents[1] / "docs" / "batch.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", page, flags=re.DOTALL)
    texts = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    texts += re.findall(r"`(bedrock-lab [^`]*)`", re.sub(r"```.*?```", "", page, flags=re.DOTALL))
    assert len(texts) >= 5
    monkeypatch.chdir(tmp_path)
    write_input(tmp_path / "prompts.jsonl", 120)
    with local_aws() as (aws, s3):
        s3.create_bucket(Bucket="bucket")
        for text in texts:
            program, group, *arguments = shlex.split(text, comments=True)
            assert program == "bedrock-lab"
            code, _, err = said(aws, *arguments, group=group)
            assert code == 0, (text, err)
        for block in re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL):
            exec(compile(block, "batch.md", "exec"), {})
        assert len(calls(aws)) == 1
    assert len(rows(tmp_path / "run")) == 120
