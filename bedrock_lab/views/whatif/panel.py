"""The panel: a plan, the scenario it is looked at in, and what is shown of it; moved by code as by sliders."""

import dataclasses
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bedrock_lab.errors import InputError, listing
from bedrock_lab.planning.flips import Flip
from bedrock_lab.planning.planner import plan as make_plan
from bedrock_lab.planning.result import Plan
from bedrock_lab.traffic.trace import Trace
from bedrock_lab.views.charts import Chart
from bedrock_lab.views.decision import rounded_values
from bedrock_lab.views.result import Result
from bedrock_lab.views.tables import Table
from bedrock_lab.views.whatif import copying, exporting, showing, tabs
from bedrock_lab.views.whatif.controls import Control, controls_of, marks_of, missing_of
from bedrock_lab.views.whatif.scenario import BASE, WhatIf, checked, load_scenario
from bedrock_lab.views.whatif.state import State, look

KEPT = 64
"""States kept, so that going back and forth asks the planner once."""


def what_if(
    plan_or_trace: Plan | Trace,
    *asked: Any,
    latency_s: Mapping[str, float] | None = None,
    overlay: str | None = None,
    file: str | None = None,
    widgets: bool | None = None,
    **more: Any,
) -> "Panel":
    """Open a panel on a plan, or on a trace that is planned first.

    Parameters
    ----------
    asked, more
        For a trace: what `plan` takes besides it.
    latency_s
        Latency of candidates by name [s], measured or predicted, for cost against latency.
    overlay
        File of the negotiated prices a plan was made with, for the code and the command that repeat it.
    file
        Where the trace lies, for the same; default where it says it was read from.
    widgets
        Whether to draw controls; default where ipywidgets is installed. Without them the panel shows its table and
        every chart as they stand.

    Raises
    ------
    InputError
        The plan cannot be asked again fast, or what is asked is wrong.
    """
    if isinstance(plan_or_trace, Trace):
        plan_or_trace = make_plan(plan_or_trace, *asked, **more)
    elif asked or more:
        raise InputError("what_if takes a plan as it is; hand it the trace to plan with other arguments")
    elif not isinstance(plan_or_trace, Plan):
        raise InputError(
            f"a {type(plan_or_trace).__name__} is no plan and no trace; lab.plan or lab.read_trace give one"
        )
    drawn = importlib.util.find_spec("ipywidgets") is not None if widgets is None else widgets
    return Panel(plan_or_trace, latency_s=latency_s, overlay=overlay, file=file, widgets=drawn)


