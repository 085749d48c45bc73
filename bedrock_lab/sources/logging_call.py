"""The calls that switch the invocation log on, to be read and run by somebody who may; never run here."""

import json
from typing import Any

from bedrock_lab.client.policy import ACCOUNT
from bedrock_lab.sources.s3_logs import place_of

KINDS = ("text", "image", "embedding", "video", "audio")
"""What may be delivered besides the counts."""

NOTES = (
    "one configuration an account and Region, which the call replaces: look first; earlier calls are not logged",
    "textDataDeliveryEnabled true stores prompts and answers in the bucket too; the readers here need the counts alone",
    "put-bucket-policy replaces the bucket's policy: where there is one, add the statement to it",
    "with every kind of body off AWS is expected to deliver the counts all the same; not checked against AWS",
    "the bucket lies in the same account and Region; storage is charged by S3",
)


def bucket_policy(uri: str, region: str, account: str = ACCOUNT) -> dict[str, Any]:
    """Return the bucket policy that lets Bedrock deliver records of one account and Region, and nothing else.

    As AWS's user guide has it (model-invocation-logging, "Set up an Amazon S3 destination").
    """
    bucket, prefix = place_of(uri)
    inside = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    statement = {
        "Sid": "AmazonBedrockLogsWrite",
        "Effect": "Allow",
        "Principal": {"Service": "bedrock.amazonaws.com"},
        "Action": ["s3:PutObject"],
        "Resource": [f"arn:aws:s3:::{bucket}/{inside}AWSLogs/{account}/BedrockModelInvocationLogs/*"],
        "Condition": {
            "StringEquals": {"aws:SourceAccount": account},
            "ArnLike": {"aws:SourceArn": f"arn:aws:bedrock:{region}:{account}:*"},
        },
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def logging_config(uri: str) -> dict[str, Any]:
    """Return what PutModelInvocationLoggingConfiguration takes: records to S3, no bodies.

    >>> logging_config("s3://calls/bedrock/")["s3Config"]
    {'bucketName': 'calls', 'keyPrefix': 'bedrock'}
    """
    bucket, prefix = place_of(uri)
    place = {"bucketName": bucket} | ({"keyPrefix": prefix.strip("/")} if prefix.strip("/") else {})
    return {"s3Config": place, **{f"{kind}DataDeliveryEnabled": False for kind in KINDS}}


def commands(uri: str, region: str) -> tuple[str, ...]:
    """Return the calls of the AWS CLI in their order; the policy of `bucket_policy` lies in a file."""
    bucket, _ = place_of(uri)
    switch = f"aws bedrock put-model-invocation-logging-configuration --region {region}"
    return (
        f"aws bedrock get-model-invocation-logging-configuration --region {region}",
        f"aws s3api put-bucket-policy --bucket {bucket} --policy file://bucket-policy.json",
        f"{switch} --logging-config '{json.dumps(logging_config(uri))}'",
    )
