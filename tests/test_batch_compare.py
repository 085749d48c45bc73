"""Batch beside on demand and flex: the same tokens, each at its own price, cached reads full input in batch."""

import json
import math
from decimal import Decimal

import pytest
from batch_inputs import CLAUDE, NOVA, PRICES, questions, write_lines

from bedrock_lab.batch.comparing import compare
from bedrock_lab.cli import batch_input
from bedrock_lab.errors import InputError

MTOK = 1_000_000


def compared(tmp_path, records, model=CLAUDE, **more):
    """Compare records written as JSON lines."""
    return compare(write_lines(tmp_path / "in.jsonl", records), model=model, prices=PRICES, **more)


def test_by_hand(tmp_path):
    """Gpt-oss-120b: 0.15 and 0.60 USD per million on demand, half of that in batch and flex (price list of 2026)."""
    found = compared(tmp_path, questions(100), "openai.gpt-oss-120b", output_tokens=100)
    tokens = found.input_tokens, found.expected_output_tokens
    assert tokens[1] == 10_000
    on_demand = (Decimal("0.15") * tokens[0] + Decimal("0.60") * tokens[1]) / MTOK
    assert found.way("on-demand").expected_usd == on_demand
    assert found.way("batch").expected_usd == found.way("flex").expected_usd == on_demand / 2
    assert found.way("batch").against_on_demand == 0.5
    assert found.cheapest in {"batch", "flex"}
    assert [way.name for way in found.ways] == ["batch", "on-demand", "flex"]


def test_cached_reads_are_full_input_in_batch(tmp_path):
    """A shared beginning of 40,000 bytes: on demand 99 of 100 requests read it at a tenth; batch pays for all of it.

    Sonnet 4.6 (geo): input 3.30, cache read 0.33, write 4.125, batch 1.65 USD per million.
    """
    records = questions(100, system="a" * 40_000, max_tokens=1)
    found = compared(tmp_path, records)
    shared = 40_000 // 4 + 8
    assert found.cacheable_tokens == 99 * shared
    plain, cached, batch = (found.way(name).expected_usd for name in ("on-demand", "on-demand-cached", "batch"))
    saved = (Decimal("3.30") - Decimal("0.33")) * 99 * shared - (Decimal("4.125") - Decimal("3.30")) * shared
    assert cached == plain - saved / MTOK
    assert batch == plain / 2
    assert cached < batch
    assert found.cheapest == "on-demand-cached"
    assert found.way("on-demand-cached").range_usd[1] == found.way("on-demand").range_usd[1]
    assert "cache_hit_share" in {a.name for a in found.assumptions}
    worth = (Decimal("3.30") - Decimal("0.33")) * found.input_tokens / MTOK
    assert found.cached_share_break_even == pytest.approx(float((plain - batch) / worth))


def test_a_beginning_too_short_for_the_cache(tmp_path):
    """Below the least prefix of the model nothing is cached, and no such way is shown."""
    found = compared(tmp_path, questions(100, system="a" * 400))
    assert found.cacheable_tokens == 0
    assert "on-demand-cached" not in {way.name for way in found.ways}


def test_cache_points_may_stand_in_it(tmp_path):
    """What a cache point marks counts as a beginning here; `prepare` refuses it."""
    marked = [{"text": "a" * 40_000}, {"cachePoint": {"type": "default"}}, {"text": "Go on."}]
    records = [{"recordId": f"r{i}", "messages": [{"role": "user", "content": marked}]} for i in range(3)]
    found = compared(tmp_path, records)
    assert found.cacheable_tokens >= 2 * 10_000
    assert not found.batchable


def test_the_break_even_that_is_none(tmp_path):
    """Where output outweighs all input no share of cached reads makes on demand as cheap as batch."""
    assert compared(tmp_path, questions(100), output_tokens=1000).cached_share_break_even is None


def test_fewer_than_a_job_takes(tmp_path):
    """Three prompts are priced each way, and batch is not the recommendation."""
    found = compared(tmp_path, questions(3))
    assert (found.batchable, found.cheapest) == (False, "on-demand")
    assert "100 at least" in found.why_not
    assert "about" in found.answer
    assert found.why_not in found.answer


def test_models_without_batch(tmp_path):
    """A model that has none is compared all the same; an unknown price is the usual half, and assumed."""
    found = compared(tmp_path, questions(100), "us.anthropic.claude-haiku-5-5")
    batch, base = found.way("batch"), found.way("on-demand")
    assert batch.availability == "unknown"
    ratio = next(a for a in found.assumptions if a.name == "batch_ratio")
    assert float(batch.expected_usd) == pytest.approx(float(base.expected_usd) * ratio.value)
    low, high = (float(usd) for usd in batch.range_usd)
    assert low == pytest.approx(float(base.range_usd[0]) * ratio.lo)
    assert high == pytest.approx(float(base.range_usd[1]) * ratio.hi)
    assert batch.worst_usd is None
    assert "the batch price is unknown" in found.answer
    assert "USD by the usual ratio, no price is published" in found.answer
    assert found.cheapest == "on-demand"
    assert found.cached_share_break_even is None
    none = compared(tmp_path, questions(100), "mistral.mistral-large-2407")
    assert (none.way("batch").availability, none.batchable) == ("no", False)


def test_what_is_unknown_is_shown_as_unknown(tmp_path):
    """No NaN or None in a notebook; in the frame a range is two columns of numbers."""
    found = compared(tmp_path, questions(120), NOVA)
    frame, shown = found.to_frame(), found._repr_html_()
    flex = frame.set_index("name").loc["flex"]
    assert math.isnan(flex["worst_usd"])
    assert flex["low_usd"] <= flex["expected_usd"] <= flex["high_usd"]
    assert frame["low_usd"][0] == float(found.ways[0].range_usd[0])
    assert all(frame[name].dtype == float for name in ("expected_usd", "low_usd", "high_usd", "worst_usd"))
    assert "<td>unknown</td>" in shown
    assert "NaN" not in shown
    assert "None" not in shown
    assert f"<td>{float(found.way('batch').expected_usd):.4g}</td>" in shown


@pytest.mark.parametrize("more", [{"output_tokens": -1}, {"max_tokens": 0}, {"kind": "x"}])
def test_bad_settings(tmp_path, more):
    """A value out of its range is refused."""
    with pytest.raises(InputError, match="allowed"):
        compared(tmp_path, questions(3), **more)


def test_the_command(tmp_path, capsys):
    """One JSON object, money as numbers; a table for people."""
    path = str(write_lines(tmp_path / "in.jsonl", questions(120)))
    rest = {"region": None, "scope": None, "overlay": None, "date": "2026-11-22"}
    batch_input.compare(path, NOVA, **rest, json=True)
    shown = json.loads(capsys.readouterr().out)
    assert {way["name"] for way in shown["ways"]} == {"batch", "on-demand", "flex"}
    assert isinstance(shown["ways"][0]["expected_usd"], float)
    assert shown["batchable"] is True
    batch_input.compare(path, NOVA, **rest, json=False)
    assert "turnaround" in capsys.readouterr().out


def test_results_show_themselves(tmp_path):
    """A notebook sees the ways as a table."""
    found = compared(tmp_path, questions(100), NOVA)
    assert list(found.to_frame()["name"]) == ["batch", "on-demand", "flex"]
    assert "<table" in found._repr_html_()
