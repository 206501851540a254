"""The one tree of errors: each says what happened, where, what to do, and which exit code it means."""

import signal
from collections.abc import Sequence
from dataclasses import dataclass


class LabError(Exception):
    """Anything the lab stops for and can explain; `exit_code` is what `lab` then exits with."""

    exit_code: int = 3

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n→ {self.hint}" if self.hint else self.message


class UsageError(LabError):
    """What was asked for cannot be done as asked: a wrong option, name or file."""

    exit_code = 2


@dataclass(frozen=True, order=True)
class Problem:
    """One fault in a file; line and column count from 1, and line 0 means the file as a whole."""

    path: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        if self.line == 0:
            return f"{self.path} {self.message}"
        return f"{self.path}:{self.line}:{self.column}: {self.message}"


class ScenarioError(UsageError):
    """A file of the lab's language is invalid; `problems` lists every fault found in it."""

    def __init__(self, problems: Sequence[Problem], *, hint: str = "") -> None:
        super().__init__("\n".join(map(str, problems)), hint=hint)
        self.problems = list(problems)
        self.args = (self.problems,)  # what pickling calls the constructor with


class VersionError(UsageError):
    """A version that cannot be resolved to an artifact."""


class InfrastructureError(LabError):
    """The lab, or something it stands on, failed; this says nothing about the product."""


class EngineError(InfrastructureError):
    """The container engine is missing, does not answer, or died."""


class IndexUnavailableError(InfrastructureError):
    """A package index or image registry does not answer."""


class DiskFullError(InfrastructureError):
    """No space is left where the lab has to write."""


class Interrupted(LabError):  # noqa: N818 - a signal is not an error
    """The run was told to stop: exit code 130 after SIGINT, 143 after SIGTERM."""

    exit_code = 130

    def __init__(self, message: str = "interrupted", *, signal_number: int = signal.SIGINT, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.signal_number = int(signal_number)
        self.exit_code = 128 + self.signal_number
