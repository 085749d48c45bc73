"""The two clients a run talks through: S3 and the control plane of Bedrock."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from bedrock_lab.batch.jobs import Jobs
from bedrock_lab.batch.objects import Objects
from bedrock_lab.batch.places import Place
from bedrock_lab.catalogue import places
from bedrock_lab.client import connection

CONNECTIONS = 8
READ_TIMEOUT_S = 60


def clients(
    region: str | None, *, profile_name: str | None = None, endpoint_url: str | None = None, **arguments: Any
) -> tuple[Any, Any, str]:
    """Make boto3's clients of S3 and ``bedrock``; return them with their Region.

    Parameters
    ----------
    endpoint_url
        Of all of AWS, or of Bedrock alone: S3 then stays where boto3 finds it.
    """
    from botocore.config import Config

    given = arguments.pop("config", None)
    ours = Config(read_timeout=READ_TIMEOUT_S)
    config = connection.settings(CONNECTIONS, None, None, ours if given is None else ours.merge(given))
    held = arguments.pop("session", None) or connection.session(profile_name)
    both = {name: value for name, value in {**arguments, "region_name": region}.items() if value is not None}
    for_s3 = dict(both)
    if endpoint_url is not None:
        both["endpoint_url"] = endpoint_url
        if serves_s3(endpoint_url):
            for_s3["endpoint_url"] = endpoint_url
            config_s3 = config.merge(Config(s3={"addressing_style": "path"}))
    s3 = connection.connect(held, "s3", config_s3 if "endpoint_url" in for_s3 else config, for_s3)
    control = connection.connect(held, connection.CONTROL, config, both)
    control.meta.events.register(f"before-parse.{connection.CONTROL}", check_whole)
    return s3, control, places.region(control.meta.region_name).name


class Connected:
    """S3 and the jobs of a run, connected to when they are needed.

    Parameters
    ----------
    region
        None leaves it to boto3.
    arguments
        Of boto3's clients.
    """

    def __init__(
        self, place: Place, region: str | None, arguments: Mapping[str, Any], sleep: Callable[[float], None]
    ) -> None:
        self._place, self._region, self._arguments, self._sleep = place, region, dict(arguments), sleep
        self._held: tuple[str, Objects, Jobs] | None = None

    def to(self, region: str | None = None) -> tuple[Objects, Jobs, str]:
        """Return S3, the jobs and their Region: the one given, else the one asked for, else boto3's own."""
        if self._held is None or (region is not None and self._held[0] != region):
            self.close()
            s3, control, where = clients(region or self._region, **self._arguments)
            self._held = where, Objects(s3, self._place, self._sleep), Jobs(control, self._sleep)
        where, objects, jobs = self._held
        return objects, jobs, where

    def close(self) -> None:
        """Close the connections."""
        if self._held is not None:
            self._held[1].s3.close()
            self._held[2].control.close()
            self._held = None


def check_whole(response_dict: Any, **_: Any) -> None:
    """Refuse an answer that was cut short: botocore takes half of a JSON body for an answer without members.

    Raises
    ------
    ConnectionError
        There are fewer bytes than the headers say.
    """
    headers, body = response_dict["headers"], response_dict["body"]
    said = headers.get("content-length")
    if said is not None and isinstance(body, bytes) and "content-encoding" not in headers and len(body) < int(said):
        raise ConnectionError(f"{len(body)} of {said} bytes of an answer came")


def serves_s3(endpoint_url: str) -> bool:
    """Whether an endpoint given by hand stands in for all of AWS, not for Bedrock alone.

    >>> serves_s3("http://127.0.0.1:4566"), serves_s3("https://bedrock.us-east-1.amazonaws.com")
    (True, False)
    """
    return not (urlsplit(endpoint_url).hostname or "").startswith("bedrock")
