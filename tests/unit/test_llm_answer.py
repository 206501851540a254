import json
from typing import Any

import pytest

from lab.lifecycle.http import HttpResult
from lab.lifecycle.llm_answer import read_answer
from lab.product.actions import Answer
from lab.product.llm import LlmRequest

FAILURE = Answer(status=[200], json={"success": False})
PLAIN = LlmRequest.model_validate(
    {"request": {"path": "/run"}, "expect": {"json": {"success": True}}, "text": "message"}
)
STREAM = LlmRequest.model_validate(
    {"request": {"path": "/run"}, "events": "sse", "text": "choices.0.delta.content", "ends_with": "[DONE]"}
)
LINES = LlmRequest.model_validate(
    {"request": {"path": "/run"}, "events": "lines", "text": "text", "ends_with": "done"}
)  # fmt: skip


def result(body: Any, status: int | None = 200, error: str = "") -> HttpResult:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpResult(status, content, error, 0.1)


def sse(*datas: Any) -> bytes:
    return "".join(f"data: {each if isinstance(each, str) else json.dumps(each)}\n\n" for each in datas).encode()


def delta(text: str) -> dict[str, Any]:
    return {"choices": [{"delta": {"content": text}}]}


def test_an_answer_is_what_the_definition_says_an_answer_is() -> None:
    said = read_answer(result({"success": True, "message": "hello"}), PLAIN, FAILURE, late=False)
    assert (said.claim, said.text) == ("answer", "hello")


def test_a_failure_is_what_the_definition_says_a_failure_is() -> None:
    said = read_answer(result({"success": False, "message": "no"}), PLAIN, FAILURE, late=False)
    assert (said.claim, said.problem) == ("failure", "success is False instead of True")


@pytest.mark.parametrize(
    "odd", [result({}, 500), result(b"<html>"), result([1]), result(b"", None, "connection reset")]
)
def test_anything_else_is_neither(odd: HttpResult) -> None:
    assert read_answer(odd, PLAIN, FAILURE, late=False).claim == "neither"


def test_what_does_not_come_in_time_is_late_whatever_it_is() -> None:
    assert read_answer(result({"success": True}), PLAIN, FAILURE, late=True).claim == "late"


def test_a_stream_is_an_answer_by_its_end_mark_alone() -> None:
    whole = sse(delta("hel"), delta("lo"), "[DONE]")
    said = read_answer(result(whole), STREAM, FAILURE, late=False)
    assert (said.claim, said.text) == ("answer", "hello")
    cut = read_answer(result(sse(delta("hel"))), STREAM, FAILURE, late=False)
    assert (cut.claim, cut.text, cut.broken) == ("failure", "hel", True)


def test_a_stream_that_tells_an_error_or_breaks_is_a_failure() -> None:
    told = read_answer(result(sse(delta("hel"), {"error": {"message": "x"}}, "[DONE]")), STREAM, FAILURE, late=False)
    assert (told.claim, told.text, told.broken) == ("failure", "hel", False)
    broke = read_answer(result(sse(delta("hel")), None, "reset"), STREAM, FAILURE, late=False)
    assert (broke.claim, broke.text, broke.problem, broke.broken) == ("failure", "hel", "reset", True)


def test_the_end_of_lines_can_be_a_value_in_the_last_one() -> None:
    body = b'{"text": "hel"}\nnot json\n{"text": "lo", "done": true}\n'
    said = read_answer(result(body), LINES, FAILURE, late=False)
    assert (said.claim, said.text) == ("answer", "hello")
    assert read_answer(result(b'{"text": "hel"}\n'), LINES, FAILURE, late=False).claim == "failure"


def test_a_value_that_says_no_is_no_end_and_odd_events_are_none_either() -> None:
    assert read_answer(result(b'{"text": "hel", "done": false}\n'), LINES, FAILURE, late=False).claim == "failure"
    for odd in (b'{"done": {}}\n', b'{"done": []}\n', b"[[[1]]]\n", b'"text"\n'):
        assert read_answer(result(odd), LINES, FAILURE, late=False).claim == "failure"
    assert read_answer(result(sse({"[DONE]": [1]}, "[DONE]")), STREAM, FAILURE, late=False).claim == "answer"


def test_a_refused_stream_is_a_failure_where_its_status_says_so() -> None:
    refusal = Answer(status=[429])
    assert read_answer(result({}, 429), STREAM, refusal, late=False).claim == "failure"
    assert read_answer(result({}, 500), STREAM, refusal, late=False).claim == "neither"


