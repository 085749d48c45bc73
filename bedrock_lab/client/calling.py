"""Calls of AWS that wait where waiting helps, and errors in one line that holds no account and no credentials."""

from collections.abc import Callable
from typing import NoReturn, TypeVar

from bedrock_lab.client.failures import EXPIRED, NO_CREDENTIALS, code_of, message_of, no_credentials, status_of
from bedrock_lab.errors import LabError

T = TypeVar("T")

TRIES = 8
FIRST_S, LONGEST_S = 0.5, 20.0

SERVER_ERROR = 500
PASSING = frozenset(
    {"SlowDown", "RequestTimeout", "TooManyRequestsException", "ConditionalRequestConflict", "OperationAborted"}
)
"""Codes of errors below 500 that pass, beside throttling."""

DISTRUSTED = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "UnrecognizedClientException", "InvalidClientTokenId"}
)
CREDENTIALS = NO_CREDENTIALS | EXPIRED | DISTRUSTED
BROKEN = frozenset(
    {
        "ConnectionClosedError",
        "ConnectionError",
        "ConnectTimeoutError",
        "EndpointConnectionError",
        "HTTPClientError",
        "IncompleteReadError",
        "ProxyConnectionError",
        "ReadTimeoutError",
        "ResponseStreamingError",
        "ResponseParserError",
        "FlexibleChecksumError",
    }
)
"""Names of errors that say a connection broke, or what came over it was not whole."""


def errors() -> tuple[type[Exception], ...]:
    """Return what a call of AWS may raise."""
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
    from botocore.parsers import ResponseParserError

    return (BotoCoreError, ClientError, HTTPClientError, ResponseParserError, ConnectionError)


def passes(error: BaseException) -> bool:
    """Whether an error may pass by itself.

    >>> passes(ConnectionResetError()), passes(ValueError())
    (True, False)
    """
    code, status = code_of(error), status_of(error)
    if status is not None and status >= SERVER_ERROR:
        return True
    return isinstance(error, ConnectionError) or code in PASSING | BROKEN or "throttl" in code.lower()


def patiently(call: Callable[[], T], sleep: Callable[[float], None], tries: int = TRIES) -> T:
    """Make a call that may be made twice; after an error that may pass, again and later each time.

    Parameters
    ----------
    sleep
        Waits a number of seconds.
    """
    wait_s = FIRST_S
    for left in reversed(range(tries)):
        try:
            return call()
        except errors() as error:
            if not left or not passes(error):
                raise
        sleep(wait_s)
        wait_s = min(LONGEST_S, 2 * wait_s)
    raise AssertionError


def explain(error: BaseException, what: str) -> NoReturn:
    """Raise an error of AWS as one of ours.

    Parameters
    ----------
    what
        What was being done, in words: "the job could not be made".
    """
    code = code_of(error)
    if code in CREDENTIALS:
        raise no_credentials(code) from None
    said = message_of(error)
    raise LabError(f"{what}: {code}{f' ({said})' if said else ''}") from None
