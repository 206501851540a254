"""What the exception of an SDK means.

The SDKs have no exception in common, and none is imported here: statuses, headers and bodies are looked for where any
of them keeps them, and broken connections are known by the names of their classes.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reference_agents.llm.conversation import LlmError
from reference_agents.llm.redaction import Redact

EXCERPT = 200
FIRST_ERROR = 400
FIRST_SERVER_ERROR = 500
RETRIED = {408, 409, 429}
BROKEN = {
    "APIConnectionError",
    "ConnectionError",
    "HTTPClientError",
    "NetworkError",
    "NoResponseError",
    "ProtocolError",
}
TIMED_OUT = {"APITimeoutError", "ConnectTimeoutError", "ReadTimeoutError", "TimeoutError", "TimeoutException"}
# An error within a stream comes after the status 200, and has a name instead.
STATUS_BY_NAME = {
    "overloaded_error": 529,
    "rate_limit_error": 429,
    "api_error": 500,
    "internal_server_error": 500,
    "rate_limit_exceeded": 429,
    "server_error": 500,
    "throttlingException": 429,
    "ThrottlingException": 429,
    "internalServerException": 500,
    "InternalServerException": 500,
    "serviceUnavailableException": 503,
    "ServiceUnavailableException": 503,
}


@dataclass(frozen=True)
class Failure:
    """Why an attempt failed, in one line without keys; whether another may succeed; headers in lower case."""

    message: str
    may_pass: bool
    headers: Mapping[str, str]


def failure(error: BaseException, redact: Redact) -> Failure:
    """Say what an exception means: a status, a time-out, a broken connection, or else an answer nobody can read."""
    kinds = {kind.__name__ for each in _chain(error) for kind in type(each).__mro__}
    said = next((each for each in _chain(error) if isinstance(each, LlmError)), None)
    status = next((found for each in _chain(error) if (found := _status(each))), None)
    if said is not None:
        message, may_pass = str(said), False
    elif status is not None:
        message, may_pass = f"HTTP {status}: {_body(error)}", status in RETRIED or status >= FIRST_SERVER_ERROR
    elif kinds & TIMED_OUT:
        message, may_pass = "time-out: the provider was silent for too long", False
    elif kinds & BROKEN:
        message, may_pass = f"no connection: {_deepest(error)}", True
    else:
        message, may_pass = f"not an answer of a model: {type(error).__name__}: {_body(error)}", False
    return Failure(excerpt(message, redact), may_pass, _headers(error))


def excerpt(text: str, redact: Redact) -> str:
    """Cut a text down to one short line; keys are hidden first, or a cut would leave half of one."""
    line = " ".join(redact(text).split())
    return "".join(sign if sign.isprintable() else "?" for sign in line)[:EXCERPT]


def _chain(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    for _ in range(5):
        if found is None:
            return
        yield found
        found = found.__cause__


def _deepest(error: BaseException) -> str:
    *_, last = _chain(error)
    return str(last) or type(last).__name__


def _status(error: BaseException) -> int | None:
    """Look where the SDKs keep it: most `status_code`, Gemini's `code`, httpx and botocore in the response."""
    metadata = _botocore(error).get("ResponseMetadata") or {}
    told = (getattr(each, "status_code", None) for each in (error, getattr(error, "response", None)))
    for found in (*told, getattr(error, "code", None), metadata.get("HTTPStatusCode")):
        if isinstance(found, int) and found >= FIRST_ERROR:
            return found
    names = {getattr(error, "type", None), getattr(error, "code", None), *_names(_raw_body(error))}
    return next((STATUS_BY_NAME[name] for name in names if isinstance(name, str) and name in STATUS_BY_NAME), None)


def _names(body: Any) -> Iterator[Any]:
    inner = body.get("error", body) if isinstance(body, Mapping) else None
    if isinstance(inner, Mapping):
        yield from (inner.get(key) for key in ("type", "code", "Code"))


def _headers(error: BaseException) -> Mapping[str, str]:
    for each in (error, error.__cause__, error.__context__):  # Ollama's keeps them only in what it was raised in.
        metadata = _botocore(each).get("ResponseMetadata") or {}
        response = getattr(each, "response", None)
        for found in (getattr(response, "headers", None), getattr(each, "headers", None), metadata.get("HTTPHeaders")):
            if isinstance(found, Mapping):
                return {str(name).lower(): str(value) for name, value in found.items()}
    return {}


def _body(error: BaseException) -> str:
    try:
        body = _read(_raw_body(error))
        inner = body.get("error", body) if isinstance(body, Mapping) else body
        if isinstance(inner, Mapping):
            inner = inner.get("message") or inner.get("Message")
        return inner if isinstance(inner, str) and inner else json.dumps(body, default=str) if body else str(error)
    except (RecursionError, TypeError, ValueError):  # Whoever sends bodies may send any.
        return type(error).__name__


def _read(body: Any) -> Any:
    try:
        return json.loads(body) if isinstance(body, str) else body
    except ValueError:
        return body


def _raw_body(error: BaseException) -> Any:
    for name in ("body", "details", "error"):
        if (found := getattr(error, name, None)) is not None and not callable(found):
            return found
    return _botocore(error).get("Error")


def _botocore(error: BaseException | None) -> Mapping[str, Any]:
    response = getattr(error, "response", None)
    return response if isinstance(response, dict) else {}
