"""Measure the planner: the closed form over a year of hours, a week's programme, and whole plans.

CPU time, medians; the aims are for two cores of 2023. A cold plan is a fresh process, imports and reading included.
"""

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


def median_s(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the median CPU time of a call [s]."""
    work()
    taken = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return statistics.median(taken)


def show(what: str, seconds: float, aim: str) -> None:
    """Print one line."""
    print(f"{what:<72} {seconds * 1e3:10.1f} ms  aim {aim}")


def closed_form() -> None:
    """Find the best number of units over 8,760 hours, and beside it the same by loops over every number."""
    from bedrock_lab.planning.capacity import Load, OverflowCurve, units_needed
    from bedrock_lab.planning.purchases import best_on

    rng = np.random.default_rng(0)
    load = Load(rng.random(8_760), rng.random(8_760) * 9e6, rng.random(8_760) * 9e5, np.ones(8_760))

    def ours() -> int:
        return best_on(OverflowCurve(load, units_needed(load, 50_000, 20_000)), 1.0, 30.0)

    def by_loops() -> int:
        needed = units_needed(load, 50_000, 20_000)
        costs = [
            30.0 * n + float(np.sum(load.usd * (1 - np.minimum(1, n / needed))))
            for n in range(1, int(needed.max()) + 2)
        ]
        return 1 + int(np.argmin(costs))

    assert ours() == by_loops()
    show("best number of units over 8,760 hours", median_s(ours), "< 5 ms")
    show("  the same, every number tried", median_s(by_loops), "")


def programme() -> None:
    """Solve a week of hours with a day's deferral, branching on the committed units, and as one search."""
    from bedrock_lab.planning.milp import Source, Windows, branch_on, solve

    rng = np.random.default_rng(0)
    hours = np.arange(168)
    inputs = rng.uniform(1e5, 9e5, 168) * (1 + np.sin(hours / 24 * 2 * np.pi))
    outputs = inputs * 0.15 * rng.uniform(0.7, 1.3, 168)
    usd = (inputs * 1.1e-6 + outputs * 5.5e-6) * 60
    week = Windows(usd=usd, later_usd=usd / 2, input_tpm=inputs, output_tpm=outputs, hours=np.ones(168))
    sources = (
        Source(name="6m", fixed_usd=168 * 4, input_tpm=60_000, output_tpm=12_000),
        Source(name="none", running_usd=9, input_tpm=60_000, output_tpm=12_000, most=2),
    )
    asked = {"deferrable": 0.3, "reach": 24, "circular": True}
    show(
        "a week with deferral, branching on the units",
        median_s(lambda: branch_on(week, sources, "6m", **asked), 3),
        "< 3 s",
    )
    show("  the same as one search over whole numbers", median_s(lambda: solve(week, sources, **asked), 1), "")


def cold(path: Path, asked: str) -> tuple[float, float, float]:
    """Return (wall [s], CPU [s], peak memory [MB]) of a plan in a fresh process."""
    code = (
        "import time, resource; begun = time.perf_counter()\n"
        "import bedrock_lab as lab\n"
        f"lab.plan(lab.read_trace({str(path)!r}), lab.prices('2026-11-22'), {asked})\n"
        "print(time.perf_counter() - begun, time.process_time(), "
        "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    wall, cpu, peak = (float(part) for part in done.stdout.split())
    return wall, cpu, peak


def whole_plans(folder: Path) -> None:
    """Plan 20,000 and a million requests, with everything on the table and a deadline."""
    from bedrock_lab.traffic import from_averages

    units = "unit_input_tpm={0}, unit_output_tpm={0} / 5, unit_price='none=20,1m=14,6m=10'"
    for requests, aim in ((20_000, "< 8 s"), (1_000_000, "< 60 s, < 2,000 MB")):
        path = folder / f"{requests}.parquet"
        from_averages(requests * 2_628_000 / (14 * 86_400), 900, 150, shape="office", seed=0).write(path)
        asked = "model='us.anthropic.claude-sonnet-4-6', deferrable=0.2, " + units.format(requests * 0.05)
        for what, more in (("everything on the table", ""), ("and a deadline of 36 h", ", deadline_h=36")):
            wall, cpu, peak = cold(path, asked + more)
            print(
                f"plan of {requests:,} requests over two weeks, {what:<26} {wall:6.1f} s wall {cpu:6.1f} s CPU "
                f"{peak:7,.0f} MB  aim {aim}"
            )


def other_values() -> None:
    """Evaluate one plan at other values, and choose in 100,000 scenarios."""
    import bedrock_lab as lab

    trace = lab.from_averages(20_000 * 2_628_000 / (14 * 86_400), 900, 150, shape="office", seed=0)
    units = {"unit_input_tpm": 1_000.0, "unit_output_tpm": 200.0}
    grid = {
        "growth": np.linspace(0.5, 2, 100).tolist(),
        "deferrable": np.linspace(0, 0.5, 50).tolist(),
        "unit_price_factor": np.linspace(0.5, 2, 20).tolist(),
    }
    for price in ("none=20,1m=14,6m=10", "1m=0.05,6m=0.03"):
        plan = lab.plan(
            trace, lab.prices("2026-11-22"), model="us.anthropic.claude-sonnet-4-6", deferrable=0.2,
            unit_price=price, explain=False, **units,
        )  # fmt: skip
        name = plan.recommended.name if plan.recommended else plan.decision
        values = iter(np.linspace(0.5, 2, 100).tolist())
        taken = median_s(lambda plan=plan, values=values: lab.evaluate(plan, growth=next(values)), 15)
        show(f"one evaluation, {name}", taken, "< 50 ms")
        begun, found = time.perf_counter(), lab.sweep(plan, grid)
        show(f"100,000 scenarios, {found.by_planner:,} by the planner", time.perf_counter() - begun, "< 15 s (wall)")


def main() -> None:
    """Run everything and print the largest memory seen."""
    closed_form()
    programme()
    other_values()
    with tempfile.TemporaryDirectory() as folder:
        whole_plans(Path(folder))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this process: {peak:,.0f} MB")


if __name__ == "__main__":
    main()
