"""What Cohere answers in a conversation."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from lab.llm_mock.answer import Answer, Call, pieces
from lab.llm_mock.question import Question
from lab.llm_mock.wire.base import Form, Frame, Problem, Streamed, Whole, event, to_json
from lab.llm_mock.wire.cut import cut

LINES = "application/stream+json"
_FINISHES = {"stop": "COMPLETE", "tool_calls": "TOOL_CALL", "length": "MAX_TOKENS"}
Step = tuple[dict[str, Any], bool]


def whole(question: Question, answer: Answer) -> Whole:
    """Write an answer in one piece."""
    told = cut(question, answer)
    message: dict[str, Any] = {"role": "assistant"}
    if told.calls:
        message |= {"tool_plan": told.text or _plan(told), "tool_calls": [_call(call) for call in told.calls]}
    else:
        message["content"] = [{"type": "text", "text": told.text}]
    said = {"id": identity(told.digest), "finish_reason": _FINISHES[told.finish], "message": message}
    return Whole(to_json({**said, "usage": usage(told)}))


def streamed(question: Question, answer: Answer) -> Streamed:
    """Write an answer as events, or line by line."""
    told = cut(question, answer)
    if question.detail.get("lines"):
        lines = (Frame(_line(value), piece) for value, piece in _steps(told))
        return Streamed(lines, LINES, form=_FORM)
    return Streamed(Frame(event(value, value["type"]), piece) for value, piece in _steps(told))


def broken(problem: Problem) -> dict[str, Any]:
    """Write a problem within a stream, where it is an end with a reason."""
    return {"type": "message-end", "delta": {"error": problem.message, "finish_reason": "ERROR"}}


def _line(value: Mapping[str, Any]) -> bytes:
    return to_json(_widened(value)) + b"\n"


_FORM = Form(
    error=lambda problem, _place: _line(broken(problem)),
    malformed=lambda _place: b'{"type":"content-delta","index":0,"delta":{"mess\n',
)


def _widened(value: Mapping[str, Any]) -> dict[str, Any]:
    """Say the end and the calls twice, as lines: litellm, who alone asks for them, looks for them elsewhere."""
    if value["type"] in {"message-end", "tool-plan-delta"}:
        return {**value, "event": value["type"], "data": {"delta": value["delta"]}}
    if value["type"] in {"tool-call-start", "tool-call-delta"}:
        call = value["delta"]["message"]["tool_calls"]
        flat = {"id": call.get("id", ""), **call["function"]}
        return {**value, "type": "tool-call-delta", "delta": {**value["delta"], "tool_calls": [flat]}}
    return dict(value)


def _steps(answer: Answer) -> Iterator[Step]:
    """Give each event, and whether it carries a bit of the answer."""
    empty = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    yield {"id": identity(answer.digest), "type": "message-start", "delta": {"message": empty}}, False
    yield from _call_steps(answer) if answer.calls else _text_steps(answer)
    delta = {"finish_reason": _FINISHES[answer.finish], "usage": usage(answer)}
    yield {"type": "message-end", "id": identity(answer.digest), "delta": delta}, False


def _text_steps(answer: Answer) -> Iterator[Step]:
    yield _step("content-start", {"content": {"type": "text", "text": ""}}, index=0), False
    for piece in answer.pieces:
        yield _step("content-delta", {"content": {"text": piece}}, index=0), True
    yield {"type": "content-end", "index": 0}, False


def _call_steps(answer: Answer) -> Iterator[Step]:
    for piece in pieces(answer.text or _plan(answer)):
        yield _step("tool-plan-delta", {"tool_plan": piece}), True
    for index, call in enumerate(answer.calls):
        start = _call(call)
        start["function"]["arguments"] = ""
        yield _step("tool-call-start", {"tool_calls": start}, index=index), False
        for piece in pieces(call.arguments):
            told = {"tool_calls": {"function": {"arguments": piece}}}
            yield _step("tool-call-delta", told, index=index), True
        yield {"type": "tool-call-end", "index": index}, False


def _step(kind: str, message: dict[str, Any], index: int | None = None) -> dict[str, Any]:
    place = {} if index is None else {"index": index}
    return {"type": kind, **place, "delta": {"message": message}}


def _plan(answer: Answer) -> str:
    return "I will use " + ", ".join(call.name for call in answer.calls) + "."


def _call(call: Call) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def usage(answer: Answer) -> dict[str, Any]:
    """Write what an answer costs."""
    both = {"input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens}
    return {"billed_units": both, "tokens": both}


def identity(digest: str) -> str:
    """Return the number of an answer, which looks like a UUID."""
    return str(UUID(hex=digest[:32]))
