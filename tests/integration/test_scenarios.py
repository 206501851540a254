"""The main jobs, on real containers with real installers."""

import json
from xml.etree import ElementTree as ET

import pytest

from lab.planning import make_up
from lab.records.store import list_runs, read_run, read_trials
from tests.integration.program import lab, left_on_engine

pytestmark = pytest.mark.engine

LOGS = {"suite": set[str](), "systemd": {"journal.txt", "failed-units.txt", "unit.status.txt"}}
"""What there is of the product's own where it is not started, or not started in a container of its own."""


@pytest.mark.parametrize(
    "scenario",
    ["fresh-install", "upgrade", "docker", "outage", "port-in-use", "suite", "other-port", "systemd", "rollback"],
)
def test_a_shipped_scenario_passes_in_every_default_cell_and_leaves_nothing_behind(scenario: str) -> None:
    ended = lab("run", scenario, "--workers", "2", "--seed", "7")

    assert ended.code == 0, ended.said
    assert ended.last_line.startswith("lab exit 0: ")
    assert left_on_engine() == []
    (folder,) = list_runs()
    record, (trials, problems) = read_run(folder), read_trials(folder)
    assert record.status == "finished"
    assert record.exit is not None
    assert record.exit.code == 0
    assert record.seed == 7
    assert problems == []
    assert sorted(trial.cell for trial in trials) == sorted(cell.id for cell in record.cells)
    assert {trial.verdict for trial in trials} == {"pass"}
    # What has no meaning in a cell, such as stopping the server of a database that is a file, is skipped and no pass.
    skipped = {
        (trial.axes["database"], check.check) for trial in trials for check in trial.checks if check.verdict != "pass"
    }
    assert skipped <= {("sqlite", "honest-health")}
    assert all(version.digest.startswith("sha256:") for version in record.versions.values())
    for name in ("plan.txt", "junit.xml", "run.json"):
        assert (folder / name).stat().st_size > 0
    assert ET.parse(folder / "junit.xml").getroot().get("failures") == "0"  # noqa: S314 - written by the lab
    logs = {path.name for path in folder.glob("trials/*/*/*/logs/*")}
    started = LOGS.get(scenario, {"product-1.stderr", "product-1.state.json"})
    assert started | {"llm.stdout"} <= logs


def test_no_secret_of_the_run_stands_in_its_folder_and_the_key_really_was_used() -> None:
    ended = lab("run", "fresh-install", "--set", "stop=signal", "--set", "database=sqlite", "--seed", "11")

    assert ended.code == 0, ended.said
    secret = make_up(["api-key"], 11)["api-key"].encode()
    (folder,) = list_runs()
    written = [path for path in folder.rglob("*") if path.is_file()]
    assert len(written) > 10
    assert [path for path in written if secret in path.read_bytes()] == []
    events = next(folder.glob("trials/*/*/*/events.ndjson")).read_text("utf8")
    assert '"path": "/api/v1/agent/list", "status": 200' in events, "the key opened what only the key opens"


def test_trials_over_workers_are_all_counted_once_and_rates_say_k_of_n() -> None:
    ended = lab("run", "port-in-use", "--set", "database=sqlite", "--trials", "3", "--workers", "2")

    assert ended.code == 0, ended.said
    for _ in range(2):
        told = json.loads(lab("rates", "--format", "json").stdout)
        overall = told["rates"][-1]
        assert (overall["k"], overall["n"]) == (3, 3)
        assert lab("index").code == 0


def test_a_cell_whose_requirement_is_not_met_is_skipped_with_the_reason_and_nothing_ran() -> None:
    ended = lab("run", "upgrade", "--set", "stop=telegram")

    assert ended.code == 5, ended.said
    assert "declares no 'stop.telegram'" in ended.said
