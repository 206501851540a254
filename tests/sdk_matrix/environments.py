"""An environment for each SDK, made once from its lock file and kept for all checkouts of a user."""

import hashlib
import re
import shutil
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import uv

from lab import paths
from lab.errors import InfrastructureError
from lab.locks import locked
from lab.process import run

RECIPE = "1"
"""Goes into keys; a change here makes every environment be made anew."""
PATIENCE = 300
"""Seconds that fetching and unpacking may take."""
# Where two threads ask `sysconfig` at once for the first time, as `find_uv_bin` does, one gets nothing.
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Sdk:
    """One generation of a provider's SDK; `package` is what the provider calls it."""

    family: str
    generation: str
    package: str

    @property
    def name(self) -> str:
        """The name that the lock file bears, too."""
        return f"{self.family}-{self.generation}"

    @property
    def lock(self) -> Path:
        """The file that pins the SDK and all it needs."""
        return paths.CHECKOUT / "requirements" / f"sdk-{self.name}.txt"

    @property
    def version(self) -> str:
        """The version that the lock file pins."""
        found = re.search(rf"^{re.escape(self.package)}==(\S+)", self.lock.read_text("utf8"), re.MULTILINE)
        if found is None:
            raise InfrastructureError(f"{self.lock} does not pin {self.package}")
        return found[1]


PACKAGES = {
    "openai": "openai",
    "anthropic": "anthropic",
    "gemini": "google-genai",
    "groq": "groq",
    "mistral": "mistralai",
    "ollama": "ollama",
    "cohere": "cohere",
    "bedrock": "boto3",
}
SDKS = tuple(Sdk(family, generation, package) for family, package in PACKAGES.items() for generation in ("old", "new"))


def interpreter(sdk: Sdk) -> Path:
    """Return the Python of an SDK's environment, making that where it is missing.

    Raises InfrastructureError where it cannot be made. One that was made before needs no index.
    """
    version = ".".join(map(str, sys.version_info[:2]))
    content = f"{RECIPE} {version} {sys.base_prefix} {sdk.lock.read_text('utf8')}"
    key = hashlib.sha256(content.encode()).hexdigest()[:24]
    place = paths.cache() / "sdk" / f"{sdk.name}-{key}"
    python = place / "bin" / "python"
    with locked(place):
        if not python.exists():
            part = place.with_name(f"{place.name}.part")
            for old in (part, place):
                shutil.rmtree(old, ignore_errors=True)
            _make(sdk, part)
            part.rename(place)
    return python


def _make(sdk: Sdk, place: Path) -> None:
    with _ONE_AT_A_TIME:
        tool = uv.find_uv_bin()
    commands: tuple[list[str | Path], ...] = (
        [tool, "venv", "--quiet", "--relocatable", "--python", sys.executable, place],
        [tool, "pip", "install", "--quiet", "--require-hashes", "--python", place / "bin" / "python", "-r", sdk.lock],
    )
    for argv in commands:
        done = run(argv, timeout=PATIENCE)
        if not done.ok:
            raise InfrastructureError(
                f"the environment of {sdk.package} {sdk.version} is not in the cache and could not be made: "
                f"{done.tail(3) or f'no end within {PATIENCE} seconds'}",
                hint="the package index has to answer once; environments made before need none",
            )
