from typing import Any

import pytest

from lab.errors import UsageError
from lab.scenario.matrix import Cell, expand
from lab.scenario.model import Scenario


def scenario(**matrix: Any) -> Scenario:
    known = {"schema": 1, "name": "sample", "title": "A sample", "versions": ["to"]}
    steps = {"steps": [{"step": "start"}], "checks": [{"check": "health"}]}
    return Scenario.model_validate(known | steps | {"matrix": matrix})


AXES = {"database": ["sqlite", "postgresql"], "stop": ["signal", "endpoint"]}


def ids(cells: list[Cell]) -> list[str]:
    return [cell.id for cell in cells]


def test_a_cell_is_named_by_scenario_place_and_axis_values_in_declared_order() -> None:
    assert ids(expand(scenario(axes=AXES), auto=lambda: "docker", own={})) == [
        "sample/docker-debian-12/sqlite/signal",
        "sample/docker-debian-12/sqlite/endpoint",
        "sample/docker-debian-12/postgresql/signal",
        "sample/docker-debian-12/postgresql/endpoint",
    ]


def test_the_order_of_axes_is_the_files() -> None:
    turned = {"stop": ["signal"], "database": ["sqlite"]}
    assert ids(expand(scenario(axes=turned), auto=lambda: "docker", own={})) == [
        "sample/docker-debian-12/signal/sqlite"
    ]


def test_a_scenario_without_axes_has_one_cell() -> None:
    (cell,) = expand(scenario(), auto=lambda: "docker", own={})
    assert (cell.id, cell.folder, cell.skip) == ("sample/docker-debian-12", "sample~docker-debian-12", "")


def test_a_folder_has_no_slash() -> None:
    cells = expand(scenario(axes=AXES), auto=lambda: "docker", own={})
    assert cells[0].folder == "sample~docker-debian-12~sqlite~signal"
    assert not any("/" in cell.folder for cell in cells)


def test_platforms_and_environments_multiply_the_cells() -> None:
    cells = expand(
        scenario(platform=["debian-12", "debian-13"]), auto=lambda: "docker", own={}, environments=["docker", "local"]
    )
    assert ids(cells) == [
        "sample/docker-debian-12", "sample/docker-debian-13", "sample/local-debian-12", "sample/local-debian-13",
    ]  # fmt: skip


def test_auto_means_what_this_machine_has_and_makes_no_cell_twice() -> None:
    assert ids(expand(scenario(environment=["auto"]), auto=lambda: "local", own={})) == ["sample/local-debian-12"]
    assert ids(expand(scenario(environment=["auto", "docker"]), auto=lambda: "docker", own={})) == [
        "sample/docker-debian-12"
    ]


def test_a_named_environment_does_not_follow_auto() -> None:
    assert ids(expand(scenario(environment=["docker"]), auto=lambda: "local", own={})) == ["sample/docker-debian-12"]
    assert ids(expand(scenario(), auto=lambda: "docker", own={}, environments=["local"])) == ["sample/local-debian-12"]


def test_an_excluded_combination_is_kept_with_its_reason() -> None:
    excluded = {"where": {"database": "postgresql", "stop": "endpoint"}, "reason": "not supported"}
    cells = expand(scenario(axes=AXES, exclude=[excluded]), auto=lambda: "docker", own={})
    assert [cell.skip for cell in cells] == ["", "", "", "excluded: not supported"]


def test_an_exclusion_may_name_the_environment() -> None:
    excluded = {"where": {"environment": "local"}, "reason": "needs signals"}
    cells = expand(scenario(exclude=[excluded]), auto=lambda: "docker", own={}, environments=["docker", "local"])
    assert [cell.skip for cell in cells] == ["", "excluded: needs signals"]


def test_chosen_values_replace_those_of_the_file() -> None:
    cells = expand(
        scenario(axes=AXES), auto=lambda: "docker", own={}, chosen={"stop": ["docker-stop"], "platform": ["debian-13"]}
    )
    assert ids(cells) == [
        "sample/docker-debian-13/sqlite/docker-stop",
        "sample/docker-debian-13/postgresql/docker-stop",
    ]


def test_a_value_given_twice_makes_no_cell_twice() -> None:
    twice = ["signal", "endpoint", "signal"]
    assert len(expand(scenario(axes={"stop": twice}), auto=lambda: "docker", own={})) == 2
    assert len(expand(scenario(axes={"stop": ["signal"]}), auto=lambda: "docker", own={}, chosen={"stop": twice})) == 2
    assert len(expand(scenario(platform=["debian-12", "debian-12"]), auto=lambda: "docker", own={})) == 1


def test_an_unknown_axis_is_refused_with_what_was_meant() -> None:
    with pytest.raises(UsageError, match="has no axis 'databse'; did you mean 'database'") as caught:
        expand(scenario(axes=AXES), auto=lambda: "docker", own={}, chosen={"databse": ["sqlite"]})
    assert "axes: database, platform, stop" in str(caught.value)


@pytest.mark.parametrize("value", ["", "a/b", "../up", "UPPER", "two words", "x\n"])
def test_a_value_that_cannot_stand_in_a_path_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match="cannot be a value of the axis 'stop'"):
        expand(scenario(axes=AXES), auto=lambda: "docker", own={}, chosen={"stop": [value]})


def test_the_values_of_a_cell_fill_placeholders() -> None:
    cell = expand(scenario(axes={"stop": ["signal"]}), auto=lambda: "docker", own={})[0]
    assert cell.scope == {"matrix.stop": "signal", "matrix.environment": "docker", "matrix.platform": "debian-12"}
