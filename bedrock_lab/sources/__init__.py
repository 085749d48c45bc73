"""Traffic read from AWS: the invocation log where it is delivered."""
