"""The workflows ask for little and name no cell, and the player does what a runner would."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import paths
from lab.matrix_jobs import github_matrix, wishes
from lab.planning import draft
from lab.scenario.load import scenario_names
from lab.wish import Wish

GITHUB = paths.CHECKOUT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
MAY_RUN = re.compile(
    r"make \S.*|\.ci/run|\.github/outcome .*"
    r'|matrix=\$\(\.venv/bin/lab plan --tag [a-z]+ --format github-matrix\)|echo "matrix=\$matrix" >> "\$GITHUB_OUTPUT"'
)


def workflow(path: Path) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(path.read_text("utf8"))
    return found


def steps(path: Path) -> Iterator[dict[str, Any]]:
    for job in workflow(path)["jobs"].values():
        yield from job["steps"]


def play(*words: str | Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, GITHUB / "play", *words],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "tiny.yml"
    path.write_text(text, "utf8")
    return path


def outcomes(said: str) -> dict[str, str]:
    """Return job and cell → result, as the player lists them last."""
    lines = said.partition("\nplayed\n")[2].splitlines()
    return {line.split(maxsplit=1)[1]: line.split()[0] for line in lines if line.startswith("  ")}


# -- the workflows ------------------------------------------------------------------------------------------------


def test_there_is_one_for_changes_and_one_for_nights() -> None:
    assert [path.stem for path in WORKFLOWS] == ["ci", "nightly"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_read_the_repository_and_no_more(path: Path) -> None:
    found = workflow(path)
    assert found["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in found["jobs"].values())
    assert "secrets" not in path.read_text("utf8")
    checkouts = [step for step in steps(path) if "checkout" in step.get("uses", "")]
    assert len(checkouts) == len(found["jobs"])
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_command_goes_through_make_or_the_labs_own_scripts(path: Path) -> None:
    commands = [line for step in steps(path) for line in step.get("run", "").splitlines()]
    assert commands
    assert [line for line in commands if not MAY_RUN.fullmatch(line)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_no_expression_stands_inside_a_command(path: Path) -> None:
    assert [step["run"] for step in steps(path) if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_no_cell_and_no_scenario_is_typed_into_a_workflow(path: Path) -> None:
    text = path.read_text("utf8")
    words = set(re.findall(r"[\w/~-]+", text))
    cells = {cell.id for name in scenario_names() for cell in draft(Wish(name)).cells}
    assert words.isdisjoint(cells)
    assert words.isdisjoint({*scenario_names()} - {"docker", "systemd"})
    assert not re.search(r"docker|systemd|sqlite|postgresql|debian-\d", text)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_job_has_a_time_limit_and_every_action_is_pinned(path: Path) -> None:
    assert all("timeout-minutes" in job for job in workflow(path)["jobs"].values())
    used = [step["uses"] for step in steps(path) if "uses" in step]
    assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", action) for action in used)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_the_run_folder_is_kept_whatever_the_outcome(path: Path) -> None:
    (job,) = (job for job in workflow(path)["jobs"].values() if "fromJSON" in str(job.get("strategy")))
    assert job["strategy"]["fail-fast"] is False
    (run,) = (step for step in job["steps"] if "run" in step)
    last = job["steps"][-1]
    assert "upload-artifact" in last["uses"]
    assert last["if"] == "always()"
    assert last["with"]["path"] == run["env"]["LAB_HOME"] + "/runs"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_matrix_entry_has_all_that_the_workflow_takes_from_it(path: Path) -> None:
    text = path.read_text("utf8")
    (tag,) = re.findall(r"--tag (\w+)", text)
    taken = set(re.findall(r"\$\{\{ matrix\.(\w+)", text)) - {"python"}
    for entry in json.loads(github_matrix(wishes(Wish(""), tag)))["include"]:
        assert taken <= set(entry)


# -- the player ---------------------------------------------------------------------------------------------------

TINY = """
name: tiny
on: [push]
jobs:
  plan:
    runs-on: here
    outputs: {matrix: "${{ steps.cells.outputs.matrix }}"}
    steps:
      - uses: actions/checkout@v4
      - id: cells
        run: |
          cells='{"name":"good","code":0},{"name":"bad","code":3},{"name":"last","code":0}'
          echo 'matrix={"include":['"$cells"']}' >> "$GITHUB_OUTPUT"
  cells:
    needs: [plan]
    name: ${{ matrix.name }}
    runs-on: here
    strategy:
      fail-fast: false
      matrix: ${{ fromJSON(needs.plan.outputs.matrix) }}
    steps:
      - run: |
          mkdir -p "$HOME_OF_RUNS/runs"
          echo "$NAME" > "$HOME_OF_RUNS/runs/evidence"
          exit "$CODE"
        env: {HOME_OF_RUNS: "${{ runner.temp }}/lab", NAME: "${{ matrix.name }}", CODE: "${{ matrix.code }}"}
      - run: echo "after $NAME"
        env: {NAME: "${{ matrix.name }}"}
      - if: always()
        uses: actions/upload-artifact@v4
        with: {name: "${{ matrix.name }}", path: "${{ runner.temp }}/lab/runs"}
  afterwards:
    needs: [cells]
    runs-on: here
    steps: [{run: echo never}]
  outcome:
    if: always()
    needs: [cells, afterwards]
    runs-on: here
    steps:
      - run: echo "cells $CELLS, afterwards $AFTERWARDS"
        env: {CELLS: "${{ needs.cells.result }}", AFTERWARDS: "${{ needs.afterwards.result }}"}
