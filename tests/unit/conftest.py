"""Unit tests need no engine, and say the same whether the machine has one."""

import pytest


@pytest.fixture(autouse=True)
def _without_an_engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing find the machine's engine, but where a test is marked as needing it."""
    if request.node.get_closest_marker("engine") is None:
        monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/at/all.sock")