def test_a_stream_without_what_it_promises_is_neither() -> None:
    promised = STREAM.model_copy(update={"expect": Answer(json={"choices.0.delta.role": "assistant"})})
    assert read_answer(result(sse(delta("x"), "[DONE]")), promised, FAILURE, late=False).claim == "neither"


@pytest.mark.parametrize(
    "odd",
    [
        result(b"", None, "ConnectError: refused"),
        result(b"<html>half", None, "reset"),
        result(b""),
        result(b"<html>Traceback"),
        result(b": is there anybody?\n\nretry: 5\n\n"),
        result(sse(delta("hel")), error="the answer is longer than 20 MB and was cut"),
    ],
)
@pytest.mark.parametrize("asked", [STREAM, LINES])
def test_what_never_was_a_stream_or_has_no_end_is_neither(odd: HttpResult, asked: LlmRequest) -> None:
    assert read_answer(odd, asked, FAILURE, late=False).claim == "neither"


def test_what_broke_before_it_began_is_known_as_broken() -> None:
    for asked in (PLAIN, STREAM):
        assert read_answer(result(b"", None, "refused"), asked, FAILURE, late=False).broken
        assert not read_answer(result(b""), asked, FAILURE, late=False).broken


@pytest.mark.parametrize(
    ("asked", "body"),
    [
        (STREAM, sse(delta("hel"), {"success": False}, "[DONE]")),
        (STREAM, b'{"success": false}'),
        (STREAM, b'{\n  "success": false\n}\n'),
        (LINES, b'{"text": "hel"}\n{"success": false}\n{"done": true}\n'),
        (LINES, b'{\n  "success": false\n}\n'),
        (STREAM, b"event: error\ndata: it went wrong\n\ndata: [DONE]\n\n"),
        (STREAM, sse({"error": "x"}, "[DONE]")),
    ],
)
def test_a_stream_tells_of_a_failure_in_the_definitions_words_or_in_those_of_all_streams(
    asked: LlmRequest, body: bytes
) -> None:
    assert read_answer(result(body), asked, FAILURE, late=False).claim == "failure"


def test_a_failure_is_told_by_all_of_its_values_in_one_event() -> None:
    both = Answer(json={"success": False, "code": 7})
    whole = sse({"success": False, "code": 7}, "[DONE]")
    assert read_answer(result(whole), STREAM, both, late=False).claim == "failure"
    apart = sse({"success": False}, {"code": 7}, "[DONE]")
    assert read_answer(result(apart), STREAM, both, late=False).claim == "answer"


def test_a_definition_that_knows_failures_by_status_alone_tells_none_in_a_stream() -> None:
    assert read_answer(result(sse("[DONE]")), STREAM, Answer(), late=False).claim == "answer"
    assert read_answer(result(b""), STREAM, Answer(), late=False).claim == "neither"


@pytest.mark.parametrize("nothing", [None, False, "", {}])
def test_an_event_that_says_that_there_is_no_error_tells_of_none(nothing: Any) -> None:
    body = sse(delta("hello") | {"error": nothing}, "[DONE]")
    assert read_answer(result(body), STREAM, FAILURE, late=False).claim == "answer"


def test_a_refused_stream_is_a_failure_only_with_the_values_that_belong_to_it() -> None:
    refusal = Answer(status=[429], json={"success": False})
    assert read_answer(result({"success": False}, 429), STREAM, refusal, late=False).claim == "failure"
    assert read_answer(result({}, 429), STREAM, refusal, late=False).claim == "neither"


@pytest.mark.parametrize(
    ("parts", "claim"),
    [
        (['{"a": 19,', ' "b": 23}'], "answer"),
        (['{"a": 19, "b": 23}'], "answer"),
        (['{"a": 19,'], "neither"),
        (['{"a": 19, "b": 23}', "}"], "answer"),
        (["", ""], "neither"),
    ],
)
def test_a_text_in_several_events_is_compared_as_a_whole(parts: list[str], claim: str) -> None:
    at = "choices.0.delta.arguments"
    asked = STREAM.model_copy(update={"expect": Answer(json={at: '{"a": 19, "b": 23}'})})
    events = [{"choices": [{"delta": {"arguments": part}}]} for part in parts]
    assert read_answer(result(sse(*events, "[DONE]")), asked, FAILURE, late=False).claim == claim
