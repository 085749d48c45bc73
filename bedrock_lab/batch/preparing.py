"""An input made ready for batch inference: checked, written as shards, estimated and priced. Nothing is sent."""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from bedrock_lab.batch import prepared as records
from bedrock_lab.batch.callee import MAX_TOKENS, Asker, Callee, Wanted, callee, kind_for, wanted
from bedrock_lab.batch.estimate import Counts, Tokens, assumptions, cost, counts, cut_answers, tokens_of
from bedrock_lab.batch.forms import form_of_file
from bedrock_lab.batch.prepared import SHARDS, Prepared, Shard
from bedrock_lab.batch.records import Writer
from bedrock_lab.batch.scanning import Scan, first_record
from bedrock_lab.batch.shards import Limits, cut, limits_of
from bedrock_lab.catalogue.offers import batch_limits
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.catalogue.tables import source_text
from bedrock_lab.client.naming import Named
from bedrock_lab.client.tariff import Tariff, tariff
from bedrock_lab.errors import InputError
from bedrock_lab.quote import plain

VERSION = 1
PIECE_BYTES = 1 << 20


def prepare(
    source: str | Path,
    *,
    model: str,
    out: str | Path,
    prices: Prices,
    region: str | None = None,
    scope: str | None = None,
    kind: str | None = None,
    max_tokens: int = MAX_TOKENS,
    output_tokens: int | None = None,
    records_per_shard: int | None = None,
    ask: Asker | None = None,
    limits: Mapping[str, Any] | None = None,
) -> Prepared:
    """Check an input, write its shards and ``prepared.json``, and say what they may cost.

    Shards keep the order of the input. A folder holds everything or nothing: what was there before is replaced.

    Parameters
    ----------
    source
        JSON lines, CSV or parquet.
    kind
        InvokeModel or Converse; None means as the first record asks.
    max_tokens
        Of records that name none [tokens].
    output_tokens
        What you expect of an answer, where you know [tokens].
    records_per_shard
        The most records of a shard: fewer than the quota, or a quota that was raised.
    ask
        Tells which model an application profile serves; None where nobody may be asked.
    limits
        A row like those of the catalogue, instead of it.

    Raises
    ------
    InputError
        Something is wrong; nothing was written.
    """
    form = form_of_file(Path(source))
    called = callee(model, prices, region, scope, ask=ask)
    row = dict(batch_limits(called.model.id) if limits is None else limits)
    allowed = limits_of(row, records_per_shard)
    if records_per_shard is not None and records_per_shard < allowed.least:
        raise InputError(f"--records-per-shard {records_per_shard}: allowed is {allowed.least} or more")
    if output_tokens is not None and (type(output_tokens) is not int or output_tokens < 0):
        raise InputError(f"--output-tokens {output_tokens}: allowed is a whole number from 0")
    how = wanted(called, kind or kind_for(called.model.id, first_record(source)), max_tokens)
    folder = Path(out)
    beside, is_new = folder / ".prepare", not folder.exists()
    try:
        shutil.rmtree(beside, ignore_errors=True)  # what a killed one left
        (beside / SHARDS).mkdir(parents=True)
        writer = Writer(how)
        with (beside / "lines").open("wb", buffering=PIECE_BYTES) as spool:
            seen = Scan(source, writer, spool.write)
            seen.run()
        found = _prepared(source, form, called, how, prices, seen, writer, row, allowed, output_tokens, beside)
        _put(folder, beside, found)
    except OSError as error:
        raise InputError(f"{error.filename or folder}: cannot be written ({error.strerror})") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        if is_new:
            with contextlib.suppress(OSError):  # it holds what was prepared, unless the input was refused
                folder.rmdir()
    return found


def _put(folder: Path, beside: Path, found: Prepared) -> None:
    """Move shards into place; ``prepared.json`` goes first and comes last, so that it never lies."""
    (folder / records.FILE).unlink(missing_ok=True)
    shutil.rmtree(folder / SHARDS, ignore_errors=True)
    (beside / SHARDS).rename(folder / SHARDS)
    records.write(found, folder)


