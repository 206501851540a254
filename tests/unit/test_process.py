"""Real processes: what they gave, and that nothing of them is left when their time is over."""

import errno
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab import process
from lab.errors import InfrastructureError
from lab.process import CommandResult, run


@pytest.fixture
def mark() -> str:
    """A word by which the processes of one test can be told from all others."""
    return f"mark-{uuid.uuid4().hex}"


def alive(mark: str) -> list[str]:
    """Return the ids of living processes with the mark on their command line; the dead have none."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue  # it ended meanwhile
    return found


def test_a_command_gives_exit_code_output_and_time() -> None:
    result = run(["sh", "-c", "echo out; echo err >&2; exit 3"], timeout=20)
    assert (result.exit_code, result.stdout, result.stderr) == (3, b"out\n", b"err\n")
    assert (result.ok, result.timed_out) == (False, False)
    assert 0 < result.seconds < 20


def test_output_is_bytes_and_may_be_anything() -> None:
    script = r"import sys; sys.stdout.buffer.write(b'\xff\x00\n' * 100_000)"
    assert run([sys.executable, "-c", script], timeout=20).stdout == b"\xff\x00\n" * 100_000


def test_words_are_not_taken_apart_by_a_shell() -> None:
    assert run(["printf", "%s|", "a b", "$HOME", "*"], timeout=20).stdout == b"a b|$HOME|*|"


def test_a_command_has_no_input_to_wait_for() -> None:
    assert run(["cat"], timeout=20).stdout == b""


def test_variables_are_added_to_those_of_the_lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAB_TEST_KEPT", "kept")
    script = 'echo "$LAB_TEST_KEPT $LAB_TEST_NEW $(pwd)"'
    result = run(["sh", "-c", script], timeout=20, environment={"LAB_TEST_NEW": "new"}, cwd=tmp_path)
    assert result.stdout.decode() == f"kept new {tmp_path}\n"


def test_a_command_that_takes_too_long_is_ended_and_keeps_what_it_said() -> None:
    result = run(["sh", "-c", "echo begun; exec sleep 60"], timeout=0.3)
    assert (result.exit_code, result.timed_out, result.stdout) == (None, True, b"begun\n")
    assert result.seconds < 20


def test_the_whole_group_ends_at_the_deadline(mark: str) -> None:
    run(["sh", "-c", f": {mark}; sleep 60 & sleep 60 & wait"], timeout=0.3)
    assert alive(mark) == []


@pytest.mark.parametrize("leader", ["sleep 60", "wait", "exit 0"])
def test_a_child_that_ignores_sigterm_does_not_outlive_its_leader(mark: str, leader: str) -> None:
    result = run(["sh", "-c", f"(: {mark}; trap '' TERM; sleep 60; :) & {leader}"], timeout=0.3)
    assert result.timed_out
    assert result.seconds < 20
    assert alive(mark) == []


def test_a_process_that_left_the_group_does_not_hold_the_lab_up() -> None:
    result = run(["sh", "-c", "echo begun; setsid sleep 30 & exec sleep 60"], timeout=0.3)
    assert result.seconds < 20
    assert (result.exit_code, result.stdout) == (None, b"begun\n")


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(InfrastructureError, match="the program 'no-such-program-here' is not installed"):
        run(["no-such-program-here", "--version"], timeout=5)


def test_a_folder_that_is_not_there_is_not_taken_for_a_missing_program(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match=r"the folder .*, where 'true' is to run, does not exist"):
        run(["true"], timeout=5, cwd=tmp_path / "gone")


def test_a_file_that_is_no_program_is_named(tmp_path: Path) -> None:
    file = tmp_path / "text"
    file.write_text("no program")
    with pytest.raises(InfrastructureError, match="cannot be started: Permission denied"):
        run([file], timeout=5)


def test_the_tail_is_the_end_of_what_it_said_on_standard_error_or_else_output() -> None:
    both = run(["sh", "-c", "echo out; printf 'one\\ntwo\\nthree\\n' >&2"], timeout=20)
    assert both.tail(2) == "two\nthree"
    assert run(["echo", "only"], timeout=20).tail() == "only"
    assert run(["true"], timeout=20).tail() == ""


def test_the_tail_leaves_out_lines_that_only_point_at_others() -> None:
    said = "ERROR: there is no table a\nLINE 1: select ^ from a\n              ~~^~~\n\t^^^^\n\n"
    assert run(["printf", "%s", said], timeout=20).tail(2) == "ERROR: there is no table a\nLINE 1: select ^ from a"


class Waiting:
    """A command that goes on until it is ended, and that somebody waits for in another thread."""

    def __init__(self, fifo: Path, stopped: Callable[[], bool] | None = None) -> None:
        os.mkfifo(fifo)
        self._results: list[CommandResult] = []
        words = ["sh", "-c", f"echo $$ > {fifo}; exec sleep 60"]
        self._thread = threading.Thread(target=lambda: self._results.append(run(words, timeout=60, stopped=stopped)))
        self._thread.start()
        self._pid = int(fifo.read_text())  # returns when the command has begun
        while not any(child.pid == self._pid for child, _ in list(process._running)):
            os.sched_yield()  # the thread that began it has not noted it yet

    def runs(self) -> bool:
        """Whether nobody has ended it."""
        return Path(f"/proc/{self._pid}").exists()

    def exit_code(self) -> int | None:
        """Wait for its end."""
        self._thread.join(20)
        assert not self._thread.is_alive()
        return self._results[0].exit_code


def test_commands_of_no_trial_are_ended_from_another_thread(tmp_path: Path) -> None:
    command = Waiting(tmp_path / "fifo")
    process.end_commands(process.interrupted.is_set)
    assert command.exit_code() == -15
    assert not command.runs()


def test_the_commands_of_one_trial_are_ended_and_no_others(tmp_path: Path) -> None:
    one, other = threading.Event(), threading.Event()
    of_one, of_other, removal, of_none = (
        Waiting(tmp_path / name, stopped)
        for name, stopped in (("1", one.is_set), ("2", other.is_set), ("3", process.never), ("4", None))
    )
    process.end_commands(one.is_set)
    assert of_one.exit_code() == -15
    assert [each.runs() for each in (of_one, of_other, removal, of_none)] == [False, True, True, True]
    process.end_commands(process.interrupted.is_set)
    assert of_none.exit_code() == -15
    assert [each.runs() for each in (of_other, removal)] == [True, True]
    process.end_commands(other.is_set)
    process.end_commands(process.never)
    assert (of_other.exit_code(), removal.exit_code()) == (-15, -15)


def test_a_command_that_begins_after_its_trial_was_told_to_end_is_ended_at_once() -> None:
    told = threading.Event()
    told.set()
    result = run(["sleep", "60"], timeout=50, stopped=told.is_set)
    assert result.exit_code == -15
    assert result.seconds < 20


def test_no_command_outlives_an_interruption_that_comes_while_it_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "interrupted", threading.Event())
    start = subprocess.Popen

    def interrupted(*words: Any, **options: Any) -> Any:
        child = start(*words, **options)
        process.interrupted.set()
        process.end_commands(process.interrupted.is_set)  # which cannot know it yet
        return child

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    assert run(["sleep", "60"], timeout=50).exit_code == -15


def test_a_command_of_no_trial_does_not_begin_once_the_lab_was_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "interrupted", threading.Event())
    process.interrupted.set()
    assert run(["sleep", "60"], timeout=50).exit_code == -15
    assert run(["true"], timeout=50, stopped=process.never).exit_code == 0


def test_a_group_that_an_ordinary_user_may_not_signal_raises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.killpg

    def refused(group: int, _number: int) -> None:
        real(group, 0)  # one that has gone is known to have gone
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "killpg", refused)
    result = run(["sleep", "1"], timeout=0.1)  # as after sudo
    assert result.timed_out
    assert result.seconds < 20


def test_commands_that_ended_are_forgotten() -> None:
    run(["true"], timeout=20)
    run(["sleep", "60"], timeout=0.1)
    assert process._running == set()
