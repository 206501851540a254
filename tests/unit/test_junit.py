from xml.etree import ElementTree as ET

import pytest
from records_sample import POSTGRESQL, RUN_ID, SQLITE, cell, check, run, trial

from lab.records.model import Finding, RunRecord, TrialResult, Verdict
from lab.report.junit import junit


def parsed(record: RunRecord, trials: list[TrialResult]) -> ET.Element:
    return ET.fromstring(junit(record, trials))  # noqa: S314 - our own text


def counts(element: ET.Element) -> tuple[int, ...]:
    return tuple(int(element.attrib[name]) for name in ("tests", "failures", "errors", "skipped"))


def cases(element: ET.Element) -> list[tuple[str, list[str]]]:
    return [(case.attrib["name"], [child.tag for child in case]) for case in element.iter("testcase")]


def test_each_cell_is_a_suite_and_each_check_of_each_attempt_a_case() -> None:
    first = trial(1, checks=[check(), check(name="data")])
    trials = [trial(2, "fail", attempt=2), first, trial(2, "fail"), trial(1, cell=POSTGRESQL)]
    root = parsed(run(cells=[cell(SQLITE), cell(POSTGRESQL)]), trials)
    assert [suite.attrib["name"] for suite in root] == [SQLITE, POSTGRESQL]
    assert cases(root[0]) == [
        ("trial 001: health", []),
        ("trial 001: data", []),
        ("trial 002: health", ["failure"]),
        ("trial 002 attempt 2: health", ["failure"]),
    ]
    assert {case.attrib["classname"] for case in root[0].iter("testcase")} == {SQLITE}
    assert (counts(root[0]), counts(root[1]), counts(root)) == ((4, 2, 0, 0), (1, 0, 0, 0), (5, 2, 0, 0))


@pytest.mark.parametrize(
    ("verdict", "element", "message"),
    [
        ("fail", "failure", "because of this"),
        ("error", "error", "because of this"),
        ("unknown", "skipped", "unknown: because of this"),
        ("skipped", "skipped", "because of this"),
    ],
)
def test_each_verdict_has_its_element(verdict: Verdict, element: str, message: str) -> None:
    root = parsed(run(), [trial(1, verdict, checks=[check(verdict, reason="because of this\nand that")])])
    (case,) = root.iter("testcase")
    (child,) = case
    assert (child.tag, child.attrib["message"]) == (element, message)
    assert int(root.attrib[{"failure": "failures", "error": "errors"}.get(element, element)]) == 1


def test_a_failure_tells_every_finding_with_its_step() -> None:
    findings = [
        Finding(verdict="fail", step="03-ready", reason="too slow"),
        Finding(verdict="pass", step="04-ready", reason="fast"),
        Finding(verdict="fail", reason="never again"),
    ]
    root = parsed(run(), [trial(1, "fail", checks=[check("fail", "durations", *findings)])])
    assert [element.text for element in root.iter("failure")] == ["03-ready: too slow\nnever again"]


@pytest.mark.parametrize("checks", [[], [check()], [check("skipped")]])
def test_a_verdict_that_no_check_explains_has_a_case_of_its_own(checks: list[object]) -> None:
    root = parsed(run(), [trial(1, "error", checks=checks, reason="the engine died")])
    assert cases(root)[-1] == ("trial 001", ["error"])
    assert [element.attrib["message"] for element in root.iter("error")] == ["the engine died"]
    assert counts(root)[0] == len(checks) + 1


def test_a_skipped_cell_is_a_skipped_case_and_a_missing_one_an_error() -> None:
    root = parsed(run(cells=[cell(SQLITE, "no database"), cell(POSTGRESQL)]), [])
    assert counts(root) == (2, 0, 1, 1)
    assert [element.attrib["message"] for element in root.iter("skipped")] == ["no database"]
    assert [element.attrib["message"] for element in root.iter("error")] == ["planned, but no result is stored"]


def test_the_times_of_the_cases_make_up_the_time_of_the_suite() -> None:
    trials = [trial(1, checks=[check(), check()]), trial(2, "error", checks=[], seconds=0.25)]
    root = parsed(run(), trials)
    assert [case.attrib["time"] for case in root.iter("testcase")] == ["12.500", "0.000", "0.250"]
    assert root[0].attrib["time"] == root.attrib["time"] == "12.750"
    assert root[0].attrib["timestamp"] == "2026-03-04T05:06:08"


def test_what_xml_cannot_hold_is_taken_out() -> None:
    reason = "\x1b[31mred\x1b[0m \x00\x08\x0c<&\"'> ]]> \udc80\ufffe\x85 ä €"
    result = trial(1, "fail", checks=[check("fail", reason=reason)], cleanup_problems=["left \x07behind"])
    root = parsed(run(), [result])
    (failure,) = root.iter("failure")
    assert failure.attrib["message"] == failure.text == "red <&\"'> ]]>  ä €"
    assert [element.text for element in root.iter("system-err")] == ["left behind"]


def test_the_suite_says_what_was_tested() -> None:
    root = parsed(run(), [trial(1)])
    told = {element.attrib["name"]: element.attrib["value"] for element in root.iter("property")}
    assert told["run"] == RUN_ID
    assert (told["version.from"], told["version.to"]) == ("0.1.4", "0.2.0")
    assert told["digest.to"] == "sha256:" + "b" * 64


def test_the_document_is_the_same_whatever_the_order_of_the_results() -> None:
    trials = [trial(1), trial(2, "fail"), trial(2, attempt=2), trial(1, cell=POSTGRESQL), trial(1, cell="a/b")]
    record = run(cells=[cell(POSTGRESQL), cell(SQLITE), cell("a/b")])
    assert junit(record, trials) == junit(record, trials[::-1])
    assert junit(record, trials).startswith('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ')
