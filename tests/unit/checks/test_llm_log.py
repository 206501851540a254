"""Does the product's log tell of a model's failure?"""

from typing import Any

import pytest

from lab.checks.llm_log import llm_log
from lab.history import History
from lab.records.model import Finding
from lab.scenario.checks import LlmLogCheck

from .conversations import answered, case, failing, faulted, held
from .histories import Facts, Told, history, only

LOG = {"stdout": 10, "stderr": 20, "missing": ""}


def asked(told: History) -> list[Finding]:
    return llm_log(told, LlmLogCheck(check="llm-log"))


def logged(lines: int, owed: int) -> Facts:
    return {"lines": lines, "owed": owed}


def failures(counted: Facts | None, **more: Any) -> History:
    return held(failing(faulted()), **{"log": LOG, "logged": counted, **more})


def test_without_conversations_nothing_passes() -> None:
    assert asked(history()) == []
    assert only(asked(history(Told("converse", {}, outcome="skipped", reason="none")))).verdict == "skipped"
    assert only(asked(history(Told("converse", {})))).verdict == "unknown"


def test_a_line_for_each_conversation_that_failed_passes() -> None:
    found = only(asked(failures({"openai": logged(2, 2), "cohere": logged(9, 3)})))
    assert found.verdict == "pass"
    assert found.reason == "the failures of 2 providers are told; the first: openai, 2 lines of log for 2 conversations"


@pytest.mark.parametrize("lines", [0, 1])
def test_fewer_fail_by_provider_with_both_numbers(lines: int) -> None:
    found = only(asked(failures({"openai": logged(2, 2), "cohere": logged(lines, 2)})))
    assert (found.verdict, found.reason) == (
        "fail", f"cohere: {lines} lines of log tell of failures in 2 conversations"
    )  # fmt: skip


def test_each_silent_provider_is_named() -> None:
    found = asked(failures({"openai": logged(0, 2), "cohere": logged(0, 1)}))
    assert [each.reason.partition(":")[0] for each in found] == ["openai", "cohere"]


def test_a_definition_that_does_not_describe_such_lines_is_not_asked() -> None:
    assert only(asked(failures(None))).verdict == "skipped"


@pytest.mark.parametrize("lines", [0, 5])
def test_a_log_that_is_not_whole_shows_nothing(lines: int) -> None:
    cut = {**LOG, "missing": "it was cut"}
    found = only(asked(failures({"openai": logged(lines, 1)}, log=cut)))
    assert (found.verdict, found.reason) == ("unknown", "the product's log is not whole: it was cut")


def test_a_record_without_counts_shows_nothing() -> None:
    assert only(asked(held(failing(faulted())))).verdict == "unknown"
    assert only(asked(held(failing(faulted()), log=LOG))).verdict == "unknown"
    assert only(asked(held(failing(faulted()), logged={"openai": logged(1, 1)}))).verdict == "unknown"


def test_where_nothing_went_wrong_there_is_nothing_to_tell() -> None:
    assert asked(held(case(answered()), log=LOG, logged=None)) == []
    assert asked(failures({})) == []
