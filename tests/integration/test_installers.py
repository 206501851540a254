"""Installers, Pythons and platforms other than the usual ones, with the real programs."""

import io
import json
import shutil
import sys
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lab import paths
from lab.environment.images.fetched import pipx_archive
from lab.environment.images.interpreters import interpreter
from lab.errors import UsageError
from lab.process import run
from lab.records.model import TrialResult
from lab.records.store import list_runs, read_run, read_trials
from tests.integration.program import client, lab, left_on_engine

REFERENCE = paths.images() / "reference"
OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
BRINGS = ("--interpreter", f"{OWN}={Path(sys.base_prefix).resolve()}")
IMAGE = "lab-test/brought:1"


def facts(step: str) -> list[dict[str, Any]]:
    """Return what the only run's trials know of a step."""
    (folder,) = list_runs()
    events = [
        json.loads(line)
        for path in sorted(folder.glob("trials/*/*/*/events.ndjson"))
        for line in path.read_text("utf8").splitlines()
    ]
    return [event["facts"] for event in events if event["event"] == "step.end" and event["kind"] == step]


def results() -> list[TrialResult]:
    (folder,) = list_runs()
    return list(read_trials(folder).results)


@pytest.mark.engine
def test_the_product_works_whatever_installed_it() -> None:
    ended = lab("run", "installers", "--env", "docker", "--set", "installer=pip,pipx", seconds=600)

    assert ended.code == 0, ended.said
    told = {each["installer"]: each["commands"][-1]["argv"] for each in facts("install")}
    assert told["pip"][1:4] == ["-m", "pip", "install"]
    assert told["pipx"][1:3] == ["/tmp/artifacts/pipx.pyz", "install"]  # noqa: S108 - inside a container
    assert [each["proofs"]["command"]["version"] for each in facts("inspect")] == ["0.2.0", "0.2.0"]
    assert left_on_engine() == []


def test_pipx_tells_a_failure_by_its_exit_code(tmp_path: Path) -> None:
    places = {"PIPX_HOME": str(tmp_path / "pipx"), "PIPX_BIN_DIR": str(tmp_path / "bin")}

    for words, code in ((["--version"], 0), (["install", str(tmp_path / "missing.whl")], 1)):
        done = run([sys.executable, pipx_archive(), *words], timeout=120, environment=places)
        assert done.exit_code == code, done.tail()


@pytest.mark.engine
def test_a_python_of_this_machine_runs_the_product_on_another_platform() -> None:
    choice = ("--set", "platform=debian-13", "--set", f"python={OWN}")

    ended = lab("run", "platforms", "--env", "docker", *choice, *BRINGS, seconds=600)

    assert ended.code == 0, ended.said
    (installed,) = facts("install")
    assert installed["python"] == installed["interpreter_version"] == sys.version.split()[0]
    (folder,) = list_runs()
    record = read_run(folder)
    assert record.host["interpreters"][OWN]["digest"] == installed["interpreter_digest"]
    assert f"--interpreter {OWN}=" in record.command
    assert left_on_engine() == []


@pytest.fixture
def image() -> Iterator[str]:
    """An image of somebody else's, in which the user 1000 has a name of its own; return its id."""
    from lab.environment.images.making import Images
    from lab.environment.images.platforms import platform_named

    with closing(client()) as api:
        base = Images(api, lambda _line: None)._base(platform_named("debian-12"))
        box = api.containers.run(base, ["useradd", "--uid", "1000", "ubuntu"], detach=True)
        try:
            assert box.wait()["StatusCode"] == 0
            made = box.commit(*IMAGE.split(":"))
        finally:
            box.remove(force=True)
        try:
            yield str(made.id)
        finally:
            api.images.remove(IMAGE, force=True)


@pytest.mark.engine
def test_any_image_is_a_platform_and_its_digest_stands_in_the_results(image: str) -> None:
    brought = ("--platform-image", f"mine={IMAGE}", "--set", "platform=mine")

    ended = lab("run", "platforms", "--env", "docker", *brought, seconds=600)

    assert ended.code == 0, ended.said
    (trial,) = results()
    assert trial.platform == "mine"
    assert trial.facts["platform_base"] == f"{IMAGE}@{image}"
    assert trial.facts["platform_image_id"].startswith("sha256:")
    told = lab("report").stdout
    assert image in told
    assert trial.facts["platform_image_id"] in told
    assert left_on_engine() == []


@pytest.fixture
def image_with_python() -> Iterator[str]:
    """An image that has the tests' own Python, where it is on this machine; return its name."""
    from lab.environment.images.making import Images
    from lab.environment.images.platforms import platform_named

    folder, buffer = Path(sys.base_prefix).resolve(), io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(folder, str(folder).lstrip("/"), filter=_bare)
    with closing(client()) as api:
        base = Images(api, lambda _line: None)._base(platform_named("debian-13"))
        box = api.containers.create(base, ["true"])
        try:
            box.put_archive("/", buffer.getvalue())
            box.commit("lab-test/python", "1", changes=f"ENV PATH={folder}/bin:/usr/bin:/bin")
        finally:
            box.remove(force=True)
        try:
            yield "lab-test/python:1"
        finally:
            api.images.remove("lab-test/python:1", force=True)


