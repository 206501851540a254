"""Azure OpenAI: a deployment is named in the path, or a model in the body as at OpenAI itself."""

import hashlib
from collections.abc import Mapping
from typing import Any

from lab.llm_mock.wire.base import Endpoint, Family, Frame, Headers, Problem, Quota, Route, Whole, event, to_json
from lab.llm_mock.wire.openai import MODELS
from lab.llm_mock.wire.openai_chat import Dialect, chat
from lab.llm_mock.wire.openai_completions import completions
from lab.llm_mock.wire.openai_embeddings import embeddings
from lab.llm_mock.wire.openai_error import described, malformed, stream_error
from lab.llm_mock.wire.openai_fields import request_id
from lab.llm_mock.wire.openai_models import described_by, models, one_model
from lab.llm_mock.wire.openai_responses import counted_input, kept_response, responses

_SAFE = {name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")}
# The verdict on the prompt comes first, in a chunk without choices: clients that take the first one for granted fail.
_VERDICT = {
    "id": "",
    "object": "",
    "created": 0,
    "model": "",
    "choices": [],
    "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": _SAFE}],
}


def _headers(digest: str) -> Headers:
    number = f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"
    return (*request_id(digest), ("apim-request-id", number), ("x-ms-region", "Mock"))


DIALECT = Dialect(
    "azure",
    constant={"system_fingerprint": "fp_mock"},
    message={"refusal": None, "annotations": []},
    whole=lambda _question, _answer: {"prompt_filter_results": _VERDICT["prompt_filter_results"]},
    opening=(Frame(event(_VERDICT)),),
    headers=_headers,
)

_OWNED = described_by("system")
_CHAT, _COMPLETIONS, _EMBEDDINGS = chat(DIALECT), completions("azure"), embeddings("azure")
_BY_DEPLOYMENT: tuple[tuple[str, str, Endpoint], ...] = (
    ("POST", "/chat/completions", _CHAT),
    ("POST", "/completions", _COMPLETIONS),
    ("POST", "/embeddings", _EMBEDDINGS),
)
_BY_MODEL: tuple[tuple[str, str, Endpoint], ...] = (
    *_BY_DEPLOYMENT,
    ("POST", "/responses", responses("azure")),
    ("POST", "/responses/input_tokens", counted_input("azure")),
    ("GET", "/responses/{id}", kept_response()),
    ("DELETE", "/responses/{id}", kept_response()),
    ("GET", "/models", models("azure", MODELS, _OWNED)),
    ("GET", "/models/{model:path}", one_model("azure", _OWNED)),
)


def _error(problem: Problem) -> Whole:
    """Write a problem: the model's complaints look as at OpenAI, the gateway's have no more than a code."""
    said: Mapping[str, Any] = described(problem)
    if problem.status != 400:  # noqa: PLR2004
        said = {"code": problem.code or problem.kind or str(problem.status), "message": problem.message}
    body = to_json({"error": said})
    return Whole(body, problem.status, headers=_headers(hashlib.sha256(body).hexdigest()))


def _quota_headers(quota: Quota) -> Headers:
    reset = str(max(0, round(quota.reset_seconds)))
    return (
        ("x-ratelimit-limit-requests", str(quota.requests)),
        ("x-ratelimit-limit-tokens", str(quota.tokens)),
        ("x-ratelimit-remaining-requests", str(quota.requests_left)),
        ("x-ratelimit-remaining-tokens", str(quota.tokens_left)),
        ("x-ratelimit-reset-requests", reset),
        ("x-ratelimit-reset-tokens", reset),
    )


FAMILY = Family(
    "azure",
    (
        *(Route(method, "/openai/deployments/{model}" + path, found) for method, path, found in _BY_DEPLOYMENT),
        *(Route(method, base + path, found) for base in ("/openai/v1", "/openai") for method, path, found in _BY_MODEL),
    ),
    _error,
    stream_error,
    malformed,
    _quota_headers,
)
