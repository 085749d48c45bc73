"""``batch``: jobs that lose nothing, from an input to its results."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bedrock_lab.batch.amounts import counted
from bedrock_lab.cli import batch_input
from bedrock_lab.cli.batch_words import bar, in_words, retried_in_words, told
from bedrock_lab.cli.output import (
    AWS_REGION,
    ENDPOINT,
    JSON,
    OVERLAY,
    PROFILE,
    assignments,
    chosen_region,
    emit,
    load_prices,
    real,
    warn,
    whole,
)
from bedrock_lab.errors import InputError

if TYPE_CHECKING:
    from bedrock_lab.batch.batch_job import BatchJob

app = typer.Typer(
    help="Batch inference at half the price, with nothing lost and nothing billed twice.", no_args_is_help=True
)

app.command("prepare")(batch_input.prepare)
app.command("compare")(batch_input.compare)

S3 = Annotated[str, typer.Option("--s3", metavar="S3URI", help="s3://bucket/prefix/ of the run, its own alone.")]
OUT = Annotated[str, typer.Option("--out", metavar="DIR", help="Folder of the run on this machine.")]
ROLE = Annotated[str | None, typer.Option("--role-arn", metavar="ARN", help="Role the jobs read and write S3 as.")]
CAP = Annotated[
    str | None, typer.Option("--max-spend-usd", metavar="X", help="The most the run may cost, at worst [USD].")
]
UNPRICED = Annotated[bool, typer.Option("--unpriced", help="Submit without a cap where no batch price is known.")]
MAX_JOBS = Annotated[
    int | None,
    typer.Option("--max-jobs", parser=whole, metavar="N", help="Jobs under way at a time (default: AWS's quota)."),
]
HOURS = Annotated[
    int | None,
    typer.Option("--timeout-hours", parser=whole, metavar="N", help="A job ends after this with what it has, 24-168."),
]
KEY = Annotated[str | None, typer.Option("--kms-key-id", metavar="KEY", help="Encrypt the results with this key.")]
SUBNETS = Annotated[
    list[str] | None, typer.Option("--subnet-id", metavar="ID", help="Of the VPC the jobs reach S3 through; repeat.")
]
GROUPS = Annotated[
    list[str] | None, typer.Option("--security-group-id", metavar="ID", help="Of that VPC; may be repeated.")
]
TAGS = Annotated[list[str] | None, typer.Option("--tag", help="key=value of every job; may be repeated.")]
POLL = Annotated[
    float, typer.Option("--poll-s", parser=real, metavar="S", help="Longest wait between two looks at the jobs [s].")
]
ATTEMPTS = Annotated[
    int,
    typer.Option("--max-attempts", parser=whole, metavar="N", help="Attempts after which a record is set apart."),
]
GOES_ON = "jobs under way go on at AWS and are charged: bedrock-lab batch stop --s3 {} stops them, run again goes on"


@contextmanager
def opened(
    s3: str,
    *,
    region: str | None,
    endpoint_url: str | None,
    profile: str | None,
    overlay: str | None = None,
    **more: Any,
) -> Iterator["BatchJob"]:
    """Open a run for a command."""
    from bedrock_lab.batch.batch_job import BatchJob
    from bedrock_lab.batch.problems import ProblemsError

    with BatchJob(
        s3,
        region_name=chosen_region(region),
        endpoint_url=endpoint_url,
        profile_name=profile,
        prices=load_prices(None, overlay),
        say=lambda text: warn([text]),
        **more,
    ) as job:
        try:
            yield job
        except ProblemsError as error:
            warn(f"line {number}: {text}" for number, text in error.problems)
            raise InputError(error.summary) from None
        except KeyboardInterrupt:
            warn([GOES_ON.format(s3)])
            raise


@app.command()
def submit(
    s3: S3,
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="Folder batch prepare has written.")],
    role_arn: ROLE = None,
    max_spend_usd: CAP = None,
    unpriced: UNPRICED = False,
    max_jobs: MAX_JOBS = None,
    timeout_hours: HOURS = None,
    kms_key_id: KEY = None,
    subnet_id: SUBNETS = None,
    security_group_id: GROUPS = None,
    tag: TAGS = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; send nothing.")] = False,
    region: str | None = AWS_REGION,
    endpoint_url: str | None = ENDPOINT,
    profile: str | None = PROFILE,
    overlay: str | None = OVERLAY,
    json: bool = JSON,
) -> None:
    """Write the run down in S3, upload its shards once, make the jobs there is room for."""
    with opened(
        s3,
        region=region,
        endpoint_url=endpoint_url,
        profile=profile,
        overlay=overlay,
        out=out,
        role_arn=role_arn,
        max_spend_usd=max_spend_usd,
        unpriced=unpriced,
        max_jobs=max_jobs,
        timeout_hours=timeout_hours,
        kms_key_id=kms_key_id,
        subnet_ids=subnet_id or (),
        security_group_ids=security_group_id or (),
        tags=assignments(tag or [], "--tag"),
    ) as job:
        found = job.submit(dry_run=dry_run).to_dict()
    if dry_run:
        done = (
            f"would make {counted(found['shards'], 'job')} of {counted(found['records'], 'record')}; nothing was sent"
        )
    else:
        done = (
            f"run {found['run']}: {counted(found['uploaded'], 'shard')} uploaded, {found['made']} of "
            f"{counted(found['shards'], 'job')} made"
        )
    emit(found, done, as_json=json)


@app.command()
def status(
    s3: S3,
    watch: Annotated[bool, typer.Option("--watch", help="Look until all jobs have ended; make queued ones.")] = False,
    poll_s: POLL = 60.0,
    max_jobs: MAX_JOBS = None,
    region: str | None = AWS_REGION,
    endpoint_url: str | None = ENDPOINT,
    profile: str | None = PROFILE,
    json: bool = JSON,
) -> int:
    """Say how the jobs of a run stand."""
    with opened(s3, region=region, endpoint_url=endpoint_url, profile=profile, max_jobs=max_jobs) as job:
        found = job.status(wait=watch, progress=bar, longest_s=poll_s)
    shown = found.to_dict()
    warn(shown["notes"])
    emit(shown, in_words(shown), as_json=json)
    return found.exit_code


@app.command()
def stop(
    s3: S3,
    region: str | None = AWS_REGION,
    endpoint_url: str | None = ENDPOINT,
    profile: str | None = PROFILE,
    json: bool = JSON,
) -> None:
    """Stop every job of a run; AWS charges the tokens they have processed."""
    with opened(s3, region=region, endpoint_url=endpoint_url, profile=profile) as job:
        shown = job.stop().to_dict()
    emit(shown, in_words(shown), as_json=json)


@app.command()
def collect(
    s3: S3,
    out: OUT,
    region: str | None = AWS_REGION,
    endpoint_url: str | None = ENDPOINT,
    profile: str | None = PROFILE,
    overlay: str | None = OVERLAY,
    json: bool = JSON,
) -> int:
    """Join what the jobs wrote to the input: results.parquet and results.jsonl, one row a record."""
    with opened(s3, region=region, endpoint_url=endpoint_url, profile=profile, overlay=overlay, out=out) as job:
        found = job.collect()
    return told(found, as_json=json)


@app.command()
def retry(
    s3: S3,
    out: OUT,
    max_attempts: ATTEMPTS = 3,
    max_spend_usd: CAP = None,
    unpriced: UNPRICED = False,
    max_jobs: MAX_JOBS = None,
    region: str | None = AWS_REGION,
    endpoint_url: str | None = ENDPOINT,
    profile: str | None = PROFILE,
    overlay: str | None = OVERLAY,
    json: bool = JSON,
) -> int:
    """Ask the records that failed or are missing again: as a batch, or on demand where they are few."""
    with opened(
        s3,
        region=region,
        endpoint_url=endpoint_url,
        profile=profile,
        overlay=overlay,
        out=out,
        max_spend_usd=max_spend_usd,
        unpriced=unpriced,
        max_jobs=max_jobs,
    ) as job:
        found = job.retry(max_attempts=max_attempts)
    shown = found.to_dict()
    emit(shown, retried_in_words(shown), as_json=json)
    return found.exit_code


@app.command()
def run(
    s3: S3,
    out: OUT,
    source: Annotated[
        str | None, typer.Argument(metavar="[IN]", help="The input; none goes on with what stands in S3.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="Model id or inference profile id.")] = None,
    role_arn: ROLE = None,
    max_spend_usd: CAP = None,
    unpriced: UNPRICED = False,
    max_tokens: Annotated[
        int,
        typer.Option("--max-tokens", parser=whole, metavar="N", help="The most of an answer that names no other."),
    ] = 1024,
    kind: Annotated[str | None, typer.Option("--kind", help="InvokeModel or Converse (default: by the input).")] = None,
    scope: Annotated[str | None, typer.Option("--scope", help="in-region, geo or global (default: by the id).")] = None,
    output_tokens: Annotated[
        int | None,
        typer.Option("--output-tokens", parser=whole, metavar="N", help="What you expect of an answer [tokens]."),
    ] = None,
    records_per_shard: Annotated[
        int | None,
        typer.Option("--records-per-shard", parser=whole, metavar="N", help="Most records of a job (default: quota)."),
    ] = None,
    max_jobs: MAX_JOBS = None,
    timeout_hours: HOURS = None,
    kms_key_id: KEY = None,
    subnet_id: SUBNETS = None,
    security_group_id: GROUPS = None,
    tag: TAGS = None,
    again: Annotated[
        bool, typer.Option("--retry", help="Ask records that failed or are missing again, within the cap.")
    ] = False,
    max_attempts: ATTEMPTS = 3,
    poll_s: POLL = 60.0,
    region: str | None = AWS_REGION,
    endpoint_url: str | None = ENDPOINT,
    profile: str | None = PROFILE,
    overlay: str | None = OVERLAY,
    json: bool = JSON,
) -> int:
    """Prepare, submit, watch and collect; run again with the same arguments it goes on, or says that it is done."""
    with (
        opened(
            s3,
            region=region,
            endpoint_url=endpoint_url,
            profile=profile,
            overlay=overlay,
            out=out,
            source=source,
            model=model,
            role_arn=role_arn,
            max_spend_usd=max_spend_usd,
            unpriced=unpriced,
            max_tokens=max_tokens,
            kind=kind,
            scope=scope,
            output_tokens=output_tokens,
            records_per_shard=records_per_shard,
            max_jobs=max_jobs,
            timeout_hours=timeout_hours,
            kms_key_id=kms_key_id,
            subnet_ids=subnet_id or (),
            security_group_ids=security_group_id or (),
            tags=assignments(tag or [], "--tag"),
        ) as job,
    ):
        found = job.run(retry=again, max_attempts=max_attempts, progress=bar, longest_s=poll_s)
    return told(found, as_json=json)
