"""A machine whose first process is systemd: what the lab's own unit does there, seen in a real container."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache

import httpx
import pytest

from lab.environment.base import NotStartedError, Service, ServiceState
from lab.environment.containers.engine import Ownership
from lab.environment.containers.machine import Boot
from lab.environment.containers.recipe import Recipe
from lab.environment.containers.services import ServicesRecipe
from lab.environment.systemd import SystemdEnvironment
from lab.errors import InfrastructureError
from lab.preparation import SERVICE_PLATFORM, Stock, cache_volume, prepare_images
from tests.contract.waiting import eventually
from tests.integration.program import client

pytestmark = pytest.mark.engine

SECONDS = 20.0
PATH = "/opt/product/serve.py"
PROGRAM = """
import http.server, os, signal, subprocess, sys
if "orphan" in sys.argv:
    subprocess.Popen(["sleep", "4711"], start_new_session=True)
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
with open("starts", "a") as file:
    file.write("x")
with open("open", "w") as file:
    file.write(os.environ["KEY"])
os.chmod("open", 0o644 if "shows" in sys.argv else 0o600)
print("up as", os.getuid(), "with", os.environ["KEY"], flush=True)
print("and on stderr", file=sys.stderr, flush=True)
if "ends" in sys.argv:
    sys.exit(3)
