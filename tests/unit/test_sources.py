import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import InfrastructureError, VersionError
from lab.process import run
from lab.product.catalog import Choice
from lab.product.origin import GitSource, ImageSource, PackageSource, TreeSource, WheelSource
from lab.product.sources import Artifact, _merge, resolve, tree_digest

PROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "tiny"
version = "1.0"
requires-python = ">=3.9"

[tool.setuptools]
py-modules = ["tiny"]
"""
METADATA = "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\nRequires-Python: >=3.9\n"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "lab"


def written(folder: Path, **files: str) -> Path:
    """Write files, whose names have `__` for a dot, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content)
    return folder


def layered(tmp_path: Path, code: str = "VALUE = 2\n") -> WheelSource:
    below = written(tmp_path / "below", pyproject__toml=PROJECT, tiny__py="VALUE = 1\n")
    above = written(tmp_path / "above", tiny__py=code)
    return WheelSource(source="wheel", build=[str(below), str(above)])


def resolved(source: WheelSource | TreeSource | GitSource | PackageSource | ImageSource) -> Artifact:
    return resolve(Choice("1.0", source))


def content(wheel: Artifact) -> str:
    assert wheel.path is not None
    with zipfile.ZipFile(wheel.path) as archive:
        return archive.read("tiny.py").decode()


# What a tree's digest depends on.


def test_two_copies_of_a_tree_have_one_digest(tmp_path: Path) -> None:
    first = written(tmp_path / "first", a="1", b="2")
    second = written(tmp_path / "second", b="2", a="1")
    os.utime(second / "a", (1, 1))
    assert tree_digest(first) == tree_digest(second)
    assert tree_digest(first).startswith("sha256:")


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda tree: (tree / "a").write_text("x"),
    "name": lambda tree: (tree / "a").rename(tree / "c"),
    "a new file": lambda tree: (tree / "c").touch(),
    "a file less": lambda tree: (tree / "a").unlink(),
    "executable": lambda tree: (tree / "a").chmod(0o755),
    "folder": lambda tree: (tree / "a").rename(written(tree / "sub") / "a"),
    "link": lambda tree: (tree / "link").symlink_to("a"),
    "link to a folder": lambda tree: (tree / "link").symlink_to("."),
    "swapped": lambda tree: ((tree / "a").write_text("2"), (tree / "b").write_text("1")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_gives_a_tree_another_digest(tmp_path: Path, change: str) -> None:
    tree = written(tmp_path / "tree", a="1", b="2")
    (tree / "a").chmod(0o644)
    before = tree_digest(tree)
    CHANGES[change](tree)
    assert tree_digest(tree) != before


def test_the_target_of_a_link_counts(tmp_path: Path) -> None:
    tree = written(tmp_path / "tree", a="1", b="1")
    (tree / "link").symlink_to("a")
    before = tree_digest(tree)
    (tree / "link").unlink()
    (tree / "link").symlink_to("b")
    assert tree_digest(tree) != before


@pytest.mark.parametrize("name", [".git", "__pycache__", ".venv", "node_modules", "tiny.egg-info"])
def test_leftovers_of_building_do_not_count(tmp_path: Path, name: str) -> None:
    tree = written(tmp_path / "tree", a="1")
    before = tree_digest(tree)
    written(tree / name, x="1")
    assert tree_digest(tree) == before


# Packages, wheels, trees.


def test_a_package_is_what_the_index_is_asked_for() -> None:
    artifact = resolved(PackageSource(source="package", requirement="tiny==1.0"))
    assert (artifact.kind, artifact.requirement, artifact.origin) == ("package", "tiny==1.0", "tiny==1.0")
    other = resolved(PackageSource(source="package", requirement="tiny==1.1"))
    assert artifact.digest != other.digest


def test_a_wheel_tells_which_python_it_wants(tmp_path: Path) -> None:
    path = tmp_path / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny-1.0.dist-info/METADATA", METADATA)
    artifact = resolved(WheelSource(source="wheel", path=str(path)))
    assert (artifact.kind, artifact.path, artifact.requires_python) == ("wheel", path, ">=3.9")


def test_a_wheel_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VersionError, match=r"1.0: the wheel .*gone.whl does not exist"):
        resolved(WheelSource(source="wheel", path=str(tmp_path / "gone.whl")))


