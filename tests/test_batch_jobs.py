"""Batch runs on the local AWS: begun once, gone on with, capped, watched, stopped."""

import dataclasses
import json

import pytest
from batch_runs import (
    BUCKET,
    CREATE,
    NOVA,
    QUICK,
    ROLE,
    Clock,
    calls,
    job_at,
    jobs_by_input,
    local_aws,
    log,
    objects,
    rows,
    write_input,
)

import bedrock_lab as lab
from bedrock_lab.batch import submitting
from bedrock_lab.batch.attempts import Standing
from bedrock_lab.batch.jobs import Job
from bedrock_lab.batch.manifest import BATCH, Attempt, Part
from bedrock_lab.batch.preparing import prepare
from bedrock_lab.batch.watching import Status, exit_code, watch
from bedrock_lab.errors import InputError, LabError

SHARDS = {"records_per_shard": 120}


@pytest.fixture(scope="module")
def served():
    """Serve a local AWS whose jobs end at once."""
    with local_aws() as both:
        yield both


@pytest.fixture
def source(tmp_path):
    """Write 230 records: two shards of 115 under a limit of 120."""
    return write_input(tmp_path / "in.jsonl", 230)


def test_a_run_from_input_to_results(served, source, tmp_path):
    """Every record comes back once, in order, with its usage and an exact cost."""
    aws, s3 = served
    with job_at(aws, f"s3://{BUCKET}/whole/", tmp_path / "out", source, **SHARDS) as job:
        found = job.run()
    assert (found.ok, found.left, found.exit_code, found.findings) == (230, 0, 0, ())
    got = rows(tmp_path / "out")
    assert [(row["recordId"], row["index"]) for row in got] == [(f"r{i}", i) for i in range(230)]
    assert [row["shard"] for row in got] == [0] * 115 + [1] * 115
    # Nova Lite in batch: 0.03 USD per 1M input tokens, 0.12 per 1M output tokens
    for row in got:
        assert row["cost_usd"] == (row["input_tokens"] * 3 + row["output_tokens"] * 12) / 10**8
    assert float(found.cost_usd) * 10**8 == pytest.approx(
        sum(row["input_tokens"] * 3 + row["output_tokens"] * 12 for row in got), rel=1e-12
    )
    assert found.charged_bound_usd == found.cost_usd  # the manifests count the same tokens
    frame = found.to_frame()
    assert frame["recordId"].tolist() == [row["recordId"] for row in got]
    assert frame["text"].tolist() == [row["text"] for row in got]
    assert "batch run" in found._repr_html_()
    assert set(jobs_by_input(aws, "/whole/").values()) == {1}
    assert len(objects(s3, "whole/input/")) == 2


def test_run_again_says_done(served, source, tmp_path):
    """The same arguments again: nothing is uploaded, made or fetched, and the answer is the same."""
    aws, _ = served
    with job_at(aws, f"s3://{BUCKET}/again/", tmp_path / "out", source, **SHARDS) as job:
        first = job.run()
        before = len(log(aws))
        second = job.run()
    later = {request["operation"] for request in log(aws)[before:]}
    assert not later & {CREATE, "s3:PutObject"}
    assert dataclasses.replace(second, new=True) == first
    assert not second.new


def test_an_empty_machine_needs_the_prefix_alone(served, source, tmp_path):
    """Without input and folder the run is found in S3, and gives the same results byte for byte."""
    aws, _ = served
    where = f"s3://{BUCKET}/empty/"
    with job_at(aws, where, tmp_path / "out", source, **SHARDS) as job:
        job.submit()
    with job_at(aws, where, tmp_path / "other") as job:
        there = job.run()
    with job_at(aws, where, tmp_path / "out") as job:
        here = job.collect()
    assert (there.ok, here.ok) == (230, 230)
    assert (tmp_path / "other/results.jsonl").read_bytes() == (tmp_path / "out/results.jsonl").read_bytes()
    assert sum(jobs_by_input(aws, "/empty/").values()) == 2


