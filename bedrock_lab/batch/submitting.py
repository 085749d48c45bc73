"""A run begun and its jobs made: written down before anything is uploaded, and never made twice."""

import dataclasses
import datetime as dt
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bedrock_lab.batch.amounts import counted
from bedrock_lab.batch.attempts import Desk, Standing, manifest_at
from bedrock_lab.batch.jobs import QUEUED
from bedrock_lab.batch.manifest import COMPARED, DIRECT, RUN, Attempt, Manifest, Part, check_same
from bedrock_lab.batch.objects import Objects, sha256_of
from bedrock_lab.batch.prepared import SHARDS, Prepared
from bedrock_lab.batch.stopping import is_stopped
from bedrock_lab.batch.terms import Terms, check_cap
from bedrock_lab.errors import InputError, LabError
from bedrock_lab.quote import plain

Say = Callable[[str], None]


def plan(prepared: Prepared, terms: Terms) -> Manifest:
    """Plan a run: every shard with its hash and price.

    Raises
    ------
    InputError
        No role is given, or the cap does not cover the worst case.
    """
    if terms.role_arn is None:
        raise InputError(
            "--role-arn is missing: batch jobs read and write S3 as a role; bedrock-lab doctor --policy batch prints "
            "what it needs"
        )
    check_cap(prepared.worst_usd, terms)
    return Manifest(
        run=uuid.uuid4().hex,
        digest=prepared.digest,
        made=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        model=prepared.model,
        model_id=prepared.model_id,
        sent_id=prepared.sent_id,
        region=prepared.region,
        scope=prepared.scope,
        kind=prepared.kind,
        family=prepared.family,
        max_tokens=prepared.max_tokens,
        records=prepared.records,
        minimum_records=int(prepared.limits["minimum_records"]),
        role_arn=terms.role_arn,
        timeout_hours=terms.timeout_hours,
        max_spend_usd=terms.max_spend_usd,
        kms_key_id=terms.kms_key_id,
        subnet_ids=terms.subnet_ids,
        security_group_ids=terms.security_group_ids,
        tags=terms.tags,
        expected_usd=prepared.expected_usd,
        worst_usd=prepared.worst_usd,
        parts=parts_of_shards(prepared),
    )


def parts_of_shards(prepared: Prepared, indices: list[int] | None = None) -> tuple[Part, ...]:
    """Return the shards of an input as parts of an attempt.

    Parameters
    ----------
    indices
        Places in the run's input of the prepared records; None means they are the input.
    """
    out, at = [], 0
    for shard in prepared.shards:
        own = None if indices is None else tuple(indices[at : at + shard.records])
        at += shard.records
        out.append(
            Part(
                index=shard.index,
                name=shard.name,
                records=shard.records,
                size_bytes=shard.size_bytes,
                sha256=shard.sha256,
                expected_usd=shard.expected_usd,
                worst_usd=shard.worst_usd,
                indices=own,
            )
        )
    return tuple(out)


def price(attempt: Attempt) -> str:
    """Say what an attempt costs, before it is begun."""
    what = f"{counted(attempt.records, 'record')} in {counted(len(attempt.parts), 'job')}"
    if attempt.how == DIRECT:
        what = f"{counted(attempt.records, 'record')}, too few for a batch job, on demand"
    if attempt.worst_usd is None:
        return f"{what}: no price known, so no bound either"
    expected = "" if attempt.expected_usd is None else f"about {plain(attempt.expected_usd)} USD expected, "
    return f"{what}: {expected}{plain(attempt.worst_usd)} USD at worst"


def begin(objects: Objects, planned: Manifest) -> Manifest:
    """Write the run down and return what is written there: two who begin at once go on with the same."""
    objects.put_once(RUN, planned.to_dict())
    found = manifest_at(objects)
    if found is None:
        raise LabError(f"{objects.place.uri(RUN)}: was written, and is not there")
    return found


