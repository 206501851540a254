"""What a user may get wrong: one clear paragraph, the right exit code, no traceback, nothing lost or left over."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import paths
from lab.records.store import list_runs
from tests.integration.program import Ended, lab, left_on_engine


def _is_clear(ended: Ended, code: int, *parts: str) -> None:
    assert ended.code == code, ended.said
    assert "Traceback" not in ended.said
    assert ended.last_line.startswith(f"lab exit {code}: ")
    assert len(ended.stderr.strip().splitlines()) <= 8, "one paragraph"
    for part in parts:
        assert part in ended.said


def _scenario(tmp_path: Path, old: str, new: str) -> str:
    text = (paths.scenarios() / "upgrade.yaml").read_text("utf8")
    assert old in text
    path = tmp_path / "changed.yaml"
    path.write_text(text.replace(old, new, 1), "utf8")
    return str(path)


def test_broken_yaml_is_refused_with_its_position(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("schema: 1\nname: [upgrade\n", "utf8")

    _is_clear(lab("run", str(path)), 2, "broken.yaml:3:1: not valid YAML")


def test_an_unknown_key_is_refused_with_its_position_and_the_word_that_was_meant(tmp_path: Path) -> None:
    ended = lab("run", _scenario(tmp_path, "steps:", "stesp:"))

    _is_clear(ended, 2, "changed.yaml:15:1: unknown key 'stesp'; did you mean 'steps'?")


def test_a_scenario_without_checks_is_refused(tmp_path: Path) -> None:
    text = (paths.scenarios() / "upgrade.yaml").read_text("utf8").partition("checks:")[0]
    path = tmp_path / "blind.yaml"
    path.write_text(text, "utf8")

    ended = lab("validate", str(path))
    assert ended.code == 2
    assert "missing key 'checks'" in ended.said


def test_an_unset_variable_is_refused_with_its_position(tmp_path: Path) -> None:
    ended = lab("run", _scenario(tmp_path, "title: A user", "title: ${LAB_TEST_UNSET} user"))

    _is_clear(ended, 2, "changed.yaml:3:", "LAB_TEST_UNSET is not set")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("run", "upgrad"), "did you mean 'upgrade'?"),
        (("run", "no/such/file.yaml"), "no/such/file.yaml"),
        (("run", "upgrade", "--product", "refrence"), "did you mean 'reference'?"),
        (("run", "upgrade", "--to", "0.3.0"), "has no version '0.3.0'"),
        (("run", "upgrade", "--to", "0.2.0=/no/such/tree"), "is not a source"),
        (("run", "upgrade", "--to", "0.2.0=/no/such/file.whl"), "does not exist"),
        (("run", "upgrade", "--set", "stpo=signal"), "did you mean 'stop'?"),
        (("run", "upgrade", "--set", "stop"), "AXIS=VALUE"),
        (("run", "upgrade", "--set", "platform=debian-99"), "there is no platform 'debian-99'"),
        (("run", "upgrade", "--env", "dokcer"), "did you mean 'docker'?"),
        (("run", "upgrade", "--trials", "many"), "--trials"),
        (("run", "upgrade", "--keep", "sometimes"), "--keep sometimes"),
        (("run", "upgrade", "--port", "8881", "--workers", "2"), "--port goes with one worker"),
        (("run", "fresh-install", "--from", "0.1.4"), "has no old version"),
        (("report", "nothing"), "there are no runs"),
        (("selftest", "never-helthy"), "did you mean 'never-healthy'?"),
        (("frobnicate",), "frobnicate"),
    ],
)
@pytest.mark.engine
def test_a_wrong_word_on_the_command_line_is_explained(arguments: tuple[str, ...], part: str) -> None:
    _is_clear(lab(*arguments), 2, part)


@pytest.mark.engine
def test_a_wheel_that_is_not_a_wheel_cannot_be_resolved(tmp_path: Path) -> None:
    path = tmp_path / "product-1.0-py3-none-any.whl"
    path.write_text("hello", "utf8")

    _is_clear(lab("run", "upgrade", "--to", f"0.2.0={path}"), 2, "is not a wheel")


def test_a_dead_engine_ends_the_run_at_once_with_what_to_do(tmp_path: Path) -> None:
    ended = lab("run", "upgrade", "--env", "docker", DOCKER_HOST=f"unix://{tmp_path}/nobody.sock")

    _is_clear(ended, 3, "no container engine answers", "apt-get install docker.io")


@pytest.mark.engine
def test_a_port_in_use_is_the_machines_fault_and_costs_no_earlier_result() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = lab("run", "fresh-install", "--set", "stop=signal", "--port", str(taken.getsockname()[1]))

    assert ended.code == 3, ended.said
    assert "port is in use" in ended.said
    assert "Traceback" not in ended.said
    assert left_on_engine() == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("mounting a small disk needs root")
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.engine
def test_a_full_disk_is_told_in_one_paragraph_and_leaves_nothing_on_the_engine(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_HOME", str(small_disk / "lab"))
    ended = lab("run", "upgrade", "--set", "stop=signal")

    assert ended.code == 3, ended.said
    assert "Traceback" not in ended.said
    assert "No space left" in ended.said or "no space is left" in ended.said
    assert left_on_engine() == []


@pytest.mark.engine
def test_a_failed_run_leaves_earlier_results_as_they_were(tmp_path: Path) -> None:
    assert lab("run", "fresh-install", "--set", "stop=signal").code == 0
    (first,) = list_runs()
    before = {path: path.read_bytes() for path in first.rglob("*") if path.is_file()}

    assert lab("run", "upgrade", "--to", "0.2.0=/no/such/file.whl").code == 2
    assert lab("run", "upgrade", "--env", "docker", DOCKER_HOST=f"unix://{tmp_path}/nobody.sock").code == 3

    assert list_runs() == [first]
    assert {path: path.read_bytes() for path in first.rglob("*") if path.is_file()} == before
