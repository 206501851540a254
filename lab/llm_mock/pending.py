"""A request that was noted, and is described when somebody reads the journal."""

from dataclasses import dataclass, replace

from lab.llm_mock.decision import Decision
from lab.llm_mock.entry import BASE_WEIGHT, Outcome, Record
from lab.llm_mock.question import Question
from lab.llm_mock.wire.base import Received

PENDING_BODY = 64 * 1024  # bytes: what is longer is described at once, which bounds it
_COPIES = 8  # a body, what was read of it, and the answer to it, in characters of up to four bytes


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
    end: End | None = None

    @property
    def weight(self) -> int:
        """About how many bytes it takes."""
        return BASE_WEIGHT + _COPIES * len(self.received.body)


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
    return replace(record, entry=entry)
