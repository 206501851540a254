"""Products that talk to models: the reference product with every provider, and a gateway that nobody here wrote."""

from typing import Any, get_args

import pytest

from lab.history import History
from lab.product.llm import ProviderName
from lab.records.store import list_runs, read_trials
from tests.integration.program import lab, left_on_engine

EVERY_PROVIDER = set(get_args(ProviderName))
EVERY_MODE = {"plain", "stream", "tools", "streamed-tools"}
WHOLE_ANSWERS_SUFFER = {"rate-limit", "overloaded", "hang", "disconnect"}
STREAMS_SUFFER = {"rate-limit", "overloaded", "stall", "disconnect", "truncate", "malformed-chunk"}


def conversations() -> dict[str, list[dict[str, Any]]]:
    """Return the conversations of each trial of the only run, by its cell."""
    (folder,) = list_runs()
    found = {}
    for events in folder.glob("trials/*/*/*/events.ndjson"):
        steps = History.read(events).of_kind("converse")
        assert all(step.facts["others"] == step.facts["keys"] == [] for step in steps)
        found[events.parents[2].name.replace("~", "/")] = [case for step in steps for case in step.facts["cases"]]
    return found


def suffered(cases: list[dict[str, Any]], mode: str) -> set[tuple[str, str]]:
    """Return the providers and faults that conversations of a mode were about."""
    return {(case["provider"], case["fault"]) for case in cases if case["mode"] == mode and case["fault"] is not None}


@pytest.mark.engine
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("scenario", "cells"),
    [
        ("multi-llm", {"multi-llm/docker-debian-12/sqlite", "multi-llm/systemd-debian-12/sqlite"}),
        ("multi-llm-gateway", {"multi-llm-gateway/docker-debian-12"}),
    ],
)
def test_every_provider_is_reached_in_every_mode_and_nothing_else_is(scenario: str, cells: set[str]) -> None:
    ended = lab("run", scenario, seconds=800)

    assert ended.code == 0, ended.said
    assert left_on_engine() == []
    trials, _ = read_trials(list_runs()[0])
    assert {trial.cell for trial in trials} == cells
    assert {check.verdict for trial in trials for check in trial.checks} == {"pass"}
    for cell, cases in conversations().items():
        good = [case for case in cases if case["fault"] is None]
        assert {(case["provider"], case["mode"]) for case in good} == {
            (provider, mode) for provider in EVERY_PROVIDER for mode in EVERY_MODE
        }, cell
        assert all(case["claim"] == "answer" and case["attempts"] for case in good), cell


@pytest.mark.timeout(600)
def test_where_no_network_can_be_sealed_every_provider_fails_in_every_mode_in_every_way_that_matters() -> None:
    ended = lab("run", "multi-llm-open", "--env", "local", seconds=500)

    assert ended.code == 0, ended.said
    ((trial,), _) = read_trials(list_runs()[0])
    assert trial.verdict == "pass"
    (cases,) = conversations().values()
    for mode in EVERY_MODE:
        ways = STREAMS_SUFFER if "stream" in mode else WHOLE_ANSWERS_SUFFER
        wanted = {(provider, fault) for provider in EVERY_PROVIDER for fault in ways}
        assert suffered(cases, mode) >= wanted, mode
