"""A bill as a page shows it."""

from decimal import Decimal

import pytest

import bedrock_lab as lab
from bedrock_lab.bills.example import AGREED


@pytest.fixture(scope="module")
def charged():
    """Return the made-up bill."""
    return lab.example_bill()


@pytest.fixture(scope="module")
def held(charged):
    """Return it held against the made-up log."""
    return lab.reconcile(lab.example_log(), charged, lab.prices("2026-11-09"))


def test_the_made_up_week_holds_what_bills_and_logs_differ_in(held):
    """Each thing that was made to differ is found, and nothing else: the agreement is the share it was made with."""
    causes = {c.cause: c.usd for c in held.causes}
    assert set(causes) == {
        "provisioned units",
        "credits",
        "tax",
        "mantle",
        "private rates",
        "traffic outside the logs",
        "failed requests",
        "unexplained",
    }
    assert (causes["tax"], causes["credits"], causes["mantle"]) == (Decimal("4.2"), Decimal(-25), Decimal("3.3"))
    assert causes["unexplained"] == 0
    sonnet = [s for s in held.by if s.model == "anthropic.claude-sonnet-4-6"]
    for side in sonnet:
        assert float(side.bill_usd / side.bill_tokens) == pytest.approx(
            float(AGREED * side.trace_usd / side.trace_tokens)
        )


def test_the_answer_says_what_was_paid_and_what_is_unexplained(charged, held):
    """Tiles show the charge, tokens against list, mantle and the unexplained; the origin is synthetic."""
    result = lab.views.bill_answer(charged, held)
    assert result.answer.startswith(
        f"AWS charged {float(charged.total_usd):,.2f} USD for Bedrock, most of it for provisioned units"
    )
    assert "are unexplained (0.00% of the bill)" in result.answer
    assert [t.value for t in result.tiles][2:] == ["3.30 USD", "0.00 USD"]
    assert result.origin == "synthetic"
    alone = lab.views.bill_answer(charged)
    assert alone.tiles[3].value == "unknown"
    assert "reconciliation" not in alone.results


def test_bars_sum_to_the_bill(charged):
    """By what it was for, every cent stands in one bar; days hold what is no credit."""
    bars = lab.views.bill_chart(charged).figure["data"][0]
    assert sum(bars["x"]) == pytest.approx(float(charged.total_usd), abs=0.01)
    days = lab.views.bill_days_chart(charged).figure["data"]
    assert sum(sum(d["y"]) for d in days) == pytest.approx(float(charged.total_usd) + 25, abs=0.01)
    assert days[0]["x"][0] == "2026-11-02"


def test_the_steps_lead_from_the_trace_to_the_bill(held):
    """The waterfall starts at the trace, its steps sum to the difference; unexplained is drawn though nothing."""
    fall = lab.views.causes_chart(held).figure["data"][0]
    assert fall["x"][0] == "the trace"
    assert fall["x"][-2:] == ["unexplained", "the bill"]
    assert sum(fall["y"][:-1]) == pytest.approx(fall["y"][-1], abs=0.01)
    assert lab.views.causes_table(held).rows[-1][0] == "unexplained"


def test_tables_say_both_sides(charged, held):
    """Lines show charge, net and list; cells show the trace beside the bill."""
    assert lab.views.bill_lines_table(charged).rows[0][0] == "provisioned units"
    assert lab.views.cells_table(held).headers[3:5] == ("Trace tokens", "Bill tokens")
    assert "unexplained" in held._repr_html_()
    assert len(held.to_frame()) == len(held.causes)
    assert len(charged.to_frame()) == len(charged.lines)
