"""Every question is asked of a machine that is well, and of one on which something was broken on purpose."""

import gc
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from engine_sample import SampleEngine, sample_engine

from lab import paths
from lab.doctor import engine as engines
from lab.doctor import machine, network, programs
from lab.doctor.answer import Answer, Probe, examine
from lab.doctor.deep import try_systemd
from lab.doctor.diagnosis import COMMON, NEEDS, PROBES, conclude
from lab.doctor.engine import Facts
from lab.environment.containers.engine import CACHE, OWNER, RUN
from lab.environment.containers.machine import boot_for
from lab.environment.hostnet import CA_VARIABLES, INDEX_VARIABLES, PROXY_VARIABLES
from lab.errors import Interrupted

LAB = Path(sys.prefix) / "bin" / "lab"
GB = 10**9
PASSWORD = "hunter2hunter2"


@pytest.fixture(autouse=True)
def bare_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A host without settings of its own, as far as variables and a home folder go."""
    from lab.environment import hostnet

    for name in (*CA_VARIABLES, *INDEX_VARIABLES, *PROXY_VARIABLES, "PIP_CONFIG_FILE", "XDG_CONFIG_HOME", "PYENV_ROOT"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    hostnet._pip_settings.cache_clear()


def only(answers: Any) -> Answer:
    (answer,) = answers
    assert isinstance(answer, Answer)
    assert answer.verdict == "pass" or answer.next_step or not answer.answered, "a complaint says what to do"
    return answer


# -- the machine --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("free", "verdict"), [(80 * GB, "pass"), (3 * GB, "warn"), (GB // 10, "fail"), (0, "fail")])
def test_disk(tmp_path: Path, free: int, verdict: str) -> None:
    places = {"results": tmp_path / "not" / "there", "cache": tmp_path}
    assert only(machine.disk(places, lambda place: free if place == tmp_path else 0)).verdict == verdict


def test_disk_counts_the_place_with_the_least_space(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    places = {"results": tmp_path, "cache": tmp_path / "full"}
    assert only(machine.disk(places, lambda place: 0 if place.name == "full" else 80 * GB)).verdict == "fail"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_disk_that_cannot_be_written_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "cannot be written to" in only(machine.disk({"results": tmp_path})).found


@pytest.mark.parametrize(("kilobytes", "verdict"), [(16_000_000, "pass"), (2_000_000, "warn"), (300_000, "fail")])
def test_memory(tmp_path: Path, kilobytes: int, verdict: str) -> None:
    file = tmp_path / "meminfo"
    file.write_text(f"MemTotal: 32000000 kB\nMemAvailable: {kilobytes} kB\n", "ascii")
    assert only(machine.memory(file)).verdict == verdict


@pytest.mark.parametrize(("count", "verdict"), [(2, "pass"), (1, "warn")])
def test_processors(count: int, verdict: str) -> None:
    assert only(machine.processors(count)).verdict == verdict


class Clock:
    """A clock that goes on when something waits for it, at a pace of its own."""

    def __init__(self, start: float, pace: float) -> None:
        self.now, self.pace = start, pace

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds * self.pace


@pytest.mark.parametrize(
    ("start", "pace", "verdict", "found"),
    [
        (None, 1.0, "pass", "even"),
        (None, 1.5, "warn", "the wall clock went 0.30 s in 0.20 s"),
        (None, -9.0, "warn", "the wall clock went -1.80 s"),
        (0.0, 1.0, "fail", "1970-01-01"),
    ],
)
def test_clock(start: float | None, pace: float, verdict: str, found: str) -> None:
    wall, monotonic = Clock(time.time() if start is None else start, pace), Clock(5.0, 1.0)

    def pause(seconds: float) -> None:
        wall.wait(seconds)
        monotonic.wait(seconds)

    answer = only(machine.clock(wall, monotonic, pause))
    assert answer.verdict == verdict
    assert found in answer.found


# -- programs -----------------------------------------------------------------------------------------------------


def program(folder: Path, name: str, script: str = "echo 1.2.3") -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", "utf8")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("probe", [programs.git, programs.ssh])
def test_a_program_that_is_here_and_one_that_is_not_and_one_that_is_broken(probe: Any, tmp_path: Path) -> None:
    assert only(probe(lambda _name: program(tmp_path, "good"))).verdict == "pass"
    assert only(probe(lambda _name: None)).verdict == "warn"
    broken = only(probe(lambda _name: program(tmp_path, "broken", "exit 7")))
    assert (broken.verdict, broken.usable) == ("warn", False)
    assert "exit code 7" in broken.found


def test_a_program_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "PROGRAM_SECONDS", 0.05)
    answer = only(programs.git(lambda _name: program(tmp_path, "git", "sleep 60")))
    assert "did not answer within 0.05 s" in answer.found
    assert not answer.usable


def test_uv(tmp_path: Path) -> None:
    def nowhere() -> str:
        raise FileNotFoundError

    assert only(programs.uv()).verdict == "pass"
    assert only(programs.uv(nowhere)).verdict == "fail"
    assert only(programs.uv(lambda: program(tmp_path, "uv", "exit 1"))).verdict == "fail"


@pytest.mark.parametrize(
    ("version", "missing", "verdict"),
    [
        ((3, 11, 7), "", "pass"),
        ((3, 13, 0), "", "pass"),
        ((3, 10, 13), "", "fail"),
        ((3, 14, 0), "", "fail"),
        ((3, 11, 7), "ensurepip", "fail"),
    ],
)
def test_python(version: tuple[int, ...], missing: str, verdict: str) -> None:
    answer = only(programs.python(version, lambda name: name != missing))
    assert answer.verdict == verdict
    assert missing in answer.found


def test_interpreters(tmp_path: Path) -> None:
    own = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for name in ("python3.8", "python3.99", "python3.7", "python3.12-config", own):
        program(tmp_path, name)
    assert only(programs.interpreters([tmp_path])).found == "3.8, 3.99 besides the lab's own"
    (tmp_path / "python3.99").chmod(0o644)
    assert only(programs.interpreters([tmp_path])).found == "3.8 besides the lab's own"
    assert only(programs.interpreters([tmp_path / "nothing"])).verdict == "warn"


def test_interpreters_are_looked_for_in_pyenvs_folder_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    program(tmp_path / "versions/3.98.1/bin", "python3.98")
    assert "3.98" in only(programs.interpreters()).found


def test_ansible() -> None:
    assert only(programs.ansible(lambda name: name, lambda _name: True)).verdict == "pass"
    assert only(programs.ansible(lambda _name: None, lambda _name: True)).found == "ansible-playbook not found"
    assert only(programs.ansible(lambda name: name, lambda _name: False)).found == "ansible-runner not found"


def test_debian_packages() -> None:
    assert only(programs.debian(lambda name: name, user=0)).verdict == "pass"
    assert "needs root" in only(programs.debian(lambda name: name, user=1000)).found
    assert only(programs.debian(lambda _name: None, user=0)).verdict == "warn"


# -- the network --------------------------------------------------------------------------------------------------


class Answering(http.server.BaseHTTPRequestHandler):
    """Answers every request with the code that its path asks for."""

    def do_GET(self) -> None:
        self.send_response(int(self.path.split("/")[1]))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_words: Any) -> None:
        """Say nothing."""


@pytest.fixture
def index() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def nobody() -> str:
    """An address on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(
    ("code", "verdict"), [(200, "pass"), (404, "pass"), (401, "fail"), (403, "fail"), (500, "fail"), (503, "fail")]
)
def test_package_index(monkeypatch: pytest.MonkeyPatch, index: str, code: int, verdict: str) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{index}/{code}")
    answer = only(network.package_index())
    assert (answer.verdict, str(code) in answer.found) == (verdict, True)
    assert "by PIP_INDEX_URL" in answer.found
    assert "127.0.0.1" not in answer.found


