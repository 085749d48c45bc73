"""Routing as a page shows it: the answer, the curves, leakage, thresholds, models, shortening."""

import numpy as np
import pytest

import bedrock_lab as lab
from bedrock_lab.route.labels import labels_of

PRICES = lab.prices("2026-11-22")
WEAK, STRONG = "us.amazon.nova-lite-v1:0", "us.anthropic.claude-sonnet-4-6"


@pytest.fixture(scope="module")
def found():
    """Return an evaluation of the made-up labels."""
    return lab.evaluate_routes(
        lab.example_labels(),
        ["word_count", "task", "random", "best-single"],
        gap=0.7,
        weak_model=WEAK,
        strong_model=STRONG,
        prices=PRICES,
    )


def test_the_answer_names_policy_threshold_and_cost(found):
    """Tiles: each alone, share against the mixture's, cost against the strong model's, leakage of the task policy."""
    shown = lab.views.routing_answer(found)
    best = found.recommended
    assert shown.origin == "synthetic"
    assert shown.answer == found.answer
    assert shown.tiles[1].value == f"{best.choice.share:.0%}"
    assert shown.tiles[2].note.startswith(f"{best.usd.value / found.points[1].usd.value:.0%} of the strong model's")
    assert shown.tiles[3].note == "APGR that task loses on unseen tasks"
    assert shown.results["recommended"]["policy"] == "word_count"


def test_the_curve_runs_from_the_weak_model_to_the_strong(found):
    """Both ends are the models alone; a policy that is the mixture's line is not drawn again."""
    mixture, *curves = lab.views.routes_chart(found).figure["data"]
    assert mixture["y"] == pytest.approx([found.points[0].quality.value, found.points[1].quality.value], abs=1e-4)
    assert [c["name"] for c in curves] == ["word_count", "both by hindsight", "threshold"]
    assert [curves[0]["y"][0], curves[0]["y"][-1]] == pytest.approx(mixture["y"], abs=1e-4)
    assert len(curves[0]["y"]) == 101


def test_bars_of_leakage_are_the_measures(found):
    """Each kind of folds has its bars; what the task policy knew is gone on grouped folds."""
    bars = {b["name"]: dict(zip(b["y"], b["x"], strict=True)) for b in lab.views.leakage_chart(found).figure["data"]}
    assert bars["grouped folds"]["task"] == 0.5
    assert bars["shuffled folds"]["task"] > 0.6
    assert bars["shuffled folds"]["word_count"] == pytest.approx(bars["grouped folds"]["word_count"])


def test_tables_hold_thresholds_and_points(found):
    """A row a policy with what became of its promise; a row a model alone, the oracle and what is recommended."""
    rows = {row[0]: row for row in lab.views.thresholds_table(found).rows}
    assert rows["word_count (recommended)"][-1] == "yes"
    assert "mixture at random" in rows
    points = lab.views.points_table(found).rows
    assert [row[0] for row in points] == ["always weak", "always strong", "oracle", "word_count at its threshold"]
    assert any(found.definition in row for row in lab.views.routing_basis_table(found).rows)


def test_without_prices_and_without_a_route_the_page_says_so():
    """Labels that teach nothing: no route, no cost, and no tasks that could leak."""
    rng = np.random.default_rng(1)
    labels = labels_of([f"p {i}" for i in range(60)], rng.random(60) < 0.5, rng.random(60) < 0.8)
    found = lab.evaluate_routes(labels, ["word_count"])
    shown = lab.views.routing_answer(found)
    assert shown.answer.startswith("No route is recommended")
    assert [t.value for t in shown.tiles[1:]] == ["no route", "not known", "not known"]
    assert len(lab.views.points_table(found).rows) == 3
    assert lab.views.leakage_chart(found).figure["data"][0]["name"] == "shuffled folds"


def test_models_stand_beside_each_other():
    """A row a model, the cheapest first; one cost where the range has no width."""
    traffic = lab.from_averages(100_000, 1000, 200, model=STRONG)
    rows = lab.views.models_table(lab.compare(traffic, [STRONG, WEAK], PRICES)).rows
    assert [row[0] for row in rows] == [WEAK, STRONG]
    assert " to " in rows[0][2]
    assert rows[1][2] == rows[1][1]


def test_shortening_is_drawn_in_tokens_of_a_conversation():
    """The first bar is what they were; the table counts what was cut."""
    found = lab.shorten(lab.example_chats(), 2000, model=STRONG, prices=PRICES)
    bars = lab.views.shortening_chart(found).figure["data"][0]
    assert bars["y"][-1] == "as they are"
    assert bars["x"][-1] == pytest.approx(found.tokens_before / 60, abs=0.1)
    rows = lab.views.shortening_table(found).rows
    assert rows[0][1] == f"{found.tokens_before:,}"
    assert rows[2][4].endswith(" messages")
