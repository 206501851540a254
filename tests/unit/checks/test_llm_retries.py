"""What counts as asking a failing provider again, and what is too early."""

from typing import Any

import pytest

from lab.checks.llm_retries import llm_retries
from lab.records.model import Finding
from lab.scenario.checks import LlmRetriesCheck

from .conversations import answered, failing, faulted, held
from .histories import Facts, only

CHECK = LlmRetriesCheck(check="llm-retries")


def judged(*cases: Facts, **more: Any) -> Finding:
    return only(llm_retries(held(*cases, **more), CHECK))


@pytest.mark.parametrize(
    "good",
    [
        failing(faulted(1), answered(2.2), answered(2.31)),
        failing(faulted(1), answered(2.2), answered(2.31, turn=2), mode="tools"),
        failing(faulted(1), faulted(1.11, turn=2), mode="streamed-tools", fault="malformed-chunk"),
        failing(faulted(1), answered(1.11, endpoint="embeddings"), faulted(1.5)),
    ],
)
def test_what_comes_after_an_answer_or_asks_for_something_else_is_no_retry(good: Facts) -> None:
    assert judged(good).verdict == "pass"


def test_vectors_that_are_asked_for_are_no_retries() -> None:
    vectors = [faulted(at, endpoint="embeddings") for at in (1.0, 1.2, 1.4, 1.6)]
    assert judged(failing(*vectors, faulted(2))).verdict == "pass"
    assert judged(failing(*vectors)).reason == "openai, plain: it reached no model"


@pytest.mark.parametrize(
    "fault", ["failing", "malformed-chunk"], ids=["nothing to go on with", "the same turn once more"]
)
def test_what_comes_after_a_failure_is_one_whatever_turn_it_says_it_is(fault: str) -> None:
    turn = 2 if fault == "failing" else 1
    tries = [faulted(1), *(faulted(at, turn=turn) for at in (2.0, 3.0, 4.0))]
    assert "asked again 3 times, and 2 times at most was promised" in judged(failing(*tries, fault=fault)).reason


def test_a_request_that_is_cut_off_by_its_sender_is_asked_again_after_a_pause() -> None:
    hurried = failing(faulted(1), answered(2.2, outcome="client-disconnected"), answered(2.31))
    assert "without a pause" in judged(hurried).reason


def test_a_retry_beside_the_request_that_failed_is_told_as_that() -> None:
    found = judged(failing(faulted(1, finished=9.0), faulted(6.5, finished=9.0), fault="hang"))
    assert (found.verdict, found.reason) == (
        "fail", "openai, plain: asked again 2.50 s before the earlier request had ended (retry 1)"
    )  # fmt: skip


def test_an_end_that_was_noted_a_little_late_is_no_overlap() -> None:
    found = judged(failing(faulted(1), faulted(1.095)))
    assert found.reason == "openai, plain: asked again 0.000 s after a failure, without a pause of 0.1 s (retry 1)"
