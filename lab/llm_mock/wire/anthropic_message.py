"""Writing a message as Anthropic does: whole, or as the events of a stream; Bedrock sends both too."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from lab.llm_mock.answer import Answer, Call, pieces
from lab.llm_mock.question import Question
from lab.llm_mock.wire.cut import cut

_STOP_REASONS = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens"}
Event = tuple[dict[str, Any], bool]


def message(question: Question, answer: Answer) -> dict[str, Any]:
    """Return the message of an answer."""
    answer = cut(question, answer)
    content: list[dict[str, Any]] = []
    if (thought := thinking(question)) is not None:
        content.append({"type": "thinking", "thinking": thought, "signature": signature(question)})
    if answer.text:
        content.append({"type": "text", "text": answer.text})
    content += [{"type": "tool_use", **_names(call), "input": arguments(call)} for call in answer.calls]
    return _message(question, answer, content, stop_reason(answer), answer.output_tokens)


def events(question: Question, answer: Answer) -> Iterator[Event]:
    """Give the events of an answer, each with whether it carries a bit of it."""
    answer = cut(question, answer)
    yield {"type": "message_start", "message": _message(question, answer, [], None, 1)}, False
    index = 0
    if (thought := thinking(question)) is not None:
        empty = {"type": "thinking", "thinking": "", "signature": ""}
        told = [{"type": "thinking_delta", "thinking": thought}] if thought else []
        told.append({"type": "signature_delta", "signature": signature(question)})
        yield from _block(index, empty, [(delta, False) for delta in told])
        index += 1
    if answer.text:
        deltas = [({"type": "text_delta", "text": piece}, True) for piece in answer.pieces]
        yield from _block(index, {"type": "text", "text": ""}, deltas)
        index += 1
    for call in answer.calls:
        parts = [({"type": "input_json_delta", "partial_json": part}, True) for part in pieces(call.arguments)]
        # The API begins with an empty fragment.
        parts.insert(0, ({"type": "input_json_delta", "partial_json": ""}, False))
        yield from _block(index, {"type": "tool_use", **_names(call), "input": {}}, parts)
        index += 1
    usage = _usage(answer, answer.output_tokens)
    del usage["cache_creation"], usage["service_tier"]
    delta = {"stop_reason": stop_reason(answer), "stop_sequence": None}
    yield {"type": "message_delta", "delta": delta, "usage": usage}, False
    yield {"type": "message_stop"}, False


def stop_reason(answer: Answer) -> str:
    """Return why the model stopped, in the words of Anthropic and of Bedrock."""
    return _STOP_REASONS[answer.finish]


def arguments(call: Call) -> Any:
    """Return a call's arguments as an object; what is no JSON stays a text, which no client expects."""
    try:
        return json.loads(call.arguments)
    except ValueError:
        return call.arguments


def thinking(question: Question) -> str | None:
    """Return what the model thought, empty where the client does not want to see it; None if it did not think."""
    wanted = question.detail.get("thinking")
    if wanted is None:
        return None
    return "" if wanted == "omitted" else f"mock thinking {question.digest[:8]}"


def signature(question: Question) -> str:
    """Return the seal of a thought."""
    return base64.b64encode(bytes.fromhex(question.digest)).decode("ascii")


def _names(call: Call) -> dict[str, str]:
    return {"id": f"toolu_{call.id.removeprefix('call_')}", "name": call.name}


def _block(index: int, start: Mapping[str, Any], deltas: list[Event]) -> Iterator[Event]:
    yield {"type": "content_block_start", "index": index, "content_block": start}, False
    if index == 0:
        yield {"type": "ping"}, False
    for delta, piece in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}, piece
    yield {"type": "content_block_stop", "index": index}, False


def _message(
    question: Question, answer: Answer, content: list[dict[str, Any]], reason: str | None, output_tokens: int
) -> dict[str, Any]:
    return {
        "id": f"msg_{answer.digest[:24]}",
        "type": "message",
        "role": "assistant",
        "model": question.model,
        "content": content,
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": _usage(answer, output_tokens),
    }


def _usage(answer: Answer, output_tokens: int) -> dict[str, Any]:
    return {
        "input_tokens": answer.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output_tokens,
        "service_tier": "standard",
    }
