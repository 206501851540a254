"""What stands beside a product: it sees what the product leaves behind, and its own end is noticed."""

import threading
import time
from collections.abc import Iterator

import pytest

from lab.environment.docker import DockerEnvironment
from lab.errors import InfrastructureError
from tests.integration.place import place, program
from tests.integration.program import client

pytestmark = pytest.mark.engine

SECONDS = 20.0
CHILD = """
import os, signal, socket, sys, time
def child(name, *, twice=False):
    "Start a process, as a daemon if `twice`; return its id once it runs its program."
    reading, writing = os.pipe()
    first = os.fork()
    if first == 0:
        if twice and os.fork():
            os._exit(0)
        os.setsid()
        os.write(writing, str(os.getpid()).encode())
        os.execvp("python3", ["python3", "-c", "import time; time.sleep(3600)", name])
    if twice:
        os.waitpid(first, 0)
    pid = int(os.read(reading, 20))
    while not open("/proc/%d/cmdline" % pid, "rb").read().endswith(name.encode() + b"\\0"):
        time.sleep(0.01)
    return pid
def gone(pid):
    "Wait until a process that is not ours to wait for is reaped."
    while os.path.exists("/proc/%d" % pid):
        time.sleep(0.01)
"""
SERVE = """
stopped = []
signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
print("up", flush=True)
while not stopped:
    time.sleep(0.01)
"""


@pytest.fixture(scope="module")
def somewhere() -> Iterator[DockerEnvironment]:
    with place() as made:
        yield made


def _left_by(where: DockerEnvironment, *parts: str, number: str = "SIGTERM") -> list[str] | None:
    """Run a product below the witness, stop it, and return what it left behind."""
    where.neighbours.watch_processes()
    where.product.start(program(CHILD + "".join(parts)))
    deadline = time.monotonic() + SECONDS
    while b"up" not in where.product.logs().stdout and time.monotonic() < deadline:
        assert where.product.state().running, where.product.logs()
    where.product.signal(number)
    while where.product.state().running and time.monotonic() < deadline:
        pass
    assert not where.product.state().running
    return where.neighbours.left_behind()


def test_a_product_without_children_leaves_none(somewhere: DockerEnvironment) -> None:
    assert _left_by(somewhere, SERVE) == []


def test_a_child_that_outlives_its_product_is_told_by_its_command_line(somewhere: DockerEnvironment) -> None:
    left = _left_by(somewhere, "child('left-alone')", SERVE)

    assert left == ["python3 -c import time; time.sleep(3600) left-alone"]


def test_a_daemon_that_outlives_its_product_is_told_and_so_is_every_other(somewhere: DockerEnvironment) -> None:
    left = _left_by(somewhere, "child('daemon', twice=True); child('plain')", SERVE)

    assert left is not None
    assert sorted(words.rpartition(" ")[2] for words in left) == ["daemon", "plain"]


def test_a_product_that_forks_twice_and_cleans_up_leaves_none(somewhere: DockerEnvironment) -> None:
    clean = "\nos.kill(pid, signal.SIGTERM); gone(pid)"

    assert _left_by(somewhere, "pid = child('daemon', twice=True)", SERVE, clean) == []


def test_a_product_that_kills_its_children_at_the_last_moment_leaves_none(somewhere: DockerEnvironment) -> None:
    clean = "\nos.kill(pid, signal.SIGKILL); os.waitpid(pid, 0)"

    assert _left_by(somewhere, "pid = child('worker')", SERVE, clean) == []


def test_children_that_ended_long_ago_and_were_never_waited_for_were_not_left_behind(
    somewhere: DockerEnvironment,
) -> None:
    ended = """
pid = child('worker')
os.kill(pid, signal.SIGKILL)
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
time.sleep(0.2)
"""

    assert _left_by(somewhere, ended, SERVE) == []


def test_a_product_that_nobody_watches_gives_no_answer(somewhere: DockerEnvironment) -> None:
    somewhere.product.start(program(SERVE))
    somewhere.product.signal("SIGKILL")

    assert somewhere.neighbours.left_behind() is None


def test_a_witness_that_was_killed_is_the_labs_error_and_no_answer(somewhere: DockerEnvironment) -> None:
    somewhere.neighbours.watch_processes()
    somewhere.product.start(program(CHILD + SERVE))
    somewhere.check_own(closely=True)
    _kill(somewhere, "witness")

    with pytest.raises(InfrastructureError, match="witness is"):
        somewhere.check_own(closely=False)
    with pytest.raises(InfrastructureError, match="did not see the product's process"):
        somewhere.neighbours.left_behind()


@pytest.mark.parametrize("role", ["toolbox", "llm", "postgresql"])
@pytest.mark.parametrize("deed", ["kill", "remove", "pause"])
def test_a_container_of_the_labs_own_that_somebody_else_took_away_is_noticed(role: str, deed: str) -> None:
    with place(database=True) as made:
        made.check_own(closely=True)
        _kill(made, role, deed)

        for closely in (False, True):
            with pytest.raises(InfrastructureError, match=f"{role} is"):
                made.check_own(closely=closely)


def test_a_container_that_is_just_ending_is_noticed_by_a_close_look() -> None:
    """From the moment in which its processes are gone, whatever the engine says by then."""
    with place(database=True) as made:
        killer = threading.Thread(target=_kill, args=(made, "postgresql"))
        killer.start()
        deadline = time.monotonic() + SECONDS
        ping = ["pg_isready", "--quiet"]
        try:
            while made.services.run_in_database(ping, timeout=SECONDS).ok and time.monotonic() < deadline:
                pass
        except InfrastructureError:
            pass  # the engine noticed, too
        with pytest.raises(InfrastructureError):
            made.check_own(closely=True)
        killer.join()


def test_a_server_that_hangs_is_noticed_by_a_close_look_but_one_that_was_stopped_is_none() -> None:
    with place(database=True) as made:
        made.services.stop_database()
        made.check_own(closely=True)
        made.services.start_database()
        made.check_own(closely=True)
        stopped = made.services.run_in_database(["pg_ctl", "stop", "--mode=immediate", "--silent"], timeout=SECONDS)
        assert stopped.ok, stopped.tail()
        with pytest.raises(InfrastructureError, match="does not answer"):
            made.check_own(closely=True)


def test_a_port_that_another_program_holds_cannot_be_had_until_it_is_free(somewhere: DockerEnvironment) -> None:
    bind = "import socket; socket.create_server(('0.0.0.0', 8881)); print('up', flush=True)"
    somewhere.neighbours.occupy(8881)
    somewhere.check_own(closely=True)
    somewhere.product.start(program(bind))
    while somewhere.product.state().running:
        pass
    assert b"Address already in use" in somewhere.product.logs().stderr
    somewhere.neighbours.vacate()
    somewhere.check_own(closely=True)
    somewhere.product.start(program(bind))
    while somewhere.product.state().running:
        pass
    assert somewhere.product.logs().stdout.strip() == b"up"


def _kill(where: DockerEnvironment, role: str, deed: str = "kill") -> None:
    api = client()
    name = where.recipe.owned.name(role)
    match deed:
        case "kill":
            api.api.kill(name)
            api.api.wait(name)
        case "pause":
            api.api.pause(name)
        case _:
            api.api.remove_container(name, force=True)
    api.close()
