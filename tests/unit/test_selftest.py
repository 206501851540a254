import itertools
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from records_sample import check, trial

from lab.checks.calls import CALLS
from lab.defects import PATCH_FILE, Case, Expectation, clean_cases, defect_names, defects_folder, planted_cases
from lab.planning import draft
from lab.product.origin import ImageSource, TreeSource, WheelSource
from lab.records.model import Finding, TrialResult
from lab.selftest import Detection, Row, judge_case, table
from lab.wish import Wish

MOST_LACKING, MOST_ADDED = 12, 30
"""Lines that a patch may take away and add: a defect breaks one promise, not the product."""

EXPECTED = Expectation.model_validate(
    {
        "schema": 1, "title": "It breaks.", "scenario": "upgrade", "version": "0.2.0",
        "step": "ledger", "check": "rows", "verdict": "fail",
    }
)  # fmt: skip
FOUND = Finding(verdict="fail", step="13-ledger", reason="mcp_servers lost 1 of 3 rows")


def layers(name: str) -> list[Path]:
    planted = planted_cases(name)[0]
    (choice,) = [each for each in planted.planned.choices.values() if each.label == planted.expectation.version]  # type: ignore[union-attr]
    assert isinstance(choice.source, WheelSource | TreeSource | ImageSource)
    return [Path(layer) for layer in choice.source.build]


@pytest.fixture(scope="module")
def planned() -> Case:
    return Case("migration-drops-row", draft(Wish("upgrade")), EXPECTED)


def told(row: Row) -> str:
    """Return the row's line of the table, whatever the width of its columns."""
    return " ".join(table(Detection([row])).splitlines()[2].split())


def caught(case: Case, result: TrialResult) -> bool:
    return judge_case(case, result).caught


@pytest.mark.parametrize("name", defect_names())
def test_a_defect_says_which_check_must_catch_it_in_which_step_of_its_scenario(name: str) -> None:
    cases = planted_cases(name)
    assert len({case.name for case in cases}) == len({case.cell for case in cases}) == len(cases) > 0
    for case in cases:
        assert case.expectation is not None
        scenario = case.planned.loaded.scenario
        if case.expectation.step is None:
            assert case.expectation.check == CALLS
        else:
            assert case.expectation.check in {each.check for each in scenario.checks}
            assert case.expectation.step in {each.step for each in scenario.steps}
        assert case.expectation.version in {choice.label for choice in case.planned.choices.values()}
        assert len(case.planned.cells) == 1
        assert case.planned.cells[0].skip == ""


@pytest.mark.parametrize("name", [name for name in defect_names() if (defects_folder() / name / PATCH_FILE).is_file()])
def test_a_patch_fits_the_version_that_it_breaks_and_changes_a_few_lines(name: str, tmp_path: Path) -> None:
    *below, patch = layers(name)
    assert patch == defects_folder() / name / PATCH_FILE
    for layer in below:
        shutil.copytree(layer, tmp_path / "product", dirs_exist_ok=True)
    ceiling = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path)}
    subprocess.run(["git", "apply", "--check", patch], cwd=tmp_path / "product", env=ceiling, check=True)
    lines = [line for line in patch.read_text().splitlines() if not line.startswith(("---", "+++"))]
    lacking, added = (sum(line.startswith(sign) for line in lines) for sign in "-+")
    assert lacking + added > 0
    assert lacking <= MOST_LACKING
    assert added <= MOST_ADDED


def test_a_defect_without_a_patch_gives_the_old_artifact_as_the_new_one() -> None:
    bare = [name for name in defect_names() if not (defects_folder() / name / PATCH_FILE).is_file()]
    assert bare == ["same-artifact"]
    choices = planted_cases("same-artifact")[0].planned.choices
    assert choices["from"].source == choices["to"].source
    assert (choices["from"].label, choices["to"].label) == ("0.1.4", "0.2.0")


def test_only_the_broken_version_gets_the_patch() -> None:
    choices = planted_cases("migration-drops-row")[0].planned.choices
    clean = draft(Wish("upgrade")).choices
    assert choices["from"] == clean["from"]
    assert choices["to"] != clean["to"]


def test_every_folder_of_a_defect_is_run() -> None:
    assert {path.name for path in defects_folder().iterdir() if path.is_dir()} == set(defect_names())
    assert len(defect_names()) >= 20


