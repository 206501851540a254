"""OpenAI's API: what a client gets, and what it is refused."""

import base64
import json
import struct
from typing import Any

import pytest

from lab.llm_mock.answer import Answer, Call
from lab.llm_mock.question import Question
from lab.llm_mock.wire.base import Problem, Quota
from lab.llm_mock.wire.cut import cut
from lab.llm_mock.wire.openai import FAMILY

from .asking import Told, ask
from .spoiling import defects

CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "hello there"}]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
}
TOOL = {"type": "function", "function": {"name": "lookup", "parameters": SCHEMA}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "lookup", "arguments": "{}"}}
CALLED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
ANSWERED = {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}


def chat(**more: Any) -> Told:
    return ask("POST", CHAT, {"model": "gpt-4o-mini", "messages": HELLO, **more})


def choice(**more: Any) -> Any:
    told = chat(**more)
    assert told.status == 200, told.response.text
    return told.json()["choices"][0]


def chunks(**more: Any) -> list[Any]:
    *events, done = chat(stream=True, **more).events()
    assert done == "[DONE]"
    return events


def test_the_same_request_gets_the_same_answer_however_it_is_written() -> None:
    request = {"model": "m", "messages": HELLO}
    first = ask("POST", CHAT, request).response.content
    assert ask("POST", "/chat/completions", dict(reversed(request.items()))).response.content == first
    assert ask("POST", CHAT, {**request, "temperature": 1}).json()["id"] != json.loads(first)["id"]


def test_a_whole_answer_has_the_provider_s_shape_and_usage_adds_up() -> None:
    told = chat()
    answer = told.json()
    assert answer["object"] == "chat.completion"
    assert answer["id"].startswith("chatcmpl-")
    [only] = answer["choices"]
    assert only["message"]["content"] == f"mock answer {answer['id'][9:17]} to: hello there"
    assert (only["finish_reason"], only["message"]["role"]) == ("stop", "assistant")
    usage = answer["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (3, 6, 9)
    assert told.response.headers["x-request-id"].startswith("req_")


def test_a_stream_says_what_a_whole_answer_says() -> None:
    whole, stream = chat().json(), chunks(stream_options={"include_usage": True})
    assert {(each["id"], each["created"], each["model"]) for each in stream} == {
        (whole["id"], whole["created"], whole["model"])
    }
    *said, last = stream
    choices = [each["choices"][0] for each in said]
    assert choices[0]["delta"]["role"] == "assistant"
    assert not any("role" in each["delta"] for each in choices[1:])
    assert "".join(each["delta"].get("content", "") for each in choices) == whole["choices"][0]["message"]["content"]
    assert [each["finish_reason"] for each in choices] == [None] * (len(choices) - 1) + ["stop"]
    assert (last["choices"], last["usage"]) == ([], whole["usage"])
    assert not any("usage" in each for each in chunks())


def test_a_tool_is_called_with_arguments_that_fit_and_its_result_ends_the_loop() -> None:
    called = choice(tools=[TOOL])
    assert called["finish_reason"] == "tool_calls"
    assert called["message"]["content"] is None
    [call] = called["message"]["tool_calls"]
    arguments = json.loads(call["function"]["arguments"])
    assert (type(arguments["city"]), type(arguments["days"])) == (str, int)
    result = {"role": "tool", "tool_call_id": call["id"], "content": "sunny"}
    assert choice(tools=[TOOL], messages=[*HELLO, called["message"], result])["finish_reason"] == "stop"


def test_streamed_calls_name_themselves_once_and_come_in_fragments() -> None:
    whole = choice(tools=[TOOL])["message"]["tool_calls"][0]
    stream = chunks(tools=[TOOL])
    first, *others = [call for each in stream for call in each["choices"][0]["delta"].get("tool_calls", [])]
    assert (first["index"], first["id"], first["function"]["name"]) == (0, whole["id"], "lookup")
    assert len(others) > 1
    assert all(set(each) == {"index", "function"} and set(each["function"]) == {"arguments"} for each in others)
    assert "".join(each["function"]["arguments"] for each in others) == whole["function"]["arguments"]


def test_text_and_several_calls_are_told_together() -> None:
    question = Question("openai", "chat", "m", "0" * 64, detail={"usage": False, "choices": 1})
    calls = (Call("a", "lookup", '{"n":1}'), Call("b", "other", ""))
    answer = Answer("0" * 64, "I look", calls, "tool_calls", 3)
    endpoint = next(route.endpoint for route in FAMILY.routes if route.path == CHAT)
    assert endpoint.stream is not None
    frames = list(endpoint.stream(question, answer).frames)
    deltas = [json.loads(frame.data[6:])["choices"][0]["delta"] for frame in frames[:-1]]
    told = [(call["index"], call.get("id")) for delta in deltas for call in delta.get("tool_calls", [])]
    assert told == [(0, "a"), (0, None), (0, None), (1, "b")]
    assert sum(frame.piece for frame in frames) == 4
    message = json.loads(endpoint.whole(question, answer).body)["choices"][0]["message"]
    assert (message["content"], len(message["tool_calls"])) == ("I look", 2)


@pytest.mark.parametrize(
    ("tool_choice", "called"),
    [
        ("auto", "lookup"),
        ("required", "lookup"),
        ("none", None),
        ({"type": "function", "function": {"name": "other"}}, "other"),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": []}}, "lookup"),
    ],
)
def test_the_choice_of_a_tool_is_obeyed(tool_choice: Any, called: str | None) -> None:
    other = {"type": "function", "function": {"name": "other"}}
    message = choice(tools=[TOOL, other], tool_choice=tool_choice)["message"]
    assert [call["function"]["name"] for call in message.get("tool_calls", [])] == ([called] if called else [])


def test_structured_output_fits_its_schema() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "trip", "schema": SCHEMA, "strict": True}}
    assert isinstance(json.loads(choice(response_format=form)["message"]["content"])["days"], int)
    assert isinstance(json.loads(choice(response_format={"type": "json_object"})["message"]["content"]), dict)
    assert choice(response_format={"type": "text"})["message"]["content"].startswith("mock answer")


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_an_answer_that_is_too_long_is_cut(field: str) -> None:
    told = chat(**{field: 2}).json()
    assert told["choices"][0]["message"]["content"] == "mock answer"
    assert told["choices"][0]["finish_reason"] == "length"
    assert told["usage"]["completion_tokens"] == 2
    assert chunks(**{field: 2})[-1]["choices"][0]["finish_reason"] == "length"
    assert choice(**{field: 6})["finish_reason"] == "stop"


