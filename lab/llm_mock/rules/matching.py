"""Whether conditions hold for a request."""

import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import field
from fnmatch import translate
from functools import lru_cache
from typing import Any

from lab.llm_mock.fixed import fixed
from lab.llm_mock.keys import own_keys
from lab.llm_mock.question import Question
from lab.llm_mock.rules.model import Match, TextTest
from lab.llm_mock.wire.base import Received, RejectedError

# No expression is tried on more characters of a client's text.
SEARCHED = 4096
SEARCH_SECONDS = 0.5
"""For which an expression may look at one text: what it then has not found it would not find in a lifetime."""


@fixed
class Subject:
    """What conditions are tried on."""

    provider: str = ""
    endpoint: str = ""
    model: str = ""
    system: str = ""
    user: str = ""
    texts: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    turn: int = 0
    stream: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[str, ...] = ()


def subject_of(received: Received, question: Question, names: Container[str]) -> Subject:
    """Return what a question and its request hold for the conditions of these names: to look for all takes time."""
    return Subject(
        provider=question.provider,
        endpoint=question.endpoint,
        model=question.model,
        system=question.system if "system" in names else "",
        user=(question.last_user or "") if "user" in names else "",
        texts=_texts(question) if "text" in names else (),
        tools=tuple(tool.name for tool in question.tools) if "tool" in names else (),
        results=_results(question) if "result" in names else (),
        turn=question.turn if "turn" in names else 0,
        stream=question.stream,
        headers=received.headers,
        keys=own_keys(received) if "key" in names else (),
    )


def _texts(question: Question) -> tuple[str, ...]:
    return (*(turn.text for turn in question.turns if turn.text), *question.inputs)


def _results(question: Question) -> tuple[str, ...]:
    return tuple(result.text for turn in question.turns for result in turn.results)


def looked_at(match: Match) -> tuple[str, ...]:
    """Return the names of the conditions that there are, without those of headers."""
    return tuple(name for name in CONDITIONS if getattr(match, name) is not None)


def matches(match: Match, subject: Subject, names: Iterable[str]) -> bool:
    """Whether all conditions hold; `names` are those that it has, by `looked_at`."""
    for name in names:
        if not CONDITIONS[name](getattr(match, name), subject):
            return False
    return match.header is None or next(_other_headers(match, subject), None) is None


def differences(match: Match, subject: Subject) -> Iterator[str]:
    """Give the name of each condition that does not hold."""
    for name, holds in CONDITIONS.items():
        wanted = getattr(match, name)
        if wanted is not None and not holds(wanted, subject):
            yield name
    yield from _other_headers(match, subject)


def _other_headers(match: Match, subject: Subject) -> Iterator[str]:
    for name, tests in (match.header or {}).items():
        if not _holds(tests, [subject.headers[name]] if name in subject.headers else []):
            yield f"header.{name}"


def named(patterns: Iterable[str], names: Iterable[str]) -> bool:
    """Whether one of the names fits one of the patterns."""
    return any(_glob(pattern).fullmatch(name) for pattern in patterns for name in names)


@lru_cache(maxsize=1024)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))


def _holds(tests: Iterable[TextTest], texts: Iterable[str]) -> bool:
    return any(_is_so(test, text) for test in tests for text in texts)


def _is_so(test: TextTest, text: str) -> bool:
    if test.how == "equals":
        return text == test.value
    if test.pattern is None:
        return test.value in text
    try:
        return test.pattern.search(text[:SEARCHED], timeout=SEARCH_SECONDS) is not None
    except TimeoutError:
        message = f"A rule's expression is too slow for this text: {test.value[:80]!r} took {SEARCH_SECONDS:g} s."
        raise RejectedError(message, status=500) from None


CONDITIONS: Mapping[str, Callable[[Any, Subject], bool]] = {
    "provider": lambda wanted, subject: subject.provider in wanted,
    "endpoint": lambda wanted, subject: named(wanted, [subject.endpoint]),
    "model": lambda wanted, subject: named(wanted, [subject.model]),
    "stream": lambda wanted, subject: subject.stream is wanted,
    "turn": lambda wanted, subject: subject.turn in wanted,
    "tool": lambda wanted, subject: named(wanted, subject.tools),
    "key": lambda wanted, subject: named(wanted, subject.keys),
    "system": lambda wanted, subject: _holds(wanted, [subject.system]),
    "user": lambda wanted, subject: _holds(wanted, [subject.user]),
    "text": lambda wanted, subject: _holds(wanted, subject.texts),
    "result": lambda wanted, subject: _holds(wanted, subject.results),
}
"""By a condition's name in a rule whether it holds; headers are looked at by their names."""
