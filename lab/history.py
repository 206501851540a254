"""A trial's history: an append-only file of events, and how it is read back.

Everything that a check may ask stands in it. Offsets `t` are seconds since the trial began, by a monotonic clock.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from lab.errors import DiskFullError, LabError
from lab.redact import Redactor

Outcome = Literal["done", "failed", "error", "skipped", "interrupted", "running"]
"""Of a step: `failed` is the product's doing, `error` the lab's."""


def now() -> str:
    """Return the time of day as RFC 3339, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class StepFailedError(Exception):
    """The product broke a promise during a step; the facts say how."""


class ExpectedEndError(Exception):
    """The trial is over here, as the product's definition says it must be; what follows is skipped."""


class StepSkippedError(Exception):
    """A step has nothing to do in this cell, and why; the trial goes on."""


class Recorder:
    """Writes a trial's events, one JSON object a line, redacted, at once."""

    def __init__(self, path: Path, redact: Redactor, listen: Callable[[dict[str, Any]], None] | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Half a surrogate pair in a product's answer is written as the JSON escape that it came from.
        self._file = path.open("a", encoding="utf8", errors="backslashreplace")
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._listen = listen
        self.redact = redact
        self.step_id = ""
        self.write("trial.start", at=now())

    def write(self, event: str, **fields: Any) -> None:
        """Append one event.

        Raises DiskFullError when there is no space for it.
        """
        record = {
            "t": round(time.monotonic() - self._began, 4),
            "event": event,
            "step": self.step_id,
            **fields,
        }
        try:
            record = self.redact.deeply(record)
            line = json.dumps(record, ensure_ascii=False)
        except RecursionError:  # what a product answered may be nested without end
            record = {name: value if isinstance(value, str | float | int) else {} for name, value in record.items()}
            line = json.dumps(record, ensure_ascii=False)
        with self._lock:
            if self._file.closed:
                return
            try:
                self._file.write(line + "\n")
                self._file.flush()
            except OSError as error:
                raise DiskFullError(f"cannot write {self._file.name}: {error.strerror}") from error
        if self._listen is not None:
            self._listen(record)

    def pause(self, seconds: float) -> None:
        """Wait, and say so: a wait is part of what a trial costs."""
        time.sleep(seconds)
        self.write("pause", seconds=round(seconds, 4))

    def close(self) -> None:
        """End the history."""
        with self._lock:
            self._file.close()

    @contextmanager
    def step(self, number: int, kind: str, parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Record a step round the block, which fills in the facts; a raised error decides the outcome and goes on."""
        self.step_id = f"{number:02d}-{kind}"
        facts: dict[str, Any] = {}
        started = time.monotonic()

        def end(outcome: Outcome, reason: str = "") -> None:
            seconds = round(time.monotonic() - started, 4)
            self.write("step.end", kind=kind, outcome=outcome, reason=reason, seconds=seconds, facts=facts)
            self.step_id = ""

        self.write("step.start", kind=kind, parameters=dict(parameters))
        try:
            yield facts
        except StepFailedError as failure:
            end("failed", str(failure))
            raise
        except LabError as error:
            end("interrupted" if error.exit_code in {130, 143} else "error", error.message)
            raise
        except ExpectedEndError as reason:
            end("done", str(reason))
            raise
        except StepSkippedError as reason:
            end("skipped", str(reason))
        except Exception as error:
            end("error", f"{type(error).__name__}: {error}")
            raise
        else:
            failures = facts.get("failures")
            end("failed" if failures else "done", "; ".join(failures or []))


@dataclass(frozen=True)
class StepRecord:
    """One step as the history tells it."""

    id: str
    kind: str
    parameters: dict[str, Any]
    outcome: Outcome
    reason: str = ""
    started: float = 0.0
    seconds: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class History:
    """The events of a trial in order, and its steps."""

    events: tuple[dict[str, Any], ...]
    steps: tuple[StepRecord, ...]

    @classmethod
    def read(cls, path: Path) -> "History":
        """Read a file of events; a last line that was cut short is left out."""
        events = []
        for line in path.read_bytes().split(b"\n"):  # str.splitlines would also split inside of texts, at U+2028
            try:
                events.append(json.loads(line.decode()))
            except ValueError:
                break
        return cls.of(events)

    @classmethod
    def of(cls, events: list[dict[str, Any]]) -> "History":
        """Make a history from events."""
        steps: dict[str, StepRecord] = {}
        for event in events:
            if event["event"] == "step.start":
                steps[event["step"]] = StepRecord(
                    event["step"], event["kind"], event["parameters"], "running", started=event["t"]
                )
            elif event["event"] == "step.end":
                begun = steps[event["step"]]
                steps[event["step"]] = StepRecord(
                    begun.id, begun.kind, begun.parameters, event["outcome"], event["reason"],
                    begun.started, event["seconds"], event["facts"],
                )  # fmt: skip
        return cls(tuple(events), tuple(steps.values()))

    def across_upgrades(self, kind: str) -> list[tuple[StepRecord, StepRecord, StepRecord]]:
        """Return, for each step of a kind that came after an upgrade: the last one before it, the upgrade, itself."""
        found = []
        before = last = upgrade = None
        for step in self.of_kind(kind, "upgrade", "downgrade"):
            if step.kind == "downgrade":
                before = last = upgrade = None
            elif step.kind != "upgrade":
                if before is not None and upgrade is not None:
                    found.append((before, upgrade, step))
                last = step
            elif step.outcome == "done" or step.facts.get("failures"):  # after a failed extra step the trial goes on
                before, upgrade = last, step
        return found

    def of_kind(self, *kinds: str) -> list[StepRecord]:
        """Return the steps of these kinds that say something of the product, in order.

        What was measured in a step that the lab itself could not finish does not.
        """
        silent = {"running", "error", "interrupted"}
        return [step for step in self.steps if step.kind in kinds and step.outcome not in silent]

    @property
    def given(self) -> dict[str, dict[str, Any]]:
        """What the definitions announced, by version slot."""
        return next((event["versions"] for event in self.events if event["event"] == "given"), {})

    @property
    def ended_early(self) -> str:
        """Why the trial ended before its last step although nothing went wrong; empty if it did not."""
        return next((event["reason"] for event in self.events if event["event"] == "ended-early"), "")

    @property
    def trouble(self) -> str:
        """What the lab itself reported outside of any step, such as an environment that could not be built."""
        told = next((event for event in self.events if event["event"] in {"lab.error", "interrupted"}), None)
        return "" if told is None else str(told.get("message") or "the trial was interrupted")

    @property
    def went_wrong(self) -> StepRecord | None:
        """The first step that did not go as it should."""
        return next((step for step in self.steps if step.outcome not in {"done", "skipped"}), None)

    @property
    def broken_off(self) -> StepRecord | None:
        """The last step, if the trial ended with it because it did not go as it should."""
        last = self.steps[-1] if self.steps else None
        return last if last is not None and last.outcome not in {"done", "skipped"} else None
