"""An interruption reaches every trial, each ends what is its own, and nothing is judged by what was cut short."""

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from lab import execution, process
from lab.building import Site
from lab.errors import EngineError, Interrupted
from lab.execution import Execution, interruptible
from lab.records.model import TrialResult
from lab.trial import TrialPlan

SECONDS = 20


@dataclass
class Place:
    """An environment that is told to end, and may have something to say against it."""

    fault: Exception | None = None
    told: threading.Event = field(default_factory=threading.Event)

    def abort(self) -> None:
        self.told.set()
        if self.fault is not None:
            raise self.fault


@dataclass
class Plan:
    """A trial of which only its name matters."""

    key: str
    attempt: int = 1


class Listener:
    """Who is told how the trials go."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def event(self, plan: TrialPlan, event: dict[str, Any]) -> None:
        """Nothing is of interest."""

    def finished(self, plan: TrialPlan, result: TrialResult) -> None:
        """Nothing is of interest."""


@pytest.mark.parametrize("fault", [PermissionError(1, "Operation not permitted"), EngineError("gone"), KeyError("x")])
def test_every_trial_is_told_to_end_whatever_the_first_has_against_it(
    fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {"first": Place(fault), "second": Place()}
    all_begun = threading.Barrier(len(places) + 1)

    def trial(plan: Plan, _build: object, _report: object, begun: Callable[[Place], None]) -> None:
        if plan.key == "broken":
            all_begun.wait(SECONDS)
            raise ArithmeticError("planted: a fault of the lab itself")
        begun(places[plan.key])
        all_begun.wait(SECONDS)
        assert places[plan.key].told.wait(SECONDS)
        raise Interrupted

    class Nowhere:
        build = None

    monkeypatch.setattr(execution, "run_trial", trial)
    listener = Listener()
    trials = Execution(cast("Site", Nowhere), workers=3, retries=0, audience=listener)
    with pytest.raises(ArithmeticError, match="planted"):
        trials.run([cast("TrialPlan", Plan(key)) for key in (*places, "broken")])
    assert [place.told.is_set() for place in places.values()] == [True, True]
    assert listener.said == [f"first could not be told to end: {fault}"]


def test_a_command_of_a_trial_ends_only_once_the_trial_was_told(tmp_path: Path) -> None:
    told = threading.Event()

    def command(name: str, stopped: Callable[[], bool] | None) -> tuple[int | None, bool]:
        words = ["sh", "-c", f"echo $$ > {tmp_path / name}; exec sleep 60"]
        return process.run(words, timeout=50, stopped=stopped).exit_code, told.is_set()

    with ThreadPoolExecutor() as pool:
        of_trial, of_preparation = _begun(tmp_path / "1"), _begun(tmp_path / "2")
        trial = pool.submit(command, "1", told.is_set)
        preparation = pool.submit(command, "2", None)
        pid = int(of_trial())
        of_preparation()
        with interruptible():
            with pytest.raises(Interrupted):
                signal.raise_signal(signal.SIGINT)
            assert preparation.result(SECONDS) == (-15, False)
        os.kill(pid, 0)  # raises where it has gone
        told.set()
        process.end_commands(told.is_set)
        assert trial.result(SECONDS) == (-15, True)


def _begun(fifo: Path) -> Callable[[], str]:
    """Return what waits for a command to say its process id."""
    os.mkfifo(fifo)
    return fifo.read_text
