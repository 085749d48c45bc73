"""How Bedrock behaves, as pure functions: no clock, network, files or global random state."""
