"""Step `refuse`: the product is started where it cannot work, and should say so and end, at once and unharmed."""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

from lab.environment.base import NotStartedError, Service, ServiceState
from lab.errors import LabError
from lab.history import ExpectedEndError, StepSkippedError
from lab.lifecycle.actions import expected, perform_all
from lab.lifecycle.configure import current
from lab.lifecycle.database import read_ledger, unseen
from lab.lifecycle.downgrade import skip_promise
from lab.lifecycle.http import Door
from lab.lifecycle.ledgers import DAMAGED, NO_FILE
from lab.lifecycle.outage import NO_SERVER
from lab.lifecycle.setting import Session
from lab.lifecycle.start import as_facts, instruct, last_words, service
from lab.lifecycle.stop import kill
from lab.product.actions import Request
from lab.scenario.steps import RefuseStep
from lab.template import render

POLL_SECONDS = 0.1
PROBE_SECONDS = 1.0
ON_OTHER_DATA = frozenset({"newer-data", "skipped-version"})
"""Conditions of which the definition says what is promised."""


def refuse(session: Session, step: RefuseStep, facts: dict[str, Any]) -> None:
    """Start the product under each condition of the kind that the step names, and record what it does.

    Raises StepSkippedError where the definition or the cell has no such condition.
    """
    facts |= {"because": step.because, "version": session.definition.label, "cases": [], "left_out": []}
    facts |= _promise(session, step)
    instruct(session)  # this version may never have been started before
    for case, condition in _conditions(session, step):
        try:
            with condition as wanted:
                facts["cases"].append({"case": case, **_try(session, step, wanted, case)})
        except StepSkippedError as reason:  # the other cases can be tried all the same
            facts["left_out"].append(str(reason))
    if not facts["cases"]:
        raise StepSkippedError("; ".join(facts["left_out"]))
    if step.because in ON_OTHER_DATA and facts["promise"] == "refuses":
        raise ExpectedEndError(f"{session.definition.label} is not to start on these data, as the definition says")


def _conditions(session: Session, step: RefuseStep) -> "Iterator[tuple[str, Any]]":
    """Yield the name of each case and the context in which its conditions hold; it gives the service to start."""
    match step.because:
        case "missing-setting":
            names = session.setting.required_settings(session.slot)
            if not names:
                raise StepSkippedError("the definition names no required setting")
            for name in names:
                yield name, _without_setting(session, name)
        case "port-in-use":
            yield f"port {session.setting.port(session.slot)}", _port_taken(session)
        case "database-stopped":
            if not session.setting.has_database_server:
                raise StepSkippedError(NO_SERVER)
            yield "database", _database_gone(session)
        case "newer-data" | "skipped-version":
            other = session.came_back_from if step.because == "newer-data" else "from"
            yield f"data of {session.setting.definitions[other or 'from'].label}", nullcontext(service(session))


def _promise(session: Session, step: RefuseStep) -> dict[str, str]:
    """Return what was promised of a start on data that another version left.

    Raises StepSkippedError where it is promised to work, so that the scenario goes on to see it.
    """
    if step.because not in ON_OTHER_DATA:
        return {}
    newer = session.came_back_from
    back = step.because == "newer-data" and newer is not None
    promise = session.setting.definitions[newer].rollback if back and newer else skip_promise(session)
    if promise == "works":
        raise StepSkippedError(f"{session.definition.label} is promised to work on what the other version left")
    return {"promise": promise}


def _try(session: Session, step: RefuseStep, wanted: Service, case: str) -> dict[str, Any]:
    """Start, watch until the product ends or answers healthy or the window closes, and end it."""
    told: dict[str, Any] = {"tables_before": tables_of(session), "window": step.seconds, "not_started": False}
    told["has_database"] = session.setting.database(session.slot) is not None
    try:
        session.environment.product.start(wanted)
    except NotStartedError as error:
        told |= {"not_started": True, "exited": True, "exit_code": None, "said": str(error), "seconds": 0.0}
        return told | {"healthy_after": None, "tables_after": told["tables_before"], "damaged_after": ""}
    try:
        state = _watch(session, step, told)
        if step.because == "newer-data" and told["healthy_after"] is not None:
            told["reads"] = perform_all(session, session.definition.read)
    finally:
        if session.door is not None:
            session.door.close()
    said = last_words(session)
    sought = str(session.setting.port(session.slot)) if step.because == "port-in-use" else case
    told |= {"exited": not state.running, "exit_code": state.exit_code, "said": said, "named": sought in said}
    told["state"] = as_facts(state)
    kill(session)  # how it stops is not the question here
    after, damage = _look(session) if step.because != "database-stopped" else (None, "")
    return told | {"tables_after": after, "damaged_after": damage}


