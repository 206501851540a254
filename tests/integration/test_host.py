"""The environment `host`, against a container that runs systemd and sshd as a machine would."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import paths
from lab.environment.remote.machine import MARKER
from lab.records.store import list_runs, read_run, read_trials
from tests.integration.program import LAB, Ended, eventually_nothing_left, lab, start_lab
from tests.machine.ssh_host import SshHost, ssh_host

pytestmark = pytest.mark.engine

SHORT = """
schema: 1
name: short
title: The shortest life of a product on a machine
versions: [to]
steps:
  - {step: install, version: to}
  - {step: configure, version: to}
  - {step: start}
  - {step: ready}
  - {step: inspect}
  - {step: stop, way: signal, in_flight: true}
checks: [{check: install}, {check: health}, {check: version}, {check: graceful-stop}]
matrix: {axes: {database: [sqlite]}}
"""
FIND = "grep -lsa 'sshd: [t]ester' /proc/[0-9]*/cmdline"
BREAK = f"for file in $({FIND}); do kill -KILL $(echo $file | tr -dc 0-9); done; true"
"""Ends the connections that sshd serves, not sshd."""
ENDS_LATE = """#!/bin/sh
case " $* " in *" -M "*) ;; *) exec {ssh} "$@" ;; esac
{ssh} "$@" &
child=$!
trap 'kill $child' TERM
wait $child
code=$?
sleep 2
exit $code
"""
"""An ssh whose connection has ended for two seconds before it ends itself."""
NEVER = 1
"""A port on which nobody listens."""


@pytest.fixture
def box(tmp_path: Path) -> Iterator[SshHost]:
    with ssh_host(tmp_path / "box") as machine:
        yield machine


@pytest.fixture
def short(tmp_path: Path) -> Path:
    file = tmp_path / "short.yaml"
    file.write_text(SHORT, "utf8")
    return file


def run(scenario: Path, inventory: Path, *more: str) -> Ended:
    return lab("run", str(scenario), "--env", "host", "--inventory", str(inventory), *more)


def only_run() -> Path:
    (folder,) = list_runs()
    return folder


def nothing_is_left(box: SshHost) -> None:
    assert box.traces() == []
    assert eventually_nothing_left()[1] == []
    assert not (only_run() / "hosts").exists()
    assert not (only_run() / paths.PLACES).exists()


def test_two_trials_side_by_side_pass_and_leave_nothing(box: SshHost, short: Path) -> None:
    ended = run(short, box.inventory, "--hosts", "boxes", "--trials", "2", "--workers", "2")
    assert ended.code == 0, ended.said
    results = read_trials(only_run()).results
    assert [result.verdict for result in results] == ["pass", "pass"]
    assert {result.cell for result in results} == {"short/host-box/sqlite"}
    facts = results[0].facts
    assert facts["system"]["platform"] == "debian-12"
    assert facts["user"].startswith("lab-")
    nothing_is_left(box)


def test_a_machine_that_cannot_be_reached_costs_its_own_cell_alone(box: SshHost, short: Path) -> None:
    text = box.inventory.read_text("utf8")
    lost = text[text.index("        box:") :].replace("box:", "lost:").replace(str(box.port), str(NEVER))
    box.inventory.write_text(text + lost, "utf8")
    ended = run(short, box.inventory)
    assert ended.code == 3, ended.said
    verdicts = {result.cell: result.verdict for result in read_trials(only_run()).results}
    assert verdicts == {"short/host-box/sqlite": "pass", "short/host-lost/sqlite": "error"}
    assert f"the host lost (tester@127.0.0.1, port {NEVER}) cannot be reached" in ended.said
    nothing_is_left(box)


def wrong_key(box: SshHost) -> None:
    other = box.folder / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    box.write_inventory(ansible_ssh_private_key_file=str(other))


def no_key(box: SshHost) -> None:
    box.write_inventory(ansible_ssh_private_key_file="no-such-key")


def open_key(box: SshHost) -> None:
    box.key.chmod(0o644)


def unknown_host_key(box: SshHost) -> None:
    box.known_hosts.write_text("", "utf8")


def changed_host_key(box: SshHost) -> None:
    at = box.known_hosts.read_text("utf8").split()[0]
    box.known_hosts.write_text(f"{at} {box.key.with_suffix('.pub').read_text('utf8')}", "utf8")


def no_sudo(box: SshHost) -> None:
    box.write_inventory(ansible_user="visitor")


def no_become(box: SshHost) -> None:
    box.write_inventory(ansible_become=None)


def no_marker(box: SshHost) -> None:
    box.run(f"rm {MARKER}")


def empty_marker(box: SshHost) -> None:
    box.run(f": > {MARKER}")


def anybodys_marker(box: SshHost) -> None:
    box.run(f"chmod 0666 {MARKER}")


def no_python(box: SshHost) -> None:
    box.write_inventory(ansible_python_interpreter="/usr/bin/python9")


def no_venv(box: SshHost) -> None:
    box.run("rm -r /usr/lib/python3.*/ensurepip")


def no_forwarding(box: SshHost) -> None:
    box.run("echo 'AllowTcpForwarding no' > /etc/ssh/sshd_config.d/no.conf; systemctl reload ssh")


FAULTS: list[tuple[Callable[[SshHost], None], str, str]] = [
    (wrong_key, "does not take the key", "authorized_keys"),
    (no_key, "there is no key file", "ansible_ssh_private_key_file"),
    (open_key, "can be read by others", "chmod 600"),
    (unknown_host_key, "its host key is not in", "ssh-keyscan -p"),
    (changed_host_key, "shows another host key", "ssh-keygen -R"),
    (no_sudo, "sudo refuses", "visitor ALL=(ALL:ALL) NOPASSWD: ALL"),
    (no_become, "must become root", "ansible_become: true"),
    (no_marker, f"{MARKER} is missing", f"sudo tee {MARKER}"),
    (empty_marker, f"{MARKER} does not say", f"sudo tee {MARKER}"),
    (anybodys_marker, "can be written by others", f"sudo tee {MARKER}"),
    (no_python, "has no /usr/bin/python9", "apt-get install python3"),
    (no_venv, "has no venv module", "apt-get install python3-venv"),
    (no_forwarding, "does not forward ports", "AllowTcpForwarding"),
]


@pytest.mark.parametrize(("plant", "what", "cure"), FAULTS, ids=[plant.__name__ for plant, _, _ in FAULTS])
def test_a_machine_at_fault_is_named_with_the_cure_and_left_as_it_was(
    box: SshHost, short: Path, plant: Callable[[SshHost], None], what: str, cure: str
) -> None:
    plant(box)
    ended = run(short, box.inventory)
    assert ended.code == 3, ended.said
    said = " ".join(ended.said.split())
    assert "the host box (" in said
    assert what in said
    assert cure in " ".join(_errors())
    nothing_is_left(box)


def _errors() -> list[str]:
    """Return what the trials' histories say of the lab's own errors, whole."""
    files = only_run().glob("trials/*/*/*/events.ndjson")
    events: list[dict[str, Any]] = [json.loads(line) for file in files for line in file.read_text("utf8").splitlines()]
    return [str(event["message"]) for event in events if event["event"] == "lab.error"]


def test_a_machine_without_systemd_is_refused(tmp_path: Path, short: Path) -> None:
    with ssh_host(tmp_path / "box", systemd=False) as box:
        ended = run(short, box.inventory)
        assert ended.code == 3, ended.said
        assert "not run by systemd" in ended.said
        assert box.run("ls -d /opt/lab /run/lab-ports 2>/dev/null; true") == ""


def test_this_machine_is_left_alone_where_it_does_not_allow_tests(short: Path) -> None:
    if Path(MARKER).exists():
        pytest.skip(f"{MARKER} allows tests here")
    ended = run(short, paths.CHECKOUT / "inventory" / "local.yml")
    assert ended.code == 3, ended.said
    assert "(this machine itself)" in ended.said


def _after(child: "subprocess.Popen[str]", word: str) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        if word in line:
            return
    pytest.fail(f"the run ended before it said {word}")


@pytest.mark.parametrize("moment", ["trials in 1 cells", "00-prepare", "03-start"])
def test_what_a_killed_lab_left_on_a_machine_is_removed_by_its_reaper(box: SshHost, short: Path, moment: str) -> None:
    child = start_lab("run", str(short), "--env", "host", "--inventory", str(box.inventory))
    _after(child, moment)
    os.kill(child.pid, signal.SIGKILL)
    child.communicate(timeout=60)
    assert eventually_nothing_left()[1] == []
    nothing_is_left(box)
    record = read_run(only_run())
    assert record.exit is not None
    assert record.exit.code == 137


def test_an_interrupted_run_leaves_nothing(box: SshHost, short: Path) -> None:
    child = start_lab("run", str(short), "--env", "host", "--inventory", str(box.inventory))
    _after(child, "01-install")
    child.send_signal(signal.SIGINT)
    said, _ = child.communicate(timeout=120)
    assert child.returncode == 130, said
    nothing_is_left(box)


@pytest.mark.parametrize("late", [False, True], ids=["ssh ends at once", "ssh ends late"])
def test_a_connection_that_breaks_is_the_labs_error_and_all_is_removed_over_another(
    box: SshHost, short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, late: bool
) -> None:
    if late:
        slow = tmp_path / "programs" / "ssh"
        slow.parent.mkdir()
        slow.write_text(ENDS_LATE.format(ssh=shutil.which("ssh")), "utf8")
        slow.chmod(0o755)
        monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    child = start_lab("run", str(short), "--env", "host", "--inventory", str(box.inventory))
    _after(child, "02-configure")
    box.run(BREAK)
    said, _ = child.communicate(timeout=180)
    assert child.returncode == 3, said
    assert "the connection broke" in said, [said, *_errors()]
    nothing_is_left(box)


def in_shell(script: str) -> str:
    """Return what commands write that somebody types in the last run's shell."""
    said = subprocess.run([LAB, "shell", "last"], input=script, capture_output=True, text=True, timeout=60, check=True)
    return said.stdout


def test_what_was_kept_is_removed_when_its_time_is_over(box: SshHost, short: Path) -> None:
    ended = run(short, box.inventory, "--keep", "always")
    assert ended.code == 0, ended.said
    assert any("/opt/lab" in trace for trace in box.traces())
    account, venv = in_shell("whoami; ls -d /opt/lab/*/product/venv").split()
    assert account == box.run("stat -c %U /opt/lab/*/product/venv").strip()
    assert venv == box.run("ls -d /opt/lab/*/product/venv").strip()
    assert "kept until" in lab("clean").stdout
    cleaned = lab("clean", "--kept")
    assert cleaned.code == 0, cleaned.said
    nothing_is_left(box)
