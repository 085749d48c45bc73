"""``batch prepare`` and ``batch compare``: what happens before anything is sent."""

from typing import Annotated, Any

import typer

from bedrock_lab.batch.amounts import counted, figure, money
from bedrock_lab.cli.output import DATE, JSON, OVERLAY, REGION, SCOPE, chosen_region, emit, load_prices, warn, whole

TOO_FEW = 3
IN = Annotated[str, typer.Argument(metavar="IN", help="JSON lines, CSV or parquet: prompts, messages or bodies.")]
MODEL = Annotated[str, typer.Option("--model", help="Model id or inference profile id.")]
KIND = Annotated[str | None, typer.Option("--kind", help="InvokeModel or Converse (default: by the input).")]
MAX_TOKENS = Annotated[
    int,
    typer.Option("--max-tokens", parser=whole, metavar="N", help="The most of an answer that names no other."),
]
OUTPUT_TOKENS = Annotated[
    int | None,
    typer.Option("--output-tokens", parser=whole, metavar="N", help="What you expect of an answer [tokens]."),
]


def prepare(
    source: IN,
    model: MODEL,
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="Folder of the shards and prepared.json.")],
    kind: KIND = None,
    max_tokens: MAX_TOKENS = 1024,
    output_tokens: OUTPUT_TOKENS = None,
    records_per_shard: Annotated[
        int | None,
        typer.Option("--records-per-shard", parser=whole, metavar="N", help="Most records of a job (default: quota)."),
    ] = None,
    region: str | None = REGION,
    scope: str | None = SCOPE,
    overlay: str | None = OVERLAY,
    date: str | None = DATE,
    json: bool = JSON,
) -> int:
    """Check every line, write the shards, and say what they may cost; nothing is sent."""
    from bedrock_lab.batch.preparing import prepare as work_out
    from bedrock_lab.batch.problems import ProblemsError
    from bedrock_lab.errors import InputError

    try:
        found = work_out(
            source,
            model=model,
            out=out,
            prices=load_prices(date, overlay),
            region=chosen_region(region),
            scope=scope,
            kind=kind,
            max_tokens=max_tokens,
            output_tokens=output_tokens,
            records_per_shard=records_per_shard,
        )
    except ProblemsError as error:
        warn(f"{source}, line {number}: {text}" for number, text in error.problems)
        raise InputError(error.summary) from None
    shown = found.to_dict()
    warn(found.warnings)
    if found.why_not:
        warn([found.why_not])
    emit(shown, in_words(shown, out), as_json=json)
    return 0 if found.batchable else TOO_FEW


def compare(
    source: IN,
    model: MODEL,
    kind: KIND = None,
    max_tokens: MAX_TOKENS = 1024,
    output_tokens: OUTPUT_TOKENS = None,
    region: str | None = REGION,
    scope: str | None = SCOPE,
    overlay: str | None = OVERLAY,
    date: str | None = DATE,
    json: bool = JSON,
) -> None:
    """Price an input in batch, on demand and as flex; nothing is written or sent."""
    from bedrock_lab.batch.comparing import compare as work_out
    from bedrock_lab.views.text import in_columns

    found = work_out(
        source,
        model=model,
        prices=load_prices(date, overlay),
        region=chosen_region(region),
        scope=scope,
        kind=kind,
        max_tokens=max_tokens,
        output_tokens=output_tokens,
    )
    warn(found.warnings)
    rows = [
        (
            way.name,
            way.availability,
            figure(way.expected_usd),
            "-" if way.range_usd is None else f"{figure(way.range_usd[0])} to {figure(way.range_usd[1])}",
            figure(way.worst_usd),
            "-" if way.against_on_demand is None else f"{way.against_on_demand:.2f}",
            way.waits,
        )
        for way in found.ways
    ]
    headers = ("way", "sold", "USD", "range", "at worst", "against", "waits")
    emit(found.to_dict(), f"{found.answer}\n\n{in_columns(headers, rows)}", as_json=json)


def in_words(shown: dict[str, Any], out: str) -> str:
    """Write what was prepared for people."""
    spread = shown["expected_range_usd"]
    within = "" if spread is None else f" ({money(spread[0])} to {money(spread[1])})"
    size = f"{counted(shown['records'], 'record')} in {counted(len(shown['shards']), 'shard')}"
    lines = [
        f"{size}, {shown['size_bytes']:,} bytes: {out}/shards",
        f"calls {shown['sent_id']} by {shown['kind']} in {shown['region']}",
        f"about {shown['input_tokens']:,} tokens in and {shown['expected_output_tokens']:,} out",
        f"batch {money(shown['expected_usd'])}{within}, at worst {money(shown['worst_usd'])}",
        f"on demand {money(shown['on_demand_usd'])}, at worst {money(shown['on_demand_worst_usd'])}",
    ]
    return "\n".join(lines)
