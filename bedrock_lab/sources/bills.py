"""Read a bill from wherever it is: files and folders of this machine, and S3."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bedrock_lab.assumptions import Origin
from bedrock_lab.bills import reading
from bedrock_lab.bills.charge import Charges
from bedrock_lab.client import calling
from bedrock_lab.client.failures import code_of
from bedrock_lab.errors import InputError
from bedrock_lab.sources.s3_logs import asked, connected, place_of
from bedrock_lab.traffic.readers.files import FileError


def read_bill(
    path: str | Path,
    *,
    origin: Origin | str = Origin.LOG,
    identities: bool = False,
    sleep: Callable[[float], None] = time.sleep,
    **boto3_arguments: Any,
) -> Charges:
    """Read what AWS charged for Bedrock.

    Parameters
    ----------
    path
        A cost and usage report (2.0 or legacy; parquet, CSV, gzip), Cost Explorer's CSV, a folder of them, or
        ``s3://bucket/prefix/``, which is read in memory.
    origin
        ``log`` for a bill of AWS; ``synthetic`` or ``emulated`` for one that was made.
    identities
        Whether account ids stay as they are.
    boto3_arguments
        For S3: ``region_name``, ``endpoint_url``, ``profile_name`` and others of boto3's client.

    Raises
    ------
    InputError
        One line: the file (and line), what is wrong, what is allowed.
    """
    if str(path) == "":
        raise InputError("no bill given: the path is empty")
    if origin not in set(Origin):
        raise InputError(f"origin {origin!r}: allowed are {', '.join(Origin)}")
    if not str(path).startswith("s3://"):
        if boto3_arguments:
            raise InputError(f"{min(boto3_arguments)} is for s3://; {path} is of this machine")
        return reading.read_charges(path, origin=origin, identities=identities)
    return _read_s3(str(path), Origin(origin), identities, sleep, boto3_arguments)


def _read_s3(
    uri: str, origin: Origin, identities: bool, sleep: Callable[[float], None], arguments: dict[str, Any]
) -> Charges:
    bucket, prefix = place_of(uri)
    gathered = reading.Gathering(identities=identities)
    s3 = connected(arguments)

    def fetch(name: str) -> bytes:
        def whole() -> bytes:
            body: bytes = s3.get_object(Bucket=bucket, Key=name.removeprefix(f"s3://{bucket}/"))["Body"].read()
            return body

        try:
            return calling.patiently(whole, sleep)
        except calling.errors() as error:
            raise FileError(name, f"cannot be fetched ({code_of(error)})") from None

    try:
        keys = _listed(s3, bucket, prefix, sleep)
        if not keys:
            raise InputError(f"{uri}: no bill is there; {reading.READ}")
        reading.read_many(gathered, [f"s3://{bucket}/{key}" for key in keys], fetch)
    finally:
        s3.close()
    return reading.finished(gathered, uri, origin)


def _listed(s3: Any, bucket: str, prefix: str, sleep: Callable[[float], None]) -> list[str]:
    """List the reports under a prefix, all pages; of a report kept in versions, each period's last."""
    request: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix}
    written: dict[str, float] = {}
    while True:
        page = asked(lambda: s3.list_objects_v2(**request), bucket, sleep)
        for item in page.get("Contents", ()):
            if reading.wanted(item["Key"]):
                written[item["Key"]] = item["LastModified"].timestamp()
        if not page.get("NextContinuationToken"):
            return reading.latest(written)
        request["ContinuationToken"] = page["NextContinuationToken"]
