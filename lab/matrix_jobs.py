"""A matrix for somebody else's scheduler: one job a cell, each with the arguments that run exactly this cell.

Cells that differ in their day only are one job: it takes the verdicts of both to say which of two days broke a version.
"""

import json
import math
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lab.environment.kinds import KINDS
from lab.errors import UsageError
from lab.listing import Told, plan
from lab.planning import Draft, draft
from lab.report.drift import AXIS
from lab.scenario.load import load_scenario, scenario_names
from lab.scenario.matrix import Cell
from lab.suitability import named
from lab.template import near
from lab.wish import HOST, Wish

MOST_JOBS = 256
"""GitHub's limit of jobs in one matrix."""
MOST_MINUTES = 360
"""GitHub's limit for one job."""
SET_UP_MINUTES = 20
"""For the checkout, the virtual environment, and images that are pulled or bootstrapped."""
INSTALLING = frozenset({"install", "upgrade", "reinstall", "downgrade"})
"""Steps whose time-out is the installer's; others have one of their own name, or that of a command."""
ANY_DAY = "any"
"""Stands for the day by which cells of one job differ."""
PLAIN = re.compile(r"[A-Za-z0-9_./=@:,+~-]+")
"""What goes through make and a shell unchanged."""


@dataclass(frozen=True)
class Job:
    """One entry of the matrix."""

    scenario: str
    cell: str
    name: str
    """The cell's id as a folder is named: also good for an artifact."""
    args: str
    """What `lab run SCENARIO` is given."""
    timeout_minutes: int

    @property
    def value(self) -> dict[str, Any]:
        """The entry as the matrix holds it."""
        return {
            "scenario": self.scenario,
            "cell": self.cell,
            "name": self.name,
            "args": self.args,
            "timeout": self.timeout_minutes,
        }


def tagged(tag: str) -> list[str]:
    """Return the names of the shipped scenarios that carry a tag.

    Raises UsageError for a tag that none carries.
    """
    tags = {name: load_scenario(name).scenario.tags for name in scenario_names()}
    known = sorted({each for found in tags.values() for each in found})
    if tag not in known:
        raise UsageError(f"no scenario has the tag '{tag}'{near(tag, known)}", hint=f"tags: {', '.join(known)}")
    return [name for name, found in tags.items() if tag in found]


def wishes(wish: Wish, tag: str | None) -> list[Wish]:
    """Return a wish for each scenario that is meant: the one named, or all with the tag.

    Raises UsageError where both or none are given.
    """
    if bool(wish.scenario) == bool(tag):
        raise UsageError("name a SCENARIO or a --tag, one of the two", hint="lab list shows what there is")
    return [replace(wish, scenario=name) for name in tagged(tag)] if tag else [wish]


def plans(wanted: Sequence[Wish]) -> Told:
    """Return the plans of several scenarios, one after another."""
    told = [plan(wish) for wish in wanted]
    return Told({"scenarios": [each.value for each in told]}, "\n\n".join(each.text for each in told))


def github_matrix(wanted: Sequence[Wish]) -> str:
    """Return the one line of JSON that `fromJSON` makes a matrix of; the same for the same files.

    No machine's engine has a say; only the ids of `local` cells name the platform of the machine that plans.
    Raises UsageError where nothing is left to run, or more than a matrix may hold.
    """
    jobs = sorted((job for wish in wanted for job in _jobs(wish)), key=lambda job: job.cell)
    if not 0 < len(jobs) <= MOST_JOBS:
        raise UsageError(
            f"{len(jobs)} cells would run, and a matrix has 1 to {MOST_JOBS}", hint="choose others: --tag, --env, --set"
        )
    return json.dumps({"include": [job.value for job in jobs]}, sort_keys=True, separators=(",", ":"))


def _jobs(wish: Wish) -> Iterator[Job]:
    """Yield a job for each cell that is not left out on principle.

    Environments count as named, so that none is left out because the machine that plans has no engine; but machines of
    an inventory are there only where one was named.
    """
    declared: Sequence[str] = load_scenario(wish.scenario).scenario.matrix.environment
    wanted = wish.environments or [name for name in declared if name != HOST or wish.inventory]
    if not wanted:
        return
    planned = draft(replace(wish, environments=named(wanted)))  # jobs have an engine: none may fall back unseen
    together: dict[Cell, list[Cell]] = {}
    for cell in planned.cells:
        if not cell.skip:
            together.setdefault(_of_any_day(cell, ANY_DAY), []).append(cell)
    for cells in together.values():
        days = ",".join(dict(cell.axes).get(AXIS, "") for cell in cells)
        job = _of_any_day(cells[0], days)
        yield Job(wish.scenario, job.id, job.folder, _arguments(wish, job), _minutes(planned, len(cells)))


def _of_any_day(cell: Cell, day: str) -> Cell:
    """Return a cell with another value in place of its day, the same one where it has none."""
    return replace(cell, axes=tuple((axis, day if axis == AXIS else value) for axis, value in cell.axes))


def _arguments(wish: Wish, cell: Cell) -> str:
    """Return options of `lab run` that choose this cell alone, or one for each of its days.

    Raises UsageError for a word that make or a shell would not leave as it is.
    """
    words = ["--env", cell.environment]
    if cell.environment == HOST:
        words += ["--inventory", str(wish.inventory), "--hosts", cell.platform]
    elif not KINDS[cell.environment].own_platform:
        words += ["--set", f"platform={cell.platform}"]
    for axis, value in cell.axes:
        words += ["--set", f"{axis}={value}"]
    for option, given in (("--product", wish.product), ("--from", wish.old), ("--to", wish.new)):
        words += [option, given] if given else []
    for option, several in (
        ("--hooks", wish.hooks),
        ("--interpreter", wish.interpreters),
        ("--platform-image", wish.platform_images),
    ):
        for each in several:
            words += [option, each]
    for word in (wish.scenario, *words):
        if not PLAIN.fullmatch(word):
            raise UsageError(f"'{word}' cannot stand in a matrix: make or a shell would change it", hint="rename it")
    return shlex.join(words)


def _minutes(planned: Draft, trials: int) -> int:
    """Return minutes that so many trials cannot take: the lab's own time-outs end them before, and say what was late.

    They are taken to run one after another.
    """
    limits: dict[str, float] = planned.timeouts.model_dump()
    other = max(limits["ready"], limits["request"], limits["command"])
    steps = [step.step for step in planned.loaded.scenario.steps]
    seconds = sum(limits["install"] if step in INSTALLING else limits.get(step, other) for step in steps)
    return min(MOST_MINUTES, SET_UP_MINUTES + math.ceil(trials * seconds / 60))
