"""A plan at other values is what `plan` answers at those values."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bedrock_lab as lab
from bedrock_lab.errors import InputError

UNITS = {"unit_input_tpm": 900.0, "unit_output_tpm": 150.0, "unit_price": "none=20,1m=14,6m=10"}
MODEL = "us.anthropic.claude-sonnet-4-6"
PRICES = lab.prices("2026-11-22")
TRACE = lab.from_averages(requests_per_month=9_000, input_mean=900, output_mean=150, shape="office", seed=0)
PLAN = lab.plan(TRACE, PRICES, model=MODEL, explain=False, **UNITS)


def said(found):
    """Return name, cost and range of every candidate, and the choice."""
    made = [(c.name, *(float(f"{usd:.9g}") for usd in (c.cost_usd_per_month, *c.range))) for c in found.candidates]
    return found.decision, found.recommended and found.recommended.name, made


@settings(max_examples=12)
@given(
    growth=st.floats(0.25, 3),
    deferrable=st.sampled_from([0.0, 0.2, 0.9]),
    scale=st.floats(0.3, 3),
    reads=st.floats(0, 1),
)
def test_the_same_as_planning_at_the_same_values(growth, deferrable, scale, reads):
    """Costs, ranges and choice of `evaluate` are those of `plan` asked with the same values."""
    units = {"unit_input_tpm": 900 * scale, "unit_output_tpm": 150 * scale}
    found = lab.evaluate(PLAN, growth=growth, deferrable=deferrable, cache_reads_counted=reads, **units)
    assume = {"growth": growth, "cache_reads_counted": reads}
    asked = UNITS | units | {"deferrable": deferrable, "assume": assume}
    assert said(found) == said(lab.plan(TRACE, PRICES, model=MODEL, explain=False, **asked))


def test_nothing_changed_is_the_plan():
    """Without a change the plan's own costs come back."""
    assert said(lab.evaluate(PLAN)) == said(PLAN)


def test_token_prices_scale_on_demand():
    """Token prices taken by a factor take on demand by it; unit prices do not move."""
    found = lab.evaluate(PLAN, price_factor=0.8)
    assert found.baseline.cost_usd_per_month == pytest.approx(0.8 * PLAN.baseline.cost_usd_per_month)


def test_units_are_kept_in_view():
    """The units and term asked for are costed whether or not they are the best: 730 h x 2 x 14 USD and overflow."""
    held = lab.evaluate(PLAN, units=2, term="1m").held
    listed = {c.name: c.cost_usd_per_month for c in PLAN.candidates}
    assert held.name == "provisioned-2x-1m"
    assert held.cost_usd_per_month >= 730 * 2 * 14
    assert held.cost_usd_per_month == pytest.approx(listed.get(held.name, held.cost_usd_per_month))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"growht": 1}, "growht: cannot be changed; allowed: growth"),
        ({"growth": -1.0}, "growth -1: allowed is 0 or more"),
        ({"growth": "1..2"}, "allowed is one number"),
        ({"deferrable": 1.5}, "share from 0 to 1"),
        ({"unit_input_tpm": 0}, "allowed is more than 0"),
        ({"token_ratio": 1.2}, "plan with --as-model"),
        ({"term": "9m"}, "allowed: none, 1m, 6m"),
        ({"units": 0}, "whole number from 1"),
        ({"option": "gold"}, "unknown option"),
    ],
)
def test_what_cannot_be_changed_is_one_line(changes, words):
    """A wrong name or value is said in one line with what is allowed."""
    with pytest.raises(InputError, match=words) as error:
        lab.evaluate(PLAN, **changes)
    assert "\n" not in str(error.value)
