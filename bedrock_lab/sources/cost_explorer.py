"""A bill from Cost Explorer: asked by service and usage type, every request priced before it is sent."""

import itertools
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, NoReturn

from bedrock_lab.assumptions import Origin
from bedrock_lab.bills import columns as c
from bedrock_lab.bills.charge import Charges
from bedrock_lab.bills.reading import Gathering, finished
from bedrock_lab.catalogue.tables import as_date
from bedrock_lab.client import calling, connection
from bedrock_lab.client.budget import Budget
from bedrock_lab.client.failures import BudgetError, code_of, status_of
from bedrock_lab.errors import InputError
from bedrock_lab.quote import plain

CALL_USD = Decimal("0.01")
"""Price of one request, each page one. Source: AWS's pricing page of Cost Explorer."""

REGION = "us-east-1"
"""Where Cost Explorer answers, whatever Region was used."""

METRICS = ("UnblendedCost", "NetUnblendedCost", "AmortizedCost", "UsageQuantity")
DENIED = frozenset({"AccessDeniedException", "AccessDenied", "UnauthorizedOperation"})
FORBIDDEN = 403
POLICY = "bedrock-lab doctor --policy bill prints the rights it needs, ce:GetCostAndUsage among them"

Say = Callable[[str], None]


def price_note(since: str, until: str) -> str:
    """Say what asking costs, before anything is asked."""
    return (
        f"Cost Explorer bills {CALL_USD} USD a request: one for the services, one or more for each of them "
        f"({since} to {until}, by the day)"
    )


def read_cost_explorer(
    since: str,
    until: str,
    *,
    max_spend_usd: Decimal | float | str | None,
    say: Say = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
    **boto3_arguments: Any,
) -> Charges:
    """Read what Cost Explorer knows of Bedrock, by day, usage type and kind of line.

    Parameters
    ----------
    since, until
        Days, the second not included.
    max_spend_usd
        What the requests may cost [USD]; where that is too little, the bill is partial and says what is missing.
    say
        Takes what a person should read: the price, before the first request.

    Raises
    ------
    InputError
        No cap, no such days, no credentials, or no right to read.
    LabError
        Cost Explorer does not answer.
    """
    first, last = as_date(since), as_date(until)
    if first >= last:
        raise InputError(f"--since {since} is not before --until {until}; the second day is not included")
    budget = _budget(max_spend_usd, price_note(since, until))
    say(f"{price_note(since, until)}, {plain(budget.usd)} USD at most")
    client = _client(boto3_arguments)
    gathered = Gathering()
    gathered.formats["cost explorer"] += 1
    missing: str | None = None
    estimated: set[str] = set()
    services: list[str] = []
    done = 0
    try:
        period = {"Start": str(first), "End": str(last)}
        services = sorted(_services(client, period, budget, sleep))
        for done, service in enumerate(services):  # noqa: B007 - how far it came is told below
            for page in _pages(client, service, period, budget, sleep):
                _take(gathered, page, service, estimated)
        done = len(services)
    except BudgetError:
        missing = f"the cap of {plain(budget.usd)} USD is reached"
        if not services:
            raise BudgetError(f"{missing} before all services were named; nothing was read") from None
    except calling.errors() as error:
        if not services:
            _refuse(error)
        missing = f"Cost Explorer stopped answering ({code_of(error)})"
    finally:
        client.close()
    more: dict[str, Any] = {"warnings": _warnings(estimated, budget)}
    if missing:
        more["partial"] = f"{missing}; not or not wholly read: {', '.join(services[done:])}"
    return finished(gathered, f"Cost Explorer, {first} to {last}", Origin.LOG, **more)


def _budget(given: Decimal | float | str | None, note: str) -> Budget:
    if given is None:
        raise InputError(f"{note}; give a cap with --max-spend-usd, such as 0.50")
    budget = Budget(given)
    if budget.usd < 2 * CALL_USD:
        raise InputError(f"--max-spend-usd {given}: {2 * CALL_USD} USD or more is allowed; {note}")
    return budget


