"""A scenario as code and as a command: both ask the planner the same and get the same figures."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bedrock_lab.planning.question import ASSUMABLE
from bedrock_lab.planning.result import Plan
from bedrock_lab.views.whatif.state import State

TRAFFIC = "traffic.parquet"
"""Name of the file where the trace of a plan was not read from one."""

PLACES = ("unit_input_tpm", "unit_output_tpm")
"""Assumptions that are arguments of their own."""

UNASKED = {"token_ratio": "1.0..1.35", "seed": 0, "risk": "mean", "deferrable": 0.0}
"""What `plan` takes for what is not said."""


def trace_file(plan: Plan) -> str:
    """Return where the trace lies, or the name it is to be written to."""
    return plan.source if plan.source and Path(plan.source).exists() else TRAFFIC


def as_code(state: State, plan: Plan, overlay: str | None = None, file: str | None = None) -> str:
    """Write Python that gives the figures of a state.

    Parameters
    ----------
    overlay
        File of the negotiated prices the plan was made with.
    file
        Where the trace lies.
    """
    arguments = {n: v for n, v in plan.asked.items() if v is not None and v != UNASKED.get(n)}
    if isinstance(arguments.get("token_ratio"), str):
        arguments["token_ratio"] = tuple(float(v) for v in arguments["token_ratio"].split(".."))
    known = ", ".join(map(repr, filter(None, (plan.as_of, overlay))))
    said = "".join(f", {name}={value!r}" for name, value in arguments.items())
    changed = "".join(f", {name}={value!r}" for name, value in state.changes.items())
    return "\n".join(
        [
            "import bedrock_lab as lab",
            "",
            f"trace = lab.read_trace({(file or trace_file(plan))!r})",
            f"plan = lab.plan(trace, lab.prices({known}){said}, explain=False)",
            f"found = lab.evaluate(plan{changed})",
            "found.to_frame()",
        ]
    )


def as_arguments(state: State, plan: Plan, overlay: str | None = None, file: str | None = None) -> list[str]:
    """Write the arguments of ``bedrock-lab`` that plan the state anew, every value to its last digit."""
    asked = dict(plan.asked) | {n: v for n, v in state.changes.items() if n in plan.asked}
    asked["assume"] = dict(asked["assume"] or {}) | {n: v for n, v in state.changes.items() if _assumed(n)}
    factor = state.changes.get("unit_price_factor")
    if factor is not None and state.market.figures is not None:
        asked["unit_price"] = dict(state.market.figures.usd_per_hour)
    made = ["plan", file or trace_file(plan), "--date", plan.as_of]
    made += ["--overlay", overlay] if overlay else []
    for name, value in asked.items():
        if name == "assume":
            made += [part for a, v in value.items() for part in ("--assume", f"{a}={_text(v)}")]
        elif value is not None and value != UNASKED.get(name):
            made += [f"--{name.replace('_', '-')}", _text(value)]
    return [*made, "--json"]


def as_cli(state: State, plan: Plan, overlay: str | None = None, file: str | None = None) -> str:
    """Write the command that plans the state anew."""
    return shlex.join(["bedrock-lab", *as_arguments(state, plan, overlay, file)])


def _assumed(name: str) -> bool:
    return name in ASSUMABLE and name not in PLACES


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{name}={_text(v)}" for name, v in value.items())
    if isinstance(value, list | tuple):
        return ",".join(map(_text, value))
    return repr(value) if isinstance(value, float) else str(value)
