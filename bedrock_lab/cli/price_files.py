"""``prices overlay | from-bill | refresh | diff``: negotiated prices, new list prices, and what they change."""

from typing import Annotated, Any

import typer

from bedrock_lab.cli.bills import ORIGIN
from bedrock_lab.cli.bills import read as read_charges
from bedrock_lab.cli.output import (
    AWS_REGION,
    COLUMNS,
    DATE,
    ENDPOINT,
    FORMAT,
    JSON,
    PROFILE,
    ROWS_MODEL,
    emit,
    read_file,
    warn,
)
from bedrock_lab.views.text import in_columns


def overlay(
    file: Annotated[str, typer.Argument(metavar="FILE.toml", help="A file of negotiated prices.")],
    date: str | None = DATE,
    json: bool = JSON,
) -> None:
    """Check a file of negotiated prices, and say what each row changes."""
    from bedrock_lab.bills.overlay_reading import explain
    from bedrock_lab.catalogue.pricelist import prices

    held = prices(date, file)
    found = explain(held)
    idle = [e.number for e in found if not e.applies]
    rows = [
        (
            str(e.number),
            e.says,
            ""
            if e.example is None
            else f"{e.example['model']} {e.example['bucket']}: {e.example['list']} -> {e.example['net']}",
        )
        for e in found
    ]
    result = {"file": file, "date": held.as_of.isoformat(), "rows": [e.to_dict() for e in found], "idle": idle}
    emit(result, in_columns(("row", "what it does", "first price it decides"), rows), as_json=json)


def from_bill(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A cost and usage report, a folder of one, or s3://.")],
    out: Annotated[str | None, typer.Option("--out", metavar="FILE.toml", help="Write them as an overlay.")] = None,
    date: Annotated[
        str | None, typer.Option("--date", help="List prices as of this day (default: the bill's last).")
    ] = None,
    origin: str = ORIGIN,
    region: str | None = AWS_REGION,
    endpoint_url: str | None = ENDPOINT,
    profile: str | None = PROFILE,
    json: bool = JSON,
) -> None:
    """Derive net prices from what was charged, by usage type, with the rows that say so."""
    from bedrock_lab.bills.net_prices import net_prices, overlay_text, write_overlay
    from bedrock_lab.bills.reconciling import priced_as_of
    from bedrock_lab.catalogue.pricelist import prices

    charged = read_charges(file, origin, region, endpoint_url, profile)
    found = net_prices(charged, prices(date or priced_as_of(charged)))
    long = sum(row.agreed and row.above_tokens is None for row in found)
    if long:
        warn(
            [f"{long} long-context prices are of models without a known threshold and cannot be written in an overlay"]
        )
    written = None if out is None else str(write_overlay(out, overlay_text(found, f"the bill {file}")))
    rows = [
        (
            row.cell.model,
            row.cell.region,
            row.cell.scope,
            row.cell.tier,
            row.cell.bucket + (" (long context)" if row.cell.long else ""),
            str(row.net_usd_per_mtok),
            "" if row.list_usd_per_mtok is None else str(row.list_usd_per_mtok),
            row.effective,
            f"{row.rows} rows of {', '.join(row.usage_types)}",
        )
        for row in found
    ]
    headers = ("model", "Region", "scope", "tier", "bucket", "net", "list", "from", "by")
    text = in_columns(headers, rows) + (f"\n\n{written}" if written else "")
    emit({"bill": file, "overlay": written, "prices": [row.to_dict() for row in found]}, text, as_json=json)


def refresh(
    out: Annotated[str, typer.Option("--out", metavar="FILE.csv", help="Your file of price rows; new ones are added.")],
    region: Annotated[list[str] | None, typer.Option("--region", help="A Region to read; repeatable.")] = None,
    way: Annotated[str, typer.Option("--from", help="bulk: AWS's offer files; api: GetProducts.")] = "bulk",
    endpoint_url: str | None = ENDPOINT,
    profile: str | None = PROFILE,
    json: bool = JSON,
) -> None:
    """Read AWS's price list, and add what is new to a file of your own as dated rows; nothing bills."""
    from bedrock_lab.catalogue.pricelist import prices
    from bedrock_lab.sources.price_list import refresh as read

    found = read(
        out,
        prices(),
        region or [],
        way=way,
        endpoint_url=endpoint_url,
        profile_name=profile,
        say=lambda line: warn([line]),
    )
    if found.partial:
        warn([f"partial: {found.partial}"])
    warn([f"two prices for one thing, neither taken: {conflict}" for conflict in found.parsed.conflicts])
    rows = [
        (r.model, r.region, r.scope, r.tier, r.bucket, str(r.usd_per_mtok), str(r.since), r.note) for r in found.new
    ]
    head = f"{out}: {len(found.new)} new rows of {len(found.parsed.rows):,} prices read"
    table = (
        "\n\n" + in_columns(("model", "Region", "scope", "tier", "bucket", "USD per 1M", "from", "by"), rows)
        if rows
        else ""
    )
    emit(found.to_dict(), f'{head}; set prices = "{out}" in bedrock-lab.toml to use them{table}', as_json=json)


def diff(
    file: Annotated[str, typer.Argument(metavar="FILE.csv", help="Price rows of refresh.")],
    trace: Annotated[
        str | None, typer.Option("--trace", metavar="TRACE", help="What it means for this traffic.")
    ] = None,
    before: Annotated[
        str | None, typer.Option("--before", metavar="FILE.csv", help="Against these rows (default: none).")
    ] = None,
    model: str | None = ROWS_MODEL,
    format: str = FORMAT,  # noqa: A002 - the option's word
    columns: str | None = COLUMNS,
    date: str | None = DATE,
    json: bool = JSON,
) -> None:
    """Name the prices that changed, and what they mean for a trace in USD a month."""
    from bedrock_lab.catalogue.pricelist import prices
    from bedrock_lab.price_diff import compare_prices, mean_for

    old, new = prices(date, refreshed=before), prices(date, refreshed=file)
    changes = compare_prices(old, new)
    result: dict[str, Any] = {"file": file, "date": new.as_of.isoformat(), "changes": [c.to_dict() for c in changes]}
    rows = [(c.model, c.region, c.scope, c.tier, c.bucket, c.before_text, c.after_text, c.change_text) for c in changes]
    text = in_columns(("model", "Region", "scope", "tier", "bucket", "before", "after", "change"), rows)
    if trace is not None:
        meant = mean_for(read_file(trace, format, columns), old, new, model=model)
        result["trace"] = meant.to_dict()
        text += "\n\n" + meant.sentence
    emit(result, text, as_json=json)
