"""The panel as widgets: controls on the left, tiles, charts by tab and tables on the right.

A chart is plotly's own data in an output widget, which JupyterLab draws with the renderer plotly installs: no widget
library beside ipywidgets, and the same data a stored notebook holds.
"""

from collections.abc import Callable
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w  # type: ignore[import-untyped]

from bedrock_lab.errors import LabError
from bedrock_lab.views.from_notebook import PLOTLY
from bedrock_lab.views.whatif import markup
from bedrock_lab.views.whatif.knobs import Knob
from bedrock_lab.views.whatif.tabs import bare

if TYPE_CHECKING:
    from bedrock_lab.views.whatif.panel import Panel

BUTTON = w.Layout(width="auto")
LEFT = w.Layout(width="330px", min_width="300px", flex="0 0 auto", overflow="visible")
RIGHT = w.Layout(flex="1 1 auto", min_width="0", padding="0 0 0 10px")


class View:
    """Widgets of a panel; every move goes through `Panel.set`."""

    def __init__(self, panel: "Panel") -> None:
        self.panel = panel
        self.knobs = {name: Knob(control) for name, control in panel.controls.items()}
        self._setting = False
        self.answer, self.tiles, self.reading, self.table = w.HTML(), w.HTML(), w.HTML(), w.HTML()
        self.message, self.warnings, self.known, self.compared = w.HTML(), w.HTML(), w.HTML(), w.HTML()
        self.chart = w.Output(layout=w.Layout(min_height="380px"))
        self.tab = w.ToggleButtons(
            options=[(label, name) for name, label in panel.tabs.items()],
            tooltips=list(panel.tabs.values()),
            style={"button_width": "auto"},
        )
        self.code = w.Textarea(rows=7, layout=w.Layout(width="99%"), description="", tooltip="Python")
        self.cli = w.Textarea(rows=3, layout=w.Layout(width="99%"), description="", tooltip="Command")
        self.root = self._laid_out()
        for knob in self.knobs.values():
            knob.observe(self._moved)
        self.tab.observe(lambda _: self._draw(), "value")
        self.refresh()

    def refresh(self) -> None:
        """Show what the panel holds."""
        panel, state = self.panel, self.panel.state
        shown = panel.answer()
        self._setting = True
        try:
            for name, knob in self.knobs.items():
                wanted = panel.what_if.values.get(name, knob.control.value)
                if knob.value != wanted:
                    knob.value = wanted
                self._mark(knob)
            self.kept.options = list(dict.fromkeys((*panel.scenarios, panel.what_if.name)))
            self.kept.value = panel.what_if.name
        finally:
            self._setting = False
        kind = f"computed by the planner on {state.origin} traffic, prices of {panel.plan.as_of}"
        self.answer.value = markup.sentence(shown.answer, str(state.origin))
        self.tiles.value = markup.tiles(shown.tiles, kind)
        self.table.value = markup.table(panel.table(), "Options")
        self.warnings.value = markup.notes(shown.warnings)
        self.known.value = markup.table(panel.known(), "What every figure rests on")
        self.compared.value = markup.table(panel.compare(), "Scenarios")
        self.code.value, self.cli.value = panel.as_code(), panel.as_cli()
        self.message.value = ""
        self._draw()

    def _mark(self, knob: Knob) -> None:
        if knob.slides:
            base = self.panel.base.values.get(knob.control.name, knob.control.value)
            knob.marks.value = markup.marks(knob.control, base, self.panel.marks(knob.control.name))

    def _draw(self) -> None:
        chart = self.panel.chart(self.tab.value)
        self.reading.value = markup.heading(chart.title, chart.reading)
        self.chart.outputs = ({"output_type": "display_data", "data": {PLOTLY: bare(chart)}, "metadata": {}},)

    def _moved(self, name: str) -> None:
        if not self._setting:
            self._try(lambda: self.panel.set(**{name: self.knobs[name].value}))

    def _try(self, work: Callable[[], Any], said: Callable[[Any], str] = lambda _: "") -> None:
        """Do what a control asks; what cannot be done is one line, and the panel stays."""
        try:
            found = work()
        except LabError as error:
            self.refresh()
            self.message.value = f'<p class="bl-message" role="alert">{escape(str(error))}</p>'
        else:
            words = escape(said(found))
            self.message.value = f'<p class="bl-message" role="status">{words}</p>' if words else ""

    def _button(self, label: str, work: Callable[[], Any], said: Callable[[Any], str] = lambda _: "") -> Any:
        button = w.Button(description=label, tooltip=label, layout=BUTTON)
        button.on_click(lambda _: self._try(work, said))
        return button

    def _laid_out(self) -> Any:
        panel = self.panel
        name = w.Text(placeholder="name", layout=w.Layout(width="110px"), tooltip="Name of the scenario")
        path = w.Text(value="scenario.json", layout=w.Layout(width="150px"), tooltip="File of the scenario")
        self.kept = w.Dropdown(description="Scenario", options=list(panel.scenarios), layout=w.Layout(width="220px"))
        self.kept.observe(lambda change: self._chosen(change["new"]), "value")

        def wrote(made: Any) -> str:
            return f"written: {made}"

        bar = w.HBox(
            [
                self.kept,
                name,
                self._button("Keep", lambda: panel.keep(name.value), lambda _: f"kept: {name.value}"),
                self._button("Reset", panel.reset),
                self._button("Pin as base", panel.pin),
                self._button("Turning points", panel.turns, lambda f: f"{len(f)} turning points from here"),
                path,
                self._button("Save", lambda: panel.save(path.value), wrote),
                self._button("Load", lambda: panel.load(path.value), lambda _: f"read: {path.value}"),
                *(
                    self._button(form.upper(), partial(panel.export, f"what_if.{form}"), wrote)
                    for form in ("html", "csv", "json")
                ),
            ],
            layout=w.Layout(flex_flow="row wrap"),
        )
        groups: dict[str, list[Any]] = {}
        for knob in self.knobs.values():
            groups.setdefault(knob.control.group, []).append(knob.box)
        left: list[Any] = []
        for group, boxes in groups.items():
            left += [w.HTML(f'<div class="bl-group">{group}</div>'), *boxes]
        controls = w.VBox(left, layout=LEFT)
        controls.add_class("bl-controls")
        below = w.Accordion(
            [
                self.known,
                self.compared,
                w.VBox([w.HTML("Python"), self.code, w.HTML("Command"), self.cli]),
                w.HTML(markup.missing(panel.missing.items())),
            ],
            titles=("What every figure rests on", "Scenarios compared", "Copy as code and as a command", "Not here"),
        )
        right = w.VBox(
            [self.answer, self.tiles, self.warnings, self.tab, self.reading, self.chart, self.table, below],
            layout=RIGHT,
        )
        root = w.VBox([w.HTML(markup.style()), bar, self.message, w.HBox([controls, right])])
        root.add_class("bl-whatif")
        return root

    def _chosen(self, name: str | None) -> None:
        if not self._setting and name in self.panel.scenarios:
            self._try(lambda: self.panel.show(name))
