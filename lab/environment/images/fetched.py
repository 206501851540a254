"""What this host's own installers fetch for the lab, kept in the cache."""

import hashlib
import shutil
import sys
import tempfile
import zipapp
from collections.abc import Callable
from pathlib import Path

from lab import paths
from lab.errors import InfrastructureError
from lab.locks import locked
from lab.process import run

FETCH_SECONDS = 600
GLIBC = (31, 28, 17)
"""Minor versions of the C library, 2.x, that wheels may ask for: debian-11 has the oldest one, 2.31."""
PIPX_MAIN = "import sys\nfrom pipx.main import cli\nsys.exit(cli())\n"
"""What zipapp itself would write drops the exit code."""


def mock_site(python: str, say: Callable[[str], None], machine: str | None = None) -> Path:
    """Return a folder with what the LLM mock needs under a Python (major.minor).

    `machine` is the kind of machine, such as `x86_64`, on which it runs in a container; None is this one.
    Raises InfrastructureError where it cannot be fetched.
    """
    lock = paths.CHECKOUT / "requirements" / "llm-mock.txt"
    platform = [] if machine is None else ["--python-platform", f"{machine}-manylinux_2_{GLIBC[0]}"]
    key = hashlib.sha256(lock.read_bytes() + " ".join([python, *platform]).encode()).hexdigest()
    site = paths.cache() / "site" / key
    with locked(site):
        if not site.is_dir():
            say("fetching what the LLM mock needs")
            part = site.with_name(f"{key}.part")
            shutil.rmtree(part, ignore_errors=True)
            fetch(
                [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--require-hashes", "--no-deps",
                 "--python-version", python, *platform, "--only-binary", ":all:", "--target", part, "-r", lock],
                "fetching what the LLM mock needs",
            )  # fmt: skip
            # Scripts name this host's Python, and the records hold the scripts' digests.
            shutil.rmtree(part / "bin", ignore_errors=True)
            for listed in part.glob("*.dist-info/RECORD"):
                listed.unlink()
            part.rename(site)
    return site


def pipx_archive(say: Callable[[str], None] = lambda _text: None) -> Path:
    """Return pipx as a zip archive that any Python from 3.9 on runs, with all that it needs.

    Raises InfrastructureError where it cannot be fetched.
    """
    lock = paths.CHECKOUT / "requirements" / "pipx.txt"
    key = hashlib.sha256(lock.read_bytes() + PIPX_MAIN.encode()).hexdigest()
    place = paths.cache() / "pipx" / f"{key}.pyz"
    with locked(place):
        if not place.is_file():
            say("fetching pipx")
            site = place.with_suffix(".site")
            shutil.rmtree(site, ignore_errors=True)
            fetch(
                [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--require-hashes", "--no-deps",
                 "--python-version", "3.9", "--only-binary", ":all:", "--target", site, "-r", lock],
                "fetching pipx",
            )  # fmt: skip
            shutil.rmtree(site / "bin", ignore_errors=True)
            part = place.with_suffix(".part")
            (site / "__main__.py").write_text(PIPX_MAIN, "utf8")
            zipapp.create_archive(site, part, compressed=True)
            shutil.rmtree(site)
            part.rename(place)
    return place


def fetch(argv: list[str | Path], what: str) -> None:
    """Run an installer of this host.

    Raises InfrastructureError when it fails.
    """
    with tempfile.TemporaryDirectory(prefix="lab-fetch-") as scratch:  # what an ended installer would leave behind
        done = run(argv, timeout=FETCH_SECONDS, environment={"TMPDIR": scratch})
    if not done.ok:
        raise InfrastructureError(f"{what} failed:\n{done.tail()}", hint="does the package index answer?")
