"""What a client of Ollama asks."""

import json
from collections.abc import Mapping
from typing import Any

from lab.llm_mock.question import Question, Role, Tool, ToolCall, ToolResult, Turn
from lab.llm_mock.wire.base import Received, RejectedError
from lab.llm_mock.wire.bounds import are_too_many
from lab.llm_mock.wire.openai_fields import hashed, mapping, objects, string, wrong

PROVIDER = "ollama"
LONGEST_VECTOR = 8192
_ROLES: Mapping[str, Role] = {
    "system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool",
}  # fmt: skip
_DELIVERY = ("stream", "keep_alive")


def chat(_received: Received, content: Mapping[str, Any], _words: Mapping[str, str]) -> Question:
    """Read a conversation."""
    name, digest = _model(content), _digest("chat", content)
    turns = tuple(_turn(each, f"messages[{n}]") for n, each in enumerate(objects(content.get("messages"), "messages")))
    tools = tuple(_tool(each) for each in objects(content.get("tools"), "tools"))
    return _spoken("chat", name, digest, content, turns, tools)


def generate(_received: Received, content: Mapping[str, Any], _words: Mapping[str, str]) -> Question:
    """Read a prompt."""
    name, digest = _model(content), _digest("generate", content)
    system, prompt = _text(content, "system"), _text(content, "prompt")
    images = _images(content, "images")
    turns = [Turn("system", system)] if system else []
    turns += [Turn("user", prompt, images)] if prompt or images else []
    return _spoken("generate", name, digest, content, tuple(turns), ())


def _spoken(
    endpoint: str, model: str, digest: str, content: Mapping[str, Any], turns: tuple[Turn, ...], tools: tuple[Tool, ...]
) -> Question:
    stream = content.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise wrong("stream", "a boolean")
    said = [turn for turn in turns if turn.role != "system"] if endpoint == "generate" else turns
    return Question(
        PROVIDER,
        endpoint,
        model,
        digest,
        stream=stream is not False,
        turns=turns,
        tools=tools,
        schema=_schema(content.get("format")),
        max_tokens=_limit(mapping(content.get("options"), "options").get("num_predict")),
        detail={"silent": _silence(content.get("keep_alive")) if not said else None},
    )


def embed(_received: Received, content: Mapping[str, Any], _words: Mapping[str, str]) -> Question:
    """Read texts that are to become vectors."""
    given = content.get("input")
    inputs = [given] if isinstance(given, str) else given or []
    if not isinstance(inputs, list) or not all(isinstance(each, str) for each in inputs):
        raise RejectedError("invalid input type")
    dimensions = content.get("dimensions") or None
    if dimensions is not None and (not isinstance(dimensions, int) or isinstance(dimensions, bool)):
        raise wrong("dimensions", "an integer")
    if dimensions is not None and not 0 < dimensions <= LONGEST_VECTOR:
        raise RejectedError(f"dimensions must be from 1 to {LONGEST_VECTOR}")
    model = _model(content)
    if are_too_many(len(inputs), dimensions, model):
        raise RejectedError("too many inputs")
    return Question(PROVIDER, "embed", model, _digest("embed", content), inputs=tuple(inputs), dimensions=dimensions)


def embedding(_received: Received, content: Mapping[str, Any], _words: Mapping[str, str]) -> Question:
    """Read one text that is to become a vector."""
    prompt = _text(content, "prompt")
    digest = _digest("embeddings", content)
    return Question(PROVIDER, "embeddings", _model(content), digest, inputs=(prompt,) if prompt else ())


def show(_received: Received, content: Mapping[str, Any], _words: Mapping[str, str]) -> Question:
    """Read which model is to be described; older clients name it `name`."""
    name = _model(content if content.get("model") else {"model": content.get("name")})
    return Question(PROVIDER, "show", name, _digest("show", content))


def nothing(received: Received, _content: Mapping[str, Any], _words: Mapping[str, str]) -> Question:
    """Read a request that says all with its path."""
    return Question(PROVIDER, received.path.rpartition("/")[2] or "root", "", _digest(received.path, {}))


def _digest(endpoint: str, content: Mapping[str, Any]) -> str:
    return hashed({**content, "/": endpoint}, delivery=_DELIVERY)


def _model(content: Mapping[str, Any]) -> str:
    name = content.get("model")
    if not isinstance(name, str) or not name:
        raise RejectedError("model is required")
    return name


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    return "" if value is None else string(value, name)


def _images(content: Mapping[str, Any], where: str) -> int:
    images = content.get("images") or []
    if not isinstance(images, list) or not all(isinstance(each, str) for each in images):
        raise wrong(where, "an array of strings")
    return len(images)


def _turn(message: Mapping[str, Any], where: str) -> Turn:
    role = _ROLES.get(string(message.get("role"), f"{where}.role"))
    if role is None:
        raise RejectedError(f"invalid role: {message['role']}")
    text = _text(message, "content")
    if role == "tool":
        name = _text(message, "tool_call_id") or _text(message, "tool_name") or _text(message, "name")
        return Turn(role, "", 0, (), (ToolResult(name, text),))
    calls = tuple(_call(each) for each in objects(message.get("tool_calls"), f"{where}.tool_calls"))
    return Turn(role, text, _images(message, f"{where}.images"), calls)


def _call(call: Mapping[str, Any]) -> ToolCall:
    function = mapping(call.get("function"), "tool_calls.function")
    name = _text(function, "name")
    arguments = mapping(function.get("arguments"), "tool_calls.function.arguments")
    return ToolCall(_text(call, "id") or name, name, json.dumps(arguments))


def _tool(tool: Mapping[str, Any]) -> Tool:
    function = mapping(tool.get("function"), "tools.function")
    if not function.get("name"):
        raise RejectedError("tools.function.name is required")
    name = string(function["name"], "tools.function.name")
    return Tool(name, mapping(function.get("parameters"), "tools.function.parameters"))


def _schema(wanted: Any) -> Mapping[str, Any] | None:
    if wanted is None or wanted == "":
        return None
    if wanted == "json":
        return {}
    if not isinstance(wanted, dict):
        raise RejectedError('invalid format: expected "json" or a JSON schema')
    return wanted


def _limit(number: Any) -> int | None:
    """Return how many tokens are wanted; 0 and less is no limit."""
    if number is None:
        return None
    if not isinstance(number, int) or isinstance(number, bool):
        raise RejectedError('option "num_predict" must be of type integer')
    return number if number > 0 else None


def _silence(keep_alive: Any) -> str:
    """Return what is done where nothing is said: the model is loaded, or put away."""
    # A tuple: what was sent may be a list, which has no place in a set.
    return "unload" if keep_alive in (0, "0", "0s", "0m") else "load"