def test_the_price_is_said_before_anything_is_sent(served, source, tmp_path):
    """When the price is shown the server has seen no upload and no job."""
    aws, _ = served
    before = len(log(aws))
    seen = []

    def say(text):
        seen.append((text, [r["operation"] for r in log(aws)[before:]]))

    with job_at(aws, f"s3://{BUCKET}/price/", tmp_path / "out", source, say=say, **SHARDS) as job:
        job.submit()
    text, operations = seen[0]
    assert "USD at worst" in text
    assert "230 records in 2 jobs" in text
    assert not set(operations) & {CREATE, "s3:PutObject"}


def test_a_dry_run_sends_nothing(served, source, tmp_path):
    """A dry run shows jobs, hashes and prices; the server hears nothing."""
    aws, _ = served
    before = len(log(aws))
    with job_at(aws, f"s3://{BUCKET}/dry/", tmp_path / "out", source, **SHARDS) as job:
        shown = job.submit(dry_run=True).to_dict()
    assert len(log(aws)) == before
    assert shown["dry_run"]
    assert [entry["records"] for entry in shown["jobs"]] == [115, 115]
    assert sum(entry["worst_usd"] for entry in shown["jobs"]) == pytest.approx(shown["worst_usd"])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"max_spend_usd": "0.000001"}, r"--max-spend-usd 0.000001: the jobs may cost \d.* USD at worst; give"),
        ({"max_spend_usd": None}, r"--max-spend-usd is missing: the jobs may cost \d.* USD at worst"),
        ({"role_arn": None}, "--role-arn is missing"),
        ({"role_arn": "batch"}, "--role-arn 'batch': write arn:aws:iam::ACCOUNT:role/NAME"),
        ({"max_spend_usd": "-1"}, "--max-spend-usd '-1': allowed is an amount of 0 USD or more"),
        ({"max_jobs": 0}, "--max-jobs 0: allowed is a whole number from 1"),
        ({"timeout_hours": 23}, "--timeout-hours 23: allowed are 24 to 168"),
    ],
)
def test_refused_before_anything_is_uploaded(served, source, tmp_path, more, said):
    """A missing role and a cap below the worst case end in one line, with nothing in S3."""
    aws, s3 = served
    with (
        pytest.raises(InputError, match=said),
        job_at(aws, f"s3://{BUCKET}/refused/", tmp_path / "out", source, **SHARDS, **more) as job,
    ):
        job.run()
    assert objects(s3, "refused/") == {}


@pytest.mark.parametrize("uri", ["bucket/x", "s3://B/x", "s3:///x", "s3://bucket-one/a//b", "s3://bucket-one/a b/"])
def test_an_address_that_is_none(uri):
    """What the API would not take as a location is refused with how to write it."""
    with pytest.raises(InputError, match="--s3"):
        job_at(type("aws", (), {"client_kwargs": dict})(), uri)


def test_a_missing_bucket_and_one_elsewhere(served, source, tmp_path, speak):
    """A head call finds them, and the line says which."""
    aws, _ = served
    with (
        job_at(aws, "s3://bucket-nowhere/x/", tmp_path / "out", source) as job,
        pytest.raises(InputError, match="there is no such bucket; aws s3 mb s3://bucket-nowhere"),
    ):
        job.run()
    speak(aws, "s3", region_name="us-west-2").create_bucket(
        Bucket="bucket-west", CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
    )
    with (
        job_at(aws, "s3://bucket-west/x/", tmp_path / "out", source) as job,
        pytest.raises(InputError, match="is in us-west-2, the jobs would run in us-east-1"),
    ):
        job.run()


def test_access_denied(served, source, tmp_path):
    """A head call that is forbidden names the policy that helps."""
    aws, _ = served
    with job_at(aws, f"s3://{BUCKET}/denied/", tmp_path / "out", source) as job:
        job.prepare()
        objects_, _, _ = job._aws.to("us-east-1")
        objects_.s3.meta.events.register("before-send.s3.HeadBucket", forbid)
        with pytest.raises(InputError, match=r"access denied; .*doctor --policy batch"):
            job.submit()


def forbid(request, **_):
    """Answer 403 in the place of S3."""
    from botocore.awsrequest import AWSResponse

    class Empty:
        def stream(self, *_, **__):
            return iter(())

    return AWSResponse(request.url, 403, {}, Empty())


