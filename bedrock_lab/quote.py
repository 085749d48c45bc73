"""What a price is made of: exact lines, each with its source and date."""

import dataclasses
import decimal
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from bedrock_lab.catalogue.pricelist import Spot
from bedrock_lab.catalogue.target import Target

EXACT = decimal.Context(prec=80)


def plain(value: Decimal) -> str:
    """Write a decimal without exponent and trailing zeros.

    >>> plain(Decimal("4.9500")), plain(Decimal("1E+3"))
    ('4.95', '1000')
    """
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def add(amounts: Iterable[Decimal]) -> Decimal:
    """Sum decimals exactly.

    >>> add([Decimal("0.1"), Decimal("0.2")])
    Decimal('0.3')
    """
    total = Decimal(0)
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One bucket of a bill.

    Attributes
    ----------
    usd_per_mtok, list_usd_per_mtok
        Net and list price [USD per 1M tokens].
    cost_usd, list_usd
        Net and list cost [USD].
    """

    spot: Spot
    bucket: str
    tokens: int
    usd_per_mtok: Decimal
    list_usd_per_mtok: Decimal
    cost_usd: Decimal
    list_usd: Decimal
    above_tokens: int
    source: str
    known_from: str
    agreement: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; money as exact decimal strings."""
        return {
            "bucket": self.bucket,
            "tokens": self.tokens,
            "usd_per_mtok": plain(self.usd_per_mtok),
            "cost_usd": plain(self.cost_usd),
            "list_usd_per_mtok": plain(self.list_usd_per_mtok),
            "list_usd": plain(self.list_usd),
            "above_tokens": self.above_tokens,
            "source": self.source,
            "known_from": self.known_from,
            "agreement": self.agreement,
        }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What usage costs; `cost_usd` is what one pays, `list_usd` what the public list says."""

    target: Target
    date: str
    requests: int
    lines: tuple[Line, ...]
    warnings: tuple[str, ...]

    @property
    def cost_usd(self) -> Decimal:
        """Net cost of all requests [USD], exact."""
        return add(line.cost_usd for line in self.lines)

    @property
    def list_usd(self) -> Decimal:
        """List cost of all requests [USD], exact."""
        return add(line.list_usd for line in self.lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of ``bedrock-lab price``."""
        return {
            "model": self.target.model.id,
            "model_id": self.target.model_id,
            "region": self.target.region,
            "scope": self.target.scope,
            "tier": self.target.tier,
            "date": self.date,
            "requests": self.requests,
            "cost_usd": plain(self.cost_usd),
            "list_usd": plain(self.list_usd),
            "net_usd": plain(self.cost_usd),
            "lines": [line.to_dict() for line in self.lines],
            "warnings": list(self.warnings),
        }

    def to_frame(self) -> Any:
        """Return the lines as a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame([line.to_dict() for line in self.lines])

    def _repr_html_(self) -> str:
        head = f"<p>{self.target.model.id}, {self.target.scope}, {self.target.tier}: {plain(self.cost_usd)} USD</p>"
        return head + str(self.to_frame().to_html(index=False))
