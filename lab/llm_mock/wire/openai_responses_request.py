"""What a request to Responses asks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from lab.llm_mock.question import Question, ToolCall, ToolResult, Turn
from lab.llm_mock.wire.base import RejectedError
from lab.llm_mock.wire.openai_fields import (
    echoed,
    flag,
    hashed,
    mapping,
    missing,
    model,
    objects,
    string,
    whole_number,
    wrong,
)
from lab.llm_mock.wire.openai_messages import ROLES, said
from lab.llm_mock.wire.openai_tools import schema, tool_choice, tools

# What a response repeats of its request, and what it says where the request does not.
_REPEATED: Mapping[str, Any] = {
    "background": False, "instructions": None, "max_output_tokens": None, "max_tool_calls": None, "metadata": {},
    "parallel_tool_calls": True, "previous_response_id": None, "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None}, "safety_identifier": None, "store": True, "temperature": 1.0,
    "tool_choice": "auto", "tools": [], "top_logprobs": 0, "top_p": 1.0, "truncation": "disabled", "user": None,
}  # fmt: skip
# With one of these, calls and what was said before may be kept by the provider.
_ELSEWHERE = ("previous_response_id", "conversation", "prompt")


def read_response(provider: str, content: Mapping[str, Any]) -> Question:
    """Read a request; what was said before is not looked up."""
    name = model(content)
    offered = tools(content, flat=True)
    text = mapping(content.get("text"), "text")
    format_ = mapping(text.get("format"), "text.format")
    repeated = {key: content[key] if content.get(key) is not None else value for key, value in _REPEATED.items()}
    repeated["text"] = {**text, "format": format_ or {"type": "text"}}
    return Question(
        provider=provider,
        endpoint="responses",
        model=name,
        digest=hashed(content),
        stream=flag(content, "stream"),
        turns=_turns(content),
        tools=offered,
        tool_choice=tool_choice(content, offered),
        schema=schema(format_, "text.format"),
        max_tokens=whole_number(content, "max_output_tokens"),
        detail={"echo": echoed(repeated)},
    )


def _turns(content: Mapping[str, Any]) -> tuple[Turn, ...]:
    turns: list[Turn] = []
    if content.get("instructions") is not None:
        turns.append(Turn("system", said(content["instructions"], "instructions")[0]))
    asked = content.get("input")
    kept_elsewhere = any(content.get(name) is not None for name in _ELSEWHERE)
    if asked is None and not kept_elsewhere:
        raise missing("input")
    if isinstance(asked, str):
        return (*turns, Turn("user", asked))
    items = objects(asked, "input")
    read = [turn for number, item in enumerate(items) if (turn := _turn(item, f"input[{number}]")) is not None]
    turns += _joined(read)
    if not kept_elsewhere and not any(item.get("type") == "item_reference" for item in items):
        _check_calls(turns)
    return tuple(turns)


def _joined(read: Iterable[Turn]) -> list[Turn]:
    """Make one turn of all that the model said in one go."""
    turns: list[Turn] = []
    for spoken, each in groupby(read, lambda turn: turn.role == "assistant"):
        run = list(each)
        if spoken and len(run) > 1:
            calls = tuple(call for turn in run for call in turn.calls)
            run = [replace(run[0], text=_text([turn.text for turn in run]), calls=calls)]
        turns += run
    return turns


def _text(said: Sequence[str]) -> str:
    """Join texts by spaces, but leave out those that say nothing."""
    parts = [said[0]]
    for text in said[1:]:
        if not text.strip():
            parts[-1] = parts[-1].rstrip()
        elif not parts[-1].strip():
            parts = [text.strip()]
        else:
            parts.append(text.rstrip())
    return " ".join(parts).strip()


def _turn(item: Mapping[str, Any], where: str) -> Turn | None:
    kind = item.get("type", "message")
    if not isinstance(kind, str):
        raise wrong(f"{where}.type", "a string")
    if kind == "message":
        role = item.get("role")
        if not isinstance(role, str) or role not in ROLES or role == "tool":
            expected = "one of 'assistant', 'system', 'developer', and 'user'"
            raise wrong(f"{where}.role", expected)
        return Turn(ROLES[role], *said(item.get("content"), f"{where}.content"))
    if kind in ("function_call", "custom_tool_call"):
        arguments = item.get("arguments" if kind == "function_call" else "input", "")
        call = ToolCall(
            string(item.get("call_id"), f"{where}.call_id"),
            string(item.get("name"), f"{where}.name"),
            string(arguments, f"{where}.arguments"),
        )
        return Turn("assistant", calls=(call,))
    if kind in ("function_call_output", "custom_tool_call_output"):
        text, _ = said(item.get("output"), f"{where}.output")
        return Turn("tool", results=(ToolResult(string(item.get("call_id"), f"{where}.call_id"), text),))
    return None  # reasoning, references, and what the provider's own tools did


def _check_calls(turns: Sequence[Turn]) -> None:
    """Compare all calls with all results, as the provider does."""
    made = {call.id for turn in turns for call in turn.calls}
    answered = {result.id for turn in turns for result in turn.results}
    if surplus := sorted(answered - made):
        message = f"No tool call found for function call output with call_id {surplus[0]}."
        raise RejectedError(message, param="input")
    if open_calls := sorted(made - answered):
        raise RejectedError(f"No tool output found for function call {open_calls[0]}.", param="input")
