"""What calls cost: prices looked up once for each id and tier, then a few exact multiplications a call."""

import dataclasses
from decimal import Decimal

from bedrock_lab.catalogue.pricelist import ALL_BUCKETS, Prices, Spot
from bedrock_lab.client.naming import Named
from bedrock_lab.client.record import TOKENS, Record
from bedrock_lab.errors import InputError
from bedrock_lab.quote import EXACT, Line

ZERO = Decimal(0)
WRITES = ("cache_write_5m", "cache_write_30m", "cache_write_1h")
WRITE_PLACES = tuple(ALL_BUCKETS.index(bucket) for bucket in WRITES)
ON_REQUEST = ("cache_write_5m", "cache_write_1h")
"""Cache writes that only happen where the request asks for them; the others may happen by themselves."""

PRICED = tuple((bucket, f"{bucket}_tokens") for bucket in ALL_BUCKETS)
"""Buckets with a price of their own, each with its field of a record."""

PROMPT = tuple(field for field in TOKENS if field != "output_tokens")

Rates = dict[str, Decimal]
"""Net price by bucket [USD per 1M tokens]."""


def prompt_tokens(record: Record) -> int:
    """Return the length of a prompt, cached tokens included: what long-context prices look at [tokens]."""
    return sum(getattr(record, field) or 0 for field in PROMPT)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """Prices of one model in one place at one tier.

    Attributes
    ----------
    edges
        (prompt length above which the rates hold [tokens], rates), ascending from 0.
    note
        Why there are no rates, or why they do not matter.
    free
        Whether tokens cost nothing: they are paid for by the hour.
    units, digits
        The rates of each edge as whole numbers of 10**-digits USD a token, by place in `ALL_BUCKETS`: exact, and
        quick to add up.
    """

    prices: Prices
    spot: Spot | None
    edges: tuple[tuple[int, Rates], ...] = ()
    note: str | None = None
    free: bool = False
    units: tuple[tuple[int | None, ...], ...] = ()
    digits: int = 0

    def _edge(self, prompt_tokens: int) -> int:
        """Return the place of the rates that hold for a prompt of this length."""
        return max(i for i, (above, _) in enumerate(self.edges) if i == 0 or prompt_tokens > above)

    def settle(self, record: Record) -> None:
        """Set a record's cost from its usage; where usage or price is unknown there is none, and a note why."""
        record.tariff = self
        record.cost_note = self.note
        if self.free:
            record.cost_usd = record.cost_bound_usd = ZERO
            return
        if not self.edges:
            return
        if record.input_tokens is None or record.output_tokens is None:
            record.cost_note = "the answer states no usage"
            return
        prices = self.units[0] if len(self.edges) == 1 else self.units[self._edge(prompt_tokens(record))]
        counts = (
            record.input_tokens,
            record.cache_read_tokens,
            record.cache_write_5m_tokens,
            record.cache_write_30m_tokens,
            record.cache_write_1h_tokens,
            record.output_tokens,
        )
        total = 0
        for bucket, tokens, price in zip(ALL_BUCKETS, counts, prices, strict=True):
            if tokens:
                if price is None:
                    record.cost_note = f"no price for {bucket} tokens of {record.model} ({record.scope})"
                    return
                total += tokens * price
        if record.cache_write_unknown_tokens:
            self._settle_unknown(record, total, record.cache_write_unknown_tokens, prices)
        else:
            record.cost_usd = record.cost_bound_usd = self._usd(total)

    def _settle_unknown(self, record: Record, total: int, tokens: int, prices: tuple[int | None, ...]) -> None:
        """Set the cost of an answer some of whose cache writes live nobody says how long."""
        sold = [price for price in (prices[place] for place in WRITE_PLACES) if price is not None]
        if not sold:
            record.cost_note = f"no price for cache writes of {record.model} ({record.scope})"
            return
        record.cost_bound_usd = self._usd(total + tokens * max(sold))
        if min(sold) == max(sold):
            record.cost_usd = record.cost_bound_usd
        else:
            record.cost_note = "the answer does not say how long its cache writes live"

    def _usd(self, units: int) -> Decimal:
        return Decimal(units).scaleb(-self.digits, EXACT)

    def worst(self, prompt_tokens: int, output_tokens: int, *, caching: bool) -> Decimal | None:
        """Return the most that a prompt and an answer of these lengths can cost [USD]; None without a price.

        Parameters
        ----------
        caching
            Whether the request asks for prompt caching.
        """
        if self.free:
            return ZERO
        found = []
        for longest, rates in self._reachable(prompt_tokens):
            priced = [rates[b] for b in rates if b != "output" and (caching or b not in ON_REQUEST)]
            if not priced or (output_tokens and "output" not in rates):
                return None
            cost = EXACT.multiply(max(priced), longest)
            found.append(EXACT.add(cost, EXACT.multiply(rates["output"], output_tokens)) if output_tokens else cost)
        return max(found).scaleb(-6, EXACT) if found else None

    def _reachable(self, prompt_tokens: int) -> list[tuple[int, Rates]]:
        """Return the rates that a prompt of this length or shorter can meet, each with the longest prompt there."""
        tops = [*(above for above, _ in self.edges[1:]), prompt_tokens]
        return [
            (min(top, prompt_tokens), rates)
            for (above, rates), top in zip(self.edges, tops, strict=False)
            if above < prompt_tokens or above == 0
        ]

    def lines(self, record: Record) -> tuple[Line, ...]:
        """Return the exact lines of a record's cost, with sources; they add up to it."""
        from bedrock_lab.pricing import line

        if self.spot is None or not self.edges:
            return ()
        counts = {bucket: getattr(record, field) or 0 for bucket, field in PRICED}
        unknown = record.cache_write_unknown_tokens or 0
        above, rates = self.edges[self._edge(prompt_tokens(record))]
        if unknown:  # there is a cost, so every TTL sold has this one price
            counts[next(bucket for bucket in WRITES if bucket in rates)] += unknown
        return tuple(line(self.prices, self.spot, b, n, above) for b, n in counts.items() if n)


