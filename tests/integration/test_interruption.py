"""However a run is cut short, nothing stays behind, and what was written can be read."""

import json
import random
import re
import signal
import subprocess
import time

import pytest

from lab.records.store import list_runs, read_run, read_trials
from tests.integration.program import eventually_nothing_left, lab, left_on_engine, start_lab

pytestmark = pytest.mark.engine

SEED = 20261
MOMENTS = sorted(random.Random(SEED).uniform(0.1, 9.0) for _ in range(8))  # noqa: S311 - moments, not secrets
ARGUMENTS = ("run", "fresh-install", "--set", "stop=signal,endpoint", "--workers", "2")


def _wait_for_output(child: "subprocess.Popen[str]", pattern: str) -> str:
    assert child.stdout is not None
    said = ""
    for line in child.stdout:
        said += line
        if re.search(pattern, line):
            return said
    raise AssertionError(f"never said {pattern}: {said}")


@pytest.mark.parametrize("moment", MOMENTS[::2])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_at_any_moment_ends_the_run_cleanly(number: signal.Signals, code: int, moment: float) -> None:
    child = start_lab(*ARGUMENTS)
    time.sleep(moment)
    child.send_signal(number)
    said, _ = child.communicate(timeout=60)

    if child.returncode == 0:
        pytest.fail(f"the run was over before {moment:.1f} s")
    assert child.returncode == code, said
    assert "Traceback" not in said
    assert said.strip().splitlines()[-1].startswith(f"lab exit {code}")
    assert left_on_engine() == []
    for folder in list_runs():
        record = read_run(folder)
        assert record.status == "interrupted"
        assert record.exit is not None
        assert record.exit.code == code
        assert {trial.verdict for trial in read_trials(folder).results} <= {"skipped"}
    assert eventually_nothing_left(20) == ([], [])


@pytest.mark.parametrize("moment", MOMENTS)
def test_after_a_kill_nothing_is_left_and_nothing_is_counted(moment: float) -> None:
    child = start_lab(*ARGUMENTS)
    time.sleep(moment)
    child.kill()
    child.communicate(timeout=60)

    assert eventually_nothing_left() == ([], [])
    for folder in list_runs():
        assert read_run(folder).status == "interrupted"
    assert lab("index").code == 0
    told = lab("rates", "--format", "json")
    assert told.code in {0, 5}
    ended = [trial for folder in list_runs() for trial in read_trials(folder).results if trial.counts]
    rows = json.loads(told.stdout)["rates"]
    assert (rows[-1]["n"] if rows else 0) == len(ended)


def test_pressing_ctrl_c_again_and_again_does_not_disturb_the_clean_up() -> None:
    child = start_lab(*ARGUMENTS)
    _wait_for_output(child, "00-prepare")
    for _ in range(5):
        child.send_signal(signal.SIGINT)
        time.sleep(0.05)
    said, _ = child.communicate(timeout=60)

    assert child.returncode == 130, said
    assert left_on_engine() == []


def test_sweeping_removes_what_a_dead_run_left_but_nothing_of_others() -> None:
    from lab import paths
    from lab.environment import engine
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
    child = start_lab("selftest", "broken-metadata")
    _wait_for_output(child, "01-install")

    swept = lab("clean")

    said, _ = child.communicate(timeout=120)
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
