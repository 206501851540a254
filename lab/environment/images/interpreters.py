"""Pythons other than a platform's own: folders of this machine, or out of images."""

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lab.errors import UsageError
from lab.process import NotRunnableError, run

ASK_SECONDS = 30
TOLD = """
import json, platform, sys
try:
    import ensurepip
    pip = ensurepip.version()
except ImportError:
    pip = ""
print(json.dumps({"version": platform.python_version(), "base": sys.base_prefix, "prefix": sys.prefix, "pip": pip}))
"""
OPTION = "--interpreter"
IMAGE = "image:"
"""Before the name of an image, instead of a folder."""


@dataclass(frozen=True)
class Interpreter:
    """A Python that a trial may be given."""

    name: str
    """Its version as the command line has it, such as `3.12`."""
    folder: Path
    """Where it lies on this machine."""
    at: Path
    """Where containers must see that folder, since its own libraries are looked for there."""
    program: Path
    """Its executable, relative to the folder."""
    version: str
    digest: str
    """`sha256:…` of the executable."""
    pip: str
    """The pip that it puts into a virtual environment; empty if none."""

    def executable(self, *, here: bool = False) -> Path:
        """Return the path of its executable, in a container or `here`, on this machine."""
        return (self.folder if here else self.at) / self.program

    @property
    def facts(self) -> dict[str, Any]:
        """What results tell of it."""
        return {"version": self.version, "digest": self.digest}


@cache
def interpreter(told: str) -> Interpreter:
    """Return the interpreter that an option `VERSION=FOLDER` or `VERSION=image:NAME` means.

    Raises UsageError where there is none, or where it is another version.
    """
    name, equals, place = told.partition("=")
    if not equals or not place or not re.fullmatch(r"\d+\.\d+(\.\d+)?", name):
        raise UsageError(f"{OPTION} {told}: it is written VERSION=FOLDER, such as 3.12=/opt/python3.12")
    if place.startswith(IMAGE):
        folder, at, facts = _out_of_image(told, place.removeprefix(IMAGE))
        program = _program(told, folder, facts["version"])
    else:
        folder = at = Path(place).expanduser().resolve()
        program = _program(told, folder, name)
        facts = _asked(told, folder / program)
        if Path(facts["base"]).resolve() != folder or facts["prefix"] != facts["base"]:
            raise UsageError(
                f"{OPTION} {told}: that Python is installed in {facts['base']}, and would be missed by a trial",
                hint=f"{OPTION} {name}={facts['base']}",
            )
    if not f"{facts['version']}.".startswith(f"{name}."):
        raise UsageError(f"{OPTION} {told}: that is Python {facts['version']}")
    with (folder / program).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Interpreter(name, folder, at, program, facts["version"], f"sha256:{digest}", facts["pip"])


def interpreters(told: tuple[str, ...]) -> dict[str, Interpreter]:
    """Return interpreters by name; one that is named twice is the later one."""
    found = [interpreter(each) for each in told]
    return {each.name: each for each in found}


def _program(told: str, folder: Path, version: str) -> Path:
    """Return where in a folder the executable of a Python lies."""
    names = [f"python{'.'.join(version.split('.')[:2])}", "python3"]
    for name in names:
        if (folder / "bin" / name).is_file():
            return Path("bin") / name
    raise UsageError(
        f"{OPTION} {told}: there is no {folder / 'bin' / names[0]}",
        hint="name the folder in which a Python is installed, the one that has bin/ and lib/ in it",
    )


def _out_of_image(told: str, image: str) -> tuple[Path, Path, dict[str, str]]:
    """Return folder, place and facts of an image's Python."""
    from lab.environment.images.image_python import copied

    try:
        return copied(image, TOLD)
    except UsageError as error:
        raise UsageError(f"{OPTION} {told}: {error.message}", hint=error.hint) from error


def _asked(told: str, executable: Path) -> dict[str, str]:
    """Let the interpreter tell of itself."""
    try:
        answer = run([executable, "-I", "-c", TOLD], timeout=ASK_SECONDS)
    except NotRunnableError as error:
        raise UsageError(f"{OPTION} {told}: {error.message}") from error
    if not answer.ok:
        raise UsageError(f"{OPTION} {told}: {executable} does not run here: {answer.tail(3)}")
    found: dict[str, str] = json.loads(answer.stdout.splitlines()[-1])
    return found
