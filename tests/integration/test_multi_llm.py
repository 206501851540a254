"""Products that talk to models: the reference product with every provider, and a gateway that nobody here wrote."""

from typing import get_args

import pytest

from lab.history import History
from lab.product.llm import ProviderName
from lab.records.store import list_runs, read_trials
from lab.scenario.llm import LlmFault
from tests.integration.program import lab, left_on_engine

EVERY_MODE = {"plain", "stream", "tools", "streamed-tools"}


def conversations() -> list[dict[str, object]]:
    """Return the conversations of the only trial of the only run."""
    (folder,) = list_runs()
    (events,) = folder.glob("trials/*/*/*/events.ndjson")
    steps = History.read(events).of_kind("converse")
    assert all(step.facts["others"] == step.facts["keys"] == [] for step in steps)
    return [case for step in steps for case in step.facts["cases"]]


@pytest.mark.engine
@pytest.mark.timeout(900)
@pytest.mark.parametrize("scenario", ["multi-llm", "multi-llm-gateway"])
def test_every_provider_is_reached_in_every_mode_and_nothing_else_is(scenario: str) -> None:
    ended = lab("run", scenario, "--env", "docker", seconds=800)

    assert ended.code == 0, ended.said
    assert left_on_engine() == []
    ((trial,), _) = read_trials(list_runs()[0])
    assert {check.verdict for check in trial.checks} == {"pass"}
    good = [case for case in conversations() if case["fault"] is None]
    assert {(case["provider"], case["mode"]) for case in good} >= {
        (provider, mode) for provider in get_args(ProviderName) for mode in EVERY_MODE
    }
    assert all(case["claim"] == "answer" and case["attempts"] for case in good)


@pytest.mark.timeout(600)
def test_where_no_network_can_be_sealed_the_same_is_asked_under_the_same_faults() -> None:
    ended = lab("run", "multi-llm-open", "--env", "local", seconds=500)

    assert ended.code == 0, ended.said
    ((trial,), _) = read_trials(list_runs()[0])
    assert trial.verdict == "pass"
    faults = {case["fault"] for case in conversations()} - {None}
    assert faults < set(get_args(LlmFault))
    assert {"rate-limit", "hang", "disconnect", "truncate"} <= faults
