import json
from typing import Any

import pytest

from lab.llm_mock.answer import Answer, Call
from lab.llm_mock.question import Question
from lab.llm_mock.wire.base import Problem
from lab.llm_mock.wire.gemini import FAMILY
from lab.llm_mock.wire.gemini_schema import lowered
from lab.llm_mock.wire.gemini_write import generated, streamed

from .asking import ask
from .endpoints import ASKED, Asked
from .spoiling import defects

HELLO = {"contents": [{"role": "user", "parts": [{"text": "Hello there"}]}]}
SCHEMA = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]}
TOOLS = {"tools": [{"functionDeclarations": [{"name": "weather", "parameters": SCHEMA}]}]}


def _asked(**detail: Any) -> Question:
    return Question("gemini", "streamGenerateContent", "g", "0" * 64, stream=True, detail=detail)


def test_every_version_of_the_path_and_none_give_the_same_answer() -> None:
    told = [
        ask("POST", f"{base}/models/gemini-2.5-flash:generateContent", HELLO).json()
        for base in ("/v1", "/v1beta", "", "/gemini/v1")
    ]
    assert all(each == told[0] for each in told)
    candidate = told[0]["candidates"][0]
    assert candidate["content"]["parts"][0]["text"].endswith("to: Hello there")
    assert (candidate["content"]["role"], candidate["finishReason"]) == ("model", "STOP")
    usage = told[0]["usageMetadata"]
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + usage["candidatesTokenCount"]


def test_a_stream_is_events_or_one_array_and_says_what_the_whole_says() -> None:
    whole = ask("POST", "/v1/models/g:generateContent", HELLO).json()
    events = ask("POST", "/v1/models/g:streamGenerateContent?alt=sse", HELLO).events()
    array = ask("POST", "/v1/models/g:streamGenerateContent", HELLO)
    assert array.response.headers["content-type"] == "application/json"
    assert array.json() == events
    texts = [event["candidates"][0]["content"]["parts"][0]["text"] for event in events]
    assert "".join(texts) == whole["candidates"][0]["content"]["parts"][0]["text"]
    assert ["finishReason" in event["candidates"][0] for event in events] == [*[False] * (len(events) - 1), True]
    assert events[-1]["usageMetadata"] == whole["usageMetadata"]


@pytest.mark.parametrize(
    ("config", "wanted"), [(None, True), ("ANY", True), ("AUTO", True), ("NONE", False), ("VALIDATED", True)]
)
def test_a_tool_is_called_unless_the_mode_forbids_it(config: str | None, wanted: bool) -> None:
    calling = {} if config is None else {"tool_config": {"function_calling_config": {"mode": config}}}
    events = ask("POST", "/v1beta/models/g:streamGenerateContent?alt=sse", {**HELLO, **TOOLS, **calling}).events()
    calls = [part for event in events for part in event["candidates"][0]["content"]["parts"] if "functionCall" in part]
    assert bool(calls) is wanted
    if wanted:
        # One frame has the call and the end: automatic function calling looks no further.
        assert len(events) == 1
        assert calls[0]["functionCall"]["name"] == "weather"
        assert isinstance(calls[0]["functionCall"]["args"]["city"], str)


def test_only_allowed_functions_are_called_and_unknown_ones_refused() -> None:
    both = {"tools": [{"function_declarations": [{"name": "one"}, {"name": "two", "parameters_json_schema": {}}]}]}
    for name, status in (("two", 200), ("three", 400)):
        calling = {"toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": [name]}}}
        told = ask("POST", "/v1/models/g:generateContent", {**HELLO, **both, **calling})
        assert told.status == status
        if status == 200:
            assert told.json()["candidates"][0]["content"]["parts"][0]["functionCall"]["name"] == name


def test_the_answer_to_a_function_ends_the_loop() -> None:
    call = ask("POST", "/v1/models/g:generateContent", {**HELLO, **TOOLS}).json()["candidates"][0]["content"]
    result = {"functionResponse": {"name": "weather", "response": {"result": "sunny"}}}
    contents = [*HELLO["contents"], call, {"role": "user", "parts": [result]}]
    told = ask("POST", "/v1/models/g:generateContent", {"contents": contents, **TOOLS}).json()
    assert "text" in told["candidates"][0]["content"]["parts"][0]


@pytest.mark.parametrize(
    "config",
    [
        {"responseMimeType": "application/json", "responseSchema": SCHEMA},
        {"response_mime_type": "application/json", "response_json_schema": lowered(SCHEMA)},
        {"responseFormat": [{"text": {"mimeType": "APPLICATION_JSON", "schema": lowered(SCHEMA)}}]},
    ],
)
def test_an_answer_fits_the_schema_however_it_is_given(config: dict[str, Any]) -> None:
    told = ask("POST", "/v1/models/g:generateContent", {**HELLO, "generationConfig": config}).json()
    assert set(json.loads(told["candidates"][0]["content"]["parts"][0]["text"])) == {"city"}


def test_a_choice_is_told_without_quotes() -> None:
    config = {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["north", "south"]}}
    told = ask("POST", "/v1/models/g:generateContent", {**HELLO, "generationConfig": config}).json()
    assert told["candidates"][0]["content"]["parts"][0]["text"] in {"north", "south"}


def test_schemas_become_json_schema() -> None:
    schema = {
        "type": "OBJECT",
        "any_of": [{"type": "STRING", "max_length": "5"}, {"type": ["NULL", "integer"]}],
        "properties": {"type": {"type": "ARRAY", "items": {"type": "NUMBER"}, "minItems": "2"}},
    }
    assert lowered(schema) == {
        "type": "object",
        "anyOf": [{"type": "string", "maxLength": 5}, {"type": ["null", "integer"]}],
        "properties": {"type": {"type": "array", "items": {"type": "number"}, "minItems": 2}},
    }


