"""Execute a notebook in a fresh kernel; the one user of papermill."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bedrock_lab.views.files import write_atomic
from bedrock_lab.views.notebook import read_notebook, text_of


def execute(
    notebook: Any, kept: Path, values: Mapping[str, Any], *, progress: bool
) -> tuple[Any, dict[str, Any] | None]:
    """Execute a notebook in a fresh kernel and write it to ``kept``, whether a cell raises or not.

    Returns
    -------
    The executed notebook, and what went wrong: None, or ``{cell, name, message}`` with the number of the
    code cell.
    """
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    from bedrock_lab.views.kernel import NAME, local_kernel

    failure: dict[str, Any] | None = None
    # papermill fills in {braces} of a path
    target = str(kept.resolve()).replace("{", "{{").replace("}", "}}")
    with local_kernel() as kernel, _quiet():
        try:
            papermill.execute_notebook(
                notebook,
                target,
                dict(values),
                kernel_name=NAME,
                language="python",
                progress_bar={"desc": kept.stem, "unit": "cell", "leave": False} if progress else False,
                **kernel,
            )
        except PapermillExecutionError as error:
            failure = {"cell": error.exec_count, "name": error.ename, "message": error.evalue}
        except DeadKernelError:
            failure = {"cell": None, "name": "DeadKernelError", "message": "the kernel died; out of memory?"}
    executed = read_notebook(kept)
    for name in ("input_path", "output_path"):
        executed.metadata.papermill.pop(name, None)
    write_atomic(kept, text_of(executed))
    return executed, failure


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what papermill logs: a failed cell is said once, by us."""
    logger = logging.getLogger("papermill")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)
