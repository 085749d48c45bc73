"""The objects of a run in S3: written whole, once where it matters, and checked by their hash."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from bedrock_lab.batch.places import Place
from bedrock_lab.client import calling
from bedrock_lab.client.failures import code_of, status_of
from bedrock_lab.errors import InputError, LabError

CHUNK = 1 << 20
HASH = "sha256"
"""User metadata that holds an object's SHA-256 in hexadecimal: S3 keeps its own checksum only where it is asked to."""

NOT_FOUND, FORBIDDEN, TAKEN, MOVED, BAD = 404, 403, 412, 301, 400
LINES, JSON = "application/x-jsonlines", "application/json"


class Held(NamedTuple):
    """An object as S3 lists it."""

    name: str
    size: int
    etag: str


class Objects:
    """What lies under a prefix, by name.

    Parameters
    ----------
    s3
        boto3's client.
    sleep
        Waits a number of seconds.
    """

    def __init__(self, s3: Any, place: Place, sleep: Callable[[float], None]) -> None:
        self.s3 = s3
        self.place = place
        self._sleep = sleep

    def _key(self, name: str) -> dict[str, str]:
        return {"Bucket": self.place.bucket, "Key": self.place.prefix + name}

    def _call(self, call: Callable[[], Any], name: str, doing: str) -> Any:
        try:
            return calling.patiently(call, self._sleep)
        except calling.errors() as error:
            calling.explain(error, f"{self.place.uri(name)} could not be {doing}")

    def check(self, region: str) -> None:
        """Refuse a bucket that is missing, in another Region than the jobs, or not ours to use.

        Raises
        ------
        InputError
            Saying which of these.
        """
        bucket = self.place.bucket
        try:
            found = calling.patiently(lambda: self.s3.head_bucket(Bucket=bucket), self._sleep)
        except calling.errors() as error:
            status = status_of(error)
            if status == NOT_FOUND:
                raise InputError(
                    f"bucket {bucket!r}: there is no such bucket; aws s3 mb s3://{bucket} --region {region} makes it"
                ) from None
            if status == FORBIDDEN:
                raise InputError(
                    f"bucket {bucket!r}: access denied; these credentials, and the role of the jobs, need the rights "
                    "that bedrock-lab doctor --policy batch prints"
                ) from None
            if status == MOVED:
                where = error.response["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", "another Region")  # type: ignore[attr-defined]
                raise self._elsewhere(where, region) from None
            calling.explain(error, f"bucket {bucket!r} could not be looked at")
        where = found.get("BucketRegion")
        if where and where != region:
            raise self._elsewhere(where, region)

    def _elsewhere(self, where: str, region: str) -> InputError:
        return InputError(
            f"bucket {self.place.bucket!r} is in {where}, the jobs would run in {region}; give a bucket there, or "
            f"--region {where}"
        )

    def put_once(self, name: str, value: dict[str, Any]) -> bool:
        """Write an object unless there is one by that name; whether it was written now.

        A write whose answer was lost, made again, counts as not written: whoever calls reads what is there.
        """
        body = orjson.dumps(value, option=orjson.OPT_INDENT_2)
        try:
            calling.patiently(
                lambda: self.s3.put_object(
                    **self._key(name), Body=body, IfNoneMatch="*", ContentType=JSON, ChecksumAlgorithm="SHA256"
                ),
                self._sleep,
            )
        except calling.errors() as error:
            if status_of(error) == TAKEN:
                return False
            if status_of(error) == FORBIDDEN:
                raise InputError(
                    f"{self.place.uri(name)}: access denied; these credentials need s3:PutObject there "
                    "(bedrock-lab doctor --policy batch)"
                ) from None
            calling.explain(error, f"{self.place.uri(name)} could not be written")
        return True

    def put(self, name: str, value: dict[str, Any]) -> None:
        """Write an object over whatever stands there."""
        body = orjson.dumps(value, option=orjson.OPT_INDENT_2)
        self._call(
            lambda: self.s3.put_object(**self._key(name), Body=body, ContentType=JSON, ChecksumAlgorithm="SHA256"),
            name,
            "written",
        )

    def read(self, name: str) -> dict[str, Any] | None:
        """Read an object of ours; None where there is none.

        Raises
        ------
        LabError
            What stands there is not JSON of ours.
        """

        def whole() -> bytes:
            body: bytes = self.s3.get_object(**self._key(name))["Body"].read()
            return body

        try:
            body = calling.patiently(whole, self._sleep)
        except calling.errors() as error:
            if code_of(error) == "NoSuchKey" or status_of(error) == NOT_FOUND:
                return None
            calling.explain(error, f"{self.place.uri(name)} could not be read")
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            raise LabError(f"{self.place.uri(name)}: is not a JSON object; it was not written by bedrock-lab")
        return found

    def holds(self, name: str, size: int, sha256: str) -> bool:
        """Whether an object is there with this content."""
        try:
            found = calling.patiently(
                lambda: self.s3.head_object(**self._key(name), ChecksumMode="ENABLED"), self._sleep
            )
        except calling.errors() as error:
            if status_of(error) == NOT_FOUND:
                return False
            calling.explain(error, f"{self.place.uri(name)} could not be looked at")
        held = found.get("Metadata", {}).get(HASH) or hexadecimal(found.get("ChecksumSHA256"))
        return found["ContentLength"] == size and held == sha256

    def upload(self, name: str, path: Path, sha256: str) -> None:
        """Write a file; S3 refuses it where its content is not what the hash says."""
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()

        def put() -> None:
            with path.open("rb") as file:
                self.s3.put_object(
                    **self._key(name),
                    Body=file,
                    ContentType=LINES,
                    ChecksumAlgorithm="SHA256",
                    ChecksumSHA256=checksum,
                    Metadata={HASH: sha256},
                )

        self._call(put, name, "written")

    def list(self, prefix: str) -> Iterator[Held]:
        """List the objects whose names begin so, in order of their names."""
        request: dict[str, Any] = {"Bucket": self.place.bucket, "Prefix": self.place.prefix + prefix}
        while True:
            page = self._call(lambda: self.s3.list_objects_v2(**request), prefix, "listed")
            for item in page.get("Contents", ()):
                yield Held(item["Key"].removeprefix(self.place.prefix), item["Size"], item["ETag"])
            if not page.get("IsTruncated"):
                return
            request["ContinuationToken"] = page["NextContinuationToken"]

    def download(self, held: Held, path: Path) -> None:
        """Fetch an object into a file, going on where a connection breaks."""
        with path.open("wb") as file:

            def more() -> None:
                at = file.tell()
                if at >= held.size:
                    return
                body = self.s3.get_object(**self._key(held.name), IfMatch=held.etag, Range=f"bytes={at}-")["Body"]
                try:
                    for chunk in body.iter_chunks(CHUNK):
                        file.write(chunk)
                finally:
                    body.close()

            self._call(more, held.name, "read")
            if file.tell() != held.size:
                raise LabError(f"{self.place.uri(held.name)}: {file.tell()} of {held.size} bytes came")


def hexadecimal(checksum: str | None) -> str | None:
    """Write S3's checksum as others write a hash; None for what is no checksum of a whole object.

    >>> hexadecimal("ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=")[:8]
    'ba7816bf'
    """
    if checksum is None or "-" in checksum:
        return None
    return base64.b64decode(checksum).hex()


def sha256_of(path: Path) -> str:
    """Return the hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
