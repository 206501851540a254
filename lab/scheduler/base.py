"""What runs trials: one small protocol, so that another engine can stand behind it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Finished:
    """A job came to its end: with a result, or with the exception that it died of."""

    job: str
    result: Any = None
    error: BaseException | None = None


@dataclass(frozen=True)
class Progress:
    """A job says how far it is."""

    job: str
    event: dict[str, Any]


class Scheduler(Protocol):
    """Runs jobs over workers and hands out what happens, in order, to one listener."""

    @property
    def free(self) -> int:
        """How many more jobs can start at once."""

    def submit(self, job: str, call: Callable[[Callable[[dict[str, Any]], None]], Any]) -> None:
        """Start a job; the call is given a function that reports progress."""

    def next_event(self) -> Finished | Progress:
        """Wait for the next thing to happen."""

    def close(self) -> None:
        """Wait for the jobs that run, and let go of the workers."""
