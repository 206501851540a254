"""Without any SDK OpenAI's protocol is spoken all the same."""

import json
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from reference_agents.llm import Llm
from reference_agents.llm.providers.plain import Plain
from reference_agents.settings import Settings
from reference_agents.tests.scripted import waiting

HELLO = {"choices": [{"message": {"role": "assistant", "content": "hello yourself"}}]}


def run(client: TestClient, answers: list[httpx.Response | Exception], **body: Any) -> tuple[Any, list[httpx.Request]]:
    """Run an agent over HTTP answers in turn; return what it answers and what was requested."""
    requests: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        answer = answers[len(requests) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def connect(_name: str, _settings: Settings) -> Plain:
        return Plain("http://llm.example/v1", "own-key", 5, httpx.MockTransport(handle))

    client.app.state.llm = Llm(client.app.state.settings, connect)  # type: ignore[attr-defined]
    return client.post("/api/v1/agent/simple/run", json={"message_content": "hello", **body}).json(), requests


def test_a_completion_is_asked_for_and_read(client: TestClient) -> None:
    answer, (request,) = run(client, [httpx.Response(200, json=HELLO)])
    assert (answer["success"], answer["message"]) == (True, "hello yourself")
    assert (str(request.url), request.headers["authorization"]) == (
        "http://llm.example/v1/chat/completions",
        "Bearer own-key",
    )
    sent = json.loads(request.content)
    assert (sent["model"], [message["role"] for message in sent["messages"]]) == ("gpt-4.1-mini", ["system", "user"])
    assert sent.keys() == {"model", "messages"}


def test_statuses_and_broken_connections_are_known_for_what_they_are(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with waiting(monkeypatch) as waited:
        broken = [
            httpx.ReadError("reset"),
            httpx.Response(429, headers={"retry-after": "3"}),
            httpx.Response(200, json=HELLO),
        ]
        assert run(client, broken)[0]["success"]
        answer, requests = run(client, [httpx.Response(401, text="wrong key: own-key")])
    assert waited == [0.25, 3]
    assert (answer["message"], len(requests)) == ("The language model failed: HTTP 401: wrong key: [key]", 1)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text='{"choices": [', headers={"content-type": "application/json"}),
        httpx.Response(200, content=b""),
        httpx.Response(200, json={"choices": []}),
        httpx.Response(200, json=[]),
        httpx.Response(200, html="<p>hello</p>"),
        httpx.ReadTimeout("silence"),
    ],
)
def test_what_is_no_completion_is_no_answer(client: TestClient, answer: httpx.Response | Exception) -> None:
    said, requests = run(client, [answer])
    assert (said["success"], len(requests)) == (False, 1)


def test_a_stream_needs_the_extra(client: TestClient) -> None:
    answer, requests = run(client, [], stream=True)
    assert not requests
    assert "reference-agents[llm]" in answer["message"]
