"""The kernel a notebook runs in: this very Python, reached over local sockets only."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from traitlets import default
from traitlets.config import Config

NAME = "python3"
LONGEST = 60
"""Room left for the folder in a socket's path, which the system limits to about 100 characters."""


class ThisPython(KernelSpecManager):
    """Know one kernel, the running interpreter, whatever kernels are installed."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:  # noqa: ARG002 - there is only one
        """Describe how the kernel is started."""
        return KernelSpec(
            **get_kernel_dict(extra_arguments=["--log-level=CRITICAL"]),
            env={
                "PYDEVD_DISABLE_FILE_VALIDATION": "1",
                # the user's own start-up files would run in every report
                "IPYTHONDIR": str(Path(self.data_dir) / "ipython"),
                "PLOTLY_RENDERER": "plotly_mimetype",
            },
        )


class LocalKernel(AsyncKernelManager):
    """Start `ThisPython`."""

    @default("kernel_spec_manager")
    def _kernel_spec_manager_default(self) -> KernelSpecManager:
        return ThisPython(data_dir=str(Path(self.connection_file).parent))


@contextmanager
def local_kernel() -> Iterator[dict[str, Any]]:
    """Give the arguments with which ``nbclient`` starts a `LocalKernel`; its sockets go with the block."""
    base = tempfile.gettempdir()
    with tempfile.TemporaryDirectory(prefix="lab-", dir=base if len(base) < LONGEST else "/tmp") as folder:  # noqa: S108
        connection = {"transport": "ipc", "connection_file": str(Path(folder) / "k.json")}
        yield {
            "kernel_manager_class": LocalKernel,
            "config": Config({"KernelManager": connection}),
            "store_widget_state": False,  # no kernel answers on a published page
            "coalesce_streams": True,
            "record_timing": False,
        }
