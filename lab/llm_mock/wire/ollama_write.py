"""What Ollama answers."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from lab.llm_mock.answer import EPOCH, Answer, Call, tokens
from lab.llm_mock.question import Question
from lab.llm_mock.vectors import vectors
from lab.llm_mock.wire.base import JSON, Frame, Streamed, Whole, to_json
from lab.llm_mock.wire.cut import cut

NDJSON = "application/x-ndjson"
VERSION = "0.12.6"
MODELS = ("llama3.2:latest", "qwen3:8b", "nomic-embed-text:latest")
_NANOSECONDS = 1_000_000  # a token's; they are told, not waited
_LOAD = 10 * _NANOSECONDS
_SIZE = 2_019_393_189
_CAPABILITIES = ("completion", "tools", "vision", "thinking")
_DETAILS = {
    "parent_model": "",
    "format": "gguf",
    "family": "llama",
    "families": ["llama"],
    "parameter_size": "3.2B",
    "quantization_level": "Q4_K_M",
}


def whole(question: Question, answer: Answer) -> Whole:
    """Write an answer in one piece."""
    told = cut(question, answer)
    if question.detail.get("silent"):
        return Whole(to_json(_silent(question, told)))
    calls, text = _calls(told)
    return Whole(to_json(_said(question, told, text, calls) | _end(question, told)))


def streamed(question: Question, answer: Answer) -> Streamed:
    """Write an answer line by line."""
    told = cut(question, answer)
    if question.detail.get("silent"):
        return Streamed((Frame(_line(_silent(question, told))),), JSON)
    return Streamed(_frames(question, told), NDJSON)


def _frames(question: Question, answer: Answer) -> Iterator[Frame]:
    calls, text = _calls(answer)
    for piece in answer.pieces:
        yield Frame(_line(_said(question, answer, piece, [])), piece=True)
    if text != answer.text:
        yield Frame(_line(_said(question, answer, text[len(answer.text) :], [])), piece=True)
    for call in calls:
        yield Frame(_line(_said(question, answer, "", [call])), piece=True)
    yield Frame(_line(_said(question, answer, "", []) | _end(question, answer)))


def _line(value: Any) -> bytes:
    return to_json(value) + b"\n"


def _calls(answer: Answer) -> tuple[list[dict[str, Any]], str]:
    """Write the calls, and the text that goes with them: a call that cannot be read stays the text it was."""
    calls: list[dict[str, Any]] = []
    text = answer.text
    for call in answer.calls:
        arguments = _arguments(call)
        if arguments is None:
            text += f'{{"name": {json.dumps(call.name)}, "parameters": {call.arguments}}}'
        else:
            function = {"index": len(calls), "name": call.name, "arguments": arguments}
            calls.append({"id": call.id, "function": function})
    return calls, text


def _arguments(call: Call) -> dict[str, Any] | None:
    try:
        arguments = json.loads(call.arguments)
    except ValueError:
        return None
    return arguments if isinstance(arguments, dict) else None


def _said(question: Question, answer: Answer, text: str, calls: list[dict[str, Any]]) -> dict[str, Any]:
    said: dict[str, Any] = {"model": question.model, "created_at": _moment(answer.created)}
    if question.endpoint == "generate":
        return {**said, "response": text, "done": False}
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = calls
    return {**said, "message": message, "done": False}


def _end(question: Question, answer: Answer) -> dict[str, Any]:
    asked, told = answer.input_tokens, answer.output_tokens
    end: dict[str, Any] = {"done": True, "done_reason": "length" if answer.finish == "length" else "stop"}
    if question.endpoint == "generate":
        end["context"] = [1, 2, 3]
    return end | {
        "total_duration": _LOAD + (asked + told) * _NANOSECONDS,
        "load_duration": _LOAD,
        "prompt_eval_count": asked,
        "prompt_eval_duration": asked * _NANOSECONDS,
        "eval_count": told,
        "eval_duration": told * _NANOSECONDS,
    }


def _silent(question: Question, answer: Answer) -> dict[str, Any]:
    return _said(question, answer, "", []) | {"done": True, "done_reason": question.detail["silent"]}


def embedded(question: Question, _answer: Answer) -> Whole:
    """Write several vectors."""
    said = {
        "model": question.model,
        "embeddings": vectors(question),
        "total_duration": 2 * _LOAD,
        "load_duration": _LOAD,
        "prompt_eval_count": sum(tokens(text) for text in question.inputs),
    }
    return Whole(to_json(said))


def embedded_one(question: Question, _answer: Answer) -> Whole:
    """Write one vector, which is empty for an empty text."""
    return Whole(to_json({"embedding": next(iter(vectors(question)), [])}))


def listed(_question: Question, _answer: Answer) -> Whole:
    """Write the list of models."""
    return Whole(to_json({"models": [{**_model(name), "modified_at": _moment(EPOCH)} for name in MODELS]}))


def running(_question: Question, _answer: Answer) -> Whole:
    """Write the list of models that are loaded."""
    more = {"expires_at": _moment(EPOCH), "size_vram": _SIZE, "context_length": 4096}
    return Whole(to_json({"models": [_model(MODELS[0]) | more]}))


def shown(question: Question, _answer: Answer) -> Whole:
    """Write one model; any name is known."""
    said = {
        "license": "mock",
        "modelfile": f"FROM {question.model}\n",
        "parameters": "num_ctx 4096",
        "template": "{{ .Prompt }}",
        "details": _DETAILS,
        "model_info": {"general.architecture": "llama", "llama.context_length": 131_072},
        "capabilities": ["embedding"] if "embed" in question.model else list(_CAPABILITIES),
        "modified_at": _moment(EPOCH),
    }
    return Whole(to_json(said))


def version(_question: Question, _answer: Answer) -> Whole:
    """Write which Ollama this would be."""
    return Whole(to_json({"version": VERSION}))


def alive(_question: Question, _answer: Answer) -> Whole:
    """Write what a browser sees."""
    return Whole(b"Ollama is running", media_type="text/plain; charset=utf-8")


def _model(name: str) -> dict[str, Any]:
    return {"name": name, "model": name, "size": _SIZE, "digest": "0" * 64, "details": _DETAILS}


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
