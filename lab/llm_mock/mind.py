"""What the mock says where no rule says otherwise: the same to the same question, every time."""

import json
from collections.abc import Mapping
from typing import Any

from lab.llm_mock.answer import Answer, Call, input_tokens
from lab.llm_mock.instance import instance
from lab.llm_mock.question import Question, Tool

ECHO_LIMIT = 80  # characters of what was said that an answer repeats
SEARCHED = 16 * 1024  # characters of what was said in which tools are looked for by name
RESULTS_LIMIT = 400  # characters of what tools answered


def answer(question: Question) -> Answer:
    """Call a tool where one is offered and nobody has answered yet, fill a schema where one is given, else echo.

    Where a call is demanded, each tool is called once, so that agents which end with a call come to their end.
    """
    digest, asked = question.digest, input_tokens(question)
    if question.tools and (tool := _chosen(question)) is not None:
        call = Call(f"call_{digest[:24]}", tool.name, arguments(tool.schema, seed=digest))
        return Answer(digest, calls=(call,), finish="tool_calls", input_tokens=asked)
    if question.schema is None:
        return Answer(digest, echo(question), input_tokens=asked)
    value = instance(question.schema, seed=digest) if question.schema else {"answer": echo(question)}
    return Answer(digest, json.dumps(value), input_tokens=asked)


def arguments(schema: Mapping[str, Any], *, seed: str) -> str:
    """Return a tool's arguments as JSON text: always an object."""
    made = instance(schema, seed=seed)
    return json.dumps(made if isinstance(made, dict) else {})


def echo(question: Question) -> str:
    """Return a text that repeats the question, and what tools have just answered."""
    said = f"mock answer {question.digest[:8]} to: {(question.last_user or '')[:ECHO_LIMIT]}"
    if not question.has_results:
        return said
    results: list[str] = []
    for turn in reversed(question.turns):
        if not turn.results:
            break
        results[:0] = [result.text for result in turn.results]
    return f"{said} | tools answered: {'; '.join(results)[:RESULTS_LIMIT]}"


def _chosen(question: Question) -> Tool | None:
    choice = question.tool_choice
    if choice == "none" or (choice == "auto" and question.has_results):
        return None
    called = _called(question) if question.has_results else set()
    offered = [tool for tool in question.tools if tool.name not in called]
    if choice.startswith(":"):
        return next((tool for tool in offered if tool.name == choice[1:]), None)
    said = (question.last_user or "")[:SEARCHED]
    named = [tool for tool in offered if tool.name and tool.name in said]
    return max(named, key=lambda tool: len(tool.name)) if named else next(iter(offered), None)


def _called(question: Question) -> set[str]:
    """Return the tools that were called since the user spoke last."""
    called: set[str] = set()
    for turn in reversed(question.turns):
        if turn.role == "user" and not turn.results:
            break
        called.update(call.name for call in turn.calls)
    return called
