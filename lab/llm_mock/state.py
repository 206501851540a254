"""What the two ports share."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from lab.llm_mock.delay import Delay
from lab.llm_mock.journal import DEFAULT_LIMIT, Journal
from lab.llm_mock.quota import Quotas
from lab.llm_mock.rules.model import Rules
from lab.llm_mock.rules.rulebook import Rulebook

Switch = Callable[[bool], Awaitable[None]]


class Gate:
    """Whether the providers' port listens; `switch` makes it so, and raises OSError where the port was taken."""

    def __init__(self) -> None:
        self.switch: Switch | None = None
        self.is_open = True
        self._turning = asyncio.Lock()
        self._orders = 0
        self._again: asyncio.TimerHandle | None = None
        self._reopening: asyncio.Task[None] | None = None

    async def set(self, *, is_open: bool, seconds: float | None = None) -> None:
        """Open or close; a gate that is closed for some seconds opens by itself. Raises OSError.

        Orders are carried out one after the other, and only the last one opens the gate by itself.
        """
        self._orders += 1
        order = self._orders
        if self._again is not None:
            self._again.cancel()
            self._again = None
        await self._turn(is_open=is_open)
        if not is_open and seconds is not None and order == self._orders:
            self._again = asyncio.get_running_loop().call_later(seconds, self._open_again, order)

    async def _turn(self, *, is_open: bool, order: int | None = None) -> None:
        async with self._turning:
            if order is not None and order != self._orders:
                return
            if self.switch is not None and is_open != self.is_open:
                self.is_open = False  # also where that fails
                await self.switch(is_open)
            self.is_open = is_open

    def _open_again(self, order: int) -> None:
        self._reopening = asyncio.get_running_loop().create_task(self._turn(is_open=True, order=order))


@dataclass(frozen=True)
class State:
    """One mock: its journal, delay, rules, quotas, gate, and the two moments of its end, futures that many wait on."""

    journal: Journal
    delay: Delay
    rulebook: Rulebook
    quotas: Quotas | None
    gate: Gate
    stopping: asyncio.Future[None]  # asked to stop: nobody waits for news any more
    out_of_patience: asyncio.Future[None]  # delays still running end now

    @classmethod
    def new(
        cls,
        *,
        clock: Callable[[], float] | None = None,
        journal_limit: int = DEFAULT_LIMIT,
        delay_seconds: float = 0.0,
        rules: Rules | None = None,
        strict: bool = False,
        quotas: Quotas | None = None,
    ) -> "State":
        """Make the state of a new mock in the running loop; `strict` holds where the rules do not say."""
        loop = asyncio.get_running_loop()
        started = time.monotonic()
        return cls(
            journal=Journal(clock or (lambda: time.monotonic() - started), journal_limit),
            delay=Delay(delay_seconds),
            rulebook=Rulebook(rules, strict=strict),
            quotas=quotas,
            gate=Gate(),
            stopping=loop.create_future(),
            out_of_patience=loop.create_future(),
        )
