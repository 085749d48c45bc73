"""Planning by segment against a brute force written from the definitions, hand arithmetic and properties."""

import itertools
import json
import math
import os

import numpy as np
import pytest
from segment_hours import hourly

from bedrock_lab.catalogue import prices
from bedrock_lab.errors import InputError
from bedrock_lab.planning.planner import plan
from bedrock_lab.planning.segments.segment import Segment, Substitute
from bedrock_lab.planning.segments.segmenting import plan_segments

P = prices("2026-11-22")
FULL = os.environ.get("BEDROCK_LAB_FULL") == "1"
SONNET = "us.anthropic.claude-sonnet-4-6"
USD = {"sonnet": (3.3, 16.5), "lite": (0.06, 0.24)}  # per million tokens, input and output; batch is half of both
MONTH = 2_628_000
UNIT = {"unit_input_tpm": 100_000, "unit_output_tpm": 20_000}
BOUND = {"quality_at_least": 0.8, "quality_source": "1,000 labels of a test"}


def drawn(rng, hours=8, apps=("a", "b", "c")):
    """Draw hours of each app, some of them idle; every app calls in the first and the last hour."""
    made = {}
    for app in apps:
        size = float(rng.choice([1e6, 6e6, 3e7]))
        inputs = (rng.uniform(0, size, hours) * (rng.random(hours) < 0.7)).astype(int)
        inputs[[0, -1]] += 1_000
        made[app] = [(int(i), int(i * rng.uniform(0.02, 0.4))) for i in inputs]
    return made


def split(items):
    """Yield every way to split a list into groups."""
    if not items:
        yield []
        return
    first, *rest = items
    for size in range(len(rest) + 1):
        for mates in itertools.combinations(rest, size):
            for others in split([r for r in rest if r not in mates]):
                yield [[first, *mates], *others]


def usd_of(hours, model):
    return [i * USD[model][0] / 1e6 + o * USD[model][1] / 1e6 for i, o in hours]


def group_cost(group, terms, months):
    """Cost of segments that share N units of a term, the best N and term; loops over hours, nothing else.

    Each is (hours, deferrable, batch allowed, units allowed).
    """
    count = len(group[0][0])
    needs = [
        max(sum(g[0][h][0] for g in group) / 60 / 100_000, sum(g[0][h][1] for g in group) / 60 / 20_000)
        for h in range(count)
    ]
    choices = [(0, 0.0)]
    if all(g[3] for g in group):
        choices += [(n, p) for p in terms.values() for n in range(1, math.ceil(max(needs)) + 2)]
    best = math.inf
    for units, price in choices:
        left = 0.0
        for hours, waits, batch, _ in group:
            for h, usd in enumerate(usd_of(hours, "sonnet")):
                served = 1.0 if needs[h] == 0 else min(1.0, units / needs[h])
                outlet = usd * (0.5 if batch else 1.0)
                left += usd * max(0.0, 1 - waits - served) + outlet * min(waits, 1 - served)
        best = min(best, 730 * price * units + left * months)
    return best


def by_hand(apps, settings, terms, substitute):
    """Cheapest of every variant, every grouping and every number of units."""
    count = len(next(iter(apps.values())))
    months = MONTH / (count * 3_600)
    best = math.inf
    for routed in (False, True) if substitute else (False,):
        extra, groups = 0.0, {}
        for name, called in apps.items():
            hours, (waits, batch, units) = called, settings[name]
            if routed and name == substitute[0]:
                share = substitute[1]
                usd = sum(usd_of(hours, "lite")) * share
                extra += usd * ((1 - waits) + waits * (0.5 if batch else 1.0)) * months
                hours = [(i * (1 - share), o * (1 - share)) for i, o in hours]
            groups[name] = (hours, waits, batch, units)
        for partition in split(list(apps)):
            cost = sum(group_cost([groups[n] for n in names], terms, months) for names in partition)
            best = min(best, cost + extra)
    return best


