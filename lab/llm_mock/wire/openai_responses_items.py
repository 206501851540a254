"""The items of a response, and the response around them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lab.llm_mock.answer import Answer
from lab.llm_mock.question import Question
from lab.llm_mock.wire.base import to_json


@dataclass(frozen=True, slots=True)
class Item:
    """A message or a call: its id, how it looks when it is begun, and when it is done."""

    id: str
    begun: dict[str, Any]
    done: dict[str, Any]


def items(answer: Answer) -> Sequence[Item]:
    """Return the message, where anything was said, and then the calls."""
    calls = [
        _call_item(f"fc_{answer.digest[:40]}{number:04d}", call.id, call.name, call.arguments)
        for number, call in enumerate(answer.calls)
    ]
    return [_message(answer), *calls] if answer.text or not calls else calls


def text_part(text: str) -> dict[str, Any]:
    """Return a message's only part."""
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def _message(answer: Answer) -> Item:
    name = f"msg_{answer.digest[:44]}"
    base = {"id": name, "type": "message", "role": "assistant"}
    status = "incomplete" if answer.finish == "length" else "completed"
    return Item(
        name,
        {**base, "status": "in_progress", "content": []},
        {**base, "status": status, "content": [text_part(answer.text)]},
    )


def _call_item(name: str, call_id: str, function: str, arguments: str) -> Item:
    base = {"id": name, "type": "function_call", "call_id": call_id, "name": function}
    return Item(
        name,
        {**base, "status": "in_progress", "arguments": ""},
        {**base, "status": "completed", "arguments": arguments},
    )


def response(question: Question, answer: Answer, *, output: bytes | None = None) -> bytes:
    """Write a response: done, with its items in JSON, or, without them, in progress."""
    cut_short = answer.finish == "length"
    status = "in_progress" if output is None else "incomplete" if cut_short else "completed"
    head = {
        "id": f"resp_{answer.digest[:48]}",
        "object": "response",
        "created_at": answer.created,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "model": question.model,
        "service_tier": "default",
        "usage": None if output is None else _usage(answer),
    }
    echo: bytes = question.detail["echo"]
    return to_json(head)[:-1] + b"," + echo + b',"output":' + (output or b"[]") + b"}"


def _usage(answer: Answer) -> dict[str, Any]:
    return {
        "input_tokens": answer.input_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": answer.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": answer.input_tokens + answer.output_tokens,
    }
