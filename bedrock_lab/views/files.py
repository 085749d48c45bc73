"""Write a file so that a reader sees the old one or the new one, never half of it."""

import errno
import os
import secrets
from pathlib import Path

from bedrock_lab.errors import InputError, LabError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


def write_atomic(path: Path, text: str) -> None:
    """Write text as UTF-8 beside the target, then rename it into place.

    Raises
    ------
    InputError
        When the folder cannot be written to.
    LabError
        When the disk is full or fails.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise (LabError if error.errno in FULL else InputError)(
            f"{path}: cannot be written ({error.strerror})"
        ) from None
    finally:
        beside.unlink(missing_ok=True)
