"""Charts of a plan: demand against capacity, how long each load lasts, what each way of buying costs.

Each returns a `Chart`, which shows itself in a notebook as plotly's own data, without a script around it.
"""

import dataclasses
from typing import Any, Protocol

import numpy as np

from bedrock_lab.assumptions import Origin
from bedrock_lab.planning.candidates import Candidate
from bedrock_lab.planning.capacity import units_needed
from bedrock_lab.planning.demand import Demand
from bedrock_lab.planning.purchase import CAPACITY
from bedrock_lab.planning.scenario import Scenario, load_of
from bedrock_lab.planning.sensitivity import Bar
from bedrock_lab.pricing import Floats
from bedrock_lab.views.from_notebook import PLOTLY

# Okabe and Ito's palette: told apart with any colour vision
BLUE, ORANGE, GREEN, RED, SKY, PINK = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7"
GREY = "#7F8790"

MOST_POINTS = 360
MOST_STEPS = 12


@dataclasses.dataclass(frozen=True, slots=True)
class Chart:
    """A plotly figure as plain data, and the sentence that reads it."""

    title: str
    figure: dict[str, Any]
    reading: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:  # noqa: ARG002
        return {PLOTLY: self.figure, "text/plain": f"{self.title}. {self.reading}"}


class Known(Protocol):
    """What a chart is drawn of: it says where its figures come from."""

    @property
    def origin(self) -> Origin:
        """Where the figures come from."""
        ...


class Costed(Known, Protocol):
    """Candidates in a scenario: a plan, or what it becomes at other values."""

    @property
    def demand(self) -> Demand:
        """Demand by window."""
        ...

    @property
    def scenario(self) -> Scenario:
        """Values of what is not known."""
        ...

    @property
    def baseline(self) -> Candidate:
        """On demand as it stands."""
        ...

    @property
    def recommended(self) -> Candidate | None:
        """What would be bought."""
        ...

    @property
    def tornado(self) -> tuple[Bar, ...]:
        """What moves its cost."""
        ...

    @property
    def slo(self) -> dict[str, float]:
        """Latency limits [s]."""
        ...

    def by_cost(self) -> list[Candidate]:
        """Candidates, the cheapest first."""
        ...


def chart_of(of: Known, title: str, reading: str, data: list[dict[str, Any]], layout: dict[str, Any]) -> Chart:
    """Make a chart with the title, the reading, the origin and the colours every chart has."""
    base = {
        "title": {"text": title, "subtitle": {"text": reading}},
        "meta": {"origin": str(of.origin)},
        "template": {"layout": {"colorway": [BLUE, ORANGE, GREEN, RED, SKY, PINK]}},
        "legend": {"orientation": "h", "traceorder": "normal", "y": 1.02, "yanchor": "bottom", "x": 0},
        "hovermode": "x unified",
    }
    return Chart(title, {"data": data, "layout": base | layout}, reading)


def rounded(values: Any, digits: int = 5) -> list[float]:
    """Keep the digits an eye can see, so that stored charts stay small and equal between runs."""
    return [float(f"{v:.{digits}g}") for v in np.asarray(values, dtype=float).tolist()]


