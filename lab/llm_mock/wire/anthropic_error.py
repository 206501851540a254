"""What Anthropic says when it does not answer, and what it tells of a quota."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from lab.llm_mock.wire.base import Headers, Problem, Quota, Whole, event, to_json

_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_SERVER_ERROR = 500


def error(problem: Problem) -> Whole:
    """Write a problem as the whole answer."""
    body = _error(problem)
    return Whole(to_json(body), problem.status, headers=(("request-id", body["request_id"]),))


def stream_error(_endpoint: str, problem: Problem) -> bytes:
    """Write a problem within a stream."""
    return event(_error(problem), "error")


def malformed(_endpoint: str) -> bytes:
    """Write an event whose JSON breaks off; without its first line clients would drop it unread."""
    return b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_de\n\n'


def quota_headers(quota: Quota) -> Headers:
    """Write a quota; the API tells the moment of its reset, so this is not the same twice."""
    reset = (datetime.now(UTC) + timedelta(seconds=quota.reset_seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    told: list[tuple[str, str]] = []
    for name, limit, left in (
        ("requests", quota.requests, quota.requests_left),
        ("tokens", quota.tokens, quota.tokens_left),
        ("input-tokens", quota.tokens, quota.tokens_left),
        ("output-tokens", quota.tokens, quota.tokens_left),
    ):
        told += [
            (f"anthropic-ratelimit-{name}-limit", str(limit)),
            (f"anthropic-ratelimit-{name}-remaining", str(left)),
            (f"anthropic-ratelimit-{name}-reset", reset),
        ]
    return tuple(told)


def _error(problem: Problem) -> dict[str, Any]:
    usual = _KINDS.get(problem.status, "api_error" if problem.status >= _SERVER_ERROR else "invalid_request_error")
    written = f"{problem.status} {problem.message}".encode("utf-8", "surrogatepass")
    told: dict[str, Any] = {"type": problem.kind or usual, "message": problem.message}
    if problem.code is not None:
        told["details"] = {"error_code": problem.code}
    return {
        "type": "error",
        "error": told,
        "request_id": f"req_{hashlib.sha256(written).hexdigest()[:24]}",
    }
