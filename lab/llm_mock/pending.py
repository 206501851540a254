"""A request that was noted, and is described when somebody reads the journal."""

from dataclasses import dataclass, replace

from lab.llm_mock.decision import Decision
from lab.llm_mock.entry import BASE_WEIGHT, Outcome, Record
from lab.llm_mock.fixed import fixed
from lab.llm_mock.question import Question
from lab.llm_mock.wire.base import Received

HEAVY = 512 * 1024  # bytes: what weighs more is described at once, which bounds it
_COPIES = 8  # bytes for one of a body: itself, what was read of it, and what was made of that
_WIDEST = 4  # bytes for a character of a text that is not ASCII
_REFUSED = 400  # from this status on, nothing of the answer was said


@fixed
class End:
    """How a request ended; `faults` None are all that were decided on."""

    status: int | None
    finished: float
    outcome: Outcome
    pieces: int | None
    faults: tuple[str, ...] | None
    error: str | None


@dataclass(slots=True)
class Pending:
    """What a description is made of."""

    seq: int
    at: float
    path: str
    received: Received
    provider: str
    endpoint: str | None
    question: Question | None
    decision: Decision | None
    weight: int
    end: End | None = None


def weight_of(received: Received, path: str, question: Question | None, decision: Decision | None) -> int:
    """Return about how many bytes a request keeps: this is done for each, so that it only adds up lengths."""
    headers, query = received.headers, received.query
    weight = BASE_WEIGHT + _COPIES * len(received.body)
    # Headers and query are ASCII, or Latin-1: a byte for a character, and of a path that is so, too.
    weight += len(path) + sum(map(len, headers)) + sum(map(len, headers.values()))
    if query:
        weight += _WIDEST * (sum(map(len, query)) + sum(map(len, query.values())))
    if question is not None:
        weight += _weight_of_question(question)
    if decision is not None:
        answer = decision.answer
        weight += _bytes(answer.text)
        if answer.calls:
            weight += sum(_bytes(call.name) + _bytes(call.arguments) for call in answer.calls)
    return weight


def _weight_of_question(question: Question) -> int:
    # Turns may come from an earlier request, which the body does not tell.
    weight = len(question.model) + sum(map(_bytes, question.inputs))
    for turn in question.turns:
        weight += _bytes(turn.text)
        if turn.calls:
            weight += sum(_bytes(call.name) + _bytes(call.arguments) for call in turn.calls)
        if turn.results:
            weight += sum(_bytes(result.text) for result in turn.results)
    return weight


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else _WIDEST * len(text)


def ended(record: Record, end: End) -> Record:
    """Return a record with its end."""
    entry = replace(
        record.entry,
        status=end.status,
        finished=end.finished,
        outcome=end.outcome,
        pieces=end.pieces,
        faults=record.entry.faults if end.faults is None else end.faults,
        error=end.error,
    )
    if end.status is not None and end.status >= _REFUSED:
        entry = replace(entry, text=None, calls=(), tokens=None)
    return replace(record, entry=entry)
