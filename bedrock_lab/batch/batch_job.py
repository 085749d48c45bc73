"""`BatchJob`: a run of batch inference from its input to its results, gone on with from S3 alone."""

import dataclasses
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from bedrock_lab.batch import stopping, submitting
from bedrock_lab.batch.amounts import amount
from bedrock_lab.batch.attempts import Desk, manifest_at
from bedrock_lab.batch.collected import Collected, check_own
from bedrock_lab.batch.connecting import Connected
from bedrock_lab.batch.manifest import Manifest
from bedrock_lab.batch.places import read_place
from bedrock_lab.batch.prepared import Prepared, read_prepared
from bedrock_lab.batch.preparing import prepare
from bedrock_lab.batch.retrying import MAX_ATTEMPTS
from bedrock_lab.batch.submitted import Retried, Submitted
from bedrock_lab.batch.submitting import Say
from bedrock_lab.batch.terms import Terms
from bedrock_lab.batch.watching import LONGEST_S, Status, check_wait
from bedrock_lab.batch.work import Work, bring, collected, look, retry, stop_all, through, watch_all
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.catalogue.pricelist import prices as load_prices
from bedrock_lab.client.naming import Named
from bedrock_lab.errors import InputError


class BatchJob:
    """A run of batch inference: everything needed to go on stands in S3 under its prefix.

    Parameters
    ----------
    s3
        ``s3://bucket/prefix/`` of the run, its own alone.
    out
        Folder on this machine: shards, results.parquet, results.jsonl.
    source, model
        The input, and the model it is prepared for; not needed to go on with a run that is uploaded.
    role_arn
        Role the jobs read and write S3 as.
    max_spend_usd
        What the run may cost at worst, over all attempts [USD].
    unpriced
        Submit without a cap where no batch price is known.
    max_jobs
        Jobs of the model under way at a time; unset, AWS's quota as the catalogue knows it.
    timeout_hours
        After which a job ends with what it has done, 24 to 168 [h].
    kms_key_id, subnet_ids, security_group_ids, tags
        Of the jobs: the key their results are encrypted with, the VPC they reach S3 through, their tags.
    scope, kind, max_tokens, output_tokens, records_per_shard
        As `prepare` takes them.
    prices
        The price list; unset, as of today.
    region_name, endpoint_url, profile_name, arguments
        Of boto3's clients.
    say
        Takes what a person should read, a line at a time: prices before anything bills.
    sleep, now
        Wait, and tell the time [s].

    Examples
    --------
    >>> job = BatchJob("s3://bucket/run-1/", out="results", source="prompts.jsonl", model="amazon.nova-lite")
    >>> job.place.uri("run.json")
    's3://bucket/run-1/run.json'
    """

    def __init__(
        self,
        s3: str,
        *,
        out: str | Path | None = None,
        source: str | Path | None = None,
        model: str | None = None,
        role_arn: str | None = None,
        max_spend_usd: float | str | Decimal | None = None,
        unpriced: bool = False,
        max_jobs: int | None = None,
        timeout_hours: int | None = None,
        kms_key_id: str | None = None,
        subnet_ids: Sequence[str] = (),
        security_group_ids: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
        scope: str | None = None,
        kind: str | None = None,
        max_tokens: int = 1024,
        output_tokens: int | None = None,
        records_per_shard: int | None = None,
        prices: Prices | None = None,
        region_name: str | None = None,
        endpoint_url: str | None = None,
        profile_name: str | None = None,
        say: Say = lambda _: None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
        **arguments: Any,
    ) -> None:
        self.place = read_place(s3)
        self.out = None if out is None else Path(out)
        self.source = source
        self.model = model
        self.terms = Terms(
            role_arn=role_arn,
            max_spend_usd=amount(max_spend_usd),
            unpriced=unpriced,
            max_jobs=max_jobs,
            timeout_hours=timeout_hours,
            kms_key_id=kms_key_id,
            subnet_ids=tuple(subnet_ids),
            security_group_ids=tuple(security_group_ids),
            tags=tuple(sorted((tags or {}).items())),
        )
        self.settings: dict[str, Any] = {
            "scope": scope,
            "kind": kind,
            "max_tokens": max_tokens,
            "output_tokens": output_tokens,
            "records_per_shard": records_per_shard,
        }
        self.prices = prices or load_prices()
        self.region = region_name
        self.say = say
        self._sleep, self._now = sleep, now
        self._boto3 = {"profile_name": profile_name, "endpoint_url": endpoint_url, **arguments}
        self._aws = Connected(self.place, region_name, self._boto3, sleep)

    # what it works with

    def _folder(self) -> Path:
        if self.out is None:
            raise InputError("--out is missing: give the folder of this run")
        return self.out

    def _work(self) -> Work:
        """Find the run under the prefix.

        Raises
        ------
        InputError
            None was begun there, or the bucket cannot be used.
        """
        objects, _, where = self._aws.to()
        objects.check(where)
        manifest = manifest_at(objects)
        if manifest is None:
            raise InputError(
                f"{self.place.uri()}: no run was begun there; begin one with bedrock-lab batch run IN --model ID "
                f"--s3 {self.place.uri()} --role-arn ARN --out DIR --max-spend-usd X"
            )
        return self._work_on(manifest)

    def _work_on(self, manifest: Manifest) -> Work:
        """Work on a run; terms that are not given are those it was begun with."""
        objects, jobs, where = self._aws.to(manifest.region)
        if where != manifest.region:
            raise InputError(f"--region {where}: the run under {self.place.uri()} is in {manifest.region}")
        cap = self.terms.max_spend_usd
        return Work(
            desk=Desk(objects, jobs, manifest),
            out=self.out,
            terms=dataclasses.replace(self.terms, max_spend_usd=manifest.max_spend_usd if cap is None else cap),
            prices=self.prices,
            boto3=self._boto3,
            say=self.say,
            sleep=self._sleep,
            now=self._now,
        )

    def close(self) -> None:
        """Close the connections."""
        self._aws.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # the steps

    def prepare(self) -> Prepared:
        """Check the input, write its shards into the folder, and price them; nothing is sent.

        Raises
        ------
        InputError
            Every mistake of the input, with its line.
        """
        if self.source is None or self.model is None:
            raise InputError("the input and --model are missing; give both, or a folder with what was prepared")
        check_own(self._folder(), self.place.uri())
        return prepare(
            self.source,
            model=self.model,
            out=self._folder(),
            prices=self.prices,
            region=self.region,
            ask=self._ask,
            **self.settings,
        )

    def _ask(self, model_id: str) -> Named:
        """Ask AWS which model an application profile serves."""
        _, jobs, where = self._aws.to()
        return jobs.asked(model_id, where)

    def submit(self, *, dry_run: bool = False) -> Submitted:
        """Begin the run: write it down, upload its shards, make the jobs there is room for.

        What is done already is not done again: run again after a crash, it goes on.

        Parameters
        ----------
        dry_run
            Say what would be done; nothing is sent.
        """
        prepared = self.prepare() if self.source is not None else read_prepared(self._folder())
        return self._submit(prepared, dry_run=dry_run)

    def _submit(self, prepared: Prepared, *, dry_run: bool = False) -> Submitted:
        if not prepared.batchable:
            raise InputError(prepared.why_not or "the input makes no batch job")
        terms = self.terms
        if dry_run and terms.max_spend_usd is None:
            terms = dataclasses.replace(terms, max_spend_usd=prepared.worst_usd)
        planned = functools.partial(submitting.plan, prepared, terms)
        if dry_run:
            manifest = planned()
            self.say(submitting.price(manifest.first))
            return Submitted(manifest=manifest, where=self.place.uri(), uploaded=0, made=0, dry_run=True)
        objects, _, where = self._aws.to(prepared.region)
        objects.check(where)
        found = manifest_at(objects)
        check_own(self._folder(), self.place.uri(), "" if found is None else found.run)
        if found is None:
            manifest = planned()
            self.say(submitting.price(manifest.first))
            found = submitting.begin(objects, manifest)
            submitting.check_prepared(found, prepared, objects)
        else:
            submitting.check_prepared(found, prepared, objects)
            self._say_going_on(found)
            stopping.lift(objects, self.say)
        uploaded, made = bring(self._work_on(found), found.first)
        return Submitted(manifest=found, where=self.place.uri(), uploaded=uploaded, made=made, dry_run=False)

    def _say_going_on(self, manifest: Manifest) -> None:
        self.say(f"going on with the run begun {manifest.made}: {submitting.price(manifest.first)}")

    def status(
        self, *, wait: bool = False, progress: Callable[[Status], None] | None = None, longest_s: float = LONGEST_S
    ) -> Status:
        """Look how the run stands.

        Parameters
        ----------
        wait
            Make queued jobs as there is room, and look until all have ended.
        progress
            Told every look.
        longest_s
            The longest wait between two looks [s].
        """
        check_wait(longest_s)
        work = self._work()
        return watch_all(work, progress, longest_s) if wait else look(work)

    def stop(self) -> Status:
        """Stop every job that has not ended; AWS charges the tokens they have processed.

        Jobs that were not made yet stay unmade: a mark in S3 says so, which only `submit` or `run` lifts.
        """
        return stop_all(self._work())

    def collect(self) -> Collected:
        """Join what the jobs wrote to the input, and write results.parquet and results.jsonl into the folder.

        Raises
        ------
        InputError
            A job has not ended.
        """
        return collected(self._work())

    def retry(self, *, max_attempts: int = MAX_ATTEMPTS, progress: Callable[[int, int], None] | None = None) -> Retried:
        """Ask the records that failed or are missing again: as a batch, or on demand where they are too few for one.

        An attempt that was begun before is gone on with; records that had `max_attempts` are set apart in
        poison.jsonl.
        """
        return retry(self._work(), max_attempts, progress)

    def run(
        self,
        *,
        retry: bool = False,
        max_attempts: int = MAX_ATTEMPTS,
        progress: Callable[[Status], None] | None = None,
        longest_s: float = LONGEST_S,
    ) -> Collected:
        """Do all of it: prepare, submit, watch, collect; run again it goes on, or finds that it is done.

        Without `source` it goes on from what stands in S3.

        Parameters
        ----------
        retry
            Ask records that failed or are missing again, as long as there are some and attempts left.
        """
        check_wait(longest_s)
        if self.source is not None:
            self._submit(self.prepare())
        work = self._work()
        if self.source is None:
            check_own(self._folder(), self.place.uri(), work.desk.manifest.run)
            self._say_going_on(work.desk.manifest)
            stopping.lift(work.desk.objects, self.say)
            bring(work, work.desk.manifest.first)
        return through(work, again=retry, max_attempts=max_attempts, progress=progress, longest_s=longest_s)

    def __repr__(self) -> str:
        return f"<BatchJob at {self.place.uri()}>"
