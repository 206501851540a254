"""Vectors for texts, as numbers or packed."""

import base64
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from lab.llm_mock.answer import Answer
from lab.llm_mock.question import Question
from lab.llm_mock.vectors import vectors
from lab.llm_mock.wire.base import Endpoint, Received, RejectedError, Whole, to_json
from lab.llm_mock.wire.bounds import MOST_NUMBERS, are_too_many
from lab.llm_mock.wire.openai_fields import hashed, missing, model, request_id, whole_number, wrong

MOST_TEXTS = 2048
MOST_DIMENSIONS = 4096


def embeddings(
    provider: str,
    dimensions: str = "dimensions",
    extra: Callable[[Answer], Mapping[str, Any]] = lambda _answer: {},
) -> Endpoint:
    """Make the endpoint; `dimensions` is the field that asks for a length, `extra` what stands beside the vectors."""

    def read(_received: Received, content: Mapping[str, Any], words: Mapping[str, str]) -> Question:
        return _read(provider, dimensions, content, words)

    def whole(question: Question, answer: Answer) -> Whole:
        body = {
            "object": "list",
            "data": [
                {"object": "embedding", "index": index, "embedding": _written(question, numbers)}
                for index, numbers in enumerate(vectors(question))
            ],
            "model": question.model,
            "usage": {"prompt_tokens": answer.input_tokens, "total_tokens": answer.input_tokens},
            **extra(answer),
        }
        return Whole(to_json(body), headers=request_id(answer.digest))

    return Endpoint("embeddings", read, whole, spoken=False)


def _read(provider: str, dimensions: str, content: Mapping[str, Any], words: Mapping[str, str]) -> Question:
    name = unquote(words["model"]) if "model" in words else model(content)
    if content.get("input") is None:
        raise missing("input")
    inputs = texts(content["input"], "input")
    if not all(inputs):
        raise RejectedError("Invalid 'input': input cannot be an empty string.", param="input", code="invalid_value")
    size = whole_number(content, dimensions)
    if size is not None and size > MOST_DIMENSIONS:
        message = f"Invalid '{dimensions}': the most is {MOST_DIMENSIONS}."
        raise RejectedError(message, param=dimensions, code="integer_above_max_value")
    if are_too_many(len(inputs), size, name):
        message = f"Invalid 'input': all vectors together may have at most {MOST_NUMBERS} numbers."
        raise RejectedError(message, param="input", code="array_above_max_length")
    form = content.get("encoding_format")
    if form not in (None, "float", "base64"):
        raise RejectedError("Invalid 'encoding_format'.", param="encoding_format", code="invalid_value")
    return Question(
        provider=provider,
        endpoint="embeddings",
        model=name,
        digest=hashed({**content, "model": name}),
        inputs=tuple(inputs),
        dimensions=size,
        detail={"packed": form == "base64"},
    )


def texts(value: Any, where: str) -> Sequence[str]:
    """Return the texts in a text, a list of texts, a list of token ids, or a list of such lists.

    Ids of tokens become the text of their numbers.
    """
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list):
        raise wrong(where, "a string or an array")
    if not value:
        raise RejectedError(f"Invalid '{where}': empty array.", param=where, code="empty_array")
    if len(value) > MOST_TEXTS and not _are_ids(value):
        message = f"Invalid '{where}': array too long. Expected at most {MOST_TEXTS} texts."
        raise RejectedError(message, param=where, code="array_above_max_length")
    if all(isinstance(each, str) for each in value):
        return value
    if _are_ids(value):
        return (_numbers(value),)
    if all(isinstance(each, list) and _are_ids(each) for each in value):
        return [_numbers(each) for each in value]
    raise wrong(where, "strings, token ids or arrays of token ids")


def _are_ids(value: Sequence[Any]) -> bool:
    return bool(value) and all(isinstance(each, int) and not isinstance(each, bool) for each in value)


def _numbers(ids: Sequence[int]) -> str:
    return " ".join(map(str, ids))


def _written(question: Question, numbers: list[float]) -> list[float] | str:
    if not question.detail["packed"]:
        return numbers
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode("ascii")
