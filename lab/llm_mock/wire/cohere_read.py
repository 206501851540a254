"""What a client of Cohere asks."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from lab.llm_mock.question import Question, Role, Tool, ToolCall, ToolResult, Turn
from lab.llm_mock.wire.base import Received, RejectedError
from lab.llm_mock.wire.openai_fields import flag, hashed, mapping, objects, string, whole_number, wrong

PROVIDER = "cohere"
LONGEST_VECTOR = 4096
MOST_INPUTS = 96
MOST_DOCUMENTS = 10_000
MOST_LETTERS = 65_536
EMBEDDING_TYPES = ("float", "int8", "uint8", "binary", "ubinary", "base64")
_ROLES: Mapping[str, Role] = {
    "system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool",
}  # fmt: skip
_CHOICES = {"": "auto", "REQUIRED": "required", "NONE": "none", "AUTO": "auto"}


def chat(received: Received, content: Mapping[str, Any], _words: Mapping[str, str]) -> Question:
    """Read a conversation; who accepts JSON and no events gets a stream of lines."""
    name, digest = _model(content), _digest("chat", content)
    messages = objects(content.get("messages"), "messages")
    if not messages:
        raise RejectedError("invalid request: messages must be a non-empty array.")
    accepted = received.headers.get("accept", "")
    return Question(
        PROVIDER,
        "chat",
        name,
        digest,
        stream=flag(content, "stream"),
        turns=tuple(_turn(each, f"messages[{number}]") for number, each in enumerate(messages)),
        tools=tuple(_tool(each) for each in objects(content.get("tools"), "tools")),
        tool_choice=_choice(content),
        schema=_schema(mapping(content.get("response_format"), "response_format")),
        max_tokens=whole_number(content, "max_tokens", 0) or None,
        detail={"lines": "application/json" in accepted and "text/event-stream" not in accepted},
    )


def embed(_received: Received, content: Mapping[str, Any], _words: Mapping[str, str]) -> Question:
    """Read texts or images that are to become vectors; an image is the text of its address."""
    name, digest = _model(content), _digest("embed", content)
    inputs = _inputs(content)
    if not 0 < len(inputs) <= MOST_INPUTS:
        raise RejectedError(f"invalid request: from 1 to {MOST_INPUTS} inputs must be given, got {len(inputs)}.")
    wanted = _strings(content.get("embedding_types"), "embedding_types") or ["float"]
    if unknown := [each for each in wanted if each not in EMBEDDING_TYPES]:
        raise RejectedError(f"invalid request: '{unknown[0]}' is no valid embedding type.")
    dimensions = whole_number(content, "output_dimension")
    if dimensions is not None and (dimensions > LONGEST_VECTOR or dimensions % 8):
        raise RejectedError(f"invalid request: output_dimension must be a multiple of 8 up to {LONGEST_VECTOR}.")
    detail = {"types": tuple(dict.fromkeys(wanted)), "texts": _strings(content.get("texts"), "texts")}
    return Question(PROVIDER, "embed", name, digest, inputs=tuple(inputs), dimensions=dimensions, detail=detail)


def _inputs(content: Mapping[str, Any]) -> list[str]:
    inputs = _strings(content.get("texts"), "texts") + _strings(content.get("images"), "images")
    for number, each in enumerate(objects(content.get("inputs"), "inputs")):
        texts, _ = _content(each.get("content"), f"inputs[{number}].content")
        addresses = [_address(part) for part in objects(each.get("content"), "inputs") if "image_url" in part]
        inputs.append(" ".join([*texts, *addresses]))
    return inputs


def rerank(_received: Received, content: Mapping[str, Any], _words: Mapping[str, str]) -> Question:
    """Read documents that are to be ranked; the query is the last of the inputs."""
    name, digest = _model(content), _digest("rerank", content)
    documents = content.get("documents")
    if not isinstance(documents, list) or not 0 < len(documents) <= MOST_DOCUMENTS:
        raise RejectedError(f"invalid request: from 1 to {MOST_DOCUMENTS} documents must be given.")
    texts = [_document(each) for each in documents]
    query = string(content.get("query"), "query")
    detail = {
        "top": whole_number(content, "top_n") or len(texts),
        "documents": flag(content, "return_documents"),
    }
    return Question(PROVIDER, "rerank", name, digest, inputs=(*texts, query), detail=detail)


def tokenize(_received: Received, content: Mapping[str, Any], _words: Mapping[str, str]) -> Question:
    """Read a text that is to be cut into tokens."""
    name, digest = _model(content), _digest("tokenize", content)
    text = string(content.get("text"), "text")
    if not 0 < len(text) <= MOST_LETTERS:
        raise RejectedError(f"invalid request: text must have from 1 to {MOST_LETTERS} characters.")
    return Question(PROVIDER, "tokenize", name, digest, inputs=(text,))


def models(received: Received, _content: Mapping[str, Any], _words: Mapping[str, str]) -> Question:
    """Read a request for the list of models, or for those of one endpoint."""
    wanted = received.query.get("endpoint", "")
    return Question(PROVIDER, "models", "", _digest("models", {"endpoint": wanted}), detail={"endpoint": wanted})


def model(_received: Received, _content: Mapping[str, Any], words: Mapping[str, str]) -> Question:
    """Read a request for one model."""
    name = unquote(words["model"])
    return Question(PROVIDER, "model", name, _digest("model", {"model": name}))


def _digest(endpoint: str, content: Mapping[str, Any]) -> str:
    return hashed({**content, "/": endpoint}, delivery=("stream",))


def _model(content: Mapping[str, Any]) -> str:
    name = content.get("model")
    if not isinstance(name, str) or not name:
        raise RejectedError("invalid request: model is required.")
    return name


def _strings(value: Any, where: str) -> list[str]:
    value = value or []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise wrong(where, "an array of strings")
    return value


def _document(document: Any) -> str:
    if isinstance(document, str):
        return document
    if not isinstance(document, dict):
        raise wrong("documents", "strings or objects")
    return " ".join(each for each in document.values() if isinstance(each, str))


def _turn(message: Mapping[str, Any], where: str) -> Turn:
    role = _ROLES.get(string(message.get("role"), f"{where}.role").lower())
    if role is None:
        raise RejectedError(f"invalid request: {where}.role must be one of system, user, assistant, tool.")
    texts, images = _content(message.get("content"), f"{where}.content")
    if role == "tool":
        call = string(message.get("tool_call_id"), f"{where}.tool_call_id")
        return Turn(role, results=(ToolResult(call, " ".join(texts)),))
    calls = tuple(_call(each, f"{where}.tool_calls") for each in objects(message.get("tool_calls"), f"{where}.calls"))
    return Turn(role, " ".join(texts), images, calls)


def _content(content: Any, where: str) -> tuple[Sequence[str], int]:
    """Return the texts of a message, and how many images it has."""
    if isinstance(content, str):
        return [content], 0
    texts, images = [], 0
    for part in objects(content, where):
        if part.get("type") == "image_url" or "image_url" in part:
            images += 1
        elif part.get("type") == "document":
            texts.append(_document(mapping(part.get("document"), where).get("data", "")))
        elif part.get("type") != "thinking":
            texts.append(string(part.get("text"), f"{where}.text"))
    return texts, images


def _address(part: Mapping[str, Any]) -> str:
    address = part["image_url"]
    return string(address if isinstance(address, str) else mapping(address, "image_url").get("url"), "image_url.url")


def _call(call: Mapping[str, Any], where: str) -> ToolCall:
    function = mapping(call.get("function"), f"{where}.function")
    name = string(function.get("name"), f"{where}.function.name")
    arguments = string(function.get("arguments", "{}"), f"{where}.function.arguments")
    return ToolCall(string(call.get("id", name), f"{where}.id"), name, arguments)


def _tool(tool: Mapping[str, Any]) -> Tool:
    function = mapping(tool.get("function"), "tools.function")
    name = string(function.get("name"), "tools.function.name")
    if not name:
        raise RejectedError("invalid request: tools.function.name must not be empty.")
    return Tool(name, mapping(function.get("parameters"), "tools.function.parameters"))


def _choice(content: Mapping[str, Any]) -> str:
    choice = content.get("tool_choice")
    named = string("" if choice is None else choice, "tool_choice").upper()
    if named not in _CHOICES:
        raise RejectedError("invalid request: tool_choice must be REQUIRED or NONE.")
    if named == "REQUIRED" and not content.get("tools"):
        raise RejectedError("invalid request: tool_choice REQUIRED needs tools.")
    return _CHOICES[named]


def _schema(wanted: Mapping[str, Any]) -> Mapping[str, Any] | None:
    kind = wanted.get("type", "text")
    if kind == "text":
        return None
    if kind != "json_object":
        raise RejectedError("invalid request: response_format.type must be text or json_object.")
    return mapping(wanted.get("json_schema") or wanted.get("schema"), "response_format.json_schema")
