"""A run may name its model; what cannot be asked is said clearly."""

import sys

import pytest
from fastapi.testclient import TestClient

from reference_agents.llm.providers.chat import Calls
from reference_agents.model_name import model_name
from reference_agents.tests.scripted import DONE, run


@pytest.mark.parametrize(
    ("text", "provider", "model"),
    [
        ("gpt-4.1-mini", "openai", "gpt-4.1-mini"),
        ("ft:gpt-4.1-mini:house::1", "openai", "ft:gpt-4.1-mini:house::1"),
        ("ollama:llama3.2:1b", "ollama", "llama3.2:1b"),
    ],
)
def test_a_model_belongs_to_a_provider(text: str, provider: str, model: str) -> None:
    found = model_name(text)
    assert (found.provider, found.model) == (provider, model)


def test_a_run_names_its_model(client: TestClient) -> None:
    _, provider = run(client, [DONE], model="anthropic:claude-sonnet-4-5")
    assert provider.asked[0].model == "claude-sonnet-4-5"


@pytest.mark.parametrize("model", ["nobody:model", "openai:", "", "a b", "openai:a\nb", "é", "x" * 256])
def test_a_model_of_nobody_is_refused_before_anything_is_stored(client: TestClient, model: str) -> None:
    answer = client.post("/api/v1/agent/simple/run", json={"message_content": "hello", "model": model})
    assert (answer.status_code, answer.json()["detail"][:7]) == (422, "model: ")
    assert client.get("/api/v1/sessions").json()["total"] == 0


def test_without_its_sdk_a_provider_is_refused_and_the_extra_named(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "anthropic", None)
    monkeypatch.delitem(sys.modules, "reference_agents.llm.providers.anthropic", raising=False)
    answer = client.post("/api/v1/agent/simple/run", json={"message_content": "hello", "model": "anthropic:claude"})
    assert not answer.json()["success"]
    assert "the SDK for anthropic is not installed" in answer.json()["message"]
    assert "reference-agents[llm]" in answer.json()["message"]


def test_fragments_of_calls_are_joined() -> None:
    calls = Calls()
    for fragment in ((0, "a", "add", ""), (0, None, None, '{"a":'), (1, "b", "look_up", None), (0, "", "", "1}")):
        calls.add(*fragment)
    calls.add(0, "c", "add", "{}")
    assert [(call.id, call.name, call.arguments) for call in calls.joined()] == [
        ("a", "add", '{"a":1}'),
        ("b", "look_up", "{}"),
        ("c", "add", "{}"),
    ]
