"""Bedrock's own form of a conversation, the same for all models; Nova takes and gives it as its own."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lab.llm_mock.answer import Answer, pieces
from lab.llm_mock.question import Question, Role, Tool, ToolCall, ToolResult, Turn
from lab.llm_mock.wire.anthropic_message import arguments, signature, stop_reason, thinking
from lab.llm_mock.wire.anthropic_request import thinking as read_thinking
from lab.llm_mock.wire.base import RejectedError
from lab.llm_mock.wire.checked import fingerprint, items, mapping, name, needed, text, whole_number
from lab.llm_mock.wire.cut import cut

_ROLES: Mapping[Any, Role] = {"user": "user", "assistant": "assistant", "system": "system"}
_LATENCY = 100  # milliseconds that are told, whatever they were
_MOST_IN_AN_ID = 64
Event = tuple[str, dict[str, Any], bool]


def question(content: Mapping[str, Any], *, endpoint: str, model: str, stream: bool) -> Question:
    """Read a request of Converse."""
    hashed = fingerprint({**content, "modelId": model})
    config = mapping(content.get("inferenceConfig"), "inferenceConfig")
    most = config.get("maxTokens", config.get("max_new_tokens"))
    max_tokens = None if most is None else whole_number(most, "inferenceConfig.maxTokens")
    tool_config = mapping(content.get("toolConfig"), "toolConfig")
    tools = tuple(_tools(tool_config.get("tools")))
    more = mapping(content.get("additionalModelRequestFields"), "additionalModelRequestFields")
    return Question(
        provider="bedrock",
        endpoint=endpoint,
        model=model,
        digest=hashed,
        stream=stream,
        turns=(*_system(content.get("system")), *_turns(content.get("messages"), model)),
        tools=tools,
        tool_choice=_tool_choice(tool_config.get("toolChoice"), tools),
        schema=_schema(content),
        max_tokens=max_tokens,
        detail={"thinking": read_thinking(more, max_tokens)},
    )


def message(asked: Question, answer: Answer) -> dict[str, Any]:
    """Return the answer of Converse."""
    answer = cut(asked, answer)
    content: list[dict[str, Any]] = []
    if (thought := thinking(asked)) is not None:
        content.append({"reasoningContent": {"reasoningText": {"text": thought, "signature": signature(asked)}}})
    if answer.text:
        content.append({"text": answer.text})
    content += [
        {"toolUse": {"toolUseId": tool_use_id(call.id), "name": call.name, "input": arguments(call)}}
        for call in answer.calls
    ]
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop_reason(answer),
        "usage": usage(answer),
        "metrics": {"latencyMs": _LATENCY},
    }


def events(asked: Question, answer: Answer) -> Iterator[Event]:
    """Give the events of ConverseStream: the name, the payload, and whether it carries a bit of the answer.

    Blocks of text have no start: clients refuse one that says nothing of a tool.
    """
    answer = cut(asked, answer)
    yield "messageStart", {"role": "assistant"}, False
    index = 0
    if (thought := thinking(asked)) is not None:
        for told in ({"text": thought}, {"signature": signature(asked)}):
            yield "contentBlockDelta", {"contentBlockIndex": index, "delta": {"reasoningContent": told}}, False
        yield "contentBlockStop", {"contentBlockIndex": index}, False
        index += 1
    if answer.text:
        for piece in answer.pieces:
            yield "contentBlockDelta", {"contentBlockIndex": index, "delta": {"text": piece}}, True
        yield "contentBlockStop", {"contentBlockIndex": index}, False
        index += 1
    for call in answer.calls:
        start = {"toolUse": {"toolUseId": tool_use_id(call.id), "name": call.name}}
        yield "contentBlockStart", {"contentBlockIndex": index, "start": start}, False
        for part in pieces(call.arguments):
            delta = {"toolUse": {"input": part}}
            yield "contentBlockDelta", {"contentBlockIndex": index, "delta": delta}, True
        yield "contentBlockStop", {"contentBlockIndex": index}, False
        index += 1
    yield "messageStop", {"stopReason": stop_reason(answer)}, False
    yield "metadata", {"usage": usage(answer), "metrics": {"latencyMs": _LATENCY}}, False


def usage(answer: Answer) -> dict[str, int]:
    """Return the counts of tokens."""
    total = answer.input_tokens + answer.output_tokens
    return {"inputTokens": answer.input_tokens, "outputTokens": answer.output_tokens, "totalTokens": total}


def tool_use_id(id_: str) -> str:
    """Return a call's id as Bedrock writes them."""
    return f"tooluse_{id_.removeprefix('call_')}"[:_MOST_IN_AN_ID]


