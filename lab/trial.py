"""One trial: a fresh environment, the scenario's steps, the evidence, the verdict, and nothing left behind."""

import secrets
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lab.checks.budgets import MEGABYTE, seconds_of
from lab.checks.judge import conclude, judge
from lab.environment.base import Environment
from lab.environment.mock_journal import JOURNAL, UNREADABLE
from lab.errors import Interrupted, LabError
from lab.history import ExpectedEndError, History, Recorder, StepFailedError, now
from lab.kept import note_kept
from lab.lifecycle.egress import note_asked
from lab.lifecycle.llm_calls import Calls, over, read_calls
from lab.lifecycle.setting import Session, Setting
from lab.lifecycle.steps import run_step
from lab.records.model import CheckResult, StepResult, TrialResult, Verdict, VersionRecord, scenario_digest
from lab.records.store import write_json
from lab.redact import Redactor
from lab.scenario.steps import Slot

Keep = Literal["never", "failed", "always"]


@dataclass(frozen=True)
class TrialPlan:
    """What one trial needs to know."""

    run_id: str
    number: int
    attempt: int
    setting: Setting
    folder: Path
    seed: int
    keep: Keep
    images: Mapping[Slot, str]
    secrets: tuple[str, ...] = ()
    budget_factor: float = 1.0
    """What the budgets in the setting's scenario have been multiplied by."""

    @property
    def key(self) -> str:
        """A name that is unique within the run, for objects on the engine."""
        return f"{self.setting.cell.folder}.{self.number:03d}.{self.attempt}"


@dataclass
class Course:
    """How a trial went, as far as it has come."""

    environment: Environment | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    interrupted: bool = False
    kept: bool = False
    checks: list[CheckResult] = field(default_factory=list)
    verdict: Verdict = "error"
    reason: str = ""
    problems: list[str] = field(default_factory=list)
    """What could not be removed."""


def run_trial(
    plan: TrialPlan,
    build: Callable[[TrialPlan, Callable[..., None]], Environment],
    listen: Callable[[dict[str, Any]], None],
    begun: Callable[[Environment], None],
) -> TrialResult:
    """Run a trial from the first step to the last trace of it; return the result that was written.

    `build` makes the environment, `begun` is told of it so that it can be aborted, `listen` gets every event.
    """
    started_at, started = now(), time.monotonic()
    record = Recorder(plan.folder / "events.ndjson", Redactor.of(plan.secrets, secrets.token_bytes(32)), listen)
    course = Course()
    try:
        _go_through(plan, build, begun, course, record)
        _judge(plan, course)
    finally:
        # Whatever went wrong above, a full disk included: what was made is removed, or kept on purpose.
        leaving = time.monotonic()
        if course.environment is not None:
            course.problems = _leave(plan, course.environment) if course.kept else course.environment.destroy()
    taken = round(time.monotonic() - leaving, 4)
    record.write("trial.end", verdict=course.verdict, reason=course.reason, kept=course.kept,
                 cleanup_problems=course.problems, seconds=taken)  # fmt: skip
    record.close()
    result = _result(plan, course, record.redact(course.reason), started_at, round(time.monotonic() - started, 3))
    write_json(plan.folder / "result.json", result)
    return result


def _go_through(
    plan: TrialPlan,
    build: Callable[[TrialPlan, Callable[..., None]], Environment],
    begun: Callable[[Environment], None],
    course: Course,
    record: Recorder,
) -> None:
    """Make the environment, run the steps, and gather what is there to be seen; faults of the lab are recorded."""
    try:
        record.write("given", versions=_given(plan.setting))
        course.environment = build(plan, record.write)
        begun(course.environment)
        course.facts = _steps(plan, course.environment, record)
    except Interrupted:
        course.interrupted = True
        record.write("interrupted")
    except LabError as error:
        record.write("lab.error", message=str(error))
    except Exception as error:  # noqa: BLE001 - a fault of the lab costs this trial, not the run's other results
        record.write("lab.error", message=f"{type(error).__name__}: {error}", trace=traceback.format_exc())
    if course.environment is not None:
        _collect(plan, course.environment, record)
        course.interrupted = course.interrupted or course.environment.aborted


def _judge(plan: TrialPlan, course: Course) -> None:
    """Conclude from the recorded history, and decide what becomes of the environment."""
    course.checks = judge(_history(plan), plan.setting.scenario)
    course.verdict, course.reason = conclude(course.checks)
    if course.interrupted:
        course.verdict, course.reason = "skipped", "interrupted"  # what a torn-down place shows is nobody's failure
    course.kept = course.environment is not None and _is_kept(plan, course.verdict)


def _history(plan: TrialPlan) -> History:
    return History.read(plan.folder / "events.ndjson")


