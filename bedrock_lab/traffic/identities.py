"""Account ids are shown as salted hashes unless somebody asks for them."""

import dataclasses
import hashlib
import os
import re
import secrets

import pyarrow as pa

from bedrock_lab.traffic.arrays import strings
from bedrock_lab.traffic.trace import Trace

PREFIX = "acct-"
IN_PATH = re.compile(r"(?<=AWSLogs/)\d{12}(?=/|$)")


def new_salt() -> bytes:
    """Return the salt of ``BEDROCK_LAB_SALT``, which keeps labels equal between runs, or one nobody knows."""
    return os.environ.get("BEDROCK_LAB_SALT", "").encode() or secrets.token_bytes(16)


_SALT = new_salt()
"""One salt a process, so that labels cannot be traced back."""


def hashed(value: str, salt: bytes = _SALT) -> str:
    """Hash an account id; a hash stays as it is.

    >>> hashed("123456789012", b"salt"), hashed(hashed("123456789012", b"salt"))
    ('acct-3e478df465', 'acct-3e478df465')
    """
    if value.startswith(PREFIX):
        return value
    return PREFIX + hashlib.sha256(salt + value.encode()).hexdigest()[:10]


def hidden(path: str, salt: bytes = _SALT) -> str:
    """Hash the account ids of a log's path.

    >>> hidden("logs/AWSLogs/us-east-1/x.gz")
    'logs/AWSLogs/us-east-1/x.gz'
    """
    return IN_PATH.sub(lambda found: hashed(found[0], salt), path)


def without_identities(trace: Trace) -> Trace:
    """Return the trace with its account ids hashed, those in paths too."""
    skipped = tuple(dataclasses.replace(s, file=hidden(s.file), reason=hidden(s.reason)) for s in trace.skipped)
    trace = dataclasses.replace(trace, source=hidden(trace.source), skipped=skipped)
    if "account" not in trace.table.column_names:
        return trace
    place = trace.table.column_names.index("account")
    column = hashed_column(trace.table.column("account").combine_chunks())
    return dataclasses.replace(trace, table=trace.table.set_column(place, "account", column))


def hashed_column(accounts: pa.Array, salt: bytes = _SALT) -> pa.Array:
    """Hash a column of account ids."""
    coded = accounts if pa.types.is_dictionary(accounts.type) else accounts.dictionary_encode()
    names = coded.dictionary.to_pylist()
    shown = strings([None if name is None else hashed(str(name), salt) for name in names])
    return pa.DictionaryArray.from_arrays(coded.indices, shown)