def test_an_answer_that_is_too_long_is_cut() -> None:
    told = ask("POST", "/v1/models/g:generateContent", {**HELLO, "generationConfig": {"maxOutputTokens": "2"}}).json()
    assert told["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert told["usageMetadata"]["candidatesTokenCount"] == 2


def test_arguments_that_are_no_object_end_as_a_malformed_call() -> None:
    answer = Answer("0" * 64, calls=(Call("c", "weather", '{"city":'),), finish="tool_calls")
    candidate = json.loads(generated(_asked(), answer).body)["candidates"][0]
    assert (candidate["finishReason"], candidate["content"]) == ("MALFORMED_FUNCTION_CALL", {})
    assert b"MALFORMED_FUNCTION_CALL" in list(streamed(_asked(sse=True), answer).frames)[-1].data


def test_frames_with_text_or_calls_are_pieces() -> None:
    text = streamed(_asked(sse=True), Answer("0" * 64, "one two"))
    call = streamed(_asked(), Answer("0" * 64, calls=(Call("c", "weather", "{}"),), finish="tool_calls"))
    assert [frame.piece for frame in text.frames] == [True, True, False]
    assert [frame.piece for frame in call.frames] == [True, False]


def test_texts_become_vectors_and_are_counted() -> None:
    content = {"parts": [{"text": "one two three"}]}
    one = ask("POST", "/v1/models/e:embedContent", {"content": content, "outputDimensionality": 8}).json()
    requests = [{"model": "models/e", "content": content, "output_dimensionality": 8}] * 2
    several = ask("POST", "/v1beta/models/e:batchEmbedContents", {"requests": requests}).json()
    assert len(one["embedding"]["values"]) == 8
    assert several["embeddings"] == [one["embedding"]] * 2
    whole = ask("POST", "/v1/models/g:generateContent", HELLO).json()["usageMetadata"]["promptTokenCount"]
    for body in (HELLO, {"generateContentRequest": HELLO}):
        assert ask("POST", "/v1/models/g:countTokens", body).json()["totalTokens"] == whole


def test_models_are_listed_for_who_has_a_key_of_google() -> None:
    listed = ask("GET", "/v1/models", headers={"x-goog-api-key": "k"}).json()["models"]
    assert ask("GET", f"/v1beta/{listed[0]['name']}").json() == listed[0]
    assert ask("GET", "/v1/models?key=k").json()["models"] == listed


def test_long_paths_of_vertex_are_known() -> None:
    path = "/v1beta1/projects/p/locations/l/publishers/google/models/"
    assert ask("POST", f"{path}g:generateContent", HELLO).json()["modelVersion"] == "g"
    predicted = ask("POST", f"{path}e:predict", {"instances": [{"content": "a"}]}).json()["predictions"]
    assert len(predicted[0]["embeddings"]["values"]) > 1


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (400, "INVALID_ARGUMENT"), (401, "UNAUTHENTICATED"), (403, "PERMISSION_DENIED"), (404, "NOT_FOUND"),
        (429, "RESOURCE_EXHAUSTED"), (500, "INTERNAL"), (503, "UNAVAILABLE"), (504, "DEADLINE_EXCEEDED"),
    ],
)  # fmt: skip
def test_problems_are_told_in_googles_words(status: int, word: str) -> None:
    error = json.loads(FAMILY.error(Problem(status, "no")).body)["error"]
    assert (error["code"], error["message"], error["status"]) == (status, "no", word)
    assert ("details" in error) is (status == 429)
    assert FAMILY.stream_error("streamGenerateContent", Problem(status, "no")).startswith(b'data: {"error":{')


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"contents": []},
        {"contents": "Hello"},
        {"contents": [None]},
        {"contents": [{"role": "system", "parts": [{"text": "x"}]}]},
        {"contents": [{"parts": [{"text": 5}]}]},
        {"contents": [{"parts": [{"functionCall": []}]}]},
        {**HELLO, "tools": [{"functionDeclarations": [{"name": "", "parameters": SCHEMA}]}]},
        {**HELLO, "tools": [{"functionDeclarations": [{"name": "x", "parameters": "OBJECT"}]}]},
        {**HELLO, "toolConfig": {"functionCallingConfig": {"mode": "SOME"}}},
        {**HELLO, "generationConfig": {"maxOutputTokens": 10**400}},
        {**HELLO, "generationConfig": {"maxOutputTokens": True}},
        b'{"contents":' + b"[" * 100_000,
    ],
)
def test_what_cannot_be_understood_is_an_invalid_argument(body: Any) -> None:
    told = ask("POST", "/v1/models/g:generateContent", body)
    assert (told.status, told.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_half_a_surrogate_pair_is_answered() -> None:
    body = b'{"contents":[{"parts":[{"text":"\\ud800"}]}]}'
    assert ask("POST", "/v1/models/g:generateContent", body).status == 200
    assert (
        ask("POST", "/v1/models/e:embedContent", body.replace(b'"contents":[', b'"content":')[:-2] + b"}").status == 200
    )


@pytest.mark.parametrize("asked", [asked for asked in ASKED if asked.family == "gemini"], ids=str)
def test_no_request_ends_in_a_traceback(asked: Asked) -> None:
    assert not defects("gemini", asked.path.partition("?")[0], asked.content)
