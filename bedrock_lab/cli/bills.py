"""``bill``, ``reconcile``, ``trace from-bill``: what AWS charged, by what, and why not what the traffic comes to."""

from typing import Annotated, Any

import typer

from bedrock_lab.cli.output import (
    APP_KEY,
    AWS_REGION,
    COLUMNS,
    ENDPOINT,
    FORMAT,
    JSON,
    MOST_SAID,
    OVERLAY,
    PROFILE,
    ROWS_MODEL,
    SCOPE,
    SINCE,
    UNTIL,
    emit,
    load_prices,
    read_file,
    warn,
)
from bedrock_lab.views.text import in_columns

IDENTITIES = typer.Option(False, "--identities", help="Keep account ids as they are, instead of hashes.")
ORIGIN = typer.Option("log", "--origin", help="log; synthetic or emulated for a bill that was made up.")
MONEY = ("total_usd", "net_usd", "amortised_usd", "list_usd", "not_covered_usd", "unknown_usd")


def bill(
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="A cost and usage report, a folder of one, or s3://.")
    ] = None,
    cost_explorer: Annotated[
        bool, typer.Option("--cost-explorer", help="Ask Cost Explorer instead; it bills 0.01 USD a request.")
    ] = False,
    since: Annotated[str | None, typer.Option("--since", help="Of Cost Explorer: from this day, YYYY-MM-DD.")] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Of Cost Explorer: up to this day, not included.")
    ] = None,
    max_spend_usd: Annotated[
        str | None, typer.Option("--max-spend-usd", metavar="X", help="The most asking may cost [USD].")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what asking would cost, and ask nothing.")] = False,
    origin: str = ORIGIN,
    identities: bool = IDENTITIES,
    region: str | None = AWS_REGION,
    endpoint_url: str | None = ENDPOINT,
    profile: str | None = PROFILE,
    json: bool = JSON,
) -> None:
    """Say what AWS charged for Bedrock: by model, Region, scope, tier and bucket, list and net."""
    from bedrock_lab.errors import InputError
    from bedrock_lab.sources import cost_explorer as explorer

    if cost_explorer == (file is not None):
        raise InputError("give a FILE, or --cost-explorer with --since and --until")
    if not cost_explorer:
        if since or until or max_spend_usd or dry_run:
            raise InputError("--since, --until, --max-spend-usd and --dry-run go with --cost-explorer")
        found = read(str(file), origin, region, endpoint_url, profile, identities=identities)
    else:
        if not since or not until:
            raise InputError("--cost-explorer needs --since and --until, days as YYYY-MM-DD")
        if dry_run:
            note = explorer.price_note(since, until)
            emit({"usd_per_request": str(explorer.CALL_USD), "note": note}, note, as_json=json)
            return
        where: dict[str, Any] = {"region_name": region, "endpoint_url": endpoint_url, "profile_name": profile}
        found = explorer.read_cost_explorer(
            since, until, max_spend_usd=max_spend_usd, say=lambda text: warn([text]), **where
        )
    warn(found.notes)
    emit(found.to_dict(), in_words(found), as_json=json)


def from_bill(
    out: Annotated[str, typer.Argument(metavar="OUT.parquet", help="Where the trace is written.")],
    file: Annotated[str, typer.Argument(metavar="FILE", help="A cost and usage report, a folder of one, or s3://.")],
    origin: str = ORIGIN,
    region: str | None = AWS_REGION,
    endpoint_url: str | None = ENDPOINT,
    profile: str | None = PROFILE,
    json: bool = JSON,
) -> None:
    """Make windows of traffic out of a bill's tokens, and say what they cannot answer."""
    from bedrock_lab.bills.windows import trace_of_bill
    from bedrock_lab.cli.traces import written

    found = read(file, origin, region, endpoint_url, profile)
    written(trace_of_bill(found), out, file, as_json=json)


