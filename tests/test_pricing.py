"""Prices against hand arithmetic, exact on a bill and in float64 over rows."""

import gzip
import json
import os
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_lab.assumptions import Origin
from bedrock_lab.billing import bill
from bedrock_lab.catalogue import TIERS, Spot, models, prices
from bedrock_lab.catalogue.pricelist import ALL_BUCKETS
from bedrock_lab.errors import InputError, UnknownPriceError
from bedrock_lab.pricing import price, price_vector
from bedrock_lab.quote import plain
from bedrock_lab.rows import priced_rows, row_costs
from bedrock_lab.traffic import Usage, make_trace

P = prices("2026-11-22")
M = 1_000_000


def cost(usage, model, **where):
    return plain(price(usage, model, prices=P, **where).cost_usd)


def mtok(rate, tokens):
    """Price `tokens` at `rate` USD per million, by hand."""
    return Decimal(str(rate)) * tokens / M


class TestHandArithmetic:
    """Published figures, redone with pencil and paper."""

    @pytest.mark.parametrize(
        ("model", "where", "usd"),
        [
            ("anthropic.claude-sonnet-4-6", {}, "4.95"),  # 3.30 + 0.1 * 16.50
            ("us.anthropic.claude-sonnet-4-6", {}, "4.95"),
            ("anthropic.claude-sonnet-4-6", {"scope": "geo"}, "4.95"),
            ("anthropic.claude-sonnet-4-6", {"scope": "global"}, "4.5"),  # 3.00 + 0.1 * 15.00
            ("global.anthropic.claude-sonnet-4-6", {}, "4.5"),
            ("anthropic.claude-sonnet-4-6", {"tier": "batch"}, "2.475"),  # half of 4.95
            ("amazon.nova-pro", {"tier": "priority"}, "1.96"),  # 1.40 + 0.1 * 5.60
            ("amazon.nova-pro", {"tier": "flex"}, "0.56"),  # 0.40 + 0.1 * 1.60
        ],
    )
    def test_a_million_in_and_a_tenth_out(self, model, where, usd):
        """1,000,000 input and 100,000 output tokens."""
        assert cost(Usage(input_tokens=M, output_tokens=100_000), model, **where) == usd

    def test_llama_batch(self):
        """Llama 3.3 70B in batch is 0.36 USD per million both ways."""
        assert cost(Usage(input_tokens=M, output_tokens=M), "meta.llama3-3-70b-instruct", tier="batch") == "0.72"

    def test_cache_buckets(self):
        """Haiku 4.5: a million each read (0.11), written for 5 minutes (1.375) and for an hour (2.20)."""
        usage = Usage(input_tokens=0, cache_read_tokens=M, cache_write_5m_tokens=M, cache_write_1h_tokens=M)
        assert cost(usage, "anthropic.claude-haiku-4-5") == "3.685"

    def test_a_long_prompt_reprices_every_token(self):
        """Haiku 5.5 above 100,000 prompt tokens: 0.55 and 2.75 for all of them, not for the excess."""
        assert cost(Usage(input_tokens=150_000, output_tokens=1_000), "anthropic.claude-haiku-5-5") == "0.08525"
        assert cost(Usage(input_tokens=90_000, output_tokens=1_000), "anthropic.claude-haiku-5-5") == "0.01045"

    def test_the_threshold_looks_at_one_request(self):
        """Ten requests of 90,000 are ten short ones; cached tokens count towards the length."""
        ten = price(
            Usage(input_tokens=90_000, output_tokens=1_000), "anthropic.claude-haiku-5-5", requests=10, prices=P
        )
        assert plain(ten.cost_usd) == "0.1045"
        usage = Usage(input_tokens=90_000, cache_read_tokens=20_000)
        assert price(usage, "anthropic.claude-haiku-5-5", prices=P).lines[0].above_tokens == 100_000

    def test_exactly_at_the_threshold_is_short(self):
        """Above means above."""
        assert price(Usage(input_tokens=100_000), "anthropic.claude-haiku-5-5", prices=P).lines[0].above_tokens == 0
        assert (
            price(Usage(input_tokens=100_001), "anthropic.claude-haiku-5-5", prices=P).lines[0].above_tokens == 100_000
        )

    def test_lines_carry_source_and_date(self):
        """Every line says where its price comes from and since when."""
        for line in price(Usage(input_tokens=1, output_tokens=1), "amazon.nova-pro", prices=P).lines:
            entry = line.to_dict()
            assert entry["source"]
            assert entry["known_from"] <= "2026-11-22"


