"""Does the lab notice? Defects are planted into the reference product, one at a time, and each must be caught.

Caught means: by the check, in the step and with the verdict that the defect's `expect.yaml` names. The clean product
runs through the same cells and must pass; whatever fails there is a false alarm.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from lab import paths
from lab.errors import UsageError
from lab.planning import Draft, Wish, draft, make_up, setting_of
from lab.product.catalog import Choice
from lab.product.origin import ImageSource, WheelSource
from lab.product.sources import Artifact
from lab.records.model import Exit, TrialResult, Verdict
from lab.scenario.model import Slot
from lab.strict import Slug, Strict, Text
from lab.template import near
from lab.trial import TrialPlan
from lab.yamlfile import load, validate

if TYPE_CHECKING:
    from lab.report.terminal import Screen

PRODUCT = "reference"
TIMEOUT_FACTOR = 0.35
"""The reference product starts in a second; a defect that never answers need not be waited for a whole minute."""


class Expectation(Strict):
    """`expect.yaml` of a defect: where it is planted and how it must show."""

    schema_version: Literal[1] = Field(alias="schema")
    title: Text
    scenario: Slug
    version: Text
    chosen: Annotated[dict[Slug, Text], Field(alias="set")] = {}
    source: Literal["overlay", "same-artifact"] = "overlay"
    """`same-artifact`: no file is changed; the old version's artifact is given as the new one."""
    step: Slug
    check: Slug
    verdict: Verdict


@dataclass(frozen=True)
class Case:
    """One cell of one scenario, with a defect or clean."""

    name: str
    planned: Draft
    expectation: Expectation | None = None

    @property
    def planted(self) -> bool:
        """Whether something is broken on purpose."""
        return self.expectation is not None


@dataclass(frozen=True)
class Row:
    """A line of the detection table."""

    case: str
    cell: str
    planted: str
    expected: str
    got: str
    caught: bool


def defects_folder() -> Path:
    """Return the folder of the planted defects."""
    return paths.images() / "reference" / "defects"


def defect_names() -> list[str]:
    """Return the names of the defects."""
    return sorted(path.parent.name for path in defects_folder().glob("*/expect.yaml"))


def selftest(wanted: Sequence[str], workers: int, screen: "Screen", *, as_json: bool) -> Exit:
    """Run the clean product and each defect, print the table, and return 0 only if all is as it must be.

    Raises UsageError for an unknown defect.
    """
    known = defect_names()
    for name in wanted:
        if name not in known:
            raise UsageError(f"there is no defect '{name}'{near(name, known)}", hint=f"defects: {', '.join(known)}")
    planted = [_planted(name) for name in wanted or known]
    cases = [*_clean(planted), *planted]
    results = _run(cases, workers, screen)
    rows = [judge_case(case, results[case.name]) for case in cases]
    if as_json:
        print(json.dumps([row.__dict__ for row in rows], indent=2))
    else:
        print(table(rows))
    missed = [row.case for row in rows if row.planted and not row.caught]
    alarms = [row.case for row in rows if not row.planted and not row.caught]
    total = len(planted)
    caught = f"{total - len(missed)} of {total} defects caught"
    said = f"{caught}, {len(alarms)} false alarms in {len(cases) - total} clean trials"
    if missed or alarms:
        return Exit(code=1, reason=f"{said}: {', '.join([*missed, *alarms])}")
    return Exit(code=0, reason=said)


def judge_case(case: Case, result: TrialResult) -> Row:
    """Say whether a trial came out as its case demands."""
    failing = [
        (check.check, finding.step.partition("-")[2], finding.verdict)
        for check in result.checks
        for finding in check.findings
        if finding.verdict not in {"pass", "skipped"}
    ]
    got = ", ".join(f"{check}@{step}: {verdict}" for check, step, verdict in dict.fromkeys(failing)) or result.verdict
    if case.expectation is None:
        return Row(case.name, result.cell, "", "pass", got, caught=result.verdict == "pass")
    wanted = case.expectation
    expected = f"{wanted.check}@{wanted.step}: {wanted.verdict}"
    caught = (wanted.check, wanted.step, wanted.verdict) in failing and result.verdict == wanted.verdict
    return Row(case.name, result.cell, wanted.title, expected, got, caught)


