"""Read a Trace from wherever it is: files and folders of this machine, and S3."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bedrock_lab.assumptions import Origin
from bedrock_lab.errors import InputError
from bedrock_lab.traffic import reading
from bedrock_lab.traffic.readers.bedrock_logs import wish
from bedrock_lab.traffic.trace import Trace


def read_trace(
    path: str | Path,
    format: str = "auto",  # noqa: A002  the name of the command line's option
    columns: Mapping[str, str] | None = None,
    origin: Origin | str | None = None,
    *,
    identities: bool = False,
    app_key: str | None = None,
    since: str | None = None,
    until: str | None = None,
    **boto3_arguments: Any,
) -> Trace:
    """Read a file, every file of a folder, or the invocation log under an ``s3://`` prefix, as a Trace.

    Parameters
    ----------
    path, format, columns, origin, identities, app_key, since, until
        As in `bedrock_lab.traffic.reading.read_trace`; of S3, hours outside since and until are not fetched.
    boto3_arguments
        For S3: ``region_name``, ``endpoint_url``, ``profile_name`` and others of boto3's client. Objects are read in
        memory; nothing of them is written to this machine.

    Raises
    ------
    InputError
        One line: the file (and line), what is wrong, what is allowed.
    """
    if not str(path).startswith("s3://"):
        if boto3_arguments:
            raise InputError(f"{min(boto3_arguments)} is for s3://; {path} is of this machine")
        return reading.read_trace(
            path, format, columns, origin, identities=identities, app_key=app_key, since=since, until=until
        )
    if columns or format not in {"auto", reading.LOGS}:
        raise InputError(f"{path}: of S3 the invocation log is read (--format bedrock-logs); copy other files here")
    from bedrock_lab.sources.s3_logs import read_s3_logs

    trace = read_s3_logs(str(path), wish(app_key, since, until), identities=identities, **boto3_arguments)
    return trace if origin is None else dataclasses.replace(trace, origin=reading.origin_of(origin))
