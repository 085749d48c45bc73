"""A Trace on disk: one parquet file, the metadata as JSON beside the schema."""

import contextlib
import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bedrock_lab.errors import InputError, LabError
from bedrock_lab.traffic.trace import Skipped, Trace, make_trace

KEY = b"bedrock_lab"
HASHES = "prefix_hashes"
PLAIN = (
    "kind",
    "origin",
    "source",
    "format",
    "start_time",
    "expresses",
    "window_s",
    "reordered",
    "duplicates",
    "reader_version",
    "prefix_block_tokens",
    "notes",
)


def write_trace(trace: Trace, path: Path) -> Path:
    """Write a Trace to `path`; the file appears whole or not at all."""
    meta: dict[str, Any] = {name: getattr(trace, name) for name in PLAIN}
    meta["skipped"] = [item.to_dict() for item in trace.skipped]
    table = trace.table
    if trace.prefix_hashes is not None:
        table = table.append_column(HASHES, trace.prefix_hashes)
    table = table.replace_schema_metadata({KEY: json.dumps(meta).encode()})
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give the name of a file to write")
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        handle = partial.open("wb")
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); give a file in a writable folder") from None
    try:
        with handle:
            pq.write_table(table, handle, compression="zstd")
        partial.replace(path)
    except OSError as error:
        raise LabError(f"{path}: writing failed ({error.strerror or error})") from None
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()
    return path


def metadata(schema: Any) -> dict[str, Any] | None:
    """Return the metadata of a Trace, or None where the file is somebody else's."""
    held = (schema.metadata or {}).get(KEY)
    if held is None:
        return None
    try:
        meta = json.loads(held)
    except ValueError:
        meta = None
    if not isinstance(meta, dict) or not set(PLAIN) <= set(meta):
        raise InputError("the trace's metadata cannot be read; write the trace anew")
    return meta


def trace_of(table: pa.Table, meta: dict[str, Any]) -> Trace:
    """Make the Trace that was written; its rows are checked as any others."""
    try:
        return remade(table, meta)
    except InputError:
        raise
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(f"the trace's metadata cannot be read ({error}); write the trace anew") from None


def remade(table: pa.Table, meta: dict[str, Any]) -> Trace:
    """Make a Trace of rows and metadata."""
    columns = {name: table.column(name) for name in table.column_names if name not in {HASHES, "window_s"}}
    hashes = table.column(HASHES).combine_chunks() if HASHES in table.column_names else None
    trace = make_trace(
        columns,
        origin=meta["origin"],
        source=meta["source"],
        format=meta["format"],
        kind=meta["kind"],
        start_time=meta["start_time"],
        expresses=meta["expresses"],
        window_s=meta["window_s"],
        skipped=[Skipped(**item) for item in meta.get("skipped", ())],
        prefix_hashes=hashes,
        prefix_block_tokens=meta["prefix_block_tokens"],
        notes=meta["notes"],
        rebase=False,
    )
    return dataclasses.replace(
        trace,
        reordered=trace.reordered + int(meta["reordered"]),
        duplicates=trace.duplicates + int(meta["duplicates"]),
        reader_version=str(meta["reader_version"]),
    )
