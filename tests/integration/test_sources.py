"""Every kind of source is installed as its user would, and hooks run only from where they may."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab import paths
from lab.records.store import list_runs, read_trials
from tests.integration.program import lab, left_on_engine

pytestmark = pytest.mark.engine

REFERENCE = paths.images() / "reference"
SIGNAL = ("--set", "stop=signal", "--set", "database=sqlite")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The source tree of version 0.2.0, as somebody would have checked it out."""
    folder = tmp_path / "tree"
    for layer in ("common", "0.2.0"):
        shutil.copytree(REFERENCE / layer, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def _commands() -> list[str]:
    (folder,) = list_runs()
    (trial,) = read_trials(folder).results
    text = next(folder.glob("trials/*/*/*/events.ndjson")).read_text("utf8")
    assert trial.verdict == "pass", trial.reason
    assert left_on_engine() == []
    return [line for line in text.splitlines() if '"event": "command"' in line]


def test_a_source_tree_without_a_lock_is_built_and_installed(tree: Path) -> None:
    ended = lab("run", "fresh-install", "--to", f"0.2.0={tree}", *SIGNAL)

    assert ended.code == 0, ended.said
    assert any('"pip", "install"' in line and "/opt/product/tree" in line for line in _commands())


def test_a_source_tree_with_a_lock_is_installed_from_the_lock(tree: Path) -> None:
    subprocess.run([sys.executable, "-m", "uv", "lock", "--quiet", "--project", tree], check=True)

    ended = lab("run", "upgrade", "--to", f"0.2.0={tree}", *SIGNAL)

    assert ended.code == 0, ended.said
    assert any('"sync", "--frozen"' in line for line in _commands())


def test_a_git_reference_is_installed_as_the_commit_it_names(tree: Path) -> None:
    git: list[str | Path] = ["git", "-C", tree, "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"], ["tag", "v0.2.0"]):
        subprocess.run([*git, *command], check=True)
    (tree / "pyproject.toml").write_text("broken since", "utf8")

    ended = lab("run", "fresh-install", "--to", f"0.2.0={tree}@v0.2.0", *SIGNAL)

    assert ended.code == 0, ended.said
    assert _commands()


def test_pip_installs_as_uv_does(tmp_path: Path) -> None:
    text = (paths.products() / "reference.yaml").read_text("utf8")
    text = text.replace("../../images/", f"{paths.images()}/").replace("\nport: 8881", "\nport: 8881\ninstaller: pip")
    product = tmp_path / "by-pip.yaml"
    product.write_text(text, "utf8")

    ended = lab("run", "upgrade", "--product", str(product), *SIGNAL)

    assert ended.code == 0, ended.said
    assert any('"-m", "pip", "install"' in line for line in _commands())


def test_a_package_that_the_index_does_not_have_is_the_products_failure() -> None:
    ended = lab("run", "fresh-install", "--to", "0.2.0=package:reference-agents-does-not-exist==9", *SIGNAL)

    assert ended.code == 1, ended.said
    assert "install: the installer failed" in ended.said
    assert left_on_engine() == []


def test_a_hook_runs_from_an_allowed_folder_and_its_failed_assertion_is_the_products(tmp_path: Path) -> None:
    (tmp_path / "asks.py").write_text(
        "import urllib.request\n"
        "def health(context, wanted):\n"
        "    with urllib.request.urlopen(context.base_url + '/health') as answer:\n"
        "        assert answer.status == wanted, f'health says {answer.status}'\n"
        "    return {'asked': True}\n",
        "utf8",
    )
    text = (paths.scenarios() / "fresh-install.yaml").read_text("utf8")
    for wanted, code in ((200, 0), (418, 1)):
        step = f"  - {{step: hook, call: 'asks.py:health', arguments: {{wanted: {wanted}}}}}\n  - {{step: seed}}\n"
        scenario = tmp_path / f"with-hook-{wanted}.yaml"
        scenario.write_text(text.replace("  - {step: seed}\n", step), "utf8")
        ended = lab("run", str(scenario), *SIGNAL, "--hooks", str(tmp_path))
        assert ended.code == code, ended.said
    assert "health says 200" in ended.said

    refused = lab("run", str(scenario), *SIGNAL)

    assert refused.code == 2
    assert "lies outside the checkout" in refused.said


def test_a_documented_upgrade_step_that_fails_fails_the_upgrade(tmp_path: Path) -> None:
    text = (paths.products() / "reference.yaml").read_text("utf8")
    text = text.replace("../../images/", f"{paths.images()}/")
    shipped = '      - {documented: CHANGES.md of 0.2.0, argv: ["{venv}/bin/reference-agents", db, status]}'
    assert shipped in text
    text = text.replace(shipped, shipped.replace("db, status", "db, frobnicate"))
    product = tmp_path / "documented.yaml"
    product.write_text(text, "utf8")

    ended = lab("run", "upgrade", "--product", str(product), *SIGNAL)

    assert ended.code == 1, ended.said
    assert "the documented step (CHANGES.md of 0.2.0)" in ended.said
