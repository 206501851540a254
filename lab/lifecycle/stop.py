"""Step `stop`: end the product by a declared way, with a request in flight if the scenario says so, and measure.

A request is in flight when the LLM mock has received what it led to, and holds its answer back.
"""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx

from lab.errors import InfrastructureError
from lab.history import StepFailedError
from lab.lifecycle.actions import expected, rendered
from lab.lifecycle.http import HttpResult
from lab.lifecycle.setting import Session
from lab.lifecycle.start import as_facts
from lab.product.actions import Request
from lab.product.model import InFlight, StopWay
from lab.scenario.model import StopStep
from lab.template import near, render

POLL_SECONDS = 0.02
PROBE_EVERY = 0.05
PROBE_SECONDS = 1.0
MOST_PROBES = 200
KILL_SECONDS = 10.0


@dataclass
class Flight:
    """A request under way in a thread of its own."""

    thread: threading.Thread
    begun: float
    result: HttpResult | None = None
    ended: float = 0.0


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
    before = session.environment.state()
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
    facts["processes"] = session.environment.processes()
    flight = None
    wanted = session.definition.in_flight
    if step.in_flight and wanted is not None:
        flight = _take_off(session, wanted, step.hold, facts)
    began = time.monotonic()
    watch = Watch()
    with ThreadPoolExecutor(max_workers=1) as pool:
        asked = _ask(session, way, facts, pool)
        exited = _await_exit(session, wanted, way, began, watch)
        if asked is not None:
            asked.result()
    facts["killed"] = not exited
    if not exited:
        session.environment.signal("SIGKILL")
        _until_gone(session, time.monotonic() + KILL_SECONDS)
    facts["seconds"] = round(time.monotonic() - began, 4)
    facts["after"] = as_facts(session.environment.state())
    facts["probes"] = watch.probes
    facts["new_work"] = watch.new_work
    flipped = [probe["at"] for probe in watch.probes if probe["status"] != 200]  # noqa: PLR2004
    facts["unready_after"] = flipped[0] if flipped else None
    facts["port_answers"] = session.http.send(Request(path="/"), PROBE_SECONDS, event="probe").status is not None
    if flight is not None and wanted is not None:
        _land(session, flight, wanted, began, facts)


def _take_off(session: Session, wanted: InFlight, hold: float, facts: dict[str, Any]) -> Flight:
    """Send the request and return once the LLM mock has it."""
    control = httpx.Client(base_url=session.environment.llm().control_url, timeout=30, trust_env=False)
    with control:
        try:
            last = control.get("/journal", params={"after": 0}).raise_for_status().json()["next"]
            control.put("/delay", json={"seconds": hold, "times": 1}).raise_for_status()
        except httpx.HTTPError as error:
            raise InfrastructureError(f"the LLM mock does not take orders: {error}") from error
        request = rendered(wanted.request, session.scope())
        timeout = session.setting.timeouts.request + hold

        def fly() -> None:
            flight.result = session.http.send(request, timeout)
            flight.ended = time.monotonic()

        flight = Flight(threading.Thread(target=fly, name="in-flight", daemon=True), time.monotonic())
        flight.thread.start()
        deadline = time.monotonic() + session.setting.timeouts.request
        received = False
        while not received and flight.thread.is_alive() and time.monotonic() < deadline:
            try:
                told = control.get("/journal", params={"after": last, "wait": 0.5}).raise_for_status().json()
            except httpx.HTTPError as error:
                raise InfrastructureError(f"the LLM mock's journal cannot be read: {error}") from error
            received = any(entry["outcome"] == "in-flight" for entry in told["entries"])
    facts["in_flight"] = {"received_by_llm": received, "request": f"{request.method} {request.path}"}
    return flight


def _ask(session: Session, way: StopWay, facts: dict[str, Any], pool: ThreadPoolExecutor) -> "Future[None] | None":
    """Set the stop off by its way; one that the engine sees through itself goes on in the pool."""
    if way.signal is not None:
        session.environment.signal(way.signal)
        return None
    if way.request is not None:
        result = session.http.send(rendered(way.request, session.scope()), session.setting.timeouts.request)
        facts["request_problem"] = result.problem(expected(way.expect, session.scope()))
        return None
    return pool.submit(session.environment.stop, way.budget)


def _await_exit(session: Session, wanted: InFlight | None, way: StopWay, began: float, watch: Watch) -> bool:
    """Watch until the process is gone or its budget is used up; probe health and, once, new work."""
    deadline = began + way.budget
    next_probe = began
    health = session.definition.health
    while time.monotonic() < deadline:
        if not session.environment.state().running:
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
    return not session.environment.state().running


def _until_gone(session: Session, deadline: float) -> None:
    while session.environment.state().running:
        if time.monotonic() > deadline:
            raise InfrastructureError(f"the product's process did not end within {KILL_SECONDS:g} s of SIGKILL")
        session.record.pause(POLL_SECONDS)


def _land(session: Session, flight: Flight, wanted: InFlight, began: float, facts: dict[str, Any]) -> None:
    """Record what became of the request; an answer that was given is owed after the next start."""
    flight.thread.join(session.setting.timeouts.request)
    result = flight.result
    told = facts["in_flight"]
    if result is None:
        told |= {"status": None, "problem": "no answer, and no end of the connection either"}
        return
    told |= {
        "status": result.status,
        "problem": result.problem(expected(wanted.expect, session.scope())),
        "seconds": round(result.seconds, 4),
        "answered_after_stop": round(flight.ended - began, 4),
        "answer": result.excerpt(500),
    }
    if not told["problem"]:
        session.owed = list(wanted.read)
