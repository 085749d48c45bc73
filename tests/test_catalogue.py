"""The catalogue: every row is well formed, every id resolves, what is not known is refused."""

import subprocess
import sys
from collections import defaultdict
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from bedrock_lab.catalogue import (
    Spot,
    find,
    invocable,
    lifecycle,
    models,
    offer,
    price_rows,
    prices,
    regions,
    resolve,
)
from bedrock_lab.catalogue.behaviour import cache_rule, published_latency
from bedrock_lab.catalogue.offers import batch_limits, quota, reserved_prices, unit_prices
from bedrock_lab.catalogue.overlay import read_overlay
from bedrock_lab.catalogue.pricelist import ALL_BUCKETS, TIERS
from bedrock_lab.catalogue.tables import price_files, table
from bedrock_lab.catalogue.target import target
from bedrock_lab.errors import InputError, UnknownModelError, UnknownPriceError
from bedrock_lab.pricing import price, price_vector
from bedrock_lab.traffic import Usage

P = prices("2026-11-22")
TODAY = date(2026, 11, 22)
SOURCES = {row["source"] for row in table("sources")}
LABELS = {"*", *regions(), *(row["prefix"] for row in table("prefixes"))}


def all_rows():
    return [row for model in models() for row in price_rows(model)]


class TestEveryPriceRow:
    """A walk over the whole price list."""

    def test_belongs_to_a_known_model(self):
        """No price file names a model the catalogue does not hold."""
        named = {row["model"] for file in price_files() for row in table(file)}
        assert named <= set(models())

    def test_is_positive_and_dated(self):
        """A price is above zero, and known before it was checked."""
        for row in all_rows():
            assert row.usd_per_mtok > 0, row
            assert row.known_from <= row.checked <= TODAY, row
            assert row.effective is None or row.effective <= TODAY, row

    def test_names_known_places_tiers_buckets_and_sources(self):
        """Every label is one the code knows, every source is described."""
        for row in all_rows():
            assert row.region in LABELS, row
            assert row.scope in {"regional", "global"}, row
            assert row.tier in TIERS, row
            assert row.bucket in ALL_BUCKETS, row
            assert row.above_tokens in {0, 100_000, 200_000, 272_000}, row
            assert {row.source, *row.also} <= SOURCES, row

    def test_overlaps_no_other(self):
        """Two rows in force never speak of the same price from the same day."""
        seen = defaultdict(list)
        for row in all_rows():
            if row.used:
                seen[row.model, row.region, row.scope, row.tier, row.above_tokens, row.bucket, row.since].append(row)
        assert [rows for rows in seen.values() if len(rows) > 1] == []

    def test_set_aside_says_why(self):
        """A source that disagrees is kept with the reason it does not count."""
        aside = [row for row in all_rows() if not row.used]
        assert len(aside) > 100
        assert all(row.note for row in aside)

    def test_cache_reads_are_never_dearer_than_input(self):
        """Within one spot a cached token costs no more than a fresh one."""
        for row in all_rows():
            if row.used and row.bucket == "cache_read" and row.region in {"*", "us-east-1"}:
                scope = "global" if row.scope == "global" else "in-region"
                spot = Spot(row.model, "us-east-1", scope, row.tier)
                assert row.usd_per_mtok <= P.row(spot, "input", row.above_tokens).usd_per_mtok, row


