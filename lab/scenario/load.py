"""Scenario files by name or path."""

from dataclasses import dataclass, field
from pathlib import Path

from lab import paths
from lab.errors import UsageError
from lab.scenario.answers import unanswerable
from lab.scenario.model import Scenario
from lab.scenario.order import misplaced
from lab.template import near, placeholders
from lab.yamlfile import Document, Loc, load, problems_at, validate


@dataclass(frozen=True)
class Loaded:
    """A scenario and the file it came from."""

    scenario: Scenario
    path: Path
    document: Document = field(repr=False, compare=False)


def scenario_names() -> list[str]:
    """Return the names of the shipped scenarios."""
    return sorted(path.stem for path in paths.scenarios().glob("*.yaml"))


def load_scenario(name: str) -> Loaded:
    """Read a scenario by name, or by path to a file.

    Raises UsageError for an unknown name and ScenarioError for an invalid file.
    """
    is_path = name.endswith((".yaml", ".yml")) or "/" in name
    path = Path(name) if is_path else paths.scenarios() / f"{name}.yaml"
    if not is_path and not path.exists():
        raise UsageError(
            f"there is no scenario '{name}'{near(name, scenario_names())}",
            hint=f"scenarios: {', '.join(scenario_names())}; or give the path of a file",
        )
    document = load(path)
    scenario = validate(document, Scenario)
    faults = [*_unknown_placeholders(document, scenario), *misplaced(scenario.steps), *unanswerable(scenario)]
    problems_at(document, faults)
    return Loaded(scenario, path.absolute(), document)


def _unknown_placeholders(document: Document, scenario: Scenario) -> list[tuple[Loc, str]]:
    known = {f"matrix.{axis}" for axis in ("environment", "platform", *scenario.matrix.axes)}
    return [
        (at, f"unknown placeholder {{{name}}}{near(name, known)}")
        for at, name in placeholders(document.data)
        if name not in known
    ]
