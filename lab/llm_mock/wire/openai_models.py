"""Which models there are: some by name, and any other that is asked for."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from lab.llm_mock.answer import EPOCH, Answer
from lab.llm_mock.question import Question
from lab.llm_mock.wire.base import Endpoint, Received, Whole, to_json
from lab.llm_mock.wire.openai_fields import hashed, request_id

Describe = Callable[[str], Mapping[str, Any]]


def described_by(owner: str) -> Describe:
    """Return the function that describes a model of this owner."""

    def describe(name: str) -> Mapping[str, Any]:
        return {"id": name, "object": "model", "created": EPOCH, "owned_by": owner}

    return describe


def models(provider: str, names: Sequence[str], describe: Describe) -> Endpoint:
    """Make the endpoint that lists models."""

    def whole(_question: Question, answer: Answer) -> Whole:
        body = {"object": "list", "data": [describe(name) for name in names]}
        return Whole(to_json(body), headers=request_id(answer.digest))

    return Endpoint("models", _reader(provider, "models"), whole, spoken=False)


def one_model(provider: str, describe: Describe) -> Endpoint:
    """Make the endpoint that describes one model; it knows every name."""

    def whole(question: Question, answer: Answer) -> Whole:
        return Whole(to_json(describe(question.model)), headers=request_id(answer.digest))

    return Endpoint("model", _reader(provider, "model"), whole, spoken=False)


def _reader(provider: str, endpoint: str) -> Callable[[Received, Mapping[str, Any], Mapping[str, str]], Question]:
    def read(received: Received, _content: Mapping[str, Any], words: Mapping[str, str]) -> Question:
        name = unquote(words.get("model", ""))
        return Question(provider, endpoint, name, hashed({"path": received.path}))

    return read
