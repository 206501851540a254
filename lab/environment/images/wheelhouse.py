"""Folders with all the wheels that installing an artifact takes, fetched once, for places that cannot fetch any."""

import hashlib
import io
import shutil
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lab import paths
from lab.environment.containers import engine
from lab.environment.images.fetched import GLIBC, fetch
from lab.environment.images.momentary import momentary
from lab.errors import UsageError
from lab.locks import locked
from lab.product.sources import Artifact, with_extra

if TYPE_CHECKING:
    import docker

FILLED = "/wheels"
"""Where a volume is mounted while it is filled."""
RECIPE = "1"
"""Goes into keys; a change here makes everything be fetched anew."""
UV_SETTINGS, NO_INDEX = "uv.toml", b"no-index = true\n"
"""A file beside the wheels: this setting of uv's has no variable."""
DEFAULT_BACKEND = ["setuptools>=40.8.0", "wheel"]
"""What builds a tree that does not say what builds it."""
Say = Callable[[str], None]


def wheelhouse(artifact: Artifact, python: str, machine: str, say: Say) -> Path:
    """Return a folder with an artifact's wheels for a Python (major.minor) and a machine, such as `x86_64`.

    Raises UsageError for what can only be installed from an index, InfrastructureError when fetching fails.
    """
    if artifact.lock:
        raise UsageError(
            f"{artifact.label}: its {artifact.lock} names addresses from which its packages are fetched, so that it "
            "cannot be installed on a sealed network",
            hint="give a wheel or a tree without a lock file, or run the scenario with 'network: open'",
        )
    wheel = artifact.folder or artifact.path
    key = hashlib.sha256(
        f"{RECIPE} {artifact.digest} {wheel} {artifact.requirement} {artifact.extra} {python} {machine}".encode()
    ).hexdigest()
    place = paths.cache() / "wheelhouses" / key
    with locked(place):
        if not place.is_dir():
            say(f"fetching what {artifact.label} depends on")
            part = place.with_name(f"{key}.part")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            with tempfile.TemporaryDirectory(prefix="lab-wheels-") as scratch:
                for asked in _asked_for(artifact, Path(scratch)):
                    _fetch_all(asked, Path(scratch), part, artifact, python, machine)
            part.rename(place)
    return place


def no_wheels() -> Path:
    """Return an empty folder, for what refuses to be installed."""
    place = paths.cache() / "wheelhouses" / "none"
    place.mkdir(parents=True, exist_ok=True)
    return place


def _asked_for(artifact: Artifact, scratch: Path) -> list[Path]:
    """Return files that say what installing takes, each to be fulfilled by itself: an installer builds a tree apart."""
    if artifact.kind == "tree" and artifact.path is not None:
        named = (artifact.path / name for name in ("pyproject.toml", "setup.py", "setup.cfg"))
        building = scratch / "building.in"
        building.write_text("".join(f"{line}\n" for line in _build_requirements(artifact.path)), "utf8")
        return [next(path for path in named if path.is_file()), building]
    wheel = artifact.folder or artifact.path
    asked = scratch / "asked.in"
    asked.write_text(f"{with_extra(artifact.requirement or str(wheel), artifact.extra)}\n", "utf8")
    return [asked]


def _build_requirements(tree: Path) -> list[str]:
    """Return what builds a tree, as it says itself."""
    path = tree / "pyproject.toml"
    try:
        told = tomllib.loads(path.read_text("utf8")) if path.is_file() else {}
    except tomllib.TOMLDecodeError:
        return DEFAULT_BACKEND  # the installer will say what is wrong with the file
    return [str(each) for each in told.get("build-system", {}).get("requires", DEFAULT_BACKEND)]


def _fetch_all(asked: Path, scratch: Path, folder: Path, artifact: Artifact, python: str, machine: str) -> None:
    """Find out which packages fulfil a file's wishes, then fetch their wheels.

    The one tool takes the other Python's markers into account, the other writes wheels as they are.
    """
    found, label = scratch / f"{asked.name}.txt", artifact.label
    # A file of requirements names them itself.
    extra = ["--extra", artifact.extra] if artifact.extra and asked.suffix != ".in" else []
    fetch(
        [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate",
         "--python-version", python, "--python-platform", f"{machine}-manylinux_2_{GLIBC[0]}",
         "--only-binary", ":all:", *extra, "--output-file", found, asked],
        f"finding out what {label} depends on",
    )  # fmt: skip
    tags = [f"manylinux_2_{glibc}_{machine}" for glibc in GLIBC] + [f"manylinux2014_{machine}", "any"]
    fetch(
        [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
         "--only-binary=:all:", f"--python-version={python}",
         *(f"--platform={name}" for name in tags), "--dest", folder, "--requirement", found],
        f"fetching what {label} depends on",
    )  # fmt: skip


def from_shelf(shelf: str) -> dict[str, str]:
    """Return the variables by which installers take all they need from a folder."""
    pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": shelf}
    return {**pip, "UV_CONFIG_FILE": f"{shelf}/{UV_SETTINGS}", "UV_FIND_LINKS": shelf, "UV_OFFLINE": "1"}


def shelve(client: "docker.DockerClient", folder: Path, image: str) -> str:
    """Return a volume of the engine with a wheelhouse in it, filled once for each content.

    Raises InfrastructureError.
    """
    from docker.errors import NotFound

    name = f"lab-cache-wheels-{RECIPE}-{folder.name[:24]}"
    filled = folder.with_name(f"{folder.name}.shelved")
    with locked(filled), engine.calls(f"filling the volume {name}"):
        try:
            made = client.volumes.get(name).attrs["CreatedAt"]
        except NotFound:
            made = ""
        if made and filled.is_file() and filled.read_text("utf8") == made:
            return name
        volume = client.volumes.create(name, labels={engine.CACHE: "wheels", engine.OWNER: "shared"})
        with momentary(client, image, ["true"], "filling", volumes={name: {"bind": FILLED, "mode": "rw"}}) as box:
            box.put_archive(FILLED, _tar(folder))
        volume.reload()
        filled.write_text(volume.attrs["CreatedAt"], "utf8")
    return name


def _tar(folder: Path) -> bytes:
    """Return an archive of a folder's wheels that every user may read, and of what makes uv content with them."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        told = tarfile.TarInfo(UV_SETTINGS)
        told.size, told.mode = len(NO_INDEX), 0o644
        archive.addfile(told, io.BytesIO(NO_INDEX))
        for path in sorted(folder.iterdir()):
            member = tarfile.TarInfo(path.name)
            member.size, member.mode = path.stat().st_size, 0o644
            with path.open("rb") as file:
                archive.addfile(member, file)
    return buffer.getvalue()
