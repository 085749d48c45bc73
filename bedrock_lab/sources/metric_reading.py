"""CloudWatch asked: what metrics there are, what reading them costs, and their values; nothing is ever written."""

import dataclasses
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from bedrock_lab.client import calling, connection
from bedrock_lab.client.failures import code_of, status_of
from bedrock_lab.client.metric_data import MOST_DAYS, NAMESPACE, PRICE_OF_A_METRIC, Reading, laid_out, paged
from bedrock_lab.errors import InputError, LabError
from bedrock_lab.quote import plain
from bedrock_lab.sources.metric_series import Query, Series, series_of
from bedrock_lab.traffic.clock import iso_utc

POLICY = "bedrock-lab doctor --policy read prints the rights it needs"
FORBIDDEN = 403

Values = dict[Query, dict[int, float]]
"""Values of a series by window."""


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """What will be read: the series, and what that takes."""

    series: tuple[Series, ...]
    plan: Reading

    def __str__(self) -> str:
        models = len({one.model_id for one in self.series})
        return (
            f"CloudWatch: {self.plan.calls} calls of GetMetricData for {self.plan.metrics} metrics of {models} models "
            f"and profiles, {plain(self.plan.usd)} USD ({PRICE_OF_A_METRIC.source})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "models": len({one.model_id for one in self.series}),
            "metrics": self.plan.metrics,
            "calls": self.plan.calls,
            "usd": plain(self.plan.usd),
            "window_s": self.plan.period_s,
            "from": iso_utc(int(self.plan.start.timestamp()) * 10**9),
            "to": iso_utc(int(self.plan.end.timestamp()) * 10**9),
            "assumptions": [PRICE_OF_A_METRIC.to_dict()],
        }


class CloudWatch:
    """CloudWatch of one Region, which is only ever read.

    Parameters
    ----------
    arguments
        ``region_name``, ``endpoint_url``, ``profile_name`` and others of boto3's client.
    sleep
        Waits a number of seconds before a throttled call is made again.
    """

    def __init__(self, sleep: Callable[[float], None] = time.sleep, **arguments: Any) -> None:
        given = {name: value for name, value in arguments.items() if value is not None}
        self._session = connection.session(given.pop("profile_name", None))
        self._arguments = given
        self._sleep = sleep
        self._client = self._connect("cloudwatch", given)
        self.region = str(self._client.meta.region_name)

    def _connect(self, service: str, arguments: dict[str, Any]) -> Any:
        from botocore.config import Config

        config = connection.settings(4, None, None, Config(read_timeout=60))
        return connection.connect(self._session, service, config, arguments)

    def control(self) -> Any:
        """Make boto3's ``bedrock`` client; an endpoint of CloudWatch alone is not taken over."""
        given = dict(self._arguments)
        if "monitoring." in str(given.get("endpoint_url", "")):
            del given["endpoint_url"]
        return self._connect(connection.CONTROL, given)

    def pages(self, operation: str, **request: Any) -> Iterable[dict[str, Any]]:
        """Yield the pages of a call, each asked for again while AWS throttles."""
        call = getattr(self._client, operation)
        return paged(lambda **more: calling.patiently(lambda: call(**more), self._sleep), **request)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def asked(watch: CloudWatch, now: datetime, days: float, models: Iterable[str]) -> Asked:
    """List the metrics there are, and lay out what reading them takes."""
    if not 0 < days <= MOST_DAYS:
        raise InputError(f"days {days:g}: allowed is more than 0, at most {MOST_DAYS} (what CloudWatch keeps)")
    try:
        listed = [each for page in watch.pages("list_metrics", Namespace=NAMESPACE) for each in page["Metrics"]]
    except calling.errors() as error:
        raise refused(error, "ListMetrics") from None
    series = series_of(listed, models)
    if not series:
        raise InputError(
            f"no {NAMESPACE} metrics in {watch.region}: CloudWatch lists what was called in the past two weeks; "
            "check --region, or name models (--model ID)"
        )
    return Asked(tuple(series), laid_out(sum(len(list(one.queries())) for one in series), now, days))


def refused(error: Exception, operation: str) -> LabError:
    """Explain an error that ends the reading."""
    if status_of(error) == FORBIDDEN and code_of(error) not in calling.CREDENTIALS:
        return InputError(f"cloudwatch:{operation} is denied to these credentials; {POLICY}")
    try:
        calling.explain(error, f"CloudWatch could not be read ({operation})")
    except LabError as ours:
        return ours
    raise AssertionError


def read(watch: CloudWatch, found: Asked) -> tuple[list[Values], dict[str, str]]:
    """Return values by window of every series, and the models that could not be read with the reason."""
    wanted = [(number, query) for number, one in enumerate(found.series) for query in one.queries()]
    values: list[Values] = [{query: {} for query in one.queries()} for one in found.series]
    missing: dict[str, str] = {}
    begin, step = found.plan.start.timestamp(), found.plan.period_s
    for first in range(0, len(wanted), found.plan.a_call):
        part = wanted[first : first + found.plan.a_call]
        queries = [found.series[n].asked(query, i, step) for i, (n, query) in enumerate(part)]
        states: dict[int, str] = {}
        try:
            for page in watch.pages(
                "get_metric_data", MetricDataQueries=queries, StartTime=found.plan.start, EndTime=found.plan.end
            ):
                for result in page["MetricDataResults"]:
                    place = int(result["Id"][1:])
                    number, query = part[place]
                    states[place] = result.get("StatusCode", "Complete")
                    for at, value in zip(result["Timestamps"], result["Values"], strict=True):
                        values[number][query][int((at.timestamp() - begin) // step)] = value
        except calling.errors() as error:
            unread = {found.series[n].model_id for n, _ in wanted[first:]}
            if first == 0 or unread >= {one.model_id for one in found.series}:
                raise refused(error, "GetMetricData") from None
            missing |= dict.fromkeys(sorted(unread), code_of(error))
            break
        for place, (number, _) in enumerate(part):
            if states.get(place, "Complete") != "Complete":
                missing[found.series[number].model_id] = states[place]
    return values, missing
