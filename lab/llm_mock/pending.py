"""A request that was noted, and is described when somebody reads the journal."""

from dataclasses import dataclass, replace

from lab.llm_mock.decision import Decision
from lab.llm_mock.entry import BASE_WEIGHT, Outcome, Record
from lab.llm_mock.question import Question
from lab.llm_mock.wire.base import Received

PENDING_SIZE = 64 * 1024  # characters: what is longer is described at once, which bounds it
_COPIES = 8  # bytes to a character: of a body, of what was read of it, and of the texts that were made of that
_UNPACKED = 1024  # bytes that one of a compressed body may become
_REFUSED = 400  # from this status on, nothing of the answer was said


@dataclass(frozen=True, slots=True)
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
    size: int
    end: End | None = None

    @property
    def weight(self) -> int:
        """About how many bytes it takes."""
        return BASE_WEIGHT + _COPIES * self.size


def size_of(received: Received, path: str, question: Question | None, decision: Decision | None) -> int:
    """Return about how many characters a request keeps: this is done for each, so that it only adds up lengths."""
    headers, query = received.headers, received.query
    size = len(path) + sum(map(len, headers)) + sum(map(len, headers.values()))
    if query:
        size += sum(map(len, query)) + sum(map(len, query.values()))
    # What was read of a body is about as long as it, unless it was compressed.
    size += len(received.body) * (_UNPACKED if "content-encoding" in headers else 1)
    if question is not None:
        size += _size_of_question(question)
    if decision is not None:
        answer = decision.answer
        size += len(answer.text) + sum(len(call.name) + len(call.arguments) for call in answer.calls)
    return size


def _size_of_question(question: Question) -> int:
    # Turns may come from an earlier request, which the body does not tell.
    size = len(question.model) + sum(map(len, question.inputs))
    for turn in question.turns:
        size += len(turn.text)
        if turn.calls:
            size += sum(len(call.name) + len(call.arguments) for call in turn.calls)
        if turn.results:
            size += sum(len(result.text) for result in turn.results)
    return size


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
