"""Anthropic's list of models; the mock answers for any other name too."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from lab.llm_mock.answer import Answer
from lab.llm_mock.question import Question
from lab.llm_mock.wire.base import Received, RejectedError, Whole, digest, to_json

_MODELS = ("claude-opus-4-8", "claude-opus-4-5", "claude-sonnet-4-6", "claude-sonnet-4-5", "claude-haiku-4-5")
_LINES = ("haiku", "sonnet", "opus", "fable", "mythos")
_USUAL_PAGE, _LARGEST_PAGE = 20, 1000


def read_list(received: Received, _content: Mapping[str, Any], _words: Mapping[str, str]) -> Question:
    """Read which page of the list is wanted."""
    limit = received.query.get("limit", str(_USUAL_PAGE))
    if not (limit.isascii() and limit.isdigit() and len(limit) < 5 and 1 <= int(limit) <= _LARGEST_PAGE):  # noqa: PLR2004
        raise RejectedError(f"limit: Input should be between 1 and {_LARGEST_PAGE}", param="limit")
    wanted = {"limit": int(limit), "after_id": received.query.get("after_id")}
    wanted["before_id"] = received.query.get("before_id")
    return Question("anthropic", "models", "", digest(wanted), detail=wanted)


def write_list(question: Question, _answer: Answer) -> Whole:
    """Write a page of the list."""
    limit, after, before = (question.detail[name] for name in ("limit", "after_id", "before_id"))
    if before in _MODELS:
        there = list(_MODELS[: _MODELS.index(before)])
        page = there[-limit:]
    else:
        there = list(_MODELS[_MODELS.index(after) + 1 :] if after in _MODELS else _MODELS)
        page = there[:limit]
    told = {
        "data": [_model(each) for each in page],
        "has_more": len(page) < len(there),
        "first_id": page[0] if page else None,
        "last_id": page[-1] if page else None,
    }
    return _whole(question, told)


def read_one(_received: Received, _content: Mapping[str, Any], words: Mapping[str, str]) -> Question:
    """Read which model is meant."""
    model = unquote(words["id"])
    return Question("anthropic", "model", model, digest({"model": model}))


def write_one(question: Question, _answer: Answer) -> Whole:
    """Write what is known of a model."""
    return _whole(question, _model(question.model))


def _whole(question: Question, told: Mapping[str, Any]) -> Whole:
    return Whole(to_json(told), headers=(("request-id", f"req_{question.digest[:24]}"),))


def _model(name: str) -> dict[str, Any]:
    return {
        "type": "model",
        "id": name,
        "display_name": name.replace("-", " ").title(),
        "created_at": "2025-11-01T00:00:00Z",
        "lifecycle": "active",
        "line": next((line for line in _LINES if line in name), None),
        "max_input_tokens": 200_000,
        "max_tokens": 64_000,
    }
