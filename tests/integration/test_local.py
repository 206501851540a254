"""On a machine without a container engine: real installers, real processes, and nothing left behind."""

import signal
import subprocess
import time
from pathlib import Path

import pytest

from lab import paths
from lab.environment.kinds import own_platform
from lab.environment.processes import table as processes
from lab.process import RUN_MARK
from lab.records.store import effective_status, list_runs, read_run
from tests.integration.program import LAB, Ended, lab, start_lab

SECONDS = 60.0
NOWHERE = "unix:///nowhere/engine.sock"


def alone(*arguments: str) -> Ended:
    """Run the lab where no engine answers."""
    return lab(*arguments, DOCKER_HOST=NOWHERE)


def left_here() -> list[str]:
    """Name the processes and folders of this test's runs."""
    runs = list(paths.runs().glob("*"))
    found = [processes.command_line(pid) for run in runs for pid in processes.marked(RUN_MARK, run.name[-32:])]
    return found + [str(place) for run in runs for place in run.glob(f"{paths.PLACES}/*")]


def eventually_nothing_left_here() -> list[str]:
    deadline = time.monotonic() + SECONDS
    while left_here() and time.monotonic() < deadline:
        time.sleep(0.1)
    return left_here()


@pytest.mark.parametrize("scenario", ["fresh-install", "port-in-use"])
def test_auto_is_local_and_says_so_in_plan_and_verdict(scenario: str) -> None:
    planned = alone("plan", scenario)
    assert planned.stdout.startswith("auto is local here: no container engine answers")
    ended = alone("run", scenario)
    assert ended.code == 0, ended.said
    verdict = ended.stdout.partition("\nPASS")[2]
    assert "auto is local here" in verdict
    assert "the environment local has no postgresql server beside the product" in ended.stdout
    assert ended.last_line.startswith("lab exit 0:")
    assert " skipped" in ended.last_line
    (run,) = list_runs()
    record = read_run(run)
    assert {cell.environment for cell in record.cells} == {"local"}
    assert {cell.platform for cell in record.cells} == {own_platform()}
    assert left_here() == []


def test_a_scenario_that_needs_an_engine_is_the_machines_fault() -> None:
    ended = alone("run", "docker")
    assert ended.code == 3
    assert "no container engine answers" in ended.said
    assert "Traceback" not in ended.said


def test_a_named_environment_never_falls_back_to_another() -> None:
    ended = alone("run", "upgrade", "--env", "docker")
    assert ended.code == 3
    assert "no container engine answers" in ended.said


def test_a_port_that_is_taken_is_no_fault_of_the_products() -> None:
    from lab.environment.processes.ports import Ports

    ports = Ports()
    taken = ports.reserve()
    ended = alone("run", "fresh-install", "--set", "stop=signal", "--port", str(taken))
    ports.close()
    assert ended.code == 3, ended.said
    assert f"the port {taken} is in use by another process" in ended.said


def test_a_kept_trial_stays_until_it_is_swept() -> None:
    ended = alone("run", "fresh-install", "--set", "database=sqlite", "--set", "stop=signal", "--keep", "always")
    assert ended.code == 0, ended.said
    kept = left_here()
    assert any("lab.llm_mock" in each for each in kept)
    assert "kept until" in alone("clean").stdout
    assert left_here() == kept
    asked = subprocess.run([LAB, "shell", "last"], input="ls", capture_output=True, text=True, check=False)
    assert "home" in asked.stdout.split()
    assert "removed" in alone("clean", "--kept").stdout
    assert left_here() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_takes_everything_down(number: signal.Signals) -> None:
    child = start_lab("run", "fresh-install", "--set", "stop=signal", DOCKER_HOST=NOWHERE)
    _await(child, "04-start")
    child.send_signal(number)
    said, _ = child.communicate(timeout=SECONDS)
    assert child.returncode == 128 + number, said
    assert left_here() == []


@pytest.mark.parametrize("step", ["01-install", "04-start", "09-exercise"])
def test_a_kill_leaves_nothing_for_long(step: str) -> None:
    child = start_lab("run", "fresh-install", "--set", "stop=signal", DOCKER_HOST=NOWHERE)
    _await(child, step)
    child.kill()
    child.communicate(timeout=SECONDS)
    assert eventually_nothing_left_here() == []
    (run,) = list_runs()
    assert effective_status(run) != "running"


def _await(child: "subprocess.Popen[str]", text: str) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        if text in line:
            return
    pytest.fail(f"the run was over before {text}")


def test_the_place_is_below_the_run_folder(tmp_path: Path) -> None:
    assert paths.place(tmp_path, "a" * 32, "cell.001.1").parent == tmp_path / "places"
