"""The journal keeps to its size, read or not."""

from dataclasses import replace
from typing import Any
from weakref import ref

import pytest

from lab.llm_mock.answer import Answer, Call
from lab.llm_mock.decision import Decision
from lab.llm_mock.journal import Journal
from lab.llm_mock.question import Question, ToolCall, ToolResult, Turn
from lab.llm_mock.wire.base import Received


def received(body: bytes = b"{}") -> Received:
    return Received("POST", "/v1/chat/completions", {}, {}, body)


def test_the_journal_is_bounded_in_bytes_too() -> None:
    journal = Journal(lambda: 0.0, size=1_000_000)
    for number in range(50):
        journal.begin(received=received(b'{"x": "%s"}' % (b"y" * 100_000)), provider=f"p{number}")
    assert [entry.provider for entry in journal.after(0)] == [f"p{number}" for number in range(41, 50)]
    assert (len(journal), journal.dropped, journal.last_seq) == (9, 41, 50)
    for _ in range(1000):
        journal.begin(received=received(), provider="small")
    assert 100 < len(journal) < 1000


def test_a_request_that_alone_is_too_long_is_kept_until_the_next() -> None:
    journal = Journal(lambda: 0.0, size=100)
    for _ in range(2):
        journal.begin(received=received(), provider="openai")
    assert [entry.seq for entry in journal.after(0)] == [2]


class Headers(dict[str, str]):
    """Headers of which one can see whether they are still held."""


def held(journal: Journal, headers: dict[str, str] | None = None, body: bytes = b"{}", **begun: Any) -> int:
    """Have a journal note 100 requests that nobody reads, and return how many of them it still holds as they came."""
    watched = []
    for _ in range(100):
        asked = replace(received(body), headers=Headers(headers or {}))
        watched.append(ref(asked.headers))
        journal.begin(received=asked, provider="openai", **begun)
    del asked
    return sum(each() is not None for each in watched)


TALK = Question("openai", "chat", "m", "0" * 64)


@pytest.mark.parametrize(
    "begun",
    [
        {"headers": {"x-pad": "y" * 60_000}},
        {"headers": {"content-encoding": "gzip"}, "body": b"z" * 1000},
        {"question": replace(TALK, turns=(Turn("user", "x" * 900_000),))},
        {"question": replace(TALK, turns=(Turn("tool", results=(ToolResult("1", "x" * 50_000),)),))},
        {"question": replace(TALK, turns=(Turn("assistant", calls=(ToolCall("1", "f", "x" * 50_000),)),))},
        {"question": replace(TALK, inputs=("x" * 50_000,))},
        {"question": TALK, "decision": Decision(Answer("0" * 64, "x" * 200_000))},
        {"question": TALK, "decision": Decision(Answer("0" * 64, calls=(Call("1", "f", "x" * 50_000),)))},
    ],
)
def test_what_nobody_reads_is_bounded_whatever_part_of_it_is_long(begun: dict[str, Any]) -> None:
    assert held(Journal(lambda: 0.0, size=4_000_000), **begun) <= 20


def test_short_requests_are_noted_and_not_described_before_they_are_read() -> None:
    journal = Journal(lambda: 0.0)
    question = replace(TALK, turns=(Turn("user", "hello"),))
    assert held(journal, question=question, decision=Decision(Answer("0" * 64, "hi"))) == 100
    assert len(journal.records()) == 100
