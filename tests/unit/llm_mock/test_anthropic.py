"""Anthropic's API: what a client gets, and what it is refused."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from lab.llm_mock.wire.anthropic import FAMILY
from lab.llm_mock.wire.anthropic_threads import Threads
from lab.llm_mock.wire.base import Problem, Quota, RejectedError

from .asking import ask
from .spoiling import defects

OLD = {"x-api-key": "sk-mock-1234", "anthropic-version": "2023-06-01"}
NEW = {"authorization": "Bearer sk-mock-1234", "anthropic-version": "2026-10-21"}
HELLO = [{"role": "user", "content": "hello there"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [{"name": "lookup", "input_schema": SCHEMA}, {"name": "other", "input_schema": SCHEMA}]


def body(**more: Any) -> dict[str, Any]:
    return {"model": "claude-sonnet-4-6", "max_tokens": 4000, "messages": HELLO, **more}


def said(**more: Any) -> Any:
    told = ask("POST", "/v1/messages?beta=true", body(**more), NEW)
    assert told.status == 200, told.response.text
    return told.json()


def streamed(**more: Any) -> list[Any]:
    told = ask("POST", "/v1/messages", body(stream=True, **more), OLD)
    events = told.events()
    assert told.event_names() == [event["type"] for event in events]
    return events


def test_both_generations_of_clients_get_the_same_answer() -> None:
    old, new = (ask("POST", "/v1/messages", body(), headers) for headers in (OLD, NEW))

    assert old.json() == new.json()
    message = old.json()
    assert message["content"] == [{"type": "text", "text": message["content"][0]["text"]}]
    assert message["content"][0]["text"].endswith("to: hello there")
    assert (message["type"], message["role"], message["stop_reason"]) == ("message", "assistant", "end_turn")
    assert message["usage"]["input_tokens"] == 3
    assert old.response.headers["request-id"].startswith("req_")


def test_a_stream_tells_the_whole_answer_in_order() -> None:
    whole, events = said(), streamed()

    kinds = [event["type"] for event in events]
    assert kinds[:3] == ["message_start", "content_block_start", "ping"]
    assert set(kinds[3:-3]) == {"content_block_delta"}
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert events[0]["message"]["content"] == []
    assert "".join(event["delta"]["text"] for event in events[3:-3]) == whole["content"][0]["text"]
    assert events[-2]["delta"]["stop_reason"] == "end_turn"
    assert events[-2]["usage"]["output_tokens"] == whole["usage"]["output_tokens"]


def test_a_tool_is_called_whole_and_in_fragments_and_its_result_ends_the_loop() -> None:
    whole, events = said(tools=TOOLS), streamed(tools=TOOLS)
    call = whole["content"][0]

    assert (call["type"], call["name"], whole["stop_reason"]) == ("tool_use", "lookup", "tool_use")
    start = next(event for event in events if event["type"] == "content_block_start")
    assert start["content_block"] == {**call, "input": {}}
    fragments = [event["delta"]["partial_json"] for event in events if event["type"] == "content_block_delta"]
    assert len(fragments) > 2
    assert json.loads("".join(fragments)) == call["input"]
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": [{"type": "text", "text": "sunny"}]}
    then = [*HELLO, {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    assert said(tools=TOOLS, messages=then)["stop_reason"] == "end_turn"


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ({"type": "auto"}, "lookup"),
        ({"type": "any"}, "lookup"),
        ({"type": "tool", "name": "other"}, "other"),
        ({"type": "none"}, None),
    ],
)
def test_the_choice_of_tools_is_kept_to(choice: dict[str, str], called: str | None) -> None:
    assert said(tools=TOOLS, tool_choice=choice)["content"][0].get("name") == called


def test_tools_that_the_provider_runs_are_not_called() -> None:
    assert said(tools=[{"type": "web_search_20250305", "name": "web_search"}])["stop_reason"] == "end_turn"


def test_an_answer_is_cut_at_max_tokens() -> None:
    message = said(max_tokens=2)

    assert message["stop_reason"] == "max_tokens"
    assert message["content"][0]["text"] == "mock answer"
    assert message["usage"]["output_tokens"] == 2


@pytest.mark.parametrize(
    "wanted",
    [
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        {"output_format": {"type": "json_schema", "schema": SCHEMA}},
    ],
)
def test_structured_output_fits_its_schema(wanted: dict[str, Any]) -> None:
    assert set(json.loads(said(**wanted)["content"][0]["text"])) == {"city"}


def test_thoughts_are_signed_and_shown_only_where_they_are_wanted() -> None:
    shown = said(thinking={"type": "enabled", "budget_tokens": 2000})["content"]
    hidden = said(thinking={"type": "adaptive", "display": "omitted"})["content"]

    assert [block["type"] for block in shown] == [block["type"] for block in hidden] == ["thinking", "text"]
    assert shown[0]["thinking"]
    assert hidden[0]["thinking"] == ""
    assert shown[0]["signature"]
    assert hidden[0]["signature"]
    kinds = [event["delta"]["type"] for event in streamed(thinking={"type": "adaptive"}) if "index" in event
             and "delta" in event]  # fmt: skip
    assert kinds[:3] == ["thinking_delta", "signature_delta", "text_delta"]
    assert [block["type"] for block in said(thinking={"type": "disabled"})["content"]] == ["text"]


def test_images_and_systems_in_blocks_are_read() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
    message = said(
        system=[{"type": "text", "text": "be nice"}],
        messages=[{"role": "user", "content": [image, {"type": "text", "text": "what is it"}]}],
    )

    assert message["content"][0]["text"].endswith("to: what is it")


def test_a_conversation_that_the_provider_holds_is_answered_like_one_told_whole() -> None:
    first = said(tools=TOOLS, system="be nice", thread={"type": "create"})
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": first["content"][0]["id"]}]}
    whole = said(
        tools=TOOLS, system="be nice", messages=[*HELLO, {"role": "assistant", "content": first["content"]}, result]
    )  # fmt: skip

    assert said(thread={"type": "continue", "previous_message_id": first["id"]}, messages=[result]) == whole


def test_conversations_are_held_as_long_as_there_is_room() -> None:
    threads = Threads(room=1000)
    asked = {"thread": {"type": "create"}, "messages": [{"role": "user", "content": "x" * 300}]}

    def is_held(previous: str) -> bool:
        try:
            threads.whole({"thread": {"type": "continue", "previous_message_id": previous}, "messages": []})
        except RejectedError:
            return False
        return True

    for name in "abc":
        threads.keep(asked, {"id": name, "content": []})
    assert [is_held(name) for name in "abc"] == [False, True, True]
    threads.keep({**asked, "messages": [{"role": "user", "content": "x" * 3000}]}, {"id": "d", "content": []})
    assert [is_held(name) for name in "abcd"] == [False] * 4
    threads.keep(asked, {"id": "e", "content": []})
    assert is_held("e")


def test_a_conversation_that_is_not_held_is_told_to_begin_again() -> None:
    told = ask("POST", "/v1/messages", body(thread={"type": "continue", "previous_message_id": "msg_no"}), NEW)

    assert told.status == 404
    assert told.json()["error"]["details"] == {"error_code": "thread_not_found"}


def test_tokens_are_counted_and_models_listed() -> None:
    counted = ask("POST", "/v1/messages/count_tokens", {"model": "m", "messages": HELLO}, OLD)
    assert counted.json() == {"input_tokens": 3}

    first = ask("GET", "/v1/models?limit=2", headers=OLD).json()
    assert len(first["data"]) == 2
    assert first["has_more"]
    assert first["last_id"] == first["data"][1]["id"]
    second = ask("GET", f"/v1/models?after_id={first['last_id']}", headers=OLD).json()
    assert not second["has_more"]
    assert second["first_id"] not in {each["id"] for each in first["data"]}
    back = ask("GET", f"/v1/models?limit=2&before_id={second['first_id']}", headers=OLD).json()
    assert back["data"] == first["data"]
    assert ask("GET", f"/v1/models/{first['first_id']}", headers=OLD).json() == first["data"][0]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"max_tokens": True}, "max_tokens"),
        ({"model": ""}, "model"),
        ({"messages": []}, "messages: at least one message is required"),
        ({"messages": [None]}, "messages.0"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages.0.content"),
        ({"stream": "yes"}, "stream"),
        ({"tools": [{"name": "no spaces", "input_schema": {}}]}, "tools.0.custom.name"),
        ({"tool_choice": {"type": "tool", "name": "none of these"}}, "not found in provided tools"),
        ({"thinking": {"type": "enabled", "budget_tokens": 4000}}, "thinking.budget_tokens"),
    ],
)
def test_a_wrong_request_is_refused_by_name(wrong: dict[str, Any], named: str) -> None:
    told = ask("POST", "/v1/messages", body(**wrong), OLD)

    assert told.status == 400
    assert told.json()["type"] == "error"
    assert told.json()["error"]["type"] == "invalid_request_error"
    assert named in told.json()["error"]["message"]
    assert told.json()["request_id"] == told.response.headers["request-id"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (503, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)
def test_an_error_has_the_type_of_its_status_whole_and_in_a_stream(status: int, kind: str) -> None:
    problem = Problem(status, "no \ud800")
    whole = FAMILY.error(problem)
    line, data, *_ = FAMILY.stream_error("messages", problem).split(b"\n")

    assert whole.status == status
    assert json.loads(whole.body)["error"] == {"type": kind, "message": "no \ud800"}
    assert line == b"event: error"
    assert json.loads(data.removeprefix(b"data: ")) == json.loads(whole.body)


def test_a_malformed_frame_is_named_so_that_clients_read_it() -> None:
    line, data, *_ = FAMILY.malformed("messages").split(b"\n")

    assert line == b"event: content_block_delta"
    with pytest.raises(ValueError, match="Unterminated"):
        json.loads(data.removeprefix(b"data: "))


def test_a_quota_is_told_with_the_moment_of_its_reset() -> None:
    before = datetime.now(UTC)
    told = dict(FAMILY.quota_headers(Quota(5, 4, 900, 800, 60)))

    assert told["anthropic-ratelimit-requests-limit"] == "5"
    assert told["anthropic-ratelimit-tokens-remaining"] == "800"
    assert (datetime.fromisoformat(told["anthropic-ratelimit-requests-reset"]) - before).total_seconds() > 58


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
def test_whatever_stands_in_a_request_is_answered_or_refused(path: str) -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "lookup", "input": {"city": "x"}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "x"}]}
    turns = [*HELLO, {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    content = body(
        messages=turns,
        stream=True,
        system=[{"type": "text", "text": "x"}],
        tools=[TOOLS[0], {"type": "bash_20250124", "name": "bash"}],
        tool_choice={"type": "auto"},
        thinking={"type": "enabled", "budget_tokens": 1024},
        output_config={"format": {"type": "json_schema", "schema": SCHEMA}},
        thread={"type": "create"},
    )

    assert not defects("anthropic", path, content)