def test_a_call_that_does_not_fit_is_left_out() -> None:
    answer = Answer("0" * 64, "one two", (Call("a", "f", "{}"), Call("b", "f", '{"a": 1}')), "tool_calls")
    question = Question("openai", "chat", "m", "0" * 64, max_tokens=4)
    short = cut(question, answer)
    assert ([call.id for call in short.calls], short.finish) == (["a"], "length")
    assert cut(Question("openai", "chat", "m", "0" * 64, max_tokens=5), answer) == answer


def test_several_choices_are_counted() -> None:
    told = chat(n=3).json()
    assert [each["index"] for each in told["choices"]] == [0, 1, 2]
    assert told["usage"]["completion_tokens"] == 18
    assert {each["choices"][0]["index"] for each in chunks(n=2)} == {0, 1}


def test_what_was_said_is_understood_with_its_parts() -> None:
    parts = [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "u"}},
        {"type": "text", "text": "here"},
    ]
    endpoint = next(route.endpoint for route in FAMILY.routes if route.path == CHAT)
    messages = [{"role": "developer", "content": "be kind"}, {"role": "user", "content": parts}, CALLED, ANSWERED]
    question = endpoint.read(None, {"model": "m", "messages": messages}, {})  # type: ignore[arg-type]
    assert (question.system, question.last_user, question.turn) == ("be kind", "look here", 2)
    assert (question.turns[1].images, question.turns[2].calls[0].name) == (1, "lookup")
    assert question.turns[3].results[0].text == "sunny"


def test_half_a_surrogate_pair_is_answered() -> None:
    told = ask("POST", CHAT, b'{"model": "m", "messages": [{"role": "user", "content": "\\ud800"}]}')
    assert told.status == 200
    assert b"\\ud800" in told.response.content


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [*HELLO, "hi"]}, "messages[1]"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"messages": [{"role": "robot", "content": ""}]}, "messages[0].role"),
        ({"messages": [*HELLO, ANSWERED]}, "messages.[1].role"),
        ({"messages": [*HELLO, CALLED]}, "messages.[2].role"),
        ({"model": None}, "model"),
        ({"stream": "yes"}, "stream"),
        ({"stream": True, "stream_options": 1}, "stream_options"),
        ({"stream_options": {}}, "stream_options"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"n": 1000}, "n"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice"),
        ({"tools": [{"type": "function", "function": {"name": ""}}]}, "tools[0].function.name"),
        ({"response_format": {"type": "yaml"}}, "response_format.type"),
    ],
)
def test_a_wrong_request_is_refused_as_the_provider_does(change: dict[str, Any], param: str) -> None:
    told = chat(**change)
    error = told.json()["error"]
    assert (told.status, told.entry.outcome) == (400, "rejected")
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"]) == ("invalid_request_error", param)


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[]", b'{"model": NaN}', b"[" * 200_000, b'{"a":' + b"[" * 970])
def test_a_body_that_is_no_request_is_refused(body: bytes) -> None:
    assert ask("POST", CHAT, body).json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (CHAT, {"model": "m", "messages": [*HELLO, CALLED, ANSWERED], "tools": [TOOL], "tool_choice": "auto"}),
        (CHAT, {"model": "m", "messages": HELLO, "response_format": {"type": "json_schema", "json_schema": {}}}),
        ("/v1/completions", {"model": "m", "prompt": ["a"], "stream": True, "stream_options": {}}),
        ("/v1/embeddings", {"model": "m", "input": ["a"], "dimensions": 3, "encoding_format": "base64"}),
        ("/v1/moderations", {"model": "m", "input": [{"type": "text", "text": "a"}]}),
    ],
)
def test_no_request_ends_in_a_traceback(path: str, content: dict[str, Any]) -> None:
    assert not defects("openai", path, content)


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, "invalid_request_error", "invalid_api_key"),
        (404, "invalid_request_error", None),
        (429, "requests", "rate_limit_exceeded"),
        (500, "server_error", None),
        (529, "server_error", None),
    ],
)
def test_errors_have_the_provider_s_words(status: int, kind: str, code: str | None) -> None:
    whole = FAMILY.error(Problem(status, "no"))
    assert whole.status == status
    assert json.loads(whole.body) == {"error": {"message": "no", "type": kind, "param": None, "code": code}}
    assert json.loads(FAMILY.stream_error("chat", Problem(status, "no"))[6:])["error"]["type"] == kind


