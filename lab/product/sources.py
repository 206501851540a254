"""A version becomes an artifact: a thing with a digest that every trial of the run installs."""

import hashlib
import os
import shutil
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email.parser import Parser
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Literal

from packaging.requirements import InvalidRequirement, Requirement

from lab import paths
from lab.errors import InfrastructureError, VersionError
from lab.locks import locked
from lab.process import run
from lab.product.catalog import Choice
from lab.product.origin import GitSource, ImageSource, PackageSource, TreeSource, WheelSource
from lab.redact import Redactor

PATCH = ".patch"
LOCK_FILE = "uv.lock"
IGNORED = frozenset({".git", "__pycache__", ".venv", "node_modules", ".mypy_cache", ".ruff_cache", ".pytest_cache"})
RECIPE = "1"
"""Goes into cache keys; a change here makes everything be built anew."""


@dataclass(frozen=True)
class Artifact:
    """A version as the lab obtained it."""

    kind: Literal["package", "wheel", "tree", "image"]
    label: str
    digest: str
    """`sha256:…` of the content; of the requirement's text where the index decides the content."""
    origin: str
    """What a person would call it."""
    path: Path | None = None
    """The wheel, the tree, or the build context of an image, in the cache or where the user has it."""
    requirement: str = ""
    """What the index is asked for, or the image's name."""
    lock: str = ""
    """Name of the lock file in the tree, if it has one."""
    requires_python: str = ""
    """What the artifact itself declares."""
    folder: Path | None = None
    """The original tree, where `path` is a copy."""
    extra: str = ""
    """Optional dependencies of the distribution that are installed, too."""


def resolve(choice: Choice) -> Artifact:
    """Obtain a version, from the cache where its content is known.

    Raises VersionError when there is no such thing, InfrastructureError when building it fails.
    """
    return replace(_obtained(choice), extra=choice.extra)


def with_extra(requirement: str, extra: str) -> str:
    """Return a requirement, or the path of a wheel or a tree, with one more of its optional dependencies."""
    if not extra:
        return requirement
    try:
        asked = Requirement(requirement)
    except InvalidRequirement:  # a path
        return f"{requirement}[{extra}]"
    asked.extras.add(extra)
    return str(asked)


def _obtained(choice: Choice) -> Artifact:  # noqa: PLR0911 - one return for each kind of source
    match choice.source:
        case PackageSource(requirement=requirement):
            digest = hashlib.sha256(requirement.encode()).hexdigest()
            told = Redactor()(requirement)  # an address may hold a token
            return Artifact("package", choice.label, f"sha256:{digest}", told, requirement=requirement)
        case WheelSource(path=str(path)):
            return _wheel(choice.label, Path(path), origin=path)
        case WheelSource(build=layers):
            return _built_wheel(choice.label, [Path(layer) for layer in layers])
        case TreeSource(path=str(path)):
            return _tree(choice.label, Path(path), origin=path)
        case TreeSource(build=layers):
            merged = _merge([Path(layer) for layer in layers], choice.label)
            return _tree(choice.label, merged, origin=f"tree of {Path(layers[-1]).name}")
        case GitSource() as source:
            return _git(choice.label, source)
        case ImageSource(name=str(name)):
            return Artifact("image", choice.label, "", f"image {name}", requirement=name)
        case ImageSource(build=layers):
            merged = _merge([Path(layer) for layer in layers], choice.label)
            wheel = _built_wheel(choice.label, [Path(layer) for layer in layers])
            digest = tree_digest(merged)
            return Artifact("image", choice.label, digest, f"image built for {choice.label}", merged, folder=wheel.path)
    raise AssertionError(choice.source)


def tree_digest(folder: Path) -> str:
    """Return `sha256:…` over names, executable bits and contents of a tree, build leftovers apart."""
    total = hashlib.sha256()
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            total.update(f"link {name} {path.readlink()}\n".encode())
            continue
        executable = "x" if path.stat().st_mode & 0o100 else "-"
        total.update(f"file {name} {executable} {_sha256(path)}\n".encode())
    return f"sha256:{total.hexdigest()}"


def files_of(folder: Path) -> set[str]:
    """Return the names of a tree's files, relative to it."""
    return {path.relative_to(folder).as_posix() for path in _files(folder)}


def _files(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in IGNORED and not name.endswith(".egg-info"))
        yield from (Path(root, name) for name in sorted(files))
        yield from (Path(root, name) for name in folders if Path(root, name).is_symlink())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _wheel(label: str, path: Path, *, origin: str) -> Artifact:
    if not path.is_file():
        raise VersionError(f"{label}: the wheel {path} does not exist")
    try:
        with zipfile.ZipFile(path) as archive:
            names = [
                name for name in archive.namelist() if name.count("/") == 1 and name.endswith(".dist-info/METADATA")
            ]
            metadata = Parser().parsestr(archive.read(names[0]).decode("utf8", "replace")) if names else None
    except (zipfile.BadZipFile, OSError) as error:
        raise VersionError(
            f"{label}: {path} is not a wheel: {error}", hint="build one with: python -m build --wheel"
        ) from error
    if metadata is None:
        raise VersionError(f"{label}: {path} is not a wheel: it holds no *.dist-info/METADATA")
    declared = str(metadata.get("Requires-Python") or "")
    return Artifact("wheel", label, f"sha256:{_sha256(path)}", origin, path, requires_python=declared)


