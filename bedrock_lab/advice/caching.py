"""Prompt caching: what was written and never read."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.advice.finding import Finding
from bedrock_lab.advice.ground import Ground, Part
from bedrock_lab.errors import LabError
from bedrock_lab.pricing import Floats, unit_price, unknown_ttl_prices
from bedrock_lab.traffic.usage import CACHE_WRITES

LIVES_S = {"cache_write_5m": 300.0, "cache_write_30m": 1_800.0, "cache_write_1h": 3_600.0}
"""How long what is written stays, unless it is read before [s]; of a write without a TTL the longest is taken."""
ANSWER_S = 60.0
"""Added to every life: it may begin when the answer ends, not when the request arrives [s]."""
LEAST_UNREAD = 0.05
"""Writes are named when at least this share of them was never read."""


def cache_writes(ground: Ground) -> list[Finding] | str:
    """Find models whose cache writes were not read while they lived, and what writing them cost above plain input.

    Nothing read means: no request of the same model, account and Region read anything in that time; or, where reads
    are fewer tokens than writes, the difference. Both are lower bounds. At the most all is unread but the longest
    single read.
    """
    if not ground.parts:
        return ground.unpriced
    if not set(CACHE_WRITES) & set(ground.trace.expresses):
        return f"format {ground.trace.format} cannot say what was written to a prompt cache"
    found = []
    for model, parts in ground.by_model().items():
        one = _of_model(ground, model, parts)
        found += [one] if one else []
    return found


class _Sums:
    """Adds up what is unread: tokens and USD, at least and at most."""

    def __init__(self) -> None:
        self.written = self.read = self.least = self.most = self.n = 0.0
        self.usd_low = self.usd_high = self.gain = 0.0


def _of_model(ground: Ground, model: str, parts: list[Part]) -> Finding | None:
    sums = _Sums()
    for part in parts:
        for rows in _by_account(ground, part):
            _add(ground, part, rows, sums)
    if not sums.written or sums.least < LEAST_UNREAD * sums.written:
        return None
    as_whole = (
        f"its cache as a whole saved {sums.gain:,.2f} USD in this trace"
        if sums.gain >= 0
        else f"its cache as a whole cost {-sums.gain:,.2f} USD more in this trace than none would have"
    )
    do = (
        f"Say where cache points belong: bedrock-lab prompt-cache {ground.file} --model {parts[0].where.model_id}"
        if ground.trace.prefix_hashes is not None
        else f"See who writes: bedrock-lab trace cost {ground.rows} --by app,model"
    )
    return Finding(
        id="cache_writes_unread",
        about=model,
        sentence=(
            f"Of {sums.written:,.0f} tokens written to the cache of {model} at least {sums.least:,.0f} "
            f"({sums.least / sums.written:.0%}) were never read; writing costs more than plain input, and "
            f"{as_whole}."
        ),
        usd_month=(ground.month(sums.usd_low)[0], ground.month(max(sums.usd_high, sums.usd_low))[1]),
        n=int(sums.n),
        of="requests that wrote to the cache",
        share=sums.least / sums.written,
        do=do,
        models=(model,),
        figures={
            "written_tokens": sums.written,
            "read_tokens": sums.read,
            "unread_tokens_at_least": sums.least,
            "unread_tokens_at_most": sums.most,
            "cache_gain_usd": sums.gain,
        },
    )


def _by_account(ground: Ground, part: Part) -> Iterator[NDArray[np.int64]]:
    """Rows of a part by account, whose caches are apart: places in the part."""
    accounts = ground.coded("account")
    if accounts is None:
        yield np.arange(len(part.row))
    else:
        yield from (rows for _, rows in accounts.groups(part.row))


def _add(ground: Ground, part: Part, rows: NDArray[np.int64], sums: _Sums) -> None:
    """Add the rows of one cache."""
    writes = {b: part.tokens(b)[rows] for b in CACHE_WRITES if part.tokens(b)[rows].any()}
    read = part.tokens("cache_read")[rows]
    prices = _premiums(ground, part, list(writes))
    if prices is None:
        return
    sums.read += float(read.sum())
    sums.gain += float(read.sum()) * prices["cache_read"][0]
    if not writes:
        return
    time = np.asarray(ground.trace.column("time_s"))[part.row[rows]]
    width = ground.trace.window_s or 0.0
    written = sum(writes.values(), np.zeros(len(rows)))
    next_read = _until_next_read(time, read, windows=width > 0)
    surely, surely_usd, settled = 0.0, 0.0, 0.0
    for bucket, tokens in writes.items():
        life = LIVES_S.get(bucket, max(LIVES_S.values())) + ANSWER_S + width
        known = time + life <= ground.trace.span_s + width
        gone = tokens[known & (next_read > life)].sum()
        surely += float(gone)
        surely_usd += float(gone) * prices[bucket][0]
        settled += float(tokens[known].sum())
    more = max(settled - float(read.sum()), 0.0)
    cheapest = min(prices[b][0] for b in writes)
    longest = 0.0 if width else float(read.max())
    most = max(float(written.sum()) - longest, surely, more)
    dearest = max(prices[b][1] for b in writes)
    sums.n += float(ground.counts[part.row[rows]][written > 0].sum())
    sums.written += float(written.sum())
    sums.least += max(surely, more)
    sums.most += most
    sums.usd_low += max(surely_usd, more * cheapest)
    sums.usd_high += most * dearest
    sums.gain -= sum(float(tokens.sum()) * prices[bucket][1] for bucket, tokens in writes.items())


def _until_next_read(time: Floats, read: Floats, *, windows: bool) -> Floats:
    """Time from each row to the next read of anything by another row [s]; infinity where none comes.

    A window's own reads may follow its writes, and count as the next.

    >>> _until_next_read(np.array([0.0, 10.0, 30.0]), np.array([0.0, 5.0, 0.0]), windows=False).tolist()
    [10.0, inf, inf]
    """
    at = time[read > 0]
    first = np.searchsorted(at, time, side="left")
    if not windows:
        alone = np.searchsorted(at, time, side="right") - first == 1
        first = first + ((read > 0) & alone)  # a row's own read is of what was there before it
    return np.append(at, np.inf)[first] - time


def _premiums(ground: Ground, part: Part, writes: list[str]) -> dict[str, tuple[float, float]] | None:
    """Return what a write costs above plain input, at least and at most, and a read below it [USD per token]."""
    spot, prices = part.where.spot, ground.prices
    try:
        plain = float(unit_price(prices, spot, "input"))
        out = {}
        for bucket in writes:
            low, high = (
                unknown_ttl_prices(prices, spot)
                if bucket == "cache_write_unknown"
                else (unit_price(prices, spot, bucket),) * 2
            )
            out[bucket] = (float(low) - plain) / 1e6, (float(high) - plain) / 1e6
        saved = (
            (plain - float(unit_price(prices, spot, "cache_read"))) / 1e6 if part.tokens("cache_read").any() else 0.0
        )
    except LabError:
        return None
    return out | {"cache_read": (saved, saved)}