def _bare(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leave out what was installed into it, and what nobody needs to run it."""
    parts = {"test", "site-packages", "__pycache__", "include", "share"}
    return None if parts & set(member.name.split("/")) or member.name.endswith(".a") else member


@pytest.mark.engine
def test_a_python_is_taken_out_of_an_image(
    image_with_python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    found = interpreter(f"{OWN}=image:{image_with_python}")

    assert found.version == sys.version.split()[0]
    assert found.folder.is_relative_to(tmp_path)
    assert found.at == Path(sys.base_prefix).resolve()
    assert found.executable(here=True).is_file()
    assert found.digest == interpreter(BRINGS[1]).digest


@pytest.mark.engine
def test_a_python_that_is_a_part_of_its_system_stays_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lab.environment.images.making import Images
    from lab.environment.images.platforms import platform_named

    with closing(client()) as api:
        base = Images(api, lambda _line: None)._base(platform_named("debian-12"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    with pytest.raises(UsageError, match="is a part of its system") as error:
        interpreter(f"3.11=image:{base}")
    assert error.value.hint == f"make the image a platform: --platform-image NAME={base}"


@pytest.mark.engine
@pytest.mark.parametrize(
    ("image", "code", "said"),
    [
        ("localhost:1/no/such:image", 3, "the image localhost:1/no/such:image is not on the engine"),
        ("No/Such:Image", 2, "No/Such:Image"),
    ],
)
def test_an_image_that_nobody_has_is_an_error_with_its_name(image: str, code: int, said: str) -> None:
    ended = lab("run", "platforms", "--env", "docker", "--platform-image", f"mine={image}", "--set", "platform=mine")

    assert ended.code == code, ended.said
    assert "the platform mine: " in ended.said
    assert said in ended.said


@pytest.fixture
def nothing_in_it() -> Iterator[str]:
    """An image of one file, on which no platform can be built."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("empty"))
    with closing(client()) as api:
        api.api.import_image_from_data(content.getvalue(), repository="lab-test/empty", tag="1")
        yield "lab-test/empty:1"
        api.images.remove("lab-test/empty:1", force=True)


@pytest.mark.engine
def test_every_platform_is_tried_and_one_that_cannot_be_built_costs_its_own_cell_only(nothing_in_it: str) -> None:
    chosen = ("--set", "platform=debian-11,debian-12,debian-13,empty", "--platform-image", f"empty={nothing_in_it}")

    ended = lab("run", "platforms", "--env", "docker", *chosen, "--workers", "2", seconds=600)

    assert ended.code == 3, ended.said
    assert {each.platform: each.verdict for each in results()} == {
        "debian-11": "pass", "debian-12": "pass", "debian-13": "pass", "empty": "error",
    }  # fmt: skip
    assert [each["python"][:4] for each in facts("install") if each.get("clean_refusal")] == ["3.9."]
    (broken,) = [each for each in results() if each.verdict == "error"]
    assert broken.reason.startswith("completed: building lab/platform:empty-")
    assert left_on_engine() == []


def test_a_version_is_installed_as_of_a_day_and_as_of_today() -> None:
    axes = ("--set", "database=sqlite", "--set", "as_of=2026-06-01,now")

    ended = lab("run", "drift", "--product", "reference", "--env", "local", *axes, seconds=600)

    assert ended.code == 0, ended.said
    assert "reference 0.1.4 works as of 2026-06-01 and as of today" in ended.said
    assert sorted(each.get("as_of", "now") for each in facts("install")) == ["2026-06-01", "now"]


@pytest.fixture
def excluded(tmp_path: Path) -> tuple[Path, Path]:
    """A product that declares a Python that nobody has yet, and its tree."""
    product, tree = tmp_path / "mine.yaml", tmp_path / "tree"
    text = (paths.scenarios() / "products" / "reference.yaml").read_text("utf8")
    text = text.replace('requires_python: ">=3.10"', 'requires_python: ">=3.99"').replace(
        "../../images", str(paths.images())
    )
    product.write_text(text, "utf8")
    for layer in ("common", "0.2.0"):
        shutil.copytree(REFERENCE / layer, tree, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    return product, tree


@pytest.mark.parametrize(
    ("metadata", "setup", "code", "says"),
    [
        (">=3.99", "from setuptools import setup; setup()", 0, "refused Python"),
        (">=3.8", "from setuptools import setup; setup()", 1, "which the version excludes"),
        (">=3.8", "raise RuntimeError('needs Python 3.99')", 1, "was not clean, it shows a traceback"),
    ],
    ids=["a clean refusal", "no refusal", "a traceback"],
)
def test_only_a_clean_refusal_of_a_python_passes(
    excluded: tuple[Path, Path], metadata: str, setup: str, code: int, says: str
) -> None:
    product, tree = excluded
    pyproject = tree / "pyproject.toml"
    pyproject.write_text(pyproject.read_text("utf8").replace(">=3.10", metadata), "utf8")
    (tree / "setup.py").write_text(setup, "utf8")
    words = ("--env", "local", "--product", str(product), "--to", f"0.2.0={tree}", "--set", "installer=pip")

    ended = lab("run", "installers", *words)

    assert ended.code == code, ended.said
    assert says in ended.said
