"""What a product's answer claims: that the model said something, or that it failed."""

from dataclasses import dataclass
from typing import Any, Literal

from lab.jsonpath import look_up, same
from lab.lifecycle.event_stream import Event, events_of
from lab.lifecycle.http import HttpResult
from lab.product.actions import Answer
from lab.product.llm import LlmRequest

Claim = Literal["answer", "failure", "late", "neither"]
"""`late`: no complete answer in time; `neither`: not what the definition says of an answer, nor of a failure."""
EXCERPT = 200


@dataclass(frozen=True)
class Said:
    """What the product said; the text is empty where the answer shows none."""

    claim: Claim
    text: str = ""
    problem: str = ""
    """Why it is no answer."""
    broken: bool = False
    """Whether the connection or the stream broke off: of a product that had ended, this is no word of a failure."""


def read_answer(result: HttpResult, asked: LlmRequest, failure: Answer, *, late: bool) -> Said:
    """Understand an answer to a request that makes the product ask a model; `late` if its time was over."""
    if late:
        return Said("late", problem=result.error)
    if asked.events is not None:
        return _streamed(result, asked, failure)
    problem = result.problem(asked.expect)
    if not problem:
        return Said("answer", _text(look_up(result.json, asked.text) if asked.text else None))
    if not result.problem(failure):
        return Said("failure", problem=problem)
    return Said("neither", problem=problem, broken=result.status is None)


def _streamed(result: HttpResult, asked: LlmRequest, failure: Answer) -> Said:
    """Understand a stream: its end mark makes it an answer; a failure is told, or is its breaking off once begun."""
    if result.status is not None and (result.error or result.status not in asked.expect.status):
        # It was refused; or it was read as far as the lab reads, and had no end.
        return Said("neither" if result.problem(failure) else "failure", problem=result.problem(asked.expect))
    mark = str(asked.ends_with)
    events = [each for each in events_of(result.body, asked.events or "sse") if _counts(each, asked, mark)]
    if not events:
        return _without_events(result, failure)
    text = "".join(_text(look_up(each.value, asked.text)) for each in events if asked.text)
    if told := next((each for each in events if _tells_failure(each, failure)), None):
        return Said("failure", text, f"the stream told of a failure: {told.data[:EXCERPT]}")
    ended = any(_is_end(each, mark) for each in events)
    if broken := result.error or ("" if ended else f"the stream ended without its end mark '{mark}'"):
        return Said("failure", text, broken, broken=True)
    missing = [path for path, value in asked.expect.json_values.items() if not _found(events, path, value)]
    if missing:
        return Said("neither", text, f"no event of the stream has what is promised at {missing[0]}")
    return Said("answer", text)


def _without_events(result: HttpResult, failure: Answer) -> Said:
    """Understand an answer that never became a stream: it may tell of a failure as whole answers do."""
    told = bool(failure.json_values) and not result.problem(failure)
    problem = result.error or f"an answer without any event: {result.excerpt(EXCERPT) or 'it is empty'}"
    return Said("failure" if told else "neither", problem=problem, broken=result.status is None)


def _counts(event: Event, asked: LlmRequest, mark: str) -> bool:
    """Whether it is an event at all: a line that is no JSON, as of a page of HTML, is none, but for the end mark."""
    return asked.events == "sse" or event.value is not None or event.data == mark


def _tells_failure(event: Event, failure: Answer) -> bool:
    """Whether it is an error to every reader of streams, or has all values by which the definition knows a failure."""
    if event.name == "error" or (isinstance(event.value, dict) and event.value.get("error")):
        return True
    wanted = failure.json_values
    return bool(wanted) and all(_found([event], path, value) for path, value in wanted.items())


def _is_end(event: Event, mark: str) -> bool:
    return mark in (event.data, event.value) or bool(look_up(event.value, mark))


def _found(events: list[Event], path: str, value: Any) -> bool:
    """Whether an event has a value at a path, or all of them together a text in parts."""
    told = [look_up(event.value, path) for event in events]
    return any(same(each, value) for each in told) or (bool(value) and "".join(map(_text, told)) == value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
