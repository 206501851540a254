import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.environment.containers import engine

PATIENCE = "6"
LOCKS = "LAB_TEST_LOCKS"
"""Variable that names the folder with the locks by which the workers of one test run share the machine."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without an engine the tests that need one are left out by name, or fail where an engine is required."""
    marked = [item for item in items if item.get_closest_marker("engine")]
    if not marked or os.environ.get("LAB_REQUIRE_ENGINE") or engine.answers():
        return
    for item in marked:
        item.add_marker(pytest.mark.skip(reason="no container engine answers"))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Give a test marked `alone` the machine to itself; the wait for that is not part of anybody's time-out."""
    with _machine(alone=item.get_closest_marker("alone") is not None):
        return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """Make the locks of this run; its workers inherit their place."""
    if LOCKS not in os.environ:
        folder = tempfile.TemporaryDirectory(prefix="lab-tests-")
        os.environ[LOCKS] = folder.name
        config.add_cleanup(folder.cleanup)


@contextmanager
def _machine(*, alone: bool) -> Iterator[None]:
    """Hold the machine, together with other workers or alone.

    Whoever waits holds the turnstile, so that those who come later do not overtake for ever.
    """
    place = Path(os.environ[LOCKS])
    with (place / "turnstile").open("w") as turnstile, (place / "machine").open("w") as machine:
        fcntl.flock(turnstile, fcntl.LOCK_EX)
        fcntl.flock(machine, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(turnstile, fcntl.LOCK_UN)
        yield


@pytest.fixture
def lab_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A results folder of the test's own."""
    home = tmp_path / "lab-home"
    monkeypatch.setenv("LAB_HOME", str(home))
    monkeypatch.setenv("LAB_BUDGET_FACTOR", PATIENCE)  # tests share the machine, and none is about the time it takes
    return home
