"""Amazon Bedrock: conversations and invocations, whole and streamed, and the list of models.

Signatures are not checked: the name of the host is part of them, and a mock goes by another.
"""

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from lab.llm_mock.answer import Answer, input_tokens
from lab.llm_mock.question import Question
from lab.llm_mock.wire import bedrock_converse
from lab.llm_mock.wire.base import (
    Endpoint,
    Family,
    Frame,
    Headers,
    Received,
    RejectedError,
    Route,
    Streamed,
    Whole,
    digest,
    parse,
    to_json,
)
from lab.llm_mock.wire.bedrock_error import error, malformed, request_id, stream_error
from lab.llm_mock.wire.bedrock_invoke import DIALECTS, dialect_of
from lab.llm_mock.wire.checked import needed, text
from lab.llm_mock.wire.cut import cut
from lab.llm_mock.wire.eventstream import MEDIA_TYPE, event

_MODELS = (
    "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "anthropic.claude-haiku-4-5-20251001-v1:0",
    "amazon.nova-pro-v1:0",
    "amazon.titan-embed-text-v2:0",
    "cohere.embed-english-v3",
    "meta.llama3-70b-instruct-v1:0",
    "mistral.mistral-large-2402-v1:0",
)
_MAKERS = {"anthropic": "Anthropic", "amazon": "Amazon", "cohere": "Cohere", "meta": "Meta", "mistral": "Mistral AI"}


def _model(words: Mapping[str, str]) -> str:
    return unquote(words["id"])


def _read_converse(_received: Received, content: Mapping[str, Any], words: Mapping[str, str]) -> Question:
    return bedrock_converse.question(content, endpoint="converse", model=_model(words), stream=False)


def _read_converse_stream(_received: Received, content: Mapping[str, Any], words: Mapping[str, str]) -> Question:
    return bedrock_converse.question(content, endpoint="converse-stream", model=_model(words), stream=True)


def _converse(asked: Question, answer: Answer) -> Whole:
    return Whole(to_json(bedrock_converse.message(asked, answer)), headers=request_id(asked.digest))


def _converse_stream(asked: Question, answer: Answer) -> Streamed:
    frames = (
        Frame(event(kind, to_json(value)), piece) for kind, value, piece in bedrock_converse.events(asked, answer)
    )
    return Streamed(frames, MEDIA_TYPE, request_id(asked.digest))


def _read_invoke(_received: Received, content: Mapping[str, Any], words: Mapping[str, str]) -> Question:
    return _invoked(content, _model(words), stream=False)


def _read_invoke_stream(_received: Received, content: Mapping[str, Any], words: Mapping[str, str]) -> Question:
    asked = _invoked(content, _model(words), stream=True)
    if DIALECTS[asked.detail["dialect"]].chunks is None:
        raise RejectedError("The model is unsupported for streaming.")
    return replace(asked, endpoint="invoke-with-response-stream")


def _invoked(content: Mapping[str, Any], model: str, *, stream: bool) -> Question:
    dialect = dialect_of(content, model)
    asked = DIALECTS[dialect].read(content, model, stream)
    return replace(asked, detail={**asked.detail, "dialect": dialect})


def _invoke(asked: Question, answer: Answer) -> Whole:
    told = DIALECTS[asked.detail["dialect"]].whole(asked, answer)
    counts = (
        ("x-amzn-bedrock-input-token-count", str(answer.input_tokens)),
        ("x-amzn-bedrock-output-token-count", str(cut(asked, answer).output_tokens if not asked.inputs else 0)),
    )
    return Whole(to_json(told), headers=(*request_id(asked.digest), *counts))


def _invoke_stream(asked: Question, answer: Answer) -> Streamed:
    chunks = DIALECTS[asked.detail["dialect"]].chunks
    frames = (
        Frame(event("chunk", to_json({"bytes": base64.b64encode(to_json(value)).decode("ascii")})), piece)
        for value, piece in (chunks(asked, answer) if chunks is not None else ())
    )
    headers: Headers = (*request_id(asked.digest), ("x-amzn-bedrock-content-type", "application/json"))
    return Streamed(frames, MEDIA_TYPE, headers)


def _read_count(_received: Received, content: Mapping[str, Any], words: Mapping[str, str]) -> Question:
    given = needed(content.get("input"), "input")
    if "converse" in given:
        asked = bedrock_converse.question(
            needed(given["converse"], "input.converse"), endpoint="count-tokens", model=_model(words), stream=False
        )
    else:
        body = text(needed(given.get("invokeModel"), "input.invokeModel").get("body"), "input.invokeModel.body")
        try:
            asked = _invoked(parse(base64.b64decode(body, validate=True)), _model(words), stream=False)
        except ValueError:
            raise RejectedError("The body of input.invokeModel is not base64.") from None
    return replace(asked, endpoint="count-tokens")


def _count(asked: Question, _answer: Answer) -> Whole:
    return Whole(to_json({"inputTokens": input_tokens(asked)}), headers=request_id(asked.digest))


def _read_models(_received: Received, _content: Mapping[str, Any], _words: Mapping[str, str]) -> Question:
    return Question("bedrock", "models", "", digest({}))


def _read_model(_received: Received, _content: Mapping[str, Any], words: Mapping[str, str]) -> Question:
    return Question("bedrock", "model", _model(words), digest({"model": _model(words)}))


def _models(asked: Question, _answer: Answer) -> Whole:
    told = {"modelSummaries": [_summary(each) for each in _MODELS]}
    return Whole(to_json(told), headers=request_id(asked.digest))


def _one_model(asked: Question, _answer: Answer) -> Whole:
    return Whole(to_json({"modelDetails": _summary(asked.model)}), headers=request_id(asked.digest))


def _summary(model: str) -> dict[str, Any]:
    maker = model.partition(".")[0]
    return {
        "modelArn": f"arn:aws:bedrock:us-east-1::foundation-model/{model}",
        "modelId": model,
        "modelName": model.partition(".")[2] or model,
        "providerName": _MAKERS.get(maker, maker),
        "inputModalities": ["TEXT"],
        "outputModalities": ["EMBEDDING" if "embed" in model else "TEXT"],
        "responseStreamingSupported": "embed" not in model,
        "customizationsSupported": [],
        "inferenceTypesSupported": ["ON_DEMAND"],
        "modelLifecycle": {"status": "ACTIVE"},
    }


FAMILY = Family(
    name="bedrock",
    routes=(
        Route("POST", "/model/{id:path}/converse", Endpoint("converse", _read_converse, _converse)),
        Route(
            "POST",
            "/model/{id:path}/converse-stream",
            Endpoint("converse-stream", _read_converse_stream, _converse, _converse_stream),
        ),
        Route("POST", "/model/{id:path}/invoke", Endpoint("invoke", _read_invoke, _invoke)),
        Route(
            "POST",
            "/model/{id:path}/invoke-with-response-stream",
            Endpoint("invoke-with-response-stream", _read_invoke_stream, _invoke, _invoke_stream),
        ),
        Route("POST", "/model/{id:path}/count-tokens", Endpoint("count-tokens", _read_count, _count, spoken=False)),
        Route("GET", "/foundation-models", Endpoint("models", _read_models, _models, spoken=False)),
        Route("GET", "/foundation-models/{id:path}", Endpoint("model", _read_model, _one_model, spoken=False)),
    ),
    error=error,
    stream_error=stream_error,
    malformed=malformed,
)
