"""What the axes installer, python and as_of may ask for, and why a cell cannot have it."""

import shutil
import sys
from pathlib import Path

import pytest

from lab.environment.images.interpreters import interpreter
from lab.environment.images.platforms import platform_images, platform_named
from lab.errors import ScenarioError, UsageError
from lab.planning import Draft, draft, planned_artifacts, setting_of
from lab.wish import Wish, repeat_command

OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
OWN_FOLDER = Path(sys.base_prefix).resolve()
BROUGHT = f"{OWN}={OWN_FOLDER}"


def planned(scenario: str, *axes: str, env: str = "docker", **wanted: object) -> Draft:
    chosen = {axis: values.split(",") for axis, _, values in (each.partition("=") for each in axes)}
    return draft(Wish(scenario, environments=(env,), chosen=chosen, **wanted))  # type: ignore[arg-type]


def skipped(scenario: str, *axes: str, **wanted: object) -> str:
    """Return why the first cell does not run."""
    return planned(scenario, *axes, **wanted).cells[0].skip  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("scenario", "axis", "says"),
    [
        ("installers", "installer=pipy", "did you mean 'pip'"),
        ("platforms", "python=3.x", "not a Python"),
        ("drift", "as_of=yesterday", "not a time"),
        ("drift", "as_of=2024-02-30", "not a time"),
    ],
)
def test_a_value_that_an_axis_cannot_have_is_an_error(scenario: str, axis: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        planned(scenario, axis)


def test_a_wrong_value_in_a_file_is_blamed_on_its_place(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    text = Path("scenarios/installers.yaml").read_text("utf8").replace("[uv, pip, pipx]", "[uv, conda]")
    path.write_text(text, "utf8")
    with pytest.raises(ScenarioError, match=rf"{path}:\d+:\d+: there is no installer 'conda'"):
        planned(str(path))


def test_an_axis_brings_the_interpreter_of_the_command_line_to_the_installers() -> None:
    found = planned("platforms", f"python={OWN}", interpreters=(BROUGHT,))
    setting = setting_of(found, found.cells[0], planned_artifacts(found))
    assert setting.interpreter is not None
    assert setting.bindings.python == str(setting.interpreter.executable())
    assert setting.interpreter.folder == OWN_FOLDER
    assert setting.interpreter.version == sys.version.split()[0]
    assert len(setting.interpreter.digest) == len("sha256:") + 64


def test_a_python_that_nobody_brought_is_skipped_with_the_option_that_brings_it() -> None:
    assert "--interpreter 3.7=FOLDER" in skipped("platforms", "python=3.7")
    assert "brings none there" not in skipped("platforms", "python=platform")


def test_a_command_line_repeats_what_was_brought() -> None:
    wish = Wish("platforms", interpreters=(BROUGHT,), platform_images=("mine=my/image:1",))
    words = repeat_command(wish, 7)
    assert f"--interpreter {BROUGHT}" in words
    assert "--platform-image mine=my/image:1" in words


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ("3.12", "VERSION=FOLDER"),
        ("three=/opt", "VERSION=FOLDER"),
        ("3.12=/no/such/folder", "there is no /no/such/folder/bin/python3.12"),
        (f"2.7={OWN_FOLDER}", f"that is Python {sys.version.split()[0]}"),
        (f"{OWN}={sys.prefix}", "is installed in"),
    ],
)
def test_an_interpreter_that_cannot_be_brought_is_an_error_with_the_reason(told: str, says: str) -> None:
    with pytest.raises(UsageError, match=says.replace("(", r"\(")):
        interpreter(told)


def test_an_interpreter_that_does_not_run_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    shutil.copy("/bin/false", tmp_path / "bin" / "python3.12")
    with pytest.raises(UsageError, match="does not run here"):
        interpreter(f"3.12={tmp_path}")


def test_pip_of_a_platform_is_skipped_where_it_knows_no_days(tmp_path: Path) -> None:
    path = tmp_path / "pip.yaml"
    text = Path("scenarios/products/kinto.yaml").read_text("utf8")
    path.write_text(text.replace("port: 8888\n", "port: 8888\ninstaller: pip\n", 1), "utf8")
    assert "pip 23.0.1 cannot install as of a day" in skipped("drift", product=str(path))
    assert skipped("drift", "as_of=now", product=str(path)) == ""
    assert skipped("drift", "as_of=then") == ""


def test_a_version_without_a_day_is_not_installed_as_of_it() -> None:
    said = skipped("drift", "as_of=then", "database=sqlite", product="reference")
    assert said == "reference 0.1.4 names no day in 'as_of'"
    assert skipped("drift", "as_of=2026-06-01", "database=sqlite", product="reference") == ""


def test_pipx_needs_the_distributions_name(tmp_path: Path) -> None:
    path = tmp_path / "nameless.yaml"
    text = Path("scenarios/products/kinto.yaml").read_text("utf8")
    path.write_text(text.replace("  metadata: kinto\n", "", 1), "utf8")
    assert "prove_version.metadata" in skipped("installers", "installer=pipx", "database=postgresql", product=str(path))
    assert skipped("installers", "installer=pip", "database=postgresql", product=str(path)) == ""


def test_a_products_own_image_has_no_installer(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    text = Path("scenarios/installers.yaml").read_text("utf8")
    path.write_text(text.replace("versions: [to]", "versions: [to]\nsource: image"), "utf8")
    assert "'installer' says nothing to it" in skipped(str(path))


def test_any_image_is_a_platform_under_a_name_of_its_own() -> None:
    found = planned("platforms", "platform=mine", platform_images=("mine=registry.example/os:1",))
    assert found.cells[0].id == "platforms/docker-mine/platform/sqlite"
    assert found.cells[0].skip == ""
    assert platform_named("mine", "registry.example/os:1").registry_name == "registry.example/os:1"
    with pytest.raises(UsageError, match="--platform-image mine=IMAGE") as error:
        planned("platforms", "platform=mine")
    assert "there is no platform 'mine'" in str(error.value)


@pytest.mark.parametrize("told", ["mine", "=x", "mine=", "My Own=x", "debian-12=other:1"])
def test_a_platform_image_is_a_name_and_an_image(told: str) -> None:
    with pytest.raises(UsageError, match="--platform-image"):
        platform_images([told])


def test_a_platform_of_an_image_is_no_machine() -> None:
    said = skipped("platforms", "platform=mine", env="systemd", platform_images=("mine=x:1",))
    assert "machines are made of the lab's own platforms alone" in said
