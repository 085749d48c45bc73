"""Two spans of time: causes in a stated order, summing to the difference to the last digit."""

import dataclasses
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bedrock_lab as lab
from bedrock_lab.errors import InputError
from bedrock_lab.spending.spent import PACE, Key, Spending, read_spending, spending_of
from bedrock_lab.spending.steps import ORDER, steps_between


def key(model="amazon.nova-pro", scope="in-region", tier="default", bucket="input"):
    return Key(model, "us-east-1", scope, tier, bucket, 0)


def spent(lines, requests=None, capacity=None, other=None, date="2026-11-22", basis=PACE):
    """Make a spending of {key: (tokens, USD per 1M)}."""
    return Spending(
        basis=basis,
        date=date,
        requests=None if requests is None else Decimal(requests),
        tokens={k: Decimal(n) for k, (n, _) in lines.items()},
        usd={k: Decimal(n) * Decimal(str(p)) / 1_000_000 for k, (n, p) in lines.items()},
        capacity_usd={n: Decimal(v) for n, v in (capacity or {}).items()},
        other_usd={n: Decimal(v) for n, v in (other or {}).items()},
    )


def causes(before, after):
    """Return the steps by their cause, and check that they sum to the difference."""
    found = steps_between(before, after)
    assert tuple(s.cause for s in found) == ORDER
    assert sum((Fraction(s.usd) for s in found), Fraction(0)) == Fraction(after.total_usd) - Fraction(before.total_usd)
    return {s.cause: s.usd for s in found}


def test_more_of_the_same_is_traffic():
    """One million requests become two: the cost doubles, and nothing else is to blame."""
    before, after = (spent({key(): (n * 10**6, 1)}, requests=n) for n in (1, 2))
    assert causes(before, after) == {"traffic": 1, "mix": 0, "plan": 0, "price": 0, "other": 0}


def test_another_model_is_mix():
    """Half of 10 Mtok moves from 1 USD to 3 USD: 10 USD become 20."""
    cheap, dear = key(), key("anthropic.claude-sonnet-4-6")
    before = spent({cheap: (9 * 10**6, 1), dear: (10**6, 3)}, requests=100)
    after = spent({cheap: (4 * 10**6, 1), dear: (6 * 10**6, 3)}, requests=100)
    assert causes(before, after) == {"traffic": 0, "mix": 10, "plan": 0, "price": 0, "other": 0}


def test_another_tier_and_bought_capacity_are_the_plan():
    """10 Mtok from 1 USD to 0.5 USD saves 5 USD; a unit for 7 USD is added."""
    plain, flex = key(), key(tier="flex")
    before = spent({plain: (10**7, 1), flex: (10**6, 0.5)}, requests=100)
    after = spent({flex: (11 * 10**6, 0.5)}, requests=100, capacity={"provisioned": "7"})
    assert causes(before, after) == {"traffic": 0, "mix": 0, "plan": 2, "price": 0, "other": 0}


def test_another_price_is_price():
    """The same tokens at 0.8 of what they cost."""
    before, after = (spent({key(): (10**7, p)}, requests=5) for p in (1, 0.8))
    assert causes(before, after) == {"traffic": 0, "mix": 0, "plan": 0, "price": -2, "other": 0}


def test_credits_and_taxes_are_no_usage():
    """A credit of 3 USD that was not there before."""
    before, after = (spent({key(): (10**7, 1)}, other=o) for o in ({}, {"credit": "-3"}))
    assert causes(before, after) == {"traffic": 0, "mix": 0, "plan": 0, "price": 0, "other": -3}


def test_all_at_once_in_the_stated_order():
    """Traffic doubles, half the tokens move to a dearer model, all of those are bought as flex."""
    one, two, flex = key(), key("amazon.nova-lite"), key("amazon.nova-lite", tier="flex")
    before = spent({one: (8 * 10**6, 1), two: (10**6, 2), flex: (0, 1)}, requests=10)
    after = spent({one: (9 * 10**6, 1), flex: (9 * 10**6, 1.5)}, requests=20)
    # 10 -> 20 by traffic; 9 at 1 and 9 at 2 are 27; flex as before has no price: at today's, 9 + 13.5 = 22.5
    assert causes(before, after) == {"traffic": 10, "mix": 7, "plan": Decimal("-4.5"), "price": 0, "other": 0}


