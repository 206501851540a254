"""A matrix becomes cells."""

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lab.errors import UsageError
from lab.scenario.model import Scenario
from lab.strict import SLUG_PATTERN
from lab.template import near


@dataclass(frozen=True)
class Cell:
    """One point of a scenario's matrix."""

    scenario: str
    environment: str
    platform: str
    axes: tuple[tuple[str, str], ...]
    skip: str = ""
    """Why this cell does not run; empty if it does."""

    @property
    def id(self) -> str:
        """The stable, printable id."""
        return "/".join([self.scenario, f"{self.environment}-{self.platform}", *(value for _, value in self.axes)])

    @property
    def folder(self) -> str:
        """The id as the name of a folder."""
        return self.id.replace("/", "~")

    @property
    def scope(self) -> dict[str, str]:
        """The values for {matrix.AXIS}."""
        values = dict(self.axes) | {"environment": self.environment, "platform": self.platform}
        return {f"matrix.{axis}": value for axis, value in values.items()}


def expand(
    scenario: Scenario,
    *,
    auto: Callable[[], str],
    own: Mapping[str, Sequence[str]],
    environments: Sequence[str] = (),
    chosen: Mapping[str, Sequence[str]] | None = None,
) -> list[Cell]:
    """Return the cells in declared order; `auto` tells what the environment of that name means on this machine.

    `own` names the platforms of each environment that brings its own, whatever the matrix says.
    `environments` and `chosen` (axis to values) replace what the file says. Raises UsageError for an unknown axis.
    """
    replaced = {axis: list(values) for axis, values in (chosen or {}).items()}
    known = {"platform", *scenario.matrix.axes}
    for axis, values in replaced.items():
        if axis not in known:
            raise UsageError(
                f"{scenario.name} has no axis '{axis}'{near(axis, known)}",
                hint=f"axes: {', '.join(sorted(known))}",
            )
        for value in values:
            if not re.fullmatch(SLUG_PATTERN, value):
                raise UsageError(f"'{value}' cannot be a value of the axis '{axis}'")
    axes = {axis: list(dict.fromkeys(replaced.get(axis, values))) for axis, values in scenario.matrix.axes.items()}
    places = list(environments) or scenario.matrix.environment
    resolved = list(dict.fromkeys(auto() if place == "auto" else place for place in places))
    platforms = list(dict.fromkeys(replaced.get("platform", scenario.matrix.platform)))
    found = [(place, platform) for place in resolved for platform in own.get(place, platforms)]
    return [
        _excluded(Cell(scenario.name, place, platform, tuple(zip(axes, values, strict=True))), scenario)
        for place, platform in found
        for values in itertools.product(*axes.values())
    ]


def _excluded(cell: Cell, scenario: Scenario) -> Cell:
    for exclusion in scenario.matrix.exclude:
        if all(cell.scope.get(f"matrix.{axis}") == value for axis, value in exclusion.where.items()):
            return Cell(cell.scenario, cell.environment, cell.platform, cell.axes, f"excluded: {exclusion.reason}")
    return cell
