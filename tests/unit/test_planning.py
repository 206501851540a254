import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

from lab.cli import app
from lab.commands.arguments import wish_of
from lab.errors import UsageError
from lab.lifecycle.setting import DATABASE_SECRET
from lab.planning import draft, make_up, plan_text, planned_artifacts, setting_of
from lab.scenario.load import load_scenario, scenario_names
from lab.scenario.steps import RefuseStep
from lab.suitability import named
from lab.wish import Wish, repeat_command

FULL = Wish(
    "upgrade",
    product="reference",
    old="0.1.4",
    new="0.2.0=dist/my wheel.whl",
    environments=("docker", "auto"),
    chosen={"stop": ["signal", "endpoint"], "platform": ["debian-12"]},
    trials=59,
    workers=2,
    retries=1,
    keep="failed",
    no_skip=True,
    seed=42,
    timeout_factor=0.5,
    budget_factor=3.0,
)


def planned(scenario: str, **wanted: Any) -> str:
    drafted = draft(Wish(scenario, **wanted))
    return plan_text(drafted, planned_artifacts(drafted))


def parsed(words: Sequence[str]) -> Wish:
    """Return the wish that the command line makes of these words, without running anything."""
    command = typer.main.get_command(app)
    run = command.commands["run"]  # type: ignore[attr-defined]
    given: dict[str, Any] = dict(run.make_context("run", list(words)).params)
    first = [given.pop(name) for name in ("scenario", "product", "old", "new", "env", "chosen")]
    names = {"retry": "retries", "port": "host_port"}
    wish = replace(wish_of(*first), **{names.get(name, name): value for name, value in given.items()})
    assert isinstance(wish, Wish)
    return wish


@pytest.mark.parametrize("name", scenario_names())
def test_a_plan_says_the_same_each_time(name: str) -> None:
    assert planned(name) == planned(name)


@pytest.mark.parametrize("name", scenario_names())
def test_a_plan_lists_every_cell_and_numbers_every_step_of_it(name: str) -> None:
    places = named(load_scenario(name).scenario.matrix.environment)
    drafted = draft(Wish(name, environments=places))
    text = planned(name, environments=places)
    for cell in drafted.cells:
        assert f"{cell.id}\n" in text
    steps = len(drafted.loaded.scenario.steps) + 3  # prepared before, collected and destroyed after
    running = sum(not cell.skip for cell in drafted.cells)
    assert sum(line.startswith("  ") and line[4:5] == "." for line in text.splitlines()) == steps * running


def test_a_plan_names_every_command_that_will_run() -> None:
    text = planned("upgrade", environments=("docker",), chosen={"stop": ["endpoint"], "database": ["sqlite"]})
    lines = [line.strip() for line in text.splitlines()]
    python = "/opt/product/venv/bin/python"
    assert "uv venv --quiet --python python3 /opt/product/venv" in lines
    assert sum(line.startswith(f"uv pip install --python {python} /tmp/artifacts/") for line in lines) == 2
    assert sum(line.endswith(" /opt/product/venv/bin/reference-agents serve") for line in lines) == 3
    assert "write /etc/product/reference.env (0600)" in lines
    assert lines.count("GET /health") >= 2
    assert "POST /api/v1/shutdown" in lines
    assert any(line.startswith("POST /api/v1/agent/simple/run  # ") for line in lines)
    assert "/var/lib/product/reference.db" in lines


def test_a_plan_shows_no_secret_and_no_placeholder_that_is_known() -> None:
    text = planned("fresh-install")
    assert "{venv}" not in text
    assert "{data}" not in text
    assert "{secret" not in text


def test_a_skipped_cell_is_planned_with_its_reason_and_without_steps() -> None:
    text = planned("fresh-install", chosen={"stop": ["signall"], "database": ["sqlite"]})
    assert text.splitlines()[0].startswith("auto is ")
    assert text.count("\n") == 2
    assert "(skipped: reference 0.2.0 (to) declares no 'stop.signall')" in text


def test_planning_builds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LAB_HOME", str(tmp_path / "home"))
    planned("upgrade")
    assert list(tmp_path.iterdir()) == []


