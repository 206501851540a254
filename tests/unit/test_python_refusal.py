"""What a refused installer may leave: a virtual environment as it is when new, and nothing in it."""

import pytest

from lab.lifecycle.python_refusal import not_its_own

VENV = "/opt/product/venv"
SITE = "lib/python3.9/site-packages"
NEW = {
    "venv": [
        "bin/activate", "bin/activate.csh", "bin/activate.fish", "bin/Activate.ps1", "bin/pip", "bin/pip3",
        "bin/pip3.13", "bin/python", "bin/python3", "bin/python3.13", f"{SITE}/pip", f"{SITE}/pip-25.0.dist-info",
    ],
    "venv of Debian 11": [
        "bin/easy_install", "bin/easy_install-3.9", f"{SITE}/easy_install.py", f"{SITE}/pkg_resources",
        f"{SITE}/pkg_resources-0.0.0.dist-info", f"{SITE}/setuptools", f"{SITE}/setuptools-44.1.1.dist-info",
        f"{SITE}/_distutils_hack", f"{SITE}/distutils-precedence.pth",
    ],
    "uv": [
        "bin/activate.bat", "bin/activate.nu", "bin/activate.ps1", "bin/activate.xsh", "bin/activate_this.py",
        "bin/deactivate.bat", "bin/pydoc.bat", f"{SITE}/_virtualenv.pth", f"{SITE}/_virtualenv.py",
    ],
    "pipx": [f"{SITE}/pipx_shared.pth"],
}  # fmt: skip


def left(*paths: str) -> list[str]:
    return not_its_own("".join(f"{VENV}/{path}\n" for path in paths), VENV)


@pytest.mark.parametrize("paths", NEW.values(), ids=NEW)
def test_a_new_virtual_environment_holds_nothing_of_the_product(paths: list[str]) -> None:
    assert left(*paths) == []


@pytest.mark.parametrize(
    "path",
    [
        f"{SITE}/agents-1.0.dist-info",
        f"{SITE}/agents",
        f"{SITE}/agents.py",
        f"{SITE}/setuptools_agents",
        f"{SITE}/__editable__.agents-1.0.pth",
        "bin/agents",
        "bin/pipeline",
        "bin/activate-agents",
    ],
)
def test_whatever_else_is_there_was_left_behind(path: str) -> None:
    assert left(*NEW["venv"], path) == [path]


def test_caches_of_bytecode_do_not_count() -> None:
    assert left(f"{SITE}/__pycache__", "bin/__pycache__", "bin/__pycache__/agents.cpython-39.pyc") == []


def test_no_virtual_environment_holds_nothing() -> None:
    assert left() == []
