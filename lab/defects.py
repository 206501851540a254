"""Planted defects: folders that break one promise of the reference product, and the trials in which they must show."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from lab import paths
from lab.checks.calls import CALLS
from lab.errors import UsageError
from lab.planning import Draft, draft
from lab.product.catalog import Choice
from lab.product.origin import ImageSource, TreeSource, WheelSource
from lab.scenario.load import load_scenario
from lab.scenario.steps import Slot
from lab.strict import Slug, Strict, Text
from lab.suitability import named
from lab.template import near
from lab.wish import Wish
from lab.yamlfile import Document, Loc, blamed_on, load, problems_at, validate

PRODUCT = "reference"
PATCH_FILE = "defect.patch"
"""What a defect changes in the version's source, as `git apply` takes it."""
TIMEOUT_FACTOR = 0.35
"""The reference product starts in a second; a defect that never answers need not be waited for a whole minute."""


class Expectation(Strict):
    """`expect.yaml` of a defect: where it is planted and how it must show."""

    schema_version: Literal[1] = Field(alias="schema")
    title: Text
    """The broken promise, in one sentence."""
    scenario: Slug
    """The scenario that must see it."""
    version: Text
    """The version into which it is planted."""
    environment: Literal["docker", "local", "systemd"] | None = None
    """The environment in which it is planted. Without one: the scenario's first."""
    chosen: Annotated[dict[Slug, Annotated[list[Text], Field(min_length=1)]], Field(alias="set")] = {}
    """Values of matrix axes; each combination is a trial of its own. Without any: the scenario's first cell."""
    source: Literal["patch", "tree", "same-artifact"] = "patch"
    """`tree`: the patched sources are installed as they are, so that an installer builds them; `same-artifact`: no file
    is changed, and the old version's artifact is given as the new one."""
    step: Slug | None = None
    """Kind of the step in which it must show. Without one: in what is asked of the trial as a whole."""
    check: Slug
    """The check that must see it."""
    verdict: Literal["fail", "unknown", "error"]
    """What the check must say."""


@dataclass(frozen=True)
class Case:
    """One trial of one cell of a scenario, with a defect or clean."""

    name: str
    planned: Draft
    expectation: Expectation | None = None

    @property
    def planted(self) -> bool:
        """Whether something is broken on purpose."""
        return self.expectation is not None

    @property
    def cell(self) -> str:
        """Id of the cell."""
        return self.planned.cells[0].id


def defects_folder() -> Path:
    """Return the folder of the planted defects."""
    return paths.images() / PRODUCT / "defects"


def defect_names() -> list[str]:
    """Return the names of the defects."""
    return sorted(path.parent.name for path in defects_folder().glob("*/expect.yaml"))


def planted_cases(name: str) -> list[Case]:
    """Read a defect and apply its patch to the version that it breaks; return one case a combination of axes.

    Raises ScenarioError where its `expect.yaml` is wrong: a defect that nobody planted must not count.
    """
    folder = defects_folder() / name
    document = load(folder / "expect.yaml")
    expectation = validate(document, Expectation)
    axes = list(expectation.chosen)
    _check_against_scenario(document, expectation, folder)
    combinations = [dict(zip(axes, values, strict=True)) for values in itertools.product(*expectation.chosen.values())]
    cases = []
    for chosen in combinations:
        planned = _drafted(document, expectation, chosen)
        choices = dict(planned.choices)
        for slot, choice in planned.choices.items():
            if choice.label == expectation.version:
                with blamed_on(document, ("version",)):
                    choices[slot] = _broken(choice, folder, planned.choices, expectation)
        where = f" ({', '.join(chosen[axis] for axis in axes if len(expectation.chosen[axis]) > 1)})"
        shown = f"{name}{where}" if len(combinations) > 1 else name
        cases.append(Case(shown, _first_cell(planned, choices), expectation))
    return cases


