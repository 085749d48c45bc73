"""Invocation logs in S3: listed by the hour their keys name, fetched side by side, read in memory and kept nowhere."""

import dataclasses
import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any

from bedrock_lab.client import calling, connection
from bedrock_lab.client.failures import code_of, status_of
from bedrock_lab.errors import InputError, LabError
from bedrock_lab.traffic.identities import hidden, without_identities
from bedrock_lab.traffic.log_parts import Item
from bedrock_lab.traffic.readers import bedrock_logs
from bedrock_lab.traffic.readers.bedrock_logs import Wish
from bedrock_lab.traffic.readers.files import FileError
from bedrock_lab.traffic.readers.raw import Raw, join, trace_of_raw
from bedrock_lab.traffic.trace import Skipped, Trace

URI = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9])/?(?P<prefix>.*)")
DAY = re.compile(r"/\d{4}/\d\d/\d\d/$")
FETCHED_AT_ONCE = 16
FORBIDDEN, NOT_FOUND = 403, 404
POLICY = "bedrock-lab doctor --policy logs prints the rights it needs"

Say = Callable[[str], None]


def read_s3_logs(
    uri: str,
    wanted: Wish,
    *,
    identities: bool = False,
    say: Say = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
    **arguments: Any,
) -> Trace:
    """Read every record under a prefix as a Trace.

    Parameters
    ----------
    uri
        ``s3://bucket/prefix/``: the log's own prefix, or any part of it.
    wanted
        Hours outside it are neither listed nor fetched.
    identities
        Whether account ids stay as they are.
    say
        Takes what a person should read.
    arguments
        ``region_name``, ``endpoint_url``, ``profile_name`` and others of boto3's client.

    Raises
    ------
    InputError
        The address is none, the bucket is missing or closed to these credentials, or no record is there.
    LabError
        S3 does not answer.
    """
    parts: list[Raw] = []
    skipped: list[Skipped] = []
    with Bucket.opened(uri, arguments, sleep) as bucket:
        items = bucket.items(wanted)
        say(f"{hidden(uri)}: {len(items):,} files of the invocation log")
        for item, data in bucket.many(items):
            try:
                if isinstance(data, str):
                    raise FileError(item.name, data)
                parts.append(bedrock_logs.read(item.name, data, wanted))
            except InputError as error:
                reason = error.reason if isinstance(error, FileError) else str(error)
                skipped.append(Skipped(file=item.name, line=None, reason=reason))
    if not parts:
        first = f"{skipped[0].file}: {skipped[0].reason}"
        raise InputError(hidden(f"{uri}: none of {len(skipped)} files can be read; {first}"))
    trace = trace_of_raw(join(parts), uri, tuple(skipped))
    return trace if identities else without_identities(trace)


@dataclasses.dataclass(frozen=True, slots=True)
class Bucket:
    """A prefix of a bucket, and the client that reads it."""

    uri: str
    s3: Any
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    @contextmanager
    def opened(
        cls, uri: str, arguments: dict[str, Any], sleep: Callable[[float], None] = time.sleep
    ) -> Iterator["Bucket"]:
        """Open a prefix for as long as it is read."""
        place_of(uri)
        s3 = connected(arguments)
        try:
            yield cls(uri, s3, sleep)
        finally:
            s3.close()

    def items(self, wanted: Wish) -> list[Item]:
        """Return the log files that lie in the time wanted.

        Raises
        ------
        InputError
            There are none.
        """
        bucket, prefix = place_of(self.uri)
        found = [
            Item(name=f"s3://{bucket}/{entry['Key']}", etag=str(entry.get("ETag", "")).strip('"'))
            for entry in listed(self.s3, bucket, prefix, wanted, self.sleep)
            if _is_log(entry["Key"])
        ]
        if not found:
            late = " in the time asked for" if wanted.bounded else ""
            raise InputError(f"{hidden(self.uri)}: no log file is there{late}")
        return found

    def fetch(self, item: Item) -> bytes | str:
        """Return a file's bytes, or why it cannot be fetched."""
        bucket, key = place_of(item.name)

        def whole() -> bytes:
            body: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            return body

        try:
            return calling.patiently(whole, self.sleep)
        except calling.errors() as error:
            return f"cannot be fetched ({code_of(error)})"

    def many(self, items: Sequence[Item]) -> Iterator[tuple[Item, bytes | str]]:
        """Fetch side by side, some ahead, and hand over in order."""
        with ThreadPoolExecutor(FETCHED_AT_ONCE) as pool:
            waiting: deque[tuple[Item, Future[bytes | str]]] = deque()
            for item in items:
                waiting.append((item, pool.submit(self.fetch, item)))
                if len(waiting) > FETCHED_AT_ONCE:
                    first, data = waiting.popleft()
                    yield first, data.result()
            while waiting:
                first, data = waiting.popleft()
                yield first, data.result()


