"""A bill held against a trace, as a value: both sides by cell, and causes that sum to the difference."""

import dataclasses
import html
from decimal import Decimal
from typing import Any

from bedrock_lab.assumptions import Assumption, Origin
from bedrock_lab.quote import add, plain


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Both sides of a cell: tokens and USD of the trace and of the bill."""

    model: str
    region: str
    scope: str
    tier: str
    bucket: str
    long_context: bool
    trace_tokens: Decimal
    bill_tokens: Decimal
    trace_usd: Decimal
    bill_usd: Decimal

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; money and tokens as exact decimal strings."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        written = {k: plain(v) if isinstance(v, Decimal) else v for k, v in values.items()}
        return written | {"difference_usd": plain(add((self.bill_usd, -self.trace_usd)))}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A cause and what it comes to [USD]: above 0 where the bill is higher for it."""

    cause: str
    usd: Decimal
    detail: str

    def to_dict(self) -> dict[str, str]:
        """Return plain values."""
        return {"cause": self.cause, "usd": plain(self.usd), "detail": self.detail}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """Why AWS charged what it did; frozen, with ``to_dict`` and ``to_frame``.

    Attributes
    ----------
    trace_usd, trace_list_usd, bill_usd
        The trace at net and at list prices; what AWS charged [USD].
    causes
        They sum to the difference exactly; ``unexplained`` is always among them, last.
    unexplained_share
        What is left in cells without a cause, regardless of sign, of the bill.
    grain
        How finely the sides were laid over each other: hour, day, month.
    """

    trace_source: str
    bill_source: str
    origin: Origin
    as_of: str
    grain: str
    trace_usd: Decimal
    trace_list_usd: Decimal
    bill_usd: Decimal
    by: tuple[Side, ...]
    causes: tuple[Explained, ...]
    unexplained_share: float
    assumptions: tuple[Assumption, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def difference_usd(self) -> Decimal:
        """The bill less the trace [USD]."""
        return add((self.bill_usd, -self.trace_usd))

    @property
    def unexplained_usd(self) -> Decimal:
        """What no cause was found for [USD]."""
        return self.causes[-1].usd

    @property
    def comparison(self) -> str:
        """One sentence on the difference."""
        found = [c for c in self.causes[:-1] if c.usd]
        largest = max(found, key=lambda c: abs(c.usd), default=None)
        said = f", its largest cause {largest.cause} ({float(largest.usd):+,.2f} USD)" if largest else ""
        return (
            f"The trace comes to {float(self.trace_usd):,.2f} USD: a difference of "
            f"{float(self.difference_usd):+,.2f} USD{said}; {float(self.unexplained_usd):+,.2f} USD are unexplained "
            f"({self.unexplained_share:.2%} of the bill)."
        )

    @property
    def answer(self) -> str:
        """What was charged, and why it is not what the trace comes to."""
        return f"AWS charged {float(self.bill_usd):,.2f} USD. {self.comparison}"

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of ``bedrock-lab reconcile``."""
        return {
            "trace": self.trace_source,
            "bill": self.bill_source,
            "origin": str(self.origin),
            "date": self.as_of,
            "grain": self.grain,
            "answer": self.answer,
            "trace_usd": plain(self.trace_usd),
            "trace_list_usd": plain(self.trace_list_usd),
            "bill_usd": plain(self.bill_usd),
            "difference_usd": plain(self.difference_usd),
            "unexplained_usd": plain(self.unexplained_usd),
            "unexplained_share": self.unexplained_share,
            "by": [side.to_dict() for side in self.by],
            "causes": [cause.to_dict() for cause in self.causes],
            "assumptions": [a.to_dict() for a in self.assumptions],
            "warnings": list(self.warnings),
        }

    @property
    def figures(self) -> dict[str, Any]:
        """What a gate can look at: the answer's figures, and ``causes.<name>`` with underscores for blanks."""
        named = {"".join(x if x.isalnum() else "_" for x in c.cause): plain(c.usd) for c in self.causes}
        return self.to_dict() | {"causes": named}

    def to_frame(self) -> Any:
        """Return the causes as a pandas DataFrame; money as numbers."""
        import pandas as pd

        return pd.DataFrame([{"cause": c.cause, "usd": float(c.usd), "detail": c.detail} for c in self.causes])

    def _repr_html_(self) -> str:
        marked = f"<p><em>{self.origin} figures, nobody's bill.</em></p>" if self.origin.invented else ""
        return f"<p>{html.escape(self.answer)}</p>{marked}" + str(self.to_frame().to_html(index=False))