@pytest.mark.parametrize("seed", range(120 if FULL else 16))
def test_equal_to_brute_force(seed):
    """Two or three segments, units alone or shared, batch for what can wait, a cheaper model for a part of one."""
    rng = np.random.default_rng(seed)
    apps = drawn(rng, apps=("a", "b", "c")[: int(rng.integers(2, 4))])
    settings = {
        n: (float(rng.choice([0.0, 0.3, 1.0])), bool(rng.random() < 0.7), bool(rng.random() < 0.8)) for n in apps
    }
    terms = {"1m": float(rng.uniform(10, 60)), "6m": float(rng.uniform(10, 60))}
    substitute = ("a", float(rng.choice([0.2, 0.5, 1.0]))) if rng.random() < 0.6 else None
    segments = []
    for name, (waits, batch, units) in settings.items():
        option = ["on-demand", *(["batch"] if batch and waits else []), *(["provisioned"] if units else [])]
        held = [Substitute(model="us.amazon.nova-lite-v1:0", share=substitute[1], **BOUND)] if (
            substitute and name == substitute[0]) else []  # fmt: skip
        segments.append(Segment(name=name, app=name, deferrable=waits, option=option, substitutes=held))
    found = plan_segments(
        hourly(apps), P, segments=segments, model=SONNET, shape="flat", unit_price=terms, explain=False, **UNIT
    )
    assert found.decision == "recommend"
    expected = by_hand(apps, settings, terms, substitute)
    assert found.recommended.cost_usd_per_month == pytest.approx(expected, rel=1e-9)
    assert found.certificate["gap"] == pytest.approx(0, abs=1e-9)
    total = found.recommended.cost_usd_per_month
    assert sum(s.cost_usd_per_month for s in found.segments) == pytest.approx(total, rel=1e-12)
    assert sum(b.usd_per_month for s in found.segments for b in s.bought) == pytest.approx(total, rel=1e-12)
    saved = sum(a["saves_usd_per_month"] or 0.0 for a in found.actions)
    assert saved == pytest.approx(found.baseline.cost_usd_per_month - total, abs=1e-6 * total + 1e-9)
    billed = sum(a["usd_per_month"] or 0.0 for a in found.actions)
    assert billed == pytest.approx(total, rel=1e-9)
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_substitute_by_hand(tmp_path):
    """10M in and 1M out an hour cost 49.50 USD; 40 % at a cheaper model: 0.6 x 49.50 + 0.4 x 0.84 = 30.036, 730 h."""
    held = Substitute(model="us.amazon.nova-lite-v1:0", share=0.4, **BOUND)
    asked = {"model": SONNET, "shape": "flat", "option": "on-demand", "explain": False}
    chat = Segment(name="chat", app="chat", substitutes=[held])
    found = plan_segments(hourly({"chat": [(10_000_000, 1_000_000)]}), P, segments=[chat], **asked).segment("chat")
    assert found.baseline_usd_per_month == pytest.approx(49.5 * 730)
    assert found.cost_usd_per_month == pytest.approx(30.036 * 730)
    assert found.range == pytest.approx((30.036 * 730, (29.7 + 1.35 * 0.336) * 730))
    assert found.substitute == held
    assert "at least 0.8 (1,000 labels of a test)" in found.why
    strict = Segment(name="chat", app="chat", quality_needed=0.9, substitutes=[held])
    kept = plan_segments(hourly({"chat": [(10_000_000, 1_000_000)]}), P, segments=[strict], **asked).segment("chat")
    assert kept.substitute is None
    assert kept.cost_usd_per_month == pytest.approx(49.5 * 730)


def test_a_substitute_without_a_bound_is_refused():
    """In one line."""
    with pytest.raises(InputError, match="quality_at_least and quality_source are needed"):
        Substitute(model="amazon.nova-lite", share=0.4)


def test_one_segment_is_the_plan_without():
    """Choice, cost, range and interval."""
    trace = hourly({"a": [(30_000_000, 3_000_000), (3_000_000, 300_000)] * 168})
    asked = {"model": SONNET, "option": "on-demand,batch", "deferrable": 0.3, "explain": False}
    alone = plan(trace, P, **asked)
    found = plan_segments(trace, P, by="app", **asked)
    assert found.recommended == alone.recommended
    part = found.segments[0]
    assert part.cost_usd_per_month == alone.recommended.cost_usd_per_month
    assert part.range == pytest.approx(alone.recommended.range)
    assert part.ci95 == pytest.approx(alone.recommended.ci95)
