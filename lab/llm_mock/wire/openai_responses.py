"""Responses: an answer as a list of items, whole or as events that build it."""

import json
from collections.abc import Mapping
from typing import Any

from lab.llm_mock.answer import Answer
from lab.llm_mock.question import Question
from lab.llm_mock.wire.base import Endpoint, Form, Received, RejectedError, Streamed, Whole, to_json
from lab.llm_mock.wire.cut import cut
from lab.llm_mock.wire.openai_fields import request_id
from lab.llm_mock.wire.openai_responses_items import items, response
from lab.llm_mock.wire.openai_responses_request import read_response
from lab.llm_mock.wire.openai_responses_stream import frames, lengthened


def responses(provider: str) -> Endpoint:
    """Make the endpoint that answers."""

    def read(_received: Received, content: Mapping[str, Any], _words: Mapping[str, str]) -> Question:
        return read_response(provider, content)

    return Endpoint("responses", read, _whole, _stream)


def kept_response() -> Endpoint:
    """Make the endpoint that looks for an earlier response; none is kept."""

    def read(_received: Received, _content: Mapping[str, Any], words: Mapping[str, str]) -> Question:
        raise RejectedError(f"Response with id '{words['id'][:80]}' not found.", status=404)

    return Endpoint("response", read, _whole, spoken=False)


def counted_input(provider: str) -> Endpoint:
    """Make the endpoint that counts the tokens of a request."""

    def read(_received: Received, content: Mapping[str, Any], _words: Mapping[str, str]) -> Question:
        return read_response(provider, {**content, "stream": False})

    def whole(_question: Question, answer: Answer) -> Whole:
        body = {"object": "response.input_tokens", "input_tokens": answer.input_tokens}
        return Whole(to_json(body), headers=request_id(answer.digest))

    return Endpoint("input_tokens", read, whole, spoken=False)


def _whole(question: Question, answer: Answer) -> Whole:
    answer = cut(question, answer)
    done = [item.done for item in items(answer)]
    return Whole(response(question, answer, output=json.dumps(done).encode("ascii")), headers=request_id(answer.digest))


def _stream(question: Question, answer: Answer) -> Streamed:
    answer = cut(question, answer)
    return Streamed(list(frames(question, answer)), headers=request_id(answer.digest), form=Form(repeated=lengthened))
