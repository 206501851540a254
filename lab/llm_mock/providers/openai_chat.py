"""OpenAI chat completions, whole or as a stream."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from lab.llm_mock.journal import Asked
from lab.llm_mock.providers.openai_error import error
from lab.llm_mock.reply import EVENT_STREAM, Reply, to_json

ECHO_LIMIT = 80
EPOCH = 1_700_000_000
# How an answer is delivered does not change it: a stream says the same as a whole answer.
_DELIVERY = ("stream", "stream_options")


class _RejectedError(Exception):
    def __init__(self, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message, self.param, self.code = message, param, code


@dataclass(frozen=True)
class _Completion:
    """Everything an answer says, derived from the request alone."""

    digest: str
    model: str
    text: str
    prompt_tokens: int

    @property
    def pieces(self) -> list[str]:
        return re.findall(r"\s*\S+|\s+", self.text)

    @property
    def usage(self) -> dict[str, int]:
        written = len(self.pieces)
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": written,
            "total_tokens": self.prompt_tokens + written,
        }

    def head(self, kind: str) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self.digest[:24]}",
            "object": kind,
            "created": EPOCH + int(self.digest[:6], 16),
            "model": self.model,
        }


def answer(body: bytes) -> Reply:
    """Answer `POST /chat/completions`; the same request always gets the same answer."""
    asked = Asked()
    try:
        request, digest = _parse(body)
        asked = _asked(request)
        messages = _messages(request)
        streaming, with_usage = _delivery(request)
        if not asked.model:
            _reject("you must provide a model parameter", "model", "missing_required_parameter")
    except _RejectedError as rejected:
        return error(400, rejected.message, param=rejected.param, code=rejected.code, asked=asked)
    completion = _Completion(
        digest=digest,
        model=asked.model,
        text=f"mock answer {digest[:8]} to: {(asked.last_user or '')[:ECHO_LIMIT]}",
        prompt_tokens=sum(1 + len(_text(message).split()) for message in messages),
    )
    if streaming:
        chunks = tuple(_frames(completion, with_usage=with_usage))
        return Reply(200, chunks, media_type=EVENT_STREAM, asked=asked, may_be_delayed=True)
    return Reply(200, (to_json(_whole(completion)),), asked=asked, may_be_delayed=True)


def _whole(completion: _Completion) -> dict[str, Any]:
    message = {"role": "assistant", "content": completion.text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return {**completion.head("chat.completion"), "choices": [choice], "usage": completion.usage}


def _frames(completion: _Completion, *, with_usage: bool) -> Iterator[bytes]:
    head = completion.head("chat.completion.chunk")
    no_usage_yet = {"usage": None} if with_usage else {}

    def delta(content: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": content, "logprobs": None, "finish_reason": finish_reason}
        return _frame({**head, "choices": [choice], **no_usage_yet})

    yield delta({"role": "assistant", "content": "", "refusal": None})
    yield from (delta({"content": piece}) for piece in completion.pieces)
    yield delta({}, finish_reason="stop")
    if with_usage:
        yield _frame({**head, "choices": [], "usage": completion.usage})
    yield b"data: [DONE]\n\n"


def _frame(value: dict[str, Any]) -> bytes:
    return b"data: " + to_json(value) + b"\n\n"


def _parse(body: bytes) -> tuple[dict[str, Any], str]:
    """Return the request and the hash that everything in its answer is derived from."""
    try:
        request = json.loads(body, parse_constant=_reject_constant)
        if not isinstance(request, dict):
            _reject("The JSON body of your request must be an object.")
        content = {name: value for name, value in request.items() if name not in _DELIVERY}
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode("ascii")).hexdigest()
    except (ValueError, RecursionError):
        _reject("We could not parse the JSON body of your request.")
    return request, digest


def _asked(request: Mapping[str, Any]) -> Asked:
    """Read what can be read for the journal, also from a request that will be rejected."""
    model, messages = request.get("model"), request.get("messages")
    messages = messages if isinstance(messages, list) else None
    said = [message for message in messages or () if isinstance(message, dict) and message.get("role") == "user"]
    return Asked(
        model=model if isinstance(model, str) else None,
        stream=request.get("stream") is True,
        messages=None if messages is None else len(messages),
        last_user=_text(said[-1]) if said else None,
    )


def _messages(request: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    if "messages" not in request:
        _reject("Missing required parameter: 'messages'.", "messages", "missing_required_parameter")
    messages = request["messages"]
    if not isinstance(messages, list) or not messages:
        _reject("Invalid 'messages': expected a non-empty array.", "messages", "invalid_type")
    for number, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            where = f"messages[{number}]"
            _reject(f"Invalid '{where}': expected an object with a role.", where, "invalid_type")
    return messages


def _delivery(request: Mapping[str, Any]) -> tuple[bool, bool]:
    """Return whether to stream, and whether to end the stream with the usage."""
    stream, options = request.get("stream"), request.get("stream_options")
    if stream is not None and not isinstance(stream, bool):
        _reject("Invalid type for 'stream': expected a boolean.", "stream", "invalid_type")
    if options is not None and not isinstance(options, dict):
        _reject("Invalid type for 'stream_options': expected an object.", "stream_options", "invalid_type")
    if options is not None and not stream:
        _reject("'stream_options' is only allowed when 'stream' is enabled.", "stream_options")
    return bool(stream), bool((options or {}).get("include_usage"))


def _text(message: Mapping[str, Any]) -> str:
    """Return the text of a message, whose content is a string or a list of parts."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return " ".join(text for text in texts if isinstance(text, str))


def _reject(message: str, param: str | None = None, code: str | None = None) -> NoReturn:
    raise _RejectedError(message, param, code)


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
