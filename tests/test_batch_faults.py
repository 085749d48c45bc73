"""Faults between a run and AWS: errors that pass are waited out, answers cut short are asked for again."""

import collections

import pytest
from batch_runs import BUCKET, CREATE, Proxy, calls, job_at, jobs_by_input, local_aws, objects, rows, write_input

from bedrock_lab.batch.connecting import check_whole, serves_s3
from bedrock_lab.batch.objects import Held, Objects
from bedrock_lab.batch.places import read_place
from bedrock_lab.client import calling
from bedrock_lab.errors import InputError, LabError


@pytest.fixture(scope="module")
def served():
    """Serve a local AWS whose jobs end at once."""
    with local_aws() as both:
        yield both


def once(fault, share=3):
    """Strike every third request with a fault, never the same request twice in a row."""
    seen = collections.Counter()

    def pick(method, path):
        seen["all"] += 1
        return fault if seen["all"] % share == 0 else None

    return pick


@pytest.mark.parametrize("fault", ["503", "throttle", "drop", "lost answer", "half", "slow"])
def test_every_fault_is_outlived(served, tmp_path, fault):
    """With every third request struck, a run ends with the results of an undisturbed one, and each shard is one job."""
    aws, _ = served
    source = write_input(tmp_path / "in.jsonl", 240)
    prefix = f"fault-{fault.replace(' ', '-')}"
    with job_at(aws, f"s3://{BUCKET}/plain-{prefix}/", tmp_path / "plain", source, records_per_shard=120) as job:
        job.run()
    with Proxy(aws.endpoint_url, pick=once(fault)) as proxy:
        arguments = {**aws.client_kwargs(), "endpoint_url": proxy.endpoint_url}

        class There:
            client_kwargs = staticmethod(lambda: arguments)

        with job_at(There, f"s3://{BUCKET}/{prefix}/", tmp_path / "out", source, records_per_shard=120) as job:
            found = job.run()
        assert proxy.struck[fault] >= 8
    assert (found.ok, found.findings) == (240, ())
    assert rows(tmp_path / "out") == rows(tmp_path / "plain")
    assert sorted(jobs_by_input(aws, f"/{prefix}/").values()) == [1, 1]


def test_a_fault_that_stays_ends_in_one_line(served, tmp_path):
    """Where it does not pass, the run ends with a line that names what was being done, and no traceback."""
    aws, _ = served
    source = write_input(tmp_path / "in.jsonl", 120)

    def pick(method, _path):
        return "503" if method == "PUT" else None

    with Proxy(aws.endpoint_url, pick=pick) as proxy:
        arguments = {**aws.client_kwargs(), "endpoint_url": proxy.endpoint_url}
        there = type("There", (), {"client_kwargs": staticmethod(lambda: arguments)})
        with (
            job_at(there, f"s3://{BUCKET}/stays/", tmp_path / "out", source) as job,
            pytest.raises(LabError, match=r"run.json could not be written: SlowDown \(again\)"),
        ):
            job.run()
    assert not jobs_by_input(aws, "/stays/")


def test_the_control_plane_fails(tmp_path):
    """Throttles, server errors and dropped connections of the control plane: jobs are made once all the same."""
    faults = [
        {"operation": CREATE, "error": "ThrottlingException", "calls": [1, 3]},
        {"operation": CREATE, "error": "drop_connection", "calls": [2]},
        {"operation": "ListModelInvocationJobs", "error": "InternalServerException", "calls": [1, 4]},
        {"operation": "ListModelInvocationJobs", "error": "drop_connection", "calls": [2, 6]},
    ]
    with local_aws(faults=faults) as (aws, _):
        source = write_input(tmp_path / "in.jsonl", 240)
        with job_at(aws, f"s3://{BUCKET}/control/", tmp_path / "out", source, records_per_shard=120) as job:
            assert job.run().ok == 240
        assert sorted(jobs_by_input(aws).values()) == [1, 1]
        assert len(calls(aws)) >= 2


def test_a_refusal_of_aws_is_one_line_without_accounts(tmp_path):
    """What AWS refuses for good is told in its words, account ids blotted out, exit 1; nothing else was made."""
    faults = [{"operation": CREATE, "error": "AccessDeniedException"}]
    with local_aws(faults=faults) as (aws, _):
        source = write_input(tmp_path / "in.jsonl", 120)
        with (
            job_at(aws, f"s3://{BUCKET}/refused/", tmp_path / "out", source) as job,
            pytest.raises(LabError, match=r"job lab-\w+-1-00000 could not be made: AccessDeniedException") as caught,
        ):
            job.run()
        assert caught.value.exit_code == 1
        assert "123456789012" not in str(caught.value)
        assert jobs_by_input(aws) == {}


