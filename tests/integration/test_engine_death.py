"""An engine or a container of the lab's own that dies in mid-run is the lab's error, never the product's failure."""

import re
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lab import paths
from lab.environment.containers import engine
from lab.records.store import list_runs, read_run, read_trials
from tests.integration.program import client, lab, left_on_engine, start_lab

pytestmark = pytest.mark.engine


class Wire:
    """A socket that passes everything on to the real engine until it is cut."""

    def __init__(self, path: Path, target: str) -> None:
        self.path = path
        self._target = target
        self._open: list[socket.socket] = []
        self._cut = False
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._cut = True
        self._server.close()
        self.path.unlink(missing_ok=True)
        for each in self._open:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for each in self._open:
            each.close()

    def _accept(self) -> None:
        while not self._cut:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._target)
            self._open += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return


@pytest.fixture
def wire() -> Iterator[Wire]:
    address = engine.address() or ""
    if not address.startswith("unix://"):
        pytest.skip("the engine is not reached by a socket of this machine")
    # The path of a socket may have 107 characters at most; a test's own folder is often deeper.
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        made = Wire(Path(folder) / "engine.sock", address.removeprefix("unix://"))
        yield made
        made.cut()


def _start(database: str, **variables: str) -> "subprocess.Popen[str]":
    return start_lab("run", "fresh-install", "--set", "stop=signal", "--set", f"database={database}", **variables)


def _read_until(child: "subprocess.Popen[str]", step: str) -> str:
    """Read what the run says until it has told of a step's end."""
    assert child.stdout is not None
    said = ""
    for line in child.stdout:
        said += line
        if re.search(rf" \d\d-{step} ", line):
            return said
    raise AssertionError(f"the run never came to {step}: {said}")


def _is_an_error(child: "subprocess.Popen[str]", said: str) -> None:
    """The run ends as the lab's error, and no trial as anything else."""
    rest, _ = child.communicate(timeout=120)
    assert child.returncode == 3, said + rest
    assert "Traceback" not in said + rest
    (folder,) = list_runs()
    trials = read_trials(folder).results
    assert {trial.verdict for trial in trials} == {"error"}, said + rest
    assert {check.verdict for trial in trials for check in trial.checks if check.verdict == "fail"} == set()
    ended = read_run(folder).exit
    assert ended is not None
    assert ended.code == 3


@pytest.mark.parametrize(("database", "with_containers"), [("sqlite", False), ("sqlite", True), ("postgresql", True)])
@pytest.mark.parametrize("step", ["prepare", "ready", "verify", "stop"])
def test_an_engine_that_dies_gives_error_and_what_it_left_can_be_swept(
    wire: Wire, step: str, database: str, with_containers: bool
) -> None:
    child = _start(database, DOCKER_HOST=f"unix://{wire.path}")
    said = _read_until(child, step)
    wire.cut()
    if with_containers:
        with closing(client()) as api:
            for container in api.containers.list(filters={"label": f"{engine.OWNER}={paths.owner()}"}):
                container.kill()

    _is_an_error(child, said)
    swept = lab("clean")
    assert swept.code == 0, swept.said
    assert left_on_engine() == []


@pytest.mark.parametrize(
    ("role", "step"),
    [
        *(("postgresql", step) for step in ("configure", "ready", "verify", "stop", "ledger")),
        ("llm", "verify"),
        ("toolbox", "ready"),
    ],
)
def test_a_container_of_the_labs_own_that_somebody_kills_is_never_blamed_on_the_product(role: str, step: str) -> None:
    child = _start("postgresql")
    said = _read_until(child, step)
    with closing(client()) as api:
        wanted = [f"{engine.OWNER}={paths.owner()}", f"{engine.ROLE}={role}"]
        for container in api.containers.list(filters={"label": wanted}):
            container.kill()

    _is_an_error(child, said)
    assert left_on_engine() == []
