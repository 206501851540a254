"""Processes of this machine are told apart by a mark, whatever became of their parents."""

import errno
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.environment.base import NotStartedError, Service
from lab.environment.local import LocalEnvironment, LocalRecipe
from lab.environment.processes import table as processes
from lab.errors import InfrastructureError

WAITS = [sys.executable, "-c", "import sys; print('here', flush=True); sys.stdin.read()"]
NAME = "LAB_TEST_MARK"


@pytest.fixture
def mark() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def child(mark: str) -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(
        WAITS, env={NAME: mark}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as started:
        assert started.stdout is not None
        started.stdout.readline()  # by now it is the program, and no copy of this one
        yield started
        started.kill()


def test_the_marked_one_is_found_and_no_other(child: "subprocess.Popen[bytes]", mark: str) -> None:
    assert processes.marked(NAME, mark) == [child.pid]
    assert processes.marked(NAME, mark[:-1]) == []


def test_a_session_is_found_by_its_leader(child: "subprocess.Popen[bytes]") -> None:
    assert processes.in_session(child.pid) == [child.pid]


def test_memory_is_told_in_bytes_and_of_nobody_there_is_none(child: "subprocess.Popen[bytes]") -> None:
    found = processes.memory([child.pid])
    assert 1_000_000 < found["current"] < 100_000_000
    assert found["peak"] > 1_000_000
    assert processes.memory([]) == {}


def test_the_killed_are_gone_although_nobody_has_asked_for_their_end(
    child: "subprocess.Popen[bytes]", mark: str
) -> None:
    processes.kill([child.pid])
    assert child.stdout is not None
    child.stdout.read()  # its end is seen here before its parent asks for it
    assert child.poll() in {None, -9}
    child.wait()
    assert processes.marked(NAME, mark) == []
    assert processes.in_session(child.pid) == []
    processes.kill([child.pid])  # one that has gone needs none
    assert processes.command_line(child.pid) == ""


def local(folder: Path) -> LocalEnvironment:
    name = f"trial-{uuid.uuid4().hex}"  # by which a trial's processes are found and ended: no other test's
    recipe = LocalRecipe("0" * 32, folder / name, "this-machine", folder / "cache", folder)
    recipe.folder.mkdir()
    return LocalEnvironment(recipe, lambda *_told, **_more: None)


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM, errno.EMFILE])
def test_a_machine_that_has_no_room_for_a_process_is_not_the_products_failure(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_words: object, **_named: object) -> None:
        raise OSError(number, os.strerror(number))

    where = local(tmp_path)
    monkeypatch.setattr(subprocess, "Popen", full)
    with pytest.raises(InfrastructureError, match=os.strerror(number)):
        where.product.start(Service(("sleep", "1"), {}, "/", 8881))
    with pytest.raises(InfrastructureError, match=os.strerror(number)):
        where.run(["sleep", "1"], timeout=5)
    where.destroy()


def test_a_program_that_cannot_be_executed_is_the_products_failure(tmp_path: Path) -> None:
    where = local(tmp_path)
    for name, mode, text in (("closed", 0o644, "#!/bin/sh\n"), ("nonsense", 0o755, "\x7fELF")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(mode)
    for words, folder in (("none", "/"), ("closed", "/"), ("nonsense", "/"), ("closed/below", "/"), (".", "/none")):
        with pytest.raises(NotStartedError):
            where.product.start(Service((f"{tmp_path}/{words}",), {}, folder, 8881))
        assert where.run([f"{tmp_path}/{words}"], timeout=5, directory=folder).exit_code == 127
    where.destroy()


def test_a_session_is_found_whatever_its_processes_have_in_their_environment(tmp_path: Path) -> None:
    notes = tmp_path / "sessions"
    with subprocess.Popen(["/usr/bin/env", "-i", "/bin/sleep", "60"], start_new_session=True) as child:
        processes.note_session(notes, child.pid)
        assert processes.of_sessions(notes) == [child.pid]
        began = notes.read_text().split()[1]
        notes.write_text(notes.read_text().replace(f" {began} ", " 1 "))
        assert processes.of_sessions(notes) == [], "somebody else has the number now"
        child.kill()
    assert processes.of_sessions(tmp_path / "none") == []


@pytest.mark.parametrize("text", ["1", "x 1 y", "1 1 another-boot", "\0"])
def test_notes_of_sessions_that_say_nothing_are_passed_over(text: str, tmp_path: Path) -> None:
    (tmp_path / "sessions").write_text(text)
    assert processes.of_sessions(tmp_path / "sessions") == []
