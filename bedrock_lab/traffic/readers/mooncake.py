"""The Mooncake traces: JSON lines of `timestamp` [ms], `input_length`, `output_length` and `hash_ids`.

Each id stands for a prompt up to the end of one block of 512 tokens, so equal ids mean equal prompts so far. The
clock gives no date, and the requests are completed ones.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from bedrock_lab.assumptions import Origin
from bedrock_lab.traffic.readers.fields import Field, shown
from bedrock_lab.traffic.readers.files import FileError, Looks
from bedrock_lab.traffic.readers.layouts import arrow_types, json_rows, json_table
from bedrock_lab.traffic.readers.raw import Raw
from bedrock_lab.traffic.readers.settle import settle_fast, settle_slow

BLOCK_TOKENS = 512
NAMES = frozenset({"timestamp", "input_length", "output_length"})
FIELDS = (
    Field(source="timestamp", name="time_s", per=1000.0),
    Field(source="input_length", name="input_tokens", required=True),
    Field(source="output_length", name="output_tokens", required=True),
)


def fits(looks: Looks) -> bool:
    """Whether a file's columns are those of this format."""
    return looks.layout == "json" and set(looks.names) >= NAMES


def read(file: str, data: bytes, looks: Looks) -> Raw:
    """Read one file."""
    hashed = "hash_ids" in looks.names
    types = arrow_types(FIELDS, pa.float64())
    table = json_table(data, {**types, "hash_ids": pa.list_(pa.int64())} if hashed else types)
    columns = None if table is None else settle_fast(table, FIELDS)
    hashes: Any = None
    if columns is None or table is None:
        columns = settle_slow(file, json_rows(file, data), FIELDS)
        hashes = slow_hashes(file, data) if hashed else None
    elif hashed:
        hashes = table.column("hash_ids").combine_chunks()
        if np.any(hashes.flatten().null_count):
            hashes = slow_hashes(file, data)
    return Raw(
        file=file,
        format="mooncake",
        origin=Origin.PUBLIC,
        columns=columns,
        expresses=("input", "output"),
        prefix_hashes=hashes,
        prefix_block_tokens=BLOCK_TOKENS if hashed else None,
    )


def slow_hashes(file: str, data: bytes) -> Any:
    """Read the hash ids line by line and refuse what is no list of whole numbers."""
    lists = []
    for line, get in json_rows(file, data):
        ids = get("hash_ids")
        if ids is not None and not (isinstance(ids, list) and all(type(i) is int for i in ids)):
            raise FileError(file, f"hash_ids is {shown(ids)}; a list of whole numbers is allowed", line)
        lists.append(ids)
    return pa.array(lists, type=pa.list_(pa.int64()))
