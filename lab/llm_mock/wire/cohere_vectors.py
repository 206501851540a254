"""What Cohere answers where no model speaks: vectors, ranks, tokens and models."""

import base64
import hashlib
import struct
from typing import Any

from lab.llm_mock.answer import Answer, pieces, tokens
from lab.llm_mock.question import Question
from lab.llm_mock.vectors import vectors
from lab.llm_mock.wire.base import Whole, to_json
from lab.llm_mock.wire.cohere_write import identity

_ENDPOINTS = {
    "command-a-03-2025": ["chat", "generate", "summarize"],
    "command-r-plus-08-2024": ["chat", "generate", "summarize"],
    "embed-v4.0": ["embed", "classify"],
    "rerank-v3.5": ["rerank"],
}


def embedded(question: Question, _answer: Answer) -> Whole:
    """Write the vectors in each of the types wanted."""
    made = vectors(question)
    said = {
        "id": identity(question.digest),
        "embeddings": {kind: [_typed(vector, kind) for vector in made] for kind in question.detail["types"]},
        "texts": question.detail["texts"],
        "response_type": "embeddings_by_type",
        "meta": _meta(input_tokens=sum(tokens(text) for text in question.inputs)),
    }
    return Whole(to_json(said))


def _typed(vector: list[float], kind: str) -> Any:
    if kind == "int8":
        return [round(each * 127) for each in vector]
    if kind == "uint8":
        return [round(each * 127) + 128 for each in vector]
    if kind in {"binary", "ubinary"}:
        bits = "".join("1" if each > 0 else "0" for each in vector)
        octets = [int(bits[start : start + 8], 2) for start in range(0, len(bits), 8)]
        return octets if kind == "ubinary" else [each - 128 for each in octets]
    if kind == "base64":
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")
    return vector


def ranked(question: Question, _answer: Answer) -> Whole:
    """Write the best documents, the best one first."""
    *documents, query = question.inputs
    wanted, seed = frozenset(query.lower().split()), hashlib.sha256(query.encode("utf-8", "surrogatepass")).digest()
    scored = [(_relevance(wanted, text, seed), number) for number, text in enumerate(documents)]
    scores = sorted(scored, key=_best_first)
    results = []
    for score, number in scores[: question.detail["top"]]:
        result: dict[str, Any] = {"index": number, "relevance_score": score}
        if question.detail["documents"]:
            result["document"] = {"text": documents[number]}
        results.append(result)
    return Whole(to_json({"id": identity(question.digest), "results": results, "meta": _meta(search_units=1)}))


def _relevance(wanted: frozenset[str], document: str, seed: bytes) -> float:
    """Return the share of the wanted words that stand in the document, and a little that tells equals apart."""
    share = len(wanted.intersection(document.lower().split())) / len(wanted) if wanted else 0.0
    drawn = hashlib.sha256(seed + document.encode("utf-8", "surrogatepass")).digest()[0]
    return round(0.9 * share + 0.1 * drawn / 255, 6)


def _best_first(scored: tuple[float, int]) -> tuple[float, int]:
    return -scored[0], scored[1]


def tokenized(question: Question, _answer: Answer) -> Whole:
    """Write the tokens of a text and their numbers."""
    strings = pieces(question.inputs[0])
    numbers = [int(hashlib.sha256(each.encode("utf-8", "surrogatepass")).hexdigest()[:4], 16) for each in strings]
    return Whole(to_json({"tokens": numbers, "token_strings": strings, "meta": {"api_version": {"version": "1"}}}))


def listed(question: Question, _answer: Answer) -> Whole:
    """Write the list of models."""
    wanted = question.detail["endpoint"]
    names = [name for name, endpoints in _ENDPOINTS.items() if not wanted or wanted in endpoints]
    return Whole(to_json({"models": [_model(name) for name in names]}))


def shown(question: Question, _answer: Answer) -> Whole:
    """Write one model; any name is known."""
    return Whole(to_json(_model(question.model)))


def _model(name: str) -> dict[str, Any]:
    endpoints = _ENDPOINTS.get(name, ["chat"])
    return {
        "name": name,
        "is_deprecated": False,
        "endpoints": endpoints,
        "finetuned": False,
        "context_length": 256_000,
        "tokenizer_url": None,
        "default_endpoints": [],
        "features": ["json_mode", "json_schema", "tools", "vision"] if "chat" in endpoints else [],
    }


def _meta(**billed: int) -> dict[str, Any]:
    return {"api_version": {"version": "2"}, "billed_units": billed}