class TestOtherTables:
    """The small tables beside the prices."""

    @pytest.mark.parametrize(
        "name",
        ["provisioned", "provisioned_ids", "reserved", "units", "quotas", "caching", "latency", "lifecycle", "scopes"],
    )
    def test_rows_name_known_models_and_sources(self, name):
        """Each row speaks of a known model and has a described source."""
        for row in table(name):
            assert row["model"] in models(), row
            assert row["source"] in SOURCES or row["source"].startswith("github:"), row

    def test_capacity_prices_are_positive_and_dated(self):
        """Provisioned and Reserved prices are above zero with an ISO date."""
        for name, column in (("provisioned", "usd_per_unit_hour"), ("reserved", "usd_per_hour_per_1k_tpm")):
            for row in table(name):
                assert Decimal(row[column]) > 0
                assert date.fromisoformat(row["known_from"]) <= TODAY

    def test_every_model_has_three_scopes(self):
        """Whether a scope can be invoked is yes, no or unknown for every model."""
        for model in models():
            assert set(invocable(model)) == {"in-region", "geo", "global"}
            assert set(invocable(model).values()) <= {"yes", "no", "unknown"}

    def test_replacements_are_models(self):
        """A named replacement is in the catalogue and not past its own end."""
        for row in table("lifecycle"):
            if row["event"] == "replacement":
                assert lifecycle(find(row["value"]).id, TODAY).state == "ACTIVE", row

    def test_reserved_is_the_on_demand_price_of_full_use(self):
        """1,000 tokens/min reserved for an hour are 60,000 tokens: one month costs those, three months 0.9 of them."""
        for model in {row["model"] for row in table("reserved")}:
            for scope in ("in-region", "global"):
                sold = reserved_prices(P, model, "us-east-1", scope)
                for i, bucket in enumerate(("input", "output")):
                    full = P.row(Spot(model, "us-east-1", scope, "default"), bucket).usd_per_mtok * 60_000 / 1_000_000
                    assert sold["1m"].usd_per_hour_per_ktpm[i] == full
                    assert sold["3m"].usd_per_hour_per_ktpm[i] == full * Decimal("0.9")


class TestIds:
    """Every id form a user may hold."""

    @pytest.mark.parametrize(
        ("given", "model", "scope"),
        [
            ("anthropic.claude-haiku-4-5", "anthropic.claude-haiku-4-5", "in-region"),
            ("anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-haiku-4-5", "in-region"),
            ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-haiku-4-5", "geo"),
            ("us.anthropic.claude-haiku-4-5", "anthropic.claude-haiku-4-5", "geo"),
            ("global.anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-haiku-4-5", "global"),
            ("amazon.nova-pro-v1:0", "amazon.nova-pro", "in-region"),
            ("amazon.nova-pro-v1:0:24k", "amazon.nova-pro", "in-region"),
            ("amazon.nova-pro", "amazon.nova-pro", "in-region"),
            ("deepseek.v3.2", "deepseek.v3.2", "in-region"),
            ("openai.gpt-oss-120b", "openai.gpt-oss-120b", "in-region"),
            ("openai.gpt-oss-120b-1:0", "openai.gpt-oss-120b", "in-region"),
            ("us-gov.openai.gpt-oss-20b-1:0", "openai.gpt-oss-20b", "geo"),
            ("meta.llama3-1-70b-instruct-v1:0:128k", "meta.llama3-1-70b-instruct", "in-region"),
            ("anthropic.claude-3-5-sonnet-20241022-v2:0", "anthropic.claude-3-5-sonnet-v2", "in-region"),
            ("anthropic.claude-3-5-sonnet-20240620-v1:0", "anthropic.claude-3-5-sonnet", "in-region"),
            ("amazon.titan-embed-text-v2:0", "amazon.titan-embed-text-v2", "in-region"),
            ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0", "amazon.nova-pro", "in-region"),
            (
                "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-6",
                "anthropic.claude-sonnet-4-6",
                "geo",
            ),
        ],
    )
    def test_resolve(self, given, model, scope):
        """An id gives its model and its scope."""
        ref = resolve(given)
        assert (ref.model.id, ref.scope, ref.model_id) == (model, scope, given)

    def test_every_id_and_alias_of_every_model_resolves_to_it(self):
        """No id leads to another model."""
        for model in models().values():
            for name in (model.id, *model.ids, *model.aliases):
                assert resolve(name).model.id == model.id, name

    @pytest.mark.parametrize("kind", ["provisioned-model", "application-inference-profile"])
    def test_opaque_arns_ask_for_the_model(self, kind):
        """An ARN that does not say its model is refused."""
        with pytest.raises(InputError, match="give the model id itself"):
            resolve(f"arn:aws:bedrock:us-east-1:123456789012:{kind}/abcdef123456")

    def test_an_unknown_model_is_refused_with_the_closest_known(self):
        """A typing error is answered with what was probably meant."""
        with pytest.raises(UnknownModelError, match=r"anthropic\.claude-sonnet-4-6"):
            resolve("anthropic.claude-sonet-4-6")

    def test_prefixes_come_from_the_catalogue(self):
        """A prefix that no profile has is part of an unknown id."""
        with pytest.raises(UnknownModelError):
            resolve("mars.amazon.nova-pro-v1:0")