def _tree(label: str, path: Path, *, origin: str) -> Artifact:
    if not path.is_dir():
        raise VersionError(f"{label}: the folder {path} does not exist")
    if not any((path / name).is_file() for name in ("pyproject.toml", "setup.py", "setup.cfg")):
        raise VersionError(f"{label}: {path} is not a Python source tree: no pyproject.toml, setup.py or setup.cfg")
    lock = LOCK_FILE if (path / LOCK_FILE).is_file() else ""
    return Artifact("tree", label, tree_digest(path), origin, path, lock=lock)


def _git(label: str, source: GitSource) -> Artifact:
    repository = Path(source.repository)
    if not repository.is_dir():
        raise VersionError(f"{label}: the repository {repository} does not exist")
    git: list[str | Path] = ["git", "-C", repository]
    found = run([*git, "rev-parse", "--verify", "--quiet", f"{source.ref}^{{commit}}"], timeout=60)
    if not found.ok:
        reason = found.tail(3) or "no such reference"
        raise VersionError(f"{label}: {repository} has no commit '{source.ref}': {reason}")
    commit = found.stdout.decode().strip()
    place = paths.cache() / "trees" / commit
    with locked(place):
        if not place.is_dir():
            part = _fresh(place.with_name(f"{commit}.part"))
            archive = place.with_name(f"{commit}.tar")
            made = run([*git, "archive", "--format=tar", f"--output={archive}", commit], timeout=300)
            if not made.ok:
                raise VersionError(
                    f"{label}: git cannot write out {source.ref} of {repository}: {made.tail(3)}",
                    hint="a clone that lacks objects must fetch them first; or give a folder as the source",
                )
            unpacked = run(["tar", "-xf", archive, "-C", part], timeout=300)
            archive.unlink()
            if not unpacked.ok:
                raise InfrastructureError(f"{label}: {commit[:12]} cannot be unpacked: {unpacked.tail(3)}")
            part.rename(place)
    return _tree(label, place, origin=f"{repository}@{source.ref} ({commit[:12]})")


def _merge(layers: list[Path], label: str) -> Path:
    """Put layers together in the cache: folders copied over each other, patches applied; return the folder."""
    for layer in layers:
        if not layer.is_dir() and not (layer.is_file() and layer.suffix == PATCH):
            raise VersionError(f"{label}: the source folder {layer} does not exist")
    digests = [tree_digest(layer) if layer.is_dir() else _sha256(layer) for layer in layers]
    key = hashlib.sha256("\n".join([RECIPE, *digests]).encode()).hexdigest()
    place = paths.cache() / "sources" / key
    with locked(place):
        if not place.is_dir():
            part = _fresh(place.with_name(f"{key}.part"))
            for layer in layers:
                _lay(layer, part, label)
            part.rename(place)
    return place


def _lay(layer: Path, folder: Path, label: str) -> None:
    """Copy a folder over what is there, or apply a patch to it.

    Raises VersionError for a patch that does not fit.
    """
    if layer.is_dir():
        shutil.copytree(layer, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*IGNORED, "*.egg-info"))
        return
    # Without a repository above it git takes the folder as it is, and no name in a patch leads out of it.
    ceiling = {"GIT_CEILING_DIRECTORIES": str(folder.parent)}
    done = run(["git", "apply", "--whitespace=nowarn", layer], timeout=60, cwd=folder, environment=ceiling)
    if not done.ok:
        raise VersionError(f"{label}: the patch {layer} does not fit: {done.tail(3)}")


def _built_wheel(label: str, layers: list[Path]) -> Artifact:
    """Build a wheel from merged layers, once for each content."""
    merged = _merge(layers, label)
    place = paths.cache() / "wheels" / f"{merged.name}-setuptools-{installed_version('setuptools')}"
    with locked(place):
        if not place.is_dir():
            part = _fresh(place.with_name(f"{place.name}.part"))
            source = part / "source"
            shutil.copytree(merged, source)
            built = run(
                [sys.executable, "-m", "uv", "build", "--wheel", "--offline", "--no-build-isolation",
                 "--python", sys.executable, "--out-dir", part / "dist", source],
                timeout=300,
                environment={"SOURCE_DATE_EPOCH": "315532800", "VIRTUAL_ENV": sys.prefix},
            )  # fmt: skip
            if not built.ok:
                raise InfrastructureError(
                    f"building the wheel of {label} from {', '.join(map(str, layers))} failed:\n{built.tail()}"
                )
            shutil.rmtree(source)
            part.rename(place)
    wheels = sorted((place / "dist").glob("*.whl"))
    if len(wheels) != 1:
        raise InfrastructureError(f"building {label} left {len(wheels)} wheels in {place / 'dist'}")
    return _wheel(label, wheels[0], origin=f"{wheels[0].name}, built from {layers[-1].name}")


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
