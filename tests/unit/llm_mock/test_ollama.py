import json
from typing import Any

import pytest

from lab.llm_mock.answer import Answer, Call
from lab.llm_mock.question import Question
from lab.llm_mock.wire.base import Problem
from lab.llm_mock.wire.ollama import FAMILY
from lab.llm_mock.wire.ollama_write import streamed, whole

from .asking import ask
from .endpoints import ASKED, Asked
from .spoiling import defects

CHAT = {"model": "llama3.2", "messages": [{"role": "user", "content": "Hello there"}]}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = {"tools": [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]}
COUNTERS = {
    "total_duration",
    "load_duration",
    "prompt_eval_count",
    "prompt_eval_duration",
    "eval_count",
    "eval_duration",
}


def _asked() -> Question:
    return Question("ollama", "chat", "m", "0" * 64, stream=True)


def test_a_chat_streams_lines_unless_it_is_told_not_to() -> None:
    streaming = ask("POST", "/api/chat", CHAT)
    lines = streaming.lines()
    told = ask("POST", "/api/chat", {**CHAT, "stream": False}).json()
    assert streaming.response.headers["content-type"] == "application/x-ndjson"
    assert "".join(line["message"]["content"] for line in lines) == told["message"]["content"]
    assert [line["done"] for line in lines] == [*[False] * (len(lines) - 1), True]
    assert told["done_reason"] == lines[-1]["done_reason"] == "stop"
    assert set(told) >= COUNTERS
    assert {name: told[name] for name in COUNTERS} == {name: lines[-1][name] for name in COUNTERS}


def test_a_prompt_is_answered_like_a_conversation() -> None:
    prompt = {"model": "m", "prompt": "Hello there", "system": "Be kind.", "images": ["AA=="]}
    lines = ask("POST", "/api/generate", prompt).lines()
    told = ask("POST", "/api/generate", {**prompt, "stream": False}).json()
    assert "".join(line["response"] for line in lines) == told["response"]
    assert told["response"].endswith("to: Hello there")
    assert lines[-1]["context"] == told["context"]


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
def test_who_says_nothing_has_the_model_loaded_or_put_away(path: str) -> None:
    for more, reason in (({}, "load"), ({"keep_alive": 0, "stream": False}, "unload")):
        (line,) = ask("POST", path, {"model": "m", **more}).lines()
        assert (line["done"], line["done_reason"]) == (True, reason)


def test_a_tool_is_called_with_an_object_and_its_answer_ends_the_loop() -> None:
    lines = ask("POST", "/api/chat", {**CHAT, **TOOLS}).lines()
    (call,) = lines[0]["message"]["tool_calls"]
    assert call["function"]["name"] == "weather"
    assert isinstance(call["function"]["arguments"]["city"], str)
    messages = [*CHAT["messages"], lines[0]["message"], {"role": "tool", "tool_name": "weather", "content": "sunny"}]
    told = ask("POST", "/api/chat", {**CHAT, **TOOLS, "messages": messages, "stream": False}).json()
    assert told["message"]["content"]
    assert "tool_calls" not in told["message"]


def test_a_format_is_a_schema_or_any_object() -> None:
    for wanted in ("json", SCHEMA):
        told = ask("POST", "/api/chat", {**CHAT, "format": wanted, "stream": False}).json()
        assert isinstance(json.loads(told["message"]["content"]), dict)


def test_an_answer_that_is_too_long_is_cut() -> None:
    lines = ask("POST", "/api/chat", {**CHAT, "options": {"num_predict": 2}}).lines()
    assert (lines[-1]["done_reason"], lines[-1]["eval_count"], len(lines)) == ("length", 2, 3)
    assert ask("POST", "/api/chat", {**CHAT, "options": {"num_predict": -1}}).lines()[-1]["done_reason"] == "stop"


def test_a_call_that_cannot_be_read_stays_text() -> None:
    answer = Answer("0" * 64, calls=(Call("c", "weather", '{"city":'),), finish="tool_calls")
    message = json.loads(whole(_asked(), answer).body)["message"]
    assert message == {"role": "assistant", "content": '{"name": "weather", "parameters": {"city":}'}
    frames = list(streamed(_asked(), answer).frames)
    assert json.loads(frames[0].data)["message"] == message
    assert [frame.piece for frame in frames] == [True, False]


def test_texts_become_vectors() -> None:
    one = ask("POST", "/api/embed", {"model": "e", "input": "a"}).json()["embeddings"]
    several = ask("POST", "/api/embed", {"model": "e", "input": ["a", "b"]}).json()
    assert several["embeddings"][0] == one[0] != several["embeddings"][1]
    assert several["prompt_eval_count"] == 2
    assert ask("POST", "/api/embeddings", {"model": "e", "prompt": "a"}).json()["embedding"] == one[0]
    small = ask("POST", "/api/embed", {"model": "e", "input": "a", "dimensions": 4}).json()["embeddings"]
    assert len(small[0]) == 4
    assert ask("POST", "/api/embed", {"model": "e", "input": ["a"] * 1000, "dimensions": 8192}).status == 400


def test_models_are_listed_and_described() -> None:
    models = ask("GET", "/api/tags").json()["models"]
    assert ask("GET", "/api/ps").json()["models"][0]["model"] == models[0]["model"]
    assert "tools" in ask("POST", "/api/show", {"name": models[0]["name"]}).json()["capabilities"]
    assert ask("GET", "/api/version").json()["version"]


def test_the_root_is_ollamas_under_its_own_prefix() -> None:
    assert ask("GET", "/ollama/").response.text == "Ollama is running"
    assert ask("HEAD", "/ollama/").status == 200
    assert ask("GET", "/").response.text != "Ollama is running"


def test_problems_are_one_word() -> None:
    assert json.loads(FAMILY.error(Problem(503, "busy")).body) == {"error": "busy"}
    assert FAMILY.stream_error("chat", Problem(503, "busy")) == b'{"error":"busy"}\n'
    with pytest.raises(json.JSONDecodeError):
        json.loads(FAMILY.malformed("chat"))


@pytest.mark.parametrize(
    "body",
    [
        {"messages": CHAT["messages"]},
        {**CHAT, "model": 5},
        {**CHAT, "messages": [None]},
        {**CHAT, "messages": [{"role": "bogus", "content": "x"}]},
        {**CHAT, "messages": [{"role": "user", "content": 5}]},
        {**CHAT, "messages": [{"role": "user", "content": "x", "images": [5]}]},
        {**CHAT, "messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": "{}"}}]}]},
        {**CHAT, "tools": [{"function": {}}]},
        {**CHAT, "format": "xml"},
        {**CHAT, "options": {"num_predict": 1.5}},
        {**CHAT, "stream": "no"},
        b"[]",
    ],
)
def test_what_cannot_be_understood_is_refused(body: Any) -> None:
    told = ask("POST", "/api/chat", body)
    assert told.status == 400
    assert isinstance(told.json()["error"], str)


def test_odd_ways_to_keep_a_model_are_no_failure() -> None:
    assert ask("POST", "/api/chat", {"model": "m", "keep_alive": [0]}).lines()[0]["done_reason"] == "load"


@pytest.mark.parametrize("asked", [asked for asked in ASKED if asked.family == "ollama"], ids=str)
def test_no_request_ends_in_a_traceback(asked: Asked) -> None:
    assert not defects("ollama", asked.path.partition("?")[0], asked.content)