def test_an_old_version_means_nothing_to_a_fresh_installation() -> None:
    with pytest.raises(UsageError, match="has no old version: --from says nothing to it"):
        draft(Wish("fresh-install", old="0.1.4"))


def test_timeouts_are_multiplied_and_nothing_else() -> None:
    plain, half = draft(Wish("upgrade")), draft(Wish("upgrade", timeout_factor=0.5))
    assert {name: 2 * value for name, value in half.timeouts.model_dump().items()} == plain.timeouts.model_dump()
    assert half.cells == plain.cells


def test_budgets_of_time_are_multiplied_and_nothing_else() -> None:
    plain, patient = draft(Wish("upgrade")), draft(Wish("upgrade", budget_factor=3))
    for before, after in zip(plain.loaded.scenario.checks, patient.loaded.scenario.checks, strict=True):
        told = before.model_dump(exclude_none=True)
        slower = {name for name in ("install", "ready", "stop", "within") if name in told}
        assert after.model_dump(exclude_none=True) == told | {name: 3 * told[name] for name in slower}
        assert bool(slower) == (before.check in {"durations", "refusal"})
    assert patient.timeouts == plain.timeouts


def test_a_product_is_watched_for_as_long_as_it_may_take_to_refuse() -> None:
    seconds = {
        step.because: step.seconds
        for step in draft(Wish("upgrade", budget_factor=6)).loaded.scenario.steps
        if isinstance(step, RefuseStep)
    }
    assert seconds == {"missing-setting": 60, "database-stopped": 40}


def test_a_command_line_of_a_run_gives_the_same_run_again() -> None:
    program, command, *words = shlex.split(repeat_command(FULL, 42))
    assert program.endswith("bin/lab")
    assert command == "run"
    assert parsed(words) == FULL


def test_a_command_line_says_what_was_asked_for_and_what_depends_on_machine_or_chance() -> None:
    words = shlex.split(repeat_command(Wish("upgrade"), 7))[1:]
    assert words == ["run", "upgrade", "--workers", "1", "--seed", "7"]
    assert parsed(words[1:]) == Wish("upgrade", seed=7)


def test_a_published_port_is_repeated() -> None:
    wish = Wish("upgrade", host_port=8881, seed=1)
    assert parsed(shlex.split(repeat_command(wish, 1))[2:]) == wish


def test_made_up_secrets_are_the_same_for_the_same_seed_and_name_only() -> None:
    once = make_up(["api-key", "other"], 1)
    assert once == make_up(["api-key", "other"], 1)
    assert len({*once.values(), *make_up(["api-key", "other"], 2).values()}) == 4
    assert all(len(value) > 20 for value in once.values())


def test_another_port_is_one_that_no_version_has_and_reaches_all_that_is_written() -> None:
    drafted = draft(Wish("other-port", environments=("docker",), chosen={"port": ["own", "other"]}))
    own, other = (setting_of(drafted, cell, {}, {"api-key": "", DATABASE_SECRET: ""}) for cell in drafted.cells)
    assert (own.port("to"), other.port("to")) == (8881, 18880)
    assert other.scope("to")["port"] == "18880"
    assert "18880" in planned("other-port", environments=("docker",))


@pytest.mark.parametrize(("told", "skipped"), [("", True), ('configuration: {environment: {PORT: "{port}"}}', False),
                                               ('start: {argv: [a, "--port={port}"]}', False)])  # fmt: skip
def test_a_product_that_is_not_told_its_port_cannot_be_given_another(told: str, skipped: bool, tmp_path: Path) -> None:
    path = tmp_path / "product.yaml"
    path.write_text(
        "schema: 1\nname: sample\ntitle: A sample\nrelease: {from: '1', to: '1'}\nversions: {'1': {sources: [{source: "
        "package, requirement: a}]}}\ndatabases: {sqlite: {kind: sqlite, path: '{data}/a'}}\n"
        f"stop: {{signal: {{signal: SIGTERM}}}}\n{told}\n",
        "utf8",
    )
    (cell,) = draft(Wish("other-port", product=str(path), environments=("docker",))).cells
    assert cell.skip == ("sample 1 (to) declares no 'port.other'" if skipped else "")
