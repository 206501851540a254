"""Waiting before and within an answer: for as long as was told, but not for a client that has gone."""

import asyncio
import hashlib
from collections.abc import Iterator
from itertools import count

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from lab.llm_mock.fault import Fault
from lab.llm_mock.intake import departed

_FULL = 256**4 - 1


class Patience:
    """Waits on behalf of one client; close it after use.

    One future is shared by all clients and rung once, at the mock's end: each waits on a bell of its own, for a
    thousand that come and go on one future would each look through all others.
    """

    def __init__(self, receive: Receive, lost: asyncio.Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        self.clock = self._loop.time
        self._receive = receive
        self._lost = lost
        self._gone: asyncio.Task[None] | None = None
        self._bell: asyncio.Future[None] | None = None

    async def wait(self, seconds: float | None) -> bool:
        """Wait, None for ever; return False if the mock has lost its patience. Raises ClientDisconnect."""
        loop = self._loop
        if self._gone is None:
            self._gone = loop.create_task(departed(self._receive))
            self._gone.add_done_callback(self._ring)
            self._lost.add_done_callback(self._ring)
        if not self._gone.done() and not self._lost.done() and (seconds is None or seconds > 0):
            self._bell = loop.create_future()
            timer = loop.call_later(seconds, self._ring, self._lost) if seconds is not None else None
            await self._bell
            if timer is not None:
                timer.cancel()
        if self._gone.done():
            raise ClientDisconnect
        return not self._lost.done()

    @property
    def lost(self) -> bool:
        """Whether the mock is ending and waits no longer."""
        return self._lost.done()

    def _ring(self, _done: asyncio.Future[None]) -> None:
        if self._bell is not None and not self._bell.done():
            self._bell.set_result(None)

    def close(self) -> None:
        """Wait for nothing any more."""
        if self._gone is not None:
            self._gone.cancel()
            self._lost.remove_done_callback(self._ring)


def due(fault: Fault, digest: str) -> Iterator[float]:
    """Say of each piece how many seconds after the first one it is due; the same question has the same times."""
    step = 1 / (fault.rate or 1)
    yield 0.0
    latest = 0.0
    for number in count(1):
        latest = max(latest, (number + fault.jitter * _chance(digest, number)) * step)
        yield latest


def _chance(digest: str, number: int) -> float:
    """Return a number from -1 to 1."""
    seed = hashlib.blake2b(f"{digest}/{number}".encode(), digest_size=4).digest()
    return 2 * int.from_bytes(seed) / _FULL - 1
