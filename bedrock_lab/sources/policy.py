"""The smallest IAM policy for reading the invocation log in S3."""

from typing import Any

from bedrock_lab.client.policy import allow
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
