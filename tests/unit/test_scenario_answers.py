"""Checks that their scenario's steps could never answer are refused where they stand."""

from pathlib import Path

import pytest

from lab.errors import ScenarioError
from lab.scenario.load import load_scenario

INSTALL = "{step: install, version: from}"
UPGRADE = "{step: upgrade, version: to}"


def faults(folder: Path, check: str, steps: str, *, more: str = "") -> list[str]:
    """Return the faults of a scenario with one check and these steps, a word or a mapping each."""
    listed = "".join(f"  - {word if word[:1] == '{' else f'{{step: {word}}}'}\n" for word in steps.split("; "))
    path = folder / "sample.yaml"
    head = f"schema: 1\nname: sample\ntitle: A sample\nversions: [from, to]\nchecks: [{{check: {check}}}]\n"
    path.write_text(f"{head}steps:\n{listed}{more}", "utf8")
    try:
        load_scenario(str(path))
    except ScenarioError as error:
        return [str(problem).removeprefix(f"{path}:") for problem in error.problems]
    return []


RUNNING = f"{INSTALL}; start"


@pytest.mark.parametrize(
    ("check", "steps", "missing", "enough"),
    [
        ("health", RUNNING, "no step 'ready'", "ready"),
        ("version", RUNNING, "no step 'inspect'", "inspect"),
        ("configuration", RUNNING, "no step 'inspect'", "inspect"),
        ("memory, max_mb: 9", RUNNING, "no step 'inspect'", "inspect"),
        ("exercise", RUNNING, "no step 'exercise'", "exercise"),
        ("honest-health", f"{RUNNING}; stop-database", "no step 'watch'", "{step: watch, until: unhealthy}"),
        ("refusal", INSTALL, "no step 'refuse'", "{step: refuse, because: port-in-use}"),
        ("graceful-stop", RUNNING, "no step 'stop'", "stop"),
        ("unit", RUNNING, "no step 'ready'", "ready"),
        ("private", RUNNING, "no step 'inspect'", "inspect"),
        ("suite", INSTALL, "no step 'suite'", "suite"),
        ("data", f"{RUNNING}; seed", "no step 'verify'", "verify"),
        ("data", RUNNING, "no step 'verify'", "seed; verify"),
        ("data", f"{RUNNING}; verify; seed", "nothing puts data in before the first 'verify'", ""),
        ("data", RUNNING, "", "{step: hook, call: 'a.py:b'}; verify"),
        ("data", RUNNING, "", "{step: stop, in_flight: true}; start; verify"),
        ("rows", f"{RUNNING}; ledger", "there must be two", "ledger"),
        ("orphans", f"{RUNNING}; stop", "no 'start' with 'under_init: true'", "{step: start, under_init: true}; stop"),
        ("orphans", f"{INSTALL}; {{step: start, under_init: true}}", "is followed by a 'stop'", "stop"),
        ("api-surface", f"{RUNNING}; inspect; inspect; stop", "stands between two", f"{UPGRADE}; start; inspect"),
        ("api-surface", f"{INSTALL}; {UPGRADE}; start; inspect", "stands between two steps 'inspect'", ""),
        ("durations", RUNNING, "give it a budget, one of install, ready, stop", ""),
        ("durations, stop: 1", RUNNING, "there is no step 'stop'", "stop"),
        ("durations, ready: 1", RUNNING, "there is no step 'ready'", "ready"),
        ("durations, install: 1", RUNNING, "", "ready"),
        ("version", f"{INSTALL}; {{step: upgrade, version: from}}; start; inspect", "there already", ""),
    ],
)
def test_a_check_needs_the_steps_that_answer_it(
    check: str, steps: str, missing: str, enough: str, tmp_path: Path
) -> None:
    if missing:
        (problem,) = faults(tmp_path, check, steps)
        assert problem.startswith("5:")
        assert missing in problem
    if enough:
        assert faults(tmp_path, check, f"{steps}; {enough}") == []


def test_an_images_check_needs_an_image_and_a_start_that_becomes_ready(tmp_path: Path) -> None:
    (problem,) = faults(tmp_path, "container", f"{RUNNING}; ready")
    assert "only with 'source: image'" in problem
    (problem,) = faults(tmp_path, "container", RUNNING, more="source: image\n")
    assert "there is no step 'ready'" in problem
    assert faults(tmp_path, "container", f"{RUNNING}; ready", more="source: image\n") == []


@pytest.mark.parametrize(
    ("within", "seconds", "good"),
    [("", 40, True), ("", 9, False), (", within: 9", 9, True), (", within: 50", 40, False)],
)
def test_a_refusal_is_watched_for_as_long_as_it_may_take(within: str, seconds: int, good: bool, tmp_path: Path) -> None:
    steps = f"{INSTALL}; {{step: refuse, because: port-in-use, seconds: {seconds}}}"
    found = faults(tmp_path, f"refusal{within}", steps)
    assert [problem[:2] for problem in found] == ([] if good else ["5:"])
    assert good or f"steps[1] watches it for {seconds} s only: lower 'within'" in found[0]