def _check_against_scenario(document: Document, expectation: Expectation, folder: Path) -> None:
    """Raise UsageError where there is nothing to plant, or the scenario knows nothing of where it must show."""
    with blamed_on(document, ("scenario",)):
        scenario = load_scenario(expectation.scenario).scenario
    wrong: list[tuple[Loc, str]] = []
    steps, checks = [step.step for step in scenario.steps], [CALLS, *(check.check for check in scenario.checks)]
    for key, word, known in (("step", expectation.step, steps), ("check", expectation.check, checks)):
        if word is not None and word not in known:
            wrong.append(((key,), f"{scenario.name} has no {key} '{word}'{near(word, known)}"))
    if expectation.source == "same-artifact" and set(scenario.versions) != {"from", "to"}:
        wrong.append((("source",), f"{scenario.name} has no old version whose artifact could be given as the new one"))
    if expectation.source != "same-artifact" and not (folder / PATCH_FILE).is_file():
        wrong.append((("source",), f"there is no {PATCH_FILE} beside this file, so that nothing would break"))
    for axis, values in expectation.chosen.items():
        if len(set(values)) < len(values):
            wrong.append((("set", axis), f"a value of '{axis}' stands twice"))
    problems_at(document, wrong)


def _drafted(document: Document, expectation: Expectation, chosen: Mapping[str, str]) -> Draft:
    """Return the run of a combination.

    Raises UsageError where nothing would run, or without the version that is to be broken.
    """
    only = {axis: [value] for axis, value in chosen.items()}
    declared = load_scenario(expectation.scenario).scenario.matrix.environment
    places = named([expectation.environment] if expectation.environment else declared)
    with blamed_on(document, ("set",)):
        planned = draft(
            Wish(expectation.scenario, PRODUCT, environments=places, chosen=only, timeout_factor=TIMEOUT_FACTOR)
        )
    labels = [choice.label for choice in planned.choices.values()]
    shown = ", ".join(f"{axis}={value}" for axis, value in chosen.items()) or "its first cell"
    if expectation.version not in labels:
        said = f"{expectation.scenario} runs {' and '.join(labels)}, not '{expectation.version}'"
        problems_at(document, [(("version",), said + near(expectation.version, labels))])
    if not planned.cells:
        problems_at(document, [(("set",), f"{expectation.scenario} has no cell with {shown}")])
    if planned.cells[0].skip:
        problems_at(document, [(("set",), f"{expectation.scenario} skips {shown}: {planned.cells[0].skip}")])
    return planned


def clean_cases(planted: Sequence[Case], trials: int) -> list[Case]:
    """Return trials of the undamaged product, in turn in every cell in which a defect is planted.

    There are `trials` of them, or as many as there are cells if those are more.
    """
    cells: dict[str, Draft] = {}
    for case in planted:
        clean = draft(replace(case.planned.wish, product=PRODUCT))
        cells.setdefault(case.cell, _first_cell(clean, dict(clean.choices)))
    found = []
    for number, planned in zip(range(max(trials, len(cells))), itertools.cycle(cells.values()), strict=False):
        cell = planned.cells[0]
        shown = "/".join([cell.scenario, *(value for _, value in cell.axes)])
        found.append(Case(f"(clean {number + 1}) {shown}", planned))
    return found


def _broken(choice: Choice, folder: Path, all_of: Mapping[Slot, Choice], expectation: Expectation) -> Choice:
    if expectation.source == "same-artifact":
        return replace(choice, source=all_of["from"].source)
    source = choice.source
    if not isinstance(source, WheelSource | ImageSource) or not source.build:
        raise UsageError(f"defects can be planted only into what the lab builds, not into {source.source}")
    layers = [*source.build, str(folder / PATCH_FILE)]
    if expectation.source == "tree":
        return replace(choice, source=TreeSource(source="tree", build=layers))
    return replace(choice, source=source.model_copy(update={"build": layers}))


def _first_cell(planned: Draft, choices: Mapping[Slot, Choice]) -> Draft:
    return replace(planned, cells=planned.cells[:1], choices=choices)
