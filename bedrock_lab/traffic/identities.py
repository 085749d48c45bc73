"""Account ids are shown as salted hashes unless somebody asks for them."""

import dataclasses
import hashlib
import os
import secrets

import pyarrow as pa

from bedrock_lab.traffic.trace import Trace

PREFIX = "acct-"
_SALT = os.environ.get("BEDROCK_LAB_SALT", "").encode() or secrets.token_bytes(16)
"""One salt a process, so that labels cannot be traced back; ``BEDROCK_LAB_SALT`` keeps them equal between runs."""


def hashed(value: str, salt: bytes = _SALT) -> str:
    """Hash an account id; a hash stays as it is.

    >>> hashed("123456789012", b"salt"), hashed(hashed("123456789012", b"salt"))
    ('acct-3e478df465', 'acct-3e478df465')
    """
    if value.startswith(PREFIX):
        return value
    return PREFIX + hashlib.sha256(salt + value.encode()).hexdigest()[:10]


def without_identities(trace: Trace) -> Trace:
    """Return the trace with its account ids hashed."""
    accounts = trace.text("account")
    if accounts is None:
        return trace
    names = {name: hashed(str(name)) for name in set(accounts) if name is not None}
    column = pa.array([None if a is None else names[a] for a in accounts], pa.string()).dictionary_encode()
    place = trace.table.column_names.index("account")
    return dataclasses.replace(trace, table=trace.table.set_column(place, "account", column))
