"""Steps `start` and `ready`: the product's process comes up, and answers healthy several times in a row."""

import shlex
import time
from typing import Any

from lab.environment.base import NotStartedError, Service, ServiceState
from lab.history import StepFailedError
from lab.lifecycle.actions import expected
from lab.lifecycle.configure import current
from lab.lifecycle.http import Door
from lab.lifecycle.llm_rules import NO_RULES, usual_rules
from lab.lifecycle.mock_control import mock_control
from lab.lifecycle.setting import Session
from lab.lifecycle.unit import own_unit, stop_seconds
from lab.product.actions import Request
from lab.scenario.steps import ReadyStep, StartStep
from lab.template import render

FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.02, 0.25, 1.1
"""Seconds between two polls: fine at first, coarser for a slow product."""
PROBE_SECONDS = 5.0
LAST_WORDS = 12
"""Lines of the product's log that an explanation quotes."""


def service(session: Session) -> Service:
    """Return how the installed version is run with the configuration in force."""
    scope, definition = session.scope(), session.definition
    return Service(
        argv=tuple(render(definition.start.argv, scope)),
        # What the operator wrote stays as it was written: an upgrade does not fill it in anew.
        environment={
            **session.setting.llm_variables(session.slot),
            **render(current(session).environment, session.scope(session.configured)),
        },
        directory=render(definition.start.directory, scope),
        port=session.setting.port(session.slot),
        image=session.images.get(session.slot, ""),
        unit=own_unit(session),
        stop_seconds=stop_seconds(definition),
    )


def start(session: Session, step: StartStep, facts: dict[str, Any]) -> None:
    """Start the product and record its first state.

    Raises StepFailedError when there is no process to speak of.
    """
    facts["services"] = session.environment.services.ready()  # the product must find what it may ask for at once
    instruct(session)
    if step.under_init:
        session.environment.neighbours.watch_processes()
    wanted = service(session)
    facts |= {"argv": list(wanted.argv), "image": wanted.image, "version": session.definition.label}
    began = time.monotonic()
    try:
        state = session.environment.product.start(wanted)
    except NotStartedError as error:
        raise StepFailedError(f"'{shlex.join(wanted.argv)}' cannot be executed: {error}") from error
    # A service manager may return only once the product is up: that time is the product's.
    session.started_at = time.monotonic() - state.extra.get("start_seconds", 0.0)
    facts["call_seconds"] = round(time.monotonic() - began, 4)
    facts["state"] = as_facts(state)
    if session.door is not None:
        session.door.close()
    session.door = Door(session.environment.product.base_url(), session.record)
    facts["base_url"] = session.door.base_url


def instruct(session: Session) -> None:
    """Tell the LLM mock what the installed version says it asks: it refuses the rest; nothing where none does."""
    use = session.definition.llm
    if session.instructed != session.slot and (use is not None or session.instructed is not None):
        with mock_control(session) as mock:
            mock.set_rules(usual_rules(use) if use is not None else NO_RULES)
    session.instructed = session.slot


def ready(session: Session, step: ReadyStep, facts: dict[str, Any]) -> None:
    """Poll the health endpoint until it is as promised `consecutive` times in a row.

    Raises StepFailedError when the product exits or does not get there within the time-out `ready`.
    """
    definition = session.definition
    if definition.health is None:
        facts["asked"] = False
        return
    request = Request(path=definition.health.path)
    answer = expected(definition.health.expect, session.scope())
    timeout = session.setting.timeouts.ready
    deadline = session.started_at + timeout
    pause, in_row, probes, problem = FIRST_PAUSE, 0, 0, "it was never asked"
    facts |= {"consecutive": step.consecutive, "window": timeout}
    while True:
        result = session.http.send(request, PROBE_SECONDS, event="probe")
        probes += 1
        problem = result.problem(answer)
        in_row = 0 if problem else in_row + 1
        facts |= {"probes": probes, "in_row": in_row, "last_status": result.status, "last_problem": problem}
        if in_row == step.consecutive:
            facts["seconds_to_ready"] = round(time.monotonic() - session.started_at, 4)
            facts["waited"] = session.environment.product.waited()
            facts["body"] = result.json
            facts["state"] = _await_own_health_check(session, deadline)
            return
        if problem:
            state = session.environment.product.state()
            if not state.running:
                facts["state"] = as_facts(state)
                ran = time.monotonic() - session.started_at
                raise StepFailedError(
                    f"the product exited with code {state.exit_code} after {ran:.1f} s, before it was ready\n"
                    f"its last words:\n{last_words(session)}"
                )
        if time.monotonic() > deadline:
            facts["state"] = as_facts(session.environment.product.state())
            raise StepFailedError(
                f"{request.path} was not as promised {step.consecutive} times in a row within {timeout:g} s "
                f"({probes} probes); last: {problem or 'as promised'}\nits last words:\n{last_words(session)}"
            )
        session.record.pause(pause)
        pause = min(pause * GROWTH, LONGEST_PAUSE)


def _await_own_health_check(session: Session, deadline: float) -> dict[str, Any]:
    """Where an image brings a health check, wait until it has an opinion."""
    state = session.environment.product.state()
    while state.health == "starting" and time.monotonic() < deadline:
        session.record.pause(LONGEST_PAUSE)
        state = session.environment.product.state()
    return as_facts(state)


def as_facts(state: ServiceState) -> dict[str, Any]:
    """Return a state for the history."""
    return {
        "running": state.running, "pid": state.pid, "started_at": state.started_at, "exit_code": state.exit_code,
        "oom_killed": state.oom_killed, "health": state.health, **state.extra,
    }  # fmt: skip


def last_words(session: Session) -> str:
    """Return the last lines that the product wrote, redacted."""
    log = session.environment.product.logs()
    lines = (log.stderr.strip() or log.stdout.strip()).decode("utf8", "replace").splitlines()
    return session.record.redact("\n".join(lines[-LAST_WORDS:])) or "(it wrote nothing)"
