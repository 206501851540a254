"""A Python out of an image: copied into the cache once, so that trials on other platforms can be given it."""

import json
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import paths
from lab.environment.containers import engine
from lab.environment.images.momentary import momentary
from lab.environment.images.named import present
from lab.errors import UsageError
from lab.locks import locked

if TYPE_CHECKING:
    import docker
    from docker.models.containers import Container
    from docker.models.images import Image

SYSTEM = Path("/usr")
"""A Python installed here is woven into its system and cannot be taken out."""
SHARED = Path("/usr/local")
"""What is installed here is taken elsewhere: platforms have files of their own in it."""
SPOOLED = 64 * 1024 * 1024
"""Bytes of an archive that are kept in memory."""
ASK_SECONDS = 60.0
"""How long an image's Python may take to tell of itself: a moment, and the start of a container on a busy machine."""
POLL_SECONDS = 0.05


def copied(name: str, script: str) -> tuple[Path, Path, dict[str, str]]:
    """Return the folder of an image's Python, where trials must see it, and what the script says when it runs there.

    The script prints one JSON object with at least the `base` folder of the Python. Raises UsageError where the image
    or its Python cannot be had, InfrastructureError where the engine fails.
    """
    client = engine.connect()
    try:
        image = present(client, name)
        place = paths.cache() / "interpreters" / str(image.id).removeprefix("sha256:")[:24]
        with locked(place):
            if not place.is_dir():
                part = place.with_suffix(".part")
                shutil.rmtree(part, ignore_errors=True)
                part.mkdir(parents=True)
                told = _told(client, image, name, script)
                _copy(client, image, Path(told["base"]), part)
                (part / "told.json").write_text(json.dumps(told), "utf8")
                part.rename(place)
    finally:
        client.close()
    facts: dict[str, str] = json.loads((place / "told.json").read_text("utf8"))
    base = Path(facts["base"])
    folder = place / base.name
    return folder, folder if base == SHARED else base, facts


def _told(client: "docker.DockerClient", image: "Image", name: str, script: str) -> dict[str, Any]:
    """Let the image's Python tell of itself."""
    from docker.errors import APIError

    words = ["-I", "-c", script]
    how = {"entrypoint": "python3", "network_mode": "none"}
    with (
        engine.calls(f"asking the Python of the image {name}"),
        momentary(client, str(image.id), words, "asking", **how) as box,
    ):
        try:
            box.start()
        except APIError as error:
            raise UsageError(f"the image {name} has no 'python3' that runs: {error.explanation or error}") from error
        ended = _exit_code(box)
        said = box.logs(stdout=True, stderr=False)
        if ended != 0:
            how_it_ended = f"it did not end within {ASK_SECONDS:g} s" if ended is None else f"it ended with {ended}"
            last = box.logs(stdout=False, stderr=True, tail=3).decode("utf8", "replace").strip()
            raise UsageError(f"the image {name} has no 'python3' that runs: {how_it_ended}: {last or 'it was silent'}")
    told: dict[str, Any] = json.loads(said.splitlines()[-1])
    if Path(told["base"]) == SYSTEM:
        raise UsageError(
            f"the Python of the image {name} is a part of its system, and cannot be given to another one",
            hint=f"make the image a platform: --platform-image NAME={name}",
        )
    return told


def _exit_code(box: "Container") -> int | None:
    """Wait for a container's end; return its exit code, None where it runs too long."""
    deadline = time.monotonic() + ASK_SECONDS
    while True:
        box.reload()
        if box.attrs["State"]["Status"] in {"exited", "dead"}:
            return int(box.attrs["State"]["ExitCode"])
        if time.monotonic() > deadline:
            return None
        time.sleep(POLL_SECONDS)


def _copy(client: "docker.DockerClient", image: "Image", base: Path, target: Path) -> None:
    with engine.calls(f"copying {base} out of an image"), tempfile.SpooledTemporaryFile(SPOOLED) as spool:
        with momentary(client, str(image.id), ["true"], "copying") as box:
            for chunk in box.get_archive(str(base))[0]:
                spool.write(chunk)
        spool.seek(0)
        with tarfile.open(fileobj=spool) as archive:
            # An attribute, since Pythons before 3.11.4 know no such argument: they have the check alone.
            archive.extraction_filter = getattr(tarfile, "tar_filter", None)
            archive.extractall(target, members=_inside(archive, target))  # noqa: S202 - each is looked at before


def _inside(archive: tarfile.TarFile, target: Path) -> Iterator[tarfile.TarInfo]:
    """Yield members one by one, each when those before it lie there: a link may lead those after it elsewhere.

    Raises UsageError for one that would be written outside of the folder.
    """
    root = target.resolve()
    for member in archive:
        ends = [member.name, member.linkname] if member.islnk() else [member.name]
        for end in ends:
            if not Path(os.path.realpath(root / end)).is_relative_to(root):
                raise UsageError(f"the Python of the image cannot be copied: '{end}' lies outside of its folder")
        yield member
