from pathlib import Path

import pytest

from lab.errors import ScenarioError
from lab.planning import draft
from lab.scenario.load import load_scenario
from lab.wish import Wish

SCENARIO = """
schema: 1
name: closed
title: Nothing outside is needed
versions: [to]
{network}
steps:
  - {{step: install, version: to}}
  - {{step: start}}
  - {{step: stop}}
checks:
  - {{check: egress{more}}}
"""


def written(folder: Path, network: str, more: str = "") -> str:
    path = folder / "closed.yaml"
    path.write_text(SCENARIO.format(network=network, more=more))
    return str(path)


@pytest.mark.parametrize("network", ["", "network: open"])
def test_on_an_open_network_egress_could_never_be_answered(tmp_path: Path, network: str) -> None:
    with pytest.raises(ScenarioError, match="only with 'network: sealed' is it seen what is asked for outside"):
        load_scenario(written(tmp_path, network))


def test_what_may_be_asked_for_needs_a_reason(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="reason"):
        load_scenario(written(tmp_path, "network: sealed", ", allow: [{name: a.example}]"))
    good = written(tmp_path, "network: sealed", ", allow: [{name: a.example, reason: it is looked up}]")
    assert load_scenario(good).scenario.network == "sealed"


def skips(kind: str) -> set[str]:
    cells = draft(Wish("sealed", environments=(kind,))).cells
    assert cells
    return {cell.skip for cell in cells if dict(cell.axes)["database"] == "sqlite"}


def test_an_environment_that_cannot_be_sealed_is_skipped_with_the_reason() -> None:
    assert skips("local") == {"the environment local cannot seal a network, nor see what is asked for"}


@pytest.mark.engine
@pytest.mark.parametrize("kind", ["docker", "systemd"])
def test_an_environment_that_can_be_sealed_is(kind: str) -> None:
    assert skips(kind) == {""}