class TestTarget:
    """Region and scope from id, flags and defaults."""

    def test_a_scope_against_the_prefix_is_refused(self):
        """`us.` is geo; asking for global contradicts it."""
        with pytest.raises(InputError, match="contradicts the prefix"):
            target("us.anthropic.claude-sonnet-4-6", scope="global")

    def test_a_profile_of_another_geography_is_refused(self):
        """An EU profile cannot be called from us-east-1."""
        with pytest.raises(InputError, match="cannot be called from us-east-1"):
            target("eu.anthropic.claude-sonnet-4-6", region="us-east-1")

    def test_a_profile_without_region_is_priced_in_its_geography_and_says_so(self):
        """No Region given: the first of the geography, with a warning."""
        found = target("eu.amazon.nova-pro-v1:0")
        assert found.region == "eu-central-1"
        assert any("no Region given" in w for w in found.warnings)

    def test_an_arn_brings_its_region(self):
        """The Region of the ARN counts, and contradicting it is refused."""
        arn = "arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-pro-v1:0"
        assert target(arn).region == "us-west-2"
        with pytest.raises(InputError, match="contradicts the Region us-west-2"):
            target(arn, region="us-east-1")

    def test_an_id_that_cannot_be_invoked_names_the_profile(self):
        """The bare id of Sonnet 4.6 is answered with the profile to call."""
        assert "call us.anthropic.claude-sonnet-4-6" in target("anthropic.claude-sonnet-4-6").warnings[0]

    @pytest.mark.parametrize(("field", "value"), [("region", "mars-1"), ("scope", "local"), ("tier", "gold")])
    def test_unknown_values_name_the_known(self, field, value):
        """Region, scope and tier are checked against what exists."""
        with pytest.raises(InputError, match=f"unknown .*'{value}'.*(known|allowed)"):
            target("amazon.nova-pro", **{field: value})


