"""Deliveries of the invocation log as CloudWatch counts them; nothing is written or switched on."""

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from bedrock_lab.bills.deliveries import Deliveries
from bedrock_lab.client import calling
from bedrock_lab.client.metric_data import NAMESPACE, USD_PER_METRIC
from bedrock_lab.quote import plain
from bedrock_lab.sources.cloudwatch import Say, to_stderr
from bedrock_lab.sources.metric_reading import CloudWatch, refused
from bedrock_lab.sources.metric_series import EVERY_MODEL

PLACES, OUTCOMES = ("S3", "CloudWatch"), ("Failure", "Success")
HOUR_S = 3_600


def read_deliveries(
    since: datetime, until: datetime, regions: Iterable[str], *, show: Say = to_stderr, **arguments: Any
) -> Deliveries:
    """Read how deliveries went, hour by hour.

    Parameters
    ----------
    since, until
        The time to read; CloudWatch keeps hours for 455 days.
    show
        Takes the price before it is asked for.
    arguments
        ``endpoint_url``, ``profile_name`` and others of boto3's client.
    """
    names = [f"ModelInvocationLogs{place}Delivery{how}" for place, how in itertools.product(PLACES, OUTCOMES)]
    counted: dict[str, dict[tuple[str, int], int]] = {how: {} for how in OUTCOMES}
    places = sorted(set(regions))
    number = len(names) * len(places)
    show(f"CloudWatch: {number} metrics of log deliveries, {plain(number * USD_PER_METRIC)} USD")
    for region in places:
        watch = CloudWatch(region_name=region, **arguments)
        try:
            for page in watch.pages(
                "get_metric_data", MetricDataQueries=_queries(names), StartTime=since, EndTime=until
            ):
                for result in page["MetricDataResults"]:
                    held = counted[OUTCOMES[int(result["Id"][1:]) % len(OUTCOMES)]]
                    for moment, value in zip(result["Timestamps"], result["Values"], strict=True):
                        key = region, int(moment.timestamp()) // HOUR_S
                        held[key] = held.get(key, 0) + round(value)
        except calling.errors() as error:
            raise refused(error, "GetMetricData") from None
        finally:
            watch.close()
    return Deliveries(source=f"CloudWatch {NAMESPACE}", failed=counted["Failure"], sent=counted["Success"])


def _queries(names: list[str]) -> list[dict[str, Any]]:
    dimensions = [{"Name": "ModelId", "Value": EVERY_MODEL}]
    return [
        {
            "Id": f"q{number}",
            "MetricStat": {
                "Metric": {"Namespace": NAMESPACE, "MetricName": name, "Dimensions": dimensions},
                "Period": HOUR_S,
                "Stat": "Sum",
            },
        }
        for number, name in enumerate(names)
    ]


def moment(iso: str) -> datetime:
    """Read a time of a bill; one without a zone is UTC."""
    found = datetime.fromisoformat(iso)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
