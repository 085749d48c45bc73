"""What jobs are made with, and what a run may cost: given by the user, checked before anything is sent."""

import dataclasses
import re
from decimal import Decimal

from bedrock_lab.client.tagging import checked_tags
from bedrock_lab.errors import InputError
from bedrock_lab.quote import plain

ROLE = re.compile(r"arn:aws(-[^:]+)?:iam::\d{12}:role/.+")
KEY = re.compile(
    r"(arn:aws(-[^:]+)?:kms:[a-zA-Z0-9-]*:[0-9]{12}:((key/[a-zA-Z0-9-]{36})|(alias/[a-zA-Z0-9-_/]+)))"
    r"|([a-zA-Z0-9-]{36})|(alias/[a-zA-Z0-9-_/]+)"
)
SUBNET, GROUP = re.compile(r"subnet-[-0-9a-zA-Z]+"), re.compile(r"sg-[-0-9a-zA-Z]+")
"""As botocore's model of the API has them."""
HOURS = (24, 168)
"""Time-out of a job, least and most [h]; botocore's model of the API."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What jobs are made with, beside the records.

    Attributes
    ----------
    role_arn
        Which role a job takes on to read and write in S3.
    max_spend_usd
        What a run may cost at worst, over all attempts [USD]; null where there is no price.
    max_jobs
        Jobs of the model under way at a time; null is AWS's quota as the catalogue knows it.
    timeout_hours
        After which a job ends with what it has done [h]; null is AWS's own (24).
    kms_key_id
        Key of AWS KMS that the results are encrypted with; null is the bucket's own rule.
    subnet_ids, security_group_ids
        Of the VPC the jobs reach S3 through; both or none.
    tags
        Of every job.
    """

    role_arn: str | None = None
    max_spend_usd: Decimal | None = None
    unpriced: bool = False
    max_jobs: int | None = None
    timeout_hours: int | None = None
    kms_key_id: str | None = None
    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        """Refuse values AWS would refuse."""
        if self.role_arn is not None and not ROLE.fullmatch(self.role_arn):
            raise InputError(
                f"--role-arn {self.role_arn!r}: write arn:aws:iam::ACCOUNT:role/NAME, the role that batch jobs take on "
                "(bedrock-lab doctor --policy batch)"
            )
        if self.max_jobs is not None and self.max_jobs < 1:
            raise InputError(f"--max-jobs {self.max_jobs}: allowed is a whole number from 1")
        if self.timeout_hours is not None and not HOURS[0] <= self.timeout_hours <= HOURS[1]:
            raise InputError(f"--timeout-hours {self.timeout_hours}: allowed are {HOURS[0]} to {HOURS[1]}")
        if self.kms_key_id is not None and not KEY.fullmatch(self.kms_key_id):
            raise InputError(f"--kms-key-id {self.kms_key_id!r}: write the key's ARN, its id, or alias/NAME")
        for option, ids, form in (
            ("--subnet-id", self.subnet_ids, SUBNET),
            ("--security-group-id", self.security_group_ids, GROUP),
        ):
            wrong = next((name for name in ids if not form.fullmatch(name)), None)
            if wrong is not None:
                raise InputError(f"{option} {wrong!r}: an id like {form.pattern.partition('[')[0]}0a1b2c3d is allowed")
        if bool(self.subnet_ids) != bool(self.security_group_ids):
            raise InputError("--subnet-id and --security-group-id go together: a VPC needs both")
        checked_tags(dict(self.tags))


def check_cap(worst_usd: Decimal | None, terms: Terms, spent_usd: Decimal = Decimal(0)) -> None:
    """Refuse what may cost more than the cap.

    Parameters
    ----------
    spent_usd
        What earlier attempts cost, or can have cost [USD].
    """
    if worst_usd is None:
        if not terms.unpriced:
            raise InputError(
                "no batch price of the model is known, so nothing bounds the cost; --unpriced submits all the same"
            )
        return
    if terms.max_spend_usd is None:
        raise InputError(
            f"--max-spend-usd is missing: the jobs may cost {plain(worst_usd)} USD at worst; give that much or more"
        )
    if spent_usd + worst_usd > terms.max_spend_usd:
        before = f" after up to {plain(spent_usd)} USD spent" if spent_usd else ""
        raise InputError(
            f"--max-spend-usd {plain(terms.max_spend_usd)}: the jobs may cost {plain(worst_usd)} USD at worst{before}; "
            f"give {plain(spent_usd + worst_usd)} or more, or lower --max-tokens"
        )
