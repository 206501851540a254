import re
from dataclasses import replace
from pathlib import Path

import pytest

from lab.environment.kinds import KINDS
from lab.environment.places import Bindings, Places
from lab.errors import IndexUnavailableError
from lab.lifecycle.install import check_machine, how_installed, install_commands
from lab.lifecycle.installers import INSTALLERS, Job, pip_knows_days
from lab.lifecycle.plan import plan
from lab.lifecycle.python_refusal import PYTHON_REFUSED
from lab.lifecycle.setting import Setting
from lab.planning import Draft, draft, planned_artifacts, setting_of
from lab.process import CommandResult
from lab.product.sources import Artifact
from lab.wish import Wish

WHEEL = "/artifacts/agents-1.0-py3-none-any.whl"
JOB = Job(WHEEL, Places())


def words(installer: str, job: Job = JOB) -> list[str]:
    """Return the commands of an installer, each as one text."""
    found = next(each for each in INSTALLERS.values() if each.name == installer)
    return [" ".join(command.argv) for command in found.commands(job)]


def drafted(*cells: str, **wanted: object) -> Draft:
    axes = {axis: [value] for axis, _, value in (cell.partition("=") for cell in cells)}
    return draft(Wish("installers", environments=("docker",), chosen=axes, **wanted))  # type: ignore[arg-type]


def setting(*cells: str) -> Setting:
    planned = drafted(*cells)
    return setting_of(planned, planned.cells[0], planned_artifacts(planned))


def with_locked_tree(of: Setting) -> Setting:
    return replace(of, artifacts={"to": Artifact("tree", "0.2.0", "", "tree", Path("/src"), lock="uv.lock")})


def test_each_installer_installs_as_its_users_do() -> None:
    assert words("uv") == [
        "uv venv --quiet --python python3 /opt/product/venv",
        f"uv pip install --python /opt/product/venv/bin/python {WHEEL}",
    ]
    assert words("pip") == [
        "python3 -m venv /opt/product/venv",
        f"/opt/product/venv/bin/python -m pip install --disable-pip-version-check {WHEEL}",
    ]
    assert words("pipx") == [f"python3 /tmp/artifacts/pipx.pyz install --python python3 {WHEEL}"]


def test_an_upgrade_goes_over_what_is_there() -> None:
    job = replace(JOB, upgrade=True)
    assert words("uv", job) == [f"uv pip install --python /opt/product/venv/bin/python {WHEEL}"]
    assert words("pip", job) == [
        f"/opt/product/venv/bin/python -m pip install --disable-pip-version-check --upgrade {WHEEL}"
    ]
    assert words("pipx", job) == [f"python3 /tmp/artifacts/pipx.pyz install --python python3 --force {WHEEL}"]


@pytest.mark.parametrize("installer", sorted(INSTALLERS))
def test_every_installer_is_given_the_interpreter(installer: str) -> None:
    first = words(installer, replace(JOB, python="/opt/python3.12/bin/python3.12"))[0]
    assert "/opt/python3.12/bin/python3.12" in first
    assert not re.search(r"\bpython3( |$)", first)


@pytest.mark.parametrize(
    ("installer", "option"),
    [
        ("uv", "--exclude-newer 2024-03-01T00:00:00Z"),
        ("pip", "--uploaded-prior-to=2024-03-01T00:00:00Z"),
        ("pipx", "--pip-args=--uploaded-prior-to=2024-03-01T00:00:00Z"),
    ],
)
def test_a_day_lasts_until_its_end(installer: str, option: str) -> None:
    assert option in words(installer, replace(JOB, as_of="2024-02-29"))[-1]
    assert option not in words(installer)[-1]


def test_pipx_has_a_pip_that_knows_days_before_it_is_told_one() -> None:
    job = replace(JOB, as_of="2024-02-29")
    assert words("pipx", job)[0].endswith("pipx.pyz upgrade-shared")
    assert "--pip-args" not in words("pipx", job)[0]


@pytest.mark.parametrize(("version", "knows"), [("25.3", False), ("26.0", True), ("26.1.2", True), ("", False)])
def test_pip_has_known_days_since_version_26(version: str, knows: bool) -> None:
    assert pip_knows_days(version) is knows


def test_an_axis_chooses_the_installer_and_without_it_the_definition_does() -> None:
    assert setting("installer=pip").installer("to").name == "pip"
    planned = draft(Wish("fresh-install", environments=("docker",)))
    assert setting_of(planned, planned.cells[0], planned_artifacts(planned)).installer("to").name == "uv"


def test_the_programs_are_where_the_installer_puts_them_in_every_environment() -> None:
    found = setting("installer=pipx")
    assert found.scope("to")["venv"] == "/opt/product/pipx/venvs/reference-agents"
    elsewhere = found.bound(Bindings(Places(home="/somewhere/home")))
    assert elsewhere.scope("to")["venv"] == "/somewhere/home/pipx/venvs/reference-agents"
    assert setting("installer=uv").scope("to")["venv"] == "/opt/product/venv"


def test_only_uv_installs_a_tree_from_its_lock_and_others_say_that_they_do_not() -> None:
    locked = with_locked_tree(setting("installer=uv"))
    assert [command.argv[:3] for command in install_commands(locked, "to", upgrade=False)] == [
        ("uv", "sync", "--frozen")
    ]
    assert how_installed(locked, "to") == {"installer": "uv"}
    for name in ("pip", "pipx"):
        found = with_locked_tree(setting(f"installer={name}"))
        last = install_commands(found, "to", upgrade=False)[-1].argv
        assert last[-1] == found.places.tree
        assert how_installed(found, "to")["lock_left_out"] == f"{name} leaves out its uv.lock"
        assert any(title.endswith("leaves out its uv.lock") for title, _ in plan(found))


@pytest.mark.parametrize(
    "said",
    [
        b"warning: `httpx-0.26.0-py3-none-any.whl` is missing an upload date, but user provided: 2024-01-01T00:00:00Z",
        b"ERROR: Index https://index.example/simple/httpx/ does not provide upload-time metadata.",
    ],
)
def test_an_index_that_tells_no_upload_times_is_not_the_products_failure(said: bytes) -> None:
    with pytest.raises(IndexUnavailableError, match="as of a day"):
        check_machine(CommandResult(("installer",), 1, b"", said, 1.0), "agents 1.0")


@pytest.mark.parametrize(
    "said",
    [
        "ERROR: Package 'agents' requires a different Python: 3.9.2 not in '>=3.10'",
        "ERROR: Ignored the following versions that require a different python version: 1.0 Requires-Python >=3.10",
        "Because the current Python version (3.9.2) does not satisfy Python>=3.10 and agents==1.0 depends on it",
        "agents needs Python 3.10 or newer",
        "ERROR: No matching distribution found for psycopg[binary]>=3.3",
    ],
)
def test_a_refusal_names_python(said: str) -> None:
    assert PYTHON_REFUSED.search(said)


@pytest.mark.parametrize("said", ["No space in /usr/lib/python3.11/site-packages", "error: no module named cpython3"])
def test_a_path_with_a_python_in_it_is_no_refusal(said: str) -> None:
    assert not PYTHON_REFUSED.search(said)


def test_every_kind_of_environment_has_a_default_interpreter() -> None:
    assert {kind.bindings.python for kind in KINDS.values()} == {"python3"}