class TestRefusals:
    """What has no price is refused, naming what has."""

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            ({"tier": "flex", "model": "anthropic.claude-sonnet-4-6"}, "priced: default, batch"),
            ({"tier": "batch", "model": "anthropic.claude-haiku-5-5"}, "priced: default"),
            ({"tier": "reserved", "model": "amazon.nova-pro"}, "by the hour"),
            ({"model": "amazon.nova-pro", "scope": "global"}, "priced: in-region and geo"),
            ({"model": "amazon.nova-pro", "requests": 0}, "whole number of 1 or more"),
        ],
    )
    def test_refused(self, call, message):
        """Tier, scope, batch of a 5.5 model and zero requests."""
        with pytest.raises(InputError, match=message):
            price(Usage(input_tokens=1), prices=P, **call)

    def test_cache_tokens_in_batch(self):
        """There is no prompt caching in batch."""
        with pytest.raises(UnknownPriceError, match="does not work in batch"):
            price(Usage(input_tokens=1, cache_read_tokens=1), "anthropic.claude-sonnet-4-6", tier="batch", prices=P)

    def test_a_long_context_bucket_nobody_published(self):
        """Haiku 5.5 has no 1-hour write price above 100,000 tokens."""
        with pytest.raises(UnknownPriceError, match="above 100,000 prompt tokens"):
            price(Usage(input_tokens=150_000, cache_write_1h_tokens=1), "anthropic.claude-haiku-5-5", prices=P)

    @pytest.mark.parametrize("value", [-1, 1.5, True])
    def test_no_count_of_tokens(self, value):
        """Negative, fractional and boolean tokens."""
        with pytest.raises(InputError, match="whole number of 0 or more"):
            Usage(input_tokens=value)


def spots():
    """Every model x tier x scope that is priced in us-east-1."""
    for model in models():
        for scope in ("in-region", "geo", "global"):
            for tier in TIERS:
                spot = Spot(model, "us-east-1", scope, tier)
                if P.has(spot, "input") and P.has(spot, "output"):
                    yield spot


SPOTS = list(spots())


def test_most_of_the_price_list_is_reached():
    """The property below covers every model that has both prices there."""
    assert len(SPOTS) > 400


@given(data=st.data())
@settings(max_examples=20_000 if os.environ.get("BEDROCK_LAB_FULL") == "1" else 400, deadline=None)
def test_decimal_and_float64_agree(data):
    """A bill and a vector give the same cost to 1e-9, for any model, tier, scope and buckets."""
    spot = data.draw(st.sampled_from(SPOTS))
    edges = (0, *P.thresholds(spot.model, spot.scope, spot.tier))
    sold = [b for b in ALL_BUCKETS if all(P.has(spot, b, e) for e in edges)]
    sold = [b for b in sold if spot.tier != "batch" or not b.startswith("cache")]
    tokens = {f"{b}_tokens": data.draw(st.integers(0, 400_000)) for b in sold}
    usage = Usage(**({"input_tokens": 0} | tokens))
    exact = price(usage, spot.model, scope=spot.scope, tier=spot.tier, prices=P).cost_usd
    vector = price_vector(P, spot, {b: np.array([float(usage.tokens(b))]) for b in sold})
    assert vector[0] == pytest.approx(float(exact), rel=1e-9, abs=0)


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 10**6))
def test_cost_is_additive_and_monotone(inputs, outputs, requests):
    """N requests cost N times one, and more tokens never cost less."""
    one = price(Usage(input_tokens=inputs, output_tokens=outputs), "amazon.nova-pro", prices=P).cost_usd
    many = price(
        Usage(input_tokens=inputs, output_tokens=outputs), "amazon.nova-pro", requests=requests, prices=P
    ).cost_usd
    more = price(Usage(input_tokens=inputs + 1, output_tokens=outputs), "amazon.nova-pro", prices=P).cost_usd
    assert many == one * requests
    assert one == mtok("0.8", inputs) + mtok("3.2", outputs)
    assert more > one


