"""Parameters of a notebook: what a line declares, and what may be given."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_lab.errors import InputError
from bedrock_lab.views.notebook import read_notebook
from bedrock_lab.views.parameters import Parameter, bind, read_parameters

R = {"name": "ir", "display_name": "R", "language": "R"}
DATA = Path(__file__).parent / "data" / "views"


def declared(*lines):
    """Read parameters lines as a notebook's cell would hold them."""
    cell = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": "\n".join(lines)}
    return read_parameters({"cells": [cell]})


def test_a_line_declares_name_type_default_meaning_unit_and_bounds():
    """Every part of a line is read."""
    (share,) = declared("share: float = 0.2  # share that may wait [share] 0..1")
    expected = Parameter(
        name="share", type="float", default=0.2, meaning="share that may wait", unit="share", lo=0.0, hi=1.0
    )
    assert share == expected


@pytest.mark.parametrize(
    ("end", "lo", "hi"), [("0..", 0.0, None), ("..5", None, 5.0), ("-1.5..1e3", -1.5, 1000.0), ("", None, None)]
)
def test_either_side_of_a_range_may_be_open(end, lo, hi):
    """A missing side is no limit."""
    (x,) = declared(f"x: float = 1  # a number {end}")
    assert (x.lo, x.hi, x.meaning, x.default) == (lo, hi, "a number", 1.0)


def test_choices_may_hold_the_empty_text():
    """``{|flat|office}`` allows nothing, flat and office."""
    (shape,) = declared('shape: str = ""  # spread over the week {|flat|office}')
    assert shape.choices == ("", "flat", "office")


def test_choices_have_the_parameters_type():
    """Choices of an int are ints."""
    (term,) = declared("term: int = 1  # months of commitment [months] {1|6}")
    assert (term.choices, term.unit) == ((1, 6), "months")


def test_a_hash_inside_a_text_is_no_comment():
    """Only the comment's own ``#`` begins the meaning."""
    (tag,) = declared('tag: str = "a # b"  # name of the run')
    assert (tag.default, tag.meaning) == ("a # b", "name of the run")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("limit = 3  # a limit", "not a parameter"),
        ("limit: int", "not a parameter"),
        ("limit: int = 3", "no meaning"),
        ("limit: int = 3  # [1/s] 0..", "no meaning"),
        ("limit: int | None = None  # a limit", "type int | None"),
        ("limit: int = max(1, 2)  # a limit", "not a literal"),
        ('limit: int = "3"  # a limit', "the default is a str"),
        ("limit: int = 1.5  # a limit", "limit=1.5: allowed is an int"),
        ("limit: int = 3  # a limit 5..9", "allowed is an int in 5..9"),
        ("limit: int = 3  # a limit 9..5", "runs backwards"),
        ("limit: int = 3  # a limit [1/s] many", "unreadable after the unit"),
        ('limit: str = "a"  # a limit 0..1', "a str takes no range"),
        ("limit: bool = True  # a limit {true|false}", "takes no choices"),
        ("limit: int = (", "not valid Python"),
        ("import os", "not a parameter"),
    ],
)
def test_a_line_that_declares_no_parameter_in_full_is_named(line, says):
    """The message names the line and what a line looks like."""
    with pytest.raises(InputError) as caught:
        declared("good: int = 1  # fine", line)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_parameter_is_declared_once():
    """Two lines for one name contradict each other."""
    with pytest.raises(InputError, match="declared twice"):
        declared("a: int = 1  # one", "a: int = 2  # two")


def test_a_notebook_without_a_parameters_cell_is_refused():
    """There must be exactly one tagged cell."""
    with pytest.raises(InputError, match="0 cells tagged 'parameters'"):
        read_parameters(read_notebook(DATA / "no_parameters.ipynb"))


def test_the_bad_line_of_a_notebook_is_named():
    """The fixture's second line has no type."""
    with pytest.raises(InputError, match=r"line 'limit = 3'"):
        read_parameters(read_notebook(DATA / "bad_parameter_line.ipynb"))


ALL = declared(
    'model: str = "nova"  # the model',
    "units: int = 0  # model units 0..",
    "share: float = 0.2  # share 0..1",
    "cached: bool = False  # whether prompts are cached",
    'shape: str = ""  # spread {|flat|office}',
)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("model", "1", "1"),
        ("units", "3", 3),
        ("units", 3, 3),
        ("share", "1", 1.0),
        ("share", 1, 1.0),
        ("cached", "YES", True),
        ("cached", "0", False),
        ("cached", True, True),
        ("shape", "", ""),
        ("shape", "flat", "flat"),
    ],
)
def test_a_text_becomes_a_value_of_the_type(name, text, value):
    """The others keep their defaults."""
    bound = bind(ALL, {name: text})
    assert bound[name] == value
    assert type(bound[name]) is type(value)
    assert {**bound, name: None} == {**bind(ALL, {}), name: None}


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("model", 3, "a str"),
        ("units", "1.5", "an int in 0.."),
        ("units", 1.0, "an int"),
        ("units", True, "an int"),
        ("units", "-1", "an int in 0.."),
        ("units", "many", "an int"),
        ("share", "nan", "a float in 0..1"),
        ("share", math.inf, "a float"),
        ("share", "1.01", "a float in 0..1"),
        ("cached", "maybe", "a bool"),
        ("cached", 1, "a bool"),
        ("shape", "round", "one of '', 'flat', 'office'"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(name, text, allowed):
    """One line: what, the value, what is allowed."""
    with pytest.raises(InputError) as caught:
        bind(ALL, {name: text})
    assert f"parameter {name}={text!r}: allowed is {allowed}" in str(caught.value)


def test_an_unknown_name_is_refused_with_the_nearest_known():
    """A typo never passes silently."""
    with pytest.raises(InputError, match=r"unknown parameter 'modle'; did you mean 'model'\?; known: model, units"):
        bind(ALL, {"modle": "x"})


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_float_is_bound_exactly_or_refused(number):
    """What is bound is the number given, inside the bounds."""
    try:
        bound = bind(ALL, {"share": repr(number)})["share"]
    except InputError:
        assert not 0 <= number <= 1
    else:
        assert bound == number


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no such notebook"),
        ("{", "not JSON"),
        ("[]", "no list of cells"),
        (json.dumps({"cells": [], "nbformat": 3}), "format 3"),
        (json.dumps({"cells": [{"cell_type": "code"}], "nbformat": 4, "metadata": {}}), "not a valid notebook"),
        (json.dumps({"cells": [], "nbformat": 4, "metadata": {"kernelspec": R}}), "for R"),
    ],
)
def test_a_file_that_is_no_notebook_to_run_is_refused(tmp_path, content, says):
    """Missing, broken, old and foreign notebooks are told apart."""
    path = tmp_path / "x.ipynb"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=says):
        read_notebook(path)


def test_a_folder_is_no_notebook(tmp_path):
    """Reading fails in one line."""
    with pytest.raises(InputError, match="cannot be read"):
        read_notebook(tmp_path)
