"""The Azure LLM inference traces: ``TIMESTAMP,ContextTokens,GeneratedTokens``, a time of day a request.

They hold completed requests of a public chat and a code service; nothing about models, caching or outcomes.
"""

from bedrock_lab.assumptions import Origin
from bedrock_lab.traffic.readers.fields import Field
from bedrock_lab.traffic.readers.files import Looks
from bedrock_lab.traffic.readers.layouts import columns_of
from bedrock_lab.traffic.readers.raw import Raw, clock_columns

NAMES = frozenset({"TIMESTAMP", "ContextTokens", "GeneratedTokens"})
FIELDS = (
    Field(source="TIMESTAMP", name="time_s"),
    Field(source="ContextTokens", name="input_tokens", required=True),
    Field(source="GeneratedTokens", name="output_tokens", required=True),
)


def fits(looks: Looks) -> bool:
    """Whether a file's columns are those of this format."""
    return looks.layout == "csv" and set(looks.names) >= NAMES


def read(file: str, data: bytes, looks: Looks) -> Raw:
    """Read one file."""
    columns = columns_of(file, data, looks, FIELDS)
    columns["time_s"], start = clock_columns(file, columns["time_s"])
    return Raw(
        file=file,
        format="azure",
        origin=Origin.PUBLIC,
        columns=columns,
        start_ns=start,
        expresses=("input", "output"),
    )
