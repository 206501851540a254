"""The axes that say how a version is installed: what may stand in them, and why a cell cannot have what it asks for."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, get_args

from packaging.utils import canonicalize_name

from lab.environment.images.interpreters import OPTION, Interpreter
from lab.environment.images.platforms import IMAGE_OPTION, PLATFORMS
from lab.environment.kinds import KINDS
from lab.errors import UsageError
from lab.lifecycle.installers import (
    AS_OF,
    FIRST_PIP_WITH_DAYS,
    INSTALLER,
    NOW,
    THEN,
    Installer,
    day_of,
    installer_of,
    pip_knows_days,
)
from lab.product.definition import Definition
from lab.product.model import InstallerName
from lab.scenario.load import Loaded
from lab.scenario.matrix import Cell
from lab.scenario.model import Scenario
from lab.scenario.steps import Slot
from lab.strict import is_day
from lab.template import near
from lab.yamlfile import blamed_on

PYTHON = "python"
PLATFORM_PYTHON = "platform"
"""Value of the axis `python`: the one that the platform has."""


@dataclass(frozen=True)
class Brought:
    """What the command line brings for cells to choose from."""

    interpreters: Mapping[str, Interpreter] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    """Name of a platform to the image that it is made of."""

    @property
    def facts(self) -> dict[str, Any]:
        """What the record of a run tells of it; nothing where nothing was brought."""
        told = {name: found.facts for name, found in self.interpreters.items()}
        return {**({"interpreters": told} if told else {}), **({"platforms": dict(self.images)} if self.images else {})}

    def interpreter(self, cell: Cell) -> Interpreter | None:
        """Return the Python of a cell, None for the platform's own."""
        return self.interpreters.get(dict(cell.axes).get(PYTHON, PLATFORM_PYTHON))


def check_axes(loaded: Loaded, chosen: Mapping[str, Sequence[str]]) -> None:
    """Raise UsageError for a value that one of these axes cannot have, where it is written."""
    for axis, values in {**loaded.scenario.matrix.axes, **chosen}.items():
        with blamed_on(loaded.document, ("matrix", "axes", axis)) if axis not in chosen else nullcontext():
            for value in values:
                _check(axis, value)


def _check(axis: str, value: str) -> None:
    known: tuple[str, ...] = get_args(InstallerName)
    if axis == INSTALLER and value not in known:
        raise UsageError(f"there is no installer '{value}'{near(value, known)}", hint=f"installers: {', '.join(known)}")
    if axis == PYTHON and value != PLATFORM_PYTHON and not value.replace(".", "").isdigit():
        raise UsageError(
            f"'{value}' is not a Python{near(value, [PLATFORM_PYTHON])}",
            hint=f"the axis takes '{PLATFORM_PYTHON}', and versions such as 3.12 brought with {OPTION} 3.12=FOLDER",
        )
    if axis == AS_OF and value not in {THEN, NOW} and not is_day(value):
        raise UsageError(
            f"'{value}' is not a time to install as of{near(value, [THEN, NOW])}",
            hint=f"'{THEN}' is the day that the version names, '{NOW}' today; or a day, YYYY-MM-DD",
        )


def _installers(cell: Cell, definitions: Mapping[Slot, Definition]) -> list[Installer]:
    return [installer_of(cell, found) for found in definitions.values()]


def program_of(cell: Cell, definitions: Mapping[Slot, Definition]) -> str:
    """Return where below the product's home the virtual environment lies, by who makes it."""
    for installer in _installers(cell, definitions):
        for name in _names(definitions):
            return installer.program(name)
    return "venv"


