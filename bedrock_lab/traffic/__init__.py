"""What users send: requests and their tokens, read, described and made up.

`read_trace` reads a file or folder, `profile` describes it, `synth` and `from_averages` make traffic where there
is none, and `Trace` is the one shape all of them share. Names are imported when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bedrock_lab.traffic.averages import example_trace, from_averages
    from bedrock_lab.traffic.profiling import Profile, profile, profile_by
    from bedrock_lab.traffic.reading import FORMATS, read_trace
    from bedrock_lab.traffic.shapes import shape_weights
    from bedrock_lab.traffic.synthesis import synth
    from bedrock_lab.traffic.trace import Skipped, Trace, make_trace
    from bedrock_lab.traffic.usage import BUCKETS, CACHE_WRITES, Usage
    from bedrock_lab.traffic.windows import window_count, window_sums

HOME = {
    "BUCKETS": "usage",
    "CACHE_WRITES": "usage",
    "FORMATS": "reading",
    "Profile": "profiling",
    "Skipped": "trace",
    "Trace": "trace",
    "Usage": "usage",
    "example_trace": "averages",
    "from_averages": "averages",
    "make_trace": "trace",
    "profile": "profiling",
    "profile_by": "profiling",
    "read_trace": "reading",
    "shape_weights": "shapes",
    "synth": "synthesis",
    "window_count": "windows",
    "window_sums": "windows",
}
"""Each public name and the module it lives in; no module bears the name of a function."""

__all__ = [
    "BUCKETS",
    "CACHE_WRITES",
    "FORMATS",
    "Profile",
    "Skipped",
    "Trace",
    "Usage",
    "example_trace",
    "from_averages",
    "make_trace",
    "profile",
    "profile_by",
    "read_trace",
    "shape_weights",
    "synth",
    "window_count",
    "window_sums",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module."""
    if name not in HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{HOME[name]}"), name)


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
