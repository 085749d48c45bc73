"""Batch as people look at it: the ways to buy an input's answers, the jobs that ran, and what came back."""

import json
import tempfile
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from bedrock_lab.assumptions import Origin
from bedrock_lab.batch.amounts import money
from bedrock_lab.batch.compared import Comparison, Way
from bedrock_lab.batch.comparing import BATCH, compare
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.views.charts import BLUE, GREY, Chart
from bedrock_lab.views.result import Result, Tile
from bedrock_lab.views.tables import Table

TOPICS = ("caching of prompts", "quotas", "service tiers", "embeddings", "guardrails", "inference profiles")
LAYOUT = {"xaxis": {"title": {"text": "Cost of this input [USD]"}, "rangemode": "tozero"}, "height": 320}


def batch_input(source: str = "", records: int = 240) -> str:
    """Return the path of an input: the one given, else made-up questions.

    Parameters
    ----------
    records
        How many questions are made up.
    """
    if source:
        return source
    path = Path(tempfile.mkdtemp(prefix="bedrock-lab-")) / "questions.jsonl"
    asked = (
        {"recordId": f"question-{i:05d}", "prompt": f"Explain {TOPICS[i % len(TOPICS)]} in short words, part {i}."}
        for i in range(records)
    )
    path.write_text("".join(json.dumps(record) + "\n" for record in asked), encoding="utf-8")
    return str(path)


def batch_comparison(source: str, model: str, prices: Prices, **more: Any) -> Comparison:
    """Price an input each way; `more` is what `compare` takes."""
    return compare(source, model=model, prices=prices, **{k: v for k, v in more.items() if v not in (None, "")})


def _between(way: Way) -> str:
    return "" if way.range_usd is None else f"{money(way.range_usd[0])} to {money(way.range_usd[1])}"


def batch_answer(comparison: Comparison, collected: Any = None, *, emulated: bool = True) -> Result:
    """Give the answer: whether this work shall go through batch, at what cost, and what came back.

    Parameters
    ----------
    collected
        What a run brought back, where there was one.
    emulated
        Whether the run was one of the local AWS.
    """
    batch, on_demand = comparison.way(BATCH), comparison.way("on-demand")
    if not comparison.batchable:
        says = f"Not through batch: {comparison.why_not}. On demand it costs about {money(on_demand.expected_usd)}."
    elif batch.availability != "yes":
        says = f"Undecided: the batch price is unknown. On demand it costs about {money(on_demand.expected_usd)}."
    elif comparison.cheapest == BATCH:
        says = f"Through batch: about {money(batch.expected_usd)} instead of {money(on_demand.expected_usd)} on demand."
    else:
        cheapest = comparison.way(comparison.cheapest or "on-demand")
        says = f"Not necessarily: {cheapest.name} costs about {money(cheapest.expected_usd)}, batch "
        says += f"{money(batch.expected_usd)}."
    tiles = [
        Tile(label="Batch", value=money(batch.expected_usd), note=_between(batch)),
        Tile(label="On demand", value=money(on_demand.expected_usd), note=_between(on_demand)),
        Tile(label="Batch at worst", value=money(batch.worst_usd), note="every answer as long as it may be"),
    ]
    source = Path(comparison.source).name  # a folder says where it was made, and no more
    held: dict[str, Any] = {"comparison": {**comparison.to_dict(), "source": source}}
    warnings = list(comparison.warnings)
    if collected is not None:
        shown = collected.to_dict()
        held["collected"] = {k: v for k, v in shown.items() if k not in {"files", "run", "s3", "states"}}
        tiles.append(Tile(label="Came back", value=f"{shown['ok']} of {shown['records']}", note="answered"))
        warnings += shown["notes"]
    return Result(
        title="Batch report",
        answer=says,
        origin=Origin.EMULATED if emulated and collected is not None else None,
        tiles=tuple(tiles),
        warnings=tuple(warnings),
        results=held,
    )


def batch_ways_chart(comparison: Comparison) -> Chart:
    """Draw what each way costs, with its range."""
    priced = [way for way in comparison.ways if way.expected_usd is not None and way.range_usd is not None]
    expected = [float(way.expected_usd or 0) for way in priced]
    spreads = [way.range_usd or (Decimal(0), Decimal(0)) for way in priced]
    title = "What each way costs"
    reading = "Expected cost of the whole input; whiskers run over what is assumed of tokens and answers."
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": [float(f"{x:.5g}") for x in expected],
        "y": [way.name for way in priced],
        "marker": {"color": [BLUE if way.name == comparison.cheapest else GREY for way in priced]},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [float(f"{float(high) - x:.5g}") for x, (_, high) in zip(expected, spreads, strict=True)],
            "arrayminus": [float(f"{x - float(low):.5g}") for x, (low, _) in zip(expected, spreads, strict=True)],
        },
        "showlegend": False,
    }
    layout = {"title": {"text": title, "subtitle": {"text": reading}}, **LAYOUT}
    return Chart(title, {"data": [bars], "layout": layout}, reading)


def batch_ways_table(comparison: Comparison) -> Table:
    """List the ways with availability, cost and what one waits for."""
    rows = tuple(
        (
            way.name,
            way.availability,
            money(way.expected_usd),
            _between(way),
            money(way.worst_usd),
            "" if way.against_on_demand is None else f"{way.against_on_demand:.2f}",
            way.reason if way.availability != "yes" else way.waits,
        )
        for way in comparison.ways
    )
    headers = ("way", "sold", "expected", "range", "at worst", "against on demand", "waits, or why not")
    return Table(headers, rows, ("expected", "range", "at worst", "against on demand"))


def batch_jobs_table(status: Any, *, emulated: bool = True) -> Table:
    """List the jobs of a run (None where none was made): state, records, and the time from submission to end."""
    rows = tuple(
        (
            str(job["shard"]),
            str(job["attempt"]),
            job["status"],
            f"{job['records']:,}",
            *("" if job[name] is None else f"{job[name]:,}" for name in ("processed", "succeeded", "failed")),
            lasted(job.get("submitted"), job.get("ended")),
        )
        for job in ([] if status is None else status.to_dict()["jobs"])
    )
    headers = ("shard", "attempt", "state", "records", "processed", "succeeded", "failed", "took")
    return Table(headers, rows, headers[3:], Origin.EMULATED if emulated else Origin.LIVE)


def lasted(begun: str | None, ended: str | None) -> str:
    """Write the time between two moments.

    >>> lasted("2026-11-22T10:00:00+00:00", "2026-11-22T11:30:00+00:00"), lasted("2026-11-22T10:00:00+00:00", None)
    ('5,400 s', '')
    """
    if not begun or not ended:
        return ""
    return f"{(datetime.fromisoformat(ended) - datetime.fromisoformat(begun)).total_seconds():,.0f} s"


def batch_results_table(collected: Any, *, emulated: bool = True) -> Table:
    """Say what came back: records by outcome, tokens, cost, and the most that can be charged."""
    if collected is None:
        return Table(("what came back", "figure"), (("records", "no job was made"),))
    held = collected.to_dict()
    rows = [
        *((name, f"{held[name]:,}") for name in ("records", "ok", "throttled", "failed", "missing")),
        *((name.replace("_", " "), f"{held[name]:,}") for name in ("input_tokens", "output_tokens")),
        ("cost", money(held["cost_usd"])),
        ("charged at most", money(held["charged_bound_usd"])),
    ]
    return Table(("what came back", "figure"), tuple(rows), ("figure",), Origin.EMULATED if emulated else Origin.LIVE)
