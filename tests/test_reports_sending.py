"""A run sent to S3: the same bytes, the pointer last, and what stands here stays whatever S3 says."""

import json
from pathlib import Path

import pytest
from report_runs import OK, answered

from bedrock_lab.cli.main import run
from bedrock_lab.errors import LabError
from bedrock_lab.reports import running, sending
from bedrock_lab.reports.running import run_report
from bedrock_lab.reports.sending import Away

BUCKET = "amzn-s3-demo-bucket"


@pytest.fixture(autouse=True)
def _no_kernel(monkeypatch):
    """Answer at once."""
    monkeypatch.setattr(running, "execute", answered({"cost_usd": 7}))


@pytest.fixture
def s3(aws, speak, monkeypatch):
    """Make a bucket at the local AWS, which boto3 finds by the environment."""
    for name, value in aws.env().items():
        monkeypatch.setenv(name, value)
    client = speak(aws, "s3")
    client.create_bucket(Bucket=BUCKET)
    yield client
    for item in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        client.delete_object(Bucket=BUCKET, Key=item["Key"])
    client.delete_bucket(Bucket=BUCKET)


def test_what_arrives_is_what_stands_here(tmp_path, s3, capsys):
    """Three files and the pointer, which leads to them; the line names the page in S3."""
    to = f"s3://{BUCKET}/team/reports"
    assert run(["report", str(OK), "--out", str(tmp_path), "--to", to, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    pointer = json.loads(s3.get_object(Bucket=BUCKET, Key="team/reports/ok/latest.json")["Body"].read())
    assert pointer["stamp"] == told["stamp"]
    assert set(told["sent"]) == {"html", "ipynb", "json", "latest"}
    for kind, ours in (("html", "html"), ("ipynb", "notebook"), ("json", "sidecar")):
        assert pointer[kind] == told["sent"][kind]
        found = s3.get_object(Bucket=BUCKET, Key=pointer[kind].removeprefix(f"s3://{BUCKET}/"))
        assert found["Body"].read() == Path(told[ours]).read_bytes()
        assert found["ContentType"] == sending.KINDS[f".{kind}"]
    assert run(["report", str(OK), "--out", str(tmp_path), "--to", to, "--fail-if", "cost_usd > 5"]) == 3
    said = capsys.readouterr()
    assert said.out.rstrip().split()[-1].startswith(f"{to}/ok/")
    assert said.out.rstrip().endswith(".html")
    assert len(s3.list_objects_v2(Bucket=BUCKET)["Contents"]) == 7


class Failing:
    """S3 that takes so many writes and then refuses."""

    def __init__(self, takes):
        self.takes, self.keys = takes, []

    def put_object(self, **given):
        """Keep the key, or refuse as AWS does."""
        from botocore.exceptions import ClientError

        if len(self.keys) >= self.takes:
            raise ClientError(
                {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}}, "PutObject"
            )
        self.keys.append(given["Key"])


@pytest.mark.parametrize("takes", range(5))
def test_the_pointer_is_written_last(tmp_path, takes, monkeypatch):
    """A write that is refused, whichever it is: the pointer is not moved, the run stands here, its alert was said."""
    s3, said = Failing(takes), []
    monkeypatch.setattr(sending.connection, "connect", lambda *_: s3)
    wanted = {"fail_if": ["cost_usd > 5"], "to": Away(f"s3://{BUCKET}/p/"), "say": said.append}
    if takes == 4:
        done = run_report(OK, {}, tmp_path, **wanted)
        assert s3.keys[-1] == "p/ok/latest.json"
        assert done.sent["latest"] == f"s3://{BUCKET}/p/ok/latest.json"
    else:
        with pytest.raises(LabError, match=r"could not be written; the report stands in .*AccessDenied") as caught:
            run_report(OK, {}, tmp_path, **wanted)
        assert caught.value.exit_code == 1
        assert not any(key.endswith("latest.json") for key in s3.keys)
    assert len(said) == 1
    assert (tmp_path / "ok" / "latest" / "ok.html").exists()


@pytest.mark.parametrize(
    "uri", ["", "bucket/prefix", "s3://", "s3://B/x", "s3://amzn-s3-demo-bucket/a//b", "https://x.y/z"]
)
def test_an_address_that_is_none_is_refused_before_anything_runs(tmp_path, capsys, monkeypatch, uri):
    """Exit 2, one line that names the option."""
    monkeypatch.setattr(running, "execute", None)
    assert run(["report", str(OK), "--out", str(tmp_path), "--to", uri]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert "--to" in err
    assert not list(tmp_path.iterdir())


def test_a_bucket_that_is_not_there_is_one_line(tmp_path, s3, capsys):
    """Exit 1; the report stands here."""
    assert run(["report", str(OK), "--out", str(tmp_path), "--to", "s3://amzn-s3-demo-other/x/"]) == 1
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert "NoSuchBucket" in err
    assert (tmp_path / "ok" / "latest" / "ok.html").exists()
