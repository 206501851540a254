"""The conversation in a request for a chat completion."""

from collections.abc import Mapping, Sequence
from typing import Any

from lab.llm_mock.question import Role, ToolCall, ToolResult, Turn
from lab.llm_mock.wire.base import RejectedError
from lab.llm_mock.wire.openai_fields import mapping, missing, objects, string, wrong

ROLES: Mapping[str, Role] = {
    "system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool",
    "function": "tool",
}  # fmt: skip
_IMAGES = ("image_url", "input_image")


def turns(content: Mapping[str, Any]) -> tuple[Turn, ...]:
    """Return the turns; raises RejectedError where a tool answers a call that was not made, or a call none."""
    if "messages" not in content:
        raise missing("messages")
    messages = objects(content["messages"], "messages")
    if not messages:
        raise RejectedError("Invalid 'messages': empty array.", param="messages", code="empty_array")
    read = tuple(_turn(message, f"messages[{number}]") for number, message in enumerate(messages))
    _check_calls(messages, read)
    return read


def said(value: Any, where: str) -> tuple[str, int]:
    """Return the text of a content, a string or a list of parts, and how many images stand in it."""
    if isinstance(value, str):
        return value, 0
    if not isinstance(value, list):
        raise wrong(where, "one of a string or array of objects")
    texts, images = [], 0
    for number, part in enumerate(value):
        if isinstance(part, str):
            texts.append(part)
            continue
        if not isinstance(part, dict):
            raise wrong(f"{where}[{number}]", "an object")
        text = part.get("text", part.get("refusal"))
        if text is not None:
            texts.append(string(text, f"{where}[{number}].text"))
        images += part.get("type") in _IMAGES
    return " ".join(texts), images


def _turn(message: Mapping[str, Any], where: str) -> Turn:
    name = message.get("role")
    if not isinstance(name, str):
        raise wrong(f"{where}.role", "a string")
    if name not in ROLES:
        raise RejectedError(f"Invalid value: '{name[:80]}'.", param=f"{where}.role", code="invalid_value")
    role = ROLES[name]
    value = message.get("content")
    if value is None and role == "assistant":
        text, images = "", 0
    else:
        text, images = said(value, f"{where}.content")
    if role == "tool":
        answered = message.get("tool_call_id", message.get("name"))
        return Turn(role, results=(ToolResult(string(answered, f"{where}.tool_call_id"), text),))
    return Turn(role, text, images, calls=_calls(message, where) if role == "assistant" else ())


def _calls(message: Mapping[str, Any], where: str) -> tuple[ToolCall, ...]:
    calls = []
    for number, call in enumerate(objects(message.get("tool_calls"), f"{where}.tool_calls")):
        at = f"{where}.tool_calls[{number}]"
        kind = "custom" if call.get("type") == "custom" else "function"
        function = mapping(call.get(kind), f"{at}.{kind}")
        arguments = function.get("input" if kind == "custom" else "arguments", "")
        calls.append(
            ToolCall(
                string(call.get("id"), f"{at}.id"),
                string(function.get("name"), f"{at}.{kind}.name"),
                string(arguments, f"{at}.{kind}.arguments"),
            )
        )
    return tuple(calls)


def _check_calls(messages: Sequence[Mapping[str, Any]], read: Sequence[Turn]) -> None:
    """Compare the calls with the answers that follow them at once, as the provider does."""
    open_calls: set[str] = set()
    answerable: set[str] = set()
    for number, turn in enumerate(read):
        if turn.role == "tool":
            if messages[number]["role"] == "tool" and turn.results[0].id not in answerable:
                raise RejectedError(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceding message with"
                    " 'tool_calls'.",
                    param=f"messages.[{number}].role",
                )
            open_calls.discard(turn.results[0].id)
            continue
        _check_answered(open_calls, number)
        open_calls = {call.id for call in turn.calls}
        answerable = set(open_calls)
    _check_answered(open_calls, len(read))


def _check_answered(open_calls: set[str], number: int) -> None:
    if open_calls:
        raise RejectedError(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each"
            " 'tool_call_id'. The following tool_call_ids did not have response messages:"
            f" {', '.join(sorted(open_calls))}",
            param=f"messages.[{number}].role",
        )