def _client(arguments: dict[str, Any]) -> Any:
    from botocore.config import Config

    given = {name: value for name, value in arguments.items() if value is not None}
    session = connection.session(given.pop("profile_name", None))
    config = connection.settings(1, "standard", 1, Config(read_timeout=60))  # a try of the SDK's would go uncounted
    return connection.connect(session, "ce", config, {"region_name": REGION} | given)


def _asked(call: Callable[..., Any], request: dict[str, Any], budget: Budget, sleep: Callable[[float], None]) -> Any:
    def once() -> Any:
        budget.reserve(CALL_USD)
        budget.settle(CALL_USD, CALL_USD)  # a request is billed when it is sent, whatever comes back
        return call(**request)

    return calling.patiently(once, sleep)


def _services(client: Any, period: dict[str, str], budget: Budget, sleep: Callable[[float], None]) -> Iterator[str]:
    """Name the services of Bedrock that were billed, Marketplace's editions among them."""
    request: dict[str, Any] = {
        "TimePeriod": period,
        "Dimension": "SERVICE",
        "SearchString": "Bedrock",
        "Context": "COST_AND_USAGE",
    }
    while True:
        page = _asked(client.get_dimension_values, request, budget, sleep)
        yield from (entry["Value"] for entry in page.get("DimensionValues", ()))
        if not page.get("NextPageToken"):
            return
        request["NextPageToken"] = page["NextPageToken"]


def _pages(
    client: Any, service: str, period: dict[str, str], budget: Budget, sleep: Callable[[float], None]
) -> Iterator[dict[str, Any]]:
    request: dict[str, Any] = {
        "TimePeriod": period,
        "Granularity": "DAILY",
        "Metrics": list(METRICS),
        "GroupBy": [{"Type": "DIMENSION", "Key": "USAGE_TYPE"}, {"Type": "DIMENSION", "Key": "RECORD_TYPE"}],
        "Filter": {"Dimensions": {"Key": "SERVICE", "Values": [service]}},
    }
    while True:
        page = _asked(client.get_cost_and_usage, request, budget, sleep)
        yield page
        if not page.get("NextPageToken"):
            return
        request["NextPageToken"] = page["NextPageToken"]


def _take(gathered: Gathering, page: dict[str, Any], service: str, estimated: set[str]) -> None:
    """Count every group of every day as a row."""
    lines = itertools.count(1)
    for day in page.get("ResultsByTime", ()):
        start = day["TimePeriod"]["Start"]
        if day.get("Estimated"):
            estimated.add(start)
        for group in day.get("Groups", ()):
            usage_type, record = (*group["Keys"], "Usage")[:2]
            amounts = {name: figure.get("Amount") for name, figure in group["Metrics"].items()}
            row = {
                c.CODE: "AmazonBedrock",
                c.NAME: service,
                c.TYPE: usage_type,
                c.KIND: record,
                c.START: start,
                c.END: day["TimePeriod"]["End"],
                c.AMOUNT: amounts.get("UsageQuantity"),
                c.UNIT: group["Metrics"].get("UsageQuantity", {}).get("Unit"),
                c.USD: amounts.get("UnblendedCost"),
                c.NET: amounts.get("NetUnblendedCost"),
                c.AMORTISED: amounts.get("AmortizedCost"),
                c.CURRENCY: group["Metrics"].get("UnblendedCost", {}).get("Unit"),
            }
            gathered.take(row, f"{service}, {start}", next(lines))


def _refuse(error: Exception) -> NoReturn:
    """Say in one line what Cost Explorer refused."""
    code = code_of(error)
    if code in DENIED or (status_of(error) == FORBIDDEN and code not in calling.CREDENTIALS):
        raise InputError(f"Cost Explorer: access denied ({code}); {POLICY}, and it must be enabled once") from None
    if code == "DataUnavailableException":
        raise InputError("Cost Explorer has no data yet; it takes a day after it is enabled") from None
    calling.explain(error, "Cost Explorer could not be asked")


def _warnings(estimated: set[str], budget: Budget) -> tuple[str, ...]:
    said = [f"{budget.spent_usd / CALL_USD:.0f} requests to Cost Explorer, {plain(budget.spent_usd)} USD"]
    if estimated:
        said.append(f"{len(estimated)} days are estimates that AWS may still change, the first {min(estimated)}")
    return tuple(said)
