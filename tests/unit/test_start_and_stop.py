"""The steps `start` and `stop` with a product that is a process of this machine, or a stand-in of one."""

import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab.environment.base import Environment, Service, ServiceState
from lab.environment.local import LocalEnvironment, LocalRecipe
from lab.history import Recorder
from lab.lifecycle import start as starting
from lab.lifecycle.http import Door
from lab.lifecycle.setting import Session
from lab.lifecycle.stop import stop
from lab.planning import draft, planned_artifacts, setting_of
from lab.product.actions import Request
from lab.redact import Redactor
from lab.scenario.steps import StartStep, StopStep
from lab.wish import Wish

SERVER = """
import http.server, os, signal, sys, time

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *words):
        pass

server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer)
if sys.argv[2] == "leaves" and os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    server.serve_forever()
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
if sys.argv[2] == "leaves":
    server.socket.close()
    while True:
        time.sleep(60)
server.serve_forever()
"""
"""Answers itself, or leaves that to a child which outlives it."""


@pytest.fixture
def where(tmp_path: Path) -> Iterator[LocalEnvironment]:
    name = f"trial-{uuid.uuid4().hex}"  # by which a trial's processes are found and ended: no other test's
    recipe = LocalRecipe("0" * 32, tmp_path / name, "this-machine", tmp_path / "cache", tmp_path)
    recipe.folder.mkdir()
    made = LocalEnvironment(recipe, lambda *_told, **_more: None)
    yield made
    made.destroy()


@pytest.fixture
def in_session(tmp_path: Path) -> Iterator[Callable[[Environment], Session]]:
    planned = draft(Wish("fresh-install", environments=("docker",)))
    setting = replace(setting_of(planned, planned.cells[0], planned_artifacts(planned)), secrets={"api-key": "a-key"})
    record = Recorder(tmp_path / "events.ndjson", Redactor(()))
    yield lambda environment: Session(setting, environment, record, tmp_path, installed="to")
    record.close()


@pytest.mark.parametrize(("way", "answers"), [("alone", False), ("leaves", True)])
def test_what_still_answers_on_the_port_is_noticed_before_it_is_ended(
    where: LocalEnvironment, in_session: Callable[[Environment], Session], way: str, answers: bool
) -> None:
    session = in_session(cast("Environment", where))
    port = where.bindings.port
    assert port is not None
    where.product.start(Service((sys.executable, "-c", SERVER, str(port), way), {}, "/", port))
    session.door = Door(where.product.base_url(), session.record)
    while session.http.send(Request(path="/"), 5).status is None:
        assert where.product.state().running
        session.record.pause(0.02)
    facts: dict[str, Any] = {}
    stop(session, StopStep(step="stop", way="signal"), facts)
    assert (facts["killed"], facts["port_answers"], len(facts["left_behind"])) == (False, answers, int(answers))
    assert session.http.send(Request(path="/"), 5).status is None
    session.http.close()


def test_the_time_in_which_a_service_manager_waits_for_the_product_counts(
    in_session: Callable[[Environment], Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    state = ServiceState(True, 7, "", extra={"start_seconds": 30.0})
    product = SimpleNamespace(start=lambda _service: state, base_url=lambda: "http://127.0.0.1:9")
    services = SimpleNamespace(ready=dict)
    monkeypatch.setattr(starting, "instruct", lambda _session: None)
    session = in_session(cast("Environment", SimpleNamespace(product=product, services=services)))
    monkeypatch.setattr(starting, "service", lambda _session: Service(("serve",), {}, "/", 8881))
    before = time.monotonic()
    starting.start(session, StartStep(step="start"), {})
    assert session.started_at - before == pytest.approx(-30.0, abs=5)
    session.http.close()