http.server.ThreadingHTTPServer(("0.0.0.0", 8881), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
KEY = 'a "b" $HOME `c` \\ %n'


@cache
def stock() -> Stock:
    with closing(client()) as api:
        return prepare_images(api, {SERVICE_PLATFORM: ""}, [], lambda _line: None, machines=[SERVICE_PLATFORM])


def made(boot: Boot | None = None, *, sealed: bool = False) -> SystemdEnvironment:
    with closing(client()) as api:
        volume = cache_volume(api, "test", SERVICE_PLATFORM)
    recipe = Recipe(
        owned=Ownership(secrets.token_hex(16), "test"),
        platform=SERVICE_PLATFORM,
        platform_image=stock().machine[SERVICE_PLATFORM],
        services=ServicesRecipe(llm_image=stock().llm_mock),
        cache_volume=volume,
        ports=(8881,),
        sealed=sealed,
    )
    return SystemdEnvironment(recipe, lambda *_words, **_fields: None, boot)


@contextmanager
def machine(*, sealed: bool = False) -> Iterator[SystemdEnvironment]:
    """Provision a machine with the program on it, and take it down whatever happens."""
    where = made(sealed=sealed)
    try:
        assert where.provision()["boot"]["running"] == "running"
        where.put(PROGRAM.encode(), PATH)
        yield where
    finally:
        left = where.destroy()
    assert left == []


@pytest.fixture(scope="module")
def somewhere() -> Iterator[SystemdEnvironment]:
    with machine() as made:
        yield made


def product(*ways: str, **more: float | str) -> Service:
    return Service(("/usr/bin/python3", PATH, *ways), {"KEY": KEY}, "/var/lib/product", 8881, **more)  # type: ignore[arg-type]


def starts(where: SystemdEnvironment) -> int:
    """Return how often the program has started, as it says itself when it answers; 0 as long as it does not."""
    try:
        return len(httpx.get(f"{where.product.base_url()}/starts", trust_env=False, timeout=2).text)
    except httpx.TransportError:
        return 0


def running(where: SystemdEnvironment, *ways: str, **more: float | str) -> ServiceState:
    state = where.product.start(product(*ways, **more))
    eventually(lambda: starts(where) > 0, "it starts")
    return state


def unit_of(where: SystemdEnvironment) -> dict[str, object]:
    return dict(where.product.state().extra["unit"])


def test_the_product_runs_as_its_user_with_its_environment_to_the_letter(somewhere: SystemdEnvironment) -> None:
    state = running(somewhere)
    assert state.running
    assert f"up as 1000 with {KEY}\n".encode() in somewhere.product.logs().stdout
    assert b"and on stderr" in somewhere.product.logs().stdout
    assert any(PATH in words for words in somewhere.product.processes())
    assert 1_000_000 < somewhere.product.memory()["current"] < 200_000_000
    somewhere.product.stop(5)
    assert somewhere.product.state().exit_code == 0
    assert unit_of(somewhere)["result"] == "success"


def test_its_environment_is_for_root_alone(somewhere: SystemdEnvironment) -> None:
    running(somewhere)
    seen = somewhere.manager.exposed(["/var/lib/product"], [], {"key": KEY})
    assert seen["files"] == {"/etc/lab/product.env": False}
    assert seen["secrets"] == []
    somewhere.product.stop(5)


def test_a_secret_that_the_product_shows_is_found(somewhere: SystemdEnvironment) -> None:
    running(somewhere, "shows")
    seen = somewhere.manager.exposed(["/var/lib/product"], [], {"key": KEY})
    assert seen["secrets"] == [["key", "/var/lib/product/open"]]
    somewhere.product.stop(5)


def test_a_process_that_outlives_the_product_is_named(somewhere: SystemdEnvironment) -> None:
    ends: list[Callable[[], None]] = [lambda: somewhere.product.stop(5), lambda: somewhere.product.signal("SIGTERM")]
    for end in ends:
        somewhere.neighbours.watch_processes()
        running(somewhere, "orphan")
        eventually(lambda: "sleep 4711" in somewhere.product.processes(), "its child runs")
        end()
        eventually(lambda: not somewhere.product.state().running, "it ends")
        assert somewhere.neighbours.left_behind() == ["sleep 4711"]


def test_a_product_that_leaves_nothing_is_seen_to_leave_nothing(somewhere: SystemdEnvironment) -> None:
    somewhere.neighbours.watch_processes()
    running(somewhere)
    somewhere.product.stop(5)
    assert somewhere.neighbours.left_behind() == []


def test_one_that_does_not_hear_is_killed_when_its_time_is_up(somewhere: SystemdEnvironment) -> None:
    running(somewhere, "deaf", stop_seconds=1.0)
    somewhere.product.stop(1)
    assert somewhere.product.state().exit_code == 137
    assert unit_of(somewhere)["result"] == "timeout"


def test_after_sigkill_it_is_not_started_again(somewhere: SystemdEnvironment) -> None:
    running(somewhere)
    somewhere.product.signal("SIGKILL")
    state = somewhere.product.state()
    assert (state.running, state.exit_code) == (False, 137)
    assert unit_of(somewhere)["active_state"] in {"inactive", "failed"}  # neither waits to be started again


def test_a_product_that_fails_is_started_again_and_counted(somewhere: SystemdEnvironment) -> None:
    somewhere.product.start(product("ends"))
    eventually(lambda: unit_of(somewhere)["active_state"] == "failed", "its unit fails")
    assert unit_of(somewhere)["n_restarts"] == 3
    assert unit_of(somewhere)["result"] == "exit-code"
    somewhere.product.signal("SIGKILL")


def test_a_command_that_is_not_there_was_never_started(somewhere: SystemdEnvironment) -> None:
    with pytest.raises(NotStartedError, match="203/EXEC"):
        somewhere.product.start(Service(("/opt/product/none",), {}, "/var/lib/product", 8881))
    assert not somewhere.product.state().running


def test_a_port_that_somebody_holds_is_free_again_afterwards(somewhere: SystemdEnvironment) -> None:
    somewhere.neighbours.occupy(8881)
    somewhere.product.start(product())
    eventually(lambda: b"Address already in use" in somewhere.product.logs().stdout, "it says that its port is taken")
    somewhere.product.signal("SIGKILL")
    somewhere.neighbours.vacate()
    running(somewhere)
    somewhere.product.stop(5)


def test_a_restart_gives_a_new_process_and_a_reboot_keeps_what_was_stored() -> None:
    with machine() as where:
        before = running(where)
        where.put(b"kept", "/opt/product/tree-on-tmpfs")
        after = where.manager.restart(timeout=30)
        assert after.pid != before.pid
        eventually(lambda: starts(where) == 2, "it starts a second time")
        told = where.manager.reboot(timeout=30)
        assert told["running"] == "running"
        assert not [line for line in told["words"] if "Failed" in line]
        eventually(lambda: starts(where) == 3, "it starts a third time")
        assert where.get("/opt/product/tree-on-tmpfs") == b"kept"
        assert unit_of(where)["n_restarts"] == 0
        assert b"Reached target" in where.collect()["journal.txt"]
        where.check_own(closely=True)


def test_an_engine_that_lets_systemd_mount_nothing_is_named_with_what_helps() -> None:
    where = made(Boot("no capability", options={"cgroupns": "private"}))
    try:
        with pytest.raises(InfrastructureError, match="does not run systemd") as raised:
            where.provision()
    finally:
        assert where.destroy() == []
    assert "SYS_ADMIN" in (raised.value.hint or "")


def test_a_sealed_machine_lets_nothing_out_and_is_reached_after_a_reboot_too() -> None:
    reach = "import socket, sys; socket.create_connection((sys.argv[1], 443), 5)"
    with machine(sealed=True) as where:
        first = running(where)
        told = where.manager.reboot(timeout=30)
        eventually(lambda: starts(where) == 2, "it starts a second time")
        where.asked()
        refused, unknown = (
            where.run(["python3", "-c", reach, outside], timeout=SECONDS)
            for outside in ("93.184.216.34", "example.org")
        )
        asked = where.asked() or []
        where.check_own(closely=True)
    assert first.running
    assert told["running"] == "running"
    assert b"ConnectionRefused" in refused.stderr
    assert b"gaierror" in unknown.stderr
    assert {(line["by"], line.get("name") or line["address"]) for line in asked} == {
        ("machine", "example.org"),
        ("machine", "93.184.216.34"),
    }
