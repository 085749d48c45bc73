"""Routing policies on labels: measures by hand, folds that leak, thresholds that keep their promise."""

import itertools
import json
import math
import os

import numpy as np
import pytest
from conftest import public_data
from hypothesis import given
from hypothesis import strategies as st

import bedrock_lab as lab
from bedrock_lab.cli.main import run
from bedrock_lab.errors import InputError
from bedrock_lab.route.choosing import Target, choose, lower_bound
from bedrock_lab.route.curves import aiq, apgr, cpt, curve, pgr, ranking
from bedrock_lab.route.evaluation import evaluate_routes
from bedrock_lab.route.folds import folds_of, groups_of, held_out_scores
from bedrock_lab.route.labels import labels_of, read_labels
from bedrock_lab.route.policy import POLICIES, Policy, fit_policy, load_policy
from bedrock_lab.route.trial import tried

FULL = bool(os.environ.get("BEDROCK_LAB_FULL"))
WEAK = np.array([0, 0, 0, 1, 1, 1, 0, 1, 1, 0, 1, 1], dtype=float)
STRONG = np.array([1, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1], dtype=float)
SCORES = np.array([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1], dtype=float)


@pytest.fixture(scope="module")
def mmlu():
    """RouteLLM's labels on MMLU."""
    return read_labels(public_data("routellm_mmlu_responses.parquet"))


def made(rows=400, seed=0, tasks=8):
    """Labels whose gain grows with length, over tasks of different difficulty."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(3, 120, rows)
    weak = (rng.random(rows) < 0.9 - lengths / 200).astype(float)
    strong = (rng.random(rows) < 0.92).astype(float)
    prompts = [f"question {i} " + "word " * int(n) for i, n in enumerate(lengths)]
    return labels_of(prompts, weak, strong, tasks=[f"task {i % tasks}" for i in range(rows)])


def test_the_curve_of_twelve_rows_is_the_one_drawn_by_hand():
    """Gains in order are 1 1 0 0 0 -1 1 0 0 1 0 0: from 7/12 by twelfths up to 10/12."""
    drawn = curve(ranking(SCORES), WEAK, STRONG)
    steps = [7, 8, 9, 9, 9, 9, 8, 9, 9, 9, 10, 10, 10]
    assert drawn.quality == pytest.approx(np.array(steps) / 12)
    assert drawn.share == pytest.approx(np.arange(13) / 12)
    area = sum((a + b) / 2 for a, b in itertools.pairwise(steps)) / 12
    assert apgr(drawn) == pytest.approx((area - 7) / 3)  # the gap is 3 twelfths
    assert pgr(drawn, 0.25) == pytest.approx(2 / 3)
    assert cpt(drawn, 0.5) == pytest.approx(1.5 / 12)  # 8.5 twelfths, half way between one and two rows
    assert cpt(drawn, 0.8) == pytest.approx((9 + 0.4) / 12)  # 9.4 twelfths, on the way from nine to ten rows


def test_rows_of_one_score_are_a_straight_piece():
    """With one score for all, any share recovers that share of the gap."""
    drawn = curve(ranking(np.zeros(12)), WEAK, STRONG)
    assert apgr(drawn) == pytest.approx(0.5)
    assert cpt(drawn, 0.8) == pytest.approx(0.8)


def test_knowing_every_answer_beats_the_strong_model():
    """A weak model that is right where the strong is wrong counts: the oracle's APGR exceeds 1 less half its share."""
    drawn = curve(ranking(STRONG - WEAK), WEAK, STRONG)
    assert float(drawn.quality.max()) == pytest.approx(11 / 12)
    assert drawn.strong == pytest.approx(10 / 12)


def test_weights_are_repeated_rows():
    """A row that counts twice is that row twice."""
    weights = np.array([2, 0, 1, 1, 3, 1, 1, 0, 1, 2, 1, 1], dtype=float)
    rows = np.repeat(np.arange(12), weights.astype(int))
    repeated = curve(ranking(SCORES[rows]), WEAK[rows], STRONG[rows])
    assert apgr(curve(ranking(SCORES), WEAK, STRONG, weights)) == pytest.approx(apgr(repeated))


def test_aiq_is_the_mean_height_of_the_hull():
    """Points under the hull, and those that cost more for less, count for nothing."""
    cost, quality = np.array([1.0, 2.0, 2.0, 3.0, 5.0]), np.array([0.2, 0.3, 0.6, 0.5, 0.7])
    # the hull: (1, .2) (2, .6) (5, .7); trapezoids .4 + 1.95, over 4
    assert aiq(cost, quality) == pytest.approx((0.4 + 1.95) / 4)