class Body:
    """A body that breaks after some bytes."""

    def __init__(self, data, breaks):
        self.data, self.breaks = data, breaks

    def iter_chunks(self, size):
        from botocore.exceptions import ResponseStreamingError

        end = len(self.data) if self.breaks is None else self.breaks
        for at in range(0, end, size):
            yield self.data[at : min(at + size, end)]
        if self.breaks is not None:
            raise ResponseStreamingError(error="cut")

    def close(self):
        """Nothing is open."""


class Store:
    """S3 whose downloads break where it is told."""

    def __init__(self, data, breaks):
        self.data, self.breaks, self.ranges = data, list(breaks), []

    def get_object(self, **request):
        start = int(request["Range"].removeprefix("bytes=").rstrip("-"))
        self.ranges.append(start)
        assert request["IfMatch"] == "etag"
        return {"Body": Body(self.data[start:], self.breaks.pop(0) if self.breaks else None)}


def test_a_download_goes_on_where_it_broke(tmp_path):
    """After 3 bytes, then 4 more, then none: the rest is asked for by range."""
    data = b"0123456789"
    store = Store(data, [3, 4, 0])
    objects_ = Objects(store, read_place("s3://bucket-one/x/"), lambda _: None)
    objects_.download(Held("a", len(data), "etag"), tmp_path / "a")
    assert store.ranges == [0, 3, 7, 7]
    assert (tmp_path / "a").read_bytes() == data


def test_waits_double_to_a_limit():
    """Eight tries: 0.5 s, 1, 2, 4, 8, 16, 20 between them; then the error is told."""
    waits = []

    def call():
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        calling.patiently(call, waits.append)
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 20.0]


@pytest.mark.parametrize(
    ("code", "status", "passing"),
    [
        ("SlowDown", 503, True),
        ("InternalError", 500, True),
        ("ThrottlingException", 429, True),
        ("ThrottlingException", 400, True),
        ("RequestTimeout", 400, True),
        ("AccessDenied", 403, False),
        ("ValidationException", 400, False),
        ("NoSuchKey", 404, False),
        ("PreconditionFailed", 412, False),
    ],
)
def test_which_errors_pass(code, status, passing):
    """Server errors and throttling pass by themselves; what is refused does not."""
    from botocore.exceptions import ClientError

    error = ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Op")
    assert calling.passes(error) is passing


def test_missing_credentials_are_the_callers_mistake(tmp_path, monkeypatch):
    """Without credentials nothing was attempted: exit 2, and how to give some."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    there = type("There", (), {"client_kwargs": staticmethod(lambda: {"region_name": "us-east-1"})})
    source = write_input(tmp_path / "in.jsonl", 120)
    with (
        job_at(there, f"s3://{BUCKET}/x/", tmp_path / "out", source) as job,
        pytest.raises(InputError, match="no usable AWS credentials"),
    ):
        job.run()


def test_an_answer_cut_short():
    """Fewer bytes than the headers say are no answer; without a length, or compressed, nobody can tell."""
    with pytest.raises(ConnectionError, match="3 of 9 bytes"):
        check_whole({"headers": {"content-length": "9"}, "body": b'{"a'})
    check_whole({"headers": {"content-length": "3"}, "body": b'{"a'})
    check_whole({"headers": {}, "body": b'{"a'})
    check_whole({"headers": {"content-length": "9", "content-encoding": "gzip"}, "body": b'{"a'})


@pytest.mark.parametrize(
    ("url", "all_of_aws"),
    [
        ("http://localhost:4566", True),
        ("https://bedrock.us-east-1.amazonaws.com", False),
        ("https://bedrock-fips.us-east-1.amazonaws.com", False),
    ],
)
def test_an_endpoint_of_bedrock_alone_is_not_s3s(url, all_of_aws):
    """S3 stays where boto3 finds it, unless the endpoint stands in for all of AWS."""
    assert serves_s3(url) is all_of_aws


def test_nothing_is_left_in_the_prefix_but_a_runs_own(served, tmp_path):
    """Every object under the prefix has a name of the run's, whatever was struck."""
    aws, s3 = served
    with Proxy(aws.endpoint_url, pick=once("lost answer", 2)) as proxy:
        arguments = {**aws.client_kwargs(), "endpoint_url": proxy.endpoint_url}
        there = type("There", (), {"client_kwargs": staticmethod(lambda: arguments)})
        source = write_input(tmp_path / "in.jsonl", 120)
        with job_at(there, f"s3://{BUCKET}/names/", tmp_path / "out", source) as job:
            job.run()
    first = {key.split("/")[1] for key in objects(s3, "names/")}
    assert first == {"run.json", "input", "output", "jobs"}
