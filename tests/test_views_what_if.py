"""The what-if panel answers as the planner does: by slider, by code and by command, and refuses in one line."""

import json
import os
import shlex

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import bedrock_lab as lab
from bedrock_lab.cli.main import app
from bedrock_lab.errors import InputError

FULL = bool(os.environ.get("BEDROCK_LAB_FULL"))
MODEL = "us.anthropic.claude-sonnet-4-6"
UNITS = {"unit_input_tpm": 900.0, "unit_output_tpm": 150.0, "unit_price": "none=20,1m=14,6m=10"}


@pytest.fixture(scope="module")
def traffic(tmp_path_factory):
    """Write the trace, so that code and command can read it."""
    path = tmp_path_factory.mktemp("traffic") / "t.parquet"
    lab.from_averages(9_000, 900, 150, shape="office", seed=0).write(path)
    return str(path)


@pytest.fixture(scope="module")
def plan(traffic):
    """Plan the trace."""
    asked = UNITS | {"model": MODEL, "deferrable": 0.2}
    return lab.plan(lab.read_trace(traffic), lab.prices("2026-11-22"), **asked)


def said(found):
    """Return the choice, and cost and range of every candidate, to ten digits."""
    made = [(c["name"], *(float(f"{usd:.10g}") for usd in (c["cost_usd_per_month"], *c["range"]))) for c in found]
    return sorted(made)


SCENARIOS = st.fixed_dictionaries(
    {},
    optional={
        "growth": st.floats(0.25, 3),
        "deferrable": st.floats(0, 1),
        "deadline_h": st.sampled_from([1, 12, 24, 168]),
        "response_cache_share": st.floats(0, 0.9),
        "unit_input_tpm": st.floats(300, 3000),
        "unit_output_tpm": st.floats(50, 500),
        "token_price": st.floats(0.5, 2),
        "unit_price_factor": st.floats(0.5, 2),
        "option": st.sampled_from(
            [("on-demand", "batch"), ("on-demand", "provisioned"), ("on-demand", "flex", "batch")]
        ),
    },
)


@settings(max_examples=200 if FULL else 8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=SCENARIOS)
def test_panel_code_and_command_give_the_same_figures(plan, traffic, changes):
    """What the panel shows is what its own code and its own command give when they are run."""
    panel = lab.what_if(plan, file=traffic, widgets=False).set(**changes)
    mine = panel.to_dict()
    names = {}
    exec(panel.as_code(), names)
    by_code = names["found"].to_dict()
    assert by_code["candidates"] == mine["candidates"]
    assert by_code["recommended"] == mine["recommended"]
    ran = CliRunner().invoke(app, shlex.split(panel.as_cli())[1:], standalone_mode=False)
    by_command = json.loads(ran.stdout)
    assert by_command["decision"] == mine["decision"]
    assert (by_command["recommended"] or {}).get("name") == (mine["recommended"] or {}).get("name")
    assert said(by_command["candidates"]) == said(mine["candidates"])


def test_units_kept_in_view_are_costed(plan, traffic):
    """Two units for a month cost 730 h x 2 x 14 USD at least, and code gives the same."""
    panel = lab.what_if(plan, file=traffic, widgets=False).set(units=2, term="1m")
    names = {}
    exec(panel.as_code(), names)
    assert panel.state.held.cost_usd_per_month == names["found"].held.cost_usd_per_month >= 730 * 2 * 14


def test_every_control_changes_an_answer(plan):
    """A control that does nothing is worse than none: each one moves some figure from some scenario."""
    moves = {
        "growth": 2.0, "response_cache_share": 0.5, "deferrable": 0.9, "deadline_h": 1, "option": ["on-demand"],
        "units": 2, "unit_input_tpm": 500.0, "unit_output_tpm": 90.0, "token_price": 0.5, "unit_price_factor": 0.5,
    }  # fmt: skip
    panel = lab.what_if(plan, widgets=False)
    assert set(moves) | {"term"} == set(panel.controls)
    before = panel.to_dict()
    for name, value in moves.items():
        after = panel.reset().set(**{name: value}).to_dict()
        assert {k: after[k] for k in ("candidates", "held")} != {k: before[k] for k in ("candidates", "held")}, name
    kept = [panel.reset().set(units=2, term=term).state.held.cost_usd_per_month for term in ("none", "6m")]
    assert kept[0] != kept[1]