def test_a_package_index_that_hangs(monkeypatch: pytest.MonkeyPatch, silent: str) -> None:
    monkeypatch.setattr(network, "REQUEST_SECONDS", 0.05)
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://{silent}/simple")
    answer = only(network.package_index())
    assert answer.verdict == "warn"
    assert "did not answer within 0.05 s" in answer.found


def test_a_package_index_where_nobody_listens(monkeypatch: pytest.MonkeyPatch, nobody: str) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://{nobody}/simple")
    answer = only(network.package_index())
    assert answer.verdict == "fail"
    assert nobody not in answer.found


@pytest.mark.parametrize(
    ("file", "text", "said_by"),
    [
        (
            ".config/pip/pip.conf",
            "[global]\nindex-url = http://user:{password}@{at}/simple\n",
            "by pip's configuration",
        ),
        (".config/uv/uv.toml", 'index-url = "http://user:{password}@{at}/simple"\n', "by uv's configuration"),
        (
            ".config/uv/uv.toml",
            '[[index]]\nurl = "http://else.invalid"\n[[index]]\nurl = "http://user:{password}@{at}/"\ndefault = true\n',
            "by uv's configuration",
        ),
    ],
)
def test_the_index_of_a_configuration_file_is_found_and_its_password_kept(
    tmp_path: Path, file: str, text: str, said_by: str, nobody: str
) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(text.format(password=PASSWORD, at=nobody), "utf8")
    found = network.index_setting()
    assert found.said_by == said_by
    assert found.host == "127.0.0.1"
    assert PASSWORD in network.passwords()
    assert PASSWORD not in repr(found)


