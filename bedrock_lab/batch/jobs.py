"""Batch jobs at AWS: those of a run found by name, room for more, and one made for one shard."""

import dataclasses
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from bedrock_lab.catalogue.model import resolve
from bedrock_lab.client import calling, naming
from bedrock_lab.client.failures import code_of
from bedrock_lab.client.naming import Named, without_accounts
from bedrock_lab.errors import InputError, LabError

COMPLETED, PARTIAL, FAILED, STOPPED, EXPIRED = "Completed", "PartiallyCompleted", "Failed", "Stopped", "Expired"
ENDED = frozenset({COMPLETED, PARTIAL, FAILED, STOPPED, EXPIRED})
RUNNING = "InProgress"
ACTIVE = ("Submitted", "Validating", "Scheduled", RUNNING, "Stopping")
QUEUED, LOST = "Queued", "Lost"
"""States of ours: not made yet, and made but known to AWS no more."""

PAGE = 1000
FULL = "ServiceQuotaExceededException"
IN_USE = "ConflictException"
MISSING = "ResourceNotFoundException"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as AWS shows it; counts are null before it has validated its input.

    Attributes
    ----------
    message
        AWS's own words, account ids blotted out.
    """

    name: str
    arn: str | None
    status: str
    message: str | None = None
    total: int | None = None
    processed: int | None = None
    succeeded: int | None = None
    failed: int | None = None
    submitted: str | None = None
    ended: str | None = None

    @property
    def over(self) -> bool:
        """Whether it has ended, as far as anybody can tell."""
        return self.status in ENDED or self.status == LOST

    @property
    def id(self) -> str | None:
        """The last part of its ARN: the folder it writes in."""
        return None if self.arn is None else self.arn.rpartition("/")[2]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return dataclasses.asdict(self)


def read_job(shown: dict[str, Any]) -> Job:
    """Read a job of the API."""
    message = shown.get("message")
    return Job(
        name=shown["jobName"],
        arn=shown["jobArn"],
        status=shown["status"],
        message=None if message is None else without_accounts(message),
        total=shown.get("totalRecordCount"),
        processed=shown.get("processedRecordCount"),
        succeeded=shown.get("successRecordCount"),
        failed=shown.get("errorRecordCount"),
        submitted=_time(shown.get("submitTime")),
        ended=_time(shown.get("endTime")),
    )


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


class Jobs:
    """The jobs of an account in a Region.

    Parameters
    ----------
    control
        boto3's ``bedrock`` client.
    sleep
        Waits a number of seconds.
    """

    def __init__(self, control: Any, sleep: Callable[[float], None]) -> None:
        self.control = control
        self._sleep = sleep

    def _call(self, call: Callable[[], Any], doing: str) -> Any:
        try:
            return calling.patiently(call, self._sleep)
        except calling.errors() as error:
            calling.explain(error, doing)

    def _listed(self, **request: Any) -> Iterator[dict[str, Any]]:
        while True:
            page = self._call(
                lambda: self.control.list_model_invocation_jobs(maxResults=PAGE, **request),
                "batch jobs could not be listed",
            )
            yield from page.get("invocationJobSummaries", ())
            if not page.get("nextToken"):
                return
            request["nextToken"] = page["nextToken"]

    def named(self, beginning: str) -> dict[str, tuple[Job, str | None]]:
        """Return the jobs whose names begin so, by name, each with its clientRequestToken."""
        return {
            shown["jobName"]: (read_job(shown), shown.get("clientRequestToken"))
            for shown in self._listed(nameContains=beginning)
            if shown["jobName"].startswith(beginning)
        }

    def active(self, model: str) -> int:
        """Count the jobs of a model that have not ended: what AWS's quota counts.

        Parameters
        ----------
        model
            Catalogue id.
        """
        return sum(_is_of(shown, model) for status in ACTIVE for shown in self._listed(statusEquals=status))

    def get(self, arn: str) -> Job | None:
        """Return a job; None where AWS knows it no more."""
        try:
            return read_job(
                calling.patiently(lambda: self.control.get_model_invocation_job(jobIdentifier=arn), self._sleep)
            )
        except calling.errors() as error:
            if code_of(error) == MISSING:
                return None
            calling.explain(error, "a batch job could not be looked at")

    def create(self, request: dict[str, Any]) -> str | None:
        """Make a job and return its ARN; None where the quota of concurrent jobs is full.

        The request's token makes one job of however many calls.

        Raises
        ------
        LabError
            AWS refuses it.
        """
        name = request["jobName"]
        try:
            made = calling.patiently(lambda: self.control.create_model_invocation_job(**request), self._sleep)
        except calling.errors() as error:
            if code_of(error) == FULL:
                return None
            if code_of(error) == IN_USE:
                return self._same(name, request["clientRequestToken"])
            calling.explain(error, f"job {name} could not be made")
        return str(made["jobArn"])

    def _same(self, name: str, token: str) -> str:
        """Find the job that has our name: our own, seen late, or somebody else's."""
        job, other = self.named(name).get(name, (None, None))
        if job is None or job.arn is None or other != token:
            raise LabError(f"job {name} could not be made: another job has that name; give another prefix")
        return job.arn

    def asked(self, model_id: str, region: str) -> Named:
        """Ask which model an ARN serves.

        Raises
        ------
        LabError
            AWS does not say.
        """
        return self._call(  # type: ignore[no-any-return]
            lambda: naming.ask(self.control, model_id, region), f"what {without_accounts(model_id)} serves is not known"
        )

    def stop(self, arn: str) -> bool:
        """Stop a job; False where it had ended already."""
        try:
            calling.patiently(lambda: self.control.stop_model_invocation_job(jobIdentifier=arn), self._sleep)
        except calling.errors() as error:
            if code_of(error) in {IN_USE, MISSING}:
                return False
            calling.explain(error, "a batch job could not be stopped")
        return True


def _is_of(shown: dict[str, Any], model: str) -> bool:
    try:
        return resolve(shown["modelId"]).model.id == model
    except InputError:
        return False
