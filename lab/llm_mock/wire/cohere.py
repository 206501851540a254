"""Cohere: the second version of its protocol, and of the first what the second has not."""

import hashlib

from lab.llm_mock.wire import cohere_read as read
from lab.llm_mock.wire import cohere_vectors as vectors
from lab.llm_mock.wire import cohere_write as write
from lab.llm_mock.wire.base import Endpoint, Family, Problem, Route, Whole, event, to_json

_CHAT = Endpoint("chat", read.chat, write.whole, write.streamed)
_EMBED = Endpoint("embed", read.embed, vectors.embedded, spoken=False)
_RERANK = Endpoint("rerank", read.rerank, vectors.ranked, spoken=False)
_TOKENIZE = Endpoint("tokenize", read.tokenize, vectors.tokenized, spoken=False)
_MODELS = Endpoint("models", read.models, vectors.listed, spoken=False)
_MODEL = Endpoint("model", read.model, vectors.shown, spoken=False)


def error(problem: Problem) -> Whole:
    """Write a problem as an answer."""
    seen = hashlib.sha256(problem.message.encode("utf-8", "surrogatepass")).hexdigest()
    return Whole(to_json({"id": write.identity(seen), "message": problem.message}), problem.status)


def stream_error(_endpoint: str, problem: Problem) -> bytes:
    """Write a problem within a stream of events."""
    end = write.broken(problem)
    return event(end, end["type"])


def malformed(_endpoint: str) -> bytes:
    """Write an event that breaks off."""
    return b'event: content-delta\ndata: {"type":"content-delta","index":0,"delta":{"mess\n\n'


FAMILY = Family(
    "cohere",
    (
        Route("POST", "/v2/chat", _CHAT),
        Route("POST", "/v2/embed", _EMBED),
        Route("POST", "/v2/rerank", _RERANK),
        Route("POST", "/v1/rerank", _RERANK),
        Route("POST", "/v1/tokenize", _TOKENIZE),
        Route("GET", "/v1/models", _MODELS),
        Route("GET", "/v1/models/{model}", _MODEL),
    ),
    error,
    stream_error,
    malformed,
)
