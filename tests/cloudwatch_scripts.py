"""A CloudWatch of scripted answers, for what a healthy one never says."""

import datetime as dt
from types import SimpleNamespace

from botocore.exceptions import ClientError

NOW = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)


def error(code, status=400):
    """Return botocore's error of a code."""
    response = {"Error": {"Code": code, "Message": "arn:aws:iam::123456789012:user/a"}}
    return ClientError({**response, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetMetricData")


def metric(name, model, **more):
    """Return a metric as ListMetrics names it."""
    dimensions = {"ModelId": model, **more}
    return {"MetricName": name, "Dimensions": [{"Name": n, "Value": v} for n, v in dimensions.items()]}


class Scripted:
    """CloudWatch with metrics at hand.

    Parameters
    ----------
    metrics
        What is listed.
    answers
        By number of the call of GetMetricData from 1: an error that is raised, or a status of its results.
    pages
        Pages that each answer comes in, the values in the last.
    """

    def __init__(self, metrics, answers=None, pages=1, listing=None):
        self.metrics, self.answers, self.pages, self.listing = metrics, answers or {}, pages, listing
        self.meta = SimpleNamespace(region_name="us-east-1")
        self.asked = []

    def list_metrics(self, **_):
        """List them all at once."""
        if self.listing:
            raise self.listing
        return {"Metrics": self.metrics}

    def get_metric_data(self, *, MetricDataQueries, NextToken="0", **_):  # noqa: N803 - AWS's names
        """Answer 2 for every metric, a minute before noon."""
        self.asked.append([query["Id"] for query in MetricDataQueries])
        answer = self.answers.get(len(self.asked), "Complete")
        if isinstance(answer, Exception):
            raise answer
        page = int(NextToken) + 1
        at = [NOW - dt.timedelta(minutes=1)] if page == self.pages else []
        results = [
            {"Id": q["Id"], "Timestamps": at, "Values": [2.0] * len(at), "StatusCode": answer}
            for q in MetricDataQueries
        ]
        return {"MetricDataResults": results, **({"NextToken": str(page)} if page < self.pages else {})}

    def close(self):
        """Close nothing."""
