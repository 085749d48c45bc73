"""What was found in traffic, as values: one thing worth knowing, and all of them with what could not be looked at."""

import dataclasses
import html
from typing import Any

from bedrock_lab.assumptions import Assumption, Origin

Range = tuple[float, float]

MEANS = {
    "saving": "It would save {} a month.",
    "cost": "It costs {} a month.",
    "change": "The bill would change by {} a month.",
}
"""What the USD of a finding stand for, in words."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing worth knowing.

    Attributes
    ----------
    id
        Which finding it is, the same in every trace; `about` is the model or app it is of, where it is of one.
    sentence
        What was found, its USD among the words.
    usd_month
        Lowest and highest [USD/month]; None where there is no amount, and `no_usd` says why.
    means
        What they stand for, a key of `MEANS`.
    n, of, share
        What it rests on: how many of which things, and which share of all of them (0 to 1).
    do
        What to do about it, with the command.
    models
        Catalogue ids whose tokens the USD are of; empty where they are of all.
    overlaps
        Other findings that count some of the same USD, so that they do not add up.
    """

    id: str
    about: str = ""
    sentence: str
    usd_month: Range | None = None
    no_usd: str = ""
    means: str = "saving"
    n: int
    of: str
    share: float | None
    do: str
    models: tuple[str, ...] = ()
    overlaps: tuple[str, ...] = ()
    figures: dict[str, Any] = dataclasses.field(default_factory=dict)
    assumptions: tuple[Assumption, ...] = ()

    @property
    def size(self) -> float:
        """How much is at stake, regardless of sign [USD/month]; below 0 where nobody knows."""
        return -1.0 if self.usd_month is None else max(abs(end) for end in self.usd_month)

    @property
    def amount(self) -> str:
        """The USD in words, or why there are none."""
        if self.usd_month is None:
            return f"No USD: {self.no_usd}."
        return MEANS[self.means].format(money(self.usd_month, signed=self.means == "change"))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return values | {
            "usd_month": None if self.usd_month is None else list(self.usd_month),
            "models": list(self.models),
            "overlaps": list(self.overlaps),
            "assumptions": [each.to_dict() for each in self.assumptions],
        }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NotLookedAt:
    """A finding that was not looked for, and why."""

    id: str
    because: str

    def to_dict(self) -> dict[str, str]:
        """Return plain values for JSON."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was found in a trace, by USD a month; frozen, with ``to_dict`` and ``to_frame``.

    Attributes
    ----------
    usd_month
        What the trace itself comes to, priced by the token [USD/month]; None where it cannot be priced.
    nothing
        Ids that were looked for and not found.
    """

    source: str
    origin: Origin
    as_of: str
    requests: int
    usd_month: Range | None
    findings: tuple[Finding, ...]
    nothing: tuple[str, ...]
    not_looked_at: tuple[NotLookedAt, ...]
    assumptions: tuple[Assumption, ...] = ()
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "source": self.source,
            "origin": str(self.origin),
            "date": self.as_of,
            "requests": self.requests,
            "usd_month": None if self.usd_month is None else list(self.usd_month),
            "findings": [each.to_dict() for each in self.findings],
            "nothing": list(self.nothing),
            "not_looked_at": [each.to_dict() for each in self.not_looked_at],
            "assumptions": [each.to_dict() for each in self.assumptions],
            "warnings": list(self.warnings),
        }

    def to_frame(self) -> Any:
        """Return a row a finding as a pandas DataFrame."""
        import pandas as pd

        names = ("finding", "about", "usd_lo", "usd_hi", "means", "sentence", "n", "of", "share", "do")
        rows = [
            (f.id, f.about, *(f.usd_month or (None, None)), f.means, f.sentence, f.n, f.of, f.share, f.do)
            for f in self.findings
        ]
        return pd.DataFrame(rows, columns=list(names))

    def _repr_html_(self) -> str:
        marked = f"<p><em>{self.origin} traffic, nobody's.</em></p>" if self.origin.invented else ""
        items = "".join(
            f"<li>{html.escape(f.sentence)} <br><code>{html.escape(f.do)}</code></li>" for f in self.findings
        )
        left = "".join(f"<li>{html.escape(n.id)}: {html.escape(n.because)}</li>" for n in self.not_looked_at)
        return f"{marked}<ol>{items}</ol>" + (f"<p>Not looked at, because:</p><ul>{left}</ul>" if left else "")


def money(ends: Range, *, signed: bool = False) -> str:
    """Write a range of USD.

    >>> money((12.0, 12.0)), money((0.0, 1234.4)), money((-3.0, 0.5), signed=True)
    ('12.00 USD', '0.00 to 1,234 USD', '-3.00 to +0.50 USD')
    """
    sign = "+" if signed else ""
    low, high = (f"{end:{sign},.0f}" if abs(end) >= 1000 else f"{end:{sign},.2f}" for end in ends)
    return f"{low} USD" if low == high else f"{low} to {high} USD"
