from pathlib import Path

import pytest

from lab.errors import ScenarioError, UsageError
from lab.planning import draft
from lab.scenario.load import load_scenario, scenario_names
from lab.wish import Wish

GOOD = """\
schema: 1
name: sample
title: A sample
versions: [to]
matrix:
  axes:
    stop: [signal]
steps:
  - {step: install, version: to}
  - {step: start}
  - {step: stop, way: "{matrix.stop}"}
checks:
  - {check: install}
"""


def refused(folder: Path, text: str) -> list[str]:
    path = folder / "sample.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError) as caught:
        load_scenario(str(path))
    return [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]


@pytest.mark.parametrize("name", scenario_names())
def test_a_shipped_scenario_loads_under_its_own_name_and_has_few_cells(name: str) -> None:
    scenario = load_scenario(name).scenario
    assert scenario.name == name
    assert 1 <= len(draft(Wish(name)).cells) <= 6


def test_scenarios_are_shipped() -> None:
    assert {"docker", "fresh-install", "upgrade"} <= set(scenario_names())


def test_a_file_is_loaded_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    loaded = load_scenario(str(path))
    assert (loaded.scenario.name, loaded.path) == ("sample", path)


def test_an_unknown_name_is_refused_with_what_was_meant() -> None:
    with pytest.raises(UsageError, match="there is no scenario 'upgrad'; did you mean 'upgrade'"):
        load_scenario("upgrad")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="does not exist"):
        load_scenario(str(tmp_path / "none.yaml"))


def test_an_unknown_key_is_refused_at_its_place_with_what_was_meant(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, GOOD.replace("title:", "titel:") + "title: A sample\n")
    assert problem.startswith("3:1: ")
    assert "titel" in problem
    assert "title" in problem.partition("titel")[2]


def test_a_misspelt_step_is_refused_at_its_place(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, GOOD.replace("{step: install,", "{step: instal,"))
    assert problem.startswith("9:")
    assert "did you mean 'install'?" in problem.replace('"', "'")


def test_a_step_may_use_only_declared_versions(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, GOOD.replace("install, version: to", "install, version: from"))
    assert "steps[0] uses version 'from', which 'versions' does not list" in problem


def test_a_check_may_stand_only_once(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, GOOD + "  - {check: install}\n")
    assert "check 'install' stands twice" in problem


def test_an_exclusion_may_name_only_known_axes(tmp_path: Path) -> None:
    excluded = "    stop: [signal]\n  exclude:\n    - {where: {databse: sqlite}, reason: no}\n"
    (problem,) = refused(tmp_path, GOOD.replace("    stop: [signal]\n", excluded))
    assert "exclude names the axis 'databse'; there are: environment, platform, stop" in problem


def test_an_exclusion_needs_a_reason(tmp_path: Path) -> None:
    excluded = "    stop: [signal]\n  exclude:\n    - {where: {stop: signal}}\n"
    (problem,) = refused(tmp_path, GOOD.replace("    stop: [signal]\n", excluded))
    assert problem.startswith("9:")
    assert "reason" in problem


def test_a_scenario_without_checks_is_refused_at_its_place(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, GOOD.replace("checks:\n  - {check: install}\n", "checks: []\n"))
    assert problem.startswith("12:")
    (problem,) = refused(tmp_path, GOOD.replace("checks:\n  - {check: install}\n", ""))
    assert "checks" in problem


def test_a_placeholder_that_no_axis_fills_is_refused_at_its_place(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, GOOD.replace("{matrix.stop}", "{matrix.stopp}"))
    assert problem.startswith("11:")
    assert "unknown placeholder {matrix.stopp}; did you mean 'matrix.stop'" in problem


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("schema: 1", "schema: 2"),
        ("schema: 1\n", ""),
        ("name: sample", "name: Sample/1"),
        ("versions: [to]", "versions: []"),
        ("versions: [to]", "versions: [new]"),
        ("stop: [signal]", "stop: []"),
        ('way: "{matrix.stop}"', "in_flight: 1"),
        ('way: "{matrix.stop}"', "hold: 0"),
        ('way: "{matrix.stop}"', "hold: 86401"),
        ("title: A sample", "title: A sample\ntimeouts: {ready: 1.0e+300}"),
        ("title: A sample", "title: A sample\nlimits: {memory_mb: 9999999999999}"),
        ("title: A sample", "title: A sample\nlimits: {cpus: 1.0e+300}"),
        ("{check: install}", "{check: version, proofs: 4}"),
        ("{check: install}", "{check: memory, max_mb: -1}"),
        ("{check: install}", "{check: memory}"),
        ("title: A sample", "title: ''"),
        ("title: A sample", "title: A sample\ntarget: {rate: 1.5}"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, good: str, bad: str) -> None:
    assert good in GOOD
    assert len(refused(tmp_path, GOOD.replace(good, bad))) == 1
