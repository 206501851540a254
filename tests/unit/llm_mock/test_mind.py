import json
from typing import Any

from lab.llm_mock import mind
from lab.llm_mock.answer import input_tokens
from lab.llm_mock.question import Question, Tool, ToolCall, ToolResult, Turn

DIGEST = "0123456789abcdef" * 4
LOOKUP = Tool("lookup", {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})
FINISH = Tool("finish", {"type": "object", "properties": {"done": {"type": "boolean"}}, "required": ["done"]})


def asked(said: str = "what is up?", *turns: Turn, **more: Any) -> Question:
    return Question("openai", "chat", "m", DIGEST, turns=(Turn("user", said), *turns), **more)


def after(name: str) -> tuple[Turn, Turn]:
    """A call and its result."""
    return (
        Turn("assistant", calls=(ToolCall("call_1", name, "{}"),)),
        Turn("tool", results=(ToolResult("call_1", f"{name} says 42"),)),
    )


def called(question: Question) -> list[str]:
    answer = mind.answer(question)
    assert answer.finish == ("tool_calls" if answer.calls else "stop")
    assert all(isinstance(json.loads(call.arguments), dict) for call in answer.calls)
    return [call.name for call in answer.calls]


def test_what_was_said_is_echoed() -> None:
    answer = mind.answer(asked("x" * 200))
    assert answer.text == f"mock answer 01234567 to: {'x' * 80}"
    assert answer.input_tokens == input_tokens(asked("x" * 200)) == 2
    assert mind.answer(Question("openai", "chat", "m", DIGEST)).text == "mock answer 01234567 to: "


def test_an_offered_tool_is_called_the_one_that_is_named_before_the_first() -> None:
    tools = (LOOKUP, FINISH, Tool("finish_all"))
    assert called(asked(tools=tools)) == ["lookup"]
    assert called(asked("please finish", tools=tools)) == ["finish"]
    assert called(asked("please finish_all", tools=tools)) == ["finish_all"]
    assert called(asked("please finish", tools=tools, tool_choice=":lookup")) == ["lookup"]
    assert called(asked(tools=tools, tool_choice="none")) == []
    assert called(asked(tools=tools, tool_choice=":unknown")) == []


def test_what_tools_answered_ends_the_conversation_and_is_told() -> None:
    question = asked("hi", *after("lookup"), tools=(LOOKUP, FINISH))
    assert called(question) == []
    assert mind.answer(question).text == "mock answer 01234567 to: hi | tools answered: lookup says 42"
    together = asked("hi", *after("lookup"), Turn("user", results=(ToolResult("2", "and 43"),)))
    assert mind.answer(together).text.endswith("lookup says 42; and 43")


def test_where_calls_are_demanded_each_tool_is_called_once() -> None:
    first = after("lookup")
    assert called(asked("hi", *first, tools=(LOOKUP, FINISH), tool_choice="required")) == ["finish"]
    assert called(asked("hi", *first, *after("finish"), tools=(LOOKUP, FINISH), tool_choice="required")) == []
    assert called(asked("hi", *first, tools=(LOOKUP,), tool_choice=":lookup")) == []


def test_a_new_question_after_a_tool_s_result_calls_again() -> None:
    assert called(asked("hi", *after("lookup"), Turn("assistant", "42"), Turn("user", "and now?"), tools=(LOOKUP,)))


def test_a_schema_is_filled_and_any_object_holds_the_echo() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    assert json.loads(mind.answer(asked(schema=schema)).text)["n"] >= 0
    assert json.loads(mind.answer(asked("hi", schema={})).text) == {"answer": "mock answer 01234567 to: hi"}


def test_arguments_are_an_object_whatever_the_schema_says() -> None:
    for schema in ({}, {"type": "string"}, {"$ref": "#"}, {"description": "no more"}):
        assert isinstance(json.loads(mind.arguments(schema, seed=DIGEST)), dict)