def test_no_gap_gives_no_figure():
    """Where the strong model is no better, there is nothing to recover."""
    drawn = curve(ranking(SCORES), STRONG, STRONG)
    assert math.isnan(apgr(drawn))
    assert math.isnan(cpt(drawn, 0.5))


@given(st.lists(st.tuples(st.integers(-50, 50), st.booleans(), st.booleans()), min_size=3, max_size=40))
def test_a_monotone_transform_of_a_score_changes_nothing(rows):
    """Only the order of scores counts."""
    scores, weak, strong = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    plain, bent = (curve(ranking(s), weak, strong) for s in (scores, np.exp(scores / 7) * 3 - 1))
    assert bent.quality == pytest.approx(plain.quality)


def test_shuffled_labels_teach_nothing():
    """Of qualities dealt out at random a policy learns nothing: 0.5 lies in the interval of each."""
    labels = made(600)
    rng = np.random.default_rng(3)
    order = rng.permutation(len(labels))
    shuffled = labels_of(labels.prompts, labels.weak[order], labels.strong[order], tasks=labels.tasks)
    found = evaluate_routes(shuffled, ["word_count", "tfidf"], folds="shuffled")
    for policy in found.policies:
        measured = policy.folds["shuffled"].apgr
        assert measured.lo < 0.5 < measured.hi
    assert found.recommended is None


def test_folds_keep_groups_together_and_are_even():
    """No prompt, and no task, stands on both sides."""
    labels = made(200)
    for kind, values in (("shuffled", labels.prompts), ("grouped", labels.tasks)):
        folds = folds_of(groups_of(labels, kind), seed=1)
        sides = {}
        for value, fold in zip(values, folds, strict=True):
            assert sides.setdefault(value, fold) == fold
    assert np.ptp(np.bincount(folds_of(groups_of(labels, "shuffled"), seed=1))) <= 1


def test_a_task_that_was_not_seen_scores_nothing():
    """Held out by task, the policy by task knows no task: one score for all, and no anticorrelation between folds."""
    labels = made(200)
    assert set(held_out_scores("task", labels, folds_of(groups_of(labels, "grouped"), seed=0))) == {0.0}


def test_public_labels_say_what_is_published_of_them(mmlu):
    """Mixtral 0.6808, GPT-4 0.8058, by hindsight 0.8586; strong needed on 17.8 %, weak alone right on 5.3 %."""
    found = evaluate_routes(mmlu, ["random", "word_count", "keywords"])
    assert [round(p.quality.value, 4) for p in found.points] == [0.6808, 0.8058, 0.8586]
    assert round(found.strong_needed_share, 3) == 0.178
    assert round(found.weak_alone_share, 3) == 0.053
    random = found.judged("random").folds["shuffled"]
    assert random.apgr.lo < 0.5 < random.apgr.hi
    assert random.cpt50.lo < 0.5 < random.cpt50.hi
    assert 0.57 <= found.judged("word_count").folds["shuffled"].apgr.value <= 0.59
    drawn = curve(ranking(np.array([len(p.split()) >= 50 for p in mmlu.prompts], dtype=float)), mmlu.weak, mmlu.strong)
    assert 0.07 <= apgr(drawn) - 0.5 <= 0.09  # 50 words or more, as the threshold it is
    assert abs(found.judged("keywords").folds["shuffled"].apgr.value - 0.5) < 0.01


def test_learned_routers_leak_the_task(mmlu):
    """On shuffled folds 0.59 to 0.66, on tasks they have not seen 0.51 to 0.55; what is recommended follows these."""
    pytest.importorskip("sklearn")
    found = evaluate_routes(mmlu, ["tfidf", "knn_gain"])
    for policy in found.policies:
        assert 0.59 <= policy.folds["shuffled"].apgr.value <= 0.66
        assert 0.51 <= policy.folds["grouped"].apgr.value <= 0.55
        assert policy.leakage == pytest.approx(0.11, abs=0.03)
    assert found.deciding == "grouped"


def test_a_threshold_keeps_its_target_on_prompts_not_seen(mmlu):
    """Of random halves (200 in the whole count) 95 % or more keep what was promised."""
    splits = 200 if FULL else 40
    kept = []
    for seed in range(splits):
        groups = groups_of(mmlu, "shuffled")
        trial = tried(Policy(name="word_count"), mmlu, groups, target=Target(gap=0.8), costs=None, seed=seed)
        kept.append(trial is None or trial.kept)
    assert sum(kept) >= 0.95 * splits
    assert trial is not None
    assert trial.share < 1


