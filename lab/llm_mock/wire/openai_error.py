"""Errors, broken frames and quotas in OpenAI's manner."""

import hashlib
from collections.abc import Mapping
from typing import Any

from lab.llm_mock.wire.base import Headers, Problem, Quota, Whole, event, to_json
from lab.llm_mock.wire.openai_fields import request_id

_KINDS: Mapping[int, tuple[str, str | None]] = {
    401: ("invalid_request_error", "invalid_api_key"),
    405: ("invalid_request_error", "method_not_supported"),
    413: ("invalid_request_error", "request_too_large"),
    429: ("requests", "rate_limit_exceeded"),
}
# The number of an event rises through a stream; an error may come anywhere in it.
LATE = 1_000_000
SERVER_ERRORS = 500
SECOND, MINUTE = 1000, 60_000  # milliseconds


def described(problem: Problem) -> dict[str, Any]:
    """Return what stands under "error": the type and the code follow from the status where they are not given."""
    kind, code = _KINDS.get(
        problem.status, ("server_error" if problem.status >= SERVER_ERRORS else "invalid_request_error", None)
    )
    return {
        "message": problem.message,
        "type": problem.kind or kind,
        "param": problem.param,
        "code": problem.code or code,
    }


def error(problem: Problem) -> Whole:
    """Write a problem; its number follows from what it says."""
    body = to_json({"error": described(problem)})
    return Whole(body, problem.status, headers=request_id(hashlib.sha256(body).hexdigest()))


def stream_error(endpoint: str, problem: Problem) -> bytes:
    """Write a problem that comes up within a stream."""
    said = described(problem)
    if endpoint != "responses":
        return event({"error": said})
    # The reference describes the flat form, the provider sends the other one, and clients look for either.
    flat = {"code": said["code"] or said["type"], "message": said["message"], "param": said["param"]}
    return event({"type": "error", "sequence_number": LATE, **flat, "error": said}, "error")


def malformed(endpoint: str) -> bytes:
    """Write a frame whose JSON breaks off."""
    if endpoint == "responses":
        return b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"\n\n'
    return b'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"\n\n'


def quota_headers(quota: Quota) -> Headers:
    """Tell what is left of a quota."""
    reset = duration(quota.reset_seconds)
    return (
        ("x-ratelimit-limit-requests", str(quota.requests)),
        ("x-ratelimit-limit-tokens", str(quota.tokens)),
        ("x-ratelimit-remaining-requests", str(quota.requests_left)),
        ("x-ratelimit-remaining-tokens", str(quota.tokens_left)),
        ("x-ratelimit-reset-requests", reset),
        ("x-ratelimit-reset-tokens", reset),
    )


def duration(seconds: float) -> str:
    """Write seconds as "6ms", "7.66s", "1m2s" or "1h0m0s"."""
    milliseconds = max(0, round(seconds * SECOND))
    if 0 < milliseconds < SECOND:
        return f"{milliseconds}ms"
    whole, rest = divmod(milliseconds, MINUTE)
    hours, minutes = divmod(whole, 60)
    written = f"{rest / SECOND:.3f}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{hours}h{minutes}m{written}"
    return f"{minutes}m{written}" if minutes else written
