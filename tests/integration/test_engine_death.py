"""An engine that dies in the middle of a run is the lab's error, never the product's failure."""

import re
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import paths
from lab.environment import engine
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


@pytest.mark.parametrize("with_containers", [False, True])
@pytest.mark.parametrize("step", ["00-prepare", "04-ready", "07-verify", "08-stop"])
def test_an_engine_that_dies_gives_error_and_what_it_left_can_be_swept(
    wire: Wire, step: str, with_containers: bool
) -> None:
    child = start_lab("run", "fresh-install", "--set", "stop=signal", DOCKER_HOST=f"unix://{wire.path}")
    assert child.stdout is not None
    said = ""
    for line in child.stdout:
        said += line
        if re.search(step, line):
            break
    wire.cut()
    if with_containers:
        for container in client().containers.list(filters={"label": f"{engine.OWNER}={paths.owner()}"}):
            container.kill()
    rest, _ = child.communicate(timeout=120)

    assert child.returncode == 3, said + rest
    assert "Traceback" not in said + rest
    (folder,) = list_runs()
    assert {trial.verdict for trial in read_trials(folder).results} == {"error"}
    ended = read_run(folder).exit
    assert ended is not None
    assert ended.code == 3
    swept = lab("clean")
    assert swept.code == 0, swept.said
    assert left_on_engine() == []