def test_without_a_setting_the_index_is_the_public_one() -> None:
    assert network.index_setting().said_by == "by no setting"


def test_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://localhost/simple")
    assert only(network.dns()).verdict == "pass"
    monkeypatch.setenv("PIP_INDEX_URL", "http://nowhere.invalid/simple")
    answer = only(network.dns())
    assert answer.verdict == "fail"
    assert "nowhere.invalid" not in answer.found
    monkeypatch.setenv("PIP_INDEX_URL", "no-address-at-all")
    assert only(network.dns()).verdict == "fail"


def test_behind_a_proxy_it_is_the_proxy_that_must_be_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://nowhere.invalid/simple")
    monkeypatch.setenv("http_proxy", "http://localhost:3128")
    answer = only(network.dns())
    assert (answer.verdict, "the proxy's host" in answer.found) == ("pass", True)
    monkeypatch.setenv("no_proxy", "nowhere.invalid")
    assert only(network.dns()).verdict == "fail"


def test_proxies(monkeypatch: pytest.MonkeyPatch, index: str, nobody: str) -> None:
    assert only(network.proxies()).verdict == "pass"
    monkeypatch.setenv("HTTPS_PROXY", index)
    on_loopback = only(network.proxies())
    assert (on_loopback.verdict, "HTTPS_PROXY" in on_loopback.found) == ("warn", True)
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:{PASSWORD}@{nobody}")
    refused = only(network.proxies())
    assert refused.verdict == "fail"
    assert PASSWORD not in refused.found
    for value in ("http://:port", "http://[::1"):
        monkeypatch.setenv("HTTPS_PROXY", value)
        assert "not an address" in only(network.proxies()).found


def test_an_index_that_is_no_address_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://[::1")
    answer = only(network.dns())
    assert (answer.verdict, "has no name" in answer.found) == ("fail", True)


def test_certificates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    certifi = pytest.importorskip("certifi")
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    answer = only(network.certificates())
    assert answer.verdict == "pass"
    assert int(answer.found.split()[0]) > 50
    for content, said in ((b"", "no certificates"), (b"\x00\xff nonsense", "no certificates"), (None, "No such file")):
        bundle = tmp_path / "bundle.pem"
        bundle.unlink(missing_ok=True)
        if content is not None:
            bundle.write_bytes(content)
        monkeypatch.setenv("PIP_CERT", str(bundle))
        answer = only(network.certificates())
        assert (answer.verdict, said in answer.found, "PIP_CERT" in answer.found) == ("fail", True, True)


def test_a_bundle_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path))
    answer = only(network.certificates())
    assert (answer.verdict, "Is a directory" in answer.found) == ("fail", True), answer


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_bundle_that_must_not_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.touch(mode=0)
    monkeypatch.setenv("PIP_CERT", str(bundle))
    assert "Permission denied" in only(network.certificates()).found


# -- the engine ---------------------------------------------------------------------------------------------------

FACTS = Facts(
    info={"ServerVersion": "28.0", "Driver": "overlay2", "CgroupVersion": "2", "SecurityOptions": ["name=seccomp"]},
    api="1.48",
    images=("lab/platform:debian-12-abc", "lab/platform:debian-13-def", "lab/llm-mock:debian-12-aaa"),
    seconds_apart=0.1,
)
ALL = (1 << 41) - 1


# The engine's client leaves its socket to the garbage collector when nobody answers at the other end.
LEAVES_A_SOCKET = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def collected() -> Iterator[None]:
    """Collect the garbage of a test before the next one is blamed for it."""
    yield
    for thread in threading.enumerate():
        if thread.name in engines.ABOUT:
            thread.join(30)
    gc.collect()


