"""What units were used for: their AWS/Bedrock metrics by minute, and what reading them costs."""

import functools
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.client.metric_data import NAMESPACE, Reading, laid_out, paged
from bedrock_lab.pricing import Floats
from bedrock_lab.provisioned.aws import ask
from bedrock_lab.provisioned.held import Units

METRICS = ("Invocations", "InputTokenCount", "OutputTokenCount")


def reading(count: int, now: datetime, days: float) -> Reading:
    """Lay out the calls for a number of names.

    Each name is looked for by ARN and by id: AWS does not document which of them is the dimension ModelId.

    >>> r = reading(1, datetime.fromisoformat("2026-11-25T00:00:00Z"), 14)
    >>> r.metrics, r.a_call, r.calls, r.usd
    (6, 5, 2, Decimal('0.00006'))
    """
    return laid_out(count * 2 * len(METRICS), now, days)


def read(cloudwatch: Any, held: Sequence[Units], plan: Reading) -> list[dict[str, Floats]]:
    """Read the metrics of each name, summed by period."""
    asked = [
        (number, metric, dimension)
        for number, one in enumerate(held)
        for metric in METRICS
        for dimension in (one.arn, one.id)
    ]
    sums = [{metric: np.zeros(plan.points) for metric in METRICS} for _ in held]
    for first in range(0, len(asked), plan.a_call):
        part = asked[first : first + plan.a_call]
        for query, index, values in _answers(cloudwatch, part, plan):
            number, metric, _ = part[query]
            np.add.at(sums[number][metric], index, values)
    return sums


def _answers(
    cloudwatch: Any, part: list[tuple[int, str, str]], plan: Reading
) -> Iterator[tuple[int, NDArray[np.int64], Floats]]:
    queries = [
        {
            "Id": f"q{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": NAMESPACE,
                    "MetricName": metric,
                    "Dimensions": [{"Name": "ModelId", "Value": dimension}],
                },
                "Period": plan.period_s,
                "Stat": "Sum",
            },
        }
        for number, (_, metric, dimension) in enumerate(part)
    ]
    call = functools.partial(ask, cloudwatch, "GetMetricData")
    for found in paged(call, MetricDataQueries=queries, StartTime=plan.start, EndTime=plan.end):
        for result in found["MetricDataResults"]:
            times = np.array([t.timestamp() for t in result["Timestamps"]])
            index = ((times - plan.start.timestamp()) // plan.period_s).astype(np.int64)
            yield int(result["Id"][1:]), index, np.asarray(result["Values"], dtype=np.float64)
