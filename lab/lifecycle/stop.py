"""Step `stop`: end the product by a declared way, with a request in flight if the scenario says so, and measure."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from lab.errors import InfrastructureError
from lab.history import StepFailedError
from lab.lifecycle.actions import expected, rendered
from lab.lifecycle.flight import land, take_off
from lab.lifecycle.setting import Session
from lab.lifecycle.start import as_facts
from lab.product.actions import Request
from lab.product.model import InFlight, StopWay
from lab.scenario.steps import StopStep
from lab.template import near, render

POLL_SECONDS = 0.02
PROBE_EVERY = 0.05
PROBE_SECONDS = 1.0
MOST_PROBES = 200
KILL_SECONDS = 10.0
SETTLE_SECONDS = 0.5
"""What lets go of the port within this time of the product's end goes with it."""


@dataclass
class Watch:
    """What is seen from outside while the product stops."""

    probes: list[dict[str, Any]] = field(default_factory=list)
    new_work: dict[str, Any] | None = None


def stop(session: Session, step: StopStep, facts: dict[str, Any]) -> None:
    """Stop the product and record how it went; one that outlives its budget is killed, and that is recorded.

    Raises StepFailedError when it was not running before: there is nothing to stop.
    """
    name = render(step.way, session.setting.cell.scope)
    ways = session.definition.stop
    if name not in ways:
        raise InfrastructureError(f"the definition declares no way to stop '{name}'{near(name, ways)}")
    way = ways[name]
    before = session.environment.product.state()
    facts |= {
        "way": name,
        "budget": way.budget,
        "version": session.definition.label,
        "before": as_facts(before),
    }
    facts |= {"promised_exit_codes": way.exit_codes, "promised_in_flight": way.in_flight}
    if not before.running:
        raise StepFailedError(
            f"the product was not running before the stop: it had exited with code {before.exit_code}"
        )
    facts["processes"] = session.environment.product.processes()
    flight = None
    wanted = session.definition.in_flight
    if step.in_flight and wanted is not None:
        flight = take_off(session, wanted, step.hold, facts)
    began = time.monotonic()
    watch = Watch()
    with ThreadPoolExecutor(max_workers=1) as pool:
        asked = _ask(session, way, facts, pool)
        exited = _await_exit(session, wanted, way, began, watch)
        if asked is not None:
            asked.result()
    facts["killed"] = not exited
    if not exited:
        kill(session)
    facts["seconds"] = round(time.monotonic() - began, 4)
    facts["after"] = as_facts(session.environment.product.state())
    facts["port_answers"] = _port_answers(session, began + way.budget)  # first: to ask who is left may end them
    facts["left_behind"] = session.environment.neighbours.left_behind()
    facts["probes"] = watch.probes
    facts["new_work"] = watch.new_work
    flipped = [probe["at"] for probe in watch.probes if probe["status"] != 200]  # noqa: PLR2004
    facts["unready_after"] = flipped[0] if flipped else None
    if flight is not None and wanted is not None:
        land(session, flight, wanted, began, facts)


def _ask(session: Session, way: StopWay, facts: dict[str, Any], pool: ThreadPoolExecutor) -> "Future[None] | None":
    """Set the stop off by its way; one that the engine sees through itself goes on in the pool."""
    if way.signal is not None:
        session.environment.product.signal(way.signal)
        return None
    if way.request is not None:
        result = session.http.send(rendered(way.request, session.scope()), session.setting.timeouts.request)
        facts["request_problem"] = result.problem(expected(way.expect, session.scope()))
        return None
    return pool.submit(session.environment.product.stop, way.budget)


def _await_exit(session: Session, wanted: InFlight | None, way: StopWay, began: float, watch: Watch) -> bool:
    """Watch until the process is gone or its budget is used up; probe health and, once, new work."""
    deadline = began + way.budget
    next_probe = began
    health = session.definition.health
    while time.monotonic() < deadline:
        if not session.environment.product.state().running:
            return True
        if time.monotonic() >= next_probe and health is not None and len(watch.probes) < MOST_PROBES:
            at = round(time.monotonic() - began, 4)
            result = session.http.send(Request(path=health.path), PROBE_SECONDS, event="probe")
            watch.probes.append({"at": at, "status": result.status, "error": result.error})
            next_probe = time.monotonic() + PROBE_EVERY
            if watch.new_work is None and wanted is not None and wanted.new_work is not None:
                work = session.http.send(rendered(wanted.new_work, session.scope()), PROBE_SECONDS)
                watch.new_work = {"at": at, "status": work.status, "error": work.error}
        session.record.pause(POLL_SECONDS)
    return not session.environment.product.state().running


def _port_answers(session: Session, deadline: float) -> bool:
    """Whether something goes on answering on the port, other than what a service manager is still ending in time."""
    settled = time.monotonic() + SETTLE_SECONDS
    while session.http.send(Request(path="/"), PROBE_SECONDS, event="probe").status is not None:
        unit = session.environment.product.state().extra.get("unit", {})
        ending = unit.get("active_state") == "deactivating" and time.monotonic() < deadline
        if time.monotonic() > settled and not ending:
            return True
        session.record.pause(POLL_SECONDS)
    return False


def kill(session: Session) -> None:
    """End the product's process by SIGKILL; it is gone when this returns.

    Raises InfrastructureError where it is not.
    """
    session.environment.product.signal("SIGKILL")
    deadline = time.monotonic() + KILL_SECONDS
    while session.environment.product.state().running:
        if time.monotonic() > deadline:
            raise InfrastructureError(f"the product's process did not end within {KILL_SECONDS:g} s of SIGKILL")
        session.record.pause(POLL_SECONDS)
