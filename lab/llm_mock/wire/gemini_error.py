"""How Gemini says that something is wrong."""

from typing import Any

from lab.llm_mock.wire.base import Problem, Whole, event, to_json

RETRY_SECONDS = 1.0
_WORDS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    412: "FAILED_PRECONDITION",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def error(problem: Problem) -> Whole:
    """Write a problem as an answer."""
    return Whole(to_json(_written(problem)), problem.status)


def stream_error(_endpoint: str, problem: Problem) -> bytes:
    """Write a problem within a stream."""
    return event(_written(problem))


def error_in_array(problem: Problem, place: int) -> bytes:
    """Write a problem as the last item of a stream that is one JSON array."""
    return before_item(place) + to_json(_written(problem)) + b"]\n"


def malformed_in_array(place: int) -> bytes:
    """Write an item of such an array that breaks off."""
    return before_item(place) + b'{"candidates": [{"content": {"parts": [{"te'


def before_item(place: int) -> bytes:
    """Return what stands between the item of such an array at this place and what comes before it."""
    return b",\r\n" if place else b"["


def malformed(_endpoint: str) -> bytes:
    """Write an event that breaks off."""
    return b'data: {"candidates": [{"content": {"parts": [{"te\n\n'


def _written(problem: Problem) -> dict[str, Any]:
    word = problem.kind or _WORDS.get(problem.status) or ("INTERNAL" if problem.status >= 500 else "INVALID_ARGUMENT")  # noqa: PLR2004 - servers' errors
    said: dict[str, Any] = {"code": problem.status, "message": problem.message, "status": word}
    if problem.status == 429:  # noqa: PLR2004 - too many requests
        seconds = RETRY_SECONDS if problem.retry_after is None else problem.retry_after
        said["details"] = [
            {
                "@type": "type.googleapis.com/google.rpc.RetryInfo",
                "retryDelay": f"{seconds:.3f}".rstrip("0").rstrip(".") + "s",
            }
        ]
    return {"error": said}
