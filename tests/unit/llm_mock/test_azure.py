"""Azure OpenAI: paths and errors of its own around OpenAI's protocol."""

import json
from typing import Any

import pytest

from lab.llm_mock.wire.azure import FAMILY
from lab.llm_mock.wire.base import Problem, Quota

from .asking import Told, ask
from .spoiling import defects

VERSION = "?api-version=2024-10-21"
DEPLOYMENT = "/openai/deployments/my%20model"
HELLO = [{"role": "user", "content": "hello there"}]


def chat(**more: Any) -> Told:
    return ask("POST", f"{DEPLOYMENT}/chat/completions{VERSION}", {"messages": HELLO, **more})


def test_the_deployment_is_the_model() -> None:
    told = chat()
    assert told.json()["model"] == told.entry.model == "my model"
    assert told.json()["choices"][0]["message"]["content"].endswith("to: hello there")
    assert told.response.headers["apim-request-id"]


def test_a_stream_begins_with_the_verdict_on_the_prompt_and_without_choices() -> None:
    first, *others, done = chat(stream=True).events()
    assert (first["choices"], done) == ([], "[DONE]")
    assert first["prompt_filter_results"]
    text = "".join(each["choices"][0]["delta"].get("content", "") for each in others)
    assert text == chat().json()["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"{DEPLOYMENT}/embeddings{VERSION}", {"input": "a"}),
        (f"/openai/responses{VERSION}", {"model": "m", "input": "a"}),
        ("/openai/v1/responses", {"model": "m", "input": "a"}),
        ("/openai/v1/chat/completions", {"model": "m", "messages": HELLO}),
        ("/openai/v1/embeddings", {"model": "m", "input": "a"}),
    ],
)
def test_calls_are_found_by_deployment_and_by_model(path: str, body: dict[str, Any]) -> None:
    assert ask("POST", path, body, {"api-key": "sk-mock-1234"}).status == 200


def test_models_are_listed() -> None:
    assert "gpt-4o-mini" in [each["id"] for each in ask("GET", f"/openai/models{VERSION}").json()["data"]]


def test_the_gateway_has_a_code_and_the_model_a_type() -> None:
    assert json.loads(FAMILY.error(Problem(429, "slow")).body) == {"error": {"code": "429", "message": "slow"}}
    assert json.loads(FAMILY.error(Problem(404, "gone", code="DeploymentNotFound")).body)["error"]["code"] == (
        "DeploymentNotFound"
    )
    assert chat(messages=[]).json()["error"]["type"] == "invalid_request_error"
    assert not defects("azure", f"{DEPLOYMENT}/chat/completions", {"messages": HELLO, "stream": True})


def test_a_quota_is_told_in_whole_seconds() -> None:
    headers = dict(FAMILY.quota_headers(Quota(10, 4, 1000, 900, 62.4)))
    assert headers["x-ratelimit-remaining-requests"] == "4"
    assert headers["x-ratelimit-reset-requests"] == "62"
