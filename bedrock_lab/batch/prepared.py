"""What was prepared for batch inference: the shards of an input, what they may cost, and what was assumed."""

import dataclasses
import html
import json
import os
import secrets
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from bedrock_lab.assumptions import Assumption, Kind
from bedrock_lab.batch.amounts import counted
from bedrock_lab.errors import InputError
from bedrock_lab.quote import plain

FILE = "prepared.json"
SHARDS = "shards"
MONEY = (
    "expected_usd",
    "worst_usd",
    "on_demand_usd",
    "on_demand_worst_usd",
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One file of records, which one job reads.

    Attributes
    ----------
    name
        Of the file under ``shards/``, such as ``00000.jsonl``.
    sha256
        Of its bytes, in hexadecimal.
    input_tokens
        Estimate [tokens].
    expected_usd, worst_usd
        At the batch price; None where it is not known.
    """

    index: int
    name: str
    records: int
    size_bytes: int
    sha256: str
    input_tokens: int
    expected_usd: Decimal | None
    worst_usd: Decimal | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; money as numbers [USD]."""
        return _plain(self, float)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An input checked, written as shards and priced; frozen, with ``to_dict`` and ``to_frame``.

    Attributes
    ----------
    model, model_id, sent_id
        Catalogue id, the id as given, and the id a job is made with.
    kind
        ``InvokeModel`` or ``Converse``: what a job calls with each record.
    family
        The form of the bodies: a name of `bodies.FAMILIES`.
    max_tokens
        Of records that name none [tokens].
    digest
        SHA-256 over what makes the jobs: settings and the shards' bytes in their order. The same input and settings
        give the same digest on every machine.
    size_bytes
        Of all shards; the results echo them.
    input_tokens, expected_output_tokens
        Estimates [tokens]; see `assumptions`.
    input_bound_tokens, max_output_tokens
        The most that `worst_usd` counts [tokens].
    expected_usd, expected_range_usd, worst_usd
        At the batch price; None where it is not known.
    on_demand_usd, on_demand_worst_usd
        The same tokens on demand, without prompt caching.
    limits
        What a job may hold for this model, and the source.
    batchable, why_not
        Whether jobs can be made of it; else why, and what to do.
    """

    model: str
    model_id: str
    sent_id: str
    region: str
    scope: str
    kind: str
    family: str
    max_tokens: int
    digest: str
    source: str
    form: str
    as_of: str
    records: int
    size_bytes: int
    shards: tuple[Shard, ...]
    input_tokens: int
    input_bound_tokens: int
    expected_output_tokens: int
    max_output_tokens: int
    expected_usd: Decimal | None
    expected_range_usd: tuple[Decimal, Decimal] | None
    worst_usd: Decimal | None
    on_demand_usd: Decimal | None
    on_demand_worst_usd: Decimal | None
    limits: dict[str, int | str]
    batchable: bool
    why_not: str | None
    assumptions: tuple[Assumption, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of ``bedrock-lab batch prepare``; money as numbers [USD]."""
        return _plain(self, float)

    def kept(self) -> dict[str, Any]:
        """Return what ``prepared.json`` keeps: money as exact decimal strings."""
        return _plain(self, plain)

    def to_frame(self) -> Any:
        """Return the shards as a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame([shard.to_dict() for shard in self.shards])

    def _repr_html_(self) -> str:
        cost = "batch price unknown" if self.expected_usd is None else f"about {plain(self.expected_usd)} USD"
        size = f"{counted(self.records, 'record')} in {counted(len(self.shards), 'shard')}"
        head = f"<p>{html.escape(self.model_id)}: {size}, {cost}</p>"
        return head + (f"<p>{html.escape(self.why_not)}</p>" if self.why_not else "")


def _plain(facts: Any, money: Callable[[Decimal], Any]) -> dict[str, Any]:
    """Write facts as plain values, amounts as `money` does."""

    def out(value: Any) -> Any:
        if isinstance(value, Decimal):
            return money(value)
        if isinstance(value, Assumption):
            return value.to_dict()
        if isinstance(value, tuple):
            return [out(item) for item in value]
        return _plain(value, money) if isinstance(value, Shard) else value

    return {field.name: out(getattr(facts, field.name)) for field in dataclasses.fields(facts)}


def _money(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def from_dict(values: dict[str, Any]) -> Prepared:
    """Read what ``kept`` returned."""
    shards = [
        Shard(**{**shard, "expected_usd": _money(shard["expected_usd"]), "worst_usd": _money(shard["worst_usd"])})
        for shard in values["shards"]
    ]
    spread = values["expected_range_usd"]
    return Prepared(
        **{
            **values,
            **{name: _money(values[name]) for name in MONEY},
            "shards": tuple(shards),
            "expected_range_usd": None if spread is None else (Decimal(spread[0]), Decimal(spread[1])),
            "assumptions": tuple(Assumption(**{**a, "kind": Kind(a["kind"])}) for a in values["assumptions"]),
            "warnings": tuple(values["warnings"]),
        }
    )


def write(prepared: Prepared, folder: str | Path) -> Path:
    """Write ``prepared.json`` into a folder."""
    path = Path(folder) / FILE
    write_json(path, prepared.kept())
    return path


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write a file of JSON, whole or not at all."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("w", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(values, indent=1, allow_nan=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read_prepared(folder: str | Path) -> Prepared:
    """Read what `prepare` left in a folder.

    Raises
    ------
    InputError
        There is nothing, or something else.
    """
    path = Path(folder) / FILE
    try:
        return from_dict(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); make it with bedrock-lab batch prepare IN --model ID "
            f"--out {folder}"
        ) from None
    except (ValueError, KeyError, TypeError, ArithmeticError):
        raise InputError(f"{path}: not what batch prepare writes; run bedrock-lab batch prepare again") from None