def tariff(prices: Prices, named: Named, tier: str) -> Tariff:
    """Look up what a model costs at a tier; what has no price gets a note that says why.

    >>> from bedrock_lab.catalogue import prices
    >>> from bedrock_lab.client.naming import name
    >>> found = tariff(prices("2026-11-22"), name("amazon.nova-pro-v1:0", "us-east-1"), "default")
    >>> found.worst(1_000_000, 100_000, caching=False)
    Decimal('1.1200000')
    """
    if named.hourly:
        return Tariff(prices=prices, spot=None, free=True, note="provisioned throughput is paid by the hour")
    if tier == "reserved":
        return Tariff(prices=prices, spot=None, free=True, note="reserved capacity is paid by the hour")
    if named.model is None or named.scope is None or named.region is None:
        return Tariff(prices=prices, spot=None, note=named.note or "no Region is known")
    spot = Spot(named.model, named.region, named.scope, tier)
    try:
        prices.row(spot, "input")
        edges = tuple(
            (
                above,
                {
                    bucket: prices.net(spot, bucket, prices.row(spot, bucket, above).usd_per_mtok, above)[0]
                    for bucket in ALL_BUCKETS
                    if prices.has(spot, bucket, above)
                },
            )
            for above in (0, *prices.thresholds(spot.model, spot.scope, spot.tier))
        )
    except InputError as error:
        return Tariff(prices=prices, spot=spot, note=str(error))
    digits = max(-int(rate.normalize(EXACT).as_tuple().exponent) for _, rates in edges for rate in rates.values())
    digits = max(0, digits)
    units = tuple(
        tuple(int(rates[b].scaleb(digits, EXACT)) if b in rates else None for b in ALL_BUCKETS) for _, rates in edges
    )
    return Tariff(prices=prices, spot=spot, edges=edges, units=units, digits=digits + 6)


class PriceBook:
    """Tariffs by model and tier, each looked up once.

    Parameters
    ----------
    prices
        The price list as of a day.
    """

    def __init__(self, prices: Prices) -> None:
        self.prices = prices
        self._held: dict[tuple[Named, str], Tariff] = {}

    def find(self, named: Named, tier: str) -> Tariff:
        """Find the tariff of a model at a tier."""
        key = (named, tier)
        found = self._held.get(key)
        if found is None:
            found = self._held[key] = tariff(self.prices, named, tier)
        return found
