"""What a client of Gemini asks."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from lab.llm_mock.question import Question, Role, Tool, ToolCall, ToolResult, Turn
from lab.llm_mock.wire.base import Received, RejectedError
from lab.llm_mock.wire.gemini_fields import count, field, mapping, objects, string, wrong
from lab.llm_mock.wire.gemini_schema import lowered
from lab.llm_mock.wire.openai_fields import hashed

PROVIDER = "gemini"
ENUM = "text/x.enum"
LONGEST_VECTOR = 3072
MOST_INPUTS = 100
_ROLES: Mapping[str, Role] = {"": "user", "user": "user", "model": "assistant", "function": "tool"}
_MODES = {
    "": "auto",
    "MODE_UNSPECIFIED": "auto",
    "AUTO": "auto",
    "VALIDATED": "auto",
    "ANY": "required",
    "NONE": "none",
}


def generation(received: Received, content: Mapping[str, Any], words: Mapping[str, str]) -> Question:
    """Read a request for an answer in one piece."""
    return _generation("generateContent", content, words, stream=False, sse=received.query.get("alt") == "sse")


def streamed_generation(received: Received, content: Mapping[str, Any], words: Mapping[str, str]) -> Question:
    """Read a request for a stream, which without alt=sse is one JSON array."""
    return _generation("streamGenerateContent", content, words, stream=True, sse=received.query.get("alt") == "sse")


def _generation(
    endpoint: str, content: Mapping[str, Any], words: Mapping[str, str], *, stream: bool, sse: bool
) -> Question:
    digest = _digest(content, words)  # first: what is nested too deeply is refused here
    tools, choice = _tools(content)
    config = mapping(field(content, "generationConfig"), "generation_config")
    return Question(
        PROVIDER,
        endpoint,
        _model(words),
        digest,
        stream=stream,
        turns=_turns(content),
        tools=tools,
        tool_choice=choice,
        schema=_schema(config),
        max_tokens=count(field(config, "maxOutputTokens"), "max_output_tokens"),
        detail={"sse": sse, "enum": field(config, "responseMimeType") == ENUM},
    )


def token_count(_received: Received, content: Mapping[str, Any], words: Mapping[str, str]) -> Question:
    """Read a request to count, which holds the contents themselves or a whole request for an answer."""
    whole = mapping(field(content, "generateContentRequest"), "generate_content_request") or content
    digest = _digest(content, words)
    return Question(PROVIDER, "countTokens", _model(words), digest, turns=_turns(whole))


def embedding(_received: Received, content: Mapping[str, Any], words: Mapping[str, str]) -> Question:
    """Read a request for one vector."""
    return _embedding("embedContent", [content], content, words)


def embeddings(_received: Received, content: Mapping[str, Any], words: Mapping[str, str]) -> Question:
    """Read a request for several vectors."""
    return _embedding("batchEmbedContents", objects(field(content, "requests"), "requests"), content, words)


def _embedding(
    endpoint: str, asked: Sequence[Mapping[str, Any]], content: Mapping[str, Any], words: Mapping[str, str]
) -> Question:
    if not 0 < len(asked) <= MOST_INPUTS:
        raise RejectedError(f"* BatchEmbedContentsRequest.requests: from 1 to {MOST_INPUTS} requests can be in a batch")
    inputs, dimensions = [], None
    for each in asked:
        if field(each, "content") is None:
            raise RejectedError("* EmbedContentRequest.content: contents is not specified")
        config = mapping(field(each, "embedContentConfig"), "embed_content_config")
        length = field(each, "outputDimensionality") or field(config, "outputDimensionality")
        dimensions = count(length, "output_dimensionality", LONGEST_VECTOR) or dimensions
        inputs.append(_turn(mapping(field(each, "content"), "content"), "content").text)
    return Question(
        PROVIDER, endpoint, _model(words), _digest(content, words), inputs=tuple(inputs), dimensions=dimensions
    )


def prediction(_received: Received, content: Mapping[str, Any], words: Mapping[str, str]) -> Question:
    """Read a request for vectors as Vertex AI has it."""
    asked = objects(field(content, "instances"), "instances")
    if not 0 < len(asked) <= MOST_INPUTS:
        raise RejectedError(f"from 1 to {MOST_INPUTS} instances are allowed.")
    parameters = mapping(field(content, "parameters"), "parameters")
    return Question(
        PROVIDER,
        "predict",
        _model(words),
        _digest(content, words),
        inputs=tuple(string(field(each, "content"), "instances.content") for each in asked),
        dimensions=count(field(parameters, "outputDimensionality"), "output_dimensionality", LONGEST_VECTOR),
    )


def models(_received: Received, _content: Mapping[str, Any], words: Mapping[str, str]) -> Question:
    """Read a request for the list of models."""
    return Question(PROVIDER, "models", "", _digest({}, words))


def model(_received: Received, _content: Mapping[str, Any], words: Mapping[str, str]) -> Question:
    """Read a request for one model."""
    return Question(PROVIDER, "model", _model(words), _digest({}, words))


def _model(words: Mapping[str, str]) -> str:
    return unquote(words["model"])


def _digest(content: Mapping[str, Any], words: Mapping[str, str]) -> str:
    return hashed({**content, "/": dict(words)}, delivery=())


def _turns(content: Mapping[str, Any]) -> tuple[Turn, ...]:
    said = objects(field(content, "contents"), "contents")
    if not said:
        raise RejectedError("* GenerateContentRequest.contents: contents is not specified")
    turns = [_turn(each, f"contents[{number}]") for number, each in enumerate(said)]
    if (told := field(content, "systemInstruction")) is not None:
        system = _turn({**mapping(told, "system_instruction"), "role": "user"}, "system_instruction")
        turns.insert(0, Turn("system", system.text, system.images))
    return tuple(turns)


def _turn(content: Mapping[str, Any], where: str) -> Turn:
    role = string(content.get("role"), f"{where}.role")
    if role not in _ROLES:
        raise RejectedError("Please use a valid role: user, model.")
    texts, images = [], 0
    calls: list[ToolCall] = []
    results: list[ToolResult] = []
    for number, part in enumerate(objects(content.get("parts"), f"{where}.parts")):
        place = f"{where}.parts[{number}]"
        if part.get("text") is not None and part.get("thought") is not True:
            texts.append(string(part["text"], f"{place}.text"))
        images += _is_image(part, place)
        if (call := field(part, "functionCall")) is not None:
            calls.append(_call(mapping(call, f"{place}.function_call"), place))
        if (result := field(part, "functionResponse")) is not None:
            results.append(_result(mapping(result, f"{place}.function_response"), place))
    return Turn("tool" if results else _ROLES[role], " ".join(texts), images, tuple(calls), tuple(results))


def _is_image(part: Mapping[str, Any], where: str) -> bool:
    for name in ("inlineData", "fileData"):
        if (data := field(part, name)) is not None:
            kind = string(field(mapping(data, f"{where}.{name}"), "mimeType"), f"{where}.{name}.mime_type")
            return not kind or kind.startswith("image/")
    return False


def _call(call: Mapping[str, Any], where: str) -> ToolCall:
    name = string(call.get("name"), f"{where}.function_call.name")
    arguments = mapping(call.get("args"), f"{where}.function_call.args")
    return ToolCall(string(call.get("id"), f"{where}.function_call.id") or name, name, json.dumps(arguments))


def _result(result: Mapping[str, Any], where: str) -> ToolResult:
    name = string(result.get("name"), f"{where}.function_response.name")
    said = mapping(result.get("response"), f"{where}.function_response.response")
    values = list(said.values())
    text = values[0] if len(values) == 1 and isinstance(values[0], str) else json.dumps(said)
    return ToolResult(string(result.get("id"), f"{where}.function_response.id") or name, text)


def _tools(content: Mapping[str, Any]) -> tuple[tuple[Tool, ...], str]:
    offered = [
        _tool(each)
        for tool in objects(content.get("tools"), "tools")
        for each in objects(field(tool, "functionDeclarations"), "function_declarations")
    ]
    config = mapping(field(content, "toolConfig"), "tool_config")
    calling = mapping(field(config, "functionCallingConfig"), "function_calling_config")
    mode = string(calling.get("mode"), "function_calling_config.mode").upper()
    if mode not in _MODES:
        raise wrong("tool_config.function_calling_config.mode", "FunctionCallingConfig.Mode")
    allowed = field(calling, "allowedFunctionNames") or []
    if not isinstance(allowed, list) or not all(isinstance(each, str) for each in allowed):
        raise wrong("allowed_function_names", "a list of TYPE_STRING is expected")
    if unknown := [name for name in allowed if name not in {tool.name for tool in offered}]:
        raise RejectedError(f"Function calling config: allowed_function_names has no declaration of {unknown[0]!r}.")
    if allowed:
        offered = [tool for tool in offered if tool.name in allowed]
    choice = f":{allowed[0]}" if mode == "ANY" and len(allowed) == 1 else _MODES[mode]
    return tuple(offered), choice


def _tool(declaration: Mapping[str, Any]) -> Tool:
    name = string(declaration.get("name"), "function_declarations.name")
    if not name:
        raise RejectedError("* GenerateContentRequest.tools[0].function_declarations[0].name: must not be empty.")
    schema = field(declaration, "parametersJsonSchema")
    if schema is None:
        schema = field(declaration, "parameters")
    return Tool(name, {} if schema is None else lowered(schema))


def _schema(config: Mapping[str, Any]) -> dict[str, Any] | None:
    for name in ("responseJsonSchema", "_responseJsonSchema", "responseSchema"):
        if (schema := field(config, name)) is not None:
            return lowered(schema)
    kinds = [string(field(config, "responseMimeType"), "response_mime_type")]
    for each in objects(field(config, "responseFormat"), "response_format"):
        text = mapping(each.get("text"), "response_format.text")
        if (schema := text.get("schema")) is not None:
            return lowered(schema)
        kinds.append(string(field(text, "mimeType"), "response_format.text.mime_type"))
    return {} if {"application/json", "APPLICATION_JSON"}.intersection(kinds) else None
