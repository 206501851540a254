"""Containers that the cache needs for a moment are gone afterwards, and those of a dead process when it is swept."""

import base64
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from engine_sample import SampleEngine, sample_engine

from lab import paths
from lab.environment.containers.engine import CACHE, OWNER, RUN
from lab.environment.images import image_python
from lab.environment.images.image_python import copied
from lab.environment.images.momentary import MARK, momentary, remove_abandoned
from lab.errors import Interrupted, UsageError

MAKER = """
import sys, docker
from lab.environment.images.momentary import momentary
client = docker.DockerClient(base_url=sys.argv[1], version="1.41")
with momentary(client, "image", ["true"], "filling"):
    print("made", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def engine() -> Iterator[SampleEngine]:
    with sample_engine() as sample:
        yield sample


@pytest.fixture
def client(engine: SampleEngine, lab_home: Path) -> Iterator[docker.DockerClient]:  # noqa: ARG001
    connected = docker.DockerClient(base_url=engine.address, version="1.41")
    yield connected
    connected.close()


def test_it_is_there_inside_the_block_only(engine: SampleEngine, client: docker.DockerClient, lab_home: Path) -> None:
    with momentary(client, "image", ["true"], "filling"):
        (made,) = engine.containers.values()
        assert made["Labels"].items() >= {CACHE: "filling", OWNER: paths.owner()}.items()
        assert RUN not in made["Labels"]
    assert engine.containers == {}
    assert list((lab_home / "momentary").iterdir()) == []


def test_an_interruption_leaves_nothing(engine: SampleEngine, client: docker.DockerClient) -> None:
    with pytest.raises(Interrupted), momentary(client, "image", ["true"], "filling"):
        raise Interrupted
    assert engine.containers == {}


def test_one_is_swept_when_its_process_was_killed_and_not_before(
    engine: SampleEngine, client: docker.DockerClient, lab_home: Path
) -> None:
    argv = [sys.executable, "-c", MAKER, engine.address]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"made\n"
        assert remove_abandoned(client) == []
        assert len(engine.containers) == 1
        child.kill()
        child.wait(20)
        assert remove_abandoned(client) == []
    assert engine.containers == {}
    assert list((lab_home / "momentary").iterdir()) == []


def test_nothing_of_anybody_elses_is_swept(engine: SampleEngine, client: docker.DockerClient) -> None:
    engine.add("of-another-folder", {CACHE: "filling", OWNER: "another", MARK: "0"})
    engine.add("of-a-run", {OWNER: paths.owner(), RUN: "0" * 32})
    assert remove_abandoned(client) == []
    assert set(engine.containers) == {"of-another-folder", "of-a-run"}


def test_one_that_cannot_be_removed_is_told(engine: SampleEngine, client: docker.DockerClient) -> None:
    engine.add("dead", {CACHE: "filling", OWNER: paths.owner(), MARK: "0"})
    engine.different["DELETE /containers/dead"] = lambda: (500, {"message": "device busy"})
    (left,) = remove_abandoned(client)
    assert "container dead" in left
    assert "device busy" in left


# -- the Python of an image ---------------------------------------------------------------------------------------


def archive(*members: tuple[str, bytes | None]) -> bytes:
    """Return a tar archive of files, and of links where there is no content: NAME -> TARGET."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in members:
            path, _, link = name.partition(" -> ")
            member = tarfile.TarInfo(path)
            if content is None:
                member.type, member.linkname = tarfile.SYMTYPE, link
            else:
                member.size = len(content)
            tar.addfile(member, io.BytesIO(content or b""))
    return buffer.getvalue()


def unpacked(content: bytes, target: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        tar.extraction_filter = getattr(tarfile, "fully_trusted_filter", None)  # none before Python 3.11.4
        tar.extractall(target, members=image_python._inside(tar, target))  # noqa: S202 - what is to be shown


@pytest.mark.parametrize(
    "content",
    [
        archive(("../out", b"x")),
        archive(("py/../../out", b"x")),
        archive(("py/lib -> ../..", None), ("py/lib/out", b"x")),
    ],
)
def test_nothing_is_written_outside_of_the_folder(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "into").mkdir()
    with pytest.raises(UsageError, match="lies outside of its folder"):
        unpacked(content, tmp_path / "into")
    assert not (tmp_path / "out").exists()


def test_links_inside_are_kept_wherever_they_lead(tmp_path: Path) -> None:
    unpacked(archive(("py/bin/python3", b"x"), ("py/zone -> /usr/share", None), ("py/lib64 -> lib", None)), tmp_path)
    assert (tmp_path / "py/zone").readlink() == Path("/usr/share")
    assert (tmp_path / "py/bin/python3").read_bytes() == b"x"


@pytest.fixture
def image(engine: SampleEngine, lab_home: Path, monkeypatch: pytest.MonkeyPatch) -> SampleEngine:
    """An image with a Python in /opt/py, of which the engine sends what a test says."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(lab_home / "cache"))
    monkeypatch.setenv("DOCKER_HOST", engine.address)
    engine.images["python:mine"] = {"Id": "sha256:" + "0" * 64}
    said = json.dumps({"base": "/opt/py", "version": "3.12.1"}).encode()
    engine.different["GET /containers/made-0/logs"] = lambda: (200, b"\1\0\0\0" + len(said).to_bytes(4, "big") + said)
    return engine


def sends(engine: SampleEngine, content: bytes) -> None:
    stat = base64.b64encode(b'{"name": "py", "size": 0}').decode()
    engine.headers["X-Docker-Container-Path-Stat"] = stat
    engine.different["GET /containers/made-0/archive"] = lambda: (200, content)


def test_a_python_is_copied_out_of_an_image_and_no_container_stays(image: SampleEngine) -> None:
    sends(image, archive(("py/bin/python3", b"x")))
    folder, at, facts = copied("python:mine", "script")
    assert (folder / "bin/python3").read_bytes() == b"x"
    assert (at, facts["version"]) == (Path("/opt/py"), "3.12.1")
    assert image.containers == {}


def test_a_python_is_copied_also_where_the_labs_own_knows_no_filters(
    image: SampleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = tarfile.TarFile.extractall

    def of_3_11_2(self: tarfile.TarFile, path: Path, members: "Iterator[tarfile.TarInfo]") -> None:
        plain(self, path, members)

    monkeypatch.delattr(tarfile, "tar_filter", raising=False)
    monkeypatch.setattr(tarfile.TarFile, "extractall", of_3_11_2)
    sends(image, archive(("py/bin/python3", b"x")))
    assert (copied("python:mine", "script")[0] / "bin/python3").read_bytes() == b"x"


def test_a_python_that_does_not_end_is_not_waited_for_for_ever(
    image: SampleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_python, "ASK_SECONDS", 0.05)
    running = {"Id": "made-0", "State": {"Status": "running", "ExitCode": 0}, "Config": {"Tty": False}}
    image.different["GET /containers/made-0/json"] = lambda: (200, running)
    with pytest.raises(UsageError, match=r"python:mine has no 'python3' that runs: it did not end within 0\.05 s"):
        copied("python:mine", "script")
    assert image.containers == {}