def _watch(session: Session, step: RefuseStep, told: dict[str, Any]) -> ServiceState:
    """Watch until the product ends or answers healthy or the window closes; return its state then."""
    healthy = _health_probe(session) if step.because != "port-in-use" else None
    told |= {"healthy_after": None, "asked": 0}
    began = time.monotonic()
    while True:
        state = session.environment.product.state()
        told["seconds"] = round(time.monotonic() - began, 4)
        if not state.running or told["seconds"] > step.seconds:
            break
        if healthy is not None:
            told["asked"] += 1
            if healthy():
                told["healthy_after"] = round(time.monotonic() - began, 4)
                break
        session.record.pause(POLL_SECONDS)
    waits = state.running and told["healthy_after"] is None
    if step.because == "database-stopped" and waits and healthy is not None:
        told["recovered_after"] = _recovery(session, healthy, step.seconds)
    return state


def _recovery(session: Session, healthy: "Callable[[], bool]", window: float) -> float | None:
    """Start the database that a product waits for; return after how many seconds it was healthy, None if it was not."""
    session.environment.services.start_database()
    session.database_runs = True
    began = time.monotonic()
    while time.monotonic() - began < window and session.environment.product.state().running:
        if healthy():
            return round(time.monotonic() - began, 4)
        session.record.pause(POLL_SECONDS)
    return None


def _health_probe(session: Session) -> "Callable[[], bool] | None":
    health = session.definition.health
    if health is None:
        return None
    door = session.door = Door(session.environment.product.base_url(), session.record)
    request, answer = Request(path=health.path), expected(health.expect, session.scope())
    return lambda: not door.send(request, PROBE_SECONDS, event="probe").problem(answer)


def tables_of(session: Session) -> dict[str, str] | None:
    """Return a text for each table that changes with its columns and rows; None where they cannot be seen now."""
    return _look(session)[0]


def _look(session: Session) -> tuple[dict[str, str] | None, str]:
    """Return what `tables_of` tells; and where that is nothing because the database is none any more, what was said."""
    if session.setting.has_database_server and not session.database_runs:
        return None, ""
    result = read_ledger(session)
    if result is None or unseen(result):
        return None, ""
    if not result.ok:
        said = result.tail(1)
        return ({}, "") if NO_FILE in said else (None, said or "it cannot be read")
    seen = json.loads(result.stdout)
    if seen["unreadable"]:
        broken = [f"{name}: {why}" for name, why in seen["unreadable"].items() if any(map(why.__contains__, DAMAGED))]
        return None, "; ".join(broken)
    return {
        name: f"{table['rows']} rows, {table['content']}, columns {', '.join(table['columns'])}"
        for name, table in seen["tables"].items()
    }, ""


@contextmanager
def _afterwards(session: Session, undo: Callable[[], None]) -> Iterator[None]:
    """Undo after the block; of a block that fails the own error counts, and what fails while it is undone is noted."""
    try:
        yield
    except BaseException:
        try:
            undo()
        except LabError as error:
            session.record.write("not-undone", message=error.message)
        raise
    undo()


@contextmanager
def _without_setting(session: Session, name: str) -> Iterator[Service]:
    """Take a setting out of the configuration files and the environment, and put it back afterwards."""
    scope, environment = session.scope(session.configured), session.environment
    line = re.compile(rf"^[ \t]*(?:export[ \t]+)?{re.escape(name)}[ \t]*[=:].*\n?".encode(), re.MULTILINE)
    files = {render(file.path, scope): int(file.mode, 8) for file in current(session).files}
    contents = {path: environment.get(path) or b"" for path in files}
    changed = {path: content for path, content in contents.items() if line.search(content)}
    wanted = service(session)
    variables: Mapping[str, str] = {key: value for key, value in wanted.environment.items() if key != name}
    if not changed and len(variables) == len(wanted.environment):
        raise StepSkippedError(f"the configuration does not set {name}, so it cannot be left out")

    def put_back() -> None:
        for path, content in changed.items():
            environment.put(content, path, mode=files[path])

    with _afterwards(session, put_back):
        for path, content in changed.items():
            environment.put(line.sub(b"", content), path, mode=files[path])
        yield replace(wanted, environment=variables)


@contextmanager
def _port_taken(session: Session) -> Iterator[Service]:
    with _afterwards(session, session.environment.neighbours.vacate):
        session.environment.neighbours.occupy(session.setting.port(session.slot))
        yield service(session)


@contextmanager
def _database_gone(session: Session) -> Iterator[Service]:
    def start() -> None:
        if not session.database_runs:
            session.environment.services.start_database()
            session.database_runs = True

    with _afterwards(session, start):
        session.environment.services.stop_database()
        session.database_runs = False
        yield service(session)
