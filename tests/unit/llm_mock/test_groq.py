"""Groq: OpenAI's protocol with fields of its own."""

import json
from typing import Any

from lab.llm_mock.wire.base import Problem, Quota
from lab.llm_mock.wire.groq import FAMILY

from .asking import Told, ask
from .spoiling import defects

PATH = "/openai/v1/chat/completions"
HELLO = [{"role": "user", "content": "hello there"}]


def chat(**more: Any) -> Told:
    return ask("POST", PATH, {"model": "llama-3.1-8b-instant", "messages": HELLO, **more})


def test_a_whole_answer_has_the_tier_and_the_request() -> None:
    told = chat().json()
    assert told["service_tier"] == "on_demand"
    assert told["x_groq"]["id"].startswith("req_")
    assert told["usage"]["total_tokens"] == 9
    assert "refusal" not in told["choices"][0]["message"]


def test_a_stream_tells_its_request_first_and_its_usage_last() -> None:
    first, *others, last, done = chat(stream=True).events()
    assert done == "[DONE]"
    assert "usage" not in first["x_groq"]
    assert not any("x_groq" in each for each in others)
    assert last["x_groq"]["usage"] == chat().json()["usage"]
    *_, counted, _ = chat(stream=True, stream_options={"include_usage": True}).events()
    assert (counted["choices"], counted["usage"]) == ([], last["x_groq"]["usage"])


def test_models_and_vectors_are_served() -> None:
    assert ask("GET", "/openai/v1/models/openai/gpt-oss-20b").json()["id"] == "openai/gpt-oss-20b"
    assert ask("GET", "/openai/v1/models").json()["data"][0]["owned_by"] == "Groq"
    assert len(ask("POST", "/openai/v1/embeddings", {"model": "m", "input": ["a", "b"]}).json()["data"]) == 2


def test_errors_have_the_provider_s_words() -> None:
    assert json.loads(FAMILY.error(Problem(503, "full")).body) == {
        "error": {"message": "full", "type": "internal_server_error"}
    }
    assert json.loads(FAMILY.error(Problem(401, "who")).body)["error"]["code"] == "invalid_api_key"
    assert FAMILY.stream_error("chat", Problem(500, "no")).startswith(b"event: error\ndata: ")
    assert dict(FAMILY.quota_headers(Quota(10, 4, 1000, 900, 62)))["x-ratelimit-reset-tokens"] == "1m2s"


def test_no_request_ends_in_a_traceback() -> None:
    assert not defects("groq", PATH, {"model": "m", "messages": HELLO, "stream": True, "stream_options": {}})