def test_a_malformed_frame_is_one_frame_and_no_json() -> None:
    frame = FAMILY.malformed("chat").decode()
    assert frame.startswith("data: ")
    assert frame.endswith("\n\n")
    with pytest.raises(json.JSONDecodeError):
        json.loads(frame[6:])


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, "0s"), (0.006, "6ms"), (7.66, "7.66s"), (62, "1m2s"), (3600, "1h0m0s"), (0.9999, "1s")]
)
def test_a_quota_is_told_with_its_durations(seconds: float, told: str) -> None:
    headers = dict(FAMILY.quota_headers(Quota(10, 4, 1000, 900, seconds)))
    assert headers["x-ratelimit-limit-requests"] == "10"
    assert headers["x-ratelimit-remaining-tokens"] == "900"
    assert headers["x-ratelimit-reset-requests"] == told


def test_vectors_are_the_same_packed_and_plain() -> None:
    request = {"model": "text-embedding-3-small", "input": ["one", "two"], "dimensions": 5}
    plain = ask("POST", "/v1/embeddings", request).json()
    packed = ask("POST", "/v1/embeddings", {**request, "encoding_format": "base64"}).json()
    assert [each["index"] for each in plain["data"]] == [0, 1]
    for numbers, letters in zip(plain["data"], packed["data"], strict=True):
        unpacked = struct.unpack("<5f", base64.b64decode(letters["embedding"]))
        assert unpacked == pytest.approx(numbers["embedding"], abs=1e-6)
        assert sum(each * each for each in unpacked) == pytest.approx(1, abs=1e-5)
    assert plain["usage"] == {"prompt_tokens": 2, "total_tokens": 2}


@pytest.mark.parametrize(
    ("given", "count"),
    [("a", 1), (["a", "b"], 2), ([1, 2, 3], 1), ([[1, 2], [3]], 2), ([], 0), ([""], 0), ([1, "a"], 0)],
)
def test_texts_and_tokens_are_embedded(given: Any, count: int) -> None:
    told = ask("POST", "/v1/embeddings", {"model": "m", "input": given})
    assert told.status == (200 if count else 400)
    assert len(told.json().get("data", [])) == count


def test_models_are_listed_and_any_can_be_asked_for() -> None:
    listed = ask("GET", "/v1/models").json()
    assert listed["object"] == "list"
    assert {each["object"] for each in listed["data"]} == {"model"}
    assert "gpt-4o-mini" in [each["id"] for each in listed["data"]]
    assert ask("GET", "/models/ft%3Amine/v1").json()["id"] == "ft:mine/v1"
    for name in ("ft:gpt-4o-mini:us::id", "llama3.2:latest"):
        told = ask("GET", f"/v1/models/{name}")
        assert (told.json()["id"], told.entry.provider) == (name, "openai")


def test_a_text_that_names_a_category_falls_into_it() -> None:
    request = {"input": ["be nice", "some Violence, please"]}
    nice, bad = ask("POST", "/v1/moderations", request).json()["results"]
    assert not nice["flagged"]
    assert bad["flagged"]
    assert [name for name, hit in bad["categories"].items() if hit] == ["violence"]
    assert bad["category_scores"]["violence"] > 0.5 > bad["category_scores"]["hate"]


def test_old_completions_are_answered_and_streamed() -> None:
    request = {"model": "m", "prompt": "say hello", "max_tokens": 3}
    whole = ask("POST", "/v1/completions", request).json()
    *events, done = ask("POST", "/v1/completions", {**request, "stream": True}).events()
    assert done == "[DONE]"
    assert whole["choices"][0]["finish_reason"] == events[-1]["choices"][0]["finish_reason"] == "length"
    assert "".join(each["choices"][0]["text"] for each in events) == whole["choices"][0]["text"]
