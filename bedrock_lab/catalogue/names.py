"""What models are called in AWS's price list and quotas, and under which service code each is billed.

The names follow those seen in public answers of both services, where one was seen; the rest is made by the same rules.

The service codes are an assumption. AWS has three for Bedrock: AmazonBedrock for Amazon's own, open-weight and older
Claude models, AmazonBedrockFoundationModels for what is billed through Marketplace (Claude from 4.6 on, Cohere, GPT
and others), AmazonBedrockService for Claude 4 to 4.5, billed by AWS. Source: public repositories that read all three
files in 2026; nobody publishes the whole assignment, and a model may stand in two of them at AWS.
"""

import functools
import re

from bedrock_lab.catalogue.model import models

BEDROCK, MARKETPLACE, FIRST_PARTY = "AmazonBedrock", "AmazonBedrockFoundationModels", "AmazonBedrockService"
CODES = (BEDROCK, MARKETPLACE, FIRST_PARTY)
EDITION = " (Amazon Bedrock Edition)"

THROUGH_MARKETPLACE = frozenset({"ai21", "cohere", "twelvelabs", "writer", "xai"})
"""Providers whose models all go through Marketplace."""

CLAUDE_4 = re.compile(r"anthropic\.claude-(opus|sonnet|haiku)-4(-[15])?")
CLAUDE_BEFORE_4 = re.compile(r"anthropic\.claude-(v?\d|instant)")

PROVIDERS = {
    "ai21": "AI21 Labs",
    "amazon": "Amazon",
    "anthropic": "Anthropic",
    "cohere": "Cohere",
    "deepseek": "DeepSeek",
    "google": "Google",
    "meta": "Meta",
    "minimax": "MiniMax",
    "mistral": "Mistral AI",
    "moonshotai": "Moonshot AI",
    "nvidia": "NVIDIA",
    "openai": "OpenAI",
    "qwen": "Qwen",
    "twelvelabs": "TwelveLabs",
    "writer": "Writer",
    "xai": "xAI",
    "zai": "Z.AI",
}

NAMES = {
    "ai21.j2-mid": "Jurassic-2 Mid",
    "ai21.j2-ultra": "Jurassic-2 Ultra",
    "ai21.jamba-instruct": "Jamba-Instruct",
    "amazon.nova-2-lite": "Nova 2.0 Lite",
    "amazon.nova-2-omni": "Nova 2.0 Omni",
    "amazon.nova-2-pro": "Nova 2.0 Pro",
    "amazon.nova-2-sonic": "Nova 2.0 Sonic",
    "amazon.titan-embed-text": "Titan Embeddings G1 Text",
    "amazon.titan-embed-text-v2": "Titan Embedding V2 Text",
    "amazon.titan-text-express": "Titan Text G1 Express",
    "amazon.titan-text-lite": "Titan Text G1 Lite",
    "amazon.titan-text-premier": "Titan Text Premier",
    "anthropic.claude-3-5-sonnet-v2": "Claude 3.5 Sonnet v2",
    "anthropic.claude-v1": "Claude",
    "anthropic.claude-v2": "Claude 2.0",
    "anthropic.claude-v2-1": "Claude 2.1",
    "cohere.command-light-text": "Command Light",
    "cohere.command-text": "Command",
    "deepseek.v3": "DeepSeek V3.1",
    "deepseek.v3.2": "DeepSeek v3.2",
    "mistral.mixtral-8x7b-instruct": "Mixtral 8x7B",
}
"""Names that no rule makes."""

QUOTA_NAMES = {
    "amazon.nova-2-lite": "Amazon Nova 2 Lite",
    "amazon.titan-text-express": "Amazon Titan Text Express",
    "amazon.titan-text-lite": "Amazon Titan Text Lite",
    "amazon.titan-embed-text": "Amazon Titan Text Embeddings",
    "amazon.titan-embed-text-v2": "Amazon Titan Text Embeddings V2",
    "anthropic.claude-3-5-sonnet-v2": "Anthropic Claude 3.5 Sonnet V2",
    "anthropic.claude-3-7-sonnet": "Anthropic Claude 3.7 Sonnet V1",
    "anthropic.claude-sonnet-4": "Anthropic Claude Sonnet 4 V1",
    "anthropic.claude-sonnet-4-5": "Anthropic Claude Sonnet 4.5 V1",
}
"""Names of models in quotas, where they differ from provider and name."""

