"""However a run is cut short, nothing stays behind, and what was written can be read."""

import json
import os
import random
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.locks import is_held
from lab.records.store import LOCK_FILE, effective_status, list_runs, read_run, read_trials
from tests.integration.program import eventually_nothing_left, lab, left_on_engine, start_lab

pytestmark = pytest.mark.engine

SEED = int(os.environ.get("LAB_TEST_SEED", "20261"))
"""Another one gives other moments; a failed test tells the one it had."""
LINES = {"fresh-install": (17, 36), "outage": (20, 42), "port-in-use": (9, 20)}
"""Lines that one trial and two in one cell of a scenario surely write before they are over."""
CELLS = (("fresh-install", "sqlite"), ("outage", "postgresql"), ("port-in-use", "sqlite"),
         ("fresh-install", "postgresql"), ("port-in-use", "postgresql"))  # fmt: skip
NEXT_AFTER = 4
"""The run after a killed one is tried at moments after every so many lines."""
LONGEST = 0.4
"""Seconds that pass at most between a line and the moment that is meant."""
SHORT = """
schema: 1
name: short
title: The shortest run in which a product works
versions: [to]
steps: [{step: install, version: to}, {step: configure, version: to}, {step: start}, {step: ready}]
checks: [{check: install}, {check: health}]
matrix: {axes: {database: [sqlite]}}
"""


@dataclass(frozen=True)
class Moment:
    """Some time after a line of a run's output, so that a slow machine has the same moments as a fast one."""

    scenario: str
    database: str
    line: int
    later: float
    trials: int = 2
    """Trials side by side."""

    def __str__(self) -> str:
        return f"{self.scenario}-{self.database}-{self.trials}-{self.line}-{self.later:.2f}-seed-{SEED}"

    def start(self) -> "subprocess.Popen[str]":
        stop = ("--set", "stop=signal") if self.scenario == "fresh-install" else ()
        chosen = ("--set", f"database={self.database}", *stop)
        return start_lab("run", self.scenario, *chosen, "--trials", str(self.trials), "--workers", "2")

    def await_in(self, child: "subprocess.Popen[str]") -> None:
        print(f"the moment is {self}; LAB_TEST_SEED={SEED} repeats it")
        assert child.stdout is not None
        for number in range(self.line):
            if not child.stdout.readline():
                pytest.fail(f"the run was over after {number} lines, before {self}")
        time.sleep(self.later)  # waits for nothing: any moment will do


def _moments(count: int, seed: int) -> list[Moment]:
    """Return moments that are spread over the whole of a run."""
    dice = random.Random(seed)  # noqa: S311 - moments, not secrets
    found = []
    for number in range(count):
        scenario, database = CELLS[number % len(CELLS)]
        trials = 1 + number % 2
        line = int((number + dice.random()) / count * LINES[scenario][trials - 1])
        found.append(Moment(scenario, database, line, dice.uniform(0, LONGEST), trials))
    return found


def _wait_for_output(child: "subprocess.Popen[str]", pattern: str) -> str:
    assert child.stdout is not None
    said = ""
    for line in child.stdout:
        said += line
        if re.search(pattern, line):
            return said
    raise AssertionError(f"never said {pattern}: {said}")


@pytest.mark.parametrize("moment", _moments(4, SEED + 1), ids=str)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_at_any_moment_ends_the_run_cleanly(number: signal.Signals, code: int, moment: Moment) -> None:
    child = moment.start()
    moment.await_in(child)
    child.send_signal(number)
    said, _ = child.communicate(timeout=60)

    assert child.returncode == code, said
    assert "Traceback" not in said
    assert said.strip().splitlines()[-1].startswith(f"lab exit {code}")
    assert left_on_engine() == []
    for folder in list_runs():
        record = read_run(folder)
        assert record.status == "interrupted"
        assert record.exit is not None
        assert record.exit.code == code
        assert {trial.verdict for trial in read_trials(folder).results} <= {"skipped", "pass"}
    assert eventually_nothing_left(20) == ([], [])


