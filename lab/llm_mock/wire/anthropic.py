"""Anthropic's API: messages, whole and streamed, counting of tokens, and models."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lab.llm_mock.answer import Answer, input_tokens
from lab.llm_mock.question import Question
from lab.llm_mock.wire.anthropic_error import error, malformed, quota_headers, stream_error
from lab.llm_mock.wire.anthropic_message import events, message
from lab.llm_mock.wire.anthropic_models import read_list, read_one, write_list, write_one
from lab.llm_mock.wire.anthropic_request import question
from lab.llm_mock.wire.anthropic_threads import Threads
from lab.llm_mock.wire.base import (
    Endpoint,
    Family,
    Frame,
    Headers,
    Received,
    RejectedError,
    Route,
    Streamed,
    Whole,
    event,
    to_json,
)
from lab.llm_mock.wire.checked import name
from lab.llm_mock.wire.forgetting import remembers

_THREADS = Threads()
remembers(_THREADS.clear)


def _read(_received: Received, content: Mapping[str, Any], _words: Mapping[str, str]) -> Question:
    stream = content.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise RejectedError("stream: Input should be a valid boolean", param="stream")
    model = name(content.get("model"), "model")
    whole = _THREADS.whole(content)
    asked = question(whole, provider="anthropic", endpoint="messages", model=model, stream=stream is True)
    return replace(asked, detail={**asked.detail, "content": whole})


def _read_count(_received: Received, content: Mapping[str, Any], _words: Mapping[str, str]) -> Question:
    model = name(content.get("model"), "model")
    return question(
        content, provider="anthropic", endpoint="count_tokens", model=model, stream=False, limited=False
    )  # fmt: skip


def _whole(asked: Question, answer: Answer) -> Whole:
    told = message(asked, answer)
    _THREADS.keep(asked.detail["content"], told)
    return Whole(to_json(told), headers=_request_id(asked))


def _stream(asked: Question, answer: Answer) -> Streamed:
    if asked.detail["content"].get("thread") is not None:
        _THREADS.keep(asked.detail["content"], message(asked, answer))
    frames = (Frame(event(value, value["type"]), piece) for value, piece in events(asked, answer))
    return Streamed(frames, headers=_request_id(asked))


def _count(asked: Question, _answer: Answer) -> Whole:
    return Whole(to_json({"input_tokens": input_tokens(asked)}), headers=_request_id(asked))


def _request_id(asked: Question) -> Headers:
    return (("request-id", f"req_{asked.digest[:24]}"),)


FAMILY = Family(
    name="anthropic",
    routes=(
        Route("POST", "/v1/messages", Endpoint("messages", _read, _whole, _stream)),
        Route("POST", "/v1/messages/count_tokens", Endpoint("count_tokens", _read_count, _count, spoken=False)),
        Route("GET", "/v1/models", Endpoint("models", read_list, write_list, spoken=False)),
        Route("GET", "/v1/models/{id}", Endpoint("model", read_one, write_one, spoken=False)),
    ),
    error=error,
    stream_error=stream_error,
    malformed=malformed,
    quota_headers=quota_headers,
)
