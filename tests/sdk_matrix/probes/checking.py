"""What all probes share: how checks are named, run and told, and how the mock is made to misbehave."""

import asyncio
import inspect
import json
import sys
import traceback
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

KEY = "sk-mock-0123"
PATIENCE = 20.0
"""Seconds that a client waits where nothing is to go wrong."""
SHORT = 1.0
"""Seconds that a client waits where the mock is told to say nothing."""
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


class Mock:
    """The mock's two ports."""

    def __init__(self, base: str, control: str) -> None:
        self.base = base
        self._control = control
        self._ruled = False

    def rule(self, user: str, *, times: int | None = None, **reply: object) -> None:
        """Put one rule in force, in place of all others: the reply to whoever says this."""
        rule = {"name": "planted", "match": {"user": user}, "reply": reply}
        if times is not None:
            rule["times"] = times
        self._ask("PUT", "/rules", {"schema": 1, "rules": [rule]})
        self._ruled = True

    def fault(self, user: str, kind: str, *, times: int | None = None, **more: object) -> None:
        """Let go wrong what is said to this."""
        self.rule(user, times=times, fault={"kind": kind, **more})

    def obey(self) -> None:
        """Take all rules away."""
        if self._ruled:
            self._ask("PUT", "/rules", {"schema": 1, "rules": []})
            self._ruled = False

    @contextmanager
    def journal(self) -> Iterator[list[dict]]:
        """Give a list that holds, after the block, what the mock was asked within it."""
        entries: list[dict] = []
        # `after` as high as it may be: only the number of the last entry is wanted.
        start = self._ask("GET", f"/journal?after={2**53}")["next"]
        yield entries
        entries += self._ask("GET", f"/journal?after={start}")["entries"]

    def _ask(self, method: str, path: str, content: object = None) -> dict:
        body = None if content is None else json.dumps(content).encode()
        asked = urllib.request.Request(  # noqa: S310
            self._control + path, body, {"content-type": "application/json"}, method=method
        )
        with _open(asked, timeout=PATIENCE) as answer:
            return json.load(answer)


@dataclass
class Probe:
    """The checks of one SDK, run in the order in which they were named."""

    mock: Mock
    generation: str
    wanted: tuple[str, ...] = ()
    checks: list[tuple[str, Callable]] = field(default_factory=list)

    @classmethod
    def started(cls) -> "Probe":
        """Make one from the command line: the mock's address, its control address, the SDK's generation, and then
        the names of the checks to run, all of them where none is named.
        """
        base, control, generation, *wanted = sys.argv[1:]
        return cls(Mock(base, control), generation, tuple(wanted))

    @property
    def new(self) -> bool:
        """Whether the SDK is of the new generation."""
        return self.generation == "new"

    def check(self, function: Callable) -> Callable:
        """Name a check by its function; what that returns is told as a fact, and what it raises as a failure."""
        self.add(function.__name__.replace("_", " "), function)
        return function

    def add(self, name: str, function: Callable) -> None:
        """Name a check in so many words."""
        self.checks.append((name, function))

    @contextmanager
    def under(self, title: str) -> Iterator[None]:
        """Let the names of all checks that are added within the block begin so."""
        start = len(self.checks)
        yield
        self.checks[start:] = [(f"{title}: {name}", function) for name, function in self.checks[start:]]

    def run(self) -> None:
        """Run all checks, one after the other, and print a line of JSON about each."""
        for name, function in self.checks:
            if self.wanted and name not in self.wanted:
                continue
            ok, detail = self._outcome(function)
            print(json.dumps({"check": name, "ok": ok, "detail": detail}), flush=True)

    def _outcome(self, function: Callable) -> tuple[bool, str]:
        try:
            self.mock.obey()
            told = asyncio.run(function()) if inspect.iscoroutinefunction(function) else function()
        except Exception as error:  # noqa: BLE001
            lines = [frame for frame in traceback.extract_tb(error.__traceback__) if "/probes/" in frame.filename]
            place = f" at {lines[-1].line}" if lines else ""
            return False, f"{named(error)}: {str(error)[:600]}{place}"
        return True, told or ""


def named(error: BaseException) -> str:
    """Return the package and the class of an error."""
    package = type(error).__module__.partition(".")[0]
    return type(error).__name__ if package == "builtins" else f"{package}.{type(error).__name__}"


def same(found: object, wanted: object) -> None:
    """Raise unless both are the same, telling both."""
    if found != wanted:
        raise AssertionError(f"{found!r:.250} instead of {wanted!r:.250}")


def holds(condition: object, what: object) -> None:
    """Raise unless the condition holds, telling what was found."""
    if not condition:
        raise AssertionError(f"found {what!r:.500}")


def error_of(function: Callable, *arguments: object) -> BaseException:
    """Return what a call raises; raises AssertionError where it raises nothing."""
    try:
        told = function(*arguments)
    except Exception as error:  # noqa: BLE001
        return error
    raise AssertionError(f"nothing was raised; it gave {told!r:.300}")
