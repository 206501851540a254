"""What the two ports share."""

import asyncio
from dataclasses import dataclass

from lab.llm_mock.delay import Delay
from lab.llm_mock.journal import Journal


@dataclass(frozen=True)
class State:
    """One mock: its journal, its delay, and the two moments of its end, each a future that many wait on."""

    journal: Journal
    delay: Delay
    stopping: asyncio.Future[None]  # asked to stop: nobody waits for news any more
    out_of_patience: asyncio.Future[None]  # delays still running end now
