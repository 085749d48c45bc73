"""Tables of any make: CSV, JSON lines or parquet with one row a request.

Columns are found by the names of a Trace, by what others call them, or as the user states. Times are numbers of
seconds (from 1970 where they are a billion or more), ISO 8601 text (UTC where no zone is given), or timestamps;
a name that ends in ``_ms`` is in milliseconds. `input_tokens` are the uncached ones. A file with `window_s` and
`requests` holds sums over windows of that length.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bedrock_lab.assumptions import Origin
from bedrock_lab.traffic.arrays import to_numpy
from bedrock_lab.traffic.readers.files import FileError, Looks
from bedrock_lab.traffic.readers.layouts import columns_of
from bedrock_lab.traffic.readers.names import fields_of
from bedrock_lab.traffic.readers.raw import Raw, clock_columns
from bedrock_lab.traffic.usage import BUCKETS


def read(file: str, data: bytes, looks: Looks, columns: Mapping[str, str] | None = None) -> Raw:
    """Read one file."""
    fields = fields_of(file, looks.names, columns)
    read_columns = columns_of(file, data, looks, fields)
    read_columns["time_s"], start = clock_columns(file, read_columns["time_s"])
    windowed = {"window_s", "requests"} <= set(read_columns)
    window_s = one_window(file, read_columns) if windowed else None
    kept = {n: a for n, a in read_columns.items() if n != "window_s" and (windowed or n != "requests")}
    return Raw(
        file=file,
        format="table",
        origin=Origin.LOG,
        columns=kept,
        start_ns=start,
        expresses=tuple(b for b in BUCKETS if f"{b}_tokens" in kept),
        kind="windows" if windowed else "requests",
        window_s=window_s,
    )


def one_window(file: str, columns: Mapping[str, Any]) -> float:
    """Return the length that all windows of a file share [s]."""
    lengths = np.unique(to_numpy(columns["window_s"]))
    if len(lengths) != 1 or not lengths[0] > 0:
        raise FileError(file, f"window_s holds {lengths[:3].tolist()}; one length above 0 s is allowed")
    return float(lengths[0])
