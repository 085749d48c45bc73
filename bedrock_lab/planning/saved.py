"""A plan in a file: written as JSON with the version of its form, read back, and its purchase rebuilt."""

import dataclasses
import html
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bedrock_lab.assumptions import Assumption
from bedrock_lab.errors import InputError
from bedrock_lab.planning.purchase import Mix, Purchase

SCHEMA_VERSION = 1
"""Version of a saved plan's form; a key may be added within one, never changed or taken away."""

BY_SEGMENT = "a plan by segment, which cannot be read back yet: plan the new traffic with the same --by or --segments"

AGAIN = "run `bedrock-lab plan FILE --json` again"


@dataclasses.dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan read from a file: what it said, what it was asked, and what it would have bought."""

    data: Mapping[str, Any]

    @property
    def decision(self) -> str:
        """Word of the decision."""
        return str(self.data["decision"])

    @property
    def answer(self) -> str:
        """The one sentence."""
        return str(self.data["answer"])

    @property
    def asked(self) -> dict[str, Any]:
        """What `plan` was asked, by argument."""
        return dict(self.data["asked"])

    @property
    def date(self) -> str:
        """Day whose prices hold."""
        return str(self.data["date"])

    @property
    def purchase(self) -> Purchase | None:
        """What it recommends to buy; None where it recommends nothing."""
        return None if self.data["bought"] is None else purchase_of(self.data["bought"])

    def to_dict(self) -> dict[str, Any]:
        """Return what the file holds."""
        return json.loads(json.dumps(self.data))  # type: ignore[no-any-return]

    def to_frame(self) -> Any:
        """All candidates as a pandas DataFrame, the cheapest first."""
        import pandas as pd

        return pd.DataFrame(sorted(self.data["candidates"], key=lambda c: float(c["cost_usd_per_month"])))

    def _repr_html_(self) -> str:
        return f"<p><strong>{html.escape(self.answer)}</strong></p><p>Saved plan, prices of {self.date}.</p>"


def save_plan(data: Mapping[str, Any], path: str | Path) -> Path:
    """Write a plan as JSON; the file is whole or not there.

    Raises
    ------
    InputError
        The path cannot be written.
    """
    where = Path(path)
    part = where.with_name(f".{where.name}.{os.getpid()}")
    try:
        part.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        part.replace(where)
    except OSError as error:
        part.unlink(missing_ok=True) if part.parent.is_dir() else None
        raise InputError(
            f"{where}: cannot be written ({error.strerror}); name a file in a folder you may write"
        ) from None
    return where


def load_plan(path: str | Path) -> SavedPlan:
    """Read what `plan.save` wrote or `plan --json` printed.

    Raises
    ------
    InputError
        It cannot be read, is no plan, or is of a form this version does not know.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise InputError(f"{path}: cannot be read ({reason}); give what `plan FILE --json` printed") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: is no JSON (line {error.lineno}); give what `plan FILE --json` printed") from None
    if not isinstance(data, dict) or "decision" not in data:
        raise InputError(f"{path}: is no plan; give what `plan FILE --json` printed")
    version = data.get("schema_version")
    if version != SCHEMA_VERSION:
        raise InputError(f"{path}: schema version {version}; this version reads {SCHEMA_VERSION}: {AGAIN}")
    if data.get("segments"):
        raise InputError(f"{path}: {BY_SEGMENT}")
    keys = ("asked", "bought", "answer", "date", "candidates", "baseline", "recommended")
    missing = [key for key in keys if key not in data]
    if missing:
        raise InputError(f"{path}: the plan lacks {', '.join(missing)}: {AGAIN}")
    found = SavedPlan(data)
    try:
        _check(data["recommended"], found.purchase)
        found.asked  # noqa: B018 - a damaged file is refused here, not where it is used
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: the plan is damaged ({type(error).__name__}: {error}): {AGAIN}") from None
    return found


def _check(said: Any, bought: Purchase | None) -> None:
    """Refuse a recommendation that is not what was bought.

    Raises
    ------
    ValueError
        They differ, or it is none.
    """
    if said is None:
        return
    if not isinstance(said, Mapping) or bought is None:
        raise TypeError("recommended")
    other = [name for name, value in bought.words().items() if said[name] != value]
    if other:
        raise ValueError(f"{other[0]} of what is recommended is {said[other[0]]!r}, not as bought")
    if not isinstance(said["cost_usd_per_month"], int | float):
        raise TypeError("cost_usd_per_month")


def purchase_of(data: Mapping[str, Any]) -> Purchase:
    """Rebuild a purchase of its plain values."""
    mix = data["mix"]
    return Purchase(
        **(dict(data) | {"usd_per_hour_per_ktpm": tuple(data["usd_per_hour_per_ktpm"]), "mix": _mix_of(mix)})
    )


def _mix_of(data: Mapping[str, Any] | None) -> Mix | None:
    if data is None:
        return None
    parts = {name: purchase_of(data[name]) for name in ("overflow", "cached", "uncached")}
    base = None if data["base"] is None else purchase_of(data["base"])
    return Mix(**(dict(data) | parts | {"base": base, "schedule": tuple(data["schedule"])}))


def plain(value: Any) -> Any:
    """Write an argument of `plan` as plain values that it takes back.

    >>> plain({"growth": (0.9, 1.4)})
    {'growth': '0.9..1.4'}
    """
    if isinstance(value, Assumption):
        return f"{value.lo}..{value.hi}" if value.spread else value.value
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, tuple) and len(value) == 2 and all(isinstance(v, int | float) for v in value):
        return f"{value[0]}..{value[1]}"
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value
