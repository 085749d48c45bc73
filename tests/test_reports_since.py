"""Since the last run: the sidecars are the history, and the page says what changed and why."""

import json
from decimal import Decimal

import pytest
from report_runs import OK, answered

import bedrock_lab as lab
from bedrock_lab.reports import running
from bedrock_lab.reports.running import run_report
from bedrock_lab.spending.spent import spending_of


@pytest.fixture
def reported(monkeypatch, tmp_path):
    """Return a runner of a report whose notebook answers as told, without a kernel."""

    def run(results, given=None, **wanted):
        monkeypatch.setattr(running, "execute", answered(results))
        return run_report(OK, given or {}, tmp_path, **wanted)

    return run


def month(requests, input_mean=1000, model="amazon.nova-pro", date="2026-11-22"):
    """Spend of a month of such traffic, as a notebook would put it into its results."""
    trace = lab.from_averages(requests_per_month=requests, input_mean=input_mean, output_mean=100, model=model, days=1)
    return {"spend": spending_of(lab.bill(trace, lab.prices(date))).to_dict()}


def test_the_first_run_has_nothing_to_compare_with(reported):
    """No comparison, no trend, and a gate on the change is not true."""
    run = reported({"cost_usd": 5}, fail_if=["since.change_share > 0"])
    assert run.record["since"] is None
    assert run.record["gates"][0]["holds"] is False
    assert "Since the last run" not in run.html.read_text()


def test_figures_that_changed_stand_beside_each_other(reported):
    """Numbers on two levels and amounts written as texts; what stayed is left out."""
    first = reported({"cost_usd": "5.50", "plan": {"usd": 3, "name": "x"}, "same": 1, "flag": True})
    run = reported({"cost_usd": "6.00", "plan": {"usd": 4, "name": "y"}, "same": 1, "flag": False}, {"load": "7"})
    since = run.record["since"]
    assert since["stamp"] == first.folder.name
    assert since["figures"] == [
        {"name": "cost_usd", "before": 5.5, "after": 6.0},
        {"name": "plan.usd", "before": 3.0, "after": 4.0},
    ]
    assert since["given_otherwise"] == ["load: 2.0 before, 7.0 now"]
    assert since["causes"] == []
    assert "2 figures changed" in run.summary
    page = run.html.read_text()
    assert page.index("Since the last run") < page.index("What would change this answer") < page.index("Over the runs")


def test_a_difference_in_usd_has_causes_that_sum_to_it(reported):
    """More traffic, then a dearer model: the steps stand in the sidecar and on the page, to the last digit."""
    reported(month(100_000))
    run = reported(month(200_000, model="us.anthropic.claude-sonnet-4-6"))
    since = json.loads(run.sidecar.read_text())["since"]
    steps = {s["cause"]: Decimal(s["usd"]) for s in since["causes"]}
    assert list(steps) == since["order"] == ["traffic", "mix", "plan", "price", "other"]
    assert sum(steps.values()) == Decimal(since["difference_usd"])
    assert Decimal(since["after_usd"]) - Decimal(since["before_usd"]) == Decimal(since["difference_usd"])
    assert steps["traffic"] == pytest.approx(Decimal(since["before_usd"]), rel=Decimal("0.1"))  # twice the requests
    assert steps["mix"] > 0
    assert steps["price"] == steps["other"] == 0
    page = run.html.read_text()
    for text in ("Why it changed", "From the last run to this one", "Over the runs", "spend.total_usd"):
        assert text in page


def test_a_gate_may_look_at_the_change(reported):
    """By the whole or by one cause."""
    reported(month(100_000))
    gates = ["since.change_share > 0.5", "since.price_usd != 0", "since.traffic_usd > 0"]
    run = reported(month(300_000), fail_if=gates)
    assert [g["holds"] for g in run.record["gates"]] == [True, False, True]


def test_what_does_not_compare_says_why(reported):
    """A pace and a charge are two things; the report is made all the same."""
    reported(month(100_000))
    run = reported({"spend": spending_of(lab.example_bill(0)).to_dict()})
    assert "they do not compare" in run.record["since"]["why_no_causes"]
    assert run.record["since"]["causes"] == []


def test_a_failed_run_is_no_history(reported, monkeypatch, tmp_path):
    """The comparison is with the last good run."""
    first = reported({"cost_usd": 5})
    monkeypatch.setattr(running, "execute", answered({}, failure={"cell": 1, "name": "E", "message": "m"}))
    with pytest.raises(Exception, match="raised E"):
        run_report(OK, {}, tmp_path)
    assert reported({"cost_usd": 6}).record["since"]["stamp"] == first.folder.name


def test_the_trend_has_a_point_a_run(reported):
    """The sidecars are the history: three runs, three points."""
    for usd in (5, 6, 7):
        run = reported({"cost_usd": usd})
    page = run.html.read_text()
    assert '"y":[5.0,6.0,7.0]' in page
    assert "3 in all" in page
