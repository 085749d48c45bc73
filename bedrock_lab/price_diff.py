"""What changed between two states of the price list, and what that means for a trace in USD a month."""

import dataclasses
from decimal import Decimal
from typing import Any

from bedrock_lab.billing import Bill, bill
from bedrock_lab.catalogue import places
from bedrock_lab.catalogue.price_table import PriceRow
from bedrock_lab.catalogue.pricelist import Prices, Spot
from bedrock_lab.errors import UnknownPriceError
from bedrock_lab.quote import add, plain
from bedrock_lab.traffic.trace import Trace


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A price that is another than before [USD per 1M tokens]; None before where it is new."""

    model: str
    region: str
    scope: str
    tier: str
    bucket: str
    above_tokens: int
    before: Decimal | None
    after: Decimal
    since: str
    source: str

    @property
    def before_text(self) -> str:
        """The old price, or that there was none."""
        return "none" if self.before is None else plain(self.before)

    @property
    def after_text(self) -> str:
        """The new price."""
        return plain(self.after)

    @property
    def change_text(self) -> str:
        """The change as a percentage."""
        return "new" if not self.before else f"{float(self.after / self.before - 1):+.1%}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return values | {
            "before": None if self.before is None else plain(self.before),
            "after": plain(self.after),
            "change": None if not self.before else float(self.after / self.before - 1),
        }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """What changed prices make of a trace [USD a month], whole and by model."""

    before_usd: Decimal
    after_usd: Decimal
    by_model: dict[str, tuple[Decimal, Decimal]]

    @property
    def sentence(self) -> str:
        """One sentence."""
        off = self.after_usd - self.before_usd
        if not off:
            return f"For this traffic nothing changes: {float(self.before_usd):,.2f} USD a month."
        return (
            f"For this traffic: {float(self.before_usd):,.2f} USD a month become {float(self.after_usd):,.2f} USD "
            f"({float(off):+,.2f} USD)."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; money as decimal strings."""
        return {
            "before_usd_per_month": plain(self.before_usd),
            "after_usd_per_month": plain(self.after_usd),
            "difference_usd_per_month": plain(add((self.after_usd, -self.before_usd))),
            "by_model": {
                m: {"before": plain(a), "after": plain(b), "difference": plain(add((b, -a)))}
                for m, (a, b) in self.by_model.items()
            },
        }


def compare_prices(old: Prices, new: Prices) -> tuple[Change, ...]:
    """List the prices of added rows that differ between two states, on the new one's day."""
    keys = {(r.model, r.region, r.scope, r.tier, r.above_tokens, r.bucket) for r in (*old.added.rows, *new.added.rows)}
    found = []
    for model, region, group, tier, above, bucket in sorted(keys):
        spot = Spot(model, region, places.GLOBAL if group == "global" else places.IN_REGION, tier)
        before, after = _in_force(old, spot, bucket, above), _in_force(new, spot, bucket, above)
        if after is None or (before is not None and before.usd_per_mtok == after.usd_per_mtok):
            continue
        found.append(
            Change(
                model=model,
                region=region,
                scope=group,
                tier=tier,
                bucket=bucket,
                above_tokens=above,
                before=None if before is None else before.usd_per_mtok,
                after=after.usd_per_mtok,
                since=after.since.isoformat(),
                source=after.source,
            )
        )
    return tuple(found)


def _in_force(prices: Prices, spot: Spot, bucket: str, above: int) -> PriceRow | None:
    rows = prices.rows_on(spot, bucket, above)
    return rows[-1] if rows else None


def mean_for(trace: Trace, old: Prices, new: Prices, *, model: str | None = None) -> Meant:
    """Price a trace by both states.

    Raises
    ------
    UnknownPriceError
        One state prices rows that the other does not.
    """
    bills = [bill(trace, prices, by="model", model=model) for prices in (old, new)]
    before, after = (b.requests for b in bills)
    if before != after:
        raise UnknownPriceError(
            f"{trace.source}: {before:,} requests have a price before and {after:,} after; only the same ones compare"
        )
    months = [{g["model"]: _month(g["cost_usd"], b) for g in b.by} for b in bills]
    named = sorted(months[0].keys() | months[1].keys())
    nothing = Decimal(0)
    return Meant(
        before_usd=bills[0].usd_per_month,
        after_usd=bills[1].usd_per_month,
        by_model={m: (months[0].get(m, nothing), months[1].get(m, nothing)) for m in named},
    )


def _month(usd: str, found: Bill) -> Decimal:
    share = Decimal(usd) / found.cost_usd if found.cost_usd else Decimal(0)
    return (found.usd_per_month * share).quantize(Decimal("0.000001"))