def test_the_first_traffic_at_all_is_traffic():
    """Nothing before: there is no mix to compare with."""
    assert causes(spent({}), spent({key(): (10**6, 4)}))["traffic"] == 4
    assert causes(spent({key(): (10**6, 4)}), spent({}))["traffic"] == -4


def test_a_line_that_is_new_is_priced_at_the_list_of_the_day_before():
    """A model that cost the same on both days of the list has no price effect, whatever was agreed."""
    new = key("anthropic.claude-haiku-4-5", scope="global")
    before = spent({key(): (10**6, 1)}, date="2026-11-01")
    found = causes(before, spent({new: (10**6, 0.7)}, date="2026-11-22"))
    assert found["price"] == 0


def test_a_pace_and_a_charge_do_not_compare():
    """The message says why."""
    with pytest.raises(InputError, match="they do not compare"):
        steps_between(spent({}), spent({}, basis="charged"))


def test_a_trace_s_bill_is_a_month_at_its_pace():
    """The whole is the bill's own month; what is written is read back."""
    bill = lab.bill(lab.example_trace(0), lab.prices("2026-11-22"))
    found = spending_of(bill)
    assert float(found.total_usd) == pytest.approx(float(bill.usd_per_month), rel=1e-9)
    assert float(found.requests) == pytest.approx(bill.requests * 2_628_000 / bill.period_s, rel=1e-9)
    assert read_spending(found.to_dict()) == found


def test_a_bill_is_what_was_charged():
    """Nothing is lost: tokens, capacity and what is no usage make the total."""
    charged = lab.example_bill(0)
    found = spending_of(charged)
    assert found.total_usd == charged.total_usd
    assert read_spending(found.to_dict()) == found


def test_an_overlay_is_a_price_and_nothing_else(tmp_path):
    """The same trace at 0.9 of the list."""
    overlay = tmp_path / "o.toml"
    overlay.write_text('[[price]]\nprovider = "anthropic"\neffective = 2026-01-01\nmultiplier = 0.9\nsource = "x"\n')
    trace = lab.example_trace(0)
    model = "us.anthropic.claude-sonnet-4-6"
    listed, net = (
        spending_of(lab.bill(trace, lab.prices("2026-11-22", o), as_model=model, token_ratio=(1.0, 1.0)))
        for o in (None, str(overlay))
    )
    found = causes(listed, net)
    assert {c: u for c, u in found.items() if c != "price"} == {"traffic": 0, "mix": 0, "plan": 0, "other": 0}
    assert found["price"] == net.total_usd - listed.total_usd
    assert float(found["price"]) == pytest.approx(-0.1 * float(listed.total_usd), rel=1e-9)


@pytest.mark.parametrize("told", [{}, {"lines": [{}]}, {"lines": 3}])
def test_what_is_no_spending_is_refused(told):
    """A sidecar of another version compares with nothing."""
    with pytest.raises(InputError):
        read_spending(told)


KEYS = [
    key(m, s, t, b)
    for m in ("amazon.nova-pro", "amazon.nova-lite")
    for s in ("in-region", "global")
    for t in ("default", "flex")
    for b in ("input", "output")
]
LINES = st.dictionaries(
    st.sampled_from(KEYS), st.tuples(st.integers(0, 10**12), st.decimals(0, 100, places=4)), max_size=8
)
AMOUNTS = st.dictionaries(st.sampled_from(["provisioned", "reserved"]), st.decimals(-500, 500, places=9).map(str))


@settings(max_examples=150)
@given(LINES, LINES, AMOUNTS, AMOUNTS, st.none() | st.integers(0, 10**9), st.none() | st.integers(0, 10**9))
def test_steps_sum_exactly_and_equal_spans_have_none(a, b, one, two, few, many):
    """Whatever happened, every cent has a cause; nothing happened, nothing has."""
    before, after = spent(a, few, one, two), spent(b, many, two, one)
    causes(before, after)
    assert set(causes(before, dataclasses.replace(before, date="2026-11-23")).values()) <= {Decimal(0)}
