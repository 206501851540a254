from contextlib import closing
from pathlib import Path

import docker
import pytest
from engine_sample import sample_engine

from lab.environment.containers.engine import CACHE, OWNER
from lab.environment.images.momentary import MARK
from lab.environment.images.wheelhouse import DEFAULT_BACKEND, _build_requirements, from_shelf, shelve, wheelhouse
from lab.errors import InfrastructureError, UsageError
from lab.product.sources import Artifact


def test_a_locked_tree_is_refused_with_what_to_do(tmp_path: Path) -> None:
    artifact = Artifact("tree", "0.2.0", "sha256:0", "a tree", tmp_path, lock="uv.lock")
    with pytest.raises(UsageError, match=r"0\.2\.0: its uv\.lock names addresses") as refused:
        wheelhouse(artifact, "3.11", "x86_64", print)
    assert "network: open" in (refused.value.hint or "")


def test_installers_of_both_families_are_kept_from_every_index() -> None:
    given = from_shelf("/wheels/to")
    assert given["PIP_NO_INDEX"] == given["UV_OFFLINE"] == "1"
    assert given["PIP_FIND_LINKS"] == given["UV_FIND_LINKS"] == "/wheels/to"
    assert given["UV_CONFIG_FILE"] == "/wheels/to/uv.toml"


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ('[build-system]\nrequires = ["hatchling>=1.20"]\n', ["hatchling>=1.20"]),
        ('[project]\nname = "x"\n', DEFAULT_BACKEND),
        ("[build-system\n", DEFAULT_BACKEND),
        (None, DEFAULT_BACKEND),
    ],
)
def test_what_builds_a_tree_is_what_it_says_or_what_pip_takes_it_for(
    tmp_path: Path, content: str | None, wanted: list[str]
) -> None:
    if content is not None:
        (tmp_path / "pyproject.toml").write_text(content)
    assert _build_requirements(tmp_path) == wanted


def test_the_container_that_fills_a_volume_can_be_told_by_a_sweep_and_goes_when_filling_fails(
    tmp_path: Path,
    lab_home: Path,  # noqa: ARG001 - where its lock lies
) -> None:
    (tmp_path / "wheels").mkdir()
    with sample_engine() as engine, closing(docker.DockerClient(base_url=engine.address, version="1.41")) as client:
        engine.different["POST /volumes/create"] = lambda: (201, {"Name": "wheels"})
        engine.different["PUT /containers/made-0/archive"] = lambda: (500, {"message": "the disk is broken"})
        with pytest.raises(InfrastructureError, match="the disk is broken"):
            shelve(client, tmp_path / "wheels", "image")
        assert engine.made["made-0"]["Labels"].keys() == {CACHE, OWNER, MARK}
        assert engine.containers == {}
