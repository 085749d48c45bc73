"""A local Bedrock that unmodified boto3 can talk to: real HTTP, emulated models, nothing leaves the machine."""