def unobtainable(cell: Cell, scenario: Scenario, definitions: Mapping[Slot, Definition], brought: Brought) -> str:
    """Return why a cell cannot be installed as its axes ask; else nothing."""
    if scenario.source == "image":
        return _of_image(cell, brought)
    python = dict(cell.axes).get(PYTHON, PLATFORM_PYTHON)
    if python != PLATFORM_PYTHON and python not in brought.interpreters:
        return f"Python {python} is none that a platform brings here: name a folder with it, {OPTION} {python}=FOLDER"
    if python != PLATFORM_PYTHON and cell.environment == "host":
        return f"a machine over SSH has its own Pythons: {OPTION} brings none there"
    return (
        _without_day(cell, definitions, brought)
        or _without_name(cell, definitions)
        or (_sealed(cell, definitions, brought) if scenario.network == "sealed" else "")
        or _of_platform(cell, brought)
    )


def _of_image(cell: Cell, brought: Brought) -> str:
    axes = dict(cell.axes)
    asked = [axis for axis in (INSTALLER, AS_OF) if axis in axes]
    asked += [PYTHON] if axes.get(PYTHON, PLATFORM_PYTHON) != PLATFORM_PYTHON else []
    if asked:
        return f"the product's own image is not installed by the lab: the axis '{asked[0]}' says nothing to it"
    return _of_platform(cell, brought, "images are built")


def _of_platform(cell: Cell, brought: Brought, what: str = "") -> str:
    """Say what a platform that is an image of the user's cannot do."""
    if cell.platform not in brought.images or KINDS[cell.environment].own_platform:
        return ""
    what = what if cell.environment == "docker" else "machines are made"
    if not what:
        return ""
    return f"{what} of the lab's own platforms alone, and {cell.platform} was brought with {IMAGE_OPTION}"


def _names(definitions: Mapping[Slot, Definition]) -> list[str]:
    """Return the names of the distributions, each once."""
    named = (found.prove_version.metadata for found in definitions.values())
    return list(dict.fromkeys(canonicalize_name(name) for name in named if name))


def _without_name(cell: Cell, definitions: Mapping[Slot, Definition]) -> str:
    """An installer that names the virtual environment itself does so after the distribution."""
    if not any(found.own_folder for found in _installers(cell, definitions)):
        return ""
    if not all(found.prove_version.metadata for found in definitions.values()):
        return "pipx keeps a program by its distribution's name: the definition must tell it, in prove_version.metadata"
    names = _names(definitions)
    return f"pipx would keep {' and '.join(names)} beside each other" if len(names) > 1 else ""


def _without_day(cell: Cell, definitions: Mapping[Slot, Definition], brought: Brought) -> str:
    if dict(cell.axes).get(AS_OF) == THEN and not any(found.as_of for found in definitions.values()):
        found = next(iter(definitions.values()))
        return f"{found.product} {found.label} names no day in 'as_of'"
    dated = any(day_of(cell, found) for found in definitions.values())
    if not dated or not any(found.name == "pip" for found in _installers(cell, definitions)):
        return ""
    version = _pip(cell, brought)
    if pip_knows_days(version):
        return ""
    own = f"pip {version}" if version else "the pip that this platform has, which nobody has asked,"
    return f"{own} cannot install as of a day: that takes pip {FIRST_PIP_WITH_DAYS} or newer, uv or pipx"


def _pip(cell: Cell, brought: Brought) -> str:
    """Return the version of the pip that a new virtual environment of a cell has; empty if not known."""
    found = brought.interpreter(cell)
    if found is not None:
        return found.pip
    if cell.environment == "local":
        import ensurepip  # some distributions leave it out; the lab's own set-up refuses such a Python

        return ensurepip.version()
    return PLATFORMS[cell.platform].pip if cell.platform in PLATFORMS else ""


def _sealed(cell: Cell, definitions: Mapping[Slot, Definition], brought: Brought) -> str:
    """Say what was not fetched beforehand for a network without a way out."""
    if any(found.name == "pipx" for found in _installers(cell, definitions)):
        return "pipx fetches a pip of its own from the index, which a sealed network does not let it"
    if brought.interpreter(cell) is not None or cell.platform in brought.images:
        return "what a sealed network has to install from was fetched for the Pythons of the lab's own platforms"
    if any(day_of(cell, found) for found in definitions.values()):
        return "what a sealed network has to install from was fetched as of today"
    return ""
