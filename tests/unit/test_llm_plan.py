"""What a plan says of conversations: those that will be held, and the faults that will not be tried."""

from pathlib import Path

import pytest

from lab.lifecycle.plan import plan
from lab.planning import draft, planned_artifacts, setting_of
from lab.wish import Wish

PRODUCT = """\
schema: 1
name: sample
title: A sample
release: {from: "1", to: "1"}
versions: {"1": {sources: [{source: package, requirement: a}]}}
llm:
  providers: {bedrock: {model: a}, ollama: {model: b}}
  modes: {plain: {request: {method: POST, path: /a}}, tools: {request: {method: POST, path: /b}}}
  tool: {name: a}
  failure: {status: [500]}
  retries: 2
  budget: 8
"""
SCENARIO = """\
schema: 1
name: sample
title: A sample
versions: [to]
matrix: {environment: [docker]}
checks: [{check: llm-faults}]
steps:
  - {step: install, version: to}
  - {step: configure, version: to}
  - {step: start}
  - {step: ready}
  - {step: converse, %s}
"""


def told(folder: Path, wanted: str) -> tuple[str, list[str]]:
    """Return what a plan says of one step with conversations."""
    (folder / "product.yaml").write_text(PRODUCT, "utf8")
    (folder / "scenario.yaml").write_text(SCENARIO % wanted, "utf8")
    planned = draft(Wish(str(folder / "scenario.yaml"), str(folder / "product.yaml")))
    lines = plan(setting_of(planned, planned.cells[0], planned_artifacts(planned)))
    (found,) = [(title, said) for title, said in lines if "convers" in title]
    return found


def test_modes_that_are_asked_in_are_shown(tmp_path: Path) -> None:
    title, lines = told(tmp_path, "modes: [plain, tools, stream]")
    assert title == "hold 4 conversations with models, 8 at a time, 8 s each at most"
    assert lines == ["POST /a  # plain", "POST /b  # tools"]


def test_faults_are_shown_that_will_be_tried_and_told_which_will_not(tmp_path: Path) -> None:
    title, lines = told(tmp_path, "modes: [plain, stream], faults: [hang, stall, long-wait]")
    assert title.startswith("hold 3 conversations")
    assert lines == [
        "POST /a  # plain",
        "fault: hang",
        "fault: long-wait",
        "without the fault stall: the definition has none of the modes stream",
    ]


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ("modes: [stream]", "the definition has none of the modes stream"),
        ("modes: [stream], faults: [stall]", "stall: the definition has none of the modes stream"),
    ],
)
def test_a_step_without_conversations_says_why(wanted: str, reason: str, tmp_path: Path) -> None:
    assert told(tmp_path, wanted) == (f"converse ({reason})", [])
