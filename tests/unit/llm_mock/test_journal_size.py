"""The journal keeps to its size, read or not."""

import asyncio
from dataclasses import replace
from typing import Any
from weakref import ref

import pytest

from lab.llm_mock.answer import Answer, Call
from lab.llm_mock.decision import Decision
from lab.llm_mock.journal import AT_ONCE, Journal
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


def held(
    journal: Journal, headers: dict[str, str] | None = None, body: bytes = b"{}", times: int = 100, **begun: Any
) -> int:
    """Have a journal note requests that nobody reads, and return how many of them it still holds as they came."""
    watched = []
    for _ in range(times):
        asked = replace(received(body), headers=Headers(headers or {}))
        watched.append(ref(asked.headers))
        journal.begin(received=asked, provider="openai", **begun)
    del asked
    return sum(each() is not None for each in watched)


TALK = Question("openai", "chat", "m", "0" * 64)


@pytest.mark.parametrize(
    ("begun", "bytes_each"),
    [
        ({"headers": {"x-pad": "y" * 60_000}}, 60_000),
        ({"body": b"z" * 50_000}, 8 * 50_000),
        ({"question": replace(TALK, turns=(Turn("user", "x" * 900_000),))}, 10**9),  # it is described at once
        ({"question": replace(TALK, turns=(Turn("user", "\U0001f3af" * 50_000),))}, 4 * 50_000),
        ({"question": replace(TALK, turns=(Turn("tool", results=(ToolResult("1", "x" * 50_000),)),))}, 50_000),
        ({"question": replace(TALK, turns=(Turn("assistant", calls=(ToolCall("1", "f", "x" * 50_000),)),))}, 50_000),
        ({"question": replace(TALK, inputs=("x" * 50_000,))}, 50_000),
        ({"question": TALK, "decision": Decision(Answer("0" * 64, "x" * 200_000))}, 200_000),
        ({"question": TALK, "decision": Decision(Answer("0" * 64, calls=(Call("1", "f", "x" * 50_000),)))}, 50_000),
    ],
)
def test_what_nobody_reads_is_bounded_whatever_part_of_it_is_long(begun: dict[str, Any], bytes_each: int) -> None:
    assert held(Journal(lambda: 0.0, size=4_000_000), **begun) <= 4_000_000 // bytes_each


def test_a_journal_that_has_no_room_describes_the_oldest_until_some_are_dropped_and_drops_others_then() -> None:
    journal, body = Journal(lambda: 0.0, size=400_000), b'{"x": "%s"}' % (b"y" * 5000)
    for _ in range(40):
        journal.begin(received=received(body), provider="openai")
    assert journal.dropped == 0  # what is described of a body takes less than what was read of it
    assert held(journal, body=body) == len(journal) == 9
    assert [kept.entry.seq for kept in journal.records()] == list(range(132, 141))


def test_a_key_is_taken_out_of_what_was_said_before_it_was_sent_however_few_are_described_at_once() -> None:
    journal = Journal(lambda: 0.0)
    question = replace(TALK, turns=(Turn("user", "is sk-live-9876543210 good?"),))
    for _ in range(3 * AT_ONCE):
        journal.begin(received=received(b"{}"), provider="openai", question=question)
    keyed = replace(received(), headers={"authorization": "Bearer sk-live-9876543210"})
    journal.begin(received=keyed, provider="openai")
    asyncio.run(journal.settle())
    assert "9876543210" not in repr(journal.records())


def test_short_requests_are_noted_and_not_described_before_they_are_read() -> None:
    journal = Journal(lambda: 0.0)
    question = replace(TALK, turns=(Turn("user", "hello"),))
    assert held(journal, question=question, decision=Decision(Answer("0" * 64, "hi"))) == 100
    assert len(journal.records()) == 100


@pytest.mark.parametrize("body", [b"{}", b'{"x": "%s"}' % (b"y" * 500)])
def test_a_full_journal_describes_nothing_that_nobody_reads(body: bytes) -> None:
    """Otherwise each answer would wait for a description, for as long as the mock runs."""
    journal, question = Journal(lambda: 0.0, limit=100, size=300_000), replace(TALK, turns=(Turn("user", "hello"),))
    answer = Decision(Answer("0" * 64, "w" * 200))
    assert held(journal, body=body, times=1000, question=question, decision=answer) == len(journal) > 40


def test_others_have_their_turn_while_a_reader_is_served() -> None:
    async def turns() -> int:
        journal, taken = Journal(lambda: 0.0), 0
        for _ in range(10 * AT_ONCE):
            journal.begin(received=received(), provider="openai")
        reading = asyncio.ensure_future(journal.settle())
        while not reading.done():
            taken += 1
            await asyncio.sleep(0)
        return taken

    assert asyncio.run(turns()) >= 9
