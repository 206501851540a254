"""The bodies that the models behind Bedrock's InvokeModel take and give, each maker in its own way."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lab.llm_mock.answer import Answer
from lab.llm_mock.question import Question, Turn
from lab.llm_mock.vectors import vectors
from lab.llm_mock.wire import anthropic_message, anthropic_request, bedrock_converse
from lab.llm_mock.wire.base import RejectedError
from lab.llm_mock.wire.bounds import are_too_many
from lab.llm_mock.wire.checked import fingerprint, items, mapping, text, whole_number
from lab.llm_mock.wire.cut import cut

_LATENCY = 100  # milliseconds that are told, whatever they were
_MOST_DIMENSIONS = 4096
Chunk = tuple[dict[str, Any], bool]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One form of bodies; `chunks` give each whether it carries a bit of the answer, None where nothing streams."""

    read: Callable[[Mapping[str, Any], str, bool], Question]
    whole: Callable[[Question, Answer], dict[str, Any]]
    chunks: Callable[[Question, Answer], Iterator[Chunk]] | None = None


def dialect_of(content: Mapping[str, Any], model: str) -> str:
    """Return the name of the dialect of a body: ARNs of profiles need not say whose model they mean."""
    if "anthropic_version" in content or "anthropic." in model:
        return "anthropic"
    if "texts" in content:
        return "cohere-embed"
    if "inputText" in content:
        return "titan-embed" if "embed" in model else "titan"
    if "prompt" in content:
        return "mistral" if "mistral" in model else "llama"
    if "nova" in model or "inferenceConfig" in content:
        return "nova"
    raise RejectedError("Malformed input request, please reformat your input and try again.")


def _read_anthropic(content: Mapping[str, Any], model: str, stream: bool) -> Question:
    return anthropic_request.question(content, provider="bedrock", endpoint="invoke", model=model, stream=stream)


def _anthropic_chunks(asked: Question, answer: Answer) -> Iterator[Chunk]:
    for value, piece in anthropic_message.events(asked, answer):
        if value["type"] != "ping":  # Bedrock does not send them, and older clients would take them for events
            yield value | _metrics(cut(asked, answer)) if value["type"] == "message_stop" else value, piece


def _read_nova(content: Mapping[str, Any], model: str, stream: bool) -> Question:
    return bedrock_converse.question(content, endpoint="invoke", model=model, stream=stream)


def _nova(asked: Question, answer: Answer) -> dict[str, Any]:
    told = bedrock_converse.message(asked, answer)
    del told["metrics"]
    return told


def _nova_chunks(asked: Question, answer: Answer) -> Iterator[Chunk]:
    for kind, value, piece in bedrock_converse.events(asked, answer):
        more = _metrics(cut(asked, answer)) if kind == "metadata" else {}
        yield {kind: value} | more, piece


def _read_prompt(field: str, config: str | None, limit: str) -> Callable[[Mapping[str, Any], str, bool], Question]:
    def read(content: Mapping[str, Any], model: str, stream: bool) -> Question:
        settings = mapping(content.get(config), config) if config else content
        most = settings.get(limit)
        return Question(
            provider="bedrock",
            endpoint="invoke",
            model=model,
            digest=fingerprint({**content, "modelId": model}),
            stream=stream,
            turns=(Turn("user", text(content.get(field), field)),),
            max_tokens=None if most is None else whole_number(most, limit),
        )

    return read


def _titan(asked: Question, answer: Answer) -> dict[str, Any]:
    answer = cut(asked, answer)
    said = {"tokenCount": answer.output_tokens, "outputText": answer.text}
    said["completionReason"] = "LENGTH" if answer.finish == "length" else "FINISH"
    return {"inputTextTokenCount": answer.input_tokens, "results": [said]}


def _titan_chunks(asked: Question, answer: Answer) -> Iterator[Chunk]:
    answer = cut(asked, answer)
    reason = "LENGTH" if answer.finish == "length" else "FINISH"
    for said, piece in _with_end(answer):
        end = None if piece else answer.output_tokens
        chunk = {"outputText": said, "index": 0, "totalOutputTokenCount": end}
        chunk |= {"completionReason": None if piece else reason, "inputTextTokenCount": answer.input_tokens}
        yield (chunk if piece else chunk | _metrics(answer)), piece