def facts(**changed: Any) -> Facts:
    return replace(FACTS, info={**FACTS.info, **changed})


@pytest.mark.usefixtures("collected")
@pytest.mark.parametrize("address", ["unix:///nowhere/at/all.sock", "nonsense"])
def test_without_an_engine_all_that_stands_on_it_fails(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    answers = {answer.what: answer.verdict for answer in engines.examine_engine()}
    del answers["podman"]
    assert set(answers.values()) == {"fail"}


@pytest.mark.usefixtures("collected")
def test_a_dead_socket_is_no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    dead = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(dead))  # nobody listens
    monkeypatch.setenv("DOCKER_HOST", f"unix://{dead}")
    assert engines.examine_engine()[0].verdict == "fail"


@LEAVES_A_SOCKET
@pytest.mark.usefixtures("collected")
def test_an_engine_that_hangs_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch, silent: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"tcp://{silent}")
    answers = examine([Probe(engines.ABOUT, engines.examine_engine, 0.2)])
    assert [answer.what for answer in answers] == list(engines.ABOUT)
    assert {(answer.verdict, answer.usable) for answer in answers} == {("warn", False)}
    assert all("did not answer within 0.2 s" in answer.found for answer in answers)


def test_engine() -> None:
    good = engines.about_engine(FACTS, "unix:///run/docker.sock")
    assert good.verdict == "pass"
    assert all(word in good.found for word in ("28.0", "1.48", "overlay2", "cgroup v2", "as root"))
    assert "rootless" in engines.about_engine(facts(SecurityOptions=["name=rootless"]), "").found
    assert engines.about_engine(replace(FACTS, seconds_apart=-90.0), "").verdict == "warn"
    assert engines.about_engine(facts(OSType="windows"), "").verdict == "fail"


@pytest.mark.parametrize(
    ("changed", "api", "capabilities", "verdict"),
    [
        ({}, "1.48", ALL, "pass"),
        ({"CgroupVersion": "1"}, "1.41", ALL, "pass"),
        ({}, "1.48", None, "pass"),
        ({}, "1.48", ALL & ~(1 << engines.SYS_ADMIN), "fail"),
        ({}, "1.39", ALL, "fail"),
        ({"CgroupVersion": "1", "SecurityOptions": ["name=rootless"]}, "1.48", None, "fail"),
        ({"SecurityOptions": ["name=rootless"]}, "1.48", None, "warn"),
    ],
)
def test_service_manager(changed: dict[str, Any], api: str, capabilities: int | None, verdict: str) -> None:
    assert engines.service_manager(replace(facts(**changed), api=api), capabilities).verdict == verdict


def test_the_capabilities_of_an_engine_on_this_machine_are_read(tmp_path: Path) -> None:
    file = tmp_path / "docker.pid"
    file.write_text(str(os.getpid()), "ascii")
    own = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapBnd:"))
    assert engines.bounding_set("unix:///run/docker.sock", (str(file),)) == int(own.split()[1], 16)
    assert engines.bounding_set("unix:///run/docker.sock", (str(tmp_path / "none"),)) is None
    assert engines.bounding_set("tcp://elsewhere:2375", (str(file),)) is None


def test_podman(tmp_path: Path) -> None:
    def find(_name: str) -> str:
        return program(tmp_path, "podman", "echo podman version 4.3.1")

    missing = (tmp_path / "podman.sock",)
    assert engines.podman(answering=False, find=find, sockets=(tmp_path,)).verdict == "pass"
    assert engines.podman(answering=True, find=find, sockets=missing).verdict == "pass"
    without_socket = engines.podman(answering=False, find=find, sockets=missing)
    assert (without_socket.verdict, "4.3.1" in without_socket.found) == ("warn", True)
    assert engines.podman(answering=True, find=lambda _name: None, sockets=missing).verdict == "pass"
    assert engines.podman(answering=False, find=lambda _name: None, sockets=missing).verdict == "warn"


def test_images() -> None:
    assert engines.base_images(FACTS).found == "ready for debian-12, debian-13"
    assert engines.base_images(replace(FACTS, images=())).verdict == "warn"


def test_engine_disk(tmp_path: Path) -> None:
    here = facts(DockerRootDir=str(tmp_path))
    assert engines.engine_disk(here, "unix:///run/docker.sock", lambda _place: 80 * GB).verdict == "pass"
    assert engines.engine_disk(here, "unix:///run/docker.sock", lambda _place: 0).verdict == "fail"
    assert "elsewhere" in engines.engine_disk(here, "tcp://elsewhere:2375", lambda _place: 0).found

    def unreadable(_place: Path) -> int:
        raise PermissionError(13, "Permission denied")

    assert engines.engine_disk(here, "unix:///run/docker.sock", unreadable).verdict == "warn"