def table(rows: Sequence[Row]) -> str:
    """Return the detection table as text."""
    form = "{:<38} {:<34} {:<12} {}"
    lines = [form.format("planted", "must be seen as", "result", "also seen"), "-" * 110]
    for row in rows:
        word = ("caught" if row.caught else "MISSED") if row.planted else ("clean" if row.caught else "FALSE ALARM")
        seen = [each for each in row.got.split(", ") if each != row.expected]
        lines.append(form.format(row.case, row.expected, word, ", ".join(seen)).rstrip())
    return "\n".join(lines)


def _planted(name: str) -> Case:
    """Read a defect and lay its overlay over the version that it breaks."""
    folder = defects_folder() / name
    expectation = validate(load(folder / "expect.yaml"), Expectation)
    chosen = {axis: [value] for axis, value in expectation.chosen.items()}
    planned = draft(Wish(expectation.scenario, PRODUCT, chosen=chosen, timeout_factor=TIMEOUT_FACTOR))
    choices = dict(planned.choices)
    for slot, choice in planned.choices.items():
        if choice.label == expectation.version:
            choices[slot] = _overlaid(choice, folder, planned.choices, expectation)
    return Case(name, _first_cell(planned, choices), expectation)


def _overlaid(choice: Choice, folder: Path, all_of: Mapping[Slot, Choice], expectation: Expectation) -> Choice:
    if expectation.source == "same-artifact":
        return Choice(choice.label, all_of["from"].source)
    source = choice.source
    if not isinstance(source, WheelSource | ImageSource) or not source.build:
        raise UsageError(f"defects can be planted only into what the lab builds, not into {source.source}")
    return Choice(choice.label, source.model_copy(update={"build": [*source.build, str(folder / "overlay")]}))


def _first_cell(planned: Draft, choices: Mapping[Slot, Choice]) -> Draft:
    return replace(planned, cells=planned.cells[:1], choices=choices)


def _clean(planted: Sequence[Case]) -> list[Case]:
    """Return the undamaged product in every cell in which a defect is planted."""
    found: dict[str, Case] = {}
    for case in planted:
        cell = case.planned.cells[0]
        clean = draft(replace(case.planned.wish, product=PRODUCT))
        name = f"(clean) {cell.id.partition('/')[0]} {'/'.join(value for _, value in cell.axes)}"
        found.setdefault(name, Case(name, _first_cell(clean, dict(clean.choices))))
    return list(found.values())


def _run(cases: Sequence[Case], workers: int, screen: "Screen") -> dict[str, TrialResult]:
    """Run one trial of every case, in folders apart from the runs that count."""
    from lab.environment import engine
    from lab.execution import Execution, guarded, interruptible
    from lab.locks import held
    from lab.preparation import cache_volume, image_key, prepare_images, resolve_all
    from lab.records.store import LOCK_FILE

    run_id, seed = secrets.token_hex(16), secrets.randbits(32)
    folder = paths.lab_home() / "selftest" / run_id
    folder.mkdir(parents=True)
    with interruptible(), held(folder / LOCK_FILE), guarded(run_id, folder):
        client = engine.connect()
        screen.say(f"{len(cases)} trials, {workers} at a time, seed {seed}; evidence in {folder}")
        artifacts: dict[str, dict[Slot, Artifact]] = {case.name: resolve_all(case.planned.choices) for case in cases}
        platforms = [case.planned.cells[0].platform for case in cases]
        unique = {image_key(found): found for each in artifacts.values() for found in each.values()}
        stock = prepare_images(client, platforms, list(unique.values()), screen.say)
        plans: dict[str, TrialPlan] = {}
        for number, case in enumerate(cases, start=1):
            cell = case.planned.cells[0]
            names = sorted({name for found in case.planned.definitions.values() for name in found.secrets})
            made_up = make_up(names, seed)
            plans[case.name] = TrialPlan(
                run_id=run_id,
                number=number,
                attempt=1,
                setting=setting_of(case.planned, cell, artifacts[case.name], made_up),
                folder=folder / "trials" / case.name.replace(" ", "-").replace("/", "~") / "001" / "attempt-1",
                seed=seed,
                keep="never",
                images={
                    slot: stock.product[cell.platform][image_key(found)]
                    for slot, found in artifacts[case.name].items()
                    if found.kind == "image"
                },
                secrets=tuple(made_up.values()),
            )
        volume = cache_volume(client, PRODUCT, platforms[0])
        results = Execution(stock, workers, 0, screen, None).run(list(plans.values()), lambda _plan: volume)
        client.close()
    by_number = {result.trial: result for result in results}
    return {name: by_number[plan.number] for name, plan in plans.items()}
