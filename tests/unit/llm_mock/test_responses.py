"""OpenAI's Responses: items and the events that build them."""

import json
from typing import Any

import pytest

from lab.llm_mock.wire.base import Problem
from lab.llm_mock.wire.openai import FAMILY

from .asking import Told, ask
from .spoiling import defects

PATH = "/v1/responses"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "name": "lookup", "parameters": SCHEMA, "strict": True}
CALL = {"type": "function_call", "call_id": "call_1", "name": "lookup", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "sunny"}
HELLO = {"role": "user", "content": "hello there"}


def respond(**more: Any) -> Told:
    return ask("POST", PATH, {"model": "gpt-4o-mini", "input": "hello there", **more})


def events(**more: Any) -> list[Any]:
    told = respond(stream=True, **more)
    read = told.events()
    assert told.event_names() == [event["type"] for event in read]
    assert [event["sequence_number"] for event in read] == list(range(len(read)))
    return read


def kinds(read: list[Any]) -> list[str]:
    """Return the types in order, repeated ones once."""
    names = [event["type"].removeprefix("response.") for event in read]
    return [name for number, name in enumerate(names) if number == 0 or names[number - 1] != name]


def test_a_response_holds_a_message_and_repeats_what_was_asked() -> None:
    response = respond(instructions="be kind", metadata={"a": "b"}).json()
    assert (response["object"], response["status"]) == ("response", "completed")
    assert (response["instructions"], response["metadata"]) == ("be kind", {"a": "b"})
    [message] = response["output"]
    assert (message["type"], message["role"], message["status"]) == ("message", "assistant", "completed")
    assert message["content"][0]["text"].endswith("to: hello there")
    usage = response["usage"]
    assert usage["input_tokens"] + usage["output_tokens"] == usage["total_tokens"] == 12


def test_a_streamed_text_is_built_in_order() -> None:
    read = events()
    assert kinds(read) == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta", "output_text.done",
        "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    assert read[0]["response"]["output"] == []
    assert read[-1]["response"] == respond().json()
    text = "".join(event["delta"] for event in read if event["type"] == "response.output_text.delta")
    assert text == read[-1]["response"]["output"][0]["content"][0]["text"]


def test_a_streamed_call_is_built_in_order() -> None:
    read = events(tools=[TOOL])
    assert kinds(read) == [
        "created", "in_progress", "output_item.added", "function_call_arguments.delta", "function_call_arguments.done",
        "output_item.done", "completed",
    ]  # fmt: skip
    [call] = read[-1]["response"]["output"]
    deltas = [event["delta"] for event in read if event["type"] == "response.function_call_arguments.delta"]
    assert len(deltas) > 1
    assert "".join(deltas) == call["arguments"]
    assert isinstance(json.loads(call["arguments"])["city"], str)
    assert {event["item_id"] for event in read if "item_id" in event} == {call["id"]}


def test_the_result_of_a_call_ends_the_loop_with_or_without_its_history() -> None:
    with_history = respond(tools=[TOOL], input=[HELLO, CALL, OUTPUT]).json()
    referring = respond(tools=[TOOL], input=[OUTPUT], previous_response_id="resp_1").json()
    assert [response["output"][0]["type"] for response in (with_history, referring)] == ["message", "message"]
    assert referring["previous_response_id"] == "resp_1"


def test_what_the_model_said_in_one_go_is_one_turn() -> None:
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look"}]}
    reasoning = {"type": "reasoning", "summary": []}
    other_call, other_output = {**CALL, "call_id": "call_2"}, {**OUTPUT, "call_id": "call_2"}
    image = {"role": "user", "content": [{"type": "input_text", "text": "see"}, {"type": "input_image"}]}
    content = {"model": "m", "input": [image, reasoning, said, CALL, other_call, OUTPUT, other_output]}
    endpoint = next(route.endpoint for route in FAMILY.routes if route.path == PATH)
    question = endpoint.read(None, content, {})  # type: ignore[arg-type]
    assert [turn.role for turn in question.turns] == ["user", "assistant", "tool", "tool"]
    assert (question.turns[0].images, len(question.turns[1].calls), question.turn) == (1, 2, 2)
    assert question.last_user == "see"


@pytest.mark.parametrize("tool_choice", ["required", {"type": "function", "name": "lookup"}])
def test_the_choice_of_a_tool_is_obeyed(tool_choice: Any) -> None:
    assert respond(tools=[TOOL], tool_choice=tool_choice).json()["output"][0]["name"] == "lookup"
    assert respond(tools=[TOOL], tool_choice="none").json()["output"][0]["type"] == "message"


def test_structured_output_fits_its_schema() -> None:
    form = {"type": "json_schema", "name": "trip", "schema": SCHEMA, "strict": True}
    response = respond(text={"format": form}).json()
    assert isinstance(json.loads(response["output"][0]["content"][0]["text"])["city"], str)
    assert response["text"]["format"] == form


def test_an_answer_that_is_too_long_is_incomplete() -> None:
    response = respond(max_output_tokens=2).json()
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert response["output"][0]["content"][0]["text"] == "mock answer"
    assert events(max_output_tokens=2)[-1]["type"] == "response.incomplete"


def test_earlier_responses_are_not_kept() -> None:
    told = ask("GET", f"{PATH}/resp_1")
    assert told.status == 404
    assert told.json()["error"]["type"] == "invalid_request_error"


def test_the_tokens_of_a_request_are_counted() -> None:
    told = ask("POST", f"{PATH}/input_tokens", {"model": "m", "input": "hello there"}).json()
    assert told == {"object": "response.input_tokens", "input_tokens": 3}


@pytest.mark.parametrize(
    "change",
    [
        {"input": None},
        {"input": [OUTPUT]},
        {"input": [CALL]},
        {"input": [{"type": "message", "role": "tool", "content": "x"}]},
        {"metadata": {"deep": 10**400}, "text": 7},
        {"tools": [{"type": "function"}]},
    ],
)
def test_a_wrong_request_is_refused(change: dict[str, Any]) -> None:
    told = respond(**change)
    assert told.status == 400
    assert told.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("value", [b"1e999", b"[" * 950 + b"]" * 950])
def test_what_cannot_be_repeated_is_refused(value: bytes) -> None:
    told = ask("POST", PATH, b'{"model": "m", "input": "x", "metadata": {"a": ' + value + b"}}")
    assert told.status == 400


def test_no_request_ends_in_a_traceback() -> None:
    content = {"model": "m", "input": [HELLO, CALL, OUTPUT], "tools": [TOOL], "text": {"format": {"type": "text"}}}
    assert not defects("openai", PATH, content)


def test_an_error_within_a_stream_is_an_event_that_clients_of_both_kinds_read() -> None:
    head, data = FAMILY.stream_error("responses", Problem(500, "no")).decode().rstrip().split("\n")
    told = json.loads(data.removeprefix("data: "))
    assert head == "event: error"
    assert (told["type"], told["message"], told["error"]["message"]) == ("error", "no", "no")
    assert b"event: response.output_text.delta\n" in FAMILY.malformed("responses")