def test_other_input_under_the_same_prefix(served, source, tmp_path):
    """Other records, another model and another max_tokens are refused; the line says what differs."""
    aws, s3 = served
    where = f"s3://{BUCKET}/same/"
    with job_at(aws, where, tmp_path / "out", source, **SHARDS) as job:
        job.submit()
    held = objects(s3, "same/input/")
    other = write_input(tmp_path / "other.jsonl", 230, text="Another {i}")
    for name, given, more, said in (
        ("a", other, {}, "the records differ"),
        ("b", source, {"max_tokens": 77}, "max_tokens 1024 there, 77 here"),
        ("c", source, {"model": "amazon.nova-pro"}, "model_id 'amazon.nova-lite' there, 'amazon.nova-pro' here"),
    ):
        with (
            job_at(aws, where, tmp_path / name, given, **{**SHARDS, **more}) as job,
            pytest.raises(InputError, match=f"holds a run of other input .*{said}"),
        ):
            job.run()
    assert objects(s3, "same/input/") == held


def test_no_run_there(served, tmp_path):
    """Without input and without a run in S3 the line says how one is begun."""
    aws, _ = served
    with job_at(aws, f"s3://{BUCKET}/nothing/", tmp_path / "out") as job:
        for step in (job.run, job.status, job.stop, job.collect, job.retry):
            with pytest.raises(InputError, match="no run was begun there; begin one with bedrock-lab batch run IN"):
                step()


def test_a_shard_changed_on_disk(served, source, tmp_path):
    """A shard that is not what was prepared is not uploaded."""
    aws, s3 = served
    with job_at(aws, f"s3://{BUCKET}/changed/", tmp_path / "out", source) as job:
        prepared = job.prepare()
        path = tmp_path / "out/shards" / prepared.shards[0].name
        path.write_bytes(path.read_bytes().replace(b"Question 7", b"Question 8"))
        job.source = None
        with pytest.raises(InputError, match="was changed since it was prepared"):
            job.submit()
    assert objects(s3, "changed/input/") == {}
    assert not jobs_by_input(aws, "/changed/")


def test_not_uploaded_and_not_here(served, source, tmp_path):
    """An empty machine is told that a shard never came, and what to do."""
    aws, s3 = served
    where = f"s3://{BUCKET}/half/"
    with job_at(aws, where, tmp_path / "out", source, **SHARDS) as job:
        job.submit()
    # as if the machine had died before the second upload
    for key in [k for k in objects(s3, "half/") if "00001" in k]:
        s3.delete_object(Bucket=BUCKET, Key=key)
    aws.engine.book.jobs = {a: j for a, j in aws.engine.book.jobs.items() if "half/input/1/00001" not in str(j.input)}
    with (
        job_at(aws, where, tmp_path / "empty") as job,
        pytest.raises(InputError, match=r"was never uploaded and .* is not here; give the input again"),
    ):
        job.run()


def test_at_most_the_quota_at_a_time(source, tmp_path):
    """With room for one job the next is made when the first has ended: the server never has two."""
    with local_aws(batch={**QUICK, "concurrent_jobs": 1, "records_per_s": 2000}) as (aws, _):
        with job_at(aws, f"s3://{BUCKET}/quota/", tmp_path / "out", source, **SHARDS, max_jobs=1) as job:
            assert job.submit().made == 1
            assert job.status().counts.get("Queued") == 1
            found = job.run()
        assert found.ok == 230
        refused = [r for r in log(aws) if r["operation"] == CREATE and r["status"] != 200]
        assert refused == []
        assert set(jobs_by_input(aws).values()) == {1}


def test_a_quota_that_is_full_makes_the_rest_wait(source, tmp_path):
    """Where AWS's quota is lower than the catalogue's, the refusal queues the rest, and nothing fails."""
    with local_aws(batch={**QUICK, "concurrent_jobs": 1, "records_per_s": 2000}) as (aws, _):
        said = []
        with job_at(aws, f"s3://{BUCKET}/full/", tmp_path / "out", source, **SHARDS, say=said.append) as job:
            found = job.run()
        assert found.ok == 230
        assert any("quota of concurrent batch jobs is full" in line for line in said)
        assert set(jobs_by_input(aws).values()) == {1}


