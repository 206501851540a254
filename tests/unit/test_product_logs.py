"""What a product wrote is told with a word on whether it is all of it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab.environment.base import Log, Service
from lab.environment.containers import product as containers
from lab.environment.containers.engine import Door
from lab.environment.containers.product import LOG_FILE_BYTES, ContainerProduct
from lab.environment.places import Places
from lab.environment.processes import product as local
from lab.environment.processes.product import LocalProduct
from lab.environment.units import unit as units
from lab.environment.units.machine import Machine
from lab.environment.units.scripts import LOGS_SCRIPT
from lab.environment.units.unit import Unit
from lab.process import CommandResult

SPEAKS = "import sys; print('out'); print('err', file=sys.stderr)"


@pytest.fixture
def here(tmp_path: Path) -> LocalProduct:
    """A product on this machine that has written a word to each of its outputs, and ended."""
    ignore: Callable[..., None] = lambda *_told, **_named: None  # noqa: E731 - a word for it
    product = LocalProduct("p", tmp_path / "logs", None, str, dict, ignore, ignore)
    product.start(Service((sys.executable, "-c", SPEAKS), {}, str(tmp_path), 8881))
    product.process.wait(20)
    return product


def test_what_a_process_wrote_is_all_there(here: LocalProduct) -> None:
    assert here.logs() == Log(b"out\n", b"err\n")


def test_a_file_that_is_gone_is_not_an_empty_one(here: LocalProduct, tmp_path: Path) -> None:
    (tmp_path / "logs" / "1.stderr").unlink()
    assert here.logs() == Log(b"out\n", b"", "its standard error cannot be read")


def test_a_file_that_is_longer_than_is_read_is_cut(here: LocalProduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "MOST_BYTES", 3)
    assert here.logs() == Log(b"out", b"err", "its standard output was read no further than 0 MB")


class SomeUnit(Unit):
    def base_url(self) -> str:
        raise AssertionError

    def waited(self) -> float | None:
        raise AssertionError

    def reboot(self, *, timeout: float) -> dict[str, Any]:
        raise AssertionError(timeout)


def journal(exit_code: int | None, stdout: bytes, stderr: bytes = b"", *, started: bool = True) -> Log:
    """Return the log of a unit on a machine that answers so."""
    machine = SimpleNamespace(run=lambda argv, **_named: CommandResult(tuple(argv), exit_code, stdout, stderr, 0.0))
    unit = SomeUnit(cast("Machine", machine), "product", user="product", places=Places())
    unit._started = started
    return unit.logs()


def test_a_journal_that_was_read_is_all_there() -> None:
    assert journal(0, b"a\nb\n") == Log(b"a\nb\n", b"")
    assert journal(0, b"") == Log(b"", b"")
    assert journal(0, b"", b"Warning: Permanently added 'host'").missing == ""


@pytest.mark.parametrize(
    ("told", "missing"),
    [
        (journal(1, b"a\n", b"Permission denied"), "the journal cannot be read: Permission denied"),
        (journal(None, b""), "the journal cannot be read: time-out"),
        (journal(0, b"a\n", b"Suppressed 9 messages from product.service\n"),
         "the machine kept less than was written: Suppressed 9 messages from product.service"),
        (journal(0, b"", started=False), "the unit was not started"),
    ],
)  # fmt: skip
def test_a_journal_that_was_not_read_is_not_an_empty_one(told: Log, missing: str) -> None:
    assert told.missing == missing


def test_a_journal_that_is_longer_than_is_read_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "MOST_BYTES", 3)
    assert journal(0, b"a\nb").missing == "the journal was read no further than 0 MB"
    assert journal(0, b"a\n").missing == ""


@pytest.mark.parametrize(
    "dropped", ["", "Suppressed 9 messages from product.service", "Suppressed 9 from other.service"]
)
def test_a_machine_is_asked_what_its_journal_dropped_of_the_unit(dropped: str, tmp_path: Path) -> None:
    """The script runs for real, with a journalctl that tells what it is given to tell."""
    asked = tmp_path / "journalctl"
    asked.write_text(f'#!/bin/sh\ncase "$*" in *MESSAGE_ID=*) echo "{dropped}";; *_SYSTEMD_UNIT=*) echo said;; esac\n')
    asked.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    told = subprocess.run(
        ["sh", "-c", LOGS_SCRIPT, "sh", "product.service", "0"], env={"PATH": path}, capture_output=True, check=True
    )
    assert told.stdout == b"said\n"
    assert told.stderr.decode().strip() == (dropped if "product" in dropped else "")


def container(monkeypatch: pytest.MonkeyPatch, out: bytes, err: bytes, *names: str) -> Log:
    """Return the log of a product whose containers, by name, wrote this."""
    monkeypatch.setattr(containers, "read_logs", lambda _door, _name: (out, err))
    unused: Any = None
    product = ContainerProduct(cast("Door", SimpleNamespace(client=SimpleNamespace(api=None))), unused, unused, unused,
                               unused)  # fmt: skip
    product.containers = list(names)
    return product.logs()


def test_what_a_container_wrote_is_all_there_while_the_engine_cannot_have_dropped_any(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert container(monkeypatch, b"a\n", b"b\n", "product-1") == Log(b"a\n", b"b\n")
    assert container(monkeypatch, b"", b"").missing == "the product was not started"
    line = b"a" * 999 + b"\n"
    few = LOG_FILE_BYTES // 5000
    assert container(monkeypatch, line * few, line * few, "product-1").missing == ""


@pytest.mark.parametrize(("out", "err"), [(b"a" * (LOG_FILE_BYTES // 2), b""), (b"", b"\n" * (LOG_FILE_BYTES // 80))])
def test_a_log_that_fills_a_file_of_the_engines_may_have_lost_its_beginning(
    out: bytes, err: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "may have dropped the beginning" in container(monkeypatch, out, err, "product-1").missing
