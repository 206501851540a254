"""A trial on a machine of an inventory lets go of what it has here, whatever becomes of what it has there."""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab import process
from lab.environment import host
from lab.environment.host import HostEnvironment, HostRecipe
from lab.environment.remote import ansible, trial
from lab.environment.remote.ansible import Play
from lab.environment.remote.inventory import Host
from lab.environment.remote.ssh import LocalConnection
from lab.errors import DiskFullError

SECONDS = 20
RAN = Play("remove", 2.5, "", b"")


class Connection(LocalConnection):
    """The way to this machine, of which it is known whether it was closed."""

    closed = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Connection:
    made = Connection(Host("here", local=True))
    monkeypatch.setattr(host, "connection_to", lambda *_: made)
    return made


@pytest.fixture
def make(tmp_path: Path, connection: Connection) -> Callable[..., HostEnvironment]:
    """Return what makes an environment of which something is on its machine."""

    def environment(note: Callable[..., None] = lambda *_, **__: None) -> HostEnvironment:
        folder = tmp_path / "places" / f"test-{os.getpid()}"
        folder.mkdir(parents=True)
        made = HostEnvironment(HostRecipe(connection.host, "0" * 32, folder, tmp_path), note)
        made._write_note()
        return made

    return environment


def played(monkeypatch: pytest.MonkeyPatch, play: Callable[..., Play]) -> None:
    monkeypatch.setattr(trial, "play", play)


def notes(environment: HostEnvironment) -> list[str]:
    return [path.name for path in environment.recipe.folder.parents[1].glob("hosts/*")]


def let_go(environment: HostEnvironment, connection: Connection) -> bool:
    """Whether nothing is held on this machine any more."""
    return connection.closed and not environment._ports._held and not environment.recipe.folder.parent.exists()


@pytest.mark.parametrize("error", [DiskFullError("no space is left"), OSError(28, "No space left"), KeyError("plays")])
def test_a_removal_that_cannot_even_begin_is_told_and_noted_still(
    error: Exception,
    make: Callable[..., HostEnvironment],
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: Any, **__: Any) -> Play:
        raise error

    played(monkeypatch, fails)
    environment = make()
    assert environment.destroy() == [
        f"the host here (this machine itself): lab-test-{os.getpid()} is still there: {error}"
    ]
    assert notes(environment) == [f"test-{os.getpid()}.json"]
    assert let_go(environment, connection)


def test_a_removal_that_cannot_be_recorded_was_one(
    make: Callable[..., HostEnvironment], connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def note(event: str, **_: Any) -> None:
        if event == "playbook":
            raise DiskFullError("no space is left")

    played(monkeypatch, lambda *_, **__: RAN)
    environment = make(note)
    [said] = environment.destroy()
    assert said.endswith("is removed, but not all of it is recorded: no space is left")
    assert notes(environment) == []
    assert let_go(environment, connection)


def test_an_interruption_waits_for_a_removal(
    make: Callable[..., HostEnvironment],
    connection: Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, go_on, program = tmp_path / "begun", tmp_path / "go-on", tmp_path / "python"
    os.mkfifo(begun)
    os.mkfifo(go_on)
    program.write_text(f"""#!/bin/sh
echo > {begun}
read _ < {go_on}
echo '{{"problem": "", "output": ""}}'
""")
    program.chmod(0o755)
    monkeypatch.setattr(process, "interrupted", threading.Event())
    monkeypatch.setattr(ansible, "require_ansible", lambda: None)
    monkeypatch.setattr(ansible, "sys", SimpleNamespace(executable=str(program), prefix=sys.prefix))
    environment = make()
    gate = os.open(go_on, os.O_RDWR)  # for both, so that it waits for no reader
    with ThreadPoolExecutor() as pool:
        removal = pool.submit(environment.destroy)
        begun.read_text()
        process.interrupted.set()
        process.end_commands(process.interrupted.is_set)  # as the signal does
        environment.abort()
        os.write(gate, b"\n")
        assert removal.result(SECONDS) == []
    os.close(gate)
    assert notes(environment) == []
    assert let_go(environment, connection)