class TestPricesInForce:
    """Which row holds on a day."""

    def test_a_day_before_the_first_row_is_refused_naming_it(self):
        """The first price of Sonnet 4.6 was seen on 2026-07-24."""
        spot = Spot("anthropic.claude-sonnet-4-6", "us-east-1", "in-region", "default")
        with pytest.raises(UnknownPriceError, match="first row is of 2026-07-24"):
            prices("2026-07-23").row(spot, "input")
        assert prices("2026-07-24").row(spot, "input").usd_per_mtok == Decimal("3.3")

    def test_a_reprice_holds_from_its_effective_day(self):
        """Claude 3.5 Sonnet doubled in public extended access on 2025-12-01."""
        spot = Spot("anthropic.claude-3-5-sonnet", "us-east-1", "in-region", "default")
        assert prices("2025-11-30").row(spot, "input").usd_per_mtok == 3
        assert prices("2025-12-01").row(spot, "input").usd_per_mtok == 6

    def test_the_same_facts_in_another_order_give_the_same_price(self):
        """A lookup does not depend on what was looked up before."""
        spot = Spot("amazon.nova-pro", "eu-west-1", "geo", "default")
        assert P.row(spot, "input").usd_per_mtok == Decimal("0.92")
        assert P.row(spot._replace(region="eu-central-1"), "input").usd_per_mtok == Decimal("1.05")

    def test_an_unpriced_region_names_those_that_are(self):
        """Llama 3.3 has no price in Paris."""
        with pytest.raises(UnknownPriceError, match="in eu-west-3; priced in: the us geography"):
            P.row(Spot("meta.llama3-3-70b-instruct", "eu-west-3", "in-region", "default"), "input")

    def test_a_tier_without_price_names_those_that_have_one(self):
        """Claude is not sold in flex."""
        with pytest.raises(UnknownPriceError, match="priced: default, batch"):
            P.row(Spot("anthropic.claude-sonnet-4-6", "us-east-1", "geo", "flex"), "input")

    def test_a_bucket_without_price_names_those_that_have_one(self):
        """Llama has no prompt cache."""
        with pytest.raises(UnknownPriceError, match="priced there: input, output"):
            P.row(Spot("meta.llama3-3-70b-instruct", "us-east-1", "in-region", "default"), "cache_read")

    def test_disagreeing_sources_are_both_kept(self):
        """Litellm's bare id shows the global price; it stands beside the in-region one."""
        rows = [r for r in price_rows("anthropic.claude-sonnet-4-6") if r.bucket == "input" and r.tier == "default"]
        assert {(str(r.usd_per_mtok), r.used) for r in rows if r.scope == "regional"} == {("3.3", True), ("3", False)}

    def test_openai_writes_live_thirty_minutes(self):
        """No OpenAI model has a 5-minute write."""
        buckets = {r.bucket for m in models() if m.startswith("openai.") for r in price_rows(m)}
        assert "cache_write_30m" in buckets
        assert "cache_write_5m" not in buckets


class TestLifecycle:
    """States on a day."""

    def test_states_follow_the_dates(self):
        """Claude 3 Haiku: active, legacy from 2026-03-10, ended 2026-09-10."""
        states = [lifecycle("anthropic.claude-3-haiku", d).state for d in ("2026-03-09", "2026-03-10", "2026-09-10")]
        assert states == ["ACTIVE", "LEGACY", "EOL"]

    def test_active_needs_a_source_of_2026(self):
        """Titan Text is in no list of 2026, so its state is not known."""
        assert lifecycle("amazon.titan-text-express", TODAY).state == "UNKNOWN"

    def test_the_end_names_a_replacement(self):
        """Claude 3 Haiku is followed by Haiku 5.5."""
        assert lifecycle("anthropic.claude-3-haiku", TODAY).replacement == "anthropic.claude-haiku-5-5"


class TestOffers:
    """Availability of an option is yes, no or unknown, with a reason."""

    @pytest.mark.parametrize(
        ("model", "option", "availability"),
        [
            ("amazon.nova-pro", "flex", "yes"),
            ("anthropic.claude-sonnet-4-6", "batch", "yes"),
            ("anthropic.claude-haiku-5-5", "batch", "unknown"),
            ("anthropic.claude-sonnet-4-6", "priority", "no"),
            ("anthropic.claude-sonnet-4-6", "reserved", "yes"),
            ("anthropic.claude-sonnet-4-6", "provisioned", "no"),
            ("amazon.nova-pro", "provisioned", "unknown"),
            ("meta.llama3-1-70b-instruct", "provisioned", "yes"),
            ("amazon.nova-micro", "latency-optimized", "no"),
            ("meta.llama3-1-70b-instruct", "latency-optimized", "no"),
        ],
    )
    def test_offer(self, model, option, availability):
        """Each has a documented case."""
        found = offer(P, model, option, "us-east-1", "in-region")
        assert found.availability == availability
        assert found.reason

    def test_unit_prices_prefer_the_region(self):
        """Claude Instant costs more in Tokyo."""
        assert unit_prices(P, "anthropic.claude-instant", "ap-northeast-1")["1m"].usd_per_hour == Decimal("53.1")
        assert unit_prices(P, "anthropic.claude-instant", "us-east-1")["1m"].usd_per_hour == Decimal("39.6")

    def test_limits_and_claims_are_there(self):
        """Quota, batch, caching and latency tables answer by model."""
        assert quota("anthropic.claude-sonnet-4-6", "in-region")["tpm"] == "3000000"
        assert quota("amazon.nova-pro", "in-region") is None
        assert batch_limits("anthropic.claude-sonnet-4-6")["minimum_records"] == "100"
        assert cache_rule("anthropic.claude-haiku-4-5").minimum_prefix_tokens == 4096
        assert published_latency("anthropic.claude-3-5-haiku").ttft_s