def test_a_scenario_survives_its_file_and_a_reset(plan, tmp_path):
    """Saved, reset, loaded: the same figures; kept under its name."""
    panel = lab.what_if(plan, widgets=False).set(growth=1.7, option=["on-demand", "batch"]).keep("more")
    wanted = panel.to_dict()
    path = panel.save(tmp_path / "s.json")
    panel.reset()
    assert panel.what_if.changes == ()
    assert panel.load(path).to_dict() == wanted
    assert [row[0] for row in panel.compare().rows] == ["base", "more"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no json", "is no JSON"),
        ("[]", "is no what-if scenario"),
        ('{"form": "bedrock-lab what-if scenario", "schema_version": 9}', "schema version 9; this version reads 1"),
        ({"growht": 2}, "growht: cannot be moved here; allowed: growth"),
        ({"max_tokens": 2}, "max_tokens: cannot be moved here"),
        ({"growth": "2"}, "growth '2': allowed is one number"),
        ({"growth": -1}, "growth -1: allowed is 0"),
        ({"deferrable": 1.5}, "deferrable 1.5: allowed is 0 to 1"),
        ({"term": "9m"}, "term '9m': allowed: none, 1m, 6m"),
        ({"option": ["gold"]}, "allowed are one or more of on-demand"),
        ({"units": 1.5}, "allowed is a whole number"),
    ],
)
def test_a_bad_scenario_file_is_one_line(plan, tmp_path, text, words):
    """The file, the name, the value and what is allowed; the panel stays as it was."""
    path = tmp_path / "bad.json"
    form = {"form": "bedrock-lab what-if scenario", "schema_version": 1, "name": "x", "changes": text}
    path.write_text(text if isinstance(text, str) else json.dumps(form))
    panel = lab.what_if(plan, widgets=False).set(growth=2.0)
    before = panel.to_dict()
    with pytest.raises(InputError, match=words) as error:
        panel.load(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert panel.to_dict() == before


def test_a_quantity_that_cannot_be_moved_says_who_answers(plan):
    """max_tokens is a quota's matter."""
    with pytest.raises(InputError, match=r"max_tokens: cannot be moved here: .*lab\.quota"):
        lab.what_if(plan, widgets=False).set(max_tokens=1)


def test_exports(plan, tmp_path):
    """A page with every chart, the options as CSV, everything as JSON; another ending is refused."""
    panel = lab.what_if(plan, widgets=False).set(growth=2.0)
    page = panel.export(tmp_path / "a.html").read_text(encoding="utf-8")
    assert all(f"<h2>{label}</h2>" in page for label in panel.tabs.values())
    assert len(panel.export(tmp_path / "a.csv").read_text().splitlines()) == 1 + len(panel.state.evaluation.candidates)
    assert json.loads(panel.export(tmp_path / "a.json").read_text()) == panel.to_dict()
    with pytest.raises(InputError, match=r"allowed are names that end in \.html, \.csv, \.json"):
        panel.export(tmp_path / "a.pdf")


def test_marks_are_the_plans_flips(plan):
    """The sliders of the base bear what the plan found; elsewhere they are searched when asked."""
    panel = lab.what_if(plan, widgets=False)
    marked = {f for name in panel.controls for f in panel.marks(name)}
    assert marked == {f for f in plan.flips if any(f in panel.marks(n) for n in panel.controls)}
    assert panel.set(growth=1.5).known_turns() is None


def test_a_slider_moves_the_panel_and_the_panel_its_slider(plan):
    """In the kernel, without a browser: value, figures and chart follow; what is wrong is said and undone."""
    pytest.importorskip("ipywidgets")
    from bedrock_lab.views.whatif.view import View

    panel = lab.what_if(plan)
    view = panel._view = View(panel)
    before = view.chart.outputs
    view.knobs["growth"].widget.value = 2.0
    assert panel.what_if.values == {"growth": 2.0}
    assert view.chart.outputs != before
    panel.reset()
    assert view.knobs["growth"].widget.value == 1.0
    for box in view.knobs["option"].boxes:
        box.value = False
    assert "allowed are one or more" in view.message.value
    assert all(isinstance(k.widget.tooltip if not k.boxes else "", str) for k in view.knobs.values())
