"""Groq: OpenAI's protocol under a path of its own, with words of its own."""

import hashlib
from typing import Any

from lab.llm_mock.answer import Answer
from lab.llm_mock.question import Question
from lab.llm_mock.wire import openai_error
from lab.llm_mock.wire.base import Endpoint, Family, Problem, Route, Whole, event, to_json
from lab.llm_mock.wire.openai_chat import Dialect, chat
from lab.llm_mock.wire.openai_embeddings import embeddings
from lab.llm_mock.wire.openai_fields import request_id
from lab.llm_mock.wire.openai_models import described_by, models, one_model
from lab.llm_mock.wire.openai_responses import responses

MODELS = (
    "llama-3.3-70b-versatile", "llama-3.1-8b-instant", "openai/gpt-oss-120b", "openai/gpt-oss-20b", "qwen/qwen3-32b",
)  # fmt: skip
_KINDS = {"server_error": "internal_server_error"}
_SECONDS = 0.001  # that each token is said to take


def _usage(answer: Answer, choices: int = 1) -> dict[str, Any]:
    asked, written = answer.input_tokens, answer.output_tokens * choices
    return {
        "queue_time": _SECONDS,
        "prompt_tokens": asked,
        "prompt_time": round(asked * _SECONDS, 3),
        "completion_tokens": written,
        "completion_time": round(written * _SECONDS, 3),
        "total_tokens": asked + written,
        "total_time": round((asked + written) * _SECONDS, 3),
    }


def _first(_question: Question, answer: Answer) -> dict[str, Any]:
    return {"x_groq": {"id": f"req_{answer.digest[:26]}"}}


def _whole(question: Question, answer: Answer) -> dict[str, Any]:
    return {**_first(question, answer), "service_tier": "on_demand"}


def _last(question: Question, answer: Answer) -> dict[str, Any]:
    return {"x_groq": {"id": f"req_{answer.digest[:26]}", "usage": _usage(answer, question.detail["choices"])}}


DIALECT = Dialect(
    "groq", constant={"system_fingerprint": "fp_mock"}, usage=_usage, whole=_whole, first=_first, last=_last
)


def _described(problem: Problem) -> dict[str, Any]:
    said = openai_error.described(problem)
    kind = problem.kind or _KINDS.get(said["type"], said["type"])
    given = {name: said[name] for name in ("code", "param") if said[name] is not None}
    return {"message": problem.message, "type": kind, **given}


def _error(problem: Problem) -> Whole:
    body = to_json({"error": _described(problem)})
    return Whole(body, problem.status, headers=request_id(hashlib.sha256(body).hexdigest()))


def _stream_error(endpoint: str, problem: Problem) -> bytes:
    if endpoint == "responses":
        return openai_error.stream_error(endpoint, problem)
    return event({"error": {**_described(problem), "status_code": problem.status}}, "error")


_OWNED = described_by("Groq")
_ENDPOINTS: tuple[tuple[str, str, Endpoint], ...] = (
    ("POST", "/chat/completions", chat(DIALECT)),
    ("POST", "/responses", responses("groq")),
    ("POST", "/embeddings", embeddings("groq")),
    ("GET", "/models", models("groq", MODELS, _OWNED)),
    ("GET", "/models/{model:path}", one_model("groq", _OWNED)),
)

FAMILY = Family(
    "groq",
    tuple(
        Route(method, base + path, endpoint)
        for base in ("/openai/v1", "/v1", "")
        for method, path, endpoint in _ENDPOINTS
    ),
    _error,
    _stream_error,
    openai_error.malformed,
    openai_error.quota_headers,
)
