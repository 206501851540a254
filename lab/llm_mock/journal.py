"""What the mock was asked, and what became of it."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

DEFAULT_LIMIT = 10_000
TEXT_LIMIT = 200
OWN_KEY_PREFIX = "sk-mock"
# Shorter values are no secrets, and taking them out of the text would make it unreadable.
SHORTEST_SECRET = 8

Outcome = Literal["in-flight", "answered", "client-disconnected", "unmatched", "rejected"]


@dataclass(frozen=True)
class Asked:
    """What a provider could read of a request; None is not known."""

    model: str | None = None
    stream: bool | None = None
    messages: int | None = None
    last_user: str | None = None


@dataclass(frozen=True)
class Key:
    """Whether a key came; its last four characters only if it is one made for mocks."""

    sent: bool
    last4: str | None = None


@dataclass(frozen=True)
class Entry:
    """One request. Offsets are seconds since the start of the server, from a monotonic clock."""

    seq: int
    received: float
    method: str
    path: str
    model: str | None
    stream: bool | None
    messages: int | None
    last_user: str | None
    key: Key
    status: int | None
    finished: float | None
    outcome: Outcome


class Journal:
    """The newest entries, at most `limit`; older ones are dropped and counted.

    Numbers keep rising through a reset, so that whoever waits for the next one is not left behind.
    """

    def __init__(self, clock: Callable[[], float], limit: int = DEFAULT_LIMIT) -> None:
        self._clock = clock
        self._limit = limit
        self._entries: deque[Entry] = deque()
        self._grown: asyncio.Future[None] | None = None
        self.last_seq = 0
        self.dropped = 0

    def begin(self, *, method: str, path: str, authorization: str | None, asked: Asked) -> int:
        """Record a request that was fully received, in flight from now on, and return its number."""
        secret = _secret(authorization)
        self.last_seq += 1
        self._entries.append(
            Entry(
                seq=self.last_seq,
                received=self._clock(),
                method=_kept(method, secret),
                path=_kept(path, secret),
                model=_kept(asked.model, secret) if asked.model is not None else None,
                stream=asked.stream,
                messages=asked.messages,
                last_user=_kept(asked.last_user, secret) if asked.last_user is not None else None,
                key=_key(secret),
                status=None,
                finished=None,
                outcome="in-flight",
            )
        )
        if len(self._entries) > self._limit:
            self._entries.popleft()
            self.dropped += 1
        if self._grown is not None and not self._grown.done():
            self._grown.set_result(None)
        return self.last_seq

    def finish(self, seq: int, *, status: int | None, outcome: Outcome) -> None:
        """Record the end of a request; one that was dropped or reset away is not brought back."""
        # The entries are consecutive: the position of one follows from its number.
        position = seq - self._entries[0].seq if self._entries else -1
        if position >= 0:
            self._entries[position] = replace(
                self._entries[position], status=status, finished=self._clock(), outcome=outcome
            )

    def after(self, seq: int) -> list[Entry]:
        """Return the entries with a higher number, oldest first."""
        return [entry for entry in self._entries if entry.seq > seq]

    def grown(self) -> asyncio.Future[None]:
        """Return a future that is done when the next request arrives; any number may wait on it."""
        if self._grown is None or self._grown.done():
            self._grown = asyncio.get_running_loop().create_future()
        return self._grown

    def reset(self) -> None:
        """Forget all entries and the count of dropped ones."""
        self._entries.clear()
        self.dropped = 0


def _secret(authorization: str | None) -> str:
    """Return the value of the header without its scheme."""
    if not authorization:
        return ""
    scheme, _, value = authorization.strip().partition(" ")
    return value.strip() or scheme


def _key(secret: str) -> Key:
    return Key(sent=bool(secret), last4=secret[-4:] if secret.startswith(OWN_KEY_PREFIX) else None)


def _kept(text: str, secret: str) -> str:
    if len(secret) >= SHORTEST_SECRET:
        text = text.replace(secret, "[redacted]")
    return text[:TEXT_LIMIT]
