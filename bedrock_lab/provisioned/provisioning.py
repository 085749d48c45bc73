"""`Provisioned`: units shown, bought behind a guard, renamed, deleted, and watched for waste."""

import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Self

from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.catalogue.pricelist import prices as load_prices
from bedrock_lab.client.metric_data import MOST_DAYS
from bedrock_lab.errors import InputError, LabError
from bedrock_lab.provisioned import control, metrics, refusals
from bedrock_lab.provisioned.aws import NoAnswerError, RefusedError, ask, connected
from bedrock_lab.provisioned.held import Holding, Units, held
from bedrock_lab.provisioned.orders import Bought, Order, checked_name, order
from bedrock_lab.provisioned.quote import Quote, confirmed
from bedrock_lab.provisioned.quoting import amount, quote
from bedrock_lab.provisioned.waste import Waste, assumed, both_figures, usage
from bedrock_lab.quote import plain

POLL_S, LONGEST_POLL_S = 1.0, 30.0
FAILED = "Failed"


def to_stderr(line: str) -> None:
    """Show a line before anything is called."""
    print(f"bedrock-lab: {line}", file=sys.stderr)  # noqa: T201 - what bills is shown first


class Provisioned:
    """Provisioned throughput of an account in a Region.

    Parameters
    ----------
    prices
        The price list (``lab.prices(...)``, with negotiated prices); unset, the list as of today.
    endpoint_url, region_name, profile_name, config
        Of boto3.
    bedrock, cloudwatch
        Ready clients to use instead of making them.
    clock
        The time of the day, aware.
    sleep
        Waits between looks [s].
    show
        Takes each line that must be read before something bills; unset, stderr.
    boto3_arguments
        Further arguments of ``boto3.client``.

    Examples
    --------
    >>> import bedrock_lab as lab
    >>> with lab.LocalAWS() as aws, Provisioned(lab.prices("2026-11-22"), **aws.client_kwargs()) as units:
    ...     offered = units.quote("meta.llama3-1-70b-instruct", 2, "1m")
    ...     held = units.list()
    >>> offered.bought_id, offered.confirm_usd, len(held)  # 2 x 21.18 USD x 730 h
    ('meta.llama3-1-70b-instruct-v1:0:128k', Decimal('30922.80'), 0)
    """

    def __init__(
        self,
        prices: Prices | None = None,
        *,
        endpoint_url: str | None = None,
        region_name: str | None = None,
        profile_name: str | None = None,
        config: Any = None,
        bedrock: Any = None,
        cloudwatch: Any = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
        show: Callable[[str], None] = to_stderr,
        **boto3_arguments: Any,
    ) -> None:
        given = {**boto3_arguments, "endpoint_url": endpoint_url, "region_name": region_name}
        arguments = {name: value for name, value in given.items() if value is not None}
        self.prices = prices or load_prices()
        self._own: list[Any] = []

        def made(service: str) -> Any:
            self._own.append(connected(service, arguments, profile_name, config))
            return self._own[-1]

        self.bedrock = bedrock or made("bedrock")
        self.region: str = self.bedrock.meta.region_name
        self._cloudwatch: Callable[[], Any] = lambda: cloudwatch or made("cloudwatch")
        self.clock = clock
        self.sleep = sleep
        self.show = show

    def list(self) -> Holding:
        """List everything that is held, the newest first."""
        found = [held(told, self.prices, self.region) for told in control.summaries(self.bedrock)]
        return Holding(one if one.usd_per_unit_hour is not None else self._tagged(one) for one in found)

    def get(self, name: str) -> Units:
        """Describe units by name, id or ARN, with their tags."""
        return self._tagged(self._look(name))

    def quote(self, model: str, units: int, term: str, **how: Any) -> Quote:
        """Work out what units would cost, without a call; `how` as in `bedrock_lab.provisioned.quoting.quote`."""
        return quote(model, units, term, prices=self.prices, region=self.region, now=self.clock(), **how)

    def order(
        self,
        model: str,
        units: int,
        term: str,
        *,
        name: str,
        tags: Mapping[str, str] | None = None,
        attempt: int = 1,
        **how: Any,
    ) -> Order:
        """Check a purchase as `create` does and show what it costs; nothing is called."""
        offered = self.quote(model, units, term, **how)
        made = order(offered, name, tags, attempt)
        for line in offered.lines():
            self.show(line)
        return made

    def create(
        self,
        model: str,
        units: int,
        term: str,
        *,
        name: str,
        confirm_usd: Decimal | str | float | None = None,
        tags: Mapping[str, str] | None = None,
        attempt: int = 1,
        **how: Any,
    ) -> Bought:
        """Buy units once the amount of `quote` is typed back.

        Parameters
        ----------
        confirm_usd
            The amount shown, exactly.
        attempt
            Counts purchases of the same name and arguments: a second one, after the first was deleted, is 2.
        how
            As in `quote`.

        Raises
        ------
        InputError
            The amount is another one, or a value is wrong: nothing was bought.
        LabError
            AWS sold nothing, or whether it did is not known; the message says which.
        """
        typed = None if confirm_usd is None else amount(confirm_usd, "--confirm-usd")
        made = self.order(model, units, term, name=name, tags=tags, attempt=attempt, **how)
        confirmed(made.quote, typed)
        before = self._named(name)
        if before is not None:
            if not made.same(before):
                raise refusals.taken(before)
            if before.status == FAILED:
                raise refusals.failed(before)
            return Bought(quote=made.quote, units=before, created=False)
        told = control.bought(self.bedrock, made)
        return Bought(quote=made.quote, units=held(told, self.prices, self.region, made.all_tags), created=True)

    def rename(self, name: str, new_name: str) -> Units:
        """Give units another name; nothing else can be changed."""
        checked_name(new_name)
        one = self._look(name)
        other = self._named(new_name)
        if other is not None and other.arn != one.arn:
            raise refusals.taken(other)
        wanted = {"provisionedModelId": one.arn, "desiredProvisionedModelName": new_name}
        try:
            ask(self.bedrock, "UpdateProvisionedModelThroughput", **wanted)
        except RefusedError as error:
            raise LabError(f"{one.name} was not renamed: {error}") from None
        return self.get(one.arn)

    def leaving(self, name: str) -> Units:
        """Show what deleting units would stop; nothing is deleted."""
        one = self._look(name)
        for line in refusals.deleting(one, self.clock()):
            self.show(line)
        return one

    def delete(self, name: str, *, confirm: str | None = None) -> Units:
        """Delete units once their name is typed back; return what they were.

        Raises
        ------
        InputError
            The name typed back is another one.
        LabError
            AWS keeps them: a commitment runs, or they are being created.
        """
        one = self.leaving(name)
        if confirm != one.name:
            given = "" if confirm is None else f": --confirm {confirm} is not its name"
            raise InputError(f"nothing was deleted{given}; to delete, type the name back: --confirm {one.name}")
        try:
            ask(self.bedrock, "DeleteProvisionedModelThroughput", provisionedModelId=one.arn)
        except RefusedError as error:
            # an answer may have been lost, and the SDK asked again for what was gone
            if error.code != refusals.MISSING:
                refusals.not_deleted(error, one, self.clock())
        except NoAnswerError as error:
            if self._named(one.arn) is not None:
                raise LabError(f"{error}; {one.name} is still there: try again") from None
        return one

    def watch(self, name: str, *, timeout_s: float = 3600.0) -> Units:
        """Look again and again until units are in service.

        Raises
        ------
        LabError
            They failed, or are not in service in time.
        """
        waited, pause = 0.0, POLL_S
        while True:
            one = self._look(name)
            if one.status == FAILED:
                raise refusals.failed(one)
            if one.status == "InService":
                return one
            if waited >= timeout_s:
                raise LabError(f"{one.name} is still {one.status} after {waited:g} s; look again: provisioned get")
            self.sleep(pause)
            waited, pause = waited + pause, min(2 * pause, LONGEST_POLL_S)

    def waste(
        self, *, days: float = 14.0, unit_input_tpm: float | None = None, unit_output_tpm: float | None = None
    ) -> Waste:
        """Find units that are idle or cost more than on-demand, from their CloudWatch metrics; nothing is deleted.

        Parameters
        ----------
        days
            How far to look back: minutes up to 15 days, else five minutes, at most 63.
        unit_input_tpm, unit_output_tpm
            What one unit carries [tokens/min], for the utilisation.
        """
        given = both_figures(unit_input_tpm, unit_output_tpm)
        if not 0 < days <= MOST_DAYS:
            raise InputError(f"days {days:g}: allowed is more than 0, at most {MOST_DAYS}")
        found, now = self.list(), self.clock()
        plan = metrics.reading(len(found), now, days)
        if found:
            calls = f"{plan.calls} calls of GetMetricData for {plan.metrics} metrics of everything held ({len(found)})"
            self.show(f"CloudWatch: {calls}, {plain(plan.usd)} USD")
        sums = metrics.read(self._cloudwatch(), found, plan) if found else []
        rows = tuple(
            usage(one, each, plan, now, prices=self.prices, region=self.region, given=given)
            for one, each in zip(found, sums, strict=True)
        )
        return Waste(rows=rows, reading=plan, assumptions=assumed(found, given))

    def ending(self, within_days: float) -> Holding:
        """List commitments that end, and renew by themselves, within some days."""
        if not 0 <= within_days <= 3650:
            raise InputError(f"within_days {within_days:g}: allowed is 0 to 3650")
        return self.list().ending(self.clock(), within_days)

    def close(self) -> None:
        """Close the connections made here."""
        for client in self._own:
            client.close()
        self._own.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _tagged(self, one: Units) -> Units:
        """Add the tags, and the price one of them may hold."""
        found = ask(self.bedrock, "ListTagsForResource", resourceARN=one.arn)
        return one.tagged({tag["key"]: tag["value"] for tag in found.get("tags", [])})

    def _look(self, name: str) -> Units:
        return held(control.told(self.bedrock, name), self.prices, self.region)

    def _named(self, name: str) -> Units | None:
        found = control.named(self.bedrock, name)
        return None if found is None else held(found, self.prices, self.region)
