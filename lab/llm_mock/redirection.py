"""The environment variables that point clients of LLM providers at the mock."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from lab.llm_mock.keys import OWN_KEY_PREFIX

AZURE_VERSION = "2024-10-21"
REGION = "us-east-1"

# What follows the mock's address, and who reads it. Where a client leaves no doubt about its provider the path is
# the provider's own; the others say it at the beginning of the path.
ADDRESSES: Mapping[str, tuple[str, str]] = {
    "OPENAI_BASE_URL": ("/v1", "OpenAI, LangChain, LiteLLM"),
    "OPENAI_API_BASE": ("/v1", "LangChain, LiteLLM"),
    "AZURE_OPENAI_ENDPOINT": ("/azure", "AzureOpenAI of OpenAI, LangChain"),
    "AZURE_API_BASE": ("/azure", "LiteLLM"),
    "ANTHROPIC_BASE_URL": ("", "Anthropic, LangChain, LiteLLM"),
    "ANTHROPIC_API_BASE": ("", "LiteLLM"),
    "ANTHROPIC_API_URL": ("", "LangChain"),
    "ANTHROPIC_BEDROCK_BASE_URL": ("", "AnthropicBedrock of Anthropic"),
    "ANTHROPIC_BEDROCK_MANTLE_BASE_URL": ("/anthropic", "AnthropicBedrockMantle of Anthropic"),
    "ANTHROPIC_FOUNDRY_BASE_URL": ("/anthropic", "AnthropicFoundry of Anthropic"),
    "ANTHROPIC_VERTEX_BASE_URL": ("/gemini/v1", "AnthropicVertex of Anthropic; the mock only refuses it"),
    "GOOGLE_GEMINI_BASE_URL": ("", "Google Gen AI"),
    "GOOGLE_VERTEX_BASE_URL": ("/gemini", "Google Gen AI for Vertex AI"),
    "GEMINI_NEXT_GEN_API_BASE_URL": ("/gemini", "Google Gen AI's interactions; the mock only refuses them"),
    "GEMINI_API_BASE": ("", "LiteLLM"),
    "GROQ_BASE_URL": ("", "Groq"),
    "GROQ_API_BASE": ("/groq", "LangChain, which adds /openai/v1, and LiteLLM, which does not"),
    "MISTRAL_BASE_URL": ("/mistral/v1", "LangChain"),
    "MISTRAL_AZURE_API_BASE": ("/mistral/v1", "LiteLLM"),
    "OLLAMA_HOST": ("", "Ollama"),
    "OLLAMA_API_BASE": ("", "LiteLLM"),
    "CO_API_URL": ("/cohere", "Cohere, once, when it is imported"),
    "COHERE_API_BASE": ("/cohere/v2/chat", "LiteLLM, which asks exactly there"),
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": ("", "boto3, LangChain"),
    "AWS_ENDPOINT_URL_BEDROCK": ("/bedrock", "boto3, for lists of models"),
    "AWS_BEDROCK_RUNTIME_ENDPOINT": ("", "LiteLLM"),
    "AWS_BEDROCK_BASE_URL": ("/v1", "BedrockOpenAI of OpenAI"),
}

# What clients need to know besides, and who reads it.
SETTINGS: Mapping[str, tuple[str, str]] = {
    "OPENAI_API_VERSION": (AZURE_VERSION, "AzureOpenAI of OpenAI, LangChain"),
    "OPENAI_API_TYPE": ("openai", "OpenAI's module, which does not choose between two keys"),
    "AZURE_API_VERSION": (AZURE_VERSION, "LiteLLM"),
    "AWS_REGION": (REGION, "OpenAI, Anthropic, LiteLLM"),
    "AWS_DEFAULT_REGION": (REGION, "boto3"),
}

# The provider in the name of the key, and who reads it.
KEYS: Mapping[str, tuple[str, str]] = {
    "OPENAI_API_KEY": ("openai", "OpenAI, LangChain, LiteLLM"),
    "AZURE_OPENAI_API_KEY": ("azure", "AzureOpenAI of OpenAI, LangChain"),
    "AZURE_API_KEY": ("azure", "LiteLLM"),
    "ANTHROPIC_API_KEY": ("anthropic", "Anthropic, LangChain, LiteLLM"),
    "ANTHROPIC_FOUNDRY_API_KEY": ("anthropic", "AnthropicFoundry of Anthropic"),
    "GEMINI_API_KEY": ("gemini", "Google Gen AI, LiteLLM"),
    "GOOGLE_API_KEY": ("gemini", "Google Gen AI, LangChain"),
    "GROQ_API_KEY": ("groq", "Groq, LangChain, LiteLLM"),
    "MISTRAL_API_KEY": ("mistral", "Mistral, LangChain, LiteLLM"),
    "MISTRAL_AZURE_API_KEY": ("mistral", "LiteLLM"),
    "CO_API_KEY": ("cohere", "Cohere"),
    "COHERE_API_KEY": ("cohere", "LangChain, LiteLLM"),
    "AWS_ACCESS_KEY_ID": ("bedrock", "boto3, LiteLLM, AnthropicBedrock of Anthropic"),
    "AWS_SECRET_ACCESS_KEY": ("bedrock", "boto3, LiteLLM, AnthropicBedrock of Anthropic"),
}


def variables(base: str, *, keys: bool = True) -> dict[str, str]:
    """Return the variables for the mock at this address ("http://llm:8080"), and keys that are none.

    Each of `ADDRESSES`, `SETTINGS` and `KEYS` says who reads it. Mistral's own client reads no address: it needs
    `server_url=f"{base}/mistral"`. Cohere reads its address when it is imported, so later is too late. AWS_ENDPOINT_URL
    is not among them, for it would take all other services of AWS along, nor is AWS_BEARER_TOKEN_BEDROCK, which
    boto3 sends over HTTPS alone, nor GOOGLE_GENAI_API_VERSION: a client is to ask for the version that it would ask
    its provider for, and both are served. NO_PROXY holds the mock's host alone: an environment that has one already
    needs both. Raises ValueError for an address without a host.
    """
    base = base.rstrip("/")
    if not (host := urlsplit(base).hostname):
        raise ValueError(f"{base!r} is no address like http://llm:8080")
    found = {name: base + path for name, (path, _) in ADDRESSES.items()}
    found |= {name: value for name, (value, _) in SETTINGS.items()}
    if keys:
        found |= {name: f"{OWN_KEY_PREFIX}-{provider}" for name, (provider, _) in KEYS.items()}
    return found | {"NO_PROXY": host, "no_proxy": host}


def readers() -> dict[str, str]:
    """Return who reads each variable."""
    found = {name: who for table in (ADDRESSES, SETTINGS, KEYS) for name, (_, who) in table.items()}
    return found | dict.fromkeys(("NO_PROXY", "no_proxy"), "every client's connections")


def base_urls(base: str) -> dict[str, str]:
    """Return for each provider what its own client takes as its address."""
    base = base.rstrip("/")
    return {
        "openai": f"{base}/v1",
        "azure": f"{base}/azure",
        "anthropic": base,
        "gemini": base,
        "groq": base,
        "mistral": f"{base}/mistral",
        "ollama": base,
        "cohere": f"{base}/cohere",
        "bedrock": base,
    }
