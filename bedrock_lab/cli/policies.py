"""``doctor --policy``: the smallest IAM policies, and the calls that make what they are for."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from bedrock_lab.cli.output import chosen_region, emit
from bedrock_lab.errors import InputError, LabError

TABLE = "dynamodb://bedrock-lab-answers"
MODEL = "us.amazon.nova-lite-v1:0"
PLACE = "s3://bedrock-lab-batch/runs/"
LOGS = "s3://bedrock-invocation-logs/AWSLogs/"
LOGS_ROOT = LOGS.removesuffix("AWSLogs/")
"""Where the log is delivered to: AWS adds ``AWSLogs/``."""
REPORTS = "s3://cost-and-usage-reports/cur/"
SENT = "s3://bedrock-lab-reports/"
ROLE = "bedrock-lab-batch"
ACCOUNT = "123456789012"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a policy is for."""

    model: str = MODEL
    cache: str = TABLE
    s3: str = PLACE
    region: str | None = None

    @property
    def place(self) -> str:
        """Region in the policy's ARNs."""
        return chosen_region(self.region) or "us-east-1"


@dataclasses.dataclass(frozen=True, slots=True)
class Shown:
    """Policies by what they are for, and commands that make what they name."""

    documents: dict[str, dict[str, Any]]
    calls: tuple[str, ...] = ()


def measure(asked: Asked) -> Shown:
    """Show what calling and measuring a model takes."""
    from bedrock_lab.client.policy import policy

    return Shown({"policy": policy(asked.model, asked.place)})


def cache(asked: Asked) -> Shown:
    """Show what a table of cached answers takes."""
    from bedrock_lab.cache import table as tables
    from bedrock_lab.cache.opening import table_of

    name, _, arguments = table_of(asked.cache)
    region = arguments.get("region_name", asked.place)
    return Shown({"policy": tables.policy(name, region)}, tables.commands(name, region))


def batch(asked: Asked) -> Shown:
    """Show what whoever submits batch jobs needs, and the role Bedrock takes on."""
    from bedrock_lab.batch.places import read_place
    from bedrock_lab.batch.policy import caller, commands, job_role, trust

    place, region = read_place(asked.s3), asked.place
    documents = {
        "policy": caller(place, region, ACCOUNT, ROLE),
        "role_policy": job_role(place, region, ACCOUNT),
        "role_trust": trust(region, ACCOUNT),
    }
    return Shown(documents, commands(ROLE))


def provision(asked: Asked) -> Shown:
    """Show what provisioned throughput takes."""
    from bedrock_lab.provisioned.policy import policy

    return Shown({"policy": policy(asked.place)})


def logs(asked: Asked) -> Shown:
    """Show what reading the invocation log takes."""
    from bedrock_lab.sources.policy import logs_policy

    return Shown({"policy": logs_policy(LOGS if asked.s3 == PLACE else asked.s3)})


def read(asked: Asked) -> Shown:
    """Show what reading metrics takes."""
    from bedrock_lab.sources.policy import read_policy

    return Shown({"policy": read_policy(asked.place)})


def bill(asked: Asked) -> Shown:
    """Show what reading the bill and the price list takes."""
    from bedrock_lab.sources.policy import bill_policy

    return Shown({"policy": bill_policy(REPORTS if asked.s3 == PLACE else asked.s3)})


def report(asked: Asked) -> Shown:
    """Show what sending reports to S3 takes."""
    from bedrock_lab.batch.places import read_place
    from bedrock_lab.reports.sending import policy

    return Shown({"policy": policy(read_place(SENT if asked.s3 == PLACE else asked.s3))})


KNOWN: dict[str, Callable[[Asked], Shown]] = {
    "logs": logs,
    "measure": measure,
    "cache": cache,
    "batch": batch,
    "provision": provision,
    "read": read,
    "bill": bill,
    "report": report,
}


def show(policy: str | None, asked: Asked, *, create: bool, as_json: bool) -> None:
    """Print policies with the calls that make what they are for; with `create` make the table of `cache`."""
    if policy not in KNOWN or (create and policy != "cache"):
        allowed = ", ".join(KNOWN)
        raise InputError(f"--policy {policy!r}: allowed here are {allowed}; --create goes with --policy cache")
    found = KNOWN[policy](asked)
    made = create and make(asked)
    lines: list[str] = []
    for title, document in found.documents.items():
        if len(found.documents) > 1:
            lines.append(f"{title.replace('_', ' ')}:")
        lines.append(json.dumps(document, indent=2))
    if found.calls:
        lines += ["", f"Made by{' (or with --create)' if policy == 'cache' else ''}:", *found.calls]
    if create:
        lines += ["the table was made" if made else "the table is there"]
    beside = {"created": made} if policy == "cache" else {}
    emit({**found.documents, "calls": list(found.calls), **beside}, "\n".join(lines), as_json=as_json)


def show_logging(asked: Asked, *, as_json: bool) -> None:
    """Print the calls that switch the invocation log on."""
    from bedrock_lab.sources import logging_call

    uri = LOGS_ROOT if asked.s3 == PLACE else asked.s3
    document, calls = logging_call.bucket_policy(uri, asked.place), logging_call.commands(uri, asked.place)
    told = {"bucket_policy": document, "calls": list(calls), "notes": list(logging_call.NOTES), "run": False}
    lines = [
        "bucket-policy.json:",
        json.dumps(document, indent=2),
        "",
        "Nothing was run. To run, in this order:",
        *calls,
    ]
    emit(told, "\n".join([*lines, "", *logging_call.NOTES]), as_json=as_json)


def make(asked: Asked) -> bool:
    """Make the table with its TTL; whether there was none."""
    from botocore.exceptions import BotoCoreError, ClientError

    from bedrock_lab.cache import table as tables
    from bedrock_lab.cache.opening import table_of

    name, profile, arguments = table_of(asked.cache)
    arguments.setdefault("region_name", asked.place)
    db = tables.connect(profile, arguments, connect_s=10.0, read_s=30.0)
    try:
        wrong = tables.trouble(db, name)
        if wrong is None:
            return False
        if not wrong.startswith(tables.NO_TABLE):
            raise InputError(f"table {name}: {wrong}")
        creating, expiring = tables.creation(name)
        getattr(db, creating[0])(**creating[1])
        db.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
        getattr(db, expiring[0])(**expiring[1])
    except (BotoCoreError, ClientError) as error:
        code = getattr(error, "response", {}).get("Error", {}).get("Code", type(error).__name__)
        raise LabError(f"table {name}: cannot be made ({code}); check credentials, Region and policy") from None
    finally:
        db.close()
    return True
