"""Where a running product may write, on histories made by hand."""

from typing import Any

from lab.checks.tidy import tidy
from lab.records.model import Finding
from lab.scenario.checks import TidyCheck

from .histories import Told, history, install, only, start

CHECK = TidyCheck(check="tidy")
FIRST = Told("survey", {"files": 10})


def survey(outcome: str = "done", reason: str = "", **facts: Any) -> Told:
    known = {"outside": [], "written": 3, "exempt": [], "not_compared": [], "truncated": False, "looked": ["all"]}
    return Told("survey", known | facts, outcome, reason)


def judged(told: Told) -> Finding:
    return only(tidy(history(FIRST, start(), told), CHECK))


def test_writing_into_its_own_folders_is_fine() -> None:
    assert judged(survey()).reason == "3 paths written, all in its own folders (looked at all)"
    assert judged(survey()).verdict == "pass"


def test_writing_elsewhere_breaks_the_promise_unless_it_is_exempt() -> None:
    assert judged(survey(outside=["/home/p/.x"])).verdict == "fail"
    exempt = [{"path": "/home/*/.x", "reason": "documented"}]
    assert judged(survey(outside=["/home/p/.x"], exempt=exempt)).verdict == "pass"
    assert judged(survey(outside=["/home/p/.x", "/home/p/.y"], exempt=exempt)).verdict == "fail"


def test_files_that_the_step_found_to_be_exempt_are_told_by_their_number() -> None:
    exempt = [{"path": "/home/*/.x", "reason": "documented", "used": 100}]
    found = judged(survey(exempt=exempt))
    assert found.verdict == "pass"
    assert found.reason.endswith("; 100 files as is allowed: /home/*/.x (documented)")


def test_what_was_not_seen_is_unknown() -> None:
    assert judged(Told("survey", {"files": 10})).verdict == "unknown"
    assert judged(survey(not_compared=["files"])).verdict == "unknown"
    assert judged(survey(truncated=True)).verdict == "unknown"


def test_only_what_the_running_product_wrote_is_judged() -> None:
    outside = survey(outside=["/home/p/.cache"])
    assert tidy(history(FIRST, install(), outside), CHECK) == []
    assert tidy(history(FIRST, install(), start(), outside), CHECK) == []
    assert tidy(history(FIRST, outside), CHECK) == []


def test_a_survey_that_is_skipped_answers_nothing() -> None:
    assert judged(survey("skipped", "an image")).verdict == "skipped"
