"""How each installer installs a version, one over another too, and how it says that an index failed: nothing is run."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from lab.environment.places import Places
from lab.process import CommandResult, without_pointers
from lab.product.definition import Definition
from lab.product.model import InstallerName
from lab.scenario.matrix import Cell

INSTALLER, AS_OF = "installer", "as_of"
"""Axes that decide how a version is installed."""
THEN, NOW = "then", "now"
"""Values of the axis `as_of`: the day that the version names, and today; any other one is a day itself."""
PIPX_FILE = "pipx.pyz"
"""Name of pipx among what installers are given: a zip archive that any Python runs."""
FIRST_PIP_WITH_DAYS = Version("26.0")
"""The first pip that can be told not to take what was uploaded later."""

INDEX_FAILED = re.compile(
    r"error sending request|failed to lookup address|dns error|connection (?:refused|reset|timed out)"
    r"|temporary failure in name resolution|ReadTimeoutError|ConnectTimeoutError|NewConnectionError"
    r"|Max retries exceeded"
    r"|operation timed out|tls handshake|CERTIFICATE_VERIFY_FAILED|invalid peer certificate"
    r"|HTTP status (?:server error|client error) \((?:5\d\d|407|429)",
    re.IGNORECASE,
)
PASSING = re.compile(r"^\s*warning:|- skipping$", re.IGNORECASE)
"""A line after which an installer goes on."""
NO_MORE_TRIES = re.compile(r"Retrying \(Retry\(total=0\b")
NOTHING_THERE = re.compile(r"\(from versions: (?:none)?\)")
"""Of pip: the index named no version at all, as one that does not answer does."""
BUILD_SAID = re.compile(r"\[\d+ lines? of output\]|^\s*(?:\[std(?:out|err)\]|Complete output \(\d+ lines?\):)\s*$")
"""Above what a package's own build wrote, of pip, uv, and old pips; all of it is as far to the right as this."""
BUILD_END = "[end of output]"
FETCHES = re.compile(r"install(?:ing)? (?:build|backend) dependencies|\binstall --ignore-installed\b")
"""Above it where what was run is pip itself, for what the build needs."""
LAST_LINES = 20
"""In which an installer says what it failed of, unlike what it got over before."""


