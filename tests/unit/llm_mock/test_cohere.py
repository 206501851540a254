import base64
import json
import struct
from typing import Any

import pytest

from lab.llm_mock.answer import Answer, Call
from lab.llm_mock.question import Question
from lab.llm_mock.wire.base import Problem
from lab.llm_mock.wire.cohere import FAMILY
from lab.llm_mock.wire.cohere_write import streamed

from .asking import ask
from .endpoints import ASKED, Asked
from .spoiling import defects

CHAT = {"model": "command-a-03-2025", "messages": [{"role": "user", "content": "Hello there"}]}
STREAM = {**CHAT, "stream": True}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = {"tools": [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]}


def test_a_conversation_is_answered_and_paid_for() -> None:
    told = ask("POST", "/v2/chat", CHAT).json()
    assert told["message"]["content"][0]["text"].endswith("to: Hello there")
    assert told["finish_reason"] == "COMPLETE"
    assert told["usage"]["billed_units"] == told["usage"]["tokens"]
    assert told["usage"]["tokens"]["output_tokens"] == 6


def test_a_stream_has_its_events_in_order_and_says_what_the_whole_says() -> None:
    whole = ask("POST", "/v2/chat", CHAT).json()
    told = ask("POST", "/v2/chat", STREAM)
    events = told.events()
    deltas = [event["delta"]["message"]["content"]["text"] for event in events if event["type"] == "content-delta"]
    assert told.event_names() == [event["type"] for event in events]
    assert told.event_names() == [
        "message-start", "content-start", *["content-delta"] * len(deltas), "content-end", "message-end",
    ]  # fmt: skip
    assert "".join(deltas) == whole["message"]["content"][0]["text"]
    assert events[-1]["delta"] == {"finish_reason": "COMPLETE", "usage": whole["usage"]}


def test_who_accepts_json_alone_has_the_stream_in_lines() -> None:
    events = ask("POST", "/v2/chat", STREAM).events()
    told = ask("POST", "/v2/chat", STREAM, headers={"accept": "application/json"})
    lines = told.lines()
    assert told.response.text.count("\n") == len(lines) == len(events)
    assert lines[:-1] == events[:-1]
    # Where litellm looks for the end.
    assert lines[-1]["event"] == "message-end"
    assert lines[-1]["data"]["delta"] == events[-1]["delta"]


def test_a_stream_of_calls_gives_the_arguments_bit_by_bit() -> None:
    whole = ask("POST", "/v2/chat", {**CHAT, **TOOLS}).json()
    (call,) = whole["message"]["tool_calls"]
    events = ask("POST", "/v2/chat", {**STREAM, **TOOLS}).events()
    plan = [event["delta"]["message"]["tool_plan"] for event in events if event["type"] == "tool-plan-delta"]
    starts = [event["delta"]["message"]["tool_calls"] for event in events if event["type"] == "tool-call-start"]
    bits = [
        event["delta"]["message"]["tool_calls"]["function"]["arguments"]
        for event in events
        if event["type"] == "tool-call-delta"
    ]
    assert whole["finish_reason"] == events[-1]["delta"]["finish_reason"] == "TOOL_CALL"
    assert "".join(plan) == whole["message"]["tool_plan"]
    assert [(each["id"], each["function"]["name"]) for each in starts] == [(call["id"], "weather")]
    assert "".join(bits) == call["function"]["arguments"]
    assert [event["type"] for event in events[-2:]] == ["tool-call-end", "message-end"]


def test_the_answer_of_a_tool_ends_the_loop() -> None:
    message = ask("POST", "/v2/chat", {**CHAT, **TOOLS}).json()["message"]
    document = {"type": "document", "document": {"data": '{"weather": "sunny"}'}}
    result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": [document]}
    told = ask("POST", "/v2/chat", {**CHAT, **TOOLS, "messages": [*CHAT["messages"], message, result]}).json()
    assert told["finish_reason"] == "COMPLETE"
    assert ask("POST", "/v2/chat", {**CHAT, **TOOLS, "tool_choice": "NONE"}).json()["finish_reason"] == "COMPLETE"


@pytest.mark.parametrize("name", ["json_schema", "schema"])
def test_an_answer_fits_the_schema(name: str) -> None:
    told = ask("POST", "/v2/chat", {**CHAT, "response_format": {"type": "json_object", name: SCHEMA}}).json()
    assert set(json.loads(told["message"]["content"][0]["text"])) == {"city"}


def test_an_answer_that_is_too_long_is_cut() -> None:
    told = ask("POST", "/v2/chat", {**CHAT, "max_tokens": 2}).json()
    assert (told["finish_reason"], told["usage"]["tokens"]["output_tokens"]) == ("MAX_TOKENS", 2)