def place_of(uri: str) -> tuple[str, str]:
    """Read an address.

    >>> place_of("s3://calls/logs/AWSLogs/")
    ('calls', 'logs/AWSLogs/')
    """
    found = URI.fullmatch(uri)
    if found is None:
        raise InputError(f"{uri}: is no address of S3; write s3://bucket/prefix/")
    return found["bucket"], found["prefix"]


def listed(s3: Any, bucket: str, prefix: str, wanted: Wish, sleep: Callable[[float], None]) -> Iterator[dict[str, Any]]:
    """List objects, a folder after the other; of days and hours outside the time wanted nothing is listed."""
    flat = not wanted.bounded or DAY.search(prefix) is not None
    request: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix} | ({} if flat else {"Delimiter": "/"})
    while True:
        page = asked(lambda: s3.list_objects_v2(**request), bucket, sleep)
        for item in page.get("Contents", ()):
            if not bedrock_logs.outside(PurePosixPath("/" + item["Key"]), wanted):
                yield item
        for inner in page.get("CommonPrefixes", ()):
            if not day_outside(inner["Prefix"], wanted):
                yield from listed(s3, bucket, inner["Prefix"], wanted, sleep)
        if not page.get("NextContinuationToken"):
            return
        request["ContinuationToken"] = page["NextContinuationToken"]


def day_outside(prefix: str, wanted: Wish) -> bool:
    """Whether a prefix names a day of which every hour lies outside the time wanted.

    >>> from bedrock_lab.traffic.readers.bedrock_logs import wish
    >>> day_outside("l/2026/11/01/", wish(since="2026-11-03")), day_outside("l/2026/11/", wish(since="2026-11-03"))
    (True, False)
    """
    if DAY.search("/" + prefix) is None:
        return False
    return all(bedrock_logs.outside(PurePosixPath(f"/{prefix}{hour:02d}/x"), wanted) for hour in range(24))


def _is_log(key: str) -> bool:
    return not key.endswith("/") and not bedrock_logs.beside(PurePosixPath(key))


def asked(call: Callable[[], Any], bucket: str, sleep: Callable[[float], None]) -> Any:
    """Ask about a bucket, patiently; what it refuses is one line."""
    try:
        return calling.patiently(call, sleep)
    except calling.errors() as error:
        status = status_of(error)
        if status == NOT_FOUND:
            raise InputError(f"bucket {bucket!r}: there is no such bucket") from None
        if status == FORBIDDEN and code_of(error) not in calling.CREDENTIALS:
            raise InputError(f"bucket {bucket!r}: access denied; {POLICY}") from None
        calling.explain(error, f"bucket {bucket!r} could not be listed")
        raise LabError from error


def connected(arguments: dict[str, Any]) -> Any:
    """Return a client of S3."""
    from botocore.config import Config

    given = {name: value for name, value in arguments.items() if value is not None}
    session = connection.session(given.pop("profile_name", None))
    style = {"addressing_style": "path"} if "endpoint_url" in given else {}
    config = connection.settings(FETCHED_AT_ONCE, None, None, Config(s3=style, read_timeout=60))
    return connection.connect(session, "s3", config, given)
