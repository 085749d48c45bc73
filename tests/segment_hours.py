"""Traffic of several apps as hourly sums."""

import numpy as np

from bedrock_lab.assumptions import Origin
from bedrock_lab.traffic import make_trace


def hourly(apps, start_time=None):
    """Make hourly sums by app: ``{"chat": [(input, output), ...]}`` [tokens an hour]."""
    rows = [(h, app, i, o) for app, hours in apps.items() for h, (i, o) in enumerate(hours) if i or o]
    rows.sort(key=lambda row: row[0])
    times, names, inputs, outputs = zip(*rows, strict=True)
    return make_trace(
        {"time_s": np.array(times) * 3_600.0, "requests": np.full(len(times), 10), "app": list(names),
         "input_tokens": np.array(inputs), "output_tokens": np.array(outputs)},
        origin=Origin.LOG, source="hourly sums", format="test", kind="windows", window_s=3_600.0,
        start_time=start_time,
    )  # fmt: skip
