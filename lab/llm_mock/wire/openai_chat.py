"""Chat completions as OpenAI and those who follow it read and write them."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from lab.llm_mock.answer import Answer, Call, pieces
from lab.llm_mock.question import Question
from lab.llm_mock.wire.base import (
    Endpoint,
    Frame,
    Headers,
    Received,
    RejectedError,
    Streamed,
    Whole,
    to_json,
)
from lab.llm_mock.wire.bounds import check_choices
from lab.llm_mock.wire.cut import cut
from lab.llm_mock.wire.openai_fields import flag, hashed, mapping, model, request_id, whole_number
from lab.llm_mock.wire.openai_messages import turns
from lab.llm_mock.wire.openai_tools import schema, tool_choice, tools

DONE = Frame(b"data: [DONE]\n\n")
MOST_CHOICES = 128
Fields = Mapping[str, Any]


def usage(answer: Answer, choices: int = 1) -> dict[str, Any]:
    """Count the tokens of a question and of its answer, which is given `choices` times."""
    written = answer.output_tokens * choices
    return {
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": written,
        "total_tokens": answer.input_tokens + written,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


@dataclass(frozen=True)
class Dialect:
    """Where those who follow OpenAI differ from it.

    `id_prefix` begins an answer's id. `constant` stands in each answer and each chunk, `message` in a whole answer's
    message, `whole` in a whole answer, `first` and `last` in the chunk that opens a stream and in the one that tells
    why it ends. `opening` frames come before the first, and `calls_in_one` says that calls are not streamed in pieces.
    """

    provider: str
    id_prefix: str = "chatcmpl-"
    constant: Fields = field(default_factory=dict)
    message: Fields = field(default_factory=dict)
    opening: tuple[Frame, ...] = ()
    calls_in_one: bool = False
    usage: Callable[[Answer, int], Fields] = usage
    whole: Callable[[Question, Answer], Fields] = lambda _question, _answer: {}
    first: Callable[[Question, Answer], Fields] = lambda _question, _answer: {}
    last: Callable[[Question, Answer], Fields] = lambda _question, _answer: {}
    headers: Callable[[str], Headers] = request_id


def chat(dialect: Dialect) -> Endpoint:
    """Make the endpoint of chat completions."""

    def read(_received: Received, content: Fields, words: Fields) -> Question:
        return read_chat(dialect, content, words)

    def whole(question: Question, answer: Answer) -> Whole:
        return write_whole(dialect, question, _told(question, answer))

    def stream(question: Question, answer: Answer) -> Streamed:
        answer = _told(question, answer)
        return Streamed(list(_frames(dialect, question, answer)), headers=dialect.headers(answer.digest))

    return Endpoint("chat", read, whole, stream)


def _told(question: Question, answer: Answer) -> Answer:
    answer = cut(question, answer)
    check_choices(question.detail["choices"], answer)
    return answer


def read_chat(dialect: Dialect, content: Fields, words: Fields) -> Question:
    """Read a request; the model's name may stand in the path."""
    name = unquote(words["model"]) if "model" in words else model(content)
    offered = tools(content)
    stream, with_usage = delivery(content)
    choices = whole_number(content, "n") or 1
    if choices > MOST_CHOICES:
        raise RejectedError(f"Invalid 'n': the most is {MOST_CHOICES}.", param="n", code="integer_above_max_value")
    longest = whole_number(content, "max_completion_tokens")
    shorter = whole_number(content, "max_tokens")
    return Question(
        provider=dialect.provider,
        endpoint="chat",
        model=name,
        digest=hashed({**content, "model": name}),
        stream=stream,
        turns=turns(content),
        tools=offered,
        tool_choice=tool_choice(content, offered),
        schema=schema(content.get("response_format"), "response_format"),
        max_tokens=shorter if longest is None else longest,
        detail={"usage": with_usage, "choices": choices},
    )


def delivery(content: Fields) -> tuple[bool, bool]:
    """Return whether to stream, and whether to end the stream with the usage."""
    stream = flag(content, "stream")
    options = mapping(content.get("stream_options"), "stream_options")
    if content.get("stream_options") is not None and not stream:
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise RejectedError(message, param="stream_options")
    return stream, options.get("include_usage") is True


