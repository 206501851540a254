"""Trials over workers: started, watched, tried again where asked, and ended cleanly whatever happens."""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from lab import process
from lab.building import Site
from lab.environment.base import Environment
from lab.errors import Interrupted
from lab.reaper import Reaper
from lab.records.model import TrialResult
from lab.scheduler.base import Finished
from lab.scheduler.threads import ThreadScheduler
from lab.trial import TrialPlan, run_trial


class Audience(Protocol):
    """Who is told how the trials go."""

    def say(self, text: str) -> None:
        """Tell something that is beside the trials."""

    def event(self, plan: TrialPlan, event: dict[str, Any]) -> None:
        """Tell an event of a trial."""

    def finished(self, plan: TrialPlan, result: TrialResult) -> None:
        """Tell a trial's result."""


@contextmanager
def guarded(run_id: str, folder: Path) -> Iterator[None]:
    """Let a reaper watch over the block; whatever the block leaves on its way out it has removed itself."""
    os.environ[process.RUN_MARK] = run_id
    reaper = Reaper(run_id, folder)
    try:
        yield
    finally:
        reaper.dismiss()
        os.environ.pop(process.RUN_MARK, None)


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into Interrupted; later ones do not disturb the clean-up.

    Commands of trials are ended by their environments, which must know first that what comes then is no failure.
    """

    def first(number: int, _frame: Any) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, later)
        os.write(2, b"\nlab: interrupted; taking down what was made ...\n")  # print is not safe inside a handler
        process.interrupted.set()
        process.end_commands(process.interrupted.is_set)
        raise Interrupted(signal_number=number)

    def later(_number: int, _frame: Any) -> None:
        return

    before = {number: signal.signal(number, first) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        process.interrupted.clear()


class Execution:
    """The trials of one run."""

    def __init__(self, site: Site, workers: int, retries: int, audience: Audience) -> None:
        self._site = site
        self._retries = retries
        self._audience = audience
        self._scheduler = ThreadScheduler(workers)
        self._places: dict[str, Environment] = {}
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, plans: Sequence[TrialPlan]) -> list[TrialResult]:
        """Run all trials; return every attempt's result in the order of plan and attempt.

        Raises Interrupted after everything has been taken down.
        """
        waiting, known = deque(plans), {plan.key: plan for plan in plans}
        results: dict[str, TrialResult] = {}
        try:
            running = 0
            while waiting or running:
                while waiting and self._scheduler.free:
                    plan = waiting.popleft()
                    self._submit(plan)
                    running += 1
                event = self._scheduler.next_event()
                if not isinstance(event, Finished):
                    self._audience.event(known[event.job], event.event)
                    continue
                running -= 1
                plan = known[event.job]
                if event.error is not None:
                    raise event.error  # noqa: TRY301 - a fault of the lab itself ends the run
                results[plan.key] = event.result
                self._audience.finished(plan, event.result)
                if event.result.verdict in {"fail", "error"} and plan.attempt <= self._retries:
                    again = _again(plan)
                    known[again.key] = again
                    waiting.appendleft(again)
        except BaseException:
            self._abort()
            raise
        finally:
            self._scheduler.close()
        return sorted(results.values(), key=lambda result: (result.cell, result.trial, result.attempt))

    def _submit(self, plan: TrialPlan) -> None:
        def begun(place: Environment) -> None:
            with self._lock:
                self._places[plan.key] = place
            if self._stopped:
                raise Interrupted

        def call(report: Callable[[dict[str, Any]], None]) -> TrialResult:
            try:
                return run_trial(plan, self._site.build, report, begun)
            finally:
                with self._lock:
                    self._places.pop(plan.key, None)

        self._scheduler.submit(plan.key, call)

    def _abort(self) -> None:
        """Take the containers away from every trial that runs; their threads then end by themselves."""
        self._stopped = True
        with self._lock:
            places = dict(self._places)
        problems = []
        for key, place in places.items():
            try:
                place.abort()
            except Exception as error:  # noqa: BLE001 - the other trials are to end all the same
                problems.append(f"{key} could not be told to end: {str(error) or type(error).__name__}")
        for problem in problems:
            self._audience.say(problem)


def _again(plan: TrialPlan) -> TrialPlan:
    """Return the next attempt at a trial, in a folder of its own."""
    folder = plan.folder.with_name(f"attempt-{plan.attempt + 1}")
    return replace(plan, attempt=plan.attempt + 1, folder=folder)