def test_a_file_that_is_no_archive_is_no_wheel(tmp_path: Path) -> None:
    path = tmp_path / "bad.whl"
    path.write_text("no archive")
    with pytest.raises(VersionError, match="is not a wheel: File is not a zip file"):
        resolved(WheelSource(source="wheel", path=str(path)))


@pytest.mark.parametrize("name", ["tiny.py", "METADATA", "vendored/tiny-1.0.dist-info/METADATA"])
def test_an_archive_without_metadata_is_no_wheel(tmp_path: Path, name: str) -> None:
    path = tmp_path / "bad.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, METADATA)
    with pytest.raises(VersionError, match=r"is not a wheel: it holds no \*.dist-info/METADATA"):
        resolved(WheelSource(source="wheel", path=str(path)))


def test_a_tree_is_used_where_it_lies_and_its_lock_is_seen(tmp_path: Path) -> None:
    tree = written(tmp_path / "tree", pyproject__toml=PROJECT)
    source = TreeSource(source="tree", path=str(tree))
    artifact = resolved(source)
    assert (artifact.kind, artifact.path, artifact.digest, artifact.lock) == ("tree", tree, tree_digest(tree), "")
    (tree / "uv.lock").touch()
    assert resolved(source).lock == "uv.lock"


def test_a_folder_that_is_no_source_tree_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VersionError, match="is not a Python source tree"):
        resolved(TreeSource(source="tree", path=str(written(tmp_path / "tree", a="1"))))
    with pytest.raises(VersionError, match="does not exist"):
        resolved(TreeSource(source="tree", path=str(tmp_path / "gone")))


def test_an_image_by_name_has_no_digest_before_it_is_pulled() -> None:
    artifact = resolved(ImageSource(source="image", name="app:1"))
    assert (artifact.kind, artifact.requirement, artifact.digest) == ("image", "app:1", "")


