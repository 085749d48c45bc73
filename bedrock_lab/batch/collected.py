"""`Collected`: what came of a run, with what does not fit."""

import dataclasses
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from bedrock_lab.batch.amounts import number, readable
from bedrock_lab.batch.findings import Finding
from bedrock_lab.batch.prepared import FILE as PREPARED
from bedrock_lab.batch.rows import TOKENS
from bedrock_lab.errors import InputError
from bedrock_lab.quote import plain
from bedrock_lab.traffic.html import summary_table

FILE = "collected.json"
PARQUET, POISON = "results.parquet", "poison.jsonl"
NO_ANSWER_BILLED = (
    "AWS does not say whether records with an error are charged; charged_bound_usd counts the tokens jobs say they "
    "worked on, or the worst case"
)

MADE_GOOD = frozenset({"not-completed", "missing-records", "output-missing"})
"""Findings that are over once a later attempt has answered every record."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """The results of a run; frozen, with ``to_dict`` and ``to_frame``.

    Attributes
    ----------
    ok, throttled, failed, missing
        Records by outcome; those without an answer are failed, and missing.
    retried
        Records whose answer is of a later attempt than the first.
    cost_usd
        Exact cost of the answers whose cost is known [USD]; null without a batch price.
    unknown_cost
        Answers whose cost is not known.
    charged_bound_usd
        The most the jobs can have cost, their failed records included [USD]; null where nothing bounds it.
    states
        Every job with the state it ended in.
    state
        Digest of what the results are made of.
    new
        Whether they were made now, not found.
    """

    run: str
    where: str
    model: str
    model_id: str
    records: int
    ok: int
    throttled: int
    failed: int
    missing: int
    retried: int
    attempts: int
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    cost_usd: Decimal | None
    unknown_cost: int
    charged_bound_usd: Decimal | None
    prices_as_of: str
    states: tuple[tuple[str, str], ...]
    findings: tuple[Finding, ...]
    files: dict[str, str]
    state: str
    new: bool

    @property
    def left(self) -> int:
        """Records without an ok answer."""
        return self.throttled + self.failed

    @property
    def _poison(self) -> Path:
        return Path(self.files[PARQUET]).with_name(POISON)

    @property
    def set_apart(self) -> int:
        """Records a retry found to have had their attempts, as poison.jsonl beside the results names them."""
        try:
            return min(self.left, self._poison.read_bytes().count(b"\n"))
        except OSError:
            return 0

    @property
    def exit_code(self) -> int:
        """0 where every record is ok and nothing is odd, 1 where no record is ok, else 3."""
        if not self.ok:
            return 1
        return 3 if self.left or any(found.kind not in MADE_GOOD for found in self.findings) else 0

    @property
    def notes(self) -> list[str]:
        """What a reader should be told."""
        out = [found.text for found in self.findings]
        if self.left:
            poison = self.set_apart
            what = f"{self.left:,} records have no ok answer ({self.missing:,} are missing)"
            if poison < self.left:
                what += "; bedrock-lab batch retry asks them again"
            if poison:
                what += (
                    f"; {poison:,} had their attempts and are set apart in {self._poison}, batch retry --max-attempts "
                    f"{self.attempts + 1} asks those again"
                )
            out.append(what)
            out.append(NO_ANSWER_BILLED)
        if self.unknown_cost:
            out.append(f"the cost of {self.unknown_cost:,} answers is not known: no usage, or no price for it")
        return out

    def kept(self) -> dict[str, Any]:
        """Return what stands in collected.json."""
        held = dataclasses.asdict(self)
        for name in ("cost_usd", "charged_bound_usd"):
            held[name] = None if held[name] is None else plain(held[name])
        return held

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of ``bedrock-lab batch collect``."""
        held = self.kept()
        held["s3"] = held.pop("where")
        held["states"] = dict(self.states)
        held["findings"] = [found.to_dict() for found in self.findings]
        held["cost_usd"] = number(self.cost_usd)
        held["charged_bound_usd"] = number(self.charged_bound_usd)
        del held["state"]
        return {**held, "notes": self.notes}

    def to_frame(self) -> Any:
        """Return one row a record as a pandas DataFrame."""
        import pandas as pd

        return pd.read_parquet(self.files[PARQUET])

    def _repr_html_(self) -> str:
        names = ("records", "ok", "throttled", "failed", "missing", *TOKENS, "cost_usd", "charged_bound_usd")
        rows = readable({name: getattr(self, name) for name in names})
        rows["notes"] = "; ".join(self.notes) or "nothing found"
        return summary_table(f"Results of batch run {self.run}", rows)


def check_own(out: Path, where: str, run: str | None = None, digest: str | None = None) -> None:
    """Refuse a folder that holds the results of another run, or shards of other input.

    Parameters
    ----------
    where
        The run's own place in S3.
    run
        Its id; empty where none was begun there, None where that is not known.
    digest
        Of its input and settings; None where it is prepared anew.

    Raises
    ------
    InputError
        Naming what stands there.
    """
    held = read_collected(out)
    if held is not None and (held.where != where or run not in {None, held.run}):
        raise InputError(f"{out}: holds the results of run {held.run} at {held.where}; give another folder with --out")
    try:
        there = json.loads((out / PREPARED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if digest is not None and isinstance(there, dict) and there.get("digest") != digest:
        raise InputError(
            f"{out}: holds what was prepared of other input ({there.get('source')}); give another folder with --out"
        )


def read_collected(out: Path) -> Collected | None:
    """Read what was collected in a folder; None where nothing was, or by another version."""
    try:
        held = json.loads((out / FILE).read_text(encoding="utf-8"))
        return Collected(
            **{
                **held,
                "cost_usd": None if held["cost_usd"] is None else Decimal(held["cost_usd"]),
                "charged_bound_usd": None if held["charged_bound_usd"] is None else Decimal(held["charged_bound_usd"]),
                "states": tuple((name, status) for name, status in held["states"]),
                "findings": tuple(Finding(**{**f, "records": tuple(f["records"])}) for f in held["findings"]),
            }
        )
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError):
        return None