def _bins(values: Floats, window_s: float) -> tuple[list[float], Floats, Floats, Floats]:
    """Fold windows into at most `MOST_POINTS` bins: (hours, lowest, mean, highest)."""
    size = max(1, -(-len(values) // MOST_POINTS))
    edges = np.arange(0, len(values), size)
    counts = np.diff([*edges.tolist(), len(values)])
    hours = rounded((edges + counts / 2) * window_s / 3600)
    return (
        hours,
        np.minimum.reduceat(values, edges),
        np.add.reduceat(values, edges) / counts,
        np.maximum.reduceat(values, edges),
    )


def best_capacity(plan: Costed) -> Candidate | None:
    """Return the cheapest candidate that buys capacity, recommended or not."""
    bought = [c for c in plan.by_cost() if c.purchase.option in CAPACITY]
    return bought[0] if bought else None


def capacity_tpm(plan: Costed, candidate: Candidate) -> tuple[float, float]:
    """Tokens per minute a capacity candidate serves, input and output."""
    p = candidate.purchase
    if p.option == "reserved":
        return (p.reserved_input_ktpm or 0) * 1000.0, (p.reserved_output_ktpm or 0) * 1000.0
    scenario = plan.scenario
    return (scenario.unit_input_tpm or 0.0) * (p.units or 0), (scenario.unit_output_tpm or 0.0) * (p.units or 0)


def demand_chart(plan: Costed) -> Chart:
    """Tokens per minute over the trace, input above output, with the capacity closest to paying."""
    data: list[dict[str, Any]] = []
    best = best_capacity(plan)
    limits = capacity_tpm(plan, best) if best else (None, None)
    volume = plan.scenario.volume
    sides = (
        ("Input", plan.demand.input_tpm * volume, BLUE, "y"),
        ("Output", plan.demand.output_tpm * volume, ORANGE, "y2"),
    )
    for (name, values, colour, axis), limit in zip(sides, limits, strict=True):
        hours, low, mean, high = _bins(values, plan.demand.window_s)
        edge = {"width": 0, "color": colour}
        if len(values) > MOST_POINTS:
            data.append(_line(hours, high, axis, f"{name}, highest minute", edge, showlegend=False))
            data.append(
                _line(hours, low, axis, f"{name}, lowest minute", edge, fill="tonexty", showlegend=False)
                | {"fillcolor": _pale(colour)}
            )
        data.append(_line(hours, mean, axis, f"{name} tokens/min", {"width": 1.5, "color": colour}))
        if limit is not None and best is not None:
            data.append(
                _line(
                    [hours[0], hours[-1]],
                    [limit, limit],
                    axis,
                    best.name,
                    {"width": 1.5, "dash": "dash", "color": GREY},
                )
                | {"showlegend": axis == "y"}
            )
    banded = " The band runs from the lowest to the highest minute." if len(plan.demand) > MOST_POINTS else ""
    against = f" The dashed line is {best.name}, the capacity closest to paying." if best else ""
    return chart_of(
        plan,
        "Demand per minute",
        f"Tokens a minute asks of the model.{banded}{against}",
        data,
        {
            "xaxis": {"title": {"text": "Time from the first request [h]"}, "anchor": "y2"},
            "yaxis": {"title": {"text": "Input [tokens/min]"}, "domain": [0.54, 1.0], "rangemode": "tozero"},
            "yaxis2": {"title": {"text": "Output [tokens/min]"}, "domain": [0.0, 0.46], "rangemode": "tozero"},
            "height": 520,
        },
    )


def _line(x: list[float], y: Any, axis: str, name: str, line: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": rounded(y),
        "yaxis": axis,
        "name": name,
        "line": line,
        **more,
    }


def _pale(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.25)"


def load_duration_chart(plan: Costed) -> Chart:
    """How much of the time each load is reached: against steps of model units where their size is known."""
    scenario = plan.scenario
    load = load_of(plan.demand, scenario)
    best = best_capacity(plan)
    if scenario.unit_input_tpm and scenario.unit_output_tpm:
        needed = units_needed(load, scenario.unit_input_tpm, scenario.unit_output_tpm)
        x, y = _duration(needed, load.mass)
        most = max(1, int(np.ceil(needed.max())))
        steps = (
            range(1, most + 1)
            if most <= MOST_STEPS
            else np.unique(np.linspace(1, most, MOST_STEPS).astype(int)).tolist()
        )
        data = [
            _line(x, y, "y", "Units needed", {"width": 2, "color": BLUE}, fill="tozeroy") | {"fillcolor": _pale(BLUE)}
        ]
        data += [
            _line([0.0, 100.0], [n, n], "y", f"{n} units", {"width": 1, "dash": "dot", "color": GREY}, showlegend=False)
            for n in steps
        ]
        bought = best.purchase.units if best and best.purchase.option == "provisioned" else None
        if bought and best:
            data.append(
                _line([0.0, 100.0], [bought, bought], "y", best.name, {"width": 2, "dash": "dash", "color": RED})
            )
        reading = "A unit pays for itself only as far as the curve stands above it for long enough."
        return chart_of(plan, "Load-duration curve", reading, data, _duration_axes("Model units needed"))
    data = []
    for name, values, colour in (("Input", load.input_tpm, BLUE), ("Output", load.output_tpm, ORANGE)):
        x, y = _duration(values, load.mass)
        data.append(_line(x, y, "y", f"{name} tokens/min", {"width": 2, "color": colour}))
    if best:
        for limit, colour, side in zip(capacity_tpm(plan, best), (BLUE, ORANGE), ("input", "output"), strict=True):
            data.append(
                _line(
                    [0.0, 100.0],
                    [limit, limit],
                    "y",
                    f"{best.name}, {side}",
                    {"width": 1.5, "dash": "dash", "color": colour},
                )
            )
    reading = "Capacity stands idle wherever its dashed line is above the curve of the same colour."
    axes = _duration_axes("Tokens per minute")
    return chart_of(
        plan, "Load-duration curve", reading, data, axes | {"yaxis": axes["yaxis"] | {"type": "log", "dtick": 1}}
    )


def _duration(values: Floats, mass: Floats) -> tuple[list[float], list[float]]:
    """Sort a load downwards against the share of time it is reached [%]."""
    order = np.argsort(-values, kind="stable")
    share = np.cumsum(mass[order])
    share = 100 * share / share[-1]
    keep = np.unique(np.linspace(0, len(order) - 1, min(len(order), MOST_POINTS)).astype(int))
    return rounded(share[keep]), rounded(values[order][keep])


def _duration_axes(label: str) -> dict[str, Any]:
    return {
        "xaxis": {"title": {"text": "Share of the time [%]"}, "range": [0, 100]},
        "yaxis": {"title": {"text": label}, "rangemode": "tozero"},
    }
