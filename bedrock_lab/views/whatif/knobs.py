"""A control as a widget: how its value becomes a slider's, and comes back."""

from typing import Any

import ipywidgets as w  # type: ignore[import-untyped]

from bedrock_lab.views.whatif.controls import NO_DEADLINE, TERMS, Control

STEPS = 15
"""Steps from the low end of a slider to the plan's own value, which stays on the grid."""
WIDE = w.Layout(width="98%")
SHAPES = {"": "flat to office", "flat": "flat", "office": "office"}


class Knob:
    """A control's widget, with its label, its unit and its marks."""

    def __init__(self, control: Control) -> None:
        self.control = control
        self.boxes: tuple[w.Checkbox, ...] = ()
        self.widget = self._made()
        self.marks = w.HTML()
        known = f", {control.known}" if control.known else ""
        unit = f" [{control.unit}{known}]" if control.unit else f" [{control.known}]" * bool(control.known)
        label = w.HTML(f'<div class="bl-name">{control.label}<small>{unit}</small></div>')
        self.box = w.VBox([label, self.widget, self.marks], layout=w.Layout(overflow="visible"))

    def _made(self) -> Any:
        c = self.control
        said = {"tooltip": f"{c.label} [{c.unit}]", "layout": WIDE}
        if c.form == "ratio":
            # not FloatLogSlider: its front end sends values back unasked when it is drawn late
            step = (c.value - c.lo) / STEPS if c.value > c.lo else (c.hi - c.lo) / STEPS
            form = ",.0f" if c.hi >= 1000 else ".3f"
            return w.FloatSlider(value=c.value, min=c.lo, max=c.hi, step=step, readout_format=form, **said)
        if c.form == "share":
            return w.FloatSlider(value=c.value, min=c.lo, max=c.hi, step=0.01, readout_format=".2f", **said)
        if c.form == "whole":
            return w.IntSlider(value=c.value, min=int(c.lo), max=int(c.hi), **said)
        if c.form == "choice":
            return w.Dropdown(options=[(_word(v), v) for v in c.choices], value=c.value, **said)
        self.boxes = tuple(
            w.Checkbox(value=name in c.value, description=name, indent=False, layout=w.Layout(width="auto"))
            for name in c.choices
        )
        return w.HBox(self.boxes, layout=w.Layout(flex_flow="row wrap", width="98%"))

    @property
    def slides(self) -> bool:
        """Whether it is a slider."""
        return self.control.form in {"ratio", "share", "whole"}

    @property
    def value(self) -> Any:
        """Value as a scenario takes it; what is within a slider's digits of the plan's is the plan's."""
        c = self.control
        if self.boxes:
            return tuple(box.description for box in self.boxes if box.value)
        value = self.widget.value
        if c.form in {"ratio", "share"}:
            short = float(f"{value:.4g}")
            return c.value if short == float(f"{c.value:.4g}") else short
        return value

    @value.setter
    def value(self, value: Any) -> None:
        if self.boxes:
            for box in self.boxes:
                box.value = box.description in value
        elif self.slides:
            self.widget.value = min(max(value, self.control.lo), self.control.hi)
        else:
            self.widget.value = value

    def observe(self, moved: Any) -> None:
        """Call `moved` with the name when the user moves it."""
        for each in self.boxes or (self.widget,):
            each.observe(lambda _: moved(self.control.name), "value")


def _word(value: Any) -> str:
    if value == NO_DEADLINE:
        return "none"
    return {**SHAPES, **TERMS}.get(value, str(value)) if isinstance(value, str) else f"{value:g}"
