"""What a run says of itself in S3: its settings, its attempts and their shards, and the names that follow from them."""

import dataclasses
import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from bedrock_lab.errors import InputError, LabError
from bedrock_lab.quote import plain

RUN = "run.json"
INPUT, OUTPUT, JOBS, ATTEMPTS, ON_DEMAND = "input/", "output/", "jobs/", "attempts/", "on-demand/"
FORMAT = 1
BATCH, DIRECT = "batch", "on-demand"
MARK = 12
"""Characters of a run's id that the names of its jobs hold."""

COMPARED = ("model_id", "region", "kind", "max_tokens", "records")
"""What a refusal of other input names, before it says that the records differ."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A shard of an attempt: one file, one job.

    Attributes
    ----------
    expected_usd, worst_usd
        What the job is expected to cost and can cost [USD]; null without a price.
    indices
        Places in the input of its records, in order; null in the first attempt, whose shards follow one another.
    """

    index: int
    name: str
    records: int
    size_bytes: int
    sha256: str
    expected_usd: Decimal | None
    worst_usd: Decimal | None
    indices: tuple[int, ...] | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Records that are asked together.

    Attributes
    ----------
    number
        From 1.
    how
        batch, or on-demand where there are too few for a job.
    """

    run: str
    number: int
    how: str
    parts: tuple[Part, ...]
    expected_usd: Decimal | None
    worst_usd: Decimal | None

    @property
    def records(self) -> int:
        """Number of records."""
        return sum(part.records for part in self.parts)

    def job_name(self, part: Part) -> str:
        """Return the name of a part's job.

        >>> part = Part(index=3, name="a", records=1, size_bytes=1, sha256="", expected_usd=None, worst_usd=None)
        >>> attempt = Attempt(run="0123456789abcdef", number=1, how=BATCH, parts=(part,), expected_usd=None,
        ...                   worst_usd=None)
        >>> attempt.job_name(part)
        'lab-0123456789ab-1-00003'
        """
        return f"{jobs_of(self.run)}{self.number}-{part.index:05d}"

    def token(self, part: Part) -> str:
        """Return the clientRequestToken of a part's job: AWS makes one job of one token."""
        return hashlib.sha256(f"{self.run} {self.number} {part.index} {part.sha256}".encode()).hexdigest()

    def input_name(self, part: Part) -> str:
        """Return the name of a part's object under the run's prefix."""
        return f"{INPUT}{self.number}/{part.name}"

    def output_prefix(self, part: Part) -> str:
        """Return where a part's job writes, under the run's prefix."""
        return f"{OUTPUT}{self.number}/{part.index:05d}/"

    def to_dict(self) -> dict[str, Any]:
        """Return what stands in S3."""
        return {"format": FORMAT, **plain_values(self)}


def jobs_of(run: str) -> str:
    """Return how the names of a run's jobs begin."""
    return f"lab-{run[:MARK]}-"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A run.

    Attributes
    ----------
    run
        Its id, drawn when it was begun: the same input asked for again under another prefix is another run.
    digest
        Of input and settings.
    made
        When it was begun, ISO 8601.
    sent_id
        The id a job is made with.
    family
        The form of the records' bodies.
    minimum_records
        Below which there is no batch job of the model.
    kms_key_id, subnet_ids, security_group_ids, tags
        What jobs are made with besides; runs of earlier versions have none.
    """

    run: str
    digest: str
    made: str
    model: str
    model_id: str
    sent_id: str
    region: str
    scope: str
    kind: str
    family: str
    max_tokens: int
    records: int
    minimum_records: int
    role_arn: str
    timeout_hours: int | None
    max_spend_usd: Decimal | None
    expected_usd: Decimal | None
    worst_usd: Decimal | None
    parts: tuple[Part, ...]
    kms_key_id: str | None = None
    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def first(self) -> Attempt:
        """The attempt that asks every record."""
        return Attempt(
            run=self.run,
            number=1,
            how=BATCH,
            parts=self.parts,
            expected_usd=self.expected_usd,
            worst_usd=self.worst_usd,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what stands in S3."""
        return {"format": FORMAT, **plain_values(self)}


def plain_values(held: Any) -> dict[str, Any]:
    """Write a dataclass in the values of JSON; money is an exact decimal string."""
    out: dict[str, Any] = {}
    for field in dataclasses.fields(held):
        value = getattr(held, field.name)
        if isinstance(value, Decimal):
            value = plain(value)
        elif field.name == "parts":
            value = [plain_values(part) for part in value]
        elif isinstance(value, tuple):
            value = list(value)
        out[field.name] = value
    return out


def read_manifest(held: Mapping[str, Any], where: str) -> Manifest:
    """Read a run.

    Raises
    ------
    LabError
        It is no run of ours, or one of another version.
    """
    found: Manifest = _read(Manifest, held, where)
    return found


def read_attempt(held: Mapping[str, Any], where: str) -> Attempt:
    """Read an attempt."""
    found: Attempt = _read(Attempt, held, where)
    return found


def _read(kind: Any, held: Mapping[str, Any], where: str) -> Any:
    try:
        if held["format"] != FORMAT:
            raise LabError(f"{where}: is of format {held['format']!r}, this version reads {FORMAT}")
        values = {
            field.name: _tuple(held[field.name])
            for field in dataclasses.fields(kind)
            if field.name in held or field.default is dataclasses.MISSING
        }
        values["parts"] = tuple(
            Part(**{**_money(part), "indices": None if part["indices"] is None else tuple(part["indices"])})
            for part in values["parts"]
        )
        return kind(**_money(values))
    except (KeyError, TypeError, ValueError, ArithmeticError):
        raise LabError(f"{where}: was not written by bedrock-lab batch; give another prefix") from None


def _tuple(value: Any) -> Any:
    return tuple(_tuple(item) for item in value) if isinstance(value, list) else value


def _money(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: Decimal(value) if name.endswith("_usd") and value is not None else value for name, value in values.items()
    }


def check_same(manifest: Manifest, digest: str, asked: Mapping[str, Any], where: str) -> None:
    """Refuse to go on with a run of other input.

    Parameters
    ----------
    asked
        What `COMPARED` names, as it is asked for now.

    Raises
    ------
    InputError
        Naming what differs.
    """
    if manifest.digest == digest:
        return
    found = [
        f"{name} {getattr(manifest, name)!r} there, {asked[name]!r} here"
        for name in COMPARED
        if getattr(manifest, name) != asked[name]
    ]
    said = "; ".join(found) or "the records differ"
    raise InputError(f"{where} holds a run of other input ({said}); give another prefix, or the same input again")
