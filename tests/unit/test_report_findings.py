"""Each distinct finding is told once, with all places at which it was seen."""

import re
from typing import Any

from records_sample import POSTGRESQL, SQLITE, cell, check, run, trial

from lab.checks.judge import QUESTIONS
from lab.lifecycle.steps import RUN
from lab.records.model import CheckResult, Finding, RunRecord, StepResult, TrialResult, Verdict
from lab.report.findings import answers, short_names
from lab.report.meaning import deeds, promises
from lab.report.steps import places, times

STEPS: list[dict[str, Any]] = [
    {"step": "configure"},
    {"step": "install", "version": "from"},
    {"step": "verify"},
    {"step": "upgrade", "version": "to"},
    {"step": "verify"},
    {"step": "verify"},
]
UPGRADE = {"steps": STEPS}
BEFORE, AFTER = "before the upgrade, with 0.1.4", "after the upgrade, with 0.2.0"


def record(**changed: Any) -> RunRecord:
    return run(**({"resolved": UPGRADE, "cells": [cell(SQLITE), cell(POSTGRESQL)]} | changed))


def failing(step: str = "", reason: str = "gone", name: str = "data", verdict: Verdict = "fail") -> CheckResult:
    return check(verdict, name, Finding(verdict=verdict, step=step, reason=reason))


def seen(record: RunRecord, trials: list[TrialResult]) -> list[tuple[str, str, str]]:
    return [(answer.check, each.text, each.where) for answer in answers(record, trials) for each in answer.seen]


def test_each_step_knows_the_version_that_was_installed() -> None:
    found = places(record())
    assert [(place.version, place.when) for place in found.values()] == [
        ("", "before anything was installed"),
        ("", "before anything was installed"),
        ("0.1.4", "while installing 0.1.4"),
        ("0.1.4", BEFORE),
        ("0.2.0", "while upgrading from 0.1.4 to 0.2.0"),
        ("0.2.0", AFTER),
        ("0.2.0", AFTER),
    ]
    assert list(found)[:3] == ["00-prepare", "01-configure", "02-install"]


def test_without_an_upgrade_a_step_only_names_the_version() -> None:
    steps = [{"step": "install", "version": "to"}, {"step": "ready"}]
    assert places(run(resolved={"steps": steps}))["02-ready"].when == "with 0.2.0"


def test_a_run_whose_scenario_cannot_be_understood_still_has_findings() -> None:
    strange = record(resolved={"steps": "none"})
    assert seen(strange, [trial(verdict="fail", checks=[failing("03-verify")])]) == [("data", "gone", "at 03-verify")]
    assert places(record(resolved={"steps": [3, {"step": "install", "version": "new"}]}))["02-install"].version == "new"


def test_the_same_thing_in_several_steps_and_cells_is_one_finding() -> None:
    again = [Finding(verdict="fail", step=step, reason="gone") for step in ("05-verify", "06-verify")]
    trials = [
        trial(verdict="fail", cell=POSTGRESQL, checks=[check("fail", "data", *again)]),
        trial(verdict="fail", checks=[check("fail", "data", *again)]),
    ]
    assert seen(record(), trials) == [("data", "gone", f"{AFTER} (05-verify, 06-verify), in both cells")]


def test_a_finding_that_names_the_version_of_its_step_is_the_same_with_the_other_version() -> None:
    both = [
        Finding(verdict="fail", step="03-verify", reason="version 0.1.4: cannot log in"),
        Finding(verdict="fail", step="05-verify", reason="version 0.2.0: cannot log in"),
        Finding(verdict="fail", step="06-verify", reason="version 0.1.4: is not what was installed"),
    ]
    told = seen(record(cells=[cell()]), [trial(verdict="fail", checks=[check("fail", "exercise", *both)])])
    assert told == [
        ("exercise", "cannot log in", f"{BEFORE} (03-verify) and {AFTER} (05-verify)"),
        ("exercise", "version 0.1.4: is not what was installed", f"{AFTER} (06-verify)"),
    ]


def test_points_of_one_reason_are_told_apart_where_they_were_seen_at_different_times() -> None:
    reasons = [
        Finding(verdict="fail", step="05-verify", reason="cannot be read back: a: is 0; b: is 1; c: is 2"),
        Finding(verdict="fail", step="06-verify", reason="cannot be read back: a: is 0; b: is 1"),
    ]
    (answer,) = answers(record(), [trial(verdict="fail", checks=[check("fail", "data", *reasons)])])
    assert [(each.head, each.points) for each in answer.seen] == [
        ("cannot be read back", ("c: is 2",)),
        ("cannot be read back", ("a: is 0", "b: is 1")),
    ]


def test_figures_of_different_trials_become_a_range_and_the_trials_are_counted() -> None:
    trials = [
        trial(number, "fail", checks=[failing("05-verify", f"took {number}.5 s", "durations")]) for number in (1, 2)
    ]
    told = seen(record(), [*trials, trial(3)])
    assert told == [("durations", "took 1.5 to 2.5 s", f"{AFTER} (05-verify), in 2 of 3 trials")]


