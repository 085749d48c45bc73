"""Models beside each other: costs by hand, what fits, quotas, scores as given."""

import json

import numpy as np
import pytest

import bedrock_lab as lab
from bedrock_lab.cli.main import run
from bedrock_lab.errors import InputError
from bedrock_lab.traffic import make_trace

PRICES = lab.prices("2026-11-22")
SONNET, LITE, PRO = "us.anthropic.claude-sonnet-4-6", "us.amazon.nova-lite-v1:0", "us.amazon.nova-pro-v1:0"


def trace(model=None, **columns):
    """Return two requests a minute apart."""
    made = {
        "time_s": np.array([0.0, 60.0]),
        "input_tokens": np.array([1000, 3000]),
        "output_tokens": np.array([100, 300]),
    } | columns
    if model is not None:
        made["model"] = np.array([model, model], dtype=object)
    return make_trace(made, origin="log", source="two", format="example")


def test_costs_are_the_bills_over_the_tokens_a_tokenizer_may_make():
    """4,000 in and 400 out in two minutes; 1 to 1.35 times the tokens for another tokenizer than the trace's."""
    found = lab.compare(trace(LITE), [SONNET, LITE], PRICES)
    lite, sonnet = found.models
    per_month = 2_628_000 / 120
    assert (lite.model, sonnet.model) == ("amazon.nova-lite", "anthropic.claude-sonnet-4-6")
    assert lite.usd_per_month == pytest.approx((4000 * 0.06 + 400 * 0.24) / 1e6 * per_month)
    assert lite.range == pytest.approx((lite.usd_per_month, lite.usd_per_month))
    low = (4000 * 3.3 + 400 * 16.5) / 1e6 * per_month
    assert sonnet.range == pytest.approx((low, 1.35 * low))
    assert any(a["name"] == "token_ratio" for a in found.to_dict()["assumptions"])


def test_what_fits_counts_the_longest_answer():
    """A context of 300,000 tokens: the second prompt with max_tokens does not fit."""
    long = trace(LITE, input_tokens=np.array([200_000, 299_000]), max_tokens=np.array([5000, 5000]))
    found = {m.model: m for m in lab.compare(long, [LITE, SONNET], PRICES).models}
    assert found["amazon.nova-lite"].context_tokens == 300_000
    assert found["amazon.nova-lite"].fits_share == 0.5
    assert found["anthropic.claude-sonnet-4-6"].fits_share == np.mean(
        [p * 1.35 + 5000 <= found["anthropic.claude-sonnet-4-6"].context_tokens for p in (200_000, 299_000)]
    )


def test_the_busiest_minute_against_the_quota():
    """3,000 in and 300 out at a burndown of 5 are 4,500 quota tokens of 6,000,000, with 1.35 times the tokens."""
    sonnet = next(m for m in lab.compare(trace(LITE), [SONNET, LITE], PRICES).models if m.model_id == SONNET)
    assert (sonnet.tpm, sonnet.burndown) == (6_000_000, 5)
    assert sonnet.quota_share == pytest.approx(4500 * 1.35 / 6e6)


def test_scores_are_shown_as_given_and_need_a_source():
    """Quality is nobody's invention; with scores the Pareto front is of cost and quality."""
    with pytest.raises(InputError, match="need their source"):
        lab.compare(trace(), [SONNET, LITE], PRICES, quality={SONNET: 0.9})
    scores = {SONNET: 0.9, LITE: 0.7, PRO: 0.6}
    found = lab.compare(trace(), [SONNET, LITE, PRO], PRICES, quality=scores, quality_source="our own 200 questions")
    assert [(m.model_id, m.quality, m.pareto) for m in found.models] == [
        (LITE, 0.7, True),
        (PRO, 0.6, False),  # dearer and worse than Lite
        (SONNET, 0.9, True),
    ]
    assert "by the scores given" in found.answer
    assert "nobody said" in lab.compare(trace(), [SONNET, LITE], PRICES).answer


def test_lifecycle_scopes_and_options_are_the_catalogues():
    """End of life in months from the day of the prices; a bare id that cannot be called says so."""
    found = lab.compare(trace(), ["anthropic.claude-sonnet-4-6", "amazon.nova-lite"], PRICES)
    sonnet = next(m for m in found.models if m.provider == "anthropic")
    assert sonnet.scopes["in-region"] == "no"
    assert any("cannot be invoked" in note for note in sonnet.notes)
    assert set(sonnet.options.values()) <= {"yes", "no", "unknown"}
    for model in found.models:
        assert (model.months_left is None) == (model.eol is None)


def test_the_command(tmp_path, capsys):
    """One JSON object; a table; wrong scores and a single model are one line."""
    path = tmp_path / "t.parquet"
    trace().write(path)
    asked = ["compare", str(path), "--model", LITE, "--model", SONNET]
    assert run([*asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["models"][0]["model"] == "amazon.nova-lite"
    assert run(asked) == 0
    assert "is the cheapest" in capsys.readouterr().out
    for wrong, said in (
        (["compare", str(path), "--model", LITE], "give two or more models"),
        ([*asked, "--quality", f"{LITE}=good", "--quality-source", "x"], "MODEL=SCORE"),
        ([*asked, "--quality", "nothing=1", "--quality-source", "x"], "nothing"),
    ):
        assert run(wrong) == 2
        assert said in capsys.readouterr().err
