"""Another attempt for records without an ok answer, written down before it is made."""

import dataclasses
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq

from bedrock_lab.batch.attempts import Desk, attempt_name
from bedrock_lab.batch.collected import PARQUET, POISON, Collected
from bedrock_lab.batch.collecting import fetch
from bedrock_lab.batch.manifest import BATCH, DIRECT, Attempt, Manifest, Part, read_attempt
from bedrock_lab.batch.objects import Objects, sha256_of
from bedrock_lab.batch.outputs import lines_of
from bedrock_lab.batch.prepared import SHARDS, Prepared
from bedrock_lab.batch.preparing import prepare
from bedrock_lab.batch.submitting import parts_of_shards, price, shards_folder
from bedrock_lab.batch.terms import Terms, check_cap
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.client.record import OK
from bedrock_lab.errors import LabError

SOURCE, NAME = "source.jsonl", "00000.jsonl"
MAX_ATTEMPTS = 3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Records without an ok answer.

    Attributes
    ----------
    again
        Places in the input of those that may be asked again.
    poison
        Those that had their attempts: recordId, place, error code and message.
    """

    again: list[int]
    poison: list[dict[str, Any]]


def open_records(collected: Collected, max_attempts: int) -> Open:
    """Sort out which records are asked again, from the results."""
    again: list[int] = []
    poison: list[dict[str, Any]] = []
    names = ["recordId", "index", "outcome", "attempt", "error_code", "error_message"]
    with pq.ParquetFile(collected.files[PARQUET]) as file:
        for group in range(file.num_row_groups):
            for row in file.read_row_group(group, columns=names).to_pylist():
                if row["outcome"] == OK:
                    continue
                if row["attempt"] < max_attempts:
                    again.append(row["index"])
                else:
                    poison.append({name: row[name] for name in names if name != "outcome"})
    return Open(again=again, poison=poison)


def set_apart(found: Open, out: Path) -> None:
    """Write the records that had their attempts into poison.jsonl; no such records, no such file."""
    path = out / POISON
    if not found.poison:
        path.unlink(missing_ok=True)
        return
    beside = path.with_name(f".{POISON}.part")
    beside.write_bytes(b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in found.poison))
    beside.replace(path)


def extract(objects: Objects, manifest: Manifest, wanted: list[int], out: Path, path: Path) -> None:
    """Write the records at these places of the input into a file, as they were."""
    path.parent.mkdir(parents=True, exist_ok=True)
    left = iter(wanted)
    next_one = next(left, None)
    at = 0
    with path.open("wb") as file:
        for part in manifest.parts:
            if next_one is not None and next_one < at + part.records:
                for place, line in enumerate(lines_of(fetch(objects, manifest.first, part, out)), at):
                    if place == next_one:
                        file.write(line + b"\n")
                        next_one = next(left, None)
            at += part.records


def folder_of(out: Path, number: int) -> Path:
    """Return where an attempt is prepared on this machine."""
    return out / "attempts" / str(number)


def again(desk: Desk, wanted: list[int], number: int, out: Path, prices: Prices) -> Prepared:
    """Prepare records of the input once more."""
    manifest, folder = desk.manifest, folder_of(out, number)
    source = folder / SOURCE
    extract(desk.objects, manifest, wanted, out, source)
    return prepare(
        source,
        model=manifest.model_id,
        out=folder,
        prices=prices,
        region=manifest.region,
        scope=manifest.scope,
        kind=manifest.kind,
        max_tokens=manifest.max_tokens,
    )


def one_part(prepared: Prepared, wanted: list[int], out: Path, number: int) -> Part:
    """Return records that are asked on demand as one part, its file beside the others'."""
    source = folder_of(out, number) / SOURCE
    path = folder_of(out, number) / SHARDS / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, path)
    return Part(
        index=0,
        name=NAME,
        records=len(wanted),
        size_bytes=path.stat().st_size,
        sha256=sha256_of(path),
        expected_usd=prepared.on_demand_usd,
        worst_usd=prepared.on_demand_worst_usd,
        indices=tuple(wanted),
    )


def bring(desk: Desk, attempt: Attempt, out: Path, prices: Prices) -> Path:
    """Return the folder of a later attempt's shards, made again from the input where a crash left them unmade.

    Raises
    ------
    LabError
        They come out other than they were.
    """
    folder = shards_folder(out, attempt)
    if attempt.number == 1 or all(
        (folder / part.name).is_file() or desk.objects.holds(attempt.input_name(part), part.size_bytes, part.sha256)
        for part in attempt.parts
    ):
        return folder
    wanted = [index for part in attempt.parts for index in part.indices or ()]
    prepared = again(desk, wanted, attempt.number, out, prices)
    if attempt.how == DIRECT:
        one_part(prepared, wanted, out, attempt.number)
    if any(sha256_of(folder / part.name) != part.sha256 for part in attempt.parts):
        raise LabError(f"attempt {attempt.number} comes out other than it was; give another prefix")
    return folder


def next_attempt(
    desk: Desk,
    collected: Collected,
    wanted: list[int],
    terms: Terms,
    out: Path,
    prices: Prices,
    say: Callable[[str], None],
) -> Attempt:
    """Write the next attempt down: a batch where there are enough records, else on demand.

    Raises
    ------
    InputError
        The cap does not cover its worst case beside what was spent.
    """
    number = collected.attempts + 1
    prepared = again(desk, wanted, number, out, prices)
    attempt = Attempt(
        run=desk.manifest.run,
        number=number,
        how=BATCH if prepared.batchable else DIRECT,
        parts=parts_of_shards(prepared, wanted) if prepared.batchable else (one_part(prepared, wanted, out, number),),
        expected_usd=prepared.expected_usd if prepared.batchable else prepared.on_demand_usd,
        worst_usd=prepared.worst_usd if prepared.batchable else prepared.on_demand_worst_usd,
    )
    say(f"attempt {number}: {price(attempt)}")
    spent = collected.charged_bound_usd
    check_cap(None if spent is None else attempt.worst_usd, terms, spent or Decimal(0))
    name = attempt_name(number)
    if not desk.objects.put_once(name, attempt.to_dict()):
        held = desk.objects.read(name)
        if held is None:
            raise LabError(f"{desk.objects.place.uri(name)}: was written, and is not there")
        attempt = read_attempt(held, desk.objects.place.uri(name))
    return attempt