"""


def test_a_failing_cell_fails_the_play_keeps_its_folder_and_stops_no_other_cell(tmp_path: Path) -> None:
    ended = play(written(tmp_path, TINY), "--keep", tmp_path)
    assert ended.returncode == 1
    assert outcomes(ended.stdout) == {
        "plan": "success",
        "cells: good": "success",
        "cells: bad": "failure",
        "cells: last": "success",
        "afterwards": "skipped",
        "outcome": "success",
    }
    kept = {path.parent.name: path.read_text("utf8") for path in tmp_path.glob("play-*/artifacts/*/evidence")}
    assert kept == {"good": "good\n", "bad": "bad\n", "last": "last\n"}
    assert "after good" in ended.stdout
    assert "after bad" not in ended.stdout
    assert "cells failure, afterwards skipped" in ended.stdout


def test_with_fail_fast_the_cells_after_a_failure_are_cancelled(tmp_path: Path) -> None:
    ended = play(written(tmp_path, TINY.replace("fail-fast: false", "fail-fast: true")), "--keep", tmp_path)
    assert outcomes(ended.stdout)["cells: last"] == "cancelled"


def test_a_play_in_which_all_goes_well_succeeds(tmp_path: Path) -> None:
    ended = play(written(tmp_path, TINY.replace('"code":3', '"code":0')), "--keep", tmp_path)
    assert ended.returncode == 0
    assert set(outcomes(ended.stdout).values()) == {"success"}


def test_one_job_is_played_with_those_whose_outputs_it_takes_and_with_as_many_cells_as_wanted(tmp_path: Path) -> None:
    ended = play(written(tmp_path, TINY), "--only", "cells", "--cells", "1", "--keep", tmp_path)
    assert ended.returncode == 0
    assert outcomes(ended.stdout) == {"plan": "success", "cells: good": "success"}


def test_a_step_that_takes_longer_than_the_job_may_fails_and_the_folder_is_kept(tmp_path: Path) -> None:
    slow = TINY.replace('exit "$CODE"', "sleep 600").replace(
        "    name: ${{ matrix.name }}\n    runs-on: here", "    name: ${{ matrix.name }}\n    timeout-minutes: 0.005"
    )
    ended = play(written(tmp_path, slow), "--only", "cells", "--cells", "1", "--keep", tmp_path)
    assert ended.returncode == 1
    assert "the job's time is up" in ended.stdout
    assert len([*tmp_path.glob("play-*/artifacts/good/evidence")]) == 1


def test_a_clone_is_a_checkout_of_its_own(tmp_path: Path) -> None:
    text = """
jobs:
  one:
    steps:
      - uses: actions/checkout@v4
      - run: test -f Makefile && test -d .git && touch made-here && pwd
  two:
    steps:
      - uses: actions/checkout@v4
      - run: test ! -e made-here