@pytest.mark.parametrize("moment", _moments(20, SEED), ids=str)
def test_after_a_kill_nothing_is_left_what_was_written_can_be_read_and_the_next_run_works(
    moment: Moment, tmp_path: Path
) -> None:
    child = moment.start()
    moment.await_in(child)
    child.kill()
    child.communicate(timeout=60)

    assert child.returncode == -signal.SIGKILL
    assert eventually_nothing_left(90) == ([], [])
    killed = list_runs()
    assert len(killed) <= 1
    ended = []
    for folder in killed:
        assert effective_status(folder) == "interrupted"
        assert not is_held(folder / LOCK_FILE)
        read = lab("report", "last")
        assert "Traceback" not in read.said
        assert read_run(folder).run_id[:12] in read.said
        ended += [trial for trial in read_trials(folder).results if trial.counts]
    assert len({(trial.cell, trial.trial, trial.attempt) for trial in ended}) == len(ended)
    assert {trial.verdict for trial in ended} <= {"pass"}
    assert _counted() == len(ended)
    if moment.line % NEXT_AFTER:
        return

    scenario = tmp_path / "short.yaml"
    scenario.write_text(SHORT, "utf8")
    following = lab("run", str(scenario))

    assert following.code == 0, following.said
    assert lab("index").code == 0
    assert _counted() == len(ended) + 1
    assert left_on_engine() == []


def _counted() -> int:
    """Return how many trials the rates count, all cells together."""
    told = lab("rates", "--format", "json")
    assert told.code in {0, 5}, told.said
    rows = json.loads(told.stdout)["rates"]
    return int(rows[-1]["n"]) if rows else 0


def test_pressing_ctrl_c_again_and_again_does_not_disturb_the_clean_up() -> None:
    child = start_lab("run", "fresh-install", "--set", "stop=signal", "--workers", "2")
    _wait_for_output(child, "00-prepare")
    for _ in range(5):
        child.send_signal(signal.SIGINT)
        time.sleep(0.05)
    said, _ = child.communicate(timeout=60)

    assert child.returncode == 130, said
    assert left_on_engine() == []


def test_sweeping_removes_what_a_dead_run_left_but_nothing_of_others() -> None:
    from lab import paths
    from lab.environment.containers import engine
    from tests.integration.program import client

    api = client()
    mine = {engine.RUN: "0" * 32, engine.TRIAL: "dead", engine.OWNER: paths.owner(), engine.ROLE: "net"}
    others = {**mine, engine.OWNER: "somebody-else", engine.TRIAL: "alive"}
    network = api.networks.create("lab-test-dead-net", labels=mine)
    foreign = api.networks.create("lab-test-foreign-net", labels=others)
    try:
        ended = lab("clean")

        assert ended.code == 0, ended.said
        assert "removed dead of run" in ended.stdout
        names = {found.name for found in api.networks.list()}
        assert network.name not in names
        assert foreign.name in names
    finally:
        foreign.remove()


def test_sweeping_leaves_a_selftest_alone_that_is_still_going_on() -> None:
    child = start_lab("selftest", "broken-metadata", "--clean", "1")
    _wait_for_output(child, "01-install")

    swept = lab("clean")

    said, _ = child.communicate(timeout=300)
    assert "goes on; left alone" in swept.stdout
    assert child.returncode == 0, said
    assert left_on_engine() == []


def test_a_kept_environment_stays_is_told_and_goes_when_asked() -> None:
    ended = lab("run", "fresh-install", "--set", "stop=signal", "--keep", "always")
    assert ended.code == 0, ended.said
    try:
        assert any("toolbox" in name for name in left_on_engine())
        assert "kept until" in lab("clean").stdout
        assert any("toolbox" in name for name in left_on_engine())
    finally:
        assert lab("clean", "--kept").code == 0
    assert left_on_engine() == []
