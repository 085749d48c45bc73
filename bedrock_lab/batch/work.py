"""What goes on in a run once it is begun: shards brought up, jobs watched, results collected, records asked again."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bedrock_lab.batch import on_demand, retrying, stopping, submitting
from bedrock_lab.batch.amounts import counted
from bedrock_lab.batch.attempts import Desk, Standing, attempts_at
from bedrock_lab.batch.collected import POISON, Collected
from bedrock_lab.batch.collecting import collect
from bedrock_lab.batch.jobs import QUEUED
from bedrock_lab.batch.manifest import DIRECT, Attempt
from bedrock_lab.batch.submitted import Retried
from bedrock_lab.batch.submitting import Say
from bedrock_lab.batch.terms import Terms
from bedrock_lab.batch.watching import Status, watch
from bedrock_lab.catalogue.offers import batch_limits
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.client.client import Client
from bedrock_lab.errors import InputError
from bedrock_lab.quote import add, plain


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A run as one process works on it.

    Attributes
    ----------
    out
        Folder on this machine; null where nothing is read or written there.
    boto3
        Arguments of boto3's clients, for records that are asked on demand.
    sleep, now
        Wait, and tell the time [s].
    """

    desk: Desk
    out: Path | None
    terms: Terms
    prices: Prices
    boto3: dict[str, Any]
    say: Say
    sleep: Callable[[float], None]
    now: Callable[[], float]

    @property
    def most(self) -> int:
        """Jobs of the model that may be under way."""
        return self.terms.max_jobs or int(batch_limits(self.desk.manifest.model)["concurrent_jobs"])

    @property
    def folder(self) -> Path:
        """The folder, where one is needed.

        Raises
        ------
        InputError
            None was given.
        """
        if self.out is None:
            raise InputError("--out is missing: give the folder of this run")
        return self.out

    def attempts(self) -> list[Attempt]:
        """Read the attempts so far."""
        return attempts_at(self.desk.objects, self.desk.manifest)

    def stopped(self) -> bool:
        """Whether the run is stopped."""
        return stopping.is_stopped(self.desk.objects)

    def stand(self, attempts: list[Attempt]) -> list[Standing]:
        """Look how the jobs stand; those a stop kept from being made are stopped."""
        standings = self.desk.look(attempts)
        if any(standing.job.status == QUEUED for standing in standings) and self.stopped():
            return stopping.as_stopped(standings)
        return standings


def status_of(work: Work, standings: list[Standing]) -> Status:
    """Put how the jobs stand together."""
    manifest = work.desk.manifest
    where = work.desk.objects.place.uri()
    return Status(run=manifest.run, where=where, model=manifest.model, standings=tuple(standings))


def look(work: Work) -> Status:
    """Look how the run stands."""
    attempts = work.attempts()
    return with_answers(work, attempts, status_of(work, work.stand(attempts)))


def with_answers(work: Work, attempts: list[Attempt], status: Status) -> Status:
    """Say whether the latest of several attempts has answered all it was to ask: every record left before it."""
    latest = attempts[-1]
    if latest.number == 1 or not status.over or status.never_made:
        return status
    if latest.how == DIRECT:
        ok = on_demand.answered(work.desk, latest)
    else:
        ok = sum(held.job.succeeded or 0 for held in status.standings if held.attempt.number == latest.number)
    return dataclasses.replace(status, answered=ok == latest.records)


def bring(work: Work, attempt: Attempt) -> tuple[int, int]:
    """Upload an attempt's shards and make the jobs there is room for; return how many of each."""
    desk = work.desk
    standings = desk.look([attempt])
    if attempt.how != DIRECT and not any(standing.job.status == QUEUED for standing in standings):
        return 0, 0
    folder = retrying.bring(desk, attempt, work.folder, work.prices)
    uploaded = submitting.upload(desk.objects, attempt, folder, work.say)
    return uploaded, submitting.make_jobs(desk, standings, work.most, work.say)


