"""Measure speed as ratios beside a named peer or limit, in one run.

Each comparison alternates its sides (A B B A ...) and takes medians of CPU time, so that a busy machine
hurts both alike. An A/A line, the same side twice, shows what a ratio of 1 looks like here.
"""

import gc
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROUNDS = 7


def cpu_of(code: str) -> float:
    """Return the CPU seconds of a fresh interpreter that runs code."""
    probe = f"import time; t = time.process_time()\n{code}\nprint(time.process_time() - t)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def cpu_here(work: Callable[[], object]) -> float:
    """Return the CPU seconds of a call in this process."""
    gc.collect()
    start = time.process_time()
    work()
    return time.process_time() - start


def alternate(one: Callable[[], float], two: Callable[[], float], rounds: int = ROUNDS) -> tuple[float, float]:
    """Return the medians of two measurements taken in turns."""
    a, b = [], []
    for i in range(rounds):
        for side, out in ((one, a), (two, b)) if i % 2 == 0 else ((two, b), (one, a)):
            out.append(side())
    return statistics.median(a), statistics.median(b)


def show(what: str, ours: float, peer: float, name: str, aim: str) -> None:
    """Print one line."""
    print(f"{what:<46} {ours * 1e3:9.1f} ms  {peer * 1e3:9.1f} ms {name:<34} ratio {ours / peer:6.2f}  aim {aim}")


def start_up() -> None:
    """Compare what starting costs."""
    code = {"us": "import bedrock_lab", "boto3": "import boto3", "pandas": "import pandas"}
    show(
        "A/A: import boto3 twice",
        *alternate(lambda: cpu_of(code["boto3"]), lambda: cpu_of(code["boto3"])),
        "boto3",
        "1",
    )
    show(
        "import bedrock_lab",
        *alternate(lambda: cpu_of(code["us"]), lambda: cpu_of(code["boto3"])),
        "import boto3",
        "<= 0.25",
    )
    helps = (
        "from bedrock_lab.cli.main import run\nimport io, contextlib\n"
        "with contextlib.redirect_stdout(io.StringIO()): run(['--help'])"
    )
    ours, peer = alternate(lambda: cpu_of(helps), lambda: cpu_of(code["pandas"]))
    show("bedrock-lab --help", ours, peer, "import pandas", "< 400 ms")


def catalogue() -> None:
    """Compare a lookup with loading everything."""
    before = "import bedrock_lab.catalogue as c, time\nc.find('amazon.nova-pro'); t = time.process_time()\n"
    whole = before + "[c.price_rows(m) for m in c.models()]"
    one = before + (
        "c.prices('2026-11-22').row(c.Spot('amazon.nova-pro', 'us-east-1', 'in-region', 'default'), 'input')"
    )
    ours, peer = alternate(lambda: cpu_of(one), lambda: cpu_of(whole))
    show("one price", ours, peer, "the whole price list", "< 1")
    show("the whole price list", peer, 0.060, "the limit", "< 1")


def traces(folder: Path) -> None:
    """Compare reading and profiling a million rows with pandas."""
    from bedrock_lab.traffic import from_averages, profile, read_trace

    path = folder / "million.parquet"
    from_averages(1_000_000 * 2_628_000 / (14 * 86_400), 900, 150, seed=0).write(path)

    def by_pandas() -> object:
        import pandas as pd

        frame = pd.read_parquet(path)
        minutes = frame.groupby((frame["time_s"] // 60).astype("int64"))[["input_tokens", "output_tokens"]].sum()
        return frame.quantile([0.5, 0.9, 0.99]), minutes.quantile([0.5, 0.95, 0.99])

    def by_us() -> object:
        return profile(read_trace(path))

    by_pandas()
    by_us()
    ours, peer = alternate(lambda: cpu_here(by_us), lambda: cpu_here(by_pandas))
    show("read and profile 1e6 rows", ours, peer, "pandas: read, quantiles, minutes", "< 2,000 ms")


def money() -> None:
    """Compare pricing a million rows with the bare multiplication, and a plan with the trace's arithmetic."""
    from bedrock_lab.catalogue import Spot, prices
    from bedrock_lab.planning.planner import plan
    from bedrock_lab.pricing import price_vector
    from bedrock_lab.traffic import example_trace

    rng = np.random.default_rng(0)
    inputs, outputs = rng.integers(1, 9_000, 1_000_000) * 1.0, rng.integers(1, 900, 1_000_000) * 1.0
    loaded = prices("2026-11-22")
    spot = Spot("amazon.nova-pro", "us-east-1", "in-region", "default")
    ours, peer = alternate(
        lambda: cpu_here(lambda: price_vector(loaded, spot, {"input": inputs, "output": outputs})),
        lambda: cpu_here(lambda: inputs * 0.8e-6 + outputs * 3.2e-6),
    )
    show("price 1e6 rows", ours, peer, "numpy, two products", "")
    trace = example_trace()
    ours = statistics.median(
        cpu_here(lambda: plan(trace, loaded, model="us.anthropic.claude-sonnet-4-6", deferrable=0.2)) for _ in range(3)
    )
    show(f"plan of {len(trace):,} requests over 20,160 minutes", ours, peer, "numpy, two products of 1e6 rows", "")


def main() -> None:
    """Run everything and print the largest memory seen."""
    start_up()
    catalogue()
    with tempfile.TemporaryDirectory() as folder:
        traces(Path(folder))
    money()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this process: {peak:,.0f} MB (limit of a profile: 1,000 MB)")


if __name__ == "__main__":
    main()
