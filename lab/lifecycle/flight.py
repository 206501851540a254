"""A request in flight: sent, known to have got where the lab holds it up, and followed to its end.

It is held up where the product has to wait for something of the lab's: for an answer of the LLM mock, or for a table
of the database that the lab has locked.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lab.lifecycle.actions import expected, rendered
from lab.lifecycle.http import HttpResult
from lab.lifecycle.lock import TableLock
from lab.lifecycle.mock_control import mock_control
from lab.lifecycle.setting import Session
from lab.product.model import InFlight


@dataclass
class Flight:
    """A request under way in a thread of its own."""

    thread: threading.Thread
    begun: float
    result: HttpResult | None = None
    ended: float = 0.0
    lock: TableLock | None = None
    """What held it up, if that was a table."""


def take_off(session: Session, wanted: InFlight, hold: float, facts: dict[str, Any]) -> Flight | None:
    """Send the request and return once it is held up, for `hold` seconds from then; None where it cannot be held.

    Raises InfrastructureError where the mock or the database does not take orders.
    """
    request = rendered(wanted.request, session.scope())
    facts["in_flight"] = told = {"request": f"{request.method} {request.path}", "arrived": False}
    if wanted.lock is not None and not session.setting.has_database_server:
        told["unheld"] = f"a lock on the table {wanted.lock} would hold it up, but this cell has no database server"
        return None
    lock = None
    if wanted.lock is not None:
        lock = TableLock(session.environment.services, session.setting.account.name, wanted.lock)
    holding = _table(lock, hold) if lock is not None else _llm(session, hold)
    timeout = session.setting.timeouts.request + hold

    def fly() -> None:
        flight.result = session.http.send(request, timeout)
        flight.ended = time.monotonic()

    flight = Flight(threading.Thread(target=fly, name="in-flight", daemon=True), time.monotonic(), lock=lock)
    with holding as arrived:
        flight.begun = time.monotonic()
        flight.thread.start()
        deadline = time.monotonic() + session.setting.timeouts.request
        while not told["arrived"] and flight.thread.is_alive() and time.monotonic() < deadline:
            told["arrived"] = arrived()
    told["held_by"] = f"a lock on the table {wanted.lock}" if wanted.lock is not None else "the LLM"
    return flight


def land(session: Session, flight: Flight, wanted: InFlight, began: float, facts: dict[str, Any]) -> None:
    """Record what became of the request; an answer that was given is owed after the next start."""
    flight.thread.join(session.setting.timeouts.request)
    if flight.lock is not None:
        flight.lock.check()
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


@contextmanager
def _llm(session: Session, hold: float) -> "Iterator[Callable[[], bool]]":
    """Let the LLM mock hold back its next answer; give what says whether it has received a request."""
    with mock_control(session) as mock:
        last = mock.last()
        mock.hold(hold, times=1)
        arrived = False

        def received() -> bool:
            nonlocal arrived
            arrived = any(entry["outcome"] == "in-flight" for entry in mock.entries(last, wait=0.5))
            return arrived

        yield received
        if not arrived:
            mock.hold(0)  # nobody else's answer is held back


@contextmanager
def _table(lock: TableLock, hold: float) -> "Iterator[Callable[[], bool]]":
    """Lock a table; give what says whether somebody waits for it, and let go `hold` seconds after somebody did."""
    try:
        lock.take()
        yield lock.awaited
    finally:
        lock.let_go(after=hold if lock.was_awaited else 0)
