"""What `lab doctor` says of a machine on which the other tests of this folder run."""

import json
from contextlib import closing
from typing import Any

import pytest

from lab.environment.images.making import Images
from lab.environment.images.platforms import platform_named
from tests.integration.program import client, lab, left_on_engine

pytestmark = pytest.mark.engine


def said(*words: str) -> dict[str, Any]:
    ended = lab("doctor", "--format", "json", *words)
    assert ended.code == 0, ended.said
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_where_an_engine_answers_docker_can_run_and_auto_means_it() -> None:
    found = said()
    able = {each["name"]: each["can_run"] for each in found["environments"]}
    assert able["docker"]
    assert able["local"]
    (engine,) = (each for each in found["answers"] if each["what"] == "engine")
    with closing(client()) as api:
        told = api.info()
    assert engine["verdict"] == "pass"
    assert told["ServerVersion"] in engine["found"]
    assert told["Driver"] in engine["found"]
    assert "auto     means docker here" in lab("doctor").stdout


@pytest.mark.alone  # it has to answer in time
def test_systemd_is_really_started_where_that_is_asked_for_and_nothing_of_it_stays() -> None:
    with closing(client()) as api:
        Images(api, print).machine(platform_named("debian-12"))
    found = said("--deep")
    (manager,) = (each for each in found["answers"] if each["what"] == "service manager")
    assert manager["verdict"] == "pass", manager
    assert manager["found"].startswith("tried: systemd was running after")
    assert left_on_engine() == []