def reconcile(
    trace: Annotated[str, typer.Argument(metavar="TRACE", help="The traffic: logs, a trace, a table.")],
    bill: Annotated[str, typer.Option("--bill", metavar="FILE", help="A bill: a file, a folder, or s3://.")],
    fail_if: Annotated[
        list[str] | None,
        typer.Option("--fail-if", metavar="EXPR", help='Exit 3 where it is true: "unexplained_share > 0.01"; repeat.'),
    ] = None,
    format: str = FORMAT,  # noqa: A002 - the option's word
    columns: str | None = COLUMNS,
    app_key: str | None = APP_KEY,
    since: str | None = SINCE,
    until: str | None = UNTIL,
    model: str | None = ROWS_MODEL,
    source_region: Annotated[
        str | None, typer.Option("--source-region", help="Source Region of rows that name none.")
    ] = None,
    scope: str | None = SCOPE,
    metrics: Annotated[
        bool,
        typer.Option("--metrics", help="Ask CloudWatch which deliveries of the log failed; the price is said first."),
    ] = False,
    date: Annotated[
        str | None, typer.Option("--date", help="Prices as of this day, YYYY-MM-DD (default: the bill's last).")
    ] = None,
    overlay: str | None = OVERLAY,
    origin: str = ORIGIN,
    region: str | None = AWS_REGION,
    endpoint_url: str | None = ENDPOINT,
    profile: str | None = PROFILE,
    json: bool = JSON,
) -> None:
    """Say why AWS charged what it did: causes that sum to the difference from a trace, and what is unexplained."""
    from bedrock_lab.bills.reconciling import priced_as_of
    from bedrock_lab.bills.reconciling import reconcile as hold_against
    from bedrock_lab.gates import read_gate

    gates = [read_gate(text) for text in fail_if or ()]
    traffic = read_file(trace, format, columns, app_key=app_key, since=since, until=until)
    charged = read(bill, origin, region, endpoint_url, profile)
    prices = load_prices(date or priced_as_of(charged), overlay)
    counted = _deliveries(charged, endpoint_url, profile) if metrics else None
    found = hold_against(traffic, charged, prices, model=model, region=source_region, scope=scope, deliveries=counted)
    for gate in gates:
        gate.holds(found.figures)  # a name that is none of the answer's is said before anything is printed
    warn(found.warnings)
    rows = [(c.cause, f"{c.usd:+f}", c.detail) for c in found.causes]
    text = f"{found.answer}\n\n{in_columns(('cause', 'USD', 'what'), rows)}"
    text += "".join(f"\nassumed: {a.name}, {a.source}" for a in found.assumptions)
    emit(found.to_dict(), text, as_json=json)
    for gate in gates:
        gate.check(found.figures)


def _deliveries(charged: Any, endpoint_url: str | None, profile: str | None) -> Any:
    """Read how deliveries of the log went in the time and the Regions of a bill."""
    from bedrock_lab.errors import InputError
    from bedrock_lab.sources.log_deliveries import moment, read_deliveries

    since, until = charged.span
    regions = {c.meaning.region for c in charged.charges if c.is_tokens and c.meaning.region}
    if since is None or until is None or not regions:
        raise InputError("--metrics needs a bill that says when and in which Region; this one does not")
    arguments = {"endpoint_url": endpoint_url, "profile_name": profile}
    return read_deliveries(moment(since), moment(until), regions, show=lambda line: warn([line]), **arguments)


def read(
    file: str,
    origin: str,
    region: str | None = None,
    endpoint_url: str | None = None,
    profile: str | None = None,
    *,
    identities: bool = False,
) -> Any:
    """Read a bill, and say on stderr what was left out."""
    from bedrock_lab.sources.bills import read_bill

    where = {"region_name": region, "endpoint_url": endpoint_url, "profile_name": profile}
    given: dict[str, Any] = {
        name: value for name, value in where.items() if value is not None and file.startswith("s3://")
    }
    found = read_bill(file, origin=origin, identities=identities, **given)
    for item in found.skipped[:MOST_SAID]:
        warn([f"skipped {item.file}{'' if item.line is None else f':{item.line}'}: {item.reason}"])
    if len(found.skipped) > MOST_SAID:
        warn([f"skipped {len(found.skipped) - MOST_SAID:,} more lines or files; --json lists all"])
    return found


def in_words(found: Any) -> str:
    """Write a bill for people."""
    told = found.to_dict()
    span = f", {told['start']} to {told['end']}" if told["start"] else ""
    lines = [f"{told['total_usd']} USD charged for Bedrock ({found.format}{span})"]
    lines += [f"{name.removesuffix('_usd').replace('_', ' ')}: {told[name]} USD" for name in MONEY[1:] if told[name]]
    lines += [f"{kind}: {usd} USD" for kind, usd in told["by_kind"].items() if usd != "0"]
    rows = [
        (
            line["model"] or line["category"],
            line["region"] or "",
            line["scope"] or "",
            line["tier"] or "",
            line["bucket"] or line["term"] or "",
            line["kind"],
            line["tokens"] or line["usage_amount"],
            line["usd"],
            line["usage_type"],
        )
        for line in told["lines"]
    ]
    headers = ("model", "Region", "scope", "tier", "bucket", "kind", "tokens", "USD", "usage type")
    text = "\n".join(lines) + "\n\n" + in_columns(headers, rows)
    return text + "".join(f"\nassumed: {a['name']}, {a['source']}" for a in told["assumptions"])
