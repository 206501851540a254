"""Requests with one thing wrong, in every place."""

from collections.abc import Iterator, Mapping
from typing import Any

from lab.llm_mock.answer import Answer, Call
from lab.llm_mock.families import known
from lab.llm_mock.question import Question
from lab.llm_mock.wire.base import Received, RejectedError, parse, to_json

ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**80,
    1.5,
    "",
    "\ud800",
    [],
    [None],
    [7],
    [[]],
    [{}],
    {},
    {"type": 1},
    {"type": ["text"]},
)


def spoilt(value: Any) -> Iterator[Any]:
    """Give copies of a JSON value, in each of which one part is something odd."""
    yield from ODD
    if isinstance(value, dict):
        for name, part in value.items():
            yield from ({**value, name: each} for each in spoilt(part))
    elif isinstance(value, list):
        for at, part in enumerate(value):
            yield from ([*value[:at], each, *value[at + 1 :]] for each in spoilt(part))


def defects(family: str, path: str, content: Mapping[str, Any]) -> list[str]:
    """Say which of the spoilt requests are neither answered nor refused."""
    return [
        f"{type(error).__name__}: {error} for {each!r}"
        for each in spoilt(content)
        if isinstance(each, dict) and (error := _defect(family, path, each)) is not None
    ]


def _defect(family: str, path: str, content: dict[str, Any]) -> Exception | None:
    found = known(family).finder.find("POST", path)
    assert isinstance(found, tuple)
    endpoint, words = found
    try:
        question = endpoint.read(Received("POST", path, {}, {}, b""), parse(to_json(content)), words)
        answer = _answer(question)
        endpoint.whole(question, answer)
        if endpoint.stream is not None:
            list(endpoint.stream(question, answer).frames)
    except RejectedError:
        return None
    except Exception as error:  # noqa: BLE001, whatever it is it would end in a traceback
        return error
    return None


def _answer(question: Question) -> Answer:
    return Answer(question.digest, "some text", (Call("call_1", "lookup", '{"half": '),), "tool_calls", 3)