def check_prepared(found: Manifest, prepared: Prepared, objects: Objects) -> None:
    """Refuse other input than a run was begun with.

    Raises
    ------
    InputError
        Naming what differs.
    """
    asked = {name: getattr(prepared, name) for name in COMPARED}
    check_same(found, prepared.digest, asked, objects.place.uri(RUN))


def upload(objects: Objects, attempt: Attempt, folder: Path, say: Say) -> int:
    """Upload the shards of an attempt that are not there yet; return how many.

    Parameters
    ----------
    folder
        Where they stand on this machine.

    Raises
    ------
    InputError
        A shard is neither in S3 nor here, or was changed here.
    """
    uploaded = 0
    for part in attempt.parts:
        name, path = attempt.input_name(part), folder / part.name
        if objects.holds(name, part.size_bytes, part.sha256):
            continue
        if not path.is_file():
            raise InputError(
                f"{objects.place.uri(name)} was never uploaded and {path} is not here; give the input again: "
                "bedrock-lab batch run IN ... with the same settings"
            )
        if sha256_of(path) != part.sha256:
            raise InputError(f"{path}: was changed since it was prepared; prepare the input again")
        objects.upload(name, path, part.sha256)
        uploaded += 1
    if uploaded:
        say(f"uploaded {uploaded} of {counted(len(attempt.parts), 'shard')} to {objects.place.uri()}")
    return uploaded


def shards_folder(out: Path, attempt: Attempt) -> Path:
    """Return where the shards of an attempt stand on this machine."""
    return out / SHARDS if attempt.number == 1 else out / "attempts" / str(attempt.number) / SHARDS


def request_of(objects: Objects, manifest: Manifest, attempt: Attempt, part: Part) -> dict[str, Any]:
    """Return the call that makes a part's job."""
    place = objects.place
    request: dict[str, Any] = {
        "jobName": attempt.job_name(part),
        "clientRequestToken": attempt.token(part),
        "roleArn": manifest.role_arn,
        "modelId": manifest.sent_id,
        "modelInvocationType": manifest.kind,
        "inputDataConfig": {
            "s3InputDataConfig": {"s3Uri": place.uri(attempt.input_name(part)), "s3InputFormat": "JSONL"}
        },
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": place.uri(attempt.output_prefix(part))}},
    }
    if manifest.kms_key_id is not None:
        request["outputDataConfig"]["s3OutputDataConfig"]["s3EncryptionKeyId"] = manifest.kms_key_id
    if manifest.subnet_ids:
        request["vpcConfig"] = {
            "subnetIds": list(manifest.subnet_ids),
            "securityGroupIds": list(manifest.security_group_ids),
        }
    if manifest.tags:
        request["tags"] = [{"key": key, "value": value} for key, value in manifest.tags]
    if manifest.timeout_hours is not None:
        request["timeoutDurationInHours"] = manifest.timeout_hours
    return request


def make_jobs(desk: Desk, standings: list[Standing], most: int, say: Say) -> int:
    """Make the jobs there is room for, in order; return how many.

    Parameters
    ----------
    standings
        How the jobs stood a moment ago.
    most
        Jobs of the model that may be under way.
    """
    queued = [standing for standing in standings if standing.job.status == QUEUED]
    if not queued:
        return 0
    free = most - desk.jobs.active(desk.manifest.model)
    made = 0
    for standing in queued[: max(0, free)]:
        if is_stopped(desk.objects):
            say("the run was stopped; the rest is not made")
            break
        request = request_of(desk.objects, desk.manifest, standing.attempt, standing.part)
        arn = desk.jobs.create(request)
        if arn is None:
            say("AWS's quota of concurrent batch jobs is full; the rest waits")
            break
        desk.note(dataclasses.replace(standing.job, arn=arn, status="Submitted"))
        made += 1
        if is_stopped(desk.objects):  # marked since the look before: whoever stopped may not have seen this job
            desk.jobs.stop(arn)
            say(f"the run was stopped; {standing.job.name}, just made, is stopped too")
            break
    return made
