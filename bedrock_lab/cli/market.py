"""``price``, ``models`` and ``prices show``: what AWS sells and for how much."""

from typing import Annotated, Any

import typer

from bedrock_lab.cli.output import DATE, JSON, OVERLAY, REGION, SCOPE, chosen_region, emit, load_prices, warn, whole
from bedrock_lab.views.text import in_columns

SCOPES = {"regional": "in-region", "global": "global"}
"""Scope an overlay is asked with for a row's scope group; in-region and geo share a price, not always an agreement."""

prices_app = typer.Typer(
    help="The price list: its rows, their sources and dates.", no_args_is_help=True, rich_markup_mode=None
)

MODEL = typer.Option(..., "--model", help="Any id of the model: catalogue id, Bedrock id, profile id or ARN.")


def price(
    model: Annotated[str, MODEL],
    input_tokens: Annotated[
        int, typer.Option("--input-tokens", parser=whole, metavar="N", help="Uncached input of one request [tokens].")
    ],
    output_tokens: Annotated[
        int, typer.Option("--output-tokens", parser=whole, metavar="N", help="Output [tokens].")
    ] = 0,
    cache_read_tokens: Annotated[
        int, typer.Option("--cache-read-tokens", parser=whole, metavar="N", help="Read from the cache [tokens].")
    ] = 0,
    cache_write_5m_tokens: Annotated[
        int, typer.Option("--cache-write-5m-tokens", parser=whole, metavar="N", help="Written for 5 minutes [tokens].")
    ] = 0,
    cache_write_30m_tokens: Annotated[
        int,
        typer.Option("--cache-write-30m-tokens", parser=whole, metavar="N", help="Written for 30 minutes [tokens]."),
    ] = 0,
    cache_write_1h_tokens: Annotated[
        int, typer.Option("--cache-write-1h-tokens", parser=whole, metavar="N", help="Written for an hour [tokens].")
    ] = 0,
    region: str | None = REGION,
    scope: str | None = SCOPE,
    tier: Annotated[
        str, typer.Option("--tier", help="default, priority, flex, batch or latency-optimized.")
    ] = "default",
    date: str | None = DATE,
    requests: Annotated[
        int, typer.Option("--requests", parser=whole, metavar="N", help="Number of such requests.")
    ] = 1,
    overlay: str | None = OVERLAY,
    explain: Annotated[bool, typer.Option("--explain", help="Show each line with its source and date.")] = False,
    json: bool = JSON,
) -> None:
    """Price one request's tokens, exactly."""
    from bedrock_lab import pricing
    from bedrock_lab.traffic.usage import Usage

    usage = Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cache_read_tokens=cache_read_tokens,
        cache_write_5m_tokens=cache_write_5m_tokens,
        cache_write_30m_tokens=cache_write_30m_tokens,
        cache_write_1h_tokens=cache_write_1h_tokens,
    )
    quote = pricing.price(
        usage,
        model,
        region=chosen_region(region),
        scope=scope,
        tier=tier,
        requests=requests,
        prices=load_prices(date, overlay),
    )
    warn(quote.warnings)
    found = quote.to_dict()
    text = (
        f"{found['cost_usd']} USD  {found['model']}, {found['scope']}, {found['tier']}, {found['region']}, "
        f"prices of {found['date']}"
    )
    if found["list_usd"] != found["net_usd"]:
        text += f" (list {found['list_usd']} USD)"
    if explain:
        text += "\n\n" + _lines(found["lines"])
    emit(found, text, as_json=json)


def _lines(lines: list[dict[str, Any]]) -> str:
    headers = ("bucket", "tokens", "USD per 1M", "USD", "since", "source")
    rows = [
        (
            line["bucket"] + (f" (prompt above {line['above_tokens']:,})" if line["above_tokens"] else ""),
            f"{line['tokens']:,}",
            line["usd_per_mtok"],
            line["cost_usd"],
            line["known_from"],
            line["source"] + (f"; {line['agreement']}" if line["agreement"] else ""),
        )
        for line in lines
    ]
    return in_columns(headers, rows)


