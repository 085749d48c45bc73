"""What was given where a Trace is taken."""

from typing import Any

from bedrock_lab.errors import InputError
from bedrock_lab.traffic.trace import Trace


def checked(trace: Any) -> Trace:
    """Refuse what is no Trace, naming the function that reads one.

    >>> checked("requests.csv")
    Traceback (most recent call last):
    bedrock_lab.errors.InputError: 'requests.csv' is no Trace; read one: lab.read_trace('requests.csv')
    """
    if isinstance(trace, Trace):
        return trace
    if isinstance(trace, str) or hasattr(trace, "__fspath__"):
        raise InputError(f"{str(trace)!r} is no Trace; read one: lab.read_trace({str(trace)!r})")
    raise InputError(f"a {type(trace).__name__} is no Trace; lab.read_trace, from_averages or synth give one")