def test_the_quota_counts_jobs_of_the_model_alone(served):
    """Jobs of another model take no room."""
    from bedrock_lab.batch.jobs import Jobs

    class Control:
        def list_model_invocation_jobs(self, **request):
            ids = {
                "Submitted": [f"{NOVA}-v1:0", "us.amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0"],
                "InProgress": [NOVA],
            }
            found = [{"modelId": model} for model in ids.get(request["statusEquals"], [])]
            return {"invocationJobSummaries": found}

    assert Jobs(Control(), lambda _: None).active(NOVA) == 3


def test_a_name_that_is_taken(served, source, tmp_path):
    """Somebody else's job by our name is never taken for ours."""
    aws, _ = served
    with job_at(aws, f"s3://{BUCKET}/taken/", tmp_path / "out", source, **SHARDS) as job:
        job.submit()
        desk = job._work().desk
        job_ = next(j for j in aws.engine.book.jobs.values() if "/taken/" in str(j.input))
        aws.engine.book.jobs[job_.arn] = dataclasses.replace(job_, token="another")
        desk._loaded = True
        with pytest.raises(LabError, match="another job has that name"):
            desk.look([desk.manifest.first])


def test_stop_and_go_on(source, tmp_path):
    """Stopped jobs keep what they did; collect gives it, and exits 3 with a retry offered."""
    with local_aws(batch={**QUICK, "records_per_s": 40}) as (aws, _):
        where = f"s3://{BUCKET}/stop/"
        with job_at(aws, where, tmp_path / "out", source) as job:
            job.submit()
            clock = Clock()
            while not (job.status().count("processed") or 0):
                clock.sleep(0.05)
            with pytest.raises(InputError, match="1 of 1 jobs have not ended"):
                job.collect()
            job.stop()
            status = job.status(wait=True)
            found = job.collect()
        assert status.counts == {"Stopped": 1}
        assert status.exit_code == 3
        assert any("batch retry" in note for note in status.notes)
        assert 0 < found.ok < 230
        assert found.ok + found.missing == 230
        assert found.exit_code == 3
        stopped = [row for row in rows(tmp_path / "out") if row["outcome"] == "failed"]
        assert {row["error_code"] for row in stopped} == {"Stopped"}


def test_stop_keeps_what_is_queued_from_being_made(source, tmp_path):
    """A stop leaves a mark: watching makes no job, retry is refused, and run lifts the mark and says so."""
    with local_aws(batch={**QUICK, "records_per_s": 40}) as (aws, s3):
        where, said = f"s3://{BUCKET}/held/", []
        with job_at(aws, where, tmp_path / "out", source, **SHARDS, max_jobs=1, say=said.append) as job:
            assert job.submit().made == 1
            assert job.stop().never_made == 1
            assert said[-1].startswith("never made: 1 job; only bedrock-lab batch run or submit")
            assert json.loads(objects(s3, "held/")["held/stopped.json"]) == {"stopped": True}
            status = job.status(wait=True)
            assert (status.over, status.counts, status.to_dict()["never_made"]) == (True, {"Stopped": 2}, 1)
            assert any("bedrock-lab batch run makes" in note for note in status.notes)
            assert len(calls(aws)) == 1
            with pytest.raises(InputError, match=r"the run was stopped; bedrock-lab batch run .* --retry lifts"):
                job.retry()
            assert job.collect().ok < 116
            found = job.run()
        assert any("the stop is lifted" in line for line in said)
        assert len(calls(aws)) == 2
        assert found.ok >= 115
        assert json.loads(objects(s3, "held/")["held/stopped.json"]) == {"stopped": False}


@pytest.mark.parametrize("longest_s", [-1, 0, float("nan"), float("inf")])
def test_a_wait_that_is_none_is_refused_before_anything_is_sent(served, source, tmp_path, longest_s):
    """The server hears nothing, and no loop is begun."""
    aws, _ = served
    before = len(log(aws))
    with job_at(aws, f"s3://{BUCKET}/wait/", tmp_path / "out", source) as job:
        for step in (job.run, job.status):
            with pytest.raises(InputError, match=r"--poll-s .*: allowed is a time above 0 s"):
                step(longest_s=longest_s)
    with pytest.raises(InputError, match="--poll-s"):
        watch(lambda: None, sleep=None, now=None, longest_s=longest_s)
    assert len(log(aws)) == before