def watch_all(work: Work, progress: Callable[[Status], None] | None, longest_s: float) -> Status:
    """Look until every job has ended, and make those that wait as there is room."""
    attempts = work.attempts()
    queued = [standing.part for standing in work.stand(attempts) if standing.job.status == QUEUED]
    if queued:
        worst = [part.worst_usd for part in queued if part.worst_usd is not None]
        cost = f"{plain(add(worst))} USD at worst" if len(worst) == len(queued) else "no price known"
        work.say(f"still to be made: {counted(len(queued), 'job')}, {cost}")

    def again() -> Status:
        standings = work.stand(attempts)
        if submitting.make_jobs(work.desk, standings, work.most, work.say):
            standings = work.stand(attempts)
        return status_of(work, standings)

    found = watch(again, sleep=work.sleep, now=work.now, progress=progress, longest_s=longest_s)
    return with_answers(work, attempts, found)


def stop_all(work: Work) -> Status:
    """Stop every job that has not ended, and mark the run so that nobody makes those that wait."""
    if look(work).over:
        return look(work)
    stopping.mark(work.desk.objects)
    for standing in look(work).standings:
        if standing.job.arn is not None and not standing.job.over:
            work.desk.jobs.stop(standing.job.arn)
    found = look(work)
    if found.never_made:
        work.say(f"never made: {counted(found.never_made, 'job')}; only bedrock-lab batch run or submit makes them yet")
    return found


def collected(work: Work) -> Collected:
    """Write the results."""
    attempts = work.attempts()
    return collect(work.desk, attempts, work.stand(attempts), work.folder, work.prices)


def retry(work: Work, max_attempts: int, progress: Callable[[int, int], None] | None = None) -> Retried:
    """Ask records without an ok answer again, or go on with an attempt that a crash left unmade."""
    if max_attempts < 1:
        raise InputError(f"--max-attempts {max_attempts}: allowed is a whole number from 1")
    if work.stopped():
        at = work.desk.objects.place.uri()
        raise InputError(
            f"{at}: the run was stopped; bedrock-lab batch run --s3 {at} --out DIR --retry lifts the stop, and "
            "asks again"
        )
    gone_on = go_on(work, progress)
    if gone_on is not None:
        return gone_on
    before = collected(work)
    found = retrying.open_records(before, max_attempts)
    retrying.set_apart(found, work.folder)
    if found.poison:
        where = work.folder / POISON
        work.say(f"{len(found.poison):,} records had {max_attempts} attempts and are set apart in {where}")
    if not found.again:
        return Retried(attempt=None, left=before.left, uploaded=0, made=0, asked=0, poison=tuple(found.poison))
    attempt = retrying.next_attempt(work.desk, before, found.again, work.terms, work.folder, work.prices, work.say)
    return _ask(work, attempt, before.left, found.poison, progress)


def go_on(work: Work, progress: Callable[[int, int], None] | None = None) -> Retried | None:
    """Bring an attempt after the first on its way that a crash left unmade; None where there is none."""
    latest = work.attempts()[-1]
    if latest.number == 1:
        return None
    if latest.how == DIRECT:
        left = on_demand.left(work.desk, latest)
    else:
        left = sum(standing.job.status == QUEUED for standing in work.desk.look([latest]))
    if not left:
        return None
    work.say(f"going on with attempt {latest.number}: {submitting.price(latest)}")
    before = on_demand.answered(work.desk, latest) if latest.how == DIRECT else 0
    return _ask(work, latest, latest.records - before, [], progress)


def _ask(
    work: Work,
    attempt: Attempt,
    left: int,
    poison: list[dict[str, Any]],
    progress: Callable[[int, int], None] | None,
) -> Retried:
    uploaded, made = bring(work, attempt)
    asked = on_demand.Asked(0, 0)
    if attempt.how == DIRECT:
        with Client(**work.boto3, region_name=work.desk.manifest.region, prices=work.prices) as client:
            asked = on_demand.ask(work.desk, attempt, work.folder, client, progress)
    return Retried(
        attempt=attempt,
        left=left - asked.ok,
        uploaded=uploaded,
        made=made,
        asked=sum(asked),
        ok=asked.ok,
        failed=asked.failed,
        poison=tuple(poison),
    )


def through(
    work: Work,
    *,
    again: bool,
    max_attempts: int,
    progress: Callable[[Status], None] | None,
    longest_s: float,
) -> Collected:
    """Watch and collect, and with `again` retry as long as records are left that may be asked."""
    while True:
        go_on(work)
        watch_all(work, progress, longest_s)
        found = collected(work)
        if not again or not found.left or work.stopped() or retry(work, max_attempts).attempt is None:
            return found
