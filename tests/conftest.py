import os
from pathlib import Path

import pytest

from lab.environment import engine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without an engine the tests that need one are left out by name, or fail where an engine is required."""
    marked = [item for item in items if item.get_closest_marker("engine")]
    if not marked or os.environ.get("LAB_REQUIRE_ENGINE") or engine.answers():
        return
    for item in marked:
        item.add_marker(pytest.mark.skip(reason="no container engine answers"))


@pytest.fixture
def lab_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A results folder of the test's own."""
    home = tmp_path / "lab-home"
    monkeypatch.setenv("LAB_HOME", str(home))
    return home