def _system(system: Any) -> Iterator[Turn]:
    said = [text(block["text"], "system.text") for block, _ in _blocks(system, "system") if "text" in block]
    if said:
        yield Turn("system", " ".join(said))


def _turns(messages: Any, model: str) -> Iterator[Turn]:
    # A prompt that is kept at the provider may hold the whole conversation.
    if not items(messages, "messages") and ":prompt/" not in model:
        raise RejectedError("The messages field is required and has to hold a message.", param="messages")
    for each, where in _blocks(messages, "messages"):
        role = each.get("role")
        if not isinstance(role, str) or role not in _ROLES:
            raise RejectedError(f"Value at '{where}.role' failed to satisfy constraint: [user, assistant]")
        yield _turn(_ROLES[role], each.get("content"), f"{where}.content")


def _turn(role: Role, content: Any, where: str) -> Turn:
    blocks = _blocks(content, where)
    if not blocks:
        raise RejectedError(f"The content field at {where} is empty. Add a ContentBlock and try again.")
    said = " ".join(text(block["text"], f"{place}.text") for block, place in blocks if "text" in block)
    calls = tuple(_call(block["toolUse"], f"{place}.toolUse") for block, place in blocks if "toolUse" in block)
    results = tuple(
        _result(block["toolResult"], f"{place}.toolResult") for block, place in blocks if "toolResult" in block
    )
    images = sum("image" in block for block, _ in blocks)
    return Turn("tool" if results and not said else role, said, images, calls, results)


def _blocks(value: Any, where: str) -> list[tuple[Mapping[str, Any], str]]:
    return [(needed(block, f"{where}.{at}"), f"{where}.{at}") for at, block in enumerate(items(value, where))]


def _call(value: Any, where: str) -> ToolCall:
    block = needed(value, where)
    given = json.dumps(mapping(block.get("input"), f"{where}.input"))
    return ToolCall(name(block.get("toolUseId"), f"{where}.toolUseId"), name(block.get("name"), where), given)


def _result(value: Any, where: str) -> ToolResult:
    block = needed(value, where)
    said = []
    for part, place in _blocks(block.get("content"), f"{where}.content"):
        if "text" in part:
            said.append(text(part["text"], f"{place}.text"))
        elif "json" in part:
            said.append(json.dumps(part["json"]))
    return ToolResult(name(block.get("toolUseId"), f"{where}.toolUseId"), " ".join(said))


def _tools(tools: Any) -> Iterator[Tool]:
    for each, where in _blocks(tools, "toolConfig.tools"):
        if "toolSpec" in each:  # others are marks of a cache and tools that the provider runs
            spec = needed(each["toolSpec"], f"{where}.toolSpec")
            schema = mapping(spec.get("inputSchema"), f"{where}.toolSpec.inputSchema").get("json")
            yield Tool(name(spec.get("name"), f"{where}.toolSpec.name"), mapping(schema, f"{where}.inputSchema.json"))


def _tool_choice(wanted: Any, tools: tuple[Tool, ...]) -> str:
    choice = mapping(wanted, "toolConfig.toolChoice")
    if "tool" in choice:
        tool = needed(choice["tool"], "toolConfig.toolChoice.tool")
        called = name(tool.get("name"), "toolConfig.toolChoice.tool.name")
        if called not in {tool.name for tool in tools}:
            raise RejectedError(f"The tool {called} of toolConfig.toolChoice is not among toolConfig.tools.")
        return f":{called}"
    return "required" if "any" in choice else "auto"


def _schema(content: Mapping[str, Any]) -> Mapping[str, Any] | None:
    where = "outputConfig.textFormat"
    wanted = mapping(mapping(content.get("outputConfig"), "outputConfig").get("textFormat"), where)
    if not wanted:
        return None
    structure = needed(wanted.get("structure"), f"{where}.structure")
    written = text(needed(structure.get("jsonSchema"), f"{where}.jsonSchema").get("schema"), f"{where}.schema")
    try:
        schema = json.loads(written)
    except (ValueError, RecursionError):
        raise RejectedError(f"The schema of {where} is no JSON.") from None
    return needed(schema, f"{where}.schema")