# Git.


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the tag `one` and a later commit on `main`."""
    for name in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{name}_NAME", "A")
        monkeypatch.setenv(f"{name}_EMAIL", "a@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    folder = written(tmp_path / "repository", pyproject__toml=PROJECT, tiny__py="VALUE = 1\n")

    def git(*words: str) -> None:
        result = run(["git", "-C", folder, *words], timeout=60)
        assert result.ok, result.tail()

    git("init", "--quiet", "--initial-branch=main")
    git("add", ".")
    git("commit", "--quiet", "--message=one")
    git("tag", "one")
    written(folder, tiny__py="VALUE = 2\n")
    git("commit", "--quiet", "--all", "--message=two")
    written(folder, tiny__py="VALUE = 'not committed'\n")
    return folder


def test_a_reference_gives_the_tree_of_its_commit_and_nothing_else(repository: Path, own_cache: Path) -> None:
    one, two = (resolved(GitSource(source="git", repository=str(repository), ref=ref)) for ref in ("one", "main"))
    assert one.path is not None
    assert two.path is not None
    assert (one.path / "tiny.py").read_text() == "VALUE = 1\n"
    assert (two.path / "tiny.py").read_text() == "VALUE = 2\n"
    assert one.path.is_relative_to(own_cache)
    assert (one.kind, one.digest) == ("tree", tree_digest(one.path))
    assert one.origin.startswith(f"{repository}@one (")


def test_a_commit_that_was_written_out_is_not_written_again(repository: Path) -> None:
    source = GitSource(source="git", repository=str(repository), ref="one")
    path = resolved(source).path
    assert path is not None
    inode = (path / "tiny.py").stat().st_ino
    assert resolved(source).path == path
    assert (path / "tiny.py").stat().st_ino == inode


def test_a_reference_that_is_not_there_is_refused(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(VersionError, match="has no commit 'gone'"):
        resolved(GitSource(source="git", repository=str(repository), ref="gone"))
    with pytest.raises(VersionError, match=r"the repository .* does not exist"):
        resolved(GitSource(source="git", repository=str(tmp_path / "gone"), ref="one"))


# Wheels that the lab builds.


def test_a_wheel_is_built_from_layers_of_which_the_later_wins(tmp_path: Path, own_cache: Path) -> None:
    artifact = resolved(layered(tmp_path))
    assert artifact.path is not None
    assert artifact.path.is_relative_to(own_cache)
    assert (artifact.path.name, artifact.requires_python) == ("tiny-1.0-py3-none-any.whl", ">=3.9")
    assert content(artifact) == "VALUE = 2\n"
    assert artifact.origin == "tiny-1.0-py3-none-any.whl, built from above"


def test_a_wheel_is_built_once_for_each_content(tmp_path: Path) -> None:
    first = resolved(layered(tmp_path))
    assert first.path is not None
    built = first.path.stat().st_mtime_ns
    assert resolved(layered(tmp_path)) == first
    assert first.path.stat().st_mtime_ns == built
    changed = resolved(layered(tmp_path, "VALUE = 3\n"))
    assert changed.path != first.path
    assert changed.digest != first.digest
    assert content(changed) == "VALUE = 3\n"


def test_the_order_of_layers_counts(tmp_path: Path) -> None:
    source = layered(tmp_path)
    turned = source.model_copy(update={"build": source.build[::-1]})
    assert content(resolved(turned)) == "VALUE = 1\n"


def test_the_layers_themselves_are_left_as_they_are(tmp_path: Path) -> None:
    source = layered(tmp_path)
    before = [tree_digest(Path(layer)) for layer in source.build]
    resolved(source)
    assert [tree_digest(Path(layer)) for layer in source.build] == before
    assert sorted(path.name for path in (tmp_path / "below").iterdir()) == ["pyproject.toml", "tiny.py"]


def test_a_layer_that_is_not_there_is_refused(tmp_path: Path) -> None:
    source = layered(tmp_path).model_copy(update={"build": [str(tmp_path / "below"), str(tmp_path / "gone")]})
    with pytest.raises(VersionError, match=r"the source folder .*gone does not exist"):
        resolved(source)


def test_a_wheel_that_cannot_be_built_is_the_labs_error_and_leaves_nothing_in_the_cache(
    tmp_path: Path, own_cache: Path
) -> None:
    source = layered(tmp_path)
    (tmp_path / "below" / "pyproject.toml").write_text(PROJECT.replace('"tiny"\n', "tiny\n"))
    with pytest.raises(InfrastructureError, match=r"building the wheel of 1.0 from"):
        resolved(source)
    assert not [path for path in (own_cache / "wheels").iterdir() if path.is_dir() and path.suffix != ".part"]
    (tmp_path / "below" / "pyproject.toml").write_text(PROJECT)
    assert content(resolved(source)) == "VALUE = 2\n"


def test_an_image_is_built_from_merged_layers_and_carries_its_wheel(tmp_path: Path) -> None:
    wheel = layered(tmp_path)
    artifact = resolved(ImageSource(source="image", build=wheel.build))
    assert artifact.path is not None
    assert (artifact.path / "tiny.py").read_text() == "VALUE = 2\n"
    assert artifact.digest == tree_digest(artifact.path)
    assert artifact.folder == resolved(wheel).path
    assert replace(artifact, label="x").digest == artifact.digest


def test_a_patch_that_does_not_fit_or_leads_out_of_the_tree_is_no_source(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "pyproject.toml").write_text("a = 1\n")
    for number, text in enumerate(("--- a/pyproject.toml\n+++ b/pyproject.toml\n@@ -1 +1 @@\n-b = 2\n+b = 3\n",
                                   "--- /dev/null\n+++ b/../../outside\n@@ -0,0 +1 @@\n+x\n")):  # fmt: skip
        patch = tmp_path / f"{number}.patch"
        patch.write_text(text)
        with pytest.raises(VersionError, match="does not fit"):
            _merge([tree, patch], "1.0")
    assert not (tmp_path / "outside").exists()