def _llama(asked: Question, answer: Answer) -> dict[str, Any]:
    answer = cut(asked, answer)
    return {
        "generation": answer.text,
        "prompt_token_count": answer.input_tokens,
        "generation_token_count": answer.output_tokens,
        "stop_reason": "length" if answer.finish == "length" else "stop",
    }


def _llama_chunks(asked: Question, answer: Answer) -> Iterator[Chunk]:
    end = _llama(asked, answer)
    for count, (said, piece) in enumerate(_with_end(cut(asked, answer)), 1):
        if not piece:
            yield end | {"generation": said} | _metrics(cut(asked, answer)), False
        else:
            yield end | {"generation": said, "generation_token_count": count, "stop_reason": None}, True


def _mistral(asked: Question, answer: Answer) -> dict[str, Any]:
    answer = cut(asked, answer)
    return {"outputs": [{"text": answer.text, "stop_reason": "length" if answer.finish == "length" else "stop"}]}


def _mistral_chunks(asked: Question, answer: Answer) -> Iterator[Chunk]:
    answer = cut(asked, answer)
    reason = "length" if answer.finish == "length" else "stop"
    for said, piece in _with_end(answer):
        chunk = {"outputs": [{"text": said, "stop_reason": None if piece else reason}]}
        yield (chunk if piece else chunk | _metrics(answer)), piece


def _with_end(answer: Answer) -> Iterator[tuple[str, bool]]:
    for piece in answer.pieces:
        yield piece, True
    yield "", False


def _metrics(answer: Answer) -> dict[str, Any]:
    return {
        "amazon-bedrock-invocationMetrics": {
            "inputTokenCount": answer.input_tokens,
            "outputTokenCount": answer.output_tokens,
            "invocationLatency": _LATENCY,
            "firstByteLatency": _LATENCY,
        }
    }


def _read_embed(content: Mapping[str, Any], model: str, _stream: bool) -> Question:
    texts = content["texts"] if "texts" in content else [content.get("inputText")]
    inputs = tuple(text(each, f"texts.{at}") for at, each in enumerate(items(texts, "texts")))
    asked = content.get("dimensions", content.get("output_dimension"))
    dimensions = None if asked is None else whole_number(asked, "dimensions")
    if not inputs or (dimensions or 0) > _MOST_DIMENSIONS or are_too_many(len(inputs), dimensions, model):
        raise RejectedError("Malformed input request, please reformat your input and try again.")
    types = [text(each, "embedding_types") for each in items(content.get("embedding_types"), "embedding_types")]
    return Question(
        provider="bedrock",
        endpoint="invoke",
        model=model,
        digest=fingerprint({**content, "modelId": model}),
        inputs=inputs,
        dimensions=dimensions,
        detail={"by_type": bool(types)},
    )


def _titan_embed(asked: Question, answer: Answer) -> dict[str, Any]:
    numbers = vectors(asked)[0]
    return {
        "embedding": numbers,
        "embeddingsByType": {"float": numbers},
        "inputTextTokenCount": answer.input_tokens,
    }


def _cohere_embed(asked: Question, _answer: Answer) -> dict[str, Any]:
    numbers = vectors(asked)
    told: dict[str, Any] = {"id": asked.digest[:32], "texts": list(asked.inputs)}
    if asked.detail["by_type"]:
        return told | {"response_type": "embeddings_by_type", "embeddings": {"float": numbers}}
    return told | {"response_type": "embeddings_floats", "embeddings": numbers}


DIALECTS: Mapping[str, Dialect] = {
    "anthropic": Dialect(_read_anthropic, anthropic_message.message, _anthropic_chunks),
    "nova": Dialect(_read_nova, _nova, _nova_chunks),
    "titan": Dialect(_read_prompt("inputText", "textGenerationConfig", "maxTokenCount"), _titan, _titan_chunks),
    "llama": Dialect(_read_prompt("prompt", None, "max_gen_len"), _llama, _llama_chunks),
    "mistral": Dialect(_read_prompt("prompt", None, "max_tokens"), _mistral, _mistral_chunks),
    "titan-embed": Dialect(_read_embed, _titan_embed),
    "cohere-embed": Dialect(_read_embed, _cohere_embed),
}
