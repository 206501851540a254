"""Vectors: how long they are, and that they tell texts apart."""

import math
from typing import Any

import pytest

from lab.llm_mock.vectors import UNKNOWN, usual_length, vector

from .asking import ask

TEXT = {"content": {"parts": [{"text": "a"}]}}


def test_vectors_have_length_one_and_tell_texts_apart() -> None:
    one, other = vector("one", 64), vector("other", 64)
    assert one == vector("one", 64) != other
    assert len(one) == 64
    for each in (one, vector("", 3), vector("\ud800", 1), vector("long", 3072)):
        assert math.isclose(sum(number * number for number in each), 1.0)


@pytest.mark.parametrize(
    ("path", "request_", "where", "length"),
    [
        ("/v1/embeddings", {"model": "text-embedding-3-small", "input": "a"}, ("data", 0, "embedding"), 1536),
        ("/v1/embeddings", {"model": "text-embedding-3-large", "input": "a"}, ("data", 0, "embedding"), 3072),
        (
            "/v1/embeddings",
            {"model": "text-embedding-3-small", "input": "a", "dimensions": 5},
            ("data", 0, "embedding"),
            5,
        ),
        ("/v1/embeddings", {"model": "mine", "input": "a"}, ("data", 0, "embedding"), UNKNOWN),
        ("/mistral/v1/embeddings", {"model": "mistral-embed", "input": ["a"]}, ("data", 0, "embedding"), 1024),
        ("/v1/models/gemini-embedding-001:embedContent", TEXT, ("embedding", "values"), 3072),
        (
            "/v1beta/models/text-embedding-004:batchEmbedContents",
            {"requests": [TEXT]},
            ("embeddings", 0, "values"),
            768,
        ),
        ("/api/embed", {"model": "nomic-embed-text:latest", "input": "a"}, ("embeddings", 0), 768),
        ("/api/embeddings", {"model": "all-minilm", "prompt": "a"}, ("embedding",), 384),
        (
            "/v2/embed",
            {"model": "embed-v4.0", "texts": ["a"], "input_type": "search_query", "embedding_types": ["float"]},
            ("embeddings", "float", 0),
            1536,
        ),
        ("/model/amazon.titan-embed-text-v2%3A0/invoke", {"inputText": "a"}, ("embedding",), 1024),
        ("/model/cohere.embed-english-v3/invoke", {"texts": ["a"]}, ("embeddings", 0), 1024),
    ],
)
def test_a_vector_is_as_long_as_the_model_s_or_as_asked_for(
    path: str, request_: dict[str, Any], where: tuple[str | int, ...], length: int
) -> None:
    told = ask("POST", path, request_).json()
    for step in where:
        told = told[step]
    assert len(told) == length


def test_a_model_is_known_by_a_part_of_its_name() -> None:
    assert usual_length("openai/Text-Embedding-3-Small") == 1536
    assert usual_length("gemini-embedding-001") == 3072
    assert usual_length("") == UNKNOWN
