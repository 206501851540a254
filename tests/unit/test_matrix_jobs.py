import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from lab.cli import app
from lab.environment.containers import engine
from lab.errors import UsageError
from lab.matrix_jobs import github_matrix, plans, tagged, wishes
from lab.scenario.load import load_scenario, scenario_names
from lab.wish import Wish

TAGS = ("smoke", "nightly")


def entries(wish: Wish, tag: str | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(github_matrix(wishes(wish, tag)))["include"]
    return found


def scenario_of(tmp_path: Path, **replaced: str) -> str:
    """Write the shipped scenario `port-in-use` with some of its text replaced; return its path."""
    text = load_scenario("port-in-use").path.read_text("utf8")
    for old, new in replaced.items():
        old_text = {"axes": "  axes:\n    database: [sqlite, postgresql]\n", "tree": "tags: [nightly]\n"}[old]
        assert old_text in text
        text = text.replace(old_text, new)
    path = tmp_path / "mine.yaml"
    path.write_text(text, "utf8")
    return str(path)


@pytest.mark.parametrize("tag", TAGS)
def test_each_entry_runs_exactly_its_own_cell(tag: str, capsys: pytest.CaptureFixture[str]) -> None:
    for entry in entries(Wish(""), tag):
        words = ["plan", entry["scenario"], *shlex.split(entry["args"]), "--format", "json"]
        assert app(words, standalone_mode=False) == 0
        planned = json.loads(capsys.readouterr().out)
        first, _, day = entry["cell"].rpartition("/")
        assert planned["cells"] == [{"id": f"{first}/{each}", "skip": ""} for each in day.split(",")]


@pytest.mark.parametrize("tag", TAGS)
def test_the_matrix_is_sorted_the_same_each_time_and_one_line(tag: str) -> None:
    line = github_matrix(wishes(Wish(""), tag))
    assert line == github_matrix(wishes(Wish(""), tag))
    assert "\n" not in line
    cells = [entry["cell"] for entry in json.loads(line)["include"]]
    assert cells == sorted(set(cells))
    assert len({entry["name"] for entry in json.loads(line)["include"]}) == len(cells)


@pytest.mark.parametrize("tag", TAGS)
def test_every_scenario_of_the_tag_is_in_it_and_no_other(tag: str) -> None:
    assert {entry["scenario"] for entry in entries(Wish(""), tag)} == set(tagged(tag))
    assert set(tagged(tag)) == {name for name in scenario_names() if tag in load_scenario(name).scenario.tags}


def test_the_days_of_a_version_are_one_job_because_it_takes_both_to_say_which_is_broken() -> None:
    (both,) = entries(Wish("drift"))
    (today,) = entries(Wish("drift", chosen={"as_of": ["now"]}))
    assert both["cell"] == "drift/docker-debian-12/postgresql/then,now"
    assert "--set as_of=then,now" in both["args"]
    assert today["cell"] == "drift/docker-debian-12/postgresql/now"
    assert both["timeout"] > today["timeout"]


def test_the_machine_that_plans_has_no_say() -> None:
    assert engine.missing()
    assert all("--env docker" in entry["args"] for entry in entries(Wish("upgrade")))


def test_a_cell_that_is_excluded_is_left_out(tmp_path: Path) -> None:
    axes = "  axes:\n    database: [sqlite, postgresql]\n"
    without = f"{axes}  exclude:\n    - {{where: {{database: sqlite}}, reason: not tried}}\n"
    assert [entry["cell"].split("/")[2] for entry in entries(Wish(scenario_of(tmp_path, axes=axes)))] == [
        "postgresql",
        "sqlite",
    ]
    left = entries(Wish(scenario_of(tmp_path, axes=without)))
    assert [entry["cell"].split("/")[2] for entry in left] == ["postgresql"]


def test_a_matrix_without_a_cell_is_an_error(tmp_path: Path) -> None:
    nothing = "  axes:\n    database: [sqlite]\n  exclude:\n    - {where: {database: sqlite}, reason: not tried}\n"
    with pytest.raises(UsageError, match="0 cells would run"):
        entries(Wish(scenario_of(tmp_path, axes=nothing)))


def test_a_matrix_with_more_cells_than_it_may_hold_is_an_error() -> None:
    many = {"platform": [f"debian-{number}" for number in (11, 12, 13)], "more": []}
    assert len(entries(Wish("upgrade", chosen={"platform": many["platform"]}))) > len(entries(Wish("upgrade")))
    with pytest.raises(UsageError, match="a matrix has 1 to 256"):
        github_matrix([Wish("upgrade")] * 100)


def test_arguments_name_versions_and_hooks_too() -> None:
    (entry, *_) = entries(Wish("upgrade", product="reference", new="0.2.0", hooks=("mine/hooks",)))
    assert entry["args"].endswith("--product reference --to 0.2.0 --hooks mine/hooks")


@pytest.mark.parametrize("new", ["0.2.0=dist/my wheel.whl", "0.2.0=$HOME/x.whl", "0.2.0=a'b.whl"])
def test_a_word_that_make_or_a_shell_would_change_is_refused(new: str) -> None:
    with pytest.raises(UsageError, match="cannot stand in a matrix"):
        entries(Wish("upgrade", new=new))


def test_a_cell_on_machines_is_left_out_where_no_inventory_names_them(tmp_path: Path) -> None:
    axes = "  environment: [auto, host]\n  axes:\n    database: [sqlite]\n"
    assert {entry["args"].split()[1] for entry in entries(Wish(scenario_of(tmp_path, axes=axes)))} == {"docker"}
    only_there = axes.replace("auto, host", "host")
    with pytest.raises(UsageError, match="0 cells would run"):
        entries(Wish(scenario_of(tmp_path, axes=only_there)))


def test_an_environment_that_was_named_is_the_one_of_every_cell() -> None:
    found = entries(Wish("", environments=("local",)), "smoke")
    assert found
    assert all("--env local" in entry["args"] and "platform=" not in entry["args"] for entry in found)


def test_a_job_may_take_longer_than_all_of_the_labs_time_outs() -> None:
    (entry, *_) = entries(Wish("upgrade"))
    (slower, *_) = entries(Wish("upgrade", timeout_factor=3))
    timeouts = load_scenario("upgrade").scenario.timeouts
    assert entry["timeout"] * 60 > 2 * timeouts.install + 20 * timeouts.ready
    assert entry["timeout"] < slower["timeout"] <= 360


def test_an_unknown_tag_is_told_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="no scenario has the tag 'nightli'; did you mean 'nightly'"):
        tagged("nightli")


@pytest.mark.parametrize(("scenario", "tag"), [("", None), ("upgrade", "smoke")])
def test_a_scenario_or_a_tag_is_named_not_both_and_not_none(scenario: str, tag: str | None) -> None:
    with pytest.raises(UsageError, match="one of the two"):
        wishes(Wish(scenario), tag)


def test_the_plans_of_a_tag_stand_one_after_another() -> None:
    told = plans(wishes(Wish(""), "smoke"))
    assert [each["scenario"] for each in told.value["scenarios"]] == tagged("smoke")
    for each in told.value["scenarios"]:
        assert all(cell["id"] in told.text for cell in each["cells"])