def test_frames_with_text_plans_or_arguments_are_pieces() -> None:
    question = Question("cohere", "chat", "m", "0" * 64, stream=True)
    text = streamed(question, Answer("0" * 64, "one two"))
    call = streamed(question, Answer("0" * 64, "why", (Call("c", "weather", '{"a": 1}'),), "tool_calls"))
    assert [frame.piece for frame in text.frames] == [False, False, True, True, False, False]
    assert [frame.piece for frame in call.frames] == [False, True, False, True, True, False, False]


def test_texts_become_vectors_of_each_type_wanted() -> None:
    types = ["float", "int8", "uint8", "binary", "ubinary", "base64"]
    body = {"model": "embed-v4.0", "texts": ["a", "b"], "input_type": "search_query", "output_dimension": 16}
    told = ask("POST", "/v2/embed", {**body, "embedding_types": types}).json()
    vectors = told["embeddings"]
    assert set(vectors) == set(types)
    assert told["texts"] == ["a", "b"]
    assert told["meta"]["billed_units"] == {"input_tokens": 2}
    assert {kind: len(vectors[kind][0]) for kind in types[:5]} == {
        "float": 16, "int8": 16, "uint8": 16, "binary": 2, "ubinary": 2,
    }  # fmt: skip
    assert struct.unpack("<16f", base64.b64decode(vectors["base64"][0])) == pytest.approx(vectors["float"][0])
    assert [each - 128 for each in vectors["ubinary"][0]] == vectors["binary"][0]
    assert set(ask("POST", "/v2/embed", body).json()["embeddings"]) == {"float"}
    mixed = {"model": "e", "inputs": [{"content": [{"type": "text", "text": "a"}]}], "output_dimension": 16}
    assert ask("POST", "/v2/embed", mixed).json()["embeddings"]["float"] == vectors["float"][:1]


def test_documents_are_ranked_by_the_words_they_share_with_the_query() -> None:
    body = {"model": "rerank-v3.5", "query": "red car", "documents": ["blue sky", {"text": "a red car"}, "red"]}
    results = ask("POST", "/v2/rerank", body).json()["results"]
    assert [each["index"] for each in results] == [1, 2, 0]
    assert all(1 >= each["relevance_score"] >= 0 for each in results)
    (best,) = ask("POST", "/v2/rerank", {**body, "top_n": 1, "return_documents": True}).json()["results"]
    assert best["document"] == {"text": "a red car"}


def test_models_are_listed_and_texts_cut_into_tokens_for_coheres_own_client() -> None:
    client = {"user-agent": "cohere/7.3.1"}
    models = ask("GET", "/v1/models", headers=client).json()["models"]
    assert {"name", "endpoints", "context_length"} <= set(models[0])
    ranking = ask("GET", "/v1/models?endpoint=rerank", headers=client).json()["models"]
    assert [model["name"] for model in ranking] == ["rerank-v3.5"]
    told = ask("POST", "/v1/tokenize", {"model": "m", "text": "hello big world"}, headers=client).json()
    assert told["token_strings"] == ["hello", " big", " world"]
    assert len(told["tokens"]) == 3


def test_a_problem_has_a_message_and_in_a_stream_it_is_an_end() -> None:
    told = FAMILY.error(Problem(429, "slow down"))
    assert (told.status, json.loads(told.body)["message"]) == (429, "slow down")
    name, data, *_ = FAMILY.stream_error("chat", Problem(500, "broke")).decode().split("\n")
    assert name == "event: message-end"
    assert json.loads(data.removeprefix("data: "))["delta"] == {"error": "broke", "finish_reason": "ERROR"}


@pytest.mark.parametrize(
    "more",
    [
        {"model": None},
        {"messages": []},
        {"messages": "Hello"},
        {"messages": [{"role": "bogus", "content": "x"}]},
        {"messages": [{"role": "user", "content": 5}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": {}}]}]},
        {"messages": [{"role": "tool", "content": "x"}]},
        {"tools": [{"function": {"name": ""}}]},
        {"tool_choice": "SOME"},
        {"tool_choice": "REQUIRED"},
        {"response_format": {"type": "xml"}},
        {"max_tokens": "5"},
    ],
)
def test_what_cannot_be_understood_is_refused(more: dict[str, Any]) -> None:
    told = ask("POST", "/v2/chat", {**CHAT, **more})
    assert told.status == 400
    assert set(told.json()) == {"id", "message"}


@pytest.mark.parametrize("asked", [asked for asked in ASKED if asked.family == "cohere"], ids=str)
def test_no_request_ends_in_a_traceback(asked: Asked) -> None:
    assert not defects("cohere", asked.path.partition("?")[0], asked.content)