def standing(status="InProgress", processed=0, records=100, n=0):
    """Make how a part stands."""
    part = Part(index=n, name="", records=records, size_bytes=1, sha256="", expected_usd=None, worst_usd=None)
    attempt = Attempt(run="r" * 32, number=1, how=BATCH, parts=(part,), expected_usd=None, worst_usd=None)
    job = Job(name=f"j{n}", arn=f"a/{n}", status=status, processed=processed)
    return Standing(attempt=attempt, part=part, job=job)


def test_the_wait_grows_and_the_eta_is_of_these_jobs_alone():
    """One look has no speed; then 20 records in 1 s leave 80 for 4 s; waits grow by half to the longest."""
    looks = iter([("InProgress", 0), ("InProgress", 20), ("InProgress", 20), ("InProgress", 100), ("Completed", 100)])
    clock, seen = Clock(), []

    def look():
        status, processed = next(looks)
        return Status(run="r", where="s3://b/", model=NOVA, standings=(standing(status, processed),))

    watch(look, sleep=clock.sleep, now=clock.now, progress=seen.append, longest_s=2.0)
    assert clock.waits == [1.0, 1.5, 2.0, 2.0]
    assert [status.speed_per_s for status in seen[:2]] == [None, 20.0]
    assert [status.eta_s for status in seen[:2]] == [None, 4.0]
    assert any("publishes no turnaround" in note for note in seen[0].notes)


def test_a_completed_job_with_failed_records_is_3():
    """As in run; 0 once a later attempt has answered them."""
    held = standing("Completed", 100)
    held = dataclasses.replace(held, job=dataclasses.replace(held.job, failed=2))
    status = Status(run="r", where="s3://b/", model=NOVA, standings=(held,))
    assert (status.exit_code, "batch retry" in status.notes[-1]) == (3, True)
    good = dataclasses.replace(status, answered=True)
    assert (good.exit_code, good.notes) == (0, [])


def test_no_eta_while_jobs_wait():
    """What is queued has no speed, so there is no ETA."""
    clock = Clock()
    looks = iter([10, 20, 30])

    def look():
        n = next(looks)
        end = "Completed" if n == 30 else "InProgress"
        held = (standing(end, n), standing("Queued" if n < 30 else "Completed", n=1))
        return Status(run="r", where="s3://b/", model=NOVA, standings=held)

    seen = []
    watch(look, sleep=clock.sleep, now=clock.now, progress=seen.append)
    assert [status.eta_s for status in seen] == [None, None, None]
    assert seen[1].speed_per_s == 10.0


@pytest.mark.parametrize(
    ("states", "code"),
    [
        (["Completed"], 0),
        (["Completed", "Submitted"], 0),
        (["PartiallyCompleted"], 3),
        (["Completed", "Failed"], 3),
        (["Failed"], 1),
        (["Expired", "Failed"], 1),
        (["Stopped"], 3),
    ],
)
def test_exit_codes_of_states(states, code):
    """0 under way or done, 1 where nothing was done, 3 between."""
    assert exit_code(states) == code


def test_a_plan_is_written_before_the_first_shard(served, source, tmp_path):
    """The server's log: the manifest's put comes before every other put and every job."""
    aws, s3 = served
    before = len(log(aws))
    with job_at(aws, f"s3://{BUCKET}/order/", tmp_path / "out", source, **SHARDS) as job:
        job.submit()
    held = json.loads(objects(s3, "order/run.json")["order/run.json"])
    assert [part["sha256"] for part in held["parts"]] == [
        submitting.sha256_of(tmp_path / "out/shards" / part["name"]) for part in held["parts"]
    ]
    assert held["role_arn"] == ROLE
    operations = [r["operation"] for r in log(aws)[before:] if r["operation"] in {"s3:PutObject", CREATE}]
    assert operations == [
        "s3:PutObject",
        "s3:PutObject",
        "s3:PutObject",
        CREATE,
        "s3:PutObject",
        CREATE,
        "s3:PutObject",
    ]
    assert len(calls(aws)) >= 2


