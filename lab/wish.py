"""What the command line asked for, and the command line that asks for the same again."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab import paths
from lab.axes import Brought
from lab.environment.images.interpreters import interpreters
from lab.environment.images.platforms import platform_images
from lab.environment.remote.inventory import Host, load_hosts
from lab.errors import UsageError
from lab.trial import Keep

HOST = "host"
"""The environment whose platforms are machines of an inventory."""


@dataclass(frozen=True)
class Wish:
    """What the command line asked for."""

    scenario: str
    product: str | None = None
    old: str | None = None
    new: str | None = None
    environments: tuple[str, ...] = ()
    chosen: Mapping[str, Sequence[str]] = field(default_factory=dict)
    trials: int = 1
    workers: int = 1
    retries: int = 0
    keep: Keep = "never"
    no_skip: bool = False
    seed: int | None = None
    timeout_factor: float = 1.0
    budget_factor: float = 1.0
    """What the scenario's budgets of time are multiplied by."""
    host_port: int | None = None
    hooks: tuple[str, ...] = ()
    interpreters: tuple[str, ...] = ()
    """VERSION=FOLDER: Pythons for the axis `python`."""
    platform_images: tuple[str, ...] = ()
    """NAME=IMAGE: platforms that are made of images."""
    inventory: str | None = None
    """File that names machines, for the environment `host`."""
    hosts: tuple[str, ...] = ()
    """Hosts and groups of it; without any: all."""

    @property
    def brought(self) -> Brought:
        """What cells may choose from. Raises UsageError."""
        return Brought(interpreters(self.interpreters), platform_images(self.platform_images))

    @property
    def machines(self) -> dict[str, Host]:
        """The machines of the inventory that are meant, by name. Raises UsageError."""
        if not self.inventory and (self.hosts or HOST in self.environments):
            raise UsageError(
                f"the environment {HOST} is a machine of an inventory, and none was named",
                hint="--inventory inventory/local.yml, or a file of your own (docs/hosts.md)",
            )
        return {each.name: each for each in load_hosts(Path(self.inventory), self.hosts)} if self.inventory else {}


def repeat_command(wish: Wish, seed: int) -> str:
    """Return the command line that does the same again."""
    words = ["lab", "run", wish.scenario]
    for option, value in (("--product", wish.product), ("--from", wish.old), ("--to", wish.new)):
        words += [option, value] if value else []
    for name in wish.environments:
        words += ["--env", name]
    for axis, values in wish.chosen.items():
        words += ["--set", f"{axis}={','.join(values)}"]
    for option, number, default in (
        ("--trials", wish.trials, 1),
        ("--workers", wish.workers, None),  # its default depends on the machine
        ("--retry", wish.retries, 0),
        ("--timeout-factor", wish.timeout_factor, 1.0),
        ("--budget-factor", wish.budget_factor, 1.0),
        ("--port", wish.host_port, None),
    ):
        words += [option, str(number)] if number != default else []
    for option, values in (
        ("--hooks", wish.hooks),
        ("--interpreter", wish.interpreters),
        ("--platform-image", wish.platform_images),
        ("--inventory", (wish.inventory,) if wish.inventory else ()),
        ("--hosts", wish.hosts),
    ):
        words += [word for value in values for word in (option, value)]
    words += ["--no-skip"] if wish.no_skip else []
    words += ["--keep", wish.keep] if wish.keep != "never" else []
    return shlex.join([_program(), *words[1:], "--seed", str(seed)])


def _program() -> str:
    """Return how this lab is called from where the user stands."""
    program = Path(sys.prefix) / "bin" / "lab"
    for base in (Path.cwd(), paths.CHECKOUT):
        if program.is_relative_to(base):
            return str(program.relative_to(base)) if base == Path.cwd() else str(program)
    return str(program)
