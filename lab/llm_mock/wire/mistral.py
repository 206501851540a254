"""Mistral: OpenAI's protocol but for its errors, its models and the way calls are streamed."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lab.llm_mock.answer import EPOCH, Answer
from lab.llm_mock.question import Question
from lab.llm_mock.wire import openai_error
from lab.llm_mock.wire.base import Endpoint, Family, Headers, Problem, Quota, Route, Whole, event, to_json
from lab.llm_mock.wire.openai_chat import Dialect, chat
from lab.llm_mock.wire.openai_embeddings import embeddings
from lab.llm_mock.wire.openai_models import models, one_model

MODELS = ("mistral-large-latest", "mistral-medium-latest", "mistral-small-latest", "codestral-latest", "mistral-embed")
REJECTED, INVALID, SERVER_ERRORS = 400, 422, 500
# The type and the code that the provider gives with a status.
_KINDS: Mapping[int, tuple[str, str | None]] = {
    400: ("invalid_request_error", None),
    401: ("unauthorized", None),
    404: ("not_found", None),
    422: ("invalid_request_error", None),
    429: ("rate_limited", "1300"),
    503: ("service_unavailable", "1000"),
}


def _usage(answer: Answer, choices: int = 1) -> dict[str, Any]:
    asked, written = answer.input_tokens, answer.output_tokens * choices
    return {"prompt_tokens": asked, "completion_tokens": written, "total_tokens": asked + written}


def _last(question: Question, answer: Answer) -> dict[str, Any]:
    return {"usage": _usage(answer, question.detail["choices"])}


def _headers(digest: str) -> Headers:
    return (("mistral-correlation-id", digest[:32]),)


def _vectors(answer: Answer) -> Mapping[str, Any]:
    return {"id": answer.digest[:32], "usage": _usage(answer, 0)}


# A piece of a call without the function's name is no call to the provider's client.
DIALECT = Dialect(
    "mistral",
    id_prefix="",
    message={"prefix": False},
    calls_in_one=True,
    usage=_usage,
    last=_last,
    headers=_headers,
)


def _described(problem: Problem, status: int) -> dict[str, Any]:
    kind, code = _KINDS.get(status, ("internal_server_error" if status >= SERVER_ERRORS else "invalid_request", None))
    return {
        "object": "error",
        "message": problem.message,
        "type": problem.kind or kind,
        "param": None,
        "code": problem.code or code,
        "raw_status_code": status,
    }


def _error(problem: Problem) -> Whole:
    """Write a problem; a field that is wrong is refused with another status than a request that is."""
    if problem.status == REJECTED and problem.param is not None:
        status = INVALID
        wrong = {"type": problem.code or "value_error", "loc": ["body", problem.param], "msg": problem.message}
        # The provider sends one form, and its description, which clients are made from, has the other.
        detail = {"detail": [wrong]}
        said = {**_described(Problem(status, problem.message), status), "message": detail, **detail}
    else:
        status, said = problem.status, _described(problem, problem.status)
    body = to_json(said)
    return Whole(body, status, headers=_headers(hashlib.sha256(body).hexdigest()))


def _stream_error(_endpoint: str, problem: Problem) -> bytes:
    return event(_described(problem, problem.status))


def _quota_headers(quota: Quota) -> Headers:
    return (
        ("x-ratelimit-limit-req-minute", str(quota.requests)),
        ("x-ratelimit-remaining-req-minute", str(quota.requests_left)),
        ("x-ratelimit-limit-tokens-minute", str(quota.tokens)),
        ("x-ratelimit-remaining-tokens-minute", str(quota.tokens_left)),
    )


def _card(name: str) -> Mapping[str, Any]:
    embeds = "embed" in name
    return {
        "id": name,
        "object": "model",
        "created": EPOCH,
        "owned_by": "mistralai",
        "name": name,
        "description": None,
        "max_context_length": 131_072,
        "aliases": [],
        "deprecation": None,
        "default_model_temperature": None,
        "type": "base",
        "capabilities": {
            "completion_chat": not embeds,
            "completion_fim": "codestral" in name,
            "function_calling": not embeds,
            "fine_tuning": False,
            "vision": not embeds,
            "classification": False,
        },
    }


def _with_short_ids(endpoint: Endpoint) -> Endpoint:
    """Let an endpoint give calls ids of nine letters and digits: the provider refuses others when they come back."""
    stream = endpoint.stream
    return replace(
        endpoint,
        whole=lambda question, answer: endpoint.whole(question, _short(answer)),
        stream=None if stream is None else lambda question, answer: stream(question, _short(answer)),
    )


def _short(answer: Answer) -> Answer:
    calls = (replace(call, id=hashlib.sha256(call.id.encode()).hexdigest()[:9]) for call in answer.calls)
    return replace(answer, calls=tuple(calls))


_ENDPOINTS: tuple[tuple[str, str, Endpoint], ...] = (
    ("POST", "/chat/completions", _with_short_ids(chat(DIALECT))),
    ("POST", "/embeddings", embeddings("mistral", "output_dimension", _vectors)),
    ("GET", "/models", models("mistral", MODELS, _card)),
    ("GET", "/models/{model:path}", one_model("mistral", _card)),
)

FAMILY = Family(
    "mistral",
    tuple(Route(method, base + path, endpoint) for base in ("/v1", "") for method, path, endpoint in _ENDPOINTS),
    _error,
    _stream_error,
    openai_error.malformed,
    _quota_headers,
)
