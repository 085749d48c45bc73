"""Where a run stands in S3: a bucket and a prefix that everything it needs lies under."""

import re
from typing import NamedTuple

from bedrock_lab.errors import InputError

BUCKET = re.compile(r"[a-z0-9][-.a-z0-9]{1,61}[a-z0-9]")
KEY = re.compile(r"[-!_*'().a-zA-Z0-9]+(?:/[-!_*'().a-zA-Z0-9]+)*/?")
"""What a job's location may be written with; botocore's model of the API."""

LONGEST = 800
"""Of a prefix [characters]: a location has 1,024 at most, and names of jobs and files come behind it."""


class Place(NamedTuple):
    """A bucket and a prefix, the latter empty or with a slash at its end."""

    bucket: str
    prefix: str

    def uri(self, name: str = "") -> str:
        """Return the address of an object under the prefix."""
        return f"s3://{self.bucket}/{self.prefix}{name}"


def read_place(uri: str, option: str = "--s3") -> Place:
    """Read ``s3://bucket/prefix/``; `option` is what a complaint names.

    >>> read_place("s3://bucket/team/run-1").uri("run.json")
    's3://bucket/team/run-1/run.json'

    Raises
    ------
    InputError
        It is no address of S3, or holds characters the API does not take.
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not BUCKET.fullmatch(bucket):
        raise InputError(
            f"{option} {uri!r}: write s3://bucket/prefix/, the bucket in lower-case letters, digits, - and ."
        )
    if key and (not KEY.fullmatch(key) or len(key) > LONGEST):
        raise InputError(
            f"{option} {uri!r}: a prefix is letters, digits and -!_*'(). between single slashes, "
            f"{LONGEST} in all at most"
        )
    return Place(bucket, f"{key.rstrip('/')}/" if key else "")
