"""Retries: only records without an answer, as a batch or on demand, within the cap, never twice, poison set apart."""

import json
import urllib.request

import pytest
from batch_runs import BUCKET, CREATE, QUICK, job_at, jobs_by_input, local_aws, log, objects, rows, write_input

from bedrock_lab.batch import submitting
from bedrock_lab.errors import InputError

FEW, MANY = 7, 150


@pytest.fixture(scope="module")
def served():
    """Serve a local AWS whose jobs end at once."""
    with local_aws() as both:
        yield both


def drop(s3, prefix, wanted):
    """Take the lines of records out of the outputs, as if a job had not come to them."""
    for key, body in objects(s3, f"{prefix}/output/").items():
        if key.endswith(".jsonl.out"):
            left = [line for line in body.splitlines(keepends=True) if json.loads(line)["recordId"] not in wanted]
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"".join(left))


def fail(s3, prefix, wanted, attempt=1):
    """Put an error in the place of the answers of records."""
    for key, body in objects(s3, f"{prefix}/output/{attempt}/").items():
        if key.endswith(".jsonl.out"):
            lines = [json.loads(line) for line in body.splitlines()]
            for line in lines:
                if line["recordId"] in wanted:
                    line.pop("modelOutput", None)
                    line["error"] = {"errorCode": 400, "errorMessage": "bad request"}
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"".join(json.dumps(line).encode() + b"\n" for line in lines))


def names(n):
    """Return the first n recordIds."""
    return {f"r{i}" for i in range(n)}


def asked(aws, operation="InvokeModel"):
    """Count the calls of a model."""
    return sum(request["operation"] == operation for request in log(aws))


def test_few_are_asked_on_demand(served, tmp_path):
    """Seven records are too few for a job: asked one by one, at the price on demand, said before the first call."""
    aws, s3 = served
    said = []

    def say(text):
        said.append((text, asked(aws)))

    with job_at(aws, f"s3://{BUCKET}/few/", tmp_path / "out", write_input(tmp_path / "in.jsonl", 120), say=say) as job:
        first = job.run()
        drop(s3, "few", names(FEW))
        again = job.collect()
        assert (again.ok, again.missing) == (120 - FEW, FEW)
        before = asked(aws)
        retried = job.retry()
        assert (retried.attempt.how, retried.asked, retried.attempt.number) == ("on-demand", FEW, 2)
        assert asked(aws) - before == FEW
        found = job.collect()
    priced = [(text, n) for text, n in said if "on demand" in text]
    assert "too few for a batch job" in priced[0][0]
    assert "USD at worst" in priced[0][0]
    assert {n for _, n in priced} == {before}
    got = rows(tmp_path / "out")
    assert (found.ok, found.retried) == (120, FEW)
    assert [row["attempt"] for row in got] == [2] * FEW + [1] * (120 - FEW)
    # Nova Lite: 0.06 and 0.24 USD per 1M tokens on demand, half of it in batch
    for row in got:
        unit = 6 if row["attempt"] == 2 else 3
        assert row["cost_usd"] == (row["input_tokens"] * unit + row["output_tokens"] * 4 * unit) / 10**8
    assert found.cost_usd > first.cost_usd
    # a missing line of a job that says it did everything stays a finding, though the record has its answer
    assert {finding.kind for finding in found.findings} == {"missing-records", "counts"}


def test_many_are_another_batch(served, tmp_path):
    """150 of 300 are a job of their own; nothing else is asked again."""
    aws, s3 = served
    said = []
    source = write_input(tmp_path / "in.jsonl", 300)
    with job_at(aws, f"s3://{BUCKET}/many/", tmp_path / "out", source, say=said.append) as job:
        job.run()
        whole = rows(tmp_path / "out")
        wanted = {f"r{i}" for i in range(0, 300, 2)}
        fail(s3, "many", wanted)
        job.collect()
        retried = job.retry()
        assert (retried.attempt.how, retried.attempt.records, retried.made) == ("batch", MANY, 1)
        job.status(wait=True)
        found = job.collect()
    got = rows(tmp_path / "out")
    assert (found.ok, found.retried, found.attempts) == (300, MANY, 2)
    assert [row["attempt"] for row in got] == [2, 1] * MANY
    assert [row["text"] for row in got] == [row["text"] for row in whole]
    assert {row["index"] for row in got if row["attempt"] == 2} == set(range(0, 300, 2))
    (sent,) = (body for key, body in objects(s3, "many/input/2/").items())
    assert {json.loads(line)["recordId"] for line in sent.splitlines()} == wanted
    assert sorted(jobs_by_input(aws, "/many/").values()) == [1, 1]
    assert any(f"{MANY} records in 1 job: about" in line for line in said)


