"""Moderation: a text that names a category falls into it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lab.llm_mock.answer import Answer
from lab.llm_mock.question import Question
from lab.llm_mock.wire.base import Endpoint, Received, Whole, to_json
from lab.llm_mock.wire.openai_fields import hashed, missing, request_id, string
from lab.llm_mock.wire.openai_messages import said

CATEGORIES = (
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm",
    "self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors", "violence", "violence/graphic",
)  # fmt: skip
SURE, UNLIKELY = 0.99, 0.0001
DEFAULT_MODEL = "omni-moderation-latest"
_WORD = re.compile(r"[\w/-]+")


def moderations(provider: str) -> Endpoint:
    """Make the endpoint."""

    def read(_received: Received, content: Mapping[str, Any], _words: Mapping[str, str]) -> Question:
        if content.get("input") is None:
            raise missing("input")
        name = content.get("model")
        return Question(
            provider=provider,
            endpoint="moderations",
            model=DEFAULT_MODEL if name is None else string(name, "model"),
            digest=hashed(content),
            inputs=tuple(_inputs(content["input"])),
        )

    return Endpoint("moderations", read, _whole, spoken=False)


def _inputs(value: Any) -> Sequence[str]:
    """Return a text for each result: texts are judged one by one, the parts of a message together."""
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return value
    return [said(value, "input")[0]]


def _whole(question: Question, answer: Answer) -> Whole:
    body = {
        "id": f"modr-{answer.digest[:24]}",
        "model": question.model,
        "results": [_result(text) for text in question.inputs],
    }
    return Whole(to_json(body), headers=request_id(answer.digest))


def _result(text: str) -> dict[str, Any]:
    words = {word.lower() for word in _WORD.findall(text)}
    named = {category: category in words for category in CATEGORIES}
    return {
        "flagged": any(named.values()),
        "categories": named,
        "category_scores": {category: SURE if hit else UNLIKELY for category, hit in named.items()},
        "category_applied_input_types": {category: ["text"] for category in CATEGORIES},
    }