def write_whole(dialect: Dialect, question: Question, answer: Answer) -> Whole:
    """Write an answer in one piece, with as many equal choices as were asked for."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or (None if answer.calls else "")}
    message |= dialect.message
    if answer.calls:
        message["tool_calls"] = [_call(call) for call in answer.calls]
    choices = question.detail["choices"]
    body = {
        **_head(dialect, question, answer, "chat.completion"),
        "choices": [
            {"index": index, "message": message, "logprobs": None, "finish_reason": answer.finish}
            for index in range(choices)
        ],
        "usage": dialect.usage(answer, choices),
        **dialect.whole(question, answer),
    }
    return Whole(to_json(body), headers=dialect.headers(answer.digest))


def _head(dialect: Dialect, question: Question, answer: Answer, kind: str) -> dict[str, Any]:
    return {
        "id": f"{dialect.id_prefix}{answer.digest[:24]}",
        "object": kind,
        "created": answer.created,
        "model": question.model,
        **dialect.constant,
    }


def _call(call: Call) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _frames(dialect: Dialect, question: Question, answer: Answer) -> Iterator[Frame]:
    """Write the chunks; what they have in common is encoded once, for an answer is many chunks."""
    head = b"data: " + to_json(_head(dialect, question, answer, "chat.completion.chunk"))[:-1]
    tail = b',"usage":null}\n\n' if question.detail["usage"] else b"}\n\n"
    choices = question.detail["choices"]
    first, last = _fields(dialect.first(question, answer)), _fields(dialect.last(question, answer))
    refusal = b',"refusal":null' if "refusal" in dialect.message else b""
    yield from dialect.opening
    for index in range(choices):
        before = head + b',"choices":[{"index":%d,"delta":' % index
        after = b',"logprobs":null,"finish_reason":null}]'
        opening = b'{"role":"assistant","content":%s%s}' % (b'""' if answer.text else b"null", refusal)
        yield Frame(before + opening + after + first + tail)
        yield from _deltas(dialect, answer, before, after + tail)
        end = b'{},"logprobs":null,"finish_reason":"%s"}]' % answer.finish.encode("ascii")
        # Fields of the last chunk may include the usage, which then takes the place of the null.
        yield Frame(before + end + last + (b"}\n\n" if b'"usage":' in last else tail))
    if question.detail["usage"]:
        counted = to_json(dialect.usage(answer, choices))
        yield Frame(head + b',"choices":[],"usage":' + counted + b"}\n\n")
    yield DONE


def _deltas(dialect: Dialect, answer: Answer, before: bytes, after: bytes) -> Iterator[Frame]:
    opened, closed = before + b'{"content":', b"}" + after
    for piece in answer.pieces:
        yield Frame(opened + json.dumps(piece).encode("ascii") + closed, piece=True)
    for index, call in enumerate(answer.calls):
        if dialect.calls_in_one:
            whole = to_json({"index": index, **_call(call)})
            yield Frame(before + b'{"tool_calls":[' + whole + b"]}" + after, piece=True)
            continue
        start = {"index": index, **_call(Call(call.id, call.name, ""))}
        yield Frame(before + b'{"tool_calls":[' + to_json(start) + b"]}" + after)
        opened = before + b'{"tool_calls":[{"index":%d,"function":{"arguments":' % index
        closed = b"}}]}" + after
        for fragment in fragments(call.arguments):
            yield Frame(opened + json.dumps(fragment).encode("ascii") + closed, piece=True)


def fragments(arguments: str) -> list[str]:
    """Cut arguments into pieces; in two at least, for clients have to join them."""
    parts = pieces(arguments)
    if len(parts) == 1 and len(arguments) > 1:
        middle = len(arguments) // 2
        return [arguments[:middle], arguments[middle:]]
    return parts


def _fields(fields: Fields) -> bytes:
    """Write fields as they follow others."""
    return b"," + to_json(fields)[1:-1] if fields else b""
