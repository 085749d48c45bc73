"""Results joined to the input: streamed from S3 by recordId, the order restored, every difference named."""

import dataclasses
import hashlib
import itertools
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from bedrock_lab.batch.answers import Row, read_held, read_row
from bedrock_lab.batch.attempts import Desk, Standing
from bedrock_lab.batch.bodies import form_of
from bedrock_lab.batch.collected import FILE, Collected, check_own, read_collected
from bedrock_lab.batch.findings import Finding, Tally, findings
from bedrock_lab.batch.jobs import COMPLETED, EXPIRED, FAILED, LOST, PARTIAL, STOPPED
from bedrock_lab.batch.manifest import BATCH, ON_DEMAND, Attempt, Part
from bedrock_lab.batch.objects import Held, Objects, sha256_of
from bedrock_lab.batch.outputs import Outputs, ids_in, written
from bedrock_lab.batch.prepared import write_json
from bedrock_lab.batch.rows import Meter, Writer
from bedrock_lab.batch.submitting import shards_folder
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.client.record import OK
from bedrock_lab.errors import InputError, LabError
from bedrock_lab.quote import EXACT

MISSING = frozenset({"missing", PARTIAL, FAILED, EXPIRED, STOPPED, LOST})
"""Error codes of records without an answer: ours, never AWS's."""


def fetch(objects: Objects, attempt: Attempt, part: Part, out: Path) -> Path:
    """Return a shard's file on this machine, fetched from S3 where it is not here.

    Raises
    ------
    LabError
        It is in neither place, or is not what was prepared.
    """
    path = shards_folder(out, attempt) / part.name
    if path.is_file() and path.stat().st_size == part.size_bytes and sha256_of(path) == part.sha256:
        return path
    name = attempt.input_name(part)
    held = next((item for item in objects.list(name) if item.name == name), None)
    if held is None:
        raise LabError(f"{objects.place.uri(name)}: is not there any more; the results cannot be joined to the input")
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    objects.download(held, beside)
    if sha256_of(beside) != part.sha256:
        raise LabError(f"{objects.place.uri(name)}: is not the shard that was uploaded")
    beside.replace(path)
    return path


class Collecting:
    """One collection: the attempts of a run read side by side, in the order of the input."""

    def __init__(
        self, desk: Desk, attempts: list[Attempt], standings: list[Standing], out: Path, prices: Prices
    ) -> None:
        self.desk = desk
        self.attempts = attempts
        self.standings = {(s.attempt.number, s.part.index): s for s in standings}
        self.out = out
        self.meter = Meter(desk.manifest, prices)
        self.form = form_of(desk.manifest.model, desk.manifest.kind)
        self.findings: list[Finding] = []
        self.charged: Decimal | None = Decimal(0)

    def rows(self, attempt: Attempt, spool: Path) -> Iterator[Row]:
        """Go through the records of an attempt in the order of the input."""
        if attempt.how == BATCH:
            counter = itertools.count()
            for part in attempt.parts:
                places = counter if part.indices is None else iter(part.indices)
                yield from self._part(self.standings[attempt.number, part.index], places, spool)
        else:
            yield from self._direct(attempt)

    def _part(self, standing: Standing, places: Iterator[int], spool: Path) -> Iterator[Row]:
        desk, part = self.desk, standing.part
        wanted = ids_in(fetch(desk.objects, standing.attempt, part, self.out), part.records)
        outputs, tally = Outputs(desk.objects, standing, wanted, spool), Tally()
        try:
            for record_id in wanted:
                row = Row(record_id, next(places), part.index, standing.attempt.number)
                line = outputs.line(record_id)
                if line is not None and not read_row(row, line, self.form):
                    outputs.broken.add(record_id)
                    line = None
                self.meter.price(row)
                if line is None:
                    _miss(row, standing)
                _count(tally, row, there=line is not None)
                yield row
            self.findings += findings(standing, outputs, tally)
            self._charge(standing, outputs)
        finally:
            outputs.close()

    def _direct(self, attempt: Attempt) -> Iterator[Row]:
        """Go through the answers of records that were asked on demand; each is an object of its own."""
        (part,) = attempt.parts
        objects = self.desk.objects
        answered = {held.name for held in objects.list(direct_prefix(attempt))}
        wanted = ids_in(fetch(objects, attempt, part, self.out), part.records)
        if len(answered) < part.records:
            self._add_charge(part.worst_usd)
        for record_id, index in zip(wanted, part.indices or (), strict=True):
            row = Row(record_id, index, part.index, attempt.number)
            name = direct_name(attempt, index)
            held = objects.read(name) if name in answered else None
            if held is None:
                row.error_code, row.error_message = "missing", "it was not asked yet; retry goes on"
            else:
                read_held(row, held, self.form)
                row.usd = None if held["cost_usd"] is None else Decimal(held["cost_usd"])
                self._add_charge(None if held["bound_usd"] is None else Decimal(held["bound_usd"]))
            yield row

    def _charge(self, standing: Standing, outputs: Outputs) -> None:
        """Add the most that a job can have cost: by the tokens it says it worked on, else at worst."""
        if standing.job.status in {EXPIRED, FAILED} and not standing.job.processed:
            return
        told = outputs.manifest or {}
        read, wrote = told.get("inputTokenCount"), told.get("outputTokenCount")
        if isinstance(read, int) and isinstance(wrote, int):
            self._add_charge(self.meter.most(read, wrote))
        else:
            self._add_charge(standing.part.worst_usd)

    def _add_charge(self, usd: Decimal | None) -> None:
        self.charged = None if usd is None or self.charged is None else EXACT.add(self.charged, usd)

    def merged(self, spools: list[Path]) -> Iterator[Row]:
        """Go through the records with the answer that counts: the first ok one, else what the latest attempt says."""
        streams = [self.rows(attempt, spool) for attempt, spool in zip(self.attempts, spools, strict=True)]
        heads = [next(stream, None) for stream in streams]
        while (row := heads[0]) is not None:
            index = row.index
            for place, head in enumerate(heads):
                if head is not None and head.index == index:
                    if place and row.outcome != OK:
                        row = head
                    heads[place] = next(streams[place], None)
            yield row


