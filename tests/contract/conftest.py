from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.environment.kinds import KINDS
from lab.wish import HOST, Wish
from tests.contract.places import Place, Places, places_of
from tests.machine.ssh_host import SshHost, ssh_host


def kinds() -> list[object]:
    """Return all kinds; the machine that stands for those over SSH is a container, too."""
    needing = {name for name, kind in KINDS.items() if kind.needs_engine or name == HOST}
    return [pytest.param(name, marks=[pytest.mark.engine] if name in needing else []) for name in KINDS]


@pytest.fixture(params=kinds())
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def _own_results(lab_home: Path) -> None:
    """Give every test a results folder of its own."""


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshHost]:
    with ssh_host(tmp_path_factory.mktemp("box")) as machine:
        yield machine
        assert machine.traces() == []


@contextmanager
def opened(kind: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[Places]:
    if kind != HOST:
        yield places_of(kind, folder)
        return
    machine: SshHost = request.getfixturevalue("box")
    yield places_of(kind, folder, Wish("fresh-install", inventory=str(machine.inventory)))


@pytest.fixture
def places(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Places]:
    with opened(kind, tmp_path / "run", request) as found:
        yield found


@pytest.fixture(scope="module", params=kinds())
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One environment for all tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("shared")
    with opened(str(request.param), folder / "run", request) as found, found.open("shared") as place:
        yield place


@pytest.fixture
def place(places: Places) -> Iterator[Place]:
    with places.open() as found:
        yield found
