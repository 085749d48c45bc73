"""The errors of bedrock_lab, one tree, each with the exit code the command line gives it.

::

    LabError                     1   it was attempted and failed
    ├── InputError               2   nothing was attempted, the input is wrong
    │   ├── UnknownModelError    2   the catalogue does not know the model
    │   ├── UnknownPriceError    2   no price for that model, Region, scope, tier, bucket or date
    │   └── CannotCutError       2   what may not be cut of a conversation is above the limit (in `route`)
    ├── NotebookFailedError      1   a cell of a report's notebook raised
    ├── StreamBrokenError        1   a stream ended before its last event (in `client`)
    ├── AnswerBrokenError        1   a whole answer cannot be read (in `client`)
    └── BudgetError              3   the budget does not cover a call (in `client`)

A message says what, the value, and what is allowed, in one line.
"""


class LabError(Exception):
    """Something was attempted and failed."""

    exit_code = 1


class InputError(LabError, ValueError):
    """Nothing was attempted: a value, a file or a combination of options is wrong."""

    exit_code = 2


class UnknownModelError(InputError):
    """The catalogue does not know the model id."""


class UnknownPriceError(InputError):
    """The catalogue holds no price for what was asked; the message names what exists."""


class NotebookFailedError(LabError):
    """A cell raised while a report ran; the failed notebook is kept."""


def listing(values: object, limit: int = 12) -> str:
    """Write the allowed values of a message, the first `limit` of them.

    >>> listing(["a", "b", "c"], limit=2)
    'a, b (1 more)'
    """
    names = [str(v) for v in values]  # type: ignore[attr-defined]
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} ({len(names) - limit} more)"
