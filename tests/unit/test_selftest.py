import difflib
from pathlib import Path

import pytest
from records_sample import check, trial

from lab.planning import Wish, draft
from lab.product.origin import ImageSource, WheelSource
from lab.records.model import Finding, TrialResult
from lab.selftest import Case, Expectation, Row, _clean, _planted, defect_names, defects_folder, judge_case, table

MOST_LACKING, MOST_ADDED = 12, 30
"""Lines by which an overlay may differ from the file that it covers; more means that its copy has become stale."""

EXPECTED = Expectation.model_validate(
    {
        "schema": 1, "title": "It breaks.", "scenario": "upgrade", "version": "0.2.0",
        "step": "ledger", "check": "rows", "verdict": "fail",
    }
)  # fmt: skip
FOUND = Finding(verdict="fail", step="13-ledger", reason="mcp_servers lost 1 of 3 rows")


def layers(name: str) -> list[Path]:
    planted = _planted(name)
    (choice,) = [each for each in planted.planned.choices.values() if each.label == planted.expectation.version]  # type: ignore[union-attr]
    assert isinstance(choice.source, WheelSource | ImageSource)
    return [Path(layer) for layer in choice.source.build]


@pytest.fixture(scope="module")
def planned() -> Case:
    return Case("migration-drops-row", draft(Wish("upgrade")), EXPECTED)


def told(row: Row) -> str:
    """Return the row's line of the table, whatever the width of its columns."""
    return " ".join(table([row]).splitlines()[-1].split())


def caught(case: Case, result: TrialResult) -> bool:
    return judge_case(case, result).caught


@pytest.mark.parametrize("name", defect_names())
def test_a_defect_says_which_check_must_catch_it_in_which_step_of_its_scenario(name: str) -> None:
    case = _planted(name)
    assert case.expectation is not None
    scenario = case.planned.loaded.scenario
    assert case.expectation.check in {each.check for each in scenario.checks}
    assert case.expectation.step in {each.step for each in scenario.steps}
    assert case.expectation.version in {choice.label for choice in case.planned.choices.values()}
    assert len(case.planned.cells) == 1
    assert case.planned.cells[0].skip == ""


@pytest.mark.parametrize("name", [name for name in defect_names() if (defects_folder() / name / "overlay").is_dir()])
def test_an_overlay_differs_by_a_few_lines_from_the_files_that_it_covers(name: str) -> None:
    *below, overlay = layers(name)
    assert overlay == defects_folder() / name / "overlay"
    files = [path for path in overlay.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert files
    for file in files:
        covered = [
            layer / file.relative_to(overlay) for layer in below if (layer / file.relative_to(overlay)).is_file()
        ]
        assert covered, f"{file.relative_to(overlay)} covers no file"
        changes = list(difflib.ndiff(covered[-1].read_text().splitlines(), file.read_text().splitlines()))
        lacking = sum(line.startswith("- ") for line in changes)
        added = sum(line.startswith("+ ") for line in changes)
        assert lacking + added > 0, f"{file.relative_to(overlay)} is the file that it covers"
        assert lacking <= MOST_LACKING, f"{file.relative_to(overlay)} lacks {lacking} lines"
        assert added <= MOST_ADDED, f"{file.relative_to(overlay)} has {added} lines more"


def test_a_defect_without_an_overlay_gives_the_old_artifact_as_the_new_one() -> None:
    bare = [name for name in defect_names() if not (defects_folder() / name / "overlay").is_dir()]
    assert bare == ["same-artifact"]
    choices = _planted("same-artifact").planned.choices
    assert choices["from"].source == choices["to"].source
    assert (choices["from"].label, choices["to"].label) == ("0.1.4", "0.2.0")


def test_only_the_broken_version_gets_the_overlay() -> None:
    choices = _planted("migration-drops-row").planned.choices
    clean = draft(Wish("upgrade")).choices
    assert choices["from"] == clean["from"]
    assert choices["to"] != clean["to"]


def test_every_folder_of_a_defect_is_run() -> None:
    assert {path.name for path in defects_folder().iterdir() if path.is_dir()} == set(defect_names())
    assert len(defect_names()) >= 14


def test_every_cell_with_a_defect_is_run_clean_too() -> None:
    planted = [_planted(name) for name in defect_names()]
    clean = _clean(planted)
    assert {case.planned.cells[0].id for case in clean} == {case.planned.cells[0].id for case in planted}
    assert all(case.expectation is None for case in clean)
    assert not [layer for case in clean for choice in case.planned.choices.values() for layer in built(choice.source)
                if "defects" in layer]  # fmt: skip


def built(source: object) -> list[str]:
    return list(source.build) if isinstance(source, WheelSource | ImageSource) else []


def test_the_right_check_in_the_right_step_with_the_right_verdict_catches(planned: Case) -> None:
    row = judge_case(planned, trial(1, "fail", checks=[check("fail", "rows", FOUND)]))
    assert row.caught
    assert (row.expected, row.got) == ("rows@ledger: fail", "rows@ledger: fail")


@pytest.mark.parametrize(
    "result",
    [
        trial(1, "pass", checks=[check("pass", "rows", Finding(verdict="pass", step="13-ledger", reason="none lost"))]),
        trial(1, "fail", checks=[check("fail", "rows", FOUND.model_copy(update={"step": "10-upgrade"}))]),
        trial(1, "fail", checks=[check("fail", "data", FOUND)]),
        trial(1, "unknown", checks=[check("unknown", "rows", FOUND.model_copy(update={"verdict": "unknown"}))]),
        trial(1, "error", checks=[check("fail", "rows", FOUND)]),
        trial(1, "fail", checks=[check("fail", "rows")]),
        trial(1, "fail", checks=[]),
    ],
    ids=["not at all", "another step", "another check", "another verdict", "another end", "no finding", "no check"],
)
def test_anything_else_is_missed(planned: Case, result: TrialResult) -> None:
    row = judge_case(planned, result)
    assert not row.caught
    assert "MISSED" in table([row])


def test_a_defect_may_show_in_other_checks_too(planned: Case) -> None:
    elsewhere = Finding(verdict="fail", step="15-verify", reason="status 404")
    assert caught(planned, trial(1, "fail", checks=[check("fail", "data", elsewhere), check("fail", "rows", FOUND)]))


def test_a_clean_product_that_fails_is_a_false_alarm(planned: Case) -> None:
    clean = Case("(clean) upgrade", planned.planned)
    assert caught(clean, trial(1, "pass"))
    row = judge_case(clean, trial(1, "fail", checks=[check("fail", "rows", FOUND)]))
    assert not row.caught
    assert told(row) == "(clean) upgrade pass FALSE ALARM rows@ledger: fail"
    assert not caught(clean, trial(1, "unknown"))
    assert not caught(clean, trial(1, "error"))


def test_the_table_tells_what_was_caught(planned: Case) -> None:
    row = judge_case(planned, trial(1, "fail", checks=[check("fail", "rows", FOUND)]))
    assert told(row) == "migration-drops-row rows@ledger: fail caught"
