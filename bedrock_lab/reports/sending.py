"""A published run sent to S3: its files first, and last the object that says which run is the latest."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bedrock_lab.batch.places import Place, read_place
from bedrock_lab.client import calling, connection
from bedrock_lab.client.policy import allow

LATEST = "latest.json"
KINDS = {".html": "text/html; charset=utf-8", ".ipynb": "application/x-ipynb+json", ".json": "application/json"}
CONNECTIONS, READ_TIMEOUT_S = 2, 60


class Away:
    """A prefix in S3 that runs are sent to; its client is made before a kernel starts.

    Parameters
    ----------
    uri
        ``s3://bucket/prefix/``.
    sleep
        Waits a number of seconds.
    arguments
        Of boto3's client.

    Raises
    ------
    InputError
        It is no address of S3, boto3 is missing, or no Region is chosen.
    """

    def __init__(self, uri: str, sleep: Callable[[float], None] = time.sleep, **arguments: Any) -> None:
        self.place: Place = read_place(uri, "--to")
        held = connection.session(arguments.pop("profile_name", None))
        from botocore.config import Config  # behind the session, which says so where boto3 is missing

        config = connection.settings(CONNECTIONS, None, None, Config(read_timeout=READ_TIMEOUT_S))
        self._s3 = connection.connect(held, "s3", config, arguments)
        self._sleep = sleep

    def send(self, folder: Path) -> dict[str, str]:
        """Send a published run, then let ``latest.json`` name it; return the addresses of its files by their kind.

        Raises
        ------
        LabError
            S3 refuses or does not answer; ``latest.json`` names the run it named before.
        """
        report, stamp = folder.parent.name, folder.name
        names = {path.suffix.removeprefix("."): path for path in sorted(folder.iterdir()) if path.suffix in KINDS}
        sent = {kind: f"{report}/{stamp}/{path.name}" for kind, path in names.items()}
        for kind, path in names.items():
            self._put(sent[kind], path.read_bytes(), KINDS[path.suffix], folder)
        pointer = {"report": report, "stamp": stamp, **{kind: self.place.uri(name) for kind, name in sent.items()}}
        self._put(f"{report}/{LATEST}", (json.dumps(pointer, indent=1) + "\n").encode(), KINDS[".json"], folder)
        return {kind: self.place.uri(name) for kind, name in {**sent, "latest": f"{report}/{LATEST}"}.items()}

    def _put(self, name: str, body: bytes, kind: str, folder: Path) -> None:
        def put() -> None:
            self._s3.put_object(
                Bucket=self.place.bucket,
                Key=self.place.prefix + name,
                Body=body,
                ContentType=kind,
                ChecksumAlgorithm="SHA256",
            )

        try:
            calling.patiently(put, self._sleep)
        except calling.errors() as error:
            calling.explain(error, f"{self.place.uri(name)} could not be written; the report stands in {folder}")

    def close(self) -> None:
        """Close the connections."""
        self._s3.close()


def policy(place: Place) -> dict[str, Any]:
    """Return the smallest IAM policy for sending runs to a prefix.

    >>> policy(Place("reports", "team/"))["Statement"][0]["Resource"]
    'arn:aws:s3:::reports/team/*'
    """
    written = f"arn:aws:s3:::{place.bucket}/{place.prefix}*"
    return {"Version": "2012-10-17", "Statement": [allow("Write", ("s3:PutObject",), written)]}