def models(
    provider: Annotated[str | None, typer.Option("--provider", help="Only this provider's.")] = None,
    date: str | None = DATE,
    region: str | None = REGION,
    json: bool = JSON,
) -> None:
    """List models with lifecycle, scopes and ways of buying."""
    from bedrock_lab.catalogue import model as book
    from bedrock_lab.catalogue.offers import OPTIONS, offer
    from bedrock_lab.errors import InputError

    held = book.models()
    providers = sorted({m.provider for m in held.values()})
    if provider is not None and provider not in providers:
        raise InputError(f"unknown provider {provider!r}; known: {', '.join(providers)}")
    listed = load_prices(date, None)
    where = chosen_region(region) or "us-east-1"
    rows: list[dict[str, Any]] = []
    for found in held.values():
        if provider is not None and found.provider != provider:
            continue
        life = book.lifecycle(found.id, listed.as_of)
        rows.append(
            {
                "model": found.id,
                "provider": found.provider,
                "lifecycle": life.state,
                "eol": life.eol.isoformat() if life.eol else None,
                "eol_note": life.eol_note or None,
                "replacement": life.replacement,
                "context_tokens": found.context_tokens,
                "max_output_tokens": found.max_output_tokens,
                "burndown": found.burndown,
                "scopes": book.invocable(found.id),
                "options": {o: offer(listed, found.id, o, where, "in-region").availability for o in OPTIONS},
                "source": life.source,
            }
        )
    text = in_columns(
        ("model", "lifecycle", "end of life", "context", "in-region/geo/global", "on sale"),
        [
            (
                row["model"],
                row["lifecycle"],
                row["eol"] or "",
                f"{row['context_tokens']:,}" if row["context_tokens"] else "",
                "/".join(row["scopes"][s] for s in ("in-region", "geo", "global")),
                " ".join(o for o, a in row["options"].items() if a == "yes"),
            )
            for row in rows
        ],
    )
    emit({"models": rows, "date": listed.as_of.isoformat(), "region": where}, text, as_json=json)


@prices_app.command("show")
def show(
    model: Annotated[str, MODEL],
    date: str | None = DATE,
    overlay: str | None = OVERLAY,
    json: bool = JSON,
) -> None:
    """Show every price row of a model, list and net, those set aside included, with the reason."""
    from bedrock_lab.catalogue.model import resolve
    from bedrock_lab.catalogue.pricelist import Spot, price_rows
    from bedrock_lab.errors import InputError
    from bedrock_lab.quote import plain

    listed = load_prices(date, overlay)
    day = listed.as_of
    found = resolve(model).model.id
    held = (*price_rows(found), *(r for r in listed.added.rows if r.model == found))
    first = min((r.since for r in held), default=None)
    if first is not None and day < first:
        raise InputError(f"no price of {found} on {day}; the first row is of {first}")
    rows = [
        {
            "region": r.region,
            "scope": r.scope,
            "tier": r.tier,
            "above_tokens": r.above_tokens,
            "bucket": r.bucket,
            "usd_per_mtok": plain(r.usd_per_mtok),
            "net_usd_per_mtok": plain(
                listed.net(Spot(found, r.region, SCOPES[r.scope], r.tier), r.bucket, r.usd_per_mtok, r.above_tokens)[0]
            ),
            "effective": r.effective.isoformat() if r.effective else None,
            "known_from": r.known_from.isoformat(),
            "checked": r.checked.isoformat(),
            "kind": r.kind,
            "source": r.source,
            "also": " ".join(r.also),
            "used": r.used,
            "note": r.note,
        }
        for r in held
        if r.since <= day
    ]
    text = in_columns(
        ("Region", "scope", "tier", "above", "bucket", "USD per 1M", "net", "since", "used", "source"),
        [
            (
                str(row["region"]),
                str(row["scope"]),
                str(row["tier"]),
                f"{row['above_tokens']:,}" if row["above_tokens"] else "",
                str(row["bucket"]),
                str(row["usd_per_mtok"]),
                str(row["net_usd_per_mtok"]),
                str(row["effective"] or row["known_from"]),
                "yes" if row["used"] else "no",
                f"{row['source']} {row['note']}".strip(),
            )
            for row in rows
        ],
    )
    emit({"model": found, "model_id": model, "date": day.isoformat(), "rows": rows}, text, as_json=json)
