"""The smallest IAM policies for reading the invocation log in S3, and metrics."""

from typing import Any

from bedrock_lab.client.policy import ACCOUNT, QUESTIONS, allow
from bedrock_lab.sources.s3_logs import place_of


def logs_policy(uri: str) -> dict[str, Any]:
    """Return a policy that allows listing and reading under one prefix, and nothing else.

    A key of AWS KMS that the bucket encrypts with needs ``kms:Decrypt`` as well; which key that is the bucket says.

    >>> [s["Action"] for s in logs_policy("s3://calls/logs/")["Statement"]]
    [['s3:ListBucket'], ['s3:GetObject']]
    """
    bucket, prefix = place_of(uri)
    listing = allow("List", ("s3:ListBucket",), f"arn:aws:s3:::{bucket}")
    listing["Condition"] = {"StringLike": {"s3:prefix": [f"{prefix}*"]}}
    return {
        "Version": "2012-10-17",
        "Statement": [listing, allow("Read", ("s3:GetObject",), f"arn:aws:s3:::{bucket}/{prefix}*")],
    }


def read_policy(region: str, account: str = ACCOUNT) -> dict[str, Any]:
    """Return a policy that allows reading metrics of one Region, and asking what an application profile serves.

    CloudWatch has no resources to name for either call; the condition keeps them to one Region.
    """
    metrics = allow("Metrics", ("cloudwatch:ListMetrics", "cloudwatch:GetMetricData"), "*")
    metrics["Condition"] = {"StringEquals": {"aws:RequestedRegion": region}}
    held = [
        f"arn:aws:bedrock:{region}:{account}:{kind}/*"
        for kind in ("application-inference-profile", "provisioned-model")
    ]
    return {"Version": "2012-10-17", "Statement": [metrics, allow("WhatAnIdServes", QUESTIONS, held)]}


def bill_policy(uri: str) -> dict[str, Any]:
    """Return a policy that allows reading a report under one prefix, Cost Explorer and the price list, nothing else.

    Cost Explorer and the price list know no resources; the former bills 0.01 USD a request.

    >>> bill_policy("s3://reports/cur/")["Statement"][2]["Action"]
    ['ce:GetCostAndUsage', 'ce:GetDimensionValues', 'pricing:GetProducts']
    """
    found = logs_policy(uri)
    found["Statement"].append(
        allow("Bill", ("ce:GetCostAndUsage", "ce:GetDimensionValues", "pricing:GetProducts"), "*")
    )
    return found
