"""Mistral: OpenAI's protocol but for its errors, its models and the way calls are streamed."""

import json
from typing import Any

from lab.llm_mock.wire.base import Problem
from lab.llm_mock.wire.mistral import FAMILY

from .asking import Told, ask
from .spoiling import defects

CLIENT = {"user-agent": "mistral-client-python/3.7.0"}
HELLO = [{"role": "user", "content": "hello there"}]
TOOL = {
    "type": "function",
    "function": {"name": "lookup", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


def chat(**more: Any) -> Told:
    return ask(
        "POST", "/v1/chat/completions", {"model": "mistral-small-latest", "messages": HELLO, **more}, CLIENT
    )  # fmt: skip


def test_a_stream_ends_with_the_reason_and_the_usage() -> None:
    whole = chat().json()
    *events, last, done = chat(stream=True).events()
    assert done == "[DONE]"
    assert (last["choices"][0]["finish_reason"], last["usage"]) == ("stop", whole["usage"])
    text = "".join(each["choices"][0]["delta"]["content"] for each in events)
    assert text == whole["choices"][0]["message"]["content"]


def test_a_call_is_streamed_whole() -> None:
    [expected] = chat(tools=[TOOL], tool_choice="any").json()["choices"][0]["message"]["tool_calls"]
    events = chat(tools=[TOOL], tool_choice="any", stream=True).events()
    [call] = [call for each in events[:-1] for call in each["choices"][0]["delta"].get("tool_calls", [])]
    assert {**expected, "index": 0} == call


def test_vectors_have_an_id_and_the_length_asked_for() -> None:
    request = {"model": "mistral-embed", "input": ["a", "b"], "output_dimension": 7}
    told = ask("POST", "/mistral/v1/embeddings", request).json()
    assert told["id"]
    assert [len(each["embedding"]) for each in told["data"]] == [7, 7]
    assert told["usage"]["completion_tokens"] == 0


def test_models_have_a_type_and_capabilities() -> None:
    cards = {card["id"]: card for card in ask("GET", "/v1/models", headers=CLIENT).json()["data"]}
    assert {card["type"] for card in cards.values()} == {"base"}
    assert cards["mistral-small-latest"]["capabilities"]["function_calling"]
    assert not cards["mistral-embed"]["capabilities"]["completion_chat"]
    assert ask("GET", "/v1/models/mistral-embed", headers=CLIENT).json() == cards["mistral-embed"]


def test_a_wrong_field_is_refused_with_its_place_and_status() -> None:
    told = chat(messages=[])
    assert told.status == 422
    assert told.json()["detail"][0]["loc"] == ["body", "messages"]


def test_errors_have_the_provider_s_words() -> None:
    error = json.loads(FAMILY.error(Problem(429, "slow")).body)
    assert (error["object"], error["message"], error["type"], error["code"]) == (
        "error",
        "slow",
        "rate_limited",
        "1300",
    )
    assert FAMILY.error(Problem(400, "no")).status == 400
    assert b'"internal_server_error"' in FAMILY.stream_error("chat", Problem(500, "no"))


def test_no_request_ends_in_a_traceback() -> None:
    content = {"model": "m", "messages": HELLO, "stream": True, "tools": [TOOL], "tool_choice": "any"}
    assert not defects("mistral", "/v1/chat/completions", content)
