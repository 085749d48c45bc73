"""``provisioned``: model units shown, bought behind a guard, renamed, deleted, and watched for waste and ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bedrock_lab.cli import offers
from bedrock_lab.cli.offers import AS_MODEL, MODEL, TERM, TRACE, TYPED, UNIT_IN, UNIT_OUT, UNITS, UNPRICED
from bedrock_lab.cli.output import (
    AWS_REGION,
    COLUMNS,
    ENDPOINT,
    FORMAT,
    JSON,
    OVERLAY,
    PROFILE,
    SHAPE,
    assignments,
    chosen_region,
    emit,
    load_prices,
    read_file,
    real,
    warn,
    whole,
)
from bedrock_lab.cli.provisioned_words import pairs_of, table, wasted_text

if TYPE_CHECKING:
    from bedrock_lab.provisioned.provisioning import Provisioned

app = typer.Typer(
    help="Provisioned throughput: model units by the hour. Nothing is bought or deleted before it is typed back.",
    no_args_is_help=True,
)
app.command("quote")(offers.quote)
app.command("request")(offers.request)

NAME = Annotated[str, typer.Argument(metavar="NAME", help="Name, id or ARN.")]
DRY = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
WAIT = Annotated[bool, typer.Option("--wait", help="Wait until they are in service.")]


@contextmanager
def opened(
    region: str | None, endpoint_url: str | None, profile: str | None, overlay: str | None = None
) -> "Iterator[Provisioned]":
    """Connect, and close at the end."""
    from bedrock_lab.provisioned.provisioning import Provisioned

    units = Provisioned(
        load_prices(None, overlay),
        region_name=chosen_region(region),
        endpoint_url=endpoint_url,
        profile_name=profile,
        show=lambda line: warn([line]),
    )
    try:
        yield units
    finally:
        units.close()


@app.command("list")
def list_units(
    region: str | None = AWS_REGION,
    endpoint_url: str | None = ENDPOINT,
    profile: str | None = PROFILE,
    overlay: str | None = OVERLAY,
    json: bool = JSON,
) -> None:
    """List what is held, with what it costs."""
    with opened(region, endpoint_url, profile, overlay) as units:
        found = units.list()
    emit(found.to_dict(), table(found), as_json=json)


@app.command()
def get(
    name: NAME,
    wait: WAIT = False,
    region: str | None = AWS_REGION,
    endpoint_url: str | None = ENDPOINT,
    profile: str | None = PROFILE,
    overlay: str | None = OVERLAY,
    json: bool = JSON,
) -> None:
    """Describe units, with their tags."""
    with opened(region, endpoint_url, profile, overlay) as units:
        if wait:
            units.watch(name)
        found = units.get(name).to_dict()
    emit(found, pairs_of(found), as_json=json)


@app.command()
def create(
    name: Annotated[str, typer.Option("--name", help="Name to give the units.")],
    model: MODEL,
    units: UNITS = 1,
    term: TERM = "none",
    confirm_usd: Annotated[
        str | None, typer.Option("--confirm-usd", metavar="X", help="The amount shown: units x price x hours.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="key=value; may be repeated.")] = None,
    dry_run: DRY = False,
    wait: WAIT = False,
    attempt: Annotated[
        int, typer.Option("--attempt", parser=whole, metavar="N", help="2 buys once more what was bought and deleted.")
    ] = 1,
    unpriced: UNPRICED = False,
    usd_per_unit_hour: TYPED = None,
    trace: TRACE = None,
    as_model: AS_MODEL = False,
    shape: str | None = SHAPE,
    unit_input_tpm: UNIT_IN = None,
    unit_output_tpm: UNIT_OUT = None,
    region: str | None = AWS_REGION,
    endpoint_url: str | None = ENDPOINT,
    profile: str | None = PROFILE,
    overlay: str | None = OVERLAY,
    format: str = FORMAT,  # noqa: A002 - the option's word
    columns: str | None = COLUMNS,
    json: bool = JSON,
) -> None:
    """Buy units: shows what they cost, and buys when that amount is typed back."""
    how: dict[str, Any] = {
        "unpriced": unpriced,
        "usd_per_unit_hour": usd_per_unit_hour,
        "trace": read_file(trace, format, columns) if trace is not None else None,
        "as_model": as_model,
        "shape": shape,
        "unit_input_tpm": unit_input_tpm,
        "unit_output_tpm": unit_output_tpm,
    }
    tags = assignments(tag or [], "--tag")
    with opened(region, endpoint_url, profile, overlay) as held:
        if dry_run:
            found = held.order(model, units, term, name=name, tags=tags, attempt=attempt, **how).to_dict()
            emit(found | {"dry_run": True}, "nothing was bought (--dry-run)", as_json=json)
            return
        bought = held.create(model, units, term, name=name, confirm_usd=confirm_usd, tags=tags, attempt=attempt, **how)
        result = bought.to_dict()
        if not bought.created:
            warn([f"{name} had been bought before: nothing was bought now"])
        if wait:
            warn([f"{name} bills until it is deleted; waiting until it is in service"])
            result["status"] = held.watch(bought.units.arn).status
    emit(result, f"{result['arn']}  {result['status']}", as_json=json)


@app.command()
def rename(
    name: NAME,
    new_name: Annotated[str, typer.Argument(metavar="NEW", help="The new name.")],
    dry_run: DRY = False,
    region: str | None = AWS_REGION,
    endpoint_url: str | None = ENDPOINT,
    profile: str | None = PROFILE,
    json: bool = JSON,
) -> None:
    """Give units another name; units and term cannot be changed."""
    with opened(region, endpoint_url, profile) as units:
        found = units.get(name) if dry_run else units.rename(name, new_name)
    said = f"{found.name} would be {new_name} (--dry-run)" if dry_run else f"{name} is {found.name} now"
    emit(found.to_dict() | {"dry_run": dry_run}, said, as_json=json)


@app.command()
def delete(
    name: NAME,
    confirm: Annotated[str | None, typer.Option("--confirm", metavar="NAME", help="The name, typed back.")] = None,
    dry_run: DRY = False,
    region: str | None = AWS_REGION,
    endpoint_url: str | None = ENDPOINT,
    profile: str | None = PROFILE,
    overlay: str | None = OVERLAY,
    json: bool = JSON,
) -> None:
    """Delete units: says what that stops, and deletes when the name is typed back."""
    with opened(region, endpoint_url, profile, overlay) as units:
        found = units.leaving(name) if dry_run else units.delete(name, confirm=confirm)
    said = f"{found.name} was not deleted (--dry-run)" if dry_run else f"{found.name} is deleted"
    emit(found.to_dict() | {"deleted": not dry_run, "dry_run": dry_run}, said, as_json=json)


@app.command()
def waste(
    days: Annotated[float, typer.Option("--days", parser=real, metavar="X", help="How far to look back.")] = 14.0,
    unit_input_tpm: UNIT_IN = None,
    unit_output_tpm: UNIT_OUT = None,
    region: str | None = AWS_REGION,
    endpoint_url: str | None = ENDPOINT,
    profile: str | None = PROFILE,
    overlay: str | None = OVERLAY,
    json: bool = JSON,
) -> None:
    """Find units that are idle or cost more than on-demand, from CloudWatch; nothing is ever deleted."""
    with opened(region, endpoint_url, profile, overlay) as units:
        found = units.waste(days=days, unit_input_tpm=unit_input_tpm, unit_output_tpm=unit_output_tpm)
    emit(found.to_dict(), wasted_text(found), as_json=json)


@app.command()
def ending(
    within_days: Annotated[
        float, typer.Option("--within-days", parser=real, metavar="N", help="Exit code 3 where one ends by then.")
    ] = 14.0,
    region: str | None = AWS_REGION,
    endpoint_url: str | None = ENDPOINT,
    profile: str | None = PROFILE,
    overlay: str | None = OVERLAY,
    json: bool = JSON,
) -> None:
    """List commitments that end, and renew by themselves, within some days: exit code 3, else 0."""
    with opened(region, endpoint_url, profile, overlay) as units:
        found = units.ending(within_days)
    text = table(found) if found else f"no commitment ends within {within_days:g} days"
    emit(found.to_dict() | {"within_days": within_days}, text, as_json=json)
    if found:
        warn([f"{one.name} renews by itself at {one.to_dict()['ends']} unless it is deleted then" for one in found])
        raise typer.Exit(3)