def test_what_was_seen_only_when_tried_again_says_so() -> None:
    told = seen(record(), [trial(), trial(1, "fail", attempt=2, checks=[failing()])])
    assert told == [("data", "gone", "only when tried again")]


def test_failures_come_before_errors_and_unknowns_and_else_the_scenarios_order_counts() -> None:
    checks = [
        failing(name="install", verdict="unknown"),
        failing(name="version"),
        failing(name="data", verdict="error"),
        failing(name="api-surface"),
        check(name="rows"),
    ]
    found = answers(record(), [trial(verdict="fail", checks=checks)])
    assert [(answer.verdict, answer.check) for answer in found] == [
        ("fail", "version"),
        ("fail", "api-surface"),
        ("error", "data"),
        ("unknown", "install"),
    ]


def test_within_a_check_what_more_cells_showed_comes_first_and_an_unknown_last() -> None:
    mixed = [
        Finding(verdict="unknown", step="03-verify", reason="not measured"),
        Finding(verdict="fail", step="03-verify", reason="here only"),
        Finding(verdict="fail", step="06-verify", reason="everywhere"),
        Finding(verdict="pass", step="06-verify", reason="well"),
    ]
    trials = [
        trial(verdict="fail", checks=[check("fail", "data", *mixed)]),
        trial(verdict="fail", cell=POSTGRESQL, checks=[check("fail", "data", *mixed[2:])]),
    ]
    (answer,) = answers(record(), trials)
    assert [each.text for each in answer.seen] == ["everywhere", "here only", "not measured"]


def test_that_a_step_broke_off_is_told_only_where_no_check_says_what_went_wrong_in_it() -> None:
    broken = CheckResult(check="completed", verdict="fail", step="05-verify", reason="verify: gone")
    explained = trial(verdict="fail", checks=[broken, failing("05-verify")])
    elsewhere = trial(verdict="fail", checks=[broken, failing("03-verify")])
    assert [answer.check for answer in answers(record(), [explained])] == ["data"]
    assert [answer.check for answer in answers(record(), [elsewhere])] == ["completed", "data"]


def test_a_trial_without_a_check_that_says_why_tells_its_own_reason() -> None:
    assert seen(record(), [trial(verdict="error", checks=[], reason="the engine died")]) == [
        ("", "the engine died", "")
    ]


def test_what_a_torn_down_place_shows_is_no_finding() -> None:
    assert answers(record(), [trial(verdict="skipped", reason="interrupted", checks=[failing()])]) == []


def test_the_order_in_which_trials_end_makes_no_difference() -> None:
    trials = [
        trial(1, "fail", checks=[failing("03-verify", "a")]),
        trial(2, "fail", checks=[failing("05-verify", "b"), failing("05-verify", "c", "rows")]),
        trial(1, "fail", cell=POSTGRESQL, checks=[failing("05-verify", "b")]),
    ]
    assert answers(record(), trials) == answers(record(), trials[::-1])


def test_many_cells_are_counted() -> None:
    names = [f"upgrade/docker/{letter}" for letter in "abcdefgh"]
    trials = [trial(cell=name, verdict="fail", checks=[failing()]) for name in names[:7]]
    ((_, _, where),) = seen(record(cells=[cell(name) for name in names]), [*trials, trial(cell=names[7])])
    assert where == "in a, b, c, d and 3 more cells"


def test_cells_are_named_by_what_differs() -> None:
    assert short_names(["u/d/a/x", "u/d/b/x"]) == {"u/d/a/x": "a/x", "u/d/b/x": "b/x"}
    assert short_names(["u/d/a"]) == {"u/d/a": "a"}
    assert short_names([]) == {}


def test_the_time_of_each_step_is_the_median_of_first_attempts_beside_its_version() -> None:
    def ran(number: int, *seconds: float, attempt: int = 1) -> TrialResult:
        ids = [("02-install", "install"), ("05-verify", "verify")]
        steps = [
            StepResult(id=name, kind=kind, outcome="done", seconds=each)
            for (name, kind), each in zip(ids, seconds, strict=False)
        ]
        return trial(number, steps=steps, attempt=attempt)

    told = list(times(record(), [ran(1, 1, 5), ran(2, 2), ran(3, 9), ran(3, 100, attempt=2)]))
    assert [re.split("  +", line.strip()) for line in told[1:]] == [
        ["02-install", "0.1.4", "2.00", "to 9.00", "Install a version into the empty environment"],
        ["05-verify", "0.2.0", "5.00", "in 1 of 3", "Read the seeded data"],
    ]
    (_, alone) = times(record(), [ran(1, 1.0)])
    assert alone.split("  ")[-1] == "Install a version into the empty environment"
    assert list(times(record(), [])) == []


def test_every_check_and_step_of_the_language_has_words_for_the_reader() -> None:
    assert {*QUESTIONS, "completed", "calls"} == {name for name, text in promises().items() if text.endswith(".")}
    assert {*RUN, "prepare"} <= {name for name, text in deeds().items() if text}