def test_jobs_are_made_with_key_vpc_and_tags(served, source, tmp_path):
    """They are part of the run: written down when it is begun, and sent as AWS's model of the API has them."""
    aws, s3 = served
    key = "arn:aws:kms:us-east-1:123456789012:key/01234567-0123-0123-0123-0123456789ab"
    more = {
        "kms_key_id": key,
        "subnet_ids": ["subnet-0a1b2c3d"],
        "security_group_ids": ["sg-0a1b2c3d"],
        "tags": {"team": "search"},
    }
    with job_at(aws, f"s3://{BUCKET}/vpc/", tmp_path / "out", source, **SHARDS, **more) as job:
        job.submit()
    with job_at(aws, f"s3://{BUCKET}/vpc/", tmp_path / "out") as later:
        manifest = later._work().desk.manifest
    assert (manifest.kms_key_id, manifest.tags) == (key, (("team", "search"),))
    request = submitting.request_of(later._aws.to()[0], manifest, manifest.first, manifest.parts[0])
    assert request["outputDataConfig"]["s3OutputDataConfig"]["s3EncryptionKeyId"] == key
    assert request["vpcConfig"] == {"subnetIds": ["subnet-0a1b2c3d"], "securityGroupIds": ["sg-0a1b2c3d"]}
    assert request["tags"] == [{"key": "team", "value": "search"}]
    later.close()
    assert jobs_by_input(aws, "/vpc/")
    assert objects(s3, "vpc/input/")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"kms_key_id": "no key"}, "--kms-key-id 'no key'"),
        ({"subnet_ids": ["subnet-1"]}, "go together"),
        ({"subnet_ids": ["net"], "security_group_ids": ["sg-1"]}, "--subnet-id 'net'"),
        ({"tags": {"aws:x": "1"}}, "AWS's own"),
    ],
)
def test_what_jobs_are_made_with_is_checked_first(served, source, tmp_path, more, said):
    """Nothing is sent for a value that AWS would refuse."""
    aws, _ = served
    before = len(log(aws))
    with pytest.raises(InputError, match=said):
        job_at(aws, f"s3://{BUCKET}/bad/", tmp_path / "out", source, **more)
    assert len(log(aws)) == before


def test_runs_of_earlier_versions_are_read(served, source, tmp_path):
    """A run written without key, VPC and tags has none."""
    aws, s3 = served
    with job_at(aws, f"s3://{BUCKET}/old/", tmp_path / "out", source, **SHARDS) as job:
        job.submit()
        held = json.loads(objects(s3, "old/run.json")["old/run.json"])
        for name in ("kms_key_id", "subnet_ids", "security_group_ids", "tags"):
            held.pop(name)
        s3.put_object(Bucket=BUCKET, Key="old/run.json", Body=json.dumps(held).encode())
        assert job.run().ok == 230


def test_another_runs_results_are_not_overwritten(served, source, tmp_path):
    """The folder of one run is refused to another before anything is sent, and keeps what it holds."""
    aws, _ = served
    with job_at(aws, f"s3://{BUCKET}/mine/", tmp_path / "out", source) as job:
        job.run()
    kept = (tmp_path / "out" / "results.jsonl").read_bytes()
    before = len(log(aws))
    with (
        job_at(aws, f"s3://{BUCKET}/other/", tmp_path / "out", source) as other,
        pytest.raises(InputError, match=r"holds the results of run \w+ at s3://.*/mine/; give another folder"),
    ):
        other.run()
    assert len(log(aws)) == before
    assert (tmp_path / "out" / "results.jsonl").read_bytes() == kept


def test_a_folder_with_another_runs_results_makes_no_job(served, source, tmp_path):
    """Submitted by itself, or once its prefix is emptied: refused before a job is made, not when it is collected."""
    aws, s3 = served
    out, where = tmp_path / "out", f"s3://{BUCKET}/first/"
    with job_at(aws, where, out, source) as job:
        job.run()
    before = len(calls(aws))
    terms = {"role_arn": ROLE, "max_spend_usd": 5}
    with (
        job_at(aws, f"s3://{BUCKET}/second/", out, **terms) as other,
        pytest.raises(InputError, match=r"holds the results of run \w+ at s3://.*/first/; give another folder"),
    ):
        other.submit()
    for key in objects(s3, "first/"):
        s3.delete_object(Bucket=BUCKET, Key=key)
    with job_at(aws, where, out, **terms) as anew, pytest.raises(InputError, match="holds the results of run"):
        anew.submit()
    assert len(calls(aws)) == before
    assert objects(s3, "second/") == {}