def test_a_bound_covers_the_mean_of_another_sample():
    """95 % of the means of other tasks lie above it: normal tasks of three prompts each, 1,000 times."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(30), 3)
    above = []
    for _ in range(1000):
        seen, unseen = (rng.normal(0, 1, 30)[groups] + rng.normal(0, 1, 90) for _ in range(2))
        above.append(unseen.mean() > lower_bound(seen, groups, 90))
    assert 0.93 <= np.mean(above) <= 0.97


def test_no_threshold_is_promised_where_even_the_strong_model_misses():
    """A quality of 1 is out of reach."""
    labels = made(200)
    groups = groups_of(labels, "shuffled")
    scores = np.arange(200.0)
    assert choose(scores, labels.weak, labels.strong, groups, target=Target(quality=1.0), unseen=200) is None


def test_a_policy_that_surely_pays_is_recommended_and_kept(tmp_path):
    """Where length tells all, long prompts go to the strong model; the saved policy decides alike."""
    rng = np.random.default_rng(5)
    lengths = rng.integers(3, 100, 3000)
    weak = (lengths < 50) * (rng.random(3000) < 0.97).astype(float)
    prompts = [f"{i} " + "word " * int(n) for i, n in enumerate(lengths)]
    labels = labels_of(prompts, weak, (rng.random(3000) < 0.97).astype(float))
    found = evaluate_routes(
        labels,
        ["word_count", "random"],
        weak_model="us.amazon.nova-micro-v1:0",
        strong_model="us.anthropic.claude-sonnet-4-6",
        output_tokens=100,
        prices=lab.prices("2026-11-22"),
    )
    chosen = found.recommended
    assert chosen is not None
    assert chosen.policy.name == "word_count"
    assert 0.4 < chosen.choice.share < 0.6  # the mixture needs over 0.8
    assert found.mixture.share > 0.75
    kept = load_policy(chosen.policy.save(tmp_path / "policy.json"))
    assert [kept.strong(p) for p in prompts[:50]] == [chosen.policy.strong(p) for p in prompts[:50]]
    assert kept.trained["labels_sha256"] == labels.sha256
    strong = np.array([kept.strong(p) for p in prompts])
    assert chosen.usd.value == pytest.approx(found.costs.mean(strong))


def test_costs_are_those_of_the_price_list():
    """3.3 and 16.5 USD per million tokens of Claude Sonnet 4.6 by its geography, for recorded tokens."""
    labels = labels_of(
        [f"p {i}" for i in range(20)],
        [0.0] * 20,
        [1.0] * 20,
        tokens={"input_tokens": [1000] * 20, "weak_output_tokens": [10] * 20, "strong_output_tokens": [200] * 20},
    )
    found = evaluate_routes(
        labels,
        ["random"],
        weak_model="us.amazon.nova-lite-v1:0",
        strong_model="us.anthropic.claude-sonnet-4-6",
        prices=lab.prices("2026-11-22"),
    )
    strong = next(p for p in found.points if p.name == "always strong")
    assert strong.usd == pytest.approx([(1000 * 3.3 + 200 * 16.5) / 1e6] * 3)  # one cost, no spread
    assert not found.to_dict()["assumptions"]


@pytest.mark.parametrize("name", [p for p in POLICIES if p != "best-single"])
def test_a_saved_policy_scores_as_before(name, tmp_path):
    """Every policy survives JSON, and scores one prompt as it scores many."""
    if name in {"tfidf", "knn_gain"}:
        pytest.importorskip("sklearn")
    labels = made(120)
    learned = fit_policy(name, labels)
    kept = load_policy(learned.save(tmp_path / "p.json"))
    prompts, tasks = ["question 7 word word", "entirely new", "", "été 漢字 \udcff"], ["task 1", "task 2", "new", "new"]
    before = learned.scores(prompts, tasks)
    assert kept.scores(prompts, tasks) == pytest.approx(before, abs=1e-4)
    assert [learned.score(p, t) for p, t in zip(prompts, tasks, strict=True)] == pytest.approx(before.tolist())


def test_scikit_learn_and_a_saved_policy_agree():
    """The log-odds computed from plain numbers are those of scikit-learn's own pipeline."""
    text = pytest.importorskip("sklearn.feature_extraction.text")
    linear = pytest.importorskip("sklearn.linear_model")
    labels = made(300, seed=2)
    prompts = [f"{p} topic{i % 7}" for i, p in enumerate(labels.prompts)]
    vectors = text.TfidfVectorizer(sublinear_tf=True, min_df=2)
    model = linear.LogisticRegression(max_iter=300).fit(vectors.fit_transform(prompts), labels.gain > 0)
    ours = fit_policy("tfidf", labels_of(prompts, labels.weak, labels.strong))
    theirs = model.decision_function(vectors.transform(prompts[:40]))
    odds = float((labels.gain > 0).mean())
    assert ours.scores(prompts[:40]) == pytest.approx(theirs - math.log(odds / (1 - odds)), abs=1e-6)


