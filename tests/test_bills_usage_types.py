"""Usage types of bills and the price list: every documented pattern read to the right line, what is unknown left so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_lab.bills.model_names import model_of
from bedrock_lab.bills.usage_type import meaning
from bedrock_lab.catalogue import models, names

OPUS = "Claude Opus 5.5 (Amazon Bedrock Edition)"
HAIKU = "Claude Haiku 4.5 (Amazon Bedrock Edition)"
WORDS = (
    "USE1",
    "MP:",
    "_",
    "-",
    "input",
    "tokens",
    "Global",
    "cache",
    "write",
    "1h",
    "NovaPro",
    "batch",
    "Units",
    "70B",
)
PRODUCTS = {"-": "", "opus": OPUS, "haiku": HAIKU}


def rows_of(table):
    """Read a table: a row a line, cells by blanks."""
    return [line.split() for line in table.strip().splitlines()]


# usage type, product (by Marketplace) -> model, Region, scope, tier, bucket
TOKENS = """
USE1-NovaPro-input-tokens                                             -      amazon.nova-pro                us-east-1       in-region  default            input
USE1-Claude4.6Sonnet-output-tokens                                    -      anthropic.claude-sonnet-4-6    us-east-1       in-region  default            output
USE1-Claude4.6Opus-input-tokens-cross-region-global                   -      anthropic.claude-opus-4-6      us-east-1       global     default            input
USW2-Claude4Sonnet-input-tokens-cross-region-global                   -      anthropic.claude-sonnet-4      us-west-2       global     default            input
USE1-NovaPro-input-tokens-batch                                       -      amazon.nova-pro                us-east-1       in-region  batch              input
USE1-Nova2.0Lite-input-tokens-cross-region-global-batch               -      amazon.nova-2-lite             us-east-1       global     batch              input
USE1-NovaPro-output-tokens-priority                                   -      amazon.nova-pro                us-east-1       in-region  priority           output
USE1-Gemma-3-4B-IT-input-tokens-flex                                  -      google.gemma-3-4b-it           us-east-1       in-region  flex               input
USE1-NovaPro-output-tokens-latency-optimized                          -      amazon.nova-pro                us-east-1       in-region  latency-optimized  output
USE1-Nova2.0Pro-text-input-tokens-priority-cross-region-global        -      amazon.nova-2-pro              us-east-1       global     priority           input
EU-Nova2.0Lite-cache-read-input-token-count                           -      amazon.nova-2-lite             eu-west-1       in-region  default            cache_read
EUC1-Claude4.5Haiku-cache-read-input-token-count-cross-region-global  -      anthropic.claude-haiku-4-5     eu-central-1    global     default            cache_read
APN1-Claude4.5Haiku-cache-write-input-token-count                     -      anthropic.claude-haiku-4-5     ap-northeast-1  in-region  default            cache_write_5m
USE1-Claude4.5Sonnet-cache-write-1h-input-token-count                 -      anthropic.claude-sonnet-4-5    us-east-1       in-region  default            cache_write_1h
EU-TitanEmbeddingV2-Text-input-tokens                                 -      amazon.titan-embed-text-v2     eu-west-1       in-region  default            input
USE1-Llama3-1-70B-input-tokens                                        -      meta.llama3-1-70b-instruct     us-east-1       in-region  default            input
USE1-GPT-OSS-Safeguard-120B-output-tokens-batch                       -      openai.gpt-oss-safeguard-120b  us-east-1       in-region  batch              output
USE1-MP:USE1_InputTokenCount-Units                                    haiku  anthropic.claude-haiku-4-5     us-east-1       in-region  default            input
USE1-MP:USE1_InputTokenCount_Global-Units                             haiku  anthropic.claude-haiku-4-5     us-east-1       global     default            input
USE1-MP:USE1_InputTokenCount_Batch-Units                              haiku  anthropic.claude-haiku-4-5     us-east-1       in-region  batch              input
USE1-MP:USE1_OutputTokenCount_Global_Batch-Units                      haiku  anthropic.claude-haiku-4-5     us-east-1       global     batch              output
USE1-MP:USE1_CacheReadInputTokenCount-Units                           haiku  anthropic.claude-haiku-4-5     us-east-1       in-region  default            cache_read
USE1-MP:USE1_CacheWriteInputTokenCount_Global-Units                   haiku  anthropic.claude-haiku-4-5     us-east-1       global     default            cache_write_5m
USE1-MP:USE1_CacheWrite1hInputTokenCount-Units                        haiku  anthropic.claude-haiku-4-5     us-east-1       in-region  default            cache_write_1h
EUC1-MP:EUC1_input_tokens_standard-Units                              opus   anthropic.claude-opus-5-5      eu-central-1    in-region  default            input
APS3-MP:APS3_output_tokens_global_standard-Units                      opus   anthropic.claude-opus-5-5      ap-south-1      global     default            output
USE1-MP:USE1_cache_write_tokens_1h_global_standard-Units              opus   anthropic.claude-opus-5-5      us-east-1       global     default            cache_write_1h
USE1-MP:USE1_cache_write_tokens_standard-Units                        opus   anthropic.claude-opus-5-5      us-east-1       in-region  default            cache_write_5m
USE1-MP:USE1_cache_read_tokens_global_standard-Units                  opus   anthropic.claude-opus-5-5      us-east-1       global     default            cache_read
"""  # noqa: E501 - a table

OTHERS = """
USE1-Nova2.0Lite-ProvisionedThroughput-NoCommit-ModelUnits                         -     provisioned     amazon.nova-2-lite          none
USE1-Nova2.0Lite-ProvisionedThroughput-1month-ModelUnits                           -     provisioned     amazon.nova-2-lite          1m
USW2-Llama3-1-70B-ProvisionedThroughput-6months-ModelUnits                         -     provisioned     meta.llama3-1-70b-instruct  6m
USE1-MP:USE1_Reserved_1Month_InputTPM_Geo-Units                                    opus  reserved        anthropic.claude-opus-5-5   1m
USE1-Claude4.5Haiku-reserved-3-month-output-tokens-per-minute-cross-region-global  -     reserved        anthropic.claude-haiku-4-5  3m
USE1-Nova2.0Lite-Customization-Training                                            -     custom_model    amazon.nova-2-lite          None
USE1-Nova2.0Lite-Customization-Storage                                             -     custom_model    amazon.nova-2-lite          None
USE1-Guardrail-ContentPolicyUnitsConsumed                                          -     guardrail       None                        None
USE1-KnowledgeBase-StructuredDataRetrieval                                         -     knowledge_base  None                        None
"""  # noqa: E501 - a table


@pytest.mark.parametrize(("usage_type", "product", "model", "region", "scope", "tier", "bucket"), rows_of(TOKENS))
def test_a_usage_type_of_tokens_says_its_line(usage_type, product, model, region, scope, tier, bucket):
    """Every pattern of tokens names its model, Region, scope, tier and bucket."""
    found = meaning(usage_type, PRODUCTS[product])
    told = (found.category, found.model, found.region, found.scope, found.tier, found.bucket)
    assert told == ("tokens", model, region, scope, tier, bucket)
    assert not found.long_context


@pytest.mark.parametrize(("usage_type", "product", "category", "model", "term"), rows_of(OTHERS))
def test_what_else_is_bought_is_named(usage_type, product, category, model, term):
    """Units, Reserved capacity, custom models, guardrails and knowledge bases are told apart from tokens."""
    found = meaning(usage_type, PRODUCTS[product])
    told = (found.category, str(found.model), str(found.term), found.bucket)
    assert told == (category, model, term, None)


def test_mantle_custom_models_and_long_context_are_no_ordinary_tokens():
    """The endpoint bedrock-mantle and custom models are categories of their own, long context is marked."""
    mantle = meaning("USW2-anthropic.claude-opus-4-8-mantle-cache-write-tokens-global-standard")
    assert (mantle.category, mantle.model, mantle.scope) == ("mantle", "anthropic.claude-opus-4-8", "global")
    plain = meaning("USE1-deepseek.v3.2-mantle-input-tokens-standard")
    assert (plain.category, plain.model, plain.scope, plain.bucket) == ("mantle", "deepseek.v3.2", "in-region", "input")
    assert meaning("USE1-Qwen3-32B-input-tokens-custom-model").category == "custom_model"
    long = meaning("USE1-MP:USE1_input_tokens_long_ctx_global_standard-Units", OPUS)
    assert (long.long_context, long.scope, long.bucket) == (True, "global", "input")
    assert meaning("USE1-MP:USE1_InputTokenCount_LCtx-Units", HAIKU).long_context


@pytest.mark.parametrize(
    "usage_type",
    ["", "junk", "BoxUsage:t3.micro", "USE1-NovaPro-input-image-count", "USE1-NovaPro-input-tokens-surprise", "USE1-"],
)
def test_what_is_not_known_stays_unknown(usage_type):
    """A usage type with a word that is not known names no model: its line stands for itself."""
    found = meaning(usage_type)
    assert found.bucket is None
    assert found.category in {"other", "media"}


def test_marketplace_without_a_product_has_no_model():
    """Marketplace's usage types do not name the model: without the product it is unknown, the bucket is not."""
    found = meaning("USE1-MP:USE1_InputTokenCount-Units")
    assert (found.category, found.model, found.bucket) == ("tokens", None, "input")
    assert meaning("USE1-NoSuchModel9-input-tokens").model is None


