"""Which AWS/Bedrock metrics there are to read: one series a model or profile, and one a tier it was asked for."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from bedrock_lab.client.metric_data import NAMESPACE

ACCEPTED, INPUT, OUTPUT = "Invocations", "InputTokenCount", "OutputTokenCount"
READ, WRITTEN = "CacheReadInputTokens", "CacheWriteInputTokens"
THROTTLES, REFUSED, BROKEN = "InvocationThrottles", "InvocationClientErrors", "InvocationServerErrors"
LATENCY, FIRST = "InvocationLatency", "TimeToFirstToken"
TOKENS = (INPUT, OUTPUT, READ, WRITTEN)
EVERY_MODEL = "Across all model IDs"
"""What AWS writes for the model in metrics that are of no model, such as log deliveries."""

SUM, COUNT = "Sum", "SampleCount"
PERCENTS = ("p50", "p90", "p99")
MODEL, TIER = frozenset({"ModelId"}), frozenset({"ModelId", "ServiceTier", "ResolvedServiceTier"})


class Query(NamedTuple):
    """One statistic of one metric."""

    metric: str
    stat: str


@dataclasses.dataclass(frozen=True, slots=True)
class Series:
    """The metrics of one value of the dimensions.

    Attributes
    ----------
    model_id
        Value of the dimension ModelId: an id, a profile or an ARN.
    tiers
        (tier asked for, tier served); None for all calls together.
    metrics
        Names of those there are.
    """

    model_id: str
    tiers: tuple[str, str] | None
    metrics: frozenset[str]

    @property
    def dimensions(self) -> list[dict[str, str]]:
        """Dimensions as CloudWatch takes them."""
        named = {"ModelId": self.model_id}
        if self.tiers is not None:
            named |= {"ServiceTier": self.tiers[0], "ResolvedServiceTier": self.tiers[1]}
        return [{"Name": name, "Value": value} for name, value in named.items()]

    def queries(self) -> Iterator[Query]:
        """Yield what is asked for: failures and latencies only of all calls of a model together.

        A request is a sample of the input tokens: which failures Invocations counts, AWS's pages do not agree on.
        """
        if self.tiers is None:
            yield from (Query(name, SUM) for name in (THROTTLES, REFUSED, BROKEN) if name in self.metrics)
            yield from (Query(name, p) for name in (LATENCY, FIRST) if name in self.metrics for p in PERCENTS)
        yield from (Query(name, SUM) for name in TOKENS if name in self.metrics)
        if INPUT in self.metrics:
            yield Query(INPUT, COUNT)
        elif ACCEPTED in self.metrics:
            yield Query(ACCEPTED, SUM)

    def asked(self, query: Query, number: int, period_s: int) -> dict[str, Any]:
        """Write a query as GetMetricData takes it."""
        metric = {"Namespace": NAMESPACE, "MetricName": query.metric, "Dimensions": self.dimensions}
        return {"Id": f"q{number}", "MetricStat": {"Metric": metric, "Period": period_s, "Stat": query.stat}}


def series_of(listed: Iterable[Mapping[str, Any]], also: Iterable[str] = ()) -> list[Series]:
    """Return what is read of the metrics that ListMetrics names, a model after the other.

    Metrics with further dimensions (image sizes, copies of an imported model) hold calls that are in the model's own
    already, and are left alone.

    Parameters
    ----------
    also
        Models to read whether they are listed or not: CloudWatch lists what had values in the past two weeks.

    >>> listed = [{"MetricName": "Invocations", "Dimensions": [{"Name": "ModelId", "Value": "a.b"}]}]
    >>> [(s.model_id, [q.metric for q in s.queries()]) for s in series_of(listed)]
    [('a.b', ['Invocations'])]
    """
    found: dict[tuple[str, tuple[str, str] | None], set[str]] = {}
    for metric in listed:
        named = {each["Name"]: each["Value"] for each in metric.get("Dimensions", ())}
        if named.keys() not in (MODEL, TIER) or named["ModelId"] == EVERY_MODEL:
            continue
        tiers = (named["ServiceTier"], named["ResolvedServiceTier"]) if named.keys() == TIER else None
        found.setdefault((named["ModelId"], tiers), set()).add(metric["MetricName"])
    every = {*TOKENS, THROTTLES, REFUSED, BROKEN, LATENCY, FIRST}
    for model_id in also:
        found.setdefault((model_id, None), set()).update(every)
    ordered = sorted(found.items(), key=lambda item: (item[0][0], item[0][1] or ("", "")))
    made = [Series(model_id, tiers, frozenset(names)) for (model_id, tiers), names in ordered]
    return [one for one in made if any(True for _ in one.queries())]
