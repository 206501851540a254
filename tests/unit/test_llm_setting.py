"""What a product is given where it talks to models: dependencies, addresses, and a mock that knows what to expect."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from lab.lifecycle.install import install_commands
from lab.lifecycle.plan import plan
from lab.lifecycle.setting import Setting
from lab.planning import draft, planned_artifacts, setting_of
from lab.product.sources import Artifact, with_extra
from lab.wish import Wish


def setting(scenario: str, *, product: str | None = None) -> Setting:
    planned = draft(Wish(scenario, product=product, environments=("docker",)))
    return setting_of(planned, planned.cells[0], planned_artifacts(planned), {"api-key": "k", "master-key": "k"})


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("agents==1", "agents[llm]==1"),
        ("agents[db] >= 1", "agents[db,llm]>=1"),
        ("/srv/agents-1-py3-none-any.whl", "/srv/agents-1-py3-none-any.whl[llm]"),
        ("/opt/product/tree", "/opt/product/tree[llm]"),
    ],
)
def test_optional_dependencies_are_asked_for_as_installers_take_it(asked: str, wanted: str) -> None:
    assert with_extra(asked, "llm") == wanted
    assert with_extra(asked, "") == asked


def test_they_are_installed_where_the_product_converses_and_nowhere_else() -> None:
    argv = install_commands(setting("multi-llm"), "to", upgrade=False)[-1].argv
    assert argv[-1].endswith("[llm]")
    assert not install_commands(setting("fresh-install"), "to", upgrade=False)[-1].argv[-1].endswith("[llm]")


def test_a_lock_file_is_told_them_apart() -> None:
    tree = Artifact("tree", "0.2.0", "", "tree", Path("/src"), lock="uv.lock", extra="llm")
    locked = replace(setting("multi-llm"), artifacts={"to": tree})
    argv = install_commands(locked, "to", upgrade=False)[0].argv
    assert argv[:2] == ("uv", "sync")
    assert argv[argv.index("--extra") + 1] == "llm"


def test_every_product_that_talks_to_models_is_led_to_the_mock_in_every_scenario() -> None:
    found = setting("fresh-install").llm_variables("to")
    assert found["OPENAI_BASE_URL"] == "http://llm:8080/v1"
    assert found["ANTHROPIC_BASE_URL"].startswith("http://llm:8080")
    assert found["OPENAI_API_KEY"].startswith("sk-mock")
    assert "llm" in found["NO_PROXY"].split(",")
    assert setting("fresh-install").scope("to")["llm.settings"].count("\n") == len(found) - 1


def test_variables_of_its_own_are_added_where_it_converses() -> None:
    assert setting("multi-llm").llm_variables("to")["REFERENCE_LLM_TIMEOUT"] == "5"
    assert setting("multi-llm").llm_variables("to")["REFERENCE_MISTRAL_URL"] == "http://llm:8080/mistral"
    assert "REFERENCE_LLM_TIMEOUT" not in setting("fresh-install").llm_variables("to")


def test_a_product_that_talks_to_no_model_is_given_none_of_it() -> None:
    assert setting("outage", product="kinto").llm_variables("to") == {}


def test_a_plan_tells_the_conversations() -> None:
    told = [title for title, _ in plan(setting("multi-llm"))]
    assert any(
        re.fullmatch(r"hold 36 conversations with models, \d+ at a time, \d+ s each at most", each) for each in told
    )