def test_shards_of_other_input_are_not_taken_for_the_runs_own(served, source, tmp_path):
    """As many bytes, other recordIds: the folder is refused and kept; a shard that was damaged is fetched again."""
    aws, _ = served
    where, folder, away = f"s3://{BUCKET}/own/", tmp_path / "other", tmp_path / "away"
    with job_at(aws, where, tmp_path / "out", source) as job:
        job.run()
    other = tmp_path / "other.jsonl"
    other.write_text(source.read_text().replace('"recordId": "r', '"recordId": "q'), encoding="utf-8")
    prepare(other, model=NOVA, out=folder, prices=lab.prices("2026-11-22"))
    kept = (folder / "shards" / "00000.jsonl").read_bytes()
    assert len(kept) == (tmp_path / "out" / "shards" / "00000.jsonl").stat().st_size
    with (
        job_at(aws, where, folder) as job,
        pytest.raises(InputError, match=r"prepared of other input \(.*other.jsonl\)"),
    ):
        job.collect()
    assert (folder / "shards" / "00000.jsonl").read_bytes() == kept
    assert not (folder / "results.jsonl").exists()
    (away / "shards").mkdir(parents=True)
    (away / "shards" / "00000.jsonl").write_bytes(kept)
    with job_at(aws, where, away) as job:
        found = job.collect()
    assert (found.ok, found.missing, found.findings) == (230, 0, ())


def test_a_job_made_while_the_run_is_stopped_is_stopped(source, tmp_path):
    """The mark is written between the look before a job is made and its making: the job is stopped by its maker."""
    with local_aws(batch={**QUICK, "records_per_s": 20}) as (aws, s3):
        where, said = f"s3://{BUCKET}/race/", []
        with job_at(aws, where, tmp_path / "out", source, **SHARDS, say=said.append) as job:
            _, jobs, _ = job._aws.to("us-east-1")
            make = jobs.create

            def late(request):
                s3.put_object(Bucket=BUCKET, Key="race/stopped.json", Body=b'{"stopped": true}')
                return make(request)

            jobs.create = late
            assert job.submit().made == 1
        assert any("just made, is stopped too" in line for line in said)
        with job_at(aws, where) as after:
            states = {s.job.status for s in after.status(wait=True).standings}
    assert states == {"Stopped"}


def test_an_application_profile_is_asked_about_and_sent(served, source, tmp_path):
    """Its model is priced, its ARN is called; without AWS at hand it is one line."""
    aws, _ = served
    import boto3

    control = boto3.client("bedrock", **aws.client_kwargs())
    made = control.create_inference_profile(
        inferenceProfileName="search",
        modelSource={"copyFrom": "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"},
    )
    control.close()
    arn = made["inferenceProfileArn"]
    with job_at(aws, f"s3://{BUCKET}/profile/", tmp_path / "out", source, model=arn) as job:
        found = job.run()
    assert (found.model, found.ok) == ("amazon.nova-lite", 230)
    assert found.cost_usd is not None
    with pytest.raises(InputError, match=r"only AWS knows which model a profile of yours serves") as error:
        prepare(source, model=arn, out=tmp_path / "x", prices=lab.prices("2026-11-22"))
    assert "123456789012" not in str(error.value)
    units = "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghijkl"
    with pytest.raises(InputError, match="do not run on provisioned units"):
        prepare(source, model=units, out=tmp_path / "x", prices=lab.prices("2026-11-22"))


def test_an_expected_answer_longer_than_allowed_is_said(source, tmp_path):
    """Records' own max_tokens counts, and a warning says of how many."""
    found = prepare(source, model=NOVA, out=tmp_path / "x", prices=lab.prices("2026-11-22"), output_tokens=5000)
    assert any("--output-tokens 5000 is above the max_tokens of 230 records" in line for line in found.warnings)