@dataclass(frozen=True)
class Command:
    """A command that an installer needs."""

    argv: tuple[str, ...]
    directory: str = "/"
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """What is to be installed, and where."""

    what: str
    """A requirement, or the path of a wheel or a tree."""
    places: Places
    python: str = "python3"
    """The interpreter that the product is to run on."""
    upgrade: bool = False
    """Whether another version is there."""
    lock: str = ""
    """Name of the tree's lock file, if it has one."""
    extra: str = ""
    """Optional dependencies that are installed, too; `what` names them already, where nothing is locked."""
    as_of: str = ""
    """The last day, YYYY-MM-DD, whose uploads may be taken; empty: whatever there is."""

    @property
    def own_python(self) -> str:
        """The interpreter of the virtual environment."""
        return f"{self.places.venv}/bin/python"

    @property
    def until(self) -> str:
        """The end of that day, as installers take it."""
        following = date.fromisoformat(self.as_of) + timedelta(days=1)
        return datetime(following.year, following.month, following.day, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Installer:
    """An installer as users have it."""

    name: InstallerName
    commands: Callable[[Job], list[Command]]
    keeps_locks: bool = False
    """Whether it installs from a tree's lock file."""
    own_folder: bool = False
    """Whether it decides itself where below its home the virtual environment lies."""

    def program(self, distribution: str) -> str:
        """Return where below the home the virtual environment of a distribution lies."""
        return f"pipx/venvs/{canonicalize_name(distribution)}" if self.own_folder else "venv"


def _uv(job: Job) -> list[Command]:
    if job.lock:
        more = ("--extra", job.extra) if job.extra else ()
        words = ("uv", "sync", "--frozen", "--no-dev", *more, "--python", job.python)
        return [Command(words, job.places.tree, {"UV_PROJECT_ENVIRONMENT": job.places.venv})]
    make = [] if job.upgrade else [Command(("uv", "venv", "--quiet", "--python", job.python, job.places.venv))]
    day = ("--exclude-newer", job.until) if job.as_of else ()
    return [*make, Command(("uv", "pip", "install", "--python", job.own_python, *day, job.what))]


def _pip(job: Job) -> list[Command]:
    make = [] if job.upgrade else [Command((job.python, "-m", "venv", job.places.venv))]
    more = ("--upgrade",) if job.upgrade else ()
    day = (f"--uploaded-prior-to={job.until}",) if job.as_of else ()
    install = (job.own_python, "-m", "pip", "install", "--disable-pip-version-check", *more, *day, job.what)
    return [*make, Command(install)]


def _pipx(job: Job) -> list[Command]:
    home = job.places.home
    variables = {"PIPX_HOME": f"{home}/pipx", "PIPX_BIN_DIR": f"{home}/bin", "PIPX_MAN_DIR": f"{home}/man",
                 "USE_EMOJI": "0"}  # fmt: skip
    pipx = (job.python, f"{job.places.artifacts}/{PIPX_FILE}")
    # The pip that came with Python may know no days; what it is told with --pip-args it is told from the first.
    make = [Command((*pipx, "upgrade-shared"), environment=variables)] if job.as_of and not job.upgrade else []
    force = ("--force",) if job.upgrade else ()
    day = (f"--pip-args=--uploaded-prior-to={job.until}",) if job.as_of else ()
    install = (*pipx, "install", "--python", job.python, *force, *day, job.what)
    return [*make, Command(install, environment=variables)]


INSTALLERS: Mapping[InstallerName, Installer] = {
    "uv": Installer("uv", _uv, keeps_locks=True),
    "pip": Installer("pip", _pip),
    "pipx": Installer("pipx", _pipx, own_folder=True),
}


def installer_of(cell: Cell, definition: Definition) -> Installer:
    """Return what installs a version in a cell: the axis says it, or else the definition."""
    named = dict(cell.axes).get(INSTALLER) or definition.installer
    return next(found for found in INSTALLERS.values() if found.name == named)


def day_of(cell: Cell, definition: Definition) -> str:
    """Return the day as of which a version is installed in a cell, YYYY-MM-DD; empty: as of today."""
    named = dict(cell.axes).get(AS_OF, THEN)
    return {THEN: definition.as_of or "", NOW: ""}.get(named, named)


def index_failed(result: CommandResult) -> bool:
    """Whether an installer that failed, or was ended at its deadline, says that its index is to blame.

    What it got over before does not count, and neither does what a package's own build met.
    """
    out, err = (_own_words(stream.decode("utf8", "replace")) for stream in (result.stdout, result.stderr))
    last = err or out
    if result.timed_out:
        return any(INDEX_FAILED.search(line) for line in last[-3:])
    final = "\n".join([line for line in last if not PASSING.search(line)][-LAST_LINES:])
    if INDEX_FAILED.search(final):
        return True
    passed = [line for line in (*out, *err) if PASSING.search(line)]
    gave_up = any(
        NO_MORE_TRIES.search(line) or (line.endswith("skipping") and INDEX_FAILED.search(line)) for line in passed
    )
    return bool(gave_up and NOTHING_THERE.search(final))


def _own_words(said: str) -> list[str]:
    """Return the lines that are the installer's own."""
    own: list[str] = []
    column = None
    for line in without_pointers(said).splitlines():
        indent = len(line) - len(line.lstrip())
        if column is not None and indent >= column:
            column = None if line.strip() == BUILD_END and indent == column else column
            continue
        column = None
        begins = BUILD_SAID.search(line)
        if begins and not any(FETCHES.search(above) for above in own[-3:]):
            column = len(line) - len(line[begins.start() :].lstrip())
        own.append(line)
    return own


def pip_knows_days(version: str) -> bool:
    """Whether a pip of this version can install as of a day; of one that is not known: no."""
    try:
        return Version(version) >= FIRST_PIP_WITH_DAYS
    except InvalidVersion:
        return False