def _result(plan: TrialPlan, course: Course, reason: str, started: str, seconds: float) -> TrialResult:
    """Put together what is stored of the trial."""
    setting, history = plan.setting, _history(plan)
    return TrialResult(
        run_id=plan.run_id,
        scenario=setting.scenario.name,
        cell=setting.cell.id,
        environment=setting.cell.environment,
        platform=setting.cell.platform,
        axes=dict(setting.cell.axes),
        product=next(iter(setting.definitions.values())).product,
        versions=versions(setting),
        scenario_digest=scenario_digest(setting.scenario.model_dump(by_alias=True, mode="json")),
        budget_factor=plan.budget_factor,
        trial=plan.number,
        attempt=plan.attempt,
        verdict=course.verdict,
        reason=reason,
        started=started,
        seconds=seconds,
        seed=plan.seed,
        checks=course.checks,
        steps=[
            StepResult(id=step.id, kind=step.kind, outcome=step.outcome, reason=step.reason, seconds=step.seconds)
            for step in history.steps
        ],
        measures=_measures(history),
        facts=course.facts,
        cleanup_problems=course.problems,
    )


def versions(setting: Setting) -> dict[str, VersionRecord]:
    """Return the versions by slot, as they were resolved."""
    return {
        slot: VersionRecord(label=found.label, kind=found.kind, digest=found.digest, origin=found.origin)
        for slot, found in sorted(setting.artifacts.items())
    }


def _steps(plan: TrialPlan, environment: Environment, record: Recorder) -> dict[str, Any]:
    """Run the steps in order, until one breaks off; return facts about the environment."""
    session = Session(plan.setting.bound(environment.bindings), environment, record, plan.folder, images=plan.images)
    with record.step(0, "prepare", {}) as facts:
        facts.update(environment.provision())
    try:
        for number, step in enumerate(plan.setting.scenario.steps, start=1):
            with record.step(number, step.step, step.model_dump(exclude={"step"})) as told:
                try:
                    run_step(session, step, told)
                finally:
                    if plan.setting.sealed:
                        note_asked(environment, told)
    except StepFailedError:
        pass  # recorded with the step; what follows could only be a consequence
    except ExpectedEndError as end:
        record.write("ended-early", reason=str(end))
    finally:
        if session.door is not None:
            session.door.close()
    return facts


def _collect(plan: TrialPlan, environment: Environment, record: Recorder) -> None:
    """Write logs and states before anything is torn down."""
    folder = plan.folder / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    if plan.setting.sealed:
        late: dict[str, Any] = {}
        note_asked(environment, late)
        record.write("asked", **late)
    found = environment.collect()
    for name, content in sorted(found.items()):
        (folder / name).write_bytes(record.redact.bytes(content))
    if all(definition.llm for definition in plan.setting.definitions.values()):
        steps = _history(plan).steps
        calls = _calls(found, over(steps))
        if calls is None and any(step.kind == "start" for step in steps):
            calls = Calls([], "there is none")
        if calls is not None:
            record.write("llm", unmatched=calls.unmatched, missing=calls.missing, late=list(calls.late))
    record.write("collected", files=sorted(path.name for path in folder.iterdir()))


def _calls(found: Mapping[str, bytes], ended: Mapping[str, int]) -> Calls | None:
    """Return what the LLM mock's journal tells of refused and late requests, None where none was collected."""
    if JOURNAL in found:
        return read_calls(found[JOURNAL], ended)
    if UNREADABLE in found:
        return Calls([], found[UNREADABLE].decode("utf8", "replace").strip()[:300])
    return None


def _is_kept(plan: TrialPlan, verdict: Verdict) -> bool:
    return plan.keep == "always" or (plan.keep == "failed" and verdict in {"fail", "error", "unknown"})


def _leave(plan: TrialPlan, environment: Environment) -> list[str]:
    """Leave the environment for a person, noted so that no sweep takes it before its time."""
    note_kept(plan.folder, plan.key)
    environment.keep()
    return []


def _given(setting: Setting) -> dict[str, Any]:
    """Return what the definitions announce, for the checks."""
    return {
        slot: {
            "label": found.label,
            "digest": setting.artifacts[slot].digest,
            "removes": [removal.model_dump() for removal in found.removes],
            "moves": [move.model_dump(by_alias=True) for move in found.moves],
        }
        for slot, found in setting.definitions.items()
    }


def _measures(history: History) -> dict[str, float]:
    """Return the figures that reports compare: the largest of each kind in this trial."""
    found: dict[str, float] = {}
    for step in history.steps:
        seconds = seconds_of(step)
        if step.kind in {"install", "upgrade", "ready", "stop"} and seconds is not None and step.outcome == "done":
            name = f"{step.kind}_seconds"
            found[name] = max(found.get(name, 0.0), seconds)
        if step.kind == "inspect" and "current" in step.facts.get("memory", {}):
            found["memory_mb"] = max(found.get("memory_mb", 0.0), round(step.facts["memory"]["current"] / MEGABYTE, 1))
    return found
