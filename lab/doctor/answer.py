"""Questions about a machine, asked side by side: each has a deadline, and one that hangs keeps no other waiting."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["pass", "warn", "fail"]
SECONDS = 1.5
"""How long one question may take. A machine that works answers each in well under a second."""


@dataclass(frozen=True)
class Answer:
    """What was found out about one thing, and what to do where it is not as it should be."""

    verdict: Verdict
    what: str
    found: str
    next_step: str = ""
    answered: bool = True
    """Whether there was an answer at all; nothing may be built on a thing that gave none."""

    @property
    def usable(self) -> bool:
        """Whether an environment can stand on it."""
        return self.answered and self.verdict != "fail"


@dataclass(frozen=True)
class Probe:
    """A question, and the things that it gives an answer about."""

    about: tuple[str, ...]
    ask: Callable[[], Sequence[Answer]]
    seconds: float = SECONDS


def examine(probes: Sequence[Probe]) -> list[Answer]:
    """Ask all at the same time; return the answers in the order of the probes.

    Of a probe that hangs, `warn` is said, and its thread is left behind; of one that breaks, `fail` with the reason.
    """
    started = time.monotonic()
    asked = [_Asked(probe) for probe in probes]
    for each in asked:
        each.thread.start()
    answers: list[Answer] = []
    for each in asked:
        each.thread.join(max(0.0, started + each.probe.seconds - time.monotonic()))
        answers += each.answers()
    return answers


class _Asked:
    """A question that is being answered; its thread does not keep the program from ending."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.thread = threading.Thread(target=self._ask, name=probe.about[0], daemon=True)
        self._answers: Sequence[Answer] | None = None

    def _ask(self) -> None:
        try:
            self._answers = self.probe.ask()
        except Exception as error:  # noqa: BLE001 - one broken question must not hide the other answers
            said = str(error).splitlines()[0] if str(error) else type(error).__name__
            self._answers = [
                Answer("fail", what, f"could not be found out: {said}", answered=False) for what in self.probe.about
            ]

    def answers(self) -> Sequence[Answer]:
        """Return what was answered so far."""
        if self._answers is not None:
            return self._answers
        late = f"did not answer within {self.probe.seconds:g} s"
        return [
            Answer("warn", what, late, "ask again when the machine is less busy", answered=False)
            for what in self.probe.about
        ]
