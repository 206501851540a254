"""How a conversation with tools goes on until the model answers in words."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from reference_agents.llm.conversation import Call, LlmError, Message, Question, Reply, Result
from reference_agents.tools import Output, call_tool

ROUNDS = 5


@dataclass(frozen=True)
class Outcome:
    """The answer in words, and what was called on the way; arguments that do not fit are as the model wrote them."""

    text: str
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    tool_outputs: list[dict[str, Any]] = field(default_factory=list)


async def outcome_of(question: Question, ask: Callable[[Question], Awaitable[Reply]]) -> Outcome:
    """Ask, run what the model calls and tell it the outputs, at most 5 rounds, or raise LlmError.

    Without tools on offer the calls are reported and none is made.
    """
    calls: list[dict[str, Any]] = []
    outputs: list[dict[str, Any]] = []
    for _ in range(ROUNDS):
        reply = await ask(question)
        if not reply.calls or not question.tools:
            calls += [_shown(call, None) for call in reply.calls]
            return Outcome(_clean(reply.text), calls, outputs)
        made = [(call, call_tool(question.tools, call.name, call.arguments)) for call in reply.calls]
        calls += [_shown(call, output) for call, output in made]
        outputs += [{"tool_name": _clean(call.name), "output": _clean(output.text)} for call, output in made]
        question = replace(question, messages=(*question.messages, *_told(reply, made)))
    raise LlmError(f"the model still calls tools after {ROUNDS} rounds")


def _told(reply: Reply, made: list[tuple[Call, Output]]) -> tuple[Message, Message]:
    results = tuple(Result(call, output.text, output.failed) for call, output in made)
    return Message("assistant", reply.text, calls=reply.calls), Message("tool", results=results)


def _shown(call: Call, output: Output | None) -> dict[str, Any]:
    fits = output is not None and output.arguments is not None
    return {"tool_name": _clean(call.name), "args": output.arguments if fits else _clean(call.arguments)}


def _clean(text: str) -> str:
    # Half of a surrogate pair can be written in JSON, but neither stored nor answered.
    return text.encode("utf-8", "replace").decode("utf-8")
