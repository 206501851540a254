"""The alarm rings for planted defects, and for nothing else."""

import json
import os
import random
import subprocess

import pytest

from lab import paths
from lab.checks.calls import CALLS
from lab.checks.judge import QUESTIONS
from lab.defects import Expectation, defect_names, defects_folder
from lab.yamlfile import load, validate
from tests.integration.program import lab, left_on_engine

CHECKS = 6
"""For so many checks a defect is planted here; `make selftest` plants all, with thirty clean trials and more."""


def seed() -> int:
    """Return what chooses: LAB_TEST_SEED, or the commit, so that each change tries others."""
    named = os.environ.get("LAB_TEST_SEED")
    if named:
        return int(named)
    asked = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=paths.CHECKOUT, capture_output=True, text=True, check=False
    )
    return int(asked.stdout[:8] or "0", 16)


def expectations() -> dict[str, Expectation]:
    return {name: validate(load(defects_folder() / name / "expect.yaml"), Expectation) for name in defect_names()}


def one_for_some_checks(number: int) -> list[str]:
    """Choose checks, and a defect for each of them."""
    dice = random.Random(number)  # noqa: S311 - a choice, not a secret
    by_check: dict[str, list[str]] = {}
    for name, expected in expectations().items():
        by_check.setdefault(expected.check, []).append(name)
    return [dice.choice(by_check[check]) for check in sorted(dice.sample(sorted(by_check), CHECKS))]


def test_every_check_has_a_planted_defect() -> None:
    assert {expected.check for expected in expectations().values()} == {*QUESTIONS, CALLS}
    assert len(defect_names()) >= 50


@pytest.mark.alone
@pytest.mark.engine
@pytest.mark.timeout(1500)
def test_planted_defects_are_caught_and_the_clean_product_passes() -> None:
    number = seed()
    chosen = one_for_some_checks(number)
    print(f"LAB_TEST_SEED={number} chooses {', '.join(chosen)}")
    ended = lab("selftest", *chosen, "--format", "json", "--workers", "2", "--clean", "1", seconds=1400)

    told = json.loads(ended.stdout)
    rows = told["rows"]
    assert [row["case"] for row in rows if not row["caught"]] == [], ended.said
    assert {row["case"].partition(" (")[0] for row in rows if row["planted"]} == set(chosen)
    assert sum(not row["planted"] for row in rows) == told["clean_trials"] > 0
    assert told["false_alarms"] == told["unanswered"] == 0
    assert 0 < told["false_alarm_bound"] < 1
    assert ended.code == 0, ended.said
    assert left_on_engine() == []