class Panel:
    """A plan looked at in scenarios.

    Attributes
    ----------
    plan
        The plan, never changed.
    controls, missing
        What can be moved, by name; and what cannot, with the reason.
    base
        Scenario the others are compared with.
    scenarios
        Those kept by name, the base first.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        latency_s: Mapping[str, float] | None = None,
        overlay: str | None = None,
        file: str | None = None,
        widgets: bool = False,
    ) -> None:
        self.plan = plan
        self.controls: Mapping[str, Control] = controls_of(plan)
        self.missing: Mapping[str, str] = missing_of(plan, self.controls)
        self.base = WhatIf()
        self.scenarios: dict[str, WhatIf] = {BASE: self.base}
        self.overlay, self.file = overlay, file
        self._tabs = tabs.tabs_of(latency_s)
        self._states: dict[WhatIf, State] = {}
        self._flips: dict[WhatIf, tuple[Flip, ...]] = {WhatIf(): plan.flips} if plan.flips else {}
        self._now = self.base
        self._view: Any = None
        self._widgets = widgets
        self.look(self.base)

    @property
    def what_if(self) -> WhatIf:
        """The scenario shown."""
        return self._now

    @property
    def state(self) -> State:
        """What the plan becomes in the scenario shown."""
        return self.look(self._now)

    @property
    def tabs(self) -> dict[str, str]:
        """Charts by name, with the label of their tab."""
        return {name: label for name, (label, _) in self._tabs.items()}

    def look(self, what_if: WhatIf) -> State:
        """Answer a scenario; one that was asked before is not asked again."""
        key = dataclasses.replace(what_if, name=BASE)
        found = self._states.pop(key, None) or look(self.plan, key, self.controls)
        self._states[key] = found
        if len(self._states) > KEPT:
            self._states.pop(next(iter(self._states)))
        return dataclasses.replace(found, what_if=what_if)

    def set(self, **changes: Any) -> "Panel":
        """Put values in the place of the plan's; what was changed before stays.

        Raises
        ------
        InputError
            A quantity cannot be moved, or its value is not allowed; the panel stays as it was.
        """
        moved = {n: v for n, v in self._now.values.items() if n not in changes}
        wanted = moved | checked(changes, self.controls, self.missing)
        name = self._now.name if wanted == self._now.values else "moved"
        return self._show(WhatIf.of(wanted, BASE if not wanted else name))

    def reset(self) -> "Panel":
        """Go back to the plan's own values."""
        return self._show(WhatIf())

    def show(self, name: str) -> "Panel":
        """Go to a scenario kept under a name."""
        return self._show(self._kept(name))

    def keep(self, name: str) -> "Panel":
        """Keep the scenario shown under a name."""
        name = name.strip()
        if not name or name == BASE:
            raise InputError(f"scenario {name!r}: give it a name of its own ({BASE!r} is the plan)")
        self.scenarios[name] = dataclasses.replace(self._now, name=name)
        return self._show(self.scenarios[name])

    def pin(self) -> "Panel":
        """Compare with the scenario shown from now on."""
        self.base = self._now
        return self._show(self._now)

    def save(self, path: str | Path) -> Path:
        """Write the scenario shown to a file."""
        return self._now.save(path)

    def load(self, path: str | Path) -> "Panel":
        """Read a scenario from a file, keep it and show it."""
        found = load_scenario(path, self.controls)
        if found.changes and found.name != BASE:
            self.scenarios[found.name] = found
        return self._show(found)

    def turns(self) -> tuple[Flip, ...]:
        """Find where the recommendation turns from the scenario shown; about a second the first time."""
        key = dataclasses.replace(self._now, name=BASE)
        if key not in self._flips:
            self._flips[key] = tuple(self.state.market.flips())
        if self._view is not None:
            self._view.refresh()
        return self._flips[key]

    def known_turns(self) -> tuple[Flip, ...] | None:
        """Return where the recommendation turns from the scenario shown; None where it was not searched."""
        return self._flips.get(dataclasses.replace(self._now, name=BASE))

    def marks(self, name: str) -> tuple[Flip, ...]:
        """Return where the recommendation turns on one slider, as far as it was searched."""
        return marks_of(self.controls[name], self.known_turns() or ())

    def chart(self, name: str) -> Chart:
        """Draw one of the charts of the scenario shown."""
        if name not in self._tabs:
            raise InputError(f"chart {name!r}: allowed: {listing(self._tabs)}")
        return self._tabs[name][1](self.state)

    def table(self) -> Table:
        """List the options in the scenario shown."""
        return showing.options_table(self.state, self.look(self.base))

    def known(self) -> Table:
        """List what every figure rests on, how it is known and from where."""
        return showing.known_table(self.state, self.plan, self.controls)

    def compare(self, *names: str) -> Table:
        """Set kept scenarios side by side, and the one shown; by default all of them."""
        chosen = {n: self._kept(n) for n in names or self.scenarios}
        chosen.setdefault(self._now.name, self._now)
        return showing.compared_table({n: self.look(w) for n, w in chosen.items()}, self.look(self.base))

    def warnings(self) -> tuple[str, ...]:
        """Say what limits the figures shown."""
        return showing.warnings_of(self.state, self.plan, self.controls)

    def as_code(self) -> str:
        """Write Python that gives the figures shown."""
        return copying.as_code(self.state, self.plan, self.overlay, self.file)

    def as_cli(self) -> str:
        """Write the command that gives the figures shown."""
        return copying.as_cli(self.state, self.plan, self.overlay, self.file)

    def export(self, path: str | Path) -> Path:
        """Write what is shown: a page (.html), the options (.csv), or all of it (.json)."""
        return exporting.export(self, path)

    def answer(self) -> Result:
        """Give what is shown as a page takes it."""
        base, state = self.look(self.base), self.state
        return Result(
            title="What if",
            answer=showing.sentence_of(state),
            origin=state.origin,
            tiles=showing.tiles_of(state, base),
            warnings=self.warnings(),
            results=rounded_values(self.to_dict()),
            html=self.table()._repr_html_(),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"scenario": self._now.to_dict(), "base": self.base.to_dict(), **self.state.evaluation.to_dict()}

    def to_frame(self) -> Any:
        """All candidates as a pandas DataFrame, the cheapest first."""
        return self.state.evaluation.to_frame()

    def _kept(self, name: str) -> WhatIf:
        if name not in self.scenarios:
            raise InputError(f"scenario {name!r}: is not kept; kept: {listing(self.scenarios)}")
        return self.scenarios[name]

    def _show(self, what_if: WhatIf) -> "Panel":
        self.look(what_if)  # what cannot be answered leaves the panel as it was
        self._now = what_if
        if self._view is not None:
            self._view.refresh()
        return self

    def _ipython_display_(self) -> None:
        from IPython.display import display

        bundle = self.answer()._repr_mimebundle_()
        if self._widgets:
            from bedrock_lab.views.whatif.view import View

            if self._view is None:
                self._view = View(self)
            bundle |= self._view.root._repr_mimebundle_()
        display(bundle, raw=True)  # type: ignore[no-untyped-call]
        if not self._widgets:
            for name in self._tabs:
                display(self.chart(name))  # type: ignore[no-untyped-call]

    def __repr__(self) -> str:
        return f"{showing.sentence_of(self.state)}\n{self.table()!r}"