def _prepared(
    source: str | Path,
    form: str,
    called: Callee,
    how: Wanted,
    prices: Prices,
    seen: Scan,
    writer: Writer,
    row: dict[str, Any],
    allowed: Limits,
    output_tokens: int | None,
    beside: Path,
) -> Prepared:
    sizes = counts(seen.measures.line_bytes)
    tokens = tokens_of(seen.measures, output_tokens)
    batch = _tariff(prices, called, "batch")
    default = _tariff(prices, called, "default")
    ends = cut(sizes, allowed)
    if ends is None and len(sizes) >= allowed.least and allowed.most < int(row["records_per_file"]):
        least = -(-len(sizes) // (len(sizes) // allowed.least))
        raise InputError(
            f"--records-per-shard {allowed.most}: {len(sizes)} records cannot be cut into shards of {allowed.least} to "
            f"{allowed.most}; allowed is {least} or more"
        )
    shards = _split(beside, sizes, ends or [len(sizes)], tokens, batch)
    low = cost(batch, tokens.input_low, tokens.output_low)
    high = cost(batch, tokens.input_high, tokens.output_most if output_tokens is None else tokens.output)
    on_demand = cost(default, tokens.input, tokens.output)
    why_not = None if ends else _why_not(len(sizes), allowed, on_demand)
    return Prepared(
        model=called.model.id,
        model_id=called.model_id,
        sent_id=called.sent_id,
        region=called.region,
        scope=called.scope,
        kind=how.kind,
        family=how.form.name,
        max_tokens=how.max_tokens,
        digest=_digest(called, how, shards),
        source=str(source),
        form=form,
        as_of=prices.as_of.isoformat(),
        records=len(sizes),
        size_bytes=int(sizes.sum()),
        shards=shards,
        input_tokens=int(tokens.input.sum()),
        input_bound_tokens=int(tokens.input_bound.sum()),
        expected_output_tokens=int(tokens.output.sum()),
        max_output_tokens=int(tokens.output_most.sum()),
        expected_usd=cost(batch, tokens.input, tokens.output),
        expected_range_usd=None if low is None or high is None else (low, high),
        worst_usd=cost(batch, tokens.input_bound, tokens.output_most),
        on_demand_usd=on_demand,
        on_demand_worst_usd=cost(default, tokens.input_bound, tokens.output_most),
        limits={**{name: _whole(held) for name, held in row.items()}, "source": source_text(row.get("source", ""))},
        batchable=ends is not None,
        why_not=why_not,
        assumptions=assumptions(output_tokens, answers=bool(how.form.maximum)),
        warnings=(*called.warnings, *_warnings(seen, writer, how, batch, output_tokens)),
    )


def _whole(text: Any) -> int | str:
    return int(text) if str(text).isdigit() else str(text)


def _tariff(prices: Prices, called: Callee, tier: str) -> Tariff:
    return tariff(prices, Named(called.model.id, called.scope, called.region), tier)


def _digest(called: Callee, how: Wanted, shards: tuple[Shard, ...]) -> str:
    """Digest what makes the jobs."""
    settings = [VERSION, called.sent_id, called.region, how.kind, [shard.sha256 for shard in shards]]
    return hashlib.sha256(orjson.dumps(settings)).hexdigest()


def _split(beside: Path, sizes: Counts, ends: list[int], tokens: Tokens, batch: Tariff) -> tuple[Shard, ...]:
    """Write the lines as shards."""
    out = []
    with (beside / "lines").open("rb") as lines:
        begin = 0
        for index, end in enumerate(ends):
            name = f"{index:05d}.jsonl"
            left = size = int(sizes[begin:end].sum())
            digest = hashlib.sha256()
            with (beside / SHARDS / name).open("wb") as shard:
                while left:
                    piece = lines.read(min(left, PIECE_BYTES))
                    digest.update(piece)
                    shard.write(piece)
                    left -= len(piece)
                shard.flush()
                os.fsync(shard.fileno())
            part = tokens.part(begin, end)
            out.append(
                Shard(
                    index=index,
                    name=name,
                    records=end - begin,
                    size_bytes=size,
                    sha256=digest.hexdigest(),
                    input_tokens=int(part.input.sum()),
                    expected_usd=cost(batch, part.input, part.output),
                    worst_usd=cost(batch, part.input_bound, part.output_most),
                )
            )
            begin = end
    return tuple(out)


def _why_not(records: int, allowed: Limits, on_demand: Decimal | None) -> str:
    cost = "an unknown sum" if on_demand is None else f"about {plain(round(on_demand, 6))} USD"
    if records < allowed.least:
        return (
            f"{records} records, and a batch job needs {allowed.least} at least: gather more, or call them on demand "
            f"for {cost}; records are never made up to fill a job"
        )
    return (
        f"the records are too large: no cut into files of {allowed.least} to {allowed.most} records and "
        f"{allowed.size_bytes} bytes at most exists; on demand they cost {cost}"
    )


def _warnings(seen: Scan, writer: Writer, how: Wanted, batch: Tariff, output_tokens: int | None) -> list[str]:
    out = []
    if seen.made:
        out.append(f"{seen.made:,} records have no recordId: they got one made of their line's number, as L0000000001")
    if seen.numbers:
        out.append(f"{seen.numbers:,} recordIds are whole numbers: they became texts")
    out += [f"{count:,} records named no {name}: it was filled in" for name, count in writer.filled.items()]
    cut = cut_answers(seen.measures, output_tokens) if how.form.maximum else None
    out += [cut] if cut else []
    if not how.form.states_usage:
        out.append(
            f"answers in the body of {how.form.name} state no usage, so the cost of a record stays unknown; those of "
            "--kind Converse do"
        )
    if not batch.edges:
        out.append(f"the batch price is unknown ({batch.note}): no cost can be given")
    return out
