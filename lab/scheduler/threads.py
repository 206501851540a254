"""Trials over threads of this process: they wait for containers nearly all of the time."""

import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lab.scheduler.base import Finished, Progress

TICK_SECONDS = 0.5
"""How often a wait looks up, so that signals are noticed."""


class ThreadScheduler:
    """The scheduler of one machine."""

    def __init__(self, workers: int) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="trial")
        self._events: queue.Queue[Finished | Progress] = queue.Queue()
        self._workers = workers
        self._running = 0

    @property
    def free(self) -> int:
        """Return the number of idle workers."""
        return self._workers - self._running

    def submit(self, job: str, call: Callable[[Callable[[dict[str, Any]], None]], Any]) -> None:
        """Hand a job to a worker."""
        self._running += 1
        self._pool.submit(self._run, job, call)

    def next_event(self) -> Finished | Progress:
        """Return the next event; a finished job frees its worker."""
        while True:
            try:
                event = self._events.get(timeout=TICK_SECONDS)
            except queue.Empty:
                continue
            if isinstance(event, Finished):
                self._running -= 1
            return event

    def close(self) -> None:
        """Wait for running jobs."""
        self._pool.shutdown(wait=True)

    def _run(self, job: str, call: Callable[[Callable[[dict[str, Any]], None]], Any]) -> None:
        try:
            result = call(lambda event: self._events.put(Progress(job, event)))
        except BaseException as error:  # noqa: BLE001 - whatever a job dies of is the listener's to judge
            self._events.put(Finished(job, error=error))
        else:
            self._events.put(Finished(job, result=result))
