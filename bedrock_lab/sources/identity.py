"""Whose credentials would be used: one call of STS, which needs no right and bills nothing."""

import dataclasses
from typing import Any

from bedrock_lab.client import calling, connection
from bedrock_lab.client.failures import EXPIRED, code_of, no_credentials
from bedrock_lab.errors import InputError, LabError
from bedrock_lab.traffic.identities import hashed

KINDS = {"root": "the root user", "user": "a user", "assumed-role": "a role", "federated-user": "a federated user"}
TRIES = 2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who AWS takes the caller for.

    Attributes
    ----------
    kind
        What kind of caller, a key of `KINDS`, or ``other``.
    account, arn
        As they are where they were asked for, else a hash and None.
    """

    kind: str
    account: str
    arn: str | None

    @property
    def words(self) -> str:
        """The kind of caller in words."""
        return KINDS.get(self.kind, "a caller")

    def to_dict(self) -> dict[str, str | None]:
        """Return plain values for JSON."""
        return dataclasses.asdict(self)


def caller(
    *, region: str, profile: str | None = None, endpoint_url: str | None = None, identities: bool = False
) -> Identity:
    """Ask STS who the caller is (GetCallerIdentity).

    Parameters
    ----------
    identities
        Whether account and ARN come out as they are.

    Raises
    ------
    InputError
        There are no credentials, AWS does not know them, or they have expired.
    LabError
        STS does not answer.
    """
    from botocore.config import Config

    settings = connection.settings(1, None, TRIES, Config(connect_timeout=5, read_timeout=10))
    arguments = {"region_name": region, **({} if endpoint_url is None else {"endpoint_url": endpoint_url})}
    sts = connection.connect(connection.session(profile), "sts", settings, arguments)
    try:
        told: dict[str, Any] = sts.get_caller_identity()
    except calling.errors() as error:
        if code_of(error) in EXPIRED:
            raise InputError(
                f"the AWS credentials have expired ({code_of(error)}); get new ones, as with aws sso login"
            ) from None
        if code_of(error) in calling.CREDENTIALS:
            raise no_credentials(code_of(error)) from None
        raise LabError(f"STS does not say who the caller is ({code_of(error)})") from None  # its message names who
    finally:
        sts.close()
    account, arn = str(told["Account"]), str(told["Arn"])
    name = arn.rpartition(":")[2].partition("/")[0]
    kind = name if name in KINDS else "other"
    return Identity(kind=kind, account=account if identities else hashed(account), arn=arn if identities else None)