class TestOverlay:
    """Negotiated prices over the list."""

    def write(self, tmp_path, text):
        path = tmp_path / "discounts.toml"
        path.write_text(text)
        return str(path)

    def test_a_multiplier_holds_from_its_day(self, tmp_path):
        """12 % off from October; the list price is untouched."""
        path = self.write(
            tmp_path,
            '[[price]]\nprovider = "anthropic"\neffective = 2026-10-01\nmultiplier = 0.88\nsource = "agreement"\n',
        )
        spot = Spot("anthropic.claude-sonnet-4-6", "us-east-1", "geo", "default")
        assert prices("2026-11-22", path).net(spot, "input", Decimal("3.3")) == (Decimal("2.904"), "agreement")
        assert prices("2026-09-30", path).net(spot, "input", Decimal("3.3")) == (Decimal("3.3"), None)
        assert prices("2026-11-22", path).row(spot, "input").usd_per_mtok == Decimal("3.3")

    def test_the_row_that_names_more_wins(self, tmp_path):
        """A model's own price beats its provider's multiplier of the same day."""
        path = self.write(
            tmp_path,
            '[[price]]\nprovider = "amazon"\neffective = 2026-10-01\nmultiplier = 0.5\nsource = "a"\n'
            '[[price]]\nmodel = "amazon.nova-pro"\nbucket = "input"\neffective = 2026-10-01\n'
            'usd_per_mtok = "0.7"\nsource = "b"\n',
        )
        spot = Spot("amazon.nova-pro", "us-east-1", "in-region", "default")
        loaded = prices("2026-11-22", path)
        assert loaded.net(spot, "input", Decimal("0.8")) == (Decimal("0.7"), "b")
        assert loaded.net(spot, "output", Decimal("3.2")) == (Decimal("1.60"), "a")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('[[price]]\nmodle = "x"\n', "unknown key 'modle'"),
            ("[[price]]\nmultiplier = 0.9\n", "effective is missing"),
            ('[[price]]\neffective = 2026-10-01\nsource = "a"\n', "exactly one of"),
            ('[[price]]\neffective = 2026-10-01\nsource = "a"\nmultiplier = -1\n', "no price"),
            ('[[price]]\neffective = 2026-10-01\nsource = "a"\nusd_per_mtok = 1\n', "needs model and bucket"),
            ("price = 3", r"holds no \[\[price\]\]"),
            ("[[price", "not readable as TOML"),
        ],
    )
    def test_mistakes_name_row_and_key(self, tmp_path, text, message):
        """Each mistake is one line."""
        with pytest.raises(InputError, match=message):
            read_overlay(self.write(tmp_path, text))

    @pytest.mark.parametrize("wrong", ['tier = "gold"', 'provider = "acme"', 'region = "mars"', 'bucket = "inputs"'])
    def test_a_match_that_matches_nothing_is_refused(self, tmp_path, wrong):
        """A typing error must not look like a discount."""
        text = f'[[price]]\n{wrong}\neffective = 2026-10-01\nmultiplier = 0.9\nsource = "a"\n'
        with pytest.raises(InputError, match=r"unknown .* known: "):
            prices("2026-11-22", self.write(tmp_path, text))

    def test_usage_types_are_said_to_apply_to_bills(self, tmp_path):
        """They match lines of a bill, which a price by the token is not."""
        row = 'usage_type = "USE1-NovaPro-input-tokens"\neffective = 2026-10-01\nmultiplier = 0.9\nsource = "a"'
        text = f"[[price]]\n{row}\n"
        assert "lines of a bill" in prices("2026-11-22", self.write(tmp_path, text)).notes[0]

    def test_a_missing_file_is_named(self):
        """No overlay, no prices."""
        with pytest.raises(InputError, match="no such file"):
            read_overlay("nowhere.toml")


