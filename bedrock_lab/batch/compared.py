"""A comparison as a value: the ways to buy an input's answers, and what each may cost."""

import dataclasses
import html
from decimal import Decimal
from typing import Any

from bedrock_lab.assumptions import Assumption
from bedrock_lab.batch.amounts import figure, number

COLUMNS = [
    *("name", "availability", "reason", "expected_usd", "low_usd", "high_usd", "worst_usd"),
    *("against_on_demand", "waits"),
]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to buy an input's answers.

    Attributes
    ----------
    availability
        yes, no or unknown, and `reason` why.
    expected_usd, range_usd, worst_usd
        None where a price is not known.
    against_on_demand
        Expected cost against on-demand's.
    """

    name: str
    availability: str
    reason: str
    expected_usd: Decimal | None
    range_usd: tuple[Decimal, Decimal] | None
    worst_usd: Decimal | None
    against_on_demand: float | None
    waits: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; money as numbers [USD]."""
        return {
            **{field.name: getattr(self, field.name) for field in dataclasses.fields(self)},
            "expected_usd": number(self.expected_usd),
            "range_usd": None if self.range_usd is None else [float(usd) for usd in self.range_usd],
            "worst_usd": number(self.worst_usd),
        }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The ways to buy an input's answers; frozen, with ``to_dict`` and ``to_frame``.

    Attributes
    ----------
    cacheable_tokens
        Of the input, what a prompt cache could read on demand; in batch it is full input [tokens].
    cached_share_break_even
        Share of the input that on demand would have to be cache reads to cost as little as batch; None where no share
        does, or a price is not known.
    """

    model: str
    model_id: str
    region: str
    scope: str
    kind: str
    as_of: str
    source: str
    records: int
    batchable: bool
    why_not: str | None
    input_tokens: int
    expected_output_tokens: int
    cacheable_tokens: int
    ways: tuple[Way, ...]
    cheapest: str | None
    cached_share_break_even: float | None
    answer: str
    assumptions: tuple[Assumption, ...]
    warnings: tuple[str, ...]

    def way(self, name: str) -> Way:
        """Return a way by its name."""
        return next(way for way in self.ways if way.name == name)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of ``bedrock-lab batch compare``."""
        return {
            **{field.name: getattr(self, field.name) for field in dataclasses.fields(self)},
            "ways": [way.to_dict() for way in self.ways],
            "assumptions": [assumed.to_dict() for assumed in self.assumptions],
            "warnings": list(self.warnings),
        }

    def to_frame(self) -> Any:
        """Return the ways as a pandas DataFrame, their ranges as two columns."""
        import pandas as pd

        rows = [way.to_dict() for way in self.ways]
        for row in rows:
            row["low_usd"], row["high_usd"] = row.pop("range_usd") or (None, None)
        frame = pd.DataFrame(rows, columns=COLUMNS)
        numbers = [name for name in COLUMNS if name.endswith("_usd")] + ["against_on_demand"]
        return frame.astype(dict.fromkeys(numbers, float))

    def __repr__(self) -> str:
        return f"<Comparison: {self.answer}>"

    def _repr_html_(self) -> str:
        table = self.to_frame().to_html(index=False, float_format=figure, na_rep="unknown")
        return f"<p>{html.escape(self.answer)}</p>{table}"
