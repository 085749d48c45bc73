"""The BurstGPT traces: ``Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type`` and two more.

`Timestamp` is in seconds from the first midnight, whose date is not given. `Elapsed time` [s], where there is
one, runs from the request to the end of its answer: `e2e_s`. A request without response tokens failed; the file
does not say why, so throttled ones are among the failed. The models are named ChatGPT and GPT-4, which nobody
sells on Bedrock: they stand in `app`.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from bedrock_lab.assumptions import Origin
from bedrock_lab.traffic.arrays import from_numpy, to_numpy, validity
from bedrock_lab.traffic.readers.fields import Field
from bedrock_lab.traffic.readers.files import Looks
from bedrock_lab.traffic.readers.layouts import columns_of
from bedrock_lab.traffic.readers.raw import Raw, clock_columns

NAMES = frozenset({"Timestamp", "Model", "Request tokens", "Response tokens"})
FIELDS = (
    Field(source="Timestamp", name="time_s"),
    Field(source="Model", name="app"),
    Field(source="Request tokens", name="input_tokens", required=True),
    Field(source="Response tokens", name="output_tokens", required=True),
)
ELAPSED = Field(source="Elapsed time", name="e2e_s")


def fits(looks: Looks) -> bool:
    """Whether a file's columns are those of this format."""
    return looks.layout == "csv" and set(looks.names) >= NAMES


def read(file: str, data: bytes, looks: Looks) -> Raw:
    """Read one file."""
    fields = (*FIELDS, ELAPSED) if ELAPSED.source in looks.names else FIELDS
    columns = columns_of(file, data, looks, fields)
    columns["time_s"], start = clock_columns(file, columns["time_s"])
    answered = to_numpy(columns["output_tokens"]) > 0
    columns["outcome"] = outcomes(answered)
    if "e2e_s" in columns:
        elapsed = columns["e2e_s"]
        columns["e2e_s"] = from_numpy(to_numpy(elapsed), validity(elapsed) & answered)
    return Raw(
        file=file,
        format="burstgpt",
        origin=Origin.PUBLIC,
        columns=columns,
        start_ns=start,
        expresses=("input", "output"),
        notes=("requests without response tokens failed; the format does not tell throttled ones from others",),
    )


def outcomes(answered: np.ndarray) -> Any:
    """Return ok where a request was answered, else failed."""
    codes = pa.array(np.where(answered, 0, 1).astype(np.int32))
    return pa.DictionaryArray.from_arrays(codes, pa.array(["ok", "failed"]))