def test_one_lookup_reads_one_provider():
    """A lookup parses its provider's file and no other."""
    code = (
        "from bedrock_lab.catalogue import prices, Spot, tables; "
        "prices('2026-11-22').row(Spot('amazon.nova-pro','us-east-1','in-region','default'),'input'); "
        "from bedrock_lab.catalogue.tables import table_by; "
        "import gc; "
        "print(table_by.cache_info().currsize)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == 1


def test_rows_are_frozen():
    """A fact cannot be changed in place."""
    with pytest.raises(AttributeError):
        price_rows("amazon.nova-pro")[0].usd_per_mtok = Decimal(0)


class TestLongContextOverlay:
    """Negotiated prices above a long-context threshold: Haiku 5.5 is 0.11 up to 100,000 prompt tokens, 0.55 above."""

    spot = Spot("anthropic.claude-haiku-5-5", "us-east-1", "geo", "default")

    def load(self, tmp_path, *rows):
        """Write rows of an overlay and load the prices with it."""
        path = tmp_path / "o.toml"
        head = '[[price]]\nmodel = "anthropic.claude-haiku-5-5"\neffective = 2026-11-01\nsource = "agreement"\n'
        path.write_text("".join(head + row + "\n" for row in rows))
        return prices("2026-11-22", str(path))

    def cost(self, loaded, tokens):
        """Price input alone [USD]."""
        return price(Usage(input_tokens=tokens), "us.anthropic.claude-haiku-5-5", prices=loaded).cost_usd

    def test_a_price_above_a_threshold_is_that_price_alone(self, tmp_path):
        """0.40 above 100,000 tokens: 200,000 cost 0.08; 100,000 still cost 0.011."""
        loaded = self.load(tmp_path, 'bucket = "input"\nabove_tokens = 100000\nusd_per_mtok = "0.40"')
        assert self.cost(loaded, 200_000) == Decimal("0.08")
        assert self.cost(loaded, 100_000) == Decimal("0.011")

    def test_a_price_without_a_threshold_is_the_one_below(self, tmp_path):
        """0.10 below: 100,000 cost 0.010; 200,000 stay at the list's 0.55."""
        loaded = self.load(tmp_path, 'bucket = "input"\nusd_per_mtok = "0.10"')
        assert self.cost(loaded, 100_000) == Decimal("0.010")
        assert self.cost(loaded, 200_000) == Decimal("0.11")

    def test_a_multiplier_holds_for_both_unless_it_names_one(self, tmp_path):
        """Half of everything; and half above alone."""
        both = self.load(tmp_path, "multiplier = 0.5")
        assert (self.cost(both, 100_000), self.cost(both, 200_000)) == (Decimal("0.0055"), Decimal("0.055"))
        above = self.load(tmp_path, "multiplier = 0.5\nabove_tokens = 100000")
        assert (self.cost(above, 100_000), self.cost(above, 200_000)) == (Decimal("0.011"), Decimal("0.055"))
        vector = price_vector(above, self.spot, {"input": np.array([100_000.0, 200_000.0])})
        assert vector.tolist() == pytest.approx([0.011, 0.055])

    @pytest.mark.parametrize(
        ("above", "words"),
        [
            ("150000", r"price 1: unknown above_tokens 150000; known: 100000"),
            ("-1", "above_tokens -1 is no threshold"),
            ("1.5", r"above_tokens 1\.5 is no threshold"),
            ('"100000"', "without quotes"),
        ],
    )
    def test_a_threshold_nobody_has_is_refused(self, tmp_path, above, words):
        """One line that names those there are."""
        with pytest.raises(InputError, match=words):
            self.load(tmp_path, f"multiplier = 0.5\nabove_tokens = {above}")
