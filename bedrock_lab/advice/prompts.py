"""What every prompt repeats: a long constant beginning, as prefix hashes show it."""

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.advice.finding import Finding
from bedrock_lab.advice.ground import Ground, Part
from bedrock_lab.errors import LabError
from bedrock_lab.pricing import unit_price

ALIKE = 0.9
"""A block is constant when at least this share of an app's requests has it."""
ENOUGH, LEAST_TOKENS, LEAST_SHARE = 100, 256, 0.1
"""Requests, tokens of the prefix and its share of the input from which it is named."""

Ints = NDArray[np.int64]


def constant_prefix(ground: Ground) -> list[Finding] | str:
    """Find apps whose requests begin with the same long text, and what that text costs."""
    trace = ground.trace
    if trace.kind == "windows" or trace.prefix_hashes is None or not trace.prefix_block_tokens:
        return "there are no prefix hashes, and without them nobody sees which prompts begin alike"
    if not ground.parts:
        return ground.unpriced
    paid = np.zeros(len(trace), dtype=bool)
    for part in ground.parts:
        paid[part.row] = True
    found = []
    rows, apps = np.flatnonzero(paid), ground.coded("app")
    for app, mine in [("", np.arange(len(rows)))] if apps is None else apps.groups(rows):
        one = _of_app(ground, app, rows[mine])
        found += [one] if one else []
    return found


def _of_app(ground: Ground, app: str, rows: Ints) -> Finding | None:
    if len(rows) < ENOUGH:
        return None
    block = int(ground.trace.prefix_block_tokens or 0)
    blocks, having = longest_constant(ground.trace.prefix_hashes, rows, ALIKE)
    tokens = blocks * block
    if tokens < LEAST_TOKENS:
        return None
    usd, prompt = _cost(ground, having, tokens)
    share = tokens * len(having) / prompt if prompt else 0.0
    if share < LEAST_SHARE or usd <= 0:
        return None
    of = f" of {app}" if app else ""
    return Finding(
        id="constant_prefix",
        about=app,
        sentence=(
            f"{len(having):,} of {len(rows):,} requests{of} begin with the same {tokens:,} tokens, {share:.0%} of "
            "their prompts. Nothing here says whether the answers need all of it: the range runs from nothing "
            "to all of it left out."
        ),
        usd_month=(0.0, ground.month(usd)[1]),
        n=len(having),
        of="requests",
        share=len(having) / len(rows),
        do=(
            "Leave parts of it out on a sample of your prompts and compare the answers; what caching it is worth: "
            f"bedrock-lab prompt-cache {ground.file} --model {ground.called}"
        ),
        figures={"prefix_tokens": tokens, "share_of_prompt": share, "usd_of_prefix": usd, "block_tokens": block},
    )


def longest_constant(hashes: object, rows: Ints, alike: float) -> tuple[int, Ints]:
    """Return how many leading blocks at least a share of the rows have in common, and the rows that have them.

    A block's hash stands for the whole prompt up to its end, so that equal hashes are equal beginnings.

    >>> import pyarrow as pa
    >>> chains = pa.array([[1, 2, 3], [1, 2, 4], [1, 2], [1, 9]])
    >>> longest_constant(chains, np.arange(4), 0.75)
    (2, array([0, 1, 2]))
    """
    chains = hashes.take(rows)  # type: ignore[attr-defined]
    length = np.array([n or 0 for n in chains.value_lengths().to_pylist()], dtype=np.int64)
    ids = np.asarray(chains.flatten())
    start = np.cumsum(length) - length
    left, blocks = np.arange(len(rows)), 0
    while True:
        longer = left[length[left] > blocks]
        if len(longer) < alike * len(rows):
            break
        _, code, counts = np.unique(ids[start[longer] + blocks], return_inverse=True, return_counts=True)
        best = int(counts.argmax())
        if counts[best] < alike * len(rows):
            break
        left, blocks = longer[code == best], blocks + 1
    return blocks, (rows[left] if blocks else rows[:0])


def _cost(ground: Ground, having: Ints, tokens: int) -> tuple[float, float]:
    """Return what the first tokens of rows cost, as cache reads or as input [USD], and how long the prompts are."""
    wanted = np.zeros(len(ground.trace), dtype=bool)
    wanted[having] = True
    usd = prompt = 0.0
    for part in ground.parts:
        mine = wanted[part.row]
        read = np.minimum(part.tokens("cache_read")[mine], tokens)
        plain = np.minimum(tokens - read, part.tokens("input")[mine])
        usd += float(plain.sum()) * _usd(ground, part, "input") + float(read.sum()) * _usd(ground, part, "cache_read")
        prompt += float(sum(part.tokens(b)[mine].sum() for b in part.rows.tokens if b != "output"))
    return usd, prompt


def _usd(ground: Ground, part: Part, bucket: str) -> float:
    try:
        return float(unit_price(ground.prices, part.where.spot, bucket)) / 1e6
    except LabError:
        return 0.0