WORDS = {"glm": "GLM", "gpt": "GPT", "it": "IT", "minimax": "MiniMax", "oss": "OSS", "vl": "VL"}
SIZE = re.compile(r"[a-z]?\d+[a-z]")


@functools.cache
def service_code(model: str) -> str:
    """Say under which of AWS's three service codes a model is billed.

    >>> [service_code(f"anthropic.claude-{name}") for name in ("3-haiku", "sonnet-4-5", "sonnet-4-6")]
    ['AmazonBedrock', 'AmazonBedrockService', 'AmazonBedrockFoundationModels']
    """
    provider = models()[model].provider
    if provider == "anthropic":
        if CLAUDE_BEFORE_4.match(model):
            return BEDROCK
        return FIRST_PARTY if CLAUDE_4.fullmatch(model) else MARKETPLACE
    closed = provider in THROUGH_MARKETPLACE or (provider == "openai" and "gpt-oss" not in model)
    return MARKETPLACE if closed else BEDROCK


@functools.cache
def model_name(model: str) -> str:
    """Name a model as the price list does.

    >>> [model_name(m) for m in ("anthropic.claude-sonnet-4-6", "meta.llama3-1-70b-instruct", "openai.gpt-5.6-sol")]
    ['Claude Sonnet 4.6', 'Llama 3.1 70B', 'GPT-5.6 Sol']
    """
    if model in NAMES:
        return NAMES[model]
    tail = model.partition(".")[2].removesuffix("-instruct")
    tail = re.sub(r"^llama(\d)", r"llama-\1", tail)
    tail = re.sub(r"(?<![\w.])(\d)-(\d)(?![\w.])", r"\1.\2", tail)
    return " ".join(_word(word) for word in tail.split("-")).replace("GPT 5", "GPT-5").replace("GPT 6", "GPT-6")


def _word(word: str) -> str:
    return WORDS.get(word) or (word.upper() if SIZE.fullmatch(word) else word[:1].upper() + word[1:])


@functools.cache
def service_name(model: str) -> str:
    """Name the service a model is billed as.

    >>> service_name("openai.gpt-6-sol"), service_name("amazon.nova-pro")
    ('OpenAI GPT-6 Sol (Amazon Bedrock Edition)', 'Amazon Bedrock')
    """
    code = service_code(model)
    if code == MARKETPLACE:
        claude = models()[model].provider == "anthropic"
        return (model_name(model) if claude else with_provider(model, model_name(model))) + EDITION
    return "Amazon Bedrock" if code == BEDROCK else "Amazon Bedrock Service"


@functools.cache
def usage_name(model: str) -> str:
    """Name a model as usage types do.

    >>> [usage_name(m) for m in ("amazon.nova-2-lite", "anthropic.claude-haiku-4-5", "meta.llama3-1-70b-instruct")]
    ['Nova2.0Lite', 'Claude4.5Haiku', 'Llama3-1-70B']
    """
    provider, name = models()[model].provider, model_name(model)
    if provider == "deepseek":
        return model
    if provider == "meta":
        family, version, *rest = name.split()
        return "-".join([family + version.replace(".", "-"), *rest])
    if "Titan" in name:
        return "-".join("".join(part.split()) for part in name.rsplit(" ", 1))
    if CLAUDE_4.fullmatch(model):
        family, kind, version = name.split()
        return family + version + kind
    return "".join(name.split()) if provider in {"amazon", "anthropic"} else "-".join(name.split())


def quota_name(model: str) -> str:
    """Name a model as quotas do.

    >>> quota_name("anthropic.claude-haiku-4-5"), quota_name("meta.llama3-1-8b-instruct")
    ('Anthropic Claude Haiku 4.5', 'Meta Llama 3.1 8B Instruct')
    """
    if model in QUOTA_NAMES:
        return QUOTA_NAMES[model]
    instruct = " Instruct" if model.endswith("-instruct") and model != "ai21.jamba-instruct" else ""
    return with_provider(model, model_name(model)) + instruct


def with_provider(model: str, name: str) -> str:
    """Put the provider before a model's name, where it does not stand there already."""
    provider = PROVIDERS[models()[model].provider]
    return name if name.lower().startswith(provider.lower()) else f"{provider} {name}"
