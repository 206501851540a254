"""Ollama: its own protocol, a JSON object a line."""

from lab.llm_mock.wire import ollama_read as read
from lab.llm_mock.wire import ollama_write as write
from lab.llm_mock.wire.base import Endpoint, Family, Problem, Route, Whole, to_json

_POSTED = {
    "/api/chat": Endpoint("chat", read.chat, write.whole, write.streamed),
    "/api/generate": Endpoint("generate", read.generate, write.whole, write.streamed),
    "/api/embed": Endpoint("embed", read.embed, write.embedded, spoken=False),
    "/api/embeddings": Endpoint("embeddings", read.embedding, write.embedded_one, spoken=False),
    "/api/show": Endpoint("show", read.show, write.shown, spoken=False),
}
_FETCHED = {
    "/api/tags": Endpoint("tags", read.nothing, write.listed, spoken=False),
    "/api/ps": Endpoint("ps", read.nothing, write.running, spoken=False),
    "/api/version": Endpoint("version", read.nothing, write.version, spoken=False),
    "/": Endpoint("root", read.nothing, write.alive, spoken=False),
}


def error(problem: Problem) -> Whole:
    """Write a problem as an answer."""
    return Whole(to_json({"error": problem.message}), problem.status)


def stream_error(_endpoint: str, problem: Problem) -> bytes:
    """Write a problem within a stream."""
    return to_json({"error": problem.message}) + b"\n"


def malformed(_endpoint: str) -> bytes:
    """Write a line that breaks off."""
    return b'{"model":"mock","created_at":"2023-11-14T22:1\n'


FAMILY = Family(
    "ollama",
    (
        *(Route("POST", path, endpoint) for path, endpoint in _POSTED.items()),
        *(Route(method, path, endpoint) for path, endpoint in _FETCHED.items() for method in ("GET", "HEAD")),
    ),
    error,
    stream_error,
    malformed,
)
