"""What Gemini answers."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lab.llm_mock.answer import Answer, Call, input_tokens, tokens
from lab.llm_mock.question import Question
from lab.llm_mock.vectors import vectors
from lab.llm_mock.wire.base import EVENT_STREAM, JSON, Form, Frame, Streamed, Whole, event, to_json
from lab.llm_mock.wire.cut import cut
from lab.llm_mock.wire.gemini_error import before_item, error_in_array, malformed_in_array

MODELS = ("gemini-3.1-pro", "gemini-2.5-pro", "gemini-2.5-flash", "gemini-embedding-001")
_VERBS = ("generateContent", "streamGenerateContent", "countTokens")
_EMBEDDING_VERBS = ("embedContent", "batchEmbedContents")


def generated(question: Question, answer: Answer) -> Whole:
    """Write an answer in one piece."""
    told = cut(question, answer)
    calls = _parts(told)
    parts = [{"text": _text(question, told)}] if told.text or calls == [] else []
    return Whole(to_json(_response(question, told, [*parts, *(calls or [])], finish=_finish(told, calls))))


def streamed(question: Question, answer: Answer) -> Streamed:
    """Write an answer as events, or as one JSON array."""
    if question.detail.get("sse"):
        return Streamed((Frame(event(value), piece) for value, piece in _chunks(question, answer)), EVENT_STREAM)
    return Streamed(_array(_chunks(question, answer)), JSON, form=_ARRAY)


def _array(chunks: Iterator[tuple[Mapping[str, Any], bool]]) -> Iterator[Frame]:
    for place, (value, piece) in enumerate(chunks):
        yield Frame(before_item(place) + to_json(value), piece)
    yield Frame(b"]\n")


def _repeated(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Repeat an item of the array, which may be the first one."""
    item = data.removeprefix(before_item(0)).removeprefix(before_item(1))
    return data, before_item(1) + item, b""


_ARRAY = Form(error_in_array, malformed_in_array, _repeated)


def _chunks(question: Question, answer: Answer) -> Iterator[tuple[Mapping[str, Any], bool]]:
    """Give each response of a stream, and whether it carries a bit of the answer."""
    told = cut(question, answer)
    calls = _parts(told)
    pieces = told.pieces if not question.detail.get("enum") else [_text(question, told)]
    for piece in pieces:
        yield _response(question, told, [{"text": piece}]), True
    # Calls come together and with the end: clients that run tools by themselves look at the last response only.
    parts = calls or [{"text": ""}]
    yield _response(question, told, parts, finish=_finish(told, calls)), bool(calls)


def _parts(answer: Answer) -> list[dict[str, Any]] | None:
    """Write the calls; None where one has arguments that are no object, which Gemini could not tell."""
    parts = []
    for call in answer.calls:
        arguments = _arguments(call)
        if arguments is None:
            return None
        parts.append({"functionCall": {"id": call.id, "name": call.name, "args": arguments}})
    return parts


def _arguments(call: Call) -> dict[str, Any] | None:
    try:
        arguments = json.loads(call.arguments)
    except ValueError:
        return None
    return arguments if isinstance(arguments, dict) else None


def _finish(answer: Answer, calls: list[dict[str, Any]] | None) -> str:
    if calls is None:
        return "MALFORMED_FUNCTION_CALL"
    return "MAX_TOKENS" if answer.finish == "length" else "STOP"


def _text(question: Question, answer: Answer) -> str:
    """Return the text; a choice among values is told as it is, without the quotes of JSON."""
    if question.detail.get("enum"):
        try:
            value = json.loads(answer.text)
        except ValueError:
            return answer.text
        return value if isinstance(value, str) else answer.text
    return answer.text


def _response(
    question: Question, answer: Answer, parts: list[dict[str, Any]], finish: str | None = None
) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"} if parts else {}, "index": 0}
    usage: dict[str, Any] = {"promptTokenCount": answer.input_tokens, "totalTokenCount": answer.input_tokens}
    usage["promptTokensDetails"] = [{"modality": "TEXT", "tokenCount": answer.input_tokens}]
    if finish is not None:
        candidate["finishReason"] = finish
        usage["candidatesTokenCount"] = answer.output_tokens
        usage["totalTokenCount"] += answer.output_tokens
    if finish == "MALFORMED_FUNCTION_CALL":
        candidate["finishMessage"] = "Malformed function call: " + " ".join(call.arguments for call in answer.calls)
    return {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": question.model,
        "responseId": answer.digest[:22],
    }


def counted(question: Question, _answer: Answer) -> Whole:
    """Write how many tokens were asked."""
    total = input_tokens(question)
    return Whole(
        to_json({"totalTokens": total, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": total}]})
    )  # fmt: skip


def embedded(question: Question, _answer: Answer) -> Whole:
    """Write one vector."""
    return Whole(to_json({"embedding": {"values": vectors(question)[0]}}))


def embedded_all(question: Question, _answer: Answer) -> Whole:
    """Write several vectors."""
    return Whole(to_json({"embeddings": [{"values": numbers} for numbers in vectors(question)]}))


def predicted(question: Question, _answer: Answer) -> Whole:
    """Write several vectors as Vertex AI has them."""
    predictions = [
        {
            "embeddings": {
                "values": numbers,
                "statistics": {"token_count": tokens(text), "truncated": False},
            }
        }
        for text, numbers in zip(question.inputs, vectors(question), strict=True)
    ]
    return Whole(to_json({"predictions": predictions}))


def listed(_question: Question, _answer: Answer) -> Whole:
    """Write the list of models."""
    return Whole(to_json({"models": [_model(name) for name in MODELS]}))


def shown(question: Question, _answer: Answer) -> Whole:
    """Write one model; any name is known."""
    return Whole(to_json(_model(question.model)))


def _model(name: str) -> dict[str, Any]:
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name,
        "description": "A mock of a model.",
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": list(_EMBEDDING_VERBS if "embedding" in name else _VERBS),
        "temperature": 1.0,
        "topP": 0.95,
        "topK": 64,
    }