def _miss(row: Row, standing: Standing) -> None:
    """Say of a record that there is no answer, and why as far as the job says."""
    status = standing.job.status
    row.error_code = "missing" if status == COMPLETED else status
    row.error_message = standing.job.message or f"not in the output of a job that ended {status}"


def _count(tally: Tally, row: Row, *, there: bool) -> None:
    if not there:
        tally.missing.add(row.record_id)
    elif row.outcome != OK:
        tally.failed += 1
    else:
        tally.ok += 1
        usage = row.usage or {}
        tally.without_usage += "input_tokens" not in usage
        tally.input_tokens += usage.get("input_tokens", 0)
        tally.output_tokens += usage.get("output_tokens", 0)


def direct_prefix(attempt: Attempt) -> str:
    """Return where the answers of an attempt on demand stand."""
    return f"{ON_DEMAND}{attempt.number}/"


def direct_name(attempt: Attempt, index: int) -> str:
    """Return the name of one answer's object."""
    return f"{direct_prefix(attempt)}{index:09d}.json"


def state_of(desk: Desk, attempts: list[Attempt], standings: list[Standing], prices: Prices) -> str:
    """Return a digest of all that the results are made of: the same digest, the same results."""
    digest = hashlib.sha256(repr((desk.manifest.run, prices.as_of, len(attempts))).encode())
    held: list[tuple[str, list[Held]]] = [(s.job.status, list(written(desk.objects, s))) for s in standings]
    held += [(a.how, list(desk.objects.list(direct_prefix(a)))) for a in attempts if a.how != BATCH]
    digest.update(repr(held).encode())
    return digest.hexdigest()


def collect(desk: Desk, attempts: list[Attempt], standings: list[Standing], out: Path, prices: Prices) -> Collected:
    """Write the results of a run whose jobs have ended; at once where they are there already.

    Raises
    ------
    InputError
        A job has not ended.
    """
    running = [standing.name for standing in standings if not standing.job.over]
    if running:
        raise InputError(
            f"{len(running)} of {len(standings)} jobs have not ended ({running[0]}); bedrock-lab batch status --watch "
            "waits for them"
        )
    check_own(out, desk.objects.place.uri(), desk.manifest.run, desk.manifest.digest)
    state = state_of(desk, attempts, standings, prices)
    before = read_collected(out)
    if before is not None and before.state == state and all(Path(path).is_file() for path in before.files.values()):
        return dataclasses.replace(before, new=False)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({error.strerror}); give another folder with --out") from None
    try:
        return _collect(Collecting(desk, attempts, standings, out, prices), state)
    except OSError as error:
        raise LabError(f"{out}: writing the results failed ({error.strerror or error})") from None


def _collect(job: Collecting, state: str) -> Collected:
    manifest = job.desk.manifest
    with tempfile.TemporaryDirectory(prefix=".spool-", dir=job.out) as spool:
        spools = [Path(spool) / str(attempt.number) for attempt in job.attempts]
        for folder in spools:
            folder.mkdir()
        writer = Writer(job.out, job.meter, embeddings=job.form.embeds)
        missing = retried = 0
        try:
            for row in job.merged(spools):
                missing += row.outcome != OK and row.error_code in MISSING
                retried += row.attempt > 1
                writer.add(row)
            files = writer.finish(manifest.records)
        except BaseException:
            writer.discard()
            raise
    found = Collected(
        run=manifest.run,
        where=job.desk.objects.place.uri(),
        model=manifest.model,
        model_id=manifest.model_id,
        records=manifest.records,
        **writer.counts,
        missing=missing,
        retried=retried,
        attempts=len(job.attempts),
        **writer.tokens,
        cost_usd=writer.cost_usd if job.meter.tariff.edges or not writer.unknown_cost else None,
        unknown_cost=writer.unknown_cost,
        charged_bound_usd=job.charged,
        prices_as_of=str(job.meter.tariff.prices.as_of),
        states=tuple(sorted((s.name, s.job.status) for s in job.standings.values())),
        findings=tuple(job.findings),
        files=files,
        state=state,
        new=True,
    )
    write_json(job.out / FILE, found.kept())
    return found