"""
    ended = play(written(tmp_path, text), "--clone", "--keep", tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert str(tmp_path) in ended.stdout
    assert not (paths.CHECKOUT / "made-here").exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("actions/checkout@v4", "somebody/else@v1", "the action 'somebody/else' cannot be played here"),
        ("${{ matrix.code }}", "${{ secrets.TOKEN }}", "'secrets.TOKEN' cannot be evaluated here"),
        ("${{ matrix.code }}", "${{ github.actor }}", "'github.actor' cannot be evaluated here"),
        ("${{ matrix.code }}", "${{ matrix.code == 3 }}", "the expression 'matrix.code == 3' cannot be evaluated here"),
        ("if: always()", "if: failure()", "the expression 'failure()' cannot be evaluated here"),
        ("${{ matrix.code }}", "${{ matrix.code }}-${{ env.CODE }}", "'env.CODE' cannot be evaluated here"),
        ("${{ matrix.code }}", "${{ matrix.code", "holds half an expression"),
        ("fail-fast: false", "max-parallel: 2", "strategy: 'max-parallel' cannot be played here"),
        ("    runs-on: here", "    container: debian", "'container' cannot be played here"),
        ("- run: echo", "- continue-on-error: true\n        run: echo", "'continue-on-error' cannot be played here"),
        ("needs: [plan]", "needs: [plans]", "needs the job 'plans', which is not there"),
    ],
)
def test_what_it_does_not_understand_it_refuses_before_anything_runs(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in TINY
    ended = play(written(tmp_path, TINY.replace(old, new)), "--keep", tmp_path)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "==" not in ended.stdout


def test_an_empty_matrix_is_no_success(tmp_path: Path) -> None:
    empty = TINY.replace("""['"$cells"']""", "[]")
    ended = play(written(tmp_path, empty), "--keep", tmp_path)
    assert ended.returncode == 2
    assert "the matrix is empty" in ended.stderr


def test_an_output_that_is_no_json_is_told_as_such(tmp_path: Path) -> None:
    ended = play(written(tmp_path, TINY.replace('matrix={"include"', "matrix={include")), "--keep", tmp_path)
    assert ended.returncode == 2
    assert "needs.plan.outputs.matrix is not JSON" in ended.stderr


def test_two_artifacts_of_one_name_are_refused_as_on_the_real_thing(tmp_path: Path) -> None:
    ended = play(
        written(tmp_path, TINY.replace('with: {name: "${{ matrix.name }}"', 'with: {name: "x"')), "--keep", tmp_path
    )
    assert outcomes(ended.stdout)["cells: last"] == "failure"
    assert "there is an artifact 'x' already" in ended.stdout


def test_hidden_files_are_kept_only_where_that_is_asked_for(tmp_path: Path) -> None:
    hiding = TINY.replace("/runs/evidence", "/runs/.evidence")
    play(written(tmp_path, hiding), "--only", "cells", "--cells", "1", "--keep", tmp_path)
    assert [*tmp_path.glob("play-*/artifacts/good/.evidence")] == []
    asked = hiding.replace('/lab/runs"}', '/lab/runs", include-hidden-files: true}')
    play(written(tmp_path, asked), "--only", "cells", "--cells", "1", "--keep", tmp_path)
    assert len([*tmp_path.glob("play-*/artifacts/good/.evidence")]) == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["plan=success", "cells=success"], 0),
        (["plan=success", "cells=failure"], 1),
        (["plan=success", "cells=skipped"], 1),
        (["plan=success", "cells=cancelled"], 1),
        (["plan="], 1),
        ([], 2),
    ],
)
def test_the_outcome_is_good_only_where_every_group_succeeded(words: list[str], code: int, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    ended = subprocess.run(
        [GITHUB / "outcome", *words],
        env={**os.environ, "GITHUB_STEP_SUMMARY": str(summary)},
        capture_output=True,
        check=False,
    )
    assert ended.returncode == code
    assert not words or f"| {words[0].partition('=')[0]} |" in summary.read_text("utf8")
