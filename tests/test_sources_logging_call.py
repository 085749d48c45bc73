"""``doctor --enable-logging`` and the ways to one's own traffic: what is printed fits AWS, and nothing is run."""

import json
import shlex

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

import bedrock_lab as lab
from bedrock_lab.cli.doctor import paths
from bedrock_lab.cli.main import run
from bedrock_lab.client import connection
from bedrock_lab.sources.identity import Identity


def shown(capsys, *arguments):
    """Run doctor and return its JSON."""
    assert run(["doctor", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("uri", "keys", "prefix"),
    [("s3://calls/", "AWSLogs/", None), ("s3://calls/team/bedrock/", "team/bedrock/AWSLogs/", "team/bedrock")],
)
def test_the_call_fits_botocores_model(capsys, uri, keys, prefix):
    """Parameters by AWS's own shapes; the bucket policy names the folder AWS documents and one source."""
    told = shown(capsys, "--enable-logging", "--s3", uri, "--region", "eu-west-1")
    words = shlex.split(told["calls"][-1])
    assert words[:3] == ["aws", "bedrock", "put-model-invocation-logging-configuration"]
    config = json.loads(words[words.index("--logging-config") + 1])
    client = boto3.client("bedrock", region_name="eu-west-1")
    shape = client.meta.service_model.operation_model("PutModelInvocationLoggingConfiguration").input_shape
    client.close()
    assert not ParamValidator().validate({"loggingConfig": config}, shape).has_errors()
    assert set(config) == set(shape.members["loggingConfig"].members) - {"cloudWatchConfig"}
    assert config["s3Config"].get("keyPrefix") == prefix
    assert not config["textDataDeliveryEnabled"]
    (statement,) = told["bucket_policy"]["Statement"]
    assert statement["Resource"] == [f"arn:aws:s3:::calls/{keys}123456789012/BedrockModelInvocationLogs/*"]
    assert statement["Condition"]["ArnLike"] == {"aws:SourceArn": "arn:aws:bedrock:eu-west-1:123456789012:*"}


def test_what_is_printed_works_and_was_not_run(capsys, monkeypatch):
    """On the local AWS logging is off after doctor, and on after its call is made by hand."""
    with lab.LocalAWS() as aws:
        for name, value in aws.env().items():
            monkeypatch.setenv(name, value)
        told = shown(capsys, "--enable-logging", "--s3", "s3://calls/bedrock/")
        control, s3 = boto3.client("bedrock", **aws.client_kwargs()), boto3.client("s3", **aws.client_kwargs())
        assert "loggingConfig" not in control.get_model_invocation_logging_configuration()
        assert told["run"] is False
        s3.create_bucket(Bucket="calls")
        s3.put_bucket_policy(Bucket="calls", Policy=json.dumps(told["bucket_policy"]))
        config = json.loads(shlex.split(told["calls"][-1])[-1])
        control.put_model_invocation_logging_configuration(loggingConfig=config)
        assert control.get_model_invocation_logging_configuration()["loggingConfig"] == config
        control.close()
        s3.close()


def test_it_stands_alone(capsys):
    """With --policy it is exit 2."""
    assert run(["doctor", "--enable-logging", "--policy", "logs"]) == 2
    assert "stands alone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "allowed"), [(None, "no"), ("Bedrock API key in the environment", "no"), ("environment", "unknown")]
)
def test_what_cannot_be_known_is_unknown(source, allowed):
    """Policies are not asked: only missing credentials and keys of Bedrock alone are known not to do."""
    assert {way["allowed"] for way in paths(source).values()} == {allowed}


def test_the_identity_is_asked_once_and_stays_hidden(aws, capsys, monkeypatch):
    """One call of STS and nothing else; account and ARN come out only with --identities."""
    for name, value in aws.env().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "0000123456789012")
    told = shown(capsys, "--identity", "--region", "us-east-1")
    assert told["identity"]["kind"] == "user"
    assert told["identity"]["arn"] is None
    assert "123456789012" not in json.dumps(told)
    assert {way["allowed"] for way in told["traffic"].values()} == {"unknown"}
    assert all("the credentials work (a user)" in way["why"] for way in told["traffic"].values())
    open_ = shown(capsys, "--identity", "--identities", "--region", "us-east-1")
    assert open_["identity"]["arn"] == "arn:aws:iam::123456789012:user/local"
    assert shown(capsys)["identity"] is None


class Refusing:
    """Stands for STS and refuses."""

    def __init__(self, code):
        self.code = code

    def get_caller_identity(self):
        """Answer with an error of AWS."""
        raise ClientError(
            {"Error": {"Code": self.code, "Message": "for 123456789012"}, "ResponseMetadata": {"HTTPStatusCode": 403}},
            "GetCallerIdentity",
        )

    def close(self):
        """Do nothing."""


@pytest.mark.parametrize(
    ("code", "words", "exit_code"),
    [
        ("ExpiredToken", "the AWS credentials have expired (ExpiredToken); get new ones", 2),
        ("InvalidClientTokenId", "no usable AWS credentials (InvalidClientTokenId)", 2),
        ("AccessDenied", "STS does not say who the caller is (AccessDenied)", 1),
    ],
)
def test_credentials_that_do_not_work_are_one_line(capsys, monkeypatch, code, words, exit_code):
    """Expired, unknown, denied: what and what to do, without the account."""
    monkeypatch.setattr(connection, "connect", lambda *_: Refusing(code))
    assert run(["doctor", "--identity"]) == exit_code
    err = [line for line in capsys.readouterr().err.splitlines() if "asking STS" not in line]
    assert len(err) == 1
    assert words in err[0]
    assert "123456789012" not in err[0]


def test_each_way_names_its_policy_and_root_may_everything(capsys):
    """Metrics, logs and bill; the policies they name are printed by doctor --policy."""
    ways = paths("environment", Identity(kind="root", account="x", arn=None))
    assert {name: way["policy"].split()[-1] for name, way in ways.items()} == {
        "metrics": "read", "logs": "logs", "bill": "bill",
    }  # fmt: skip
    assert {way["allowed"] for way in ways.values()} == {"yes"}
    for way in ways.values():
        assert "Statement" in shown(capsys, *way["policy"].split()[2:])["policy"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--identities",), "--identities goes with --identity"),
        (("--identity", "--policy", "read"), "--identity stands alone: leave out --policy"),
        (("--identity", "--enable-logging"), "--identity stands alone: leave out --enable-logging"),
    ],
)
def test_what_does_not_go_together_is_refused(capsys, arguments, words):
    """Before anything is asked."""
    assert run(["doctor", *arguments]) == 2
    assert words in capsys.readouterr().err