def test_the_ttl_of_a_write_that_names_none_is_the_one_sold():
    """Claude's plain write is the one of 5 minutes; OpenAI sells 30 minutes alone."""
    assert meaning("USE1-MP:USE1_cache_write_tokens_standard-Units", OPUS).ttl == "5m"
    openai = meaning("USE1-MP:USE1_cache_write_tokens_standard-Units", "OpenAI GPT-6 Sol (Amazon Bedrock Edition)")
    assert openai.model == "openai.gpt-6-sol"
    assert openai.ttl in {"30m", "5m"}


def test_every_model_is_found_by_its_names_on_bills():
    """The name in usage types and Marketplace's product lead to the one model they mean."""
    for model in models():
        assert model_of(names.usage_name(model)) == model
        if names.service_code(model) == names.MARKETPLACE:
            assert model_of(names.service_name(model)) == model


@given(st.text(max_size=60), st.text(max_size=30))
def test_any_text_is_read(usage_type, product):
    """No text breaks the reading of usage types."""
    assert meaning(usage_type, product).category


@given(st.lists(st.sampled_from(WORDS), max_size=9))
def test_any_mix_of_known_words_is_read(words):
    """Words in any order are read, as tokens only where one bucket is meant."""
    found = meaning("USE1-" + "-".join(words))
    assert found.bucket is None or found.category in {"tokens", "mantle", "custom_model"}
