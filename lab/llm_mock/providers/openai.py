"""The OpenAI API: which paths it has, its models, and what it says to a path it has not."""

from collections.abc import Callable, Mapping

from lab.llm_mock.providers import openai_chat
from lab.llm_mock.providers.openai_error import error
from lab.llm_mock.reply import Reply, to_json

MODELS = ("gpt-4o", "gpt-4o-mini", "gpt-5", "gpt-5-mini")
MODELS_CREATED = 1_700_000_000

Answer = Callable[[bytes], Reply]


def list_models(_body: bytes) -> Reply:
    """Answer `GET /models`; a chat request may name any other model too."""
    models = [{"id": model, "object": "model", "created": MODELS_CREATED, "owned_by": "llm-mock"} for model in MODELS]
    return Reply(200, (to_json({"object": "list", "data": models}),))


_PATHS: Mapping[str, Mapping[str, Answer]] = {
    "/chat/completions": {"POST": openai_chat.answer},
    "/models": {"GET": list_models},
}
ROUTES = {prefix + path: methods for prefix in ("/v1", "") for path, methods in _PATHS.items()}


def unmatched(method: str, path: str) -> Reply:
    """Answer what no route takes: 405 where the path exists, 404 elsewhere."""
    if path in ROUTES:
        message, code, status = f"Not allowed to {method} on {path}.", "method_not_supported", 405
    else:
        message, code, status = f"Invalid URL ({method} {path})", None, 404
    return error(status, message, code=code, outcome="unmatched")


def too_large(limit: int) -> Reply:
    """Answer a body of more than `limit` bytes."""
    return error(413, f"Request body is larger than {limit} bytes.", code="request_too_large")
