from collections.abc import Iterator

import pytest

from .running import RunningMock, running_mock


@pytest.fixture(scope="session")
def shared_mock() -> Iterator[RunningMock]:
    with running_mock() as mock:
        yield mock


@pytest.fixture
def mock(shared_mock: RunningMock) -> RunningMock:
    """The shared mock with an empty journal and no delay."""
    shared_mock.control.post("/reset").raise_for_status()
    return shared_mock


@pytest.fixture
def own_mock() -> Iterator[RunningMock]:
    """A mock that no other test has used, and that a test may stop."""
    with running_mock() as mock:
        yield mock