def test_every_cell_with_a_defect_is_run_clean_too() -> None:
    planted = [case for name in defect_names() for case in planted_cases(name)]
    cells = {case.cell for case in planted}
    few, many = clean_cases(planted, 1), clean_cases(planted, 3 * len(cells))
    assert len(few) == len(cells)
    assert {case.cell for case in few} == cells
    counted = sorted(case.cell for case in many)
    assert {cell: len(list(group)) for cell, group in itertools.groupby(counted)} == dict.fromkeys(sorted(cells), 3)
    assert len({case.name for case in many}) == len(many)
    assert all(case.expectation is None for case in many)
    assert not [layer for case in few for choice in case.planned.choices.values() for layer in built(choice.source)
                if layer.startswith(str(defects_folder()))]  # fmt: skip


def test_a_defect_is_planted_on_every_database_that_it_names() -> None:
    assert [case.cell for case in planted_cases("migration-drops-row")] == [
        "upgrade/docker-debian-12/sqlite/signal/documented",
        "upgrade/docker-debian-12/postgresql/signal/documented",
    ]


def test_a_defect_of_another_environment_has_a_clean_trial_there() -> None:
    (case,) = planted = planted_cases("unit-leaves-timer")
    assert case.cell == "uninstall/systemd-debian-12/sqlite"
    assert [clean.cell for clean in clean_cases(planted, 1)] == [case.cell]


def built(source: object) -> list[str]:
    return list(source.build) if isinstance(source, WheelSource | ImageSource) else []


def test_the_right_check_in_the_right_step_with_the_right_verdict_catches(planned: Case) -> None:
    row = judge_case(planned, trial(1, "fail", checks=[check("fail", "rows", FOUND)]))
    assert row.caught
    assert (row.expected, row.got) == ("rows@ledger: fail", "rows@ledger: fail")


def test_a_defect_that_no_step_shows_is_caught_in_what_is_asked_of_the_whole_trial(planned: Case) -> None:
    expected = EXPECTED.model_copy(update={"step": None, "check": CALLS})
    case = Case(planned.name, planned.planned, expected)
    row = judge_case(case, trial(1, "fail", checks=[check("fail", CALLS, FOUND.model_copy(update={"step": ""}))]))
    assert row.caught
    assert (row.expected, row.got) == ("calls: fail", "calls: fail")
    assert not caught(case, trial(1, "fail", checks=[check("fail", CALLS, FOUND)]))


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
    assert "MISSED" in table(Detection([row]))


def test_a_defect_may_show_in_other_checks_too(planned: Case) -> None:
    elsewhere = Finding(verdict="fail", step="15-verify", reason="status 404")
    assert caught(planned, trial(1, "fail", checks=[check("fail", "data", elsewhere), check("fail", "rows", FOUND)]))


def test_a_clean_product_that_fails_is_a_false_alarm(planned: Case) -> None:
    clean = Case("(clean) upgrade", planned.planned)
    assert caught(clean, trial(1, "pass"))
    row = judge_case(clean, trial(1, "fail", checks=[check("fail", "rows", FOUND)]))
    assert not row.caught
    assert told(row) == "(clean) upgrade/docker-debian-12/sqlite 0 of 1 passed FALSE ALARM rows@ledger: fail"
    assert not caught(clean, trial(1, "unknown"))
    assert not caught(clean, trial(1, "error"))


def test_the_table_tells_what_was_caught(planned: Case) -> None:
    row = judge_case(planned, trial(1, "fail", checks=[check("fail", "rows", FOUND)]))
    assert told(row) == "migration-drops-row rows@ledger: fail caught"


def test_the_bound_of_false_alarms_is_exact_and_one_sided(planned: Case) -> None:
    clean = [judge_case(Case(f"(clean {n})", planned.planned), trial(n, "pass")) for n in range(1, 31)]
    shown = Detection(clean)
    assert shown.bound == pytest.approx(1 - 0.05 ** (1 / 30))
    assert shown.summary.endswith("0 false alarms in 30 clean trials, so that their rate is below 9.5% (95% sure)")
    assert "30 of 30 passed" in table(shown)
    assert Detection([]).bound == 1
