"""No request makes the mock write or work much more than it says itself."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import pytest

from lab.llm_mock import mind
from lab.llm_mock.instance import STEPS, instance
from lab.llm_mock.question import Question, Tool, Turn
from lab.llm_mock.rules.problem import RulesError
from lab.llm_mock.rules.reading import read_rules
from lab.llm_mock.schema.effort import PER_STEP, Effort, SpentError
from lab.llm_mock.schema.reading import Document, enumerated, key
from lab.llm_mock.wire.base import RejectedError, parse
from lab.llm_mock.wire.bounds import MOST_NUMBERS, MOST_PIECES
from lab.llm_mock.wire.openai_responses_request import read_response

from .asking import Told, ask

MB = STEPS * PER_STEP
CHAT = "/v1/chat/completions"


class Counted(Effort):
    """Effort that is never spent, and tells how much was."""

    def __init__(self) -> None:
        super().__init__(0)
        self.steps = 0

    def spend(self, steps: int = 1) -> None:
        self.steps += steps


def many(items: Mapping[str, Any], count: int = 2000) -> dict[str, Any]:
    return {"type": "array", "minItems": count, "items": dict(items)}


def chat_request(**more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": "hi"}], **more}


def responded(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": dict(schema)}}}


@pytest.mark.parametrize(
    "items",
    [
        {"const": "x" * 1000},
        {"enum": [[[]] * 4000]},
        {"enum": ["x" * 1000, "y" * 1000]},
        {"type": "object", "required": ["x" * 1000]},
    ],
    ids=["const", "enum", "texts", "name"],
)
def test_a_value_of_more_than_a_megabyte_is_given_up(items: dict[str, Any]) -> None:
    assert len(json.dumps(instance(many(items, 15), seed="a"))) > 1000
    assert len(json.dumps(instance(many(items), seed="a"))) < MB


def test_values_that_are_looked_at_are_counted() -> None:
    wide, flat = Counted(), Counted()
    assert enumerated({"enum": [[[]] * 4000, 1]}, wide) == [[[]] * 4000, 1]
    assert enumerated({"enum": [1, 2]}, flat) == [1, 2]
    assert (wide.steps, flat.steps) == (4002 // 32, 0)


def test_values_too_deep_to_be_written_are_counted_and_left_out() -> None:
    deep: list[Any] = []
    for _ in range(80):
        deep = [deep]
    effort = Counted()
    assert enumerated({"enum": [deep] * 1000}, effort) == []
    assert effort.steps == 1000 * 64 // 32


def test_values_that_are_compared_are_counted() -> None:
    long, short = Counted(), Counted()
    assert key("x" * 5000, long) == f'"{"x" * 5000}"'
    assert key([1, 2.0], short) == "[1,2]"
    assert (long.steps, short.steps) == (100, 0)


def test_references_are_counted_before_they_are_followed() -> None:
    effort = Counted()
    assert Document({"a": {"b": 1}}).resolve("#/a/b", effort) == 1
    assert effort.steps == 0
    assert Document({}).resolve("#/" + "a/" * 10_000, effort) == {}
    assert effort.steps > 500
    with pytest.raises(SpentError):
        Document({}).resolve("#/" + "a/" * 10_000, Effort(100))
    with pytest.raises(SpentError):
        Document({"$defs": {str(number): {} for number in range(1000)}}).resolve("name", Effort(100))


@pytest.mark.parametrize(
    ("path", "request_"),
    [
        ("/v1/embeddings", {"model": "m", "input": ["a"] * 2048, "dimensions": 1537}),
        ("/v1/embeddings", {"model": "text-embedding-3-large", "input": ["a"] * 1025}),
        ("/v1/embeddings", {"model": "m", "input": ["a"] * 2048, "dimensions": 4096, "encoding_format": "base64"}),
        ("/model/cohere.embed-english-v3/invoke", {"texts": ["a"] * 5000, "output_dimension": 4096}),
        ("/model/cohere.embed-english-v3/invoke", {"texts": ["a"] * (MOST_NUMBERS // 1024 + 1)}),
        ("/api/embed", {"model": "m", "input": ["a"] * 5000, "dimensions": 4096}),
    ],
)
def test_more_numbers_than_an_answer_may_hold_are_refused(path: str, request_: dict[str, Any]) -> None:
    told = ask("POST", path, request_)
    assert (told.status, told.entry.outcome) == (400, "rejected")


def test_the_largest_batch_of_the_provider_is_answered() -> None:
    request = {"model": "m", "input": ["a"] * 2048, "dimensions": 1536, "encoding_format": "base64"}
    assert len(ask("POST", "/v1/embeddings", request).json()["data"]) == 2048


@pytest.mark.parametrize("stream", [False, True])
def test_many_choices_of_a_long_answer_are_refused(stream: bool) -> None:
    long = responded(many({"type": "integer"}, 5000))
    told = ask("POST", CHAT, chat_request(n=128, stream=stream, **long))
    assert (told.status, told.json()["error"]["param"]) == (400, "n")
    assert ask("POST", CHAT, chat_request(n=1, stream=stream, **long)).status == 200
    assert ask("POST", CHAT, chat_request(n=128, stream=stream)).status == 200


def test_a_choice_that_is_one_long_piece_is_counted_by_its_letters() -> None:
    rules = f"schema: 1\nrules: [{{reply: {{text: {'x' * 200_000}}}}}]"
    assert len("x" * 200_000) > MOST_PIECES
    assert ask("POST", CHAT, chat_request(n=128), rules=rules).status == 400
    assert ask("POST", CHAT, chat_request(n=2), rules=rules).status == 200


def test_calls_in_a_row_become_one_turn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []

    def replace(turn: Turn, **changes: Any) -> Turn:
        made.append(changes)
        return dataclasses.replace(turn, **changes)

    monkeypatch.setattr("lab.llm_mock.wire.openai_responses_request.replace", replace)
    calls = [{"type": "function_call", "call_id": f"c{number}", "name": "b"} for number in range(50)]
    said = [{"role": "assistant", "content": text} for text in ("one ", "", " two", "three ")]
    results = [{"type": "function_call_output", "call_id": f"c{number}", "output": ""} for number in range(50)]
    question = read_response("openai", {"model": "m", "input": [*said, {"type": "reasoning"}, *calls, *results]})
    first, *others = question.turns
    assert (first.text, [call.id for call in first.calls]) == ("one  two three", [f"c{number}" for number in range(50)])
    assert [turn.role for turn in others] == ["tool"] * 50
    assert len(made) == 1


@pytest.mark.parametrize(("before", "called"), [(16_000, "second"), (17_000, "first")])
def test_tools_are_looked_for_in_the_beginning_of_what_was_said(before: int, called: str) -> None:
    said = Turn("user", "x" * before + " second")
    question = Question("openai", "chat", "m", "0" * 64, turns=(said,), tools=(Tool("first"), Tool("second")))
    assert [call.name for call in mind.answer(question).calls] == [called]


@pytest.mark.parametrize("number", ["1e999", "-1e999", "[1.0, 1e400]"])
def test_numbers_beyond_all_numbers_are_no_json(number: str) -> None:
    with pytest.raises(RejectedError):
        parse(f'{{"const": {number}}}'.encode())
    assert ask("POST", CHAT, f'{{"model": "m", "messages": [], "x": {number}}}'.encode()).status == 400


def test_ordinary_numbers_are_read() -> None:
    assert parse(b'{"a": [1.5, -2e3, 1e-999, 1E308]}') == {"a": [1.5, -2000.0, 0.0, 1e308]}


def ruled(value: str) -> Any:
    text = read_rules(f"schema: 1\nrules: [{{reply: {{json: {{it: {value}}}}}}}]").rules[0].replies[0].text
    assert text is not None
    return json.loads(text)["it"]


@pytest.mark.parametrize("text", ["09111", "-08", "010", "01234", "1_000", "0x1F", "12:30", "1:30.5", "00", "٣"])
def test_what_is_no_number_in_json_stays_a_text_in_a_rule(text: str) -> None:
    assert ruled(text) == text


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("-7", -7), ("1.10", 1.1), ("1e5", 1e5), ("-2E-3", -0.002), (".5", 0.5), ("+3", 3)]
)
def test_what_is_a_number_in_json_is_one_in_a_rule(text: str, number: float) -> None:
    assert ruled(text) == number
    assert ruled(f"'{text}'") == text


@pytest.mark.parametrize("text", ["1e999", "-1e999", "1.0e+999", ".inf", ".nan"])
def test_a_rule_with_a_number_beyond_all_numbers_is_refused(text: str) -> None:
    with pytest.raises(RulesError, match="a value that JSON cannot say"):
        ruled(text)


def test_a_ruled_call_without_arguments_has_an_object() -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "string"}}}
    told = ask("POST", CHAT, chat_request(tools=[tool]), rules="schema: 1\nrules: [{reply: {calls: [f]}}]")
    assert told.json()["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == "{}"


def faulty(path: str, request: Any, fault: str) -> Told:
    rules = f"schema: 1\nrules: [{{reply: {{text: a b c d, fault: {{{fault}}}}}}}]"
    return ask("POST", path, request, {"accept": "application/json"}, rules)


GEMINI = "/v1beta/models/m:streamGenerateContent", {"contents": [{"parts": [{"text": "x"}]}]}
COHERE = "/v2/chat", {"model": "m", "stream": True, "messages": [{"role": "user", "content": "x"}]}


@pytest.mark.parametrize(("after", "before"), [(0, 0), (2, 2), (9, 5)])
def test_an_error_is_the_last_item_of_a_stream_that_is_an_array(after: int, before: int) -> None:
    *items, last = faulty(*GEMINI, f"kind: stream-error, status: 503, after: {after}").json()
    assert last["error"]["code"] == 503
    assert all("candidates" in item for item in items)
    assert len(items) == min(before, 4)


def test_a_long_stream_that_is_an_array_still_is_one() -> None:
    items = faulty(*GEMINI, "kind: huge-body, size: 3000").json()
    texts = [item["candidates"][0]["content"]["parts"][0]["text"] for item in items]
    assert set(texts[:-4]) == {"a"}
    assert texts[-4:] == [" b", " c", " d", ""]


def test_a_malformed_item_stands_where_an_item_would() -> None:
    text = faulty(*GEMINI, "kind: malformed-chunk, after: 1").response.text
    assert '},\r\n{"candidates": [{"content": {"parts": [{"te,\r\n{' in text.replace("}]}", "}")
    assert "data:" not in text


def test_faults_of_a_stream_of_lines_are_lines() -> None:
    *_, last = faulty(*COHERE, "kind: stream-error, status: 503, message: gone, after: 2").lines()
    assert (last["event"], last["data"]["delta"]["error"]) == ("message-end", "gone")
    text = faulty(*COHERE, "kind: malformed-chunk, after: 2").response.text
    assert "event:" not in text
    with pytest.raises(ValueError, match="Unterminated string"):
        [json.loads(line) for line in text.splitlines()]


def test_each_event_of_a_long_response_has_its_own_number() -> None:
    told = faulty("/v1/responses", {"model": "m", "stream": True, "input": "x"}, "kind: huge-body, size: 100000")
    events = told.events()
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    first, *others = [event["delta"] for event in events if event["type"] == "response.output_text.delta"]
    assert (first, others) == ("a" + " " * 100_000, [" b", " c", " d"])
