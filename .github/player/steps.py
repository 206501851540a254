"""The steps of a job, done on this machine: commands as a runner runs them, and what stands for each action."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from player.expressions import Refused

CHECKOUT = Path(__file__).resolve().parents[2]
TOLD = ((signal.SIGINT, 7.5), (signal.SIGTERM, 2.5))
"""How a runner ends a step whose time is up: signal, and seconds until the next; at last it kills."""


@dataclass
class Place:
    """Where a play keeps what its jobs make."""

    folder: Path
    checkout: Path
    clone: bool
    artifacts: Path = field(init=False)

    def __post_init__(self) -> None:
        self.artifacts = self.folder / "artifacts"
        self.artifacts.mkdir(parents=True, exist_ok=True)


class StepFailed(Exception):  # noqa: N818 - it says how a step ended, not what is wrong with this program
    """A step did not succeed."""


@dataclass
class Shell:
    """Runs commands as a runner does: bash -e, with files for outputs and the summary, until the job's time is up."""

    place: Place
    temp: Path
    deadline: float
    path: str = field(default_factory=lambda: os.environ.get("PATH", os.defpath))

    def run(self, step: Mapping[str, Any]) -> dict[str, str]:
        """Run a step's commands and return its outputs; raises StepFailed."""
        script, told = self.temp / "step.sh", self.temp / "outputs"
        script.write_text(step["run"], "utf8")
        told.write_text("", "utf8")
        made = {"GITHUB_OUTPUT": str(told), "GITHUB_STEP_SUMMARY": str(self.temp / "summary.md"), "CI": "true"}
        given = {name: str(value) for name, value in step.get("env", {}).items()}
        child = subprocess.Popen(
            ["bash", "-e", script],
            cwd=self.place.checkout,
            env={**_surroundings(), "PATH": self.path, **made, **given},
            start_new_session=True,
        )
        try:
            code = child.wait(max(0.0, self.deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise StepFailed("the job's time is up") from None
        finally:
            _end(child)
        if code != 0:
            raise StepFailed(f"exit code {code}")
        pairs = [line.partition("=") for line in told.read_text("utf8").splitlines()]
        if any(not equals for _, equals, _ in pairs):
            raise Refused("an output is written NAME=VALUE, on one line")
        return {name: value for name, _, value in pairs}


def _surroundings() -> dict[str, str]:
    """Return this machine's variables without those of the make that may have started the play."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "MFLAGS"}


def _end(child: "subprocess.Popen[bytes]") -> None:
    """End what is left of a step, as a runner does: tell it twice, so that the lab can clean up, then make it."""
    for number, seconds in TOLD:
        if child.poll() is not None:
            break
        os.killpg(child.pid, number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(seconds)
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def act(step: Mapping[str, Any], place: Place, shell: Shell) -> dict[str, str]:
    """Do what an action does, as far as it means something on this machine."""
    action, given = step["uses"].partition("@")[0], step.get("with", {})
    if action == "actions/checkout":
        _check_out(place)
    elif action == "actions/setup-python":
        _set_up_python(str(given["python-version"]), place, shell)
    else:
        _upload(given, place)
    return {}


def _check_out(place: Place) -> None:
    if not place.clone:
        print("   this working tree as it is")
        return
    shutil.rmtree(place.checkout, ignore_errors=True)
    words: list[str | Path] = ["git", "clone", "--quiet", CHECKOUT, place.checkout]
    if subprocess.run(words, check=False).returncode != 0:
        raise StepFailed("git clone")


def _set_up_python(version: str, place: Place, shell: Shell) -> None:
    if place.clone:
        shell.path = f"{_folder_of_python(version)}:{shell.path}"
    elif not (place.checkout / ".venv" / "bin" / f"python{version}").exists():
        print(f"   {version} was asked for; this working tree's own Python is used (--clone makes it anew)")


def _folder_of_python(version: str) -> str:
    """Return the folder whose `python3` is of a version."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    folders = [*pyenv.glob(f"versions/{version}.*/bin"), *map(Path, os.environ.get("PATH", "").split(os.pathsep))]
    for folder in folders:
        program = folder / f"python{version}"
        if program.is_file() and (folder / "python3").is_file():
            same = subprocess.run([str(folder / "python3"), "-V"], capture_output=True, text=True, check=False).stdout
            if same.startswith(f"Python {version}."):
                return str(folder)
    raise StepFailed(f"Python {version} is not on this machine")


def _upload(given: Mapping[str, Any], place: Place) -> None:
    """Copy a folder to where artifacts are kept; like the action, refuse a name twice, leave hidden files out."""
    kept, source = place.artifacts / str(given["name"]), Path(str(given["path"]))
    if set(kept.name) & set('":<>|*?\r\n\\') or kept.parent != place.artifacts:
        raise StepFailed(f"'{given['name']}' cannot be the name of an artifact")
    if kept.exists():
        raise StepFailed(f"there is an artifact '{kept.name}' already")
    hidden = None if str(given.get("include-hidden-files")).lower() == "true" else shutil.ignore_patterns(".*")
    is_hidden = hidden is not None and source.name.startswith(".")
    if is_hidden or not source.is_dir() or not any(source.iterdir()):
        if given.get("if-no-files-found") == "error":
            raise StepFailed(f"there is nothing in {source}")
        print(f"   nothing to keep in {source}")
        return
    shutil.copytree(source, kept, symlinks=True, ignore=hidden)
    print(f"   kept {kept}")