def test_the_engines_clock_is_compared_with_this_one() -> None:
    assert engines._apart("") == 0
    assert engines._apart("1970-01-01T00:00:00.123456789Z") < -(10**9)
    assert abs(engines._apart(time.strftime("%Y-%m-%dT%H:%M:%S.5Z", time.gmtime()))) < 60


# -- systemd, started for real -----------------------------------------------------------------------------------


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch, lab_home: Path) -> Iterator[SampleEngine]:  # noqa: ARG001
    """An engine that makes containers and never says how systemd is."""
    go_on = threading.Event()

    def hang() -> tuple[int, Any]:
        go_on.wait()
        return 500, {"message": "too late"}

    with sample_engine() as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        engine.images["lab/systemd:debian-12-abc"] = {
            "Id": "sha256:0", "RepoTags": ["lab/systemd:debian-12-abc"], "Labels": {CACHE: "systemd"},
        }  # fmt: skip
        engine.different["POST /containers/lab-"] = lambda: (204, b"") if "/start" in engine.asked[-1] else hang()
        yield engine
        go_on.set()


@pytest.mark.usefixtures("collected")
def test_systemd_is_started_as_the_environment_does_and_nothing_stays_when_it_takes_too_long(
    hanging: SampleEngine,
) -> None:
    answer = try_systemd(0.5)
    (asked,) = hanging.made.values()
    boot = boot_for({"CgroupVersion": "2", "SecurityOptions": ["name=apparmor"]})
    assert "did not answer within 0.5 s" in answer.found
    assert asked["Cmd"] == list(boot.command)
    assert asked["HostConfig"]["CapAdd"] == boot.options["cap_add"]
    assert asked["HostConfig"]["SecurityOpt"] == boot.options["security_opt"]
    assert asked["HostConfig"]["CgroupnsMode"] == boot.options["cgroupns"]
    assert asked["Labels"][OWNER] == paths.owner()
    assert len(asked["Labels"][RUN]) == 32
    assert hanging.containers == {}


@pytest.mark.usefixtures("collected")
def test_an_interruption_leaves_no_systemd_behind(hanging: SampleEngine) -> None:
    started = threading.Event()

    def start() -> None:
        started.set()

    def interrupt() -> None:
        started.wait(20)
        os.kill(os.getpid(), signal.SIGINT)

    hanging.different["POST /containers/create"] = start
    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(Interrupted):
        try_systemd(20)
    thread.join()
    assert hanging.made
    assert hanging.containers == {}


@pytest.mark.usefixtures("collected")
def test_a_container_that_is_still_being_made_is_waited_for_and_removed(hanging: SampleEngine) -> None:
    given_up = threading.Event()

    def make() -> None:
        given_up.wait(20)

    hanging.different["POST /containers/create"] = make
    timer = threading.Timer(0.6, given_up.set)
    timer.start()
    answer = try_systemd(0.3)
    timer.join()
    assert "did not answer within 0.3 s" in answer.found
    assert hanging.made
    assert hanging.containers == {}


@pytest.mark.usefixtures("collected")
def test_without_an_image_systemd_is_not_tried(hanging: SampleEngine) -> None:
    hanging.images.clear()
    answer = try_systemd(20)
    assert (answer.verdict, "was not tried" in answer.found) == ("warn", True)
    assert hanging.made == {}


# -- all together -------------------------------------------------------------------------------------------------


def well() -> dict[str, Answer]:
    return {what: Answer("pass", what, "well") for probe in PROBES for what in probe.about}


def why_not(**changed: Answer) -> dict[str, str]:
    answers = {**well(), **{answer.what: answer for answer in changed.values()}}
    return {place.name: place.why_not for place in conclude([*answers.values()]).places}


def test_on_a_machine_that_is_well_everything_can_run() -> None:
    found = conclude([*well().values()])
    assert {place.name: place.why_not for place in found.places} == dict.fromkeys(NEEDS, "")
    assert found.exit_code == 0
    assert "auto     means docker here" in found.text


