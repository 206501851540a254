"""What the mock was asked, and what became of it."""

import asyncio
from collections import deque
from collections.abc import Callable

from lab.llm_mock.decision import Decision
from lab.llm_mock.entry import Entry, Outcome, Record, learn, record
from lab.llm_mock.metrics import Metrics
from lab.llm_mock.pending import HEAVY, End, Pending, ended, weight_of
from lab.llm_mock.question import Question
from lab.llm_mock.redaction import Redactor
from lab.llm_mock.wire.base import Received

DEFAULT_LIMIT = 10_000
DEFAULT_BYTES = 32 * 1024 * 1024
AT_ONCE = 50
"""Entries that are described before others have their turn."""
__all__ = ["DEFAULT_LIMIT", "Entry", "Journal", "Outcome"]


class Journal:
    """The newest entries, at most `limit` of them and about `size` bytes; older ones are dropped and counted.

    A request is only noted when it comes, and described when somebody reads: to take out keys takes longer than an
    answer, and few are read. Where what was noted has no room it is described, which makes it lighter, unless older
    entries were dropped before: then the journal is not whole anyway, and others are dropped instead.

    Numbers keep rising through a reset, so that whoever waits for the next one is not left behind.
    """

    def __init__(self, clock: Callable[[], float], limit: int = DEFAULT_LIMIT, size: int = DEFAULT_BYTES) -> None:
        self._clock = clock
        self._limit = limit
        self._size = size
        self._weight = 0
        self._records: deque[Record | Pending] = deque()
        self._pending = 0  # so many of the newest may be noted only
        self._unlearned = 0  # so many of the newest may have keys that nobody looked for
        self._redactor = Redactor()
        self._grown: asyncio.Future[None] | None = None
        self.metrics = Metrics()
        self.last_seq = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._records)

    def begin(
        self,
        *,
        received: Received,
        provider: str,
        endpoint: str | None = None,
        question: Question | None = None,
        decision: Decision | None = None,
        path: str | None = None,
    ) -> int:
        """Record a request that was fully received, in flight from now on, and return its number.

        `endpoint`, `question` and `decision` are None where it did not come to them; `path` is the one that the
        client sent, where it began with the provider's name.
        """
        self.last_seq += 1
        endpoint = endpoint or (question.endpoint if question is not None else None)
        path = path or received.path
        weight = weight_of(received, path, question, decision)
        self._records.append(
            Pending(self.last_seq, self._clock(), path, received, provider, endpoint, question, decision, weight)
        )
        self._pending += 1
        self._unlearned += 1
        self._weight += weight
        if weight > HEAVY:
            self._learn()
            self._describe(len(self._records) - 1)
        while self._weight > self._size and self._pending and not self.dropped:
            self._describe_oldest(1)
        self._drop()
        faults = [fault.kind for fault in decision.faults] if decision is not None else []
        stream = question is not None and question.stream
        self.metrics.begun(self.last_seq, provider, endpoint, faults, stream=stream)
        if self._grown is not None and not self._grown.done():
            self._grown.set_result(None)
        return self.last_seq

    def finish(
        self,
        seq: int,
        *,
        status: int | None,
        outcome: Outcome,
        pieces: int | None = None,
        faults: tuple[str, ...] | None = None,
        error: str | None = None,
    ) -> None:
        """Record the end of a request; one that was dropped or reset away is not brought back.

        `pieces` is how many pieces of the answer were sent, None where it was not sent piece by piece; `faults` are
        those that came to it of those decided on, None for all; `error` is the kind of a defect of the mock's own.
        """
        # The entries are consecutive: the position of one follows from its number.
        position = seq - self._records[0].seq if self._records else -1
        if position >= 0:
            end = End(status, self._clock(), outcome, pieces, faults, error)
            kept = self._records[position]
            if isinstance(kept, Pending):
                kept.end = end
            else:
                self._records[position] = ended(kept, end)
        self.metrics.ended(seq, status, outcome, faults)

    def after(self, seq: int) -> list[Entry]:
        """Return the entries with a higher number, oldest first."""
        return [kept.entry for kept in self.records() if kept.seq > seq]

    def records(self) -> list[Record]:
        """Return the entries with what a verification looks at, oldest first."""
        self._describe_oldest(self._pending)
        self._drop()
        return [kept for kept in self._records if isinstance(kept, Record)]

    async def settle(self) -> None:
        """Describe most of what was only noted, a few at a time: answers under way do not wait for a reader."""
        for _ in range(self._limit // AT_ONCE):
            if self._pending <= AT_ONCE:
                return
            self._describe_oldest(AT_ONCE)
            await asyncio.sleep(0)

    def has_after(self, seq: int) -> bool:
        """Whether there is an entry with a higher number."""
        return bool(self._records) and self.last_seq > seq

    def _describe_oldest(self, count: int) -> None:
        """Describe so many of those that may be noted only."""
        self._learn()
        first = len(self._records) - self._pending
        count = min(count, self._pending)
        for position in range(first, first + count):
            self._describe(position)
        self._pending -= count

    def _learn(self) -> None:
        """Look for keys in all requests: one may stand in the text of a request before it."""
        for position in range(len(self._records) - self._unlearned, len(self._records)):
            noted = self._records[position]
            if isinstance(noted, Pending):
                learn(self._redactor, noted.received)
        self._unlearned = 0

    def _describe(self, position: int) -> None:
        noted = self._records[position]
        if isinstance(noted, Pending):
            made = record(
                self._redactor, seq=noted.seq, at=noted.at, path=noted.path, received=noted.received,
                provider=noted.provider, endpoint=noted.endpoint, question=noted.question,
                decision=noted.decision,
            )  # fmt: skip
            self._records[position] = made if noted.end is None else ended(made, noted.end)
            self._weight += made.weight - noted.weight

    def _drop(self) -> None:
        while len(self._records) > self._limit or (self._weight > self._size and len(self._records) > 1):
            self._weight -= self._records.popleft().weight
            self.dropped += 1
        if (left := len(self._records)) < self._pending or left < self._unlearned:
            self._pending, self._unlearned = min(self._pending, left), min(self._unlearned, left)

    def grown(self) -> asyncio.Future[None]:
        """Return a future that is done when the next request arrives; any number may wait on it."""
        if self._grown is None or self._grown.done():
            self._grown = asyncio.get_running_loop().create_future()
        return self._grown

    def reset(self) -> None:
        """Forget all entries and the count of dropped ones."""
        self._records.clear()
        self._pending = self._unlearned = 0
        self._weight = 0
        self.dropped = 0