def test_the_cap_holds_over_attempts(served, tmp_path):
    """What the first attempt can have cost counts: a cap that covers the second alone is not enough."""
    aws, s3 = served
    source = write_input(tmp_path / "in.jsonl", 300)
    where = f"s3://{BUCKET}/capped/"
    with job_at(aws, where, tmp_path / "out", source) as job:
        found = job.run()
        fail(s3, "capped", names(MANY))
    before = len([r for r in log(aws) if r["operation"] == CREATE])
    with (
        job_at(aws, where, tmp_path / "out", max_spend_usd=found.charged_bound_usd) as job,
        pytest.raises(InputError, match=r"the jobs may cost \S+ USD at worst after up to \S+ USD spent"),
    ):
        job.retry()
    assert len([r for r in log(aws) if r["operation"] == CREATE]) == before
    assert objects(s3, "capped/attempts/") == {}


def test_poison_is_set_apart(served, tmp_path):
    """A record that fails every time has three attempts, then stands in poison.jsonl and is not asked again."""
    aws, s3 = served
    source = write_input(tmp_path / "in.jsonl", 300)
    said = []
    with job_at(aws, f"s3://{BUCKET}/poison/", tmp_path / "out", source, say=said.append) as job:
        job.run()
        fail(s3, "poison", names(MANY))
        for attempt in (2, 3):
            assert job.retry().attempt.number == attempt
            job.status(wait=True)
            fail(s3, "poison", names(MANY), attempt)
        last = job.retry()
        assert last.attempt is None
        assert last.exit_code == 3
        assert said[-1] == f"{MANY} records had 3 attempts and are set apart in {tmp_path / 'out/poison.jsonl'}"
        found = job.collect()
    (note,) = (note for note in found.notes if "no ok answer" in note)
    assert "retry asks them again" not in note
    assert f"{MANY} had their attempts and are set apart in {tmp_path / 'out/poison.jsonl'}" in note
    assert "--max-attempts 4" in note
    assert [row["recordId"] for row in last.poison] == [f"r{i}" for i in range(MANY)]
    held = [json.loads(line) for line in (tmp_path / "out/poison.jsonl").read_text().splitlines()]
    assert held[0] == {
        "recordId": "r0", "index": 0, "attempt": 3, "error_code": "400", "error_message": "bad request"
    }  # fmt: skip
    assert (found.ok, found.failed, found.attempts) == (300 - MANY, MANY, 3)
    assert len(jobs_by_input(aws, "/poison/")) == 3


def test_a_retry_that_died_is_gone_on_with(served, tmp_path):
    """What was asked on demand before a crash is not asked again; the empty machine goes on with the rest."""
    aws, s3 = served
    where = f"s3://{BUCKET}/died/"
    with job_at(aws, where, tmp_path / "out", write_input(tmp_path / "in.jsonl", 120)) as job:
        job.run()
        drop(s3, "died", names(FEW))
        job.collect()

        def stop(done, _):
            if done == 3:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            job.retry(progress=stop)
        half = job.collect()
        assert (half.ok, half.missing) == (120 - FEW + 3, FEW - 3)
    before = asked(aws)
    said = []
    with job_at(aws, where, tmp_path / "other", say=said.append) as job:
        retried = job.retry()
        found = job.collect()
    assert (retried.asked, asked(aws) - before) == (FEW - 3, FEW - 3)
    assert any("going on with attempt 2" in line and "USD at worst" in line for line in said)
    assert (found.ok, found.retried) == (120, FEW)


def interrupted(*_):
    """Stop where the upload would begin."""
    raise KeyboardInterrupt


def test_an_attempt_written_down_and_not_made(served, tmp_path, monkeypatch):
    """A crash between the attempt's object and its shards: an empty machine makes the same shards again."""
    aws, s3 = served
    where = f"s3://{BUCKET}/unmade/"
    with job_at(aws, where, tmp_path / "out", write_input(tmp_path / "in.jsonl", 300)) as job:
        job.run()
        fail(s3, "unmade", names(MANY))
        monkeypatch.setattr(submitting, "upload", interrupted)
        with pytest.raises(KeyboardInterrupt):
            job.retry()
        monkeypatch.undo()
    assert list(objects(s3, "unmade/attempts/")) == ["unmade/attempts/2.json"]
    assert objects(s3, "unmade/input/2/") == {}
    with job_at(aws, where, tmp_path / "other") as job:
        found = job.run()
    assert (found.ok, found.retried) == (300, MANY)
    assert sorted(jobs_by_input(aws, "/unmade/").values()) == [1, 1]


