"""Which programs are here: those that the lab runs itself, and those that environments are made with."""

import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from lab.doctor.answer import Answer
from lab.doctor.machine import PROGRAM_SECONDS
from lab.process import run

OLDEST_PYTHON, FIRST_TOO_NEW = (3, 11), (3, 14)
OLDEST_OF_PRODUCTS = (3, 8)
"""Scripts of the lab run inside of products' environments from this version on."""
Find = Callable[[str], str | None]


def git(find: Find = shutil.which) -> list[Answer]:
    """Whether versions can be taken from a git repository."""
    return [_version("git", find("git"), "git sources and the lab's own checkout: sudo apt-get install git")]


def uv(find: Callable[[], str] | None = None) -> list[Answer]:
    """Whether the installer is there that the lab brings with it."""
    try:
        program: str | None = (find or _uv_binary)()
    except FileNotFoundError:
        program = None
    answer = _version("uv", program, "set the lab up anew: rm -r .venv && make list")
    return [answer if answer.verdict == "pass" else Answer("fail", "uv", answer.found, answer.next_step)]


def python(
    version: tuple[int, ...] = sys.version_info[:3],
    can_import: Callable[[str], bool] = lambda name: importlib.util.find_spec(name) is not None,
) -> list[Answer]:
    """Whether the lab's Python is one that it knows, and can make virtual environments."""
    said = ".".join(map(str, version))
    if not OLDEST_PYTHON <= version < FIRST_TOO_NEW:
        return [
            Answer("fail", "python", f"{said}; the lab needs 3.11 to 3.13", "name one: make list PYTHON=python3.12")
        ]
    missing = [name for name in ("venv", "ensurepip") if not can_import(name)]
    if missing:
        step = "sudo apt-get install python3-venv"
        return [Answer("fail", "python", f"{said}, without {' and '.join(missing)}", step)]
    return [Answer("pass", "python", f"{said}, with venv and ensurepip")]


def interpreters(folders: Iterable[Path] | None = None) -> list[Answer]:
    """Which other Pythons a product can be installed for; found by their names, not run."""
    found: dict[tuple[int, ...], Path] = {}
    for folder in _interpreter_folders() if folders is None else folders:
        for program in sorted(folder.glob("python3.*")):
            match = re.fullmatch(r"python3\.(\d+)", program.name)
            version = (3, int(match[1])) if match else ()
            if version >= OLDEST_OF_PRODUCTS and os.access(program, os.X_OK):
                found.setdefault(version, program)
    others = sorted(version for version in found if version != sys.version_info[:2])
    if not others:
        step = "only needed for --interpreter: pyenv install 3.12, or apt-get install a python3.N"
        return [Answer("warn", "interpreters", "none besides the lab's own", step)]
    told = ", ".join(".".join(map(str, version)) for version in others)
    return [Answer("pass", "interpreters", f"{told} besides the lab's own")]


def ssh(find: Find = shutil.which) -> list[Answer]:
    """Whether a machine can be reached over SSH."""
    return [_version("ssh", find("ssh"), "only needed for the environment host: sudo apt-get install openssh-client",
                     asking="-V")]  # fmt: skip


def ansible(
    find: Find = shutil.which,
    can_import: Callable[[str], bool] = lambda name: importlib.util.find_spec(name) is not None,
) -> list[Answer]:
    """Whether Ansible can prepare a machine; its version is not asked for, because that takes a second."""
    beside = str(Path(sys.prefix) / "bin" / "ansible-playbook")
    program = find("ansible-playbook") or find(beside)
    missing = ["ansible-playbook"] if program is None else []
    missing += [] if can_import("ansible_runner") else ["ansible-runner"]
    if missing:
        step = "only needed for the environment host: .venv/bin/pip install ansible-core ansible-runner"
        return [Answer("warn", "ansible", f"{' and '.join(missing)} not found", step)]
    return [Answer("pass", "ansible", "ansible-playbook and ansible-runner found")]


def debian(find: Find = shutil.which, user: int | None = None) -> list[Answer]:
    """Whether a base image could be bootstrapped out of Debian's packages here, where no registry answers."""
    tool = next((name for name in ("mmdebstrap", "apt-get") if find(name)), None)
    if tool is None or not find("perl"):
        step = "only needed where no registry answers: load a Debian image into the engine (docker load)"
        return [Answer("warn", "debian packages", "neither mmdebstrap nor apt here", step)]
    if (os.geteuid() if user is None else user) != 0:
        step = f"only needed where no registry answers, once: sudo {sys.prefix}/bin/lab images build"
        return [Answer("warn", "debian packages", f"{tool} is here, but bootstrapping an image needs root", step)]
    return [Answer("pass", "debian packages", f"{tool} is here, and this is root: base images can be bootstrapped")]


def _version(what: str, program: str | None, step: str, asking: str = "--version") -> Answer:
    if program is None:
        return Answer("warn", what, "not found", step)
    told = run([program, asking], timeout=PROGRAM_SECONDS)
    if told.timed_out:
        return Answer("warn", what, f"{program} did not answer within {PROGRAM_SECONDS:g} s", step, answered=False)
    if not told.ok:
        return Answer("warn", what, f"{program} ends with exit code {told.exit_code}", step, answered=False)
    return Answer("pass", what, told.tail(1).removeprefix(f"{what} ").removeprefix("version "))


def _uv_binary() -> str:
    import uv as package

    return str(package.find_uv_bin())


def _interpreter_folders() -> list[Path]:
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    return [*sorted(pyenv.glob("versions/*/bin")), Path("/usr/local/bin"), Path("/usr/bin")]
