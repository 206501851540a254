import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lab.locks import held, is_held, locked


def test_a_lock_lets_one_in_at_a_time(tmp_path: Path) -> None:
    place = tmp_path / "cache" / "thing"
    inside = threading.Event()

    def enter() -> None:
        with locked(place):
            inside.set()

    thread = threading.Thread(target=enter)
    with locked(place):
        thread.start()
        assert not inside.wait(0.2)
    assert inside.wait(20)
    thread.join(20)


def test_locks_of_two_places_do_not_disturb_each_other(tmp_path: Path) -> None:
    with locked(tmp_path / "a"), locked(tmp_path / "b"):
        assert {path.name for path in tmp_path.iterdir()} == {".a.lock", ".b.lock"}


def test_a_lock_is_free_again_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "a"):
        _ = 1 / 0
    assert not is_held(tmp_path / ".a.lock")
    with locked(tmp_path / "a"):
        assert is_held(tmp_path / ".a.lock")


def test_a_held_lock_is_seen_and_seen_to_be_free_again(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_held(path)
    with held(path):
        assert is_held(path)
        assert is_held(path)  # who looks does not take it
    assert not is_held(path)


def test_two_who_look_at_a_free_lock_do_not_see_each_other(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    looks: list[bool] = []
    start = threading.Barrier(4)

    def look() -> None:
        start.wait(20)
        looks.extend(is_held(path) for _ in range(200))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert looks == [False] * 800


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    script = (
        "import sys, pathlib\n"
        "from lab.locks import held\n"
        "with held(pathlib.Path(sys.argv[1])):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    argv = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ.copy()) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        assert is_held(path)
        child.kill()
        child.wait(20)
        assert not is_held(path)