def test_a_function_of_ones_own_is_measured_but_in_no_file(tmp_path):
    """A callable is a policy; it stays in the user's code."""
    labels = made(200)

    def by_number(prompt: str) -> float:
        return float(len(prompt))

    found = evaluate_routes(labels, [by_number], folds="shuffled")
    assert found.policies[0].policy == "by_number"
    with pytest.raises(InputError, match="function of your own"):
        Policy(name="by_number", function=by_number).save(tmp_path / "p.json")


def test_twenty_rows_have_intervals_as_wide_as_they_are():
    """Few labels give wide intervals and no recommendation, not an error."""
    found = evaluate_routes(made(20, tasks=4), ["word_count"])
    measured = found.policies[0].folds["shuffled"].apgr
    assert measured.lo is None or measured.hi - measured.lo > 0.2
    assert found.recommended is None


@pytest.mark.parametrize(
    ("text", "columns", "said"),
    [
        ("prompt,weak\na,1\n" * 1, None, "no column for strong"),
        ("p,w,s\n" + "a,0,1\n" * 30, {"prompt": "q", "weak": "w", "strong": "s"}, "no column q"),
        ("prompt,weak,strong\n" + "a,0,1.5\n" * 30, None, "strong of row 1 is 1.5; allowed is 0..1"),
        ("prompt,weak,strong\n" + "a,x,1\n" * 30, None, "weak of row 1 is x"),
        ("prompt,weak,strong\n" + "a,1,1\n" * 30, None, "equally good on every row"),
        ("prompt,weak,strong\n" + "a,0,1\n" * 5, None, "5 rows; allowed are 20 or more"),
        ("prompt,weak,strong\n,0,1\n" + "a,0,1\n" * 30, None, "row 1 has no prompt"),
        ("", None, "is no csv"),
    ],
)
def test_bad_labels_are_one_line(tmp_path, text, columns, said):
    """Each says what is wrong, where, and what is allowed."""
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=said) as error:
        read_labels(path, columns)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"policies": ["nothing"]}, "policies are"),
        ({"folds": "odd"}, "folds 'odd'"),
        ({"quality": 1.5}, "quality 1.5"),
        ({"quality": 0.5, "gap": 0.5}, "give one"),
        ({"weak_model": "amazon.nova-lite"}, "give both"),
        ({"weak_model": "amazon.nova-lite", "strong_model": "amazon.nova-pro"}, "--output-tokens"),
        ({"seed": -1}, "seed -1"),
    ],
)
def test_bad_questions_are_one_line(asked, said):
    """Nothing is computed for a wrong question."""
    with pytest.raises(InputError, match=said):
        evaluate_routes(made(60), **asked)


def test_folds_by_task_need_tasks():
    """Without a column of tasks grouped folds are refused, and the default is shuffled alone."""
    labels = labels_of([f"p {i}" for i in range(40)], [0.0, 1.0] * 20, [1.0] * 40)
    with pytest.raises(InputError, match="name no task"):
        evaluate_routes(labels, ["word_count"], folds="grouped")
    assert evaluate_routes(labels, ["word_count"]).kinds == ("shuffled",)


@pytest.mark.parametrize("text", ["{", '{"policy": "own"}', '{"policy": "tfidf", "schema_version": 1, "learned": {}}'])
def test_a_broken_policy_file_is_one_line(tmp_path, text):
    """No JSON, another thing, or damaged."""
    path = tmp_path / "p.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"is no JSON|is no policy|damaged"):
        load_policy(path)


def test_the_command_prints_one_object_and_keeps_nothing_unrecommended(tmp_path, capsys):
    """JSON holds the measures with their intervals; nothing recommended, nothing saved."""
    path = tmp_path / "labels.csv"
    rows = "".join(f"p {i},{i % 2},{1 - (i % 5 == 0)}\n" for i in range(100))
    path.write_text("prompt,weak,strong\n" + rows)
    asked = ["route", "evaluate", str(path), "--policy", "word_count,random", "--save", str(tmp_path / "p"), "--json"]
    assert run(asked) == 0
    found = json.loads(capsys.readouterr().out)
    assert {p["policy"] for p in found["policies"]} == {"word_count", "random"}
    assert set(found["policies"][0]["folds"]["shuffled"]["apgr"]) == {"value", "lo", "hi"}
    assert found["recommended"] is None
    assert not (tmp_path / "p").exists()
