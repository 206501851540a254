"""The tools and the form of an answer that a request in OpenAI's manner asks for."""

from collections.abc import Mapping, Sequence
from typing import Any

from lab.llm_mock.question import Tool
from lab.llm_mock.wire.base import RejectedError
from lab.llm_mock.wire.openai_fields import mapping, objects, string, wrong

_WORDS = {"auto": "auto", "none": "none", "required": "required", "any": "required"}


def tools(content: Mapping[str, Any], *, flat: bool = False) -> tuple[Tool, ...]:
    """Return the functions offered; tools that the provider runs by itself are none of them.

    A function is described under "function", or, where `flat`, in the tool itself.
    """
    offered = []
    for number, tool in enumerate(objects(content.get("tools"), "tools")):
        if tool.get("type", "function") != "function":
            continue
        where = f"tools[{number}]" if flat else f"tools[{number}].function"
        function = tool if flat else mapping(tool.get("function"), where)
        name = string(function.get("name"), f"{where}.name")
        if not name:
            raise wrong(f"{where}.name", "a string that is not empty")
        offered.append(Tool(name, mapping(function.get("parameters"), f"{where}.parameters")))
    return tuple(offered)


def tool_choice(content: Mapping[str, Any], offered: Sequence[Tool]) -> str:
    """Return auto, none, required, or the name of an offered tool after a colon."""
    choice = content.get("tool_choice")
    if choice is None:
        return "auto"
    if isinstance(choice, str):
        if choice not in _WORDS:
            raise _refused(f"Invalid value: '{choice[:80]}'. Supported values are: 'none', 'auto', and 'required'.")
        chosen = _WORDS[choice]
    else:
        chosen = _named(mapping(choice, "tool_choice"))
    if chosen in ("auto", "none") or content.get("tools"):
        if chosen.startswith(":") and chosen[1:] not in {tool.name for tool in offered}:
            raise _refused(f"Tool choice '{chosen[1:81]}' not found in 'tools' parameter.")
        return chosen
    raise _refused("Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.")


def _named(choice: Mapping[str, Any]) -> str:
    kind = choice.get("type", "function")
    if kind == "allowed_tools":
        allowed = mapping(choice.get("allowed_tools", choice), "tool_choice.allowed_tools")
        return "required" if allowed.get("mode") == "required" else "auto"
    if kind != "function":
        return "auto"
    if "function" in choice:
        function = mapping(choice["function"], "tool_choice.function")
        return ":" + string(function.get("name"), "tool_choice.function.name")
    return ":" + string(choice.get("name"), "tool_choice.name")


def _refused(message: str) -> RejectedError:
    return RejectedError(message, param="tool_choice", code="invalid_value")


def schema(wanted: Any, where: str) -> Mapping[str, Any] | None:
    """Return the schema of `response_format` or of Responses' flat `text.format`; None is free text."""
    form = mapping(wanted, where)
    kind = form.get("type", "text")
    if kind == "json_object":
        return {"type": "object"}
    if kind == "json_schema":
        inner = mapping(form["json_schema"], f"{where}.json_schema") if "json_schema" in form else form
        return mapping(inner.get("schema", inner.get("schema_definition")), f"{where}.schema")
    if kind != "text":
        raise RejectedError(f"Invalid value for '{where}.type'.", param=f"{where}.type", code="invalid_value")
    return None