def trace_of(**columns):
    arrays = {k: np.asarray(v) for k, v in columns.items()}
    return make_trace(arrays, origin=Origin.LOG, source="rows of a test", format="test")


class TestBill:
    """A Trace's own rows, grouped."""

    def test_groups_sum_to_the_total_exactly(self):
        """Two apps and two models; every amount is an exact decimal."""
        trace = trace_of(
            time_s=[0.0, 1.0, 2.0],
            model=np.array(["amazon.nova-pro", "us.anthropic.claude-sonnet-4-6", "amazon.nova-pro"], dtype=object),
            app=np.array(["chat", "chat", "search"], dtype=object),
            input_tokens=[1_000, 2_000, 3_000],
            output_tokens=[100, 200, 300],
        )
        found = bill(trace, P, by="app,model")
        expected = mtok("0.8", 4_000) + mtok("3.2", 400) + mtok("3.3", 2_000) + mtok("16.5", 200)
        assert found.cost_usd == expected
        assert sum(Decimal(g["cost_usd"]) for g in found.by) == expected
        assert {(g["app"], g["model"]) for g in found.by} == {
            ("chat", "amazon.nova-pro"),
            ("chat", "anthropic.claude-sonnet-4-6"),
            ("search", "amazon.nova-pro"),
        }

    def test_a_format_without_cache_columns_is_one_assumption(self):
        """No prompt caching is said once, not taken in silence."""
        trace = trace_of(time_s=[0.0], input_tokens=[10], output_tokens=[1])
        assert [a.name for a in bill(trace, P, model="amazon.nova-pro").assumptions] == ["no_prompt_caching"]

    def test_rows_that_leave_cache_tokens_open_are_said(self):
        """A null is not a silent zero, nor are writes a format does not hold."""
        trace = trace_of(
            time_s=[0.0, 1.0], input_tokens=[10, 10], output_tokens=[1, 1], cache_read_tokens=[5.0, float("nan")]
        )
        names = {a.name: a.source for a in bill(trace, P, model="amazon.nova-pro").assumptions}
        assert names.keys() == {"unknown_cache_tokens", "no_cache_writes"}
        assert names["unknown_cache_tokens"].startswith("1 rows")

    def test_writes_of_unknown_ttl_are_a_range(self):
        """Sonnet 4.6: 4.125 (5 minutes) to 6.60 (an hour) per million."""
        trace = trace_of(time_s=[0.0], input_tokens=[0], output_tokens=[0], cache_write_unknown_tokens=[1_000_000])
        found = bill(trace, P, model="us.anthropic.claude-sonnet-4-6")
        assert [plain(x) for x in found.lo_hi] == ["4.125", "6.6"]
        assert any(a.name == "cache_write_ttl" for a in found.assumptions)

    def test_repricing_is_a_range_over_the_token_ratio(self):
        """Another tokenizer may make 1 to 1.35 times the tokens."""
        trace = trace_of(time_s=[0.0], input_tokens=[1_000_000], output_tokens=[0])
        found = bill(trace, P, as_model="amazon.nova-pro")
        assert [plain(x) for x in found.lo_hi] == ["0.8", "1.08"]

    def test_throttled_and_failed_rows_are_not_priced(self):
        """They are counted instead."""
        trace = trace_of(
            time_s=[0.0, 1.0],
            input_tokens=[1_000_000, 1_000_000],
            output_tokens=[0, 0],
            outcome=np.array(["ok", "throttled"], dtype=object),
        )
        found = bill(trace, P, model="amazon.nova-pro")
        assert plain(found.cost_usd) == "0.8"
        assert "1 throttled or failed rows are not priced" in found.warnings

    def test_rows_without_a_price_are_counted_by_reason(self):
        """Nova Pro a million x 0.80 + 100,000 x 3.20, flex at half of it; Reserved and Sonnet's flex are left out."""
        nova, sonnet = "amazon.nova-pro", "us.anthropic.claude-sonnet-4-6"
        trace = trace_of(
            time_s=np.arange(6.0),
            model=np.array([nova, nova, nova, sonnet, sonnet, nova], dtype=object),
            tier=np.array(["default", "reserved", "flex", "flex", "flex", "reserved"], dtype=object),
            outcome=np.array(["ok", "ok", "ok", "ok", "ok", "throttled"], dtype=object),
            input_tokens=[M] * 6,
            output_tokens=[100_000] * 6,
        )
        found = bill(trace, P, by="tier")
        assert (plain(found.cost_usd), found.requests) == ("1.68", 2)  # 0.80 + 0.32, 0.40 + 0.16
        assert {g["tier"]: g["cost_usd"] for g in found.by} == {"default": "1.12", "flex": "0.56"}
        assert [w for w in found.warnings if "not priced" in w] == [
            "1 throttled or failed rows are not priced",
            "1 rows of the Reserved tier are not priced: it is bought by the hour",
            f"2 rows are not priced: no price for tier flex of {sonnet[3:]} (geo); priced: default, batch",
        ]
        served = np.array([True, False, True, False, False, False])
        assert bill(trace.select(served), P).cost_usd == found.cost_usd
        with pytest.raises(UnknownPriceError, match="no price for tier flex"):
            bill(trace.select(np.array([False, True, False, True, True, False])), P)
        with pytest.raises(InputError, match=r"no row can be priced \(all throttled, failed, Reserved or"):
            bill(trace.select(np.array([False, True, False, False, False, True])), P)

    def test_a_row_without_a_price_of_one_bucket(self):
        """Haiku 5.5 above 100,000 has no 1-hour write: that row alone is left out; 0.011 below + 0.0825 above."""
        trace = trace_of(
            time_s=[0.0, 1.0, 2.0],
            input_tokens=[100_000, 150_000, 150_000],
            output_tokens=[0, 0, 0],
            cache_write_1h_tokens=[0, 1, 0],
        )
        found = bill(trace, P, model="anthropic.claude-haiku-5-5")
        assert plain(found.cost_usd) == "0.0935"
        assert any(w.startswith("1 rows are not priced: no cache_write_1h price") for w in found.warnings)
        with pytest.raises(UnknownPriceError, match="above 100,000 prompt tokens"):
            bill(trace, P, as_model="anthropic.claude-haiku-5-5")

    def test_no_model_is_refused(self):
        """Somebody has to say whose tokens these are."""
        with pytest.raises(InputError, match="names no model"):
            bill(trace_of(time_s=[0.0], input_tokens=[1], output_tokens=[1]), P)

    def test_an_unknown_group_is_refused(self):
        """Only columns of a Trace group it."""
        with pytest.raises(InputError, match="cannot group by 'team'"):
            bill(trace_of(time_s=[0.0], input_tokens=[1], output_tokens=[1]), P, by="team", model="amazon.nova-pro")

    def test_windows_and_requests_cost_the_same(self):
        """Sums of requests cost what the requests cost, where no threshold divides them."""
        single = trace_of(time_s=[0.0, 10.0, 70.0], input_tokens=[100, 200, 300], output_tokens=[1, 2, 3])
        summed = make_trace(
            {
                "time_s": np.array([0.0, 60.0]),
                "requests": np.array([2, 1]),
                "input_tokens": np.array([300, 300]),
                "output_tokens": np.array([3, 3]),
            },
            origin=Origin.LOG,
            source="sums",
            format="test",
            kind="windows",
            window_s=60.0,
        )
        one, two = (bill(t, P, model="amazon.nova-pro") for t in (single, summed))
        assert one.cost_usd == two.cost_usd
        assert (one.requests, two.requests) == (3, 3)

    def test_rows_and_bill_agree(self):
        """Row costs in float64 sum to the exact bill."""
        rng = np.random.default_rng(0)
        trace = trace_of(
            time_s=np.arange(500.0),
            input_tokens=rng.integers(0, 250_000, 500),
            output_tokens=rng.integers(0, 4_000, 500),
            cache_read_tokens=rng.integers(0, 50_000, 500),
        )
        for model in ("us.anthropic.claude-haiku-5-5", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"):
            total = row_costs(priced_rows(trace, model=model), P).sum()
            assert total == pytest.approx(float(bill(trace, P, model=model).cost_usd), rel=1e-9)


def test_an_overlay_shows_list_and_net(tmp_path):
    """12 % off the list; both stand in the answer."""
    path = tmp_path / "discounts.toml"
    path.write_text('[[price]]\nprovider = "amazon"\neffective = 2026-10-01\nmultiplier = 0.88\nsource = "agreement"\n')
    found = price(Usage(input_tokens=M), "amazon.nova-pro", prices=prices("2026-11-22", str(path))).to_dict()
    assert (found["list_usd"], found["net_usd"], found["cost_usd"]) == ("0.8", "0.704", "0.704")
    assert found["lines"][0]["agreement"] == "agreement"


def test_public_agent_rounds_priced_with_their_own_list(data_file, tmp_path):
    """TraceLab's example rounds at that project's prices: Claude 0.5795915 USD, Codex 0.0893795 USD."""
    with gzip.open(data_file("tracelab_example_rounds.jsonl.gz"), "rt", encoding="utf-8") as file:
        rounds = [json.loads(line) for line in file]
    exact = json.loads(gzip.decompress(data_file("tracelab_pricing.json.gz").read_bytes()))["exact"]
    ours = {"claude:claude-opus-4-8": "anthropic.claude-opus-4-8", "codex:gpt-5.4": "openai.gpt-5.4"}
    rates = {
        "inputPerM": "input",
        "cachedInputPerM": "cache_read",
        "cacheWrite5mInputPerM": "cache_write_5m",
        "outputPerM": "output",
    }
    path = tmp_path / "their-list.toml"
    path.write_text(
        "".join(
            f'[[price]]\nmodel = "{ours[name]}"\nbucket = "{rates[key]}"\nusd_per_mtok = "{value}"\n'
            'effective = 2026-06-01\nsource = "TraceLab, list of 2026-06"\n'
            for name, prices_of in exact.items()
            if name in ours
            for key, value in prices_of.items()
            if key in rates
        )
    )
    theirs = prices("2026-11-22", str(path))
    totals = {"claude": Decimal(0), "codex": Decimal(0)}
    for one in rounds:
        if one["provider"] == "claude":
            usage = Usage(
                input_tokens=one["claude_uncached_input_tokens"],
                cache_read_tokens=one["claude_cache_read_input_tokens"],
                cache_write_5m_tokens=one["claude_cache_creation_input_tokens"],
                output_tokens=one["output_tokens"],
            )
        else:
            usage = Usage(
                input_tokens=one["newly_append_tokens"],
                cache_read_tokens=one["prefix_tokens"],
                output_tokens=one["output_tokens"],
            )
        model = ours[f"{one['provider']}:{one['model']}"]
        totals[one["provider"]] += price(usage, model, scope="global", prices=theirs).cost_usd
    assert totals == {"claude": Decimal("0.5795915"), "codex": Decimal("0.0893795")}
