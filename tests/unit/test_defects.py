"""A defect that would not be planted, or that nobody could see, is refused in its own file."""

from pathlib import Path

import pytest

from lab import defects
from lab.defects import PATCH_FILE, planted_cases
from lab.errors import ScenarioError

GOOD = """\
schema: 1
title: A promise is broken.
scenario: fresh-install
version: "0.2.0"
set: {database: [sqlite], stop: [signal]}
step: ready
check: health
verdict: fail
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(defects, "defects_folder", lambda: tmp_path)
    found = tmp_path / "broken"
    found.mkdir()
    (found / PATCH_FILE).touch()
    return found


def refused(folder: Path, old: str, new: str) -> str:
    assert old in GOOD
    path = folder / "expect.yaml"
    path.write_text(GOOD.replace(old, new), "utf8")
    with pytest.raises(ScenarioError) as caught:
        planted_cases("broken")
    (problem,) = caught.value.problems
    assert problem.path == str(path)
    return f"{problem.line}: {problem.message}"


def test_a_right_file_plants_one_case(folder: Path) -> None:
    (folder / "expect.yaml").write_text(GOOD, "utf8")
    (case,) = planted_cases("broken")
    assert case.cell == "fresh-install/docker-debian-12/sqlite/signal/documented"


def test_a_defect_is_planted_in_the_environment_that_it_names(folder: Path) -> None:
    (folder / "expect.yaml").write_text(f"{GOOD}environment: systemd\n", "utf8")
    (case,) = planted_cases("broken")
    assert case.cell == "fresh-install/systemd-debian-12/sqlite/signal/documented"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("scenario: fresh-install", "scenario: fresh", "3: there is no scenario 'fresh'"),
        ('"0.2.0"', '"0.2.1"', "4: fresh-install runs 0.2.0, not '0.2.1'; did you mean '0.2.0'?"),
        ('"0.2.0"', '"0.1.4"', "4: fresh-install runs 0.2.0, not '0.1.4'"),
        ("step: ready", "step: redy", "6: fresh-install has no step 'redy'; did you mean 'ready'?"),
        ("step: ready", "step: upgrade", "6: fresh-install has no step 'upgrade'"),
        ("check: health", "check: helth", "7: fresh-install has no check 'helth'; did you mean 'health'?"),
        ("check: health", "check: api-surface", "7: fresh-install has no check 'api-surface'"),
        ("verdict: fail", "verdict: pass", "8: 'verdict' must be one of: fail, unknown, error"),
        ("step:", "environment: moon\nstep:", "6: 'environment' must be one of: docker, local, systemd"),
        ("database: [", "databse: [", "5: fresh-install has no axis 'databse'; did you mean 'database'?"),
        ("[sqlite]", "[sqlite, sqlite]", "5: a value of 'database' stands twice"),
        (
            "[sqlite]",
            "[sqlite, oracle]",
            "5: fresh-install skips database=oracle, stop=signal: reference 0.2.0 (to) dec",
        ),
        (
            "[signal]",
            "[signall]",
            "5: fresh-install skips database=sqlite, stop=signall: reference 0.2.0 (to) declares",
        ),
        ("[signal]", "[signal], setup: [workaround]", "5: fresh-install has no cell with database=sqlite, stop=signal"),
        ("step:", "source: same-artifact\nstep:", "6: fresh-install has no old version"),
    ],
)
def test_what_would_plant_or_show_nothing_is_refused_where_it_stands(
    old: str, new: str, said: str, folder: Path
) -> None:
    assert refused(folder, old, new).startswith(said)


def test_a_defect_without_a_patch_is_refused(folder: Path) -> None:
    (folder / PATCH_FILE).unlink()
    assert f"there is no {PATCH_FILE} beside this file" in refused(folder, "0.2.0", "0.2.0")


def test_a_planted_version_is_installed_with_what_the_scenario_needs() -> None:
    cases = planted_cases("llm-hangs")
    assert {choice.extra for case in cases for choice in case.planned.choices.values()} == {"llm"}
