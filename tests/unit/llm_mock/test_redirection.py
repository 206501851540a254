import re

import pytest

from lab.llm_mock.families import family_of
from lab.llm_mock.redirection import base_urls, readers, variables

# What each client adds to the address it was given, as its own sources do, and the headers that only it sends.
ADDED = {
    "OPENAI_BASE_URL": ("/chat/completions", {}, "openai"),
    "OPENAI_API_BASE": ("/responses", {}, "openai"),
    "AZURE_OPENAI_ENDPOINT": ("/openai/deployments/m/chat/completions", {}, "azure"),
    "AZURE_API_BASE": ("/openai/deployments/m/chat/completions", {}, "azure"),
    "ANTHROPIC_BASE_URL": ("/v1/messages", {}, "anthropic"),
    "ANTHROPIC_API_BASE": ("/v1/messages", {}, "anthropic"),
    "ANTHROPIC_API_URL": ("/v1/models", {"anthropic-version": "2023-06-01"}, "anthropic"),
    "ANTHROPIC_BEDROCK_BASE_URL": ("/model/m/invoke", {}, "bedrock"),
    "ANTHROPIC_BEDROCK_MANTLE_BASE_URL": ("/v1/messages", {}, "anthropic"),
    "ANTHROPIC_FOUNDRY_BASE_URL": ("/v1/messages", {}, "anthropic"),
    "GOOGLE_GEMINI_BASE_URL": ("/v1/models/m:generateContent", {}, "gemini"),
    "GOOGLE_VERTEX_BASE_URL": ("/v1beta1/publishers/google/models/m:generateContent", {}, "gemini"),
    "GEMINI_API_BASE": ("/models/m:generateContent", {}, "gemini"),
    "GROQ_BASE_URL": ("/openai/v1/chat/completions", {}, "groq"),
    "GROQ_API_BASE": ("/chat/completions", {}, "groq"),
    "MISTRAL_BASE_URL": ("/chat/completions", {}, "mistral"),
    "MISTRAL_AZURE_API_BASE": ("/chat/completions", {}, "mistral"),
    "OLLAMA_HOST": ("/api/chat", {}, "ollama"),
    "OLLAMA_API_BASE": ("/api/generate", {}, "ollama"),
    "CO_API_URL": ("/v2/chat", {}, "cohere"),
    "COHERE_API_BASE": ("", {}, "cohere"),
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": ("/model/m%3A0/converse", {}, "bedrock"),
    "AWS_ENDPOINT_URL_BEDROCK": ("/foundation-models", {}, "bedrock"),
    "AWS_BEDROCK_RUNTIME_ENDPOINT": ("/model/m/converse", {}, "bedrock"),
    "AWS_BEDROCK_BASE_URL": ("/chat/completions", {}, "openai"),
}
ONLY_REFUSED = {"ANTHROPIC_VERTEX_BASE_URL", "GEMINI_NEXT_GEN_API_BASE_URL"}


def test_every_address_leads_a_client_to_its_provider() -> None:
    found = variables("http://llm:8080/")
    addresses = {name for name, value in found.items() if value.startswith("http")}
    assert addresses == ADDED.keys() | ONLY_REFUSED
    for name, (added, headers, family) in ADDED.items():
        address, _, path = found[name].removeprefix("http://").partition("/")
        assert address == "llm:8080"
        assert family_of("POST", f"/{path}{added}".replace("//", "/"), headers, {})[0] == family, name


def test_keys_are_the_mock_s_own_and_can_be_left_out() -> None:
    found = variables("http://llm:8080")
    keys = {name: value for name, value in found.items() if re.search(r"KEY|TOKEN", name)}
    assert keys["OPENAI_API_KEY"] == "sk-mock-openai"
    assert keys["AWS_SECRET_ACCESS_KEY"] == "sk-mock-bedrock"
    assert all(value.startswith("sk-mock-") for value in keys.values())
    assert variables("http://llm:8080", keys=False) == {name: found[name] for name in found.keys() - keys.keys()}
    assert readers().keys() == found.keys()


def test_no_proxy_stands_between_a_client_and_the_mock() -> None:
    assert variables("http://llm:8080")["NO_PROXY"] == variables("http://llm:8080")["no_proxy"] == "llm"
    assert variables("http://[::1]:8080")["NO_PROXY"] == "::1"
    with pytest.raises(ValueError, match="no address like http://llm:8080"):
        variables("llm:8080")


def test_each_provider_has_an_address_for_its_own_client() -> None:
    found = base_urls("http://llm:8080")
    assert (found["openai"], found["anthropic"]) == ("http://llm:8080/v1", "http://llm:8080")
    assert family_of("GET", found["mistral"].removeprefix("http://llm:8080") + "/v1/models", {}, {})[0] == "mistral"