def test_without_an_engine_local_can_run_and_the_reason_is_told() -> None:
    reasons = why_not(engine=Answer("fail", "engine", "there is no socket", "start it"))
    assert reasons["local"] == reasons["host"] == ""
    assert reasons["docker"] == reasons["systemd"] == "engine: there is no socket"


def test_what_did_not_answer_carries_nothing() -> None:
    late = Answer("warn", "service manager", "did not answer", answered=False)
    assert {name for name, why in why_not(late=late).items() if why} == {"systemd"}


def test_ansible_that_is_not_there_keeps_host_away_though_it_is_only_a_warning() -> None:
    assert {name for name, why in why_not(a=Answer("warn", "ansible", "not found", "get it")).items() if why} == {
        "host"
    }


@pytest.mark.parametrize("what", COMMON)
def test_what_every_install_needs_keeps_it_from_running(what: str) -> None:
    assert {"local", "docker", "systemd"} <= {
        name for name, why in why_not(a=Answer("fail", what, "gone", "mend it")).items() if why
    }


def test_where_nothing_can_run_the_exit_code_says_so() -> None:
    nothing = [Answer("fail", what, "gone", "mend it") for what in well()]
    assert conclude(nothing).exit_code == 3
    assert "means" not in conclude(nothing).text


def test_a_missing_index_keeps_nothing_away() -> None:
    assert set(why_not(a=Answer("fail", "package index", "gone", "mend it")).values()) == {""}


def test_answers_come_in_the_order_of_the_questions_and_a_broken_one_hides_no_other() -> None:
    def broken() -> list[Answer]:
        raise ZeroDivisionError("by nothing")

    hold = threading.Event()

    def hangs() -> list[Answer]:
        hold.wait()
        return []

    answers = examine(
        [
            Probe(("first",), lambda: [Answer("pass", "first", "well")]),
            Probe(("second", "third"), broken),
            Probe(("fourth",), hangs, 0.05),
            Probe(("fifth",), lambda: [Answer("pass", "fifth", "well")]),
        ]
    )
    hold.set()
    assert [answer.what for answer in answers] == ["first", "second", "third", "fourth", "fifth"]
    assert [answer.verdict for answer in answers] == ["pass", "fail", "fail", "warn", "pass"]
    assert "by nothing" in answers[1].found
    assert answers[3].found == "did not answer within 0.05 s"


def doctor(*words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [LAB, "doctor", *words], env=variables, capture_output=True, text=True, check=False, cwd=paths.CHECKOUT
    )


def test_with_everything_missing_it_ends_without_a_traceback(tmp_path: Path) -> None:
    ended = doctor(PATH="/nowhere", DOCKER_HOST="unix:///nowhere/at/all.sock", HOME=str(tmp_path))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    assert "docker   cannot run: engine: no container engine answers" in ended.stdout
    assert "auto     means local here" in ended.stdout
    assert ended.stdout.splitlines()[-1].startswith("lab exit 0: ")


def test_where_results_cannot_be_kept_nothing_can_run_and_the_exit_code_says_so(tmp_path: Path) -> None:
    ended = doctor(PATH=os.defpath, HOME=str(tmp_path), LAB_HOME="/proc/nowhere", DOCKER_HOST="unix:///nowhere.sock")
    assert ended.returncode == 3
    assert ended.stdout.splitlines()[-1] == "lab exit 3: no environment can run here"


def test_no_password_and_no_index_is_ever_printed(tmp_path: Path, nobody: str) -> None:
    secret = f"user:{PASSWORD}@{nobody}"
    ended = doctor(
        "--format", "json", PATH=os.defpath, HOME=str(tmp_path), HTTPS_PROXY=f"http://{secret}", ALL_PROXY=secret,
        PIP_INDEX_URL=f"http://{secret}/simple", DOCKER_HOST=f"tcp://{secret}",
    )  # fmt: skip
    told = json.loads(ended.stdout)
    assert PASSWORD not in ended.stdout + ended.stderr
    assert {answer["what"] for answer in told["answers"]} == {what for probe in PROBES for what in probe.about}
    by_name = {answer["what"]: answer for answer in told["answers"]}
    assert by_name["package index"]["verdict"] != "pass"
    assert nobody not in by_name["package index"]["found"] + by_name["proxies"]["found"]


def test_every_probe_names_what_it_answers_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://localhost/simple")  # whose name needs no network
    for probe in PROBES:
        if probe.about not in {engines.ABOUT, ("package index",)}:
            assert tuple(answer.what for answer in probe.ask()) == probe.about