def test_run_with_retry_asks_until_all_have_an_answer(tmp_path):
    """Out of time, a run with retry asks what is missing again, and ends with every record answered."""
    # the first job is out of time after some records; time goes on in real seconds for the second
    with local_aws(2e-5, batch={**QUICK, "records_per_s": 1e-3}) as (aws, _):
        source = write_input(tmp_path / "in.jsonl", 120)
        with job_at(aws, f"s3://{BUCKET}/again/", tmp_path / "out", source) as job:
            found = job.run(retry=True)
        assert found.ok == 120
        assert found.attempts > 1
        assert found.exit_code == 0
        got = rows(tmp_path / "out")
        assert [row["recordId"] for row in got] == [f"r{i}" for i in range(120)]


def test_a_record_that_fails_on_demand(served, tmp_path):
    """An error of one record is its answer, and the others are asked all the same."""
    profile = {"faults": [{"operation": "InvokeModel", "error": "ValidationException", "calls": [2]}]}
    with local_aws(**profile) as (aws, s3):
        with job_at(aws, f"s3://{BUCKET}/one/", tmp_path / "out", write_input(tmp_path / "in.jsonl", 120)) as job:
            job.run()
            drop(s3, "one", names(FEW))
            job.collect()
            retried = job.retry()
            assert (retried.asked, retried.ok, retried.failed, retried.left) == (FEW, FEW - 1, 1, 1)
            assert retried.exit_code == 3
            found = job.collect()
        got = rows(tmp_path / "out")
    assert (found.ok, found.failed, found.missing) == (119, 1, 0)
    assert (got[1]["outcome"], got[1]["error_code"], got[1]["attempt"]) == ("failed", "ValidationException", 2)


def test_no_record_asked_on_demand_is_answered(tmp_path):
    """Where every answer is an error, a retry exits 1 and all are left."""
    profile = {"faults": [{"operation": "InvokeModel", "error": "ValidationException", "calls": list(range(1, 99))}]}
    source = write_input(tmp_path / "in.jsonl", 120)
    with local_aws(**profile) as (aws, s3), job_at(aws, f"s3://{BUCKET}/all/", tmp_path / "out", source) as job:
        job.run()
        drop(s3, "all", names(FEW))
        retried = job.retry()
    assert (retried.ok, retried.failed, retried.left, retried.exit_code) == (0, FEW, FEW, 1)


def test_converse_on_demand(served, tmp_path):
    """Records of the Converse kind are asked by Converse."""
    aws, s3 = served
    lines = [
        json.dumps({"recordId": f"r{i}", "messages": [{"role": "user", "content": [{"text": f"Hello {i}"}]}]})
        for i in range(120)
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    with job_at(aws, f"s3://{BUCKET}/conv/", tmp_path / "out", tmp_path / "in.jsonl", kind="Converse") as job:
        job.run()
        drop(s3, "conv", names(FEW))
        job.collect()
        before = asked(aws, "Converse")
        job.retry()
        found = job.collect()
    assert asked(aws, "Converse") - before == FEW
    assert (found.ok, found.unknown_cost) == (120, 0)


def test_status_after_later_attempts(tmp_path):
    """A job that was out of time is made good by its retry: status is 0 and offers nothing."""
    with local_aws(2e-5, batch={**QUICK, "records_per_s": 1e-3}) as (aws, _):
        source = write_input(tmp_path / "in.jsonl", 120)
        with job_at(aws, f"s3://{BUCKET}/good/", tmp_path / "out", source) as job:
            assert job.run().left
            before = job.status()
            job.run(retry=True)
            after = job.status()
    assert before.exit_code == 3
    assert any("batch retry" in note for note in before.notes)
    assert after.exit_code == 0
    assert not any("batch retry" in note for note in after.notes)


def test_nothing_to_retry(served, tmp_path):
    """Where all have an answer nothing is asked, and there is no poison file."""
    aws, _ = served
    with job_at(aws, f"s3://{BUCKET}/none/", tmp_path / "out", write_input(tmp_path / "in.jsonl", 120)) as job:
        job.run()
        retried = job.retry()
    assert (retried.attempt, retried.exit_code, retried.to_dict()["records"]) == (None, 0, 0)
    assert not (tmp_path / "out/poison.jsonl").exists()


@pytest.fixture(autouse=True)
def _server_lives(served):
    yield
    with urllib.request.urlopen(f"{served[0].endpoint_url}/_local/health") as answer:
        assert answer.status == 200
