"""Reading what Anthropic's clients ask: a body of /v1/messages, which Bedrock takes too."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from lab.llm_mock.question import Question, Role, Tool, ToolCall, ToolResult, Turn
from lab.llm_mock.wire.base import RejectedError
from lab.llm_mock.wire.checked import fingerprint, items, mapping, name, needed, text, whole_number

_ROLES: Mapping[Any, Role] = {"user": "user", "assistant": "assistant", "system": "system"}
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
# The provider runs these itself: no client can answer a call of one.
_SERVED = ("web_search", "web_fetch", "code_execution", "tool_search", "mcp_toolset", "advisor")
# The provider knows the schemas of these, and their clients do not send them.
_KNOWN = {
    "bash": {"type": "object", "properties": {"command": {"const": "true"}}, "required": ["command"]},
    "text_editor": {
        "type": "object",
        "properties": {"command": {"const": "view"}, "path": {"const": "/"}},
        "required": ["command", "path"],
    },
    "memory": {
        "type": "object",
        "properties": {"command": {"const": "view"}, "path": {"const": "/memories"}},
        "required": ["command", "path"],
    },
}
_LEAST_THINKING = 1024


def question(
    content: Mapping[str, Any], *, provider: str, endpoint: str, model: str, stream: bool, limited: bool = True
) -> Question:
    """Read a request for a message; `limited` where it has to say how many tokens it wants at most."""
    hashed = fingerprint({**content, "model": model})  # before anything else is written: it may be nested too deeply
    most = content.get("max_tokens")
    max_tokens = whole_number(most, "max_tokens", 0) if limited or most is not None else None
    tools = tuple(_tools(content.get("tools")))
    return Question(
        provider=provider,
        endpoint=endpoint,
        model=model,
        digest=hashed,
        stream=stream,
        turns=(*_system(content.get("system")), *_turns(content.get("messages"))),
        tools=tools,
        tool_choice=_tool_choice(content.get("tool_choice"), tools),
        schema=_schema(content),
        max_tokens=max_tokens,
        detail={"thinking": thinking(content, max_tokens)},
    )


def thinking(content: Mapping[str, Any], max_tokens: int | None) -> str | None:
    """Return how the client wants to see what the model thinks, summarized or omitted; None if not at all."""
    wanted = mapping(content.get("thinking"), "thinking")
    kind = wanted.get("type")
    if kind == "enabled":
        budget = whole_number(wanted.get("budget_tokens"), "thinking.enabled.budget_tokens", _LEAST_THINKING)
        if max_tokens is not None and budget >= max_tokens:
            raise RejectedError("`max_tokens` must be greater than `thinking.budget_tokens`.")
        if mapping(content.get("tool_choice"), "tool_choice").get("type") in {"any", "tool"}:
            raise RejectedError("Thinking may not be enabled when tool_choice forces tool use.")
    elif wanted and kind not in ("adaptive", "disabled", "between_tools"):
        raise RejectedError("thinking: Input tag found using 'type' does not match any of the expected tags")
    if kind not in ("enabled", "adaptive"):
        return None
    return "omitted" if wanted.get("display") == "omitted" else "summarized"


def _system(system: Any) -> Iterator[Turn]:
    if system is None or isinstance(system, str):
        said = system
    else:
        blocks = [needed(block, f"system.{at}") for at, block in enumerate(items(system, "system"))]
        said = " ".join(text(block.get("text"), f"system.{at}.text") for at, block in enumerate(blocks))
    if said:
        yield Turn("system", said)


def _turns(messages: Any) -> Iterator[Turn]:
    if messages is None:
        raise RejectedError("messages: Field required", param="messages")
    if not items(messages, "messages"):
        raise RejectedError("messages: at least one message is required", param="messages")
    for at, each in enumerate(messages):
        where = f"messages.{at}"
        message = needed(each, where)
        role = message.get("role")
        if not isinstance(role, str) or role not in _ROLES:
            raise RejectedError(f"{where}.role: Input should be 'user', 'assistant' or 'system'", param=where)
        yield _turn(_ROLES[role], message.get("content"), f"{where}.content")


def _turn(role: Role, content: Any, where: str) -> Turn:
    if isinstance(content, str):
        return Turn(role, content)
    if not isinstance(content, list):
        raise RejectedError(f"{where}: Input should be a valid string or list", param=where)
    blocks = [(needed(block, f"{where}.{at}"), f"{where}.{at}") for at, block in enumerate(content)]
    results = tuple(_result(block, place) for block, place in blocks if _is(block, place, "tool_result"))
    said, images = _said(blocks)
    calls = tuple(_call(block, place) for block, place in blocks if _is(block, place, "tool_use"))
    images += sum(
        _said([(part, place) for part in block["content"] if isinstance(part, dict)])[1]
        for block, place in blocks
        if block.get("type") == "tool_result" and isinstance(block.get("content"), list)
    )
    return Turn("tool" if results and not said else role, said, images, calls, results)


def _is(block: Mapping[str, Any], where: str, kind: str) -> bool:
    return text(block.get("type"), f"{where}.type") == kind


def _said(blocks: list[tuple[Mapping[str, Any], str]]) -> tuple[str, int]:
    """Return the text of blocks, and how many of them are images."""
    texts = [text(block.get("text"), f"{where}.text") for block, where in blocks if block.get("type") == "text"]
    return " ".join(texts), sum(block.get("type") == "image" for block, _ in blocks)


def _call(block: Mapping[str, Any], where: str) -> ToolCall:
    return ToolCall(
        name(block.get("id"), f"{where}.tool_use.id"),
        name(block.get("name"), f"{where}.tool_use.name"),
        json.dumps(mapping(block.get("input"), f"{where}.tool_use.input")),
    )


def _result(block: Mapping[str, Any], where: str) -> ToolResult:
    where = f"{where}.tool_result"
    id_, content = name(block.get("tool_use_id"), f"{where}.tool_use_id"), block.get("content")
    if isinstance(content, str):
        return ToolResult(id_, content)
    parts = [
        (needed(part, f"{where}.content.{at}"), f"{where}.content.{at}")
        for at, part in enumerate(items(content, f"{where}.content"))
    ]
    return ToolResult(id_, _said(parts)[0])


def _tools(tools: Any) -> Iterator[Tool]:
    for at, each in enumerate(items(tools, "tools")):
        tool = needed(each, f"tools.{at}")
        kind = text(tool.get("type") or "custom", f"tools.{at}.type")
        if kind.startswith(_SERVED) or ("name" not in tool and kind != "custom"):
            continue  # a set of tools has no name of its own
        called = name(tool.get("name"), f"tools.{at}.{kind}.name")
        if not _TOOL_NAME.fullmatch(called):
            raise RejectedError(f"tools.{at}.{kind}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
        known = next((schema for prefix, schema in _KNOWN.items() if kind.startswith(prefix)), {})
        where = f"tools.{at}.{kind}.input_schema"
        yield Tool(called, needed(tool.get("input_schema"), where) if kind == "custom" else known)


def _tool_choice(wanted: Any, tools: tuple[Tool, ...]) -> str:
    choice = mapping(wanted, "tool_choice")
    if not choice:
        return "auto"
    kind = text(choice.get("type"), "tool_choice.type")
    if kind != "tool":
        if kind not in _CHOICES:
            raise RejectedError("tool_choice: Input tag found using 'type' does not match any of the expected tags")
        return _CHOICES[kind]
    called = name(choice.get("name"), "tool_choice.tool.name")
    if called not in {tool.name for tool in tools}:
        raise RejectedError(f"Tool '{called}' not found in provided tools")
    return f":{called}"


def _schema(content: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the schema of `output_config.format`, or of `output_format`, its name while it was in beta."""
    config = mapping(content.get("output_config"), "output_config")
    where = "output_config.format" if config.get("format") is not None else "output_format"
    wanted = mapping(config.get("format") or content.get("output_format"), where)
    if not wanted:
        return None
    if wanted.get("type") != "json_schema":
        raise RejectedError(f"{where}.type: Input should be 'json_schema'")
    return needed(wanted.get("schema"), f"{where}.schema")
