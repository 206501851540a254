from collections.abc import Callable
from typing import Any

import pytest

from lab.checks.calls import unexpected_calls
from lab.checks.llm_answers import llm_answers
from lab.checks.llm_faults import llm_faults
from lab.checks.llm_keys import llm_keys
from lab.checks.llm_retries import llm_retries
from lab.checks.llm_routing import llm_routing
from lab.history import History
from lab.scenario.checks import LlmAnswersCheck, LlmFaultsCheck, LlmKeysCheck, LlmRetriesCheck, LlmRoutingCheck

from .histories import Facts, Told, history, only

WHOLE = "the whole answer, to its last word"
LOG = {"stdout": 2000, "stderr": 0, "missing": ""}
ANSWERS = LlmAnswersCheck(check="llm-answers")
ROUTING = LlmRoutingCheck(check="llm-routing")
FAULTS = LlmFaultsCheck(check="llm-faults")
RETRIES = LlmRetriesCheck(check="llm-retries")
KEYS = LlmKeysCheck(check="llm-keys")


def attempt(at: float = 1.0, *, took: float = 0.1, **more: Any) -> Facts:
    return {"received": at, "finished": at + took, "provider": "openai", "endpoint": "chat", "model": "m",
            "stream": False, "status": 200, "outcome": "answered", "rule": "r", "faults": [], "turn": 1,
            "pieces": None, **more}  # fmt: skip


def faulty(at: float = 1.0, **more: Any) -> Facts:
    return attempt(at, **{"outcome": "faulted", "faults": ["status"], "status": 429, **more})


def case(*attempts: Facts, **more: Any) -> Facts:
    return {"name": "openai, plain", "provider": "openai", "model": "m", "mode": "plain", "fault": None,
            "due": "answer", "wait": 0.0, "once": False, "whole": WHOLE, "claim": "answer", "text": WHOLE,
            "problem": "", "status": 200, "seconds": 0.2, "attempts": list(attempts), **more}  # fmt: skip


def failing(*attempts: Facts, **more: Any) -> Facts:
    told = {"fault": "failing", "due": "failure", "claim": "failure", "text": "", "problem": "success is False"}
    return case(*attempts, **{**told, **more})


def told(*cases: Facts, **more: Any) -> History:
    facts = {"cases": list(cases), "others": [], "keys": [], "unsearched": [], "log": LOG, "retries": 2, "budget": 8.0,
             **more}  # fmt: skip
    return history(Told("converse", facts))


ALL: list[tuple[Callable[..., Any], Any]] = [
    (llm_answers, ANSWERS), (llm_routing, ROUTING), (llm_faults, FAULTS), (llm_retries, RETRIES), (llm_keys, KEYS),
]  # fmt: skip


@pytest.mark.parametrize(("question", "check"), ALL)
def test_without_conversations_nothing_passes(question: Callable[..., Any], check: Any) -> None:
    assert question(history(), check) == []
    skipped = history(Told("converse", {}, outcome="skipped", reason="no models declared"))
    assert only(question(skipped, check)).verdict == "skipped"
    empty = history(Told("converse", {}))
    assert only(question(empty, check)).verdict == "unknown"


def test_an_answer_that_is_what_the_model_said_passes() -> None:
    assert only(llm_answers(told(case(attempt())), ANSWERS)).verdict == "pass"
    assert only(llm_answers(told(case(attempt(), whole=None, text="")), ANSWERS)).verdict == "pass"


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (case(attempt(), text="the whole answer, to its"), "not what the model said"),
        (case(attempt(), claim="failure", problem="HTTP 400"), "HTTP 400"),
        (case(attempt(), claim="late", text="", seconds=8.0), "no complete answer within 8.0 s"),
        (case(claim="failure", problem="no connection"), "no model was asked"),
        (case(), "and no model was asked"),
        (case(attempt(outcome="unmatched", turn=2), claim="failure"), "turn 2) was unmatched"),
    ],
)
def test_an_answer_that_is_not_fails_with_its_reason(broken: Facts, reason: str) -> None:
    found = only(llm_answers(told(broken), ANSWERS))
    assert found.verdict == "fail"
    assert reason in found.reason


def test_conversations_under_a_fault_are_left_to_the_other_checks() -> None:
    assert llm_answers(told(failing(faulty())), ANSWERS) == []


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (attempt(provider="groq"), "groq was asked for m, and not openai"),
        (attempt(model="other"), "the model other was asked, and not m"),
        (attempt(stream=True), "a stream was asked for"),
    ],
)
def test_what_goes_elsewhere_fails(wrong: Facts, reason: str) -> None:
    found = only(llm_routing(told(case(wrong)), ROUTING))
    assert (found.verdict, found.reason) == ("fail", f"openai, plain: {reason}")


def test_a_request_that_no_conversation_explains_fails() -> None:
    other = {"provider": "openai", "path": "/v1/models", "asked": ""}
    verdicts = [found.verdict for found in llm_routing(told(case(attempt()), others=[other]), ROUTING)]
    assert verdicts == ["pass", "fail"]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (failing(faulty(), claim="answer", text=""), "presented as an answer"),
        (failing(faulty(), claim="late"), "hung"),
        (failing(faulty(), claim="neither", problem="status 500 instead of 200"), "neither an answer nor a failure"),
        (failing(faulty(), due="answer"), "one failure of the provider was not got over"),
        (failing(faulty(), due="either", claim="answer", text="half"), "a broken answer presented as a whole one"),
    ],
)
def test_a_failing_model_that_is_not_told_as_such_fails(broken: Facts, reason: str) -> None:
    found = only(llm_faults(told(broken), FAULTS))
    assert found.verdict == "fail"
    assert reason in found.reason


@pytest.mark.parametrize(
    "good",
    [
        failing(faulty()),
        failing(faulty(), attempt(2.0), due="answer", claim="answer", text=WHOLE),
        failing(faulty(), due="either"),
        failing(faulty(), due="either", claim="answer", text=WHOLE),
    ],
)
def test_a_failing_model_that_is_told_or_got_over_passes(good: Facts) -> None:
    assert only(llm_faults(told(good), FAULTS)).verdict == "pass"


def test_a_product_without_retries_need_not_get_over_a_failure() -> None:
    assert only(llm_faults(told(failing(faulty(), due="answer"), retries=0), FAULTS)).verdict == "pass"


def test_a_fault_that_was_never_given_shows_nothing() -> None:
    assert only(llm_faults(told(failing(attempt())), FAULTS)).verdict == "unknown"


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (failing(faulty(1), faulty(2), faulty(3), faulty(4)), "asked again 3 times, and 2 times at most was promised"),
        (failing(faulty(1), faulty(2), once=True), "asked again 1 times, which cannot help"),
        (failing(faulty(1), faulty(1.11)), "without a pause of 0.1 s (retry 1)"),
        (failing(faulty(1), faulty(1.6), wait=1.0), "asked again 0.50 s after it was told to wait 1 s"),
    ],
)
def test_retries_too_often_or_too_early_fail(broken: Facts, reason: str) -> None:
    found = only(llm_retries(told(broken), RETRIES))
    assert found.verdict == "fail"
    assert reason in found.reason


def test_retries_in_their_time_pass_and_what_has_no_end_shows_nothing() -> None:
    good = failing(faulty(1), faulty(2.2), attempt(3.3), wait=1.0)
    assert only(llm_retries(told(good), RETRIES)).verdict == "pass"
    open_end = failing(faulty(1, finished=None), faulty(2.2))
    assert only(llm_retries(told(open_end), RETRIES)).verdict == "unknown"


def test_later_turns_of_a_conversation_are_no_retries() -> None:
    turns = [faulty(1), attempt(2.2), attempt(2.31, turn=2)]
    assert only(llm_retries(told(failing(*turns, mode="tools")), RETRIES)).verdict == "pass"


def test_a_key_in_the_log_fails_and_is_not_shown() -> None:
    found = only(llm_keys(told(case(attempt()), keys=[{"key": "sk-mock-ope…", "where": "standard error"}]), KEYS))
    assert (found.verdict, found.reason) == ("fail", "the key sk-mock-ope… stands in standard error")
    found = only(llm_keys(told(case(attempt()), keys=[{"secret": "api-key", "where": "standard error"}]), KEYS))
    assert (found.verdict, found.reason) == ("fail", "the secret api-key stands in standard error")
    found = only(llm_keys(told(case(attempt())), KEYS))
    assert (found.verdict, found.reason) == ("pass", "no key in 2.0 kB of log, none in an answer")


def test_an_empty_log_that_was_read_has_no_key() -> None:
    empty = {"stdout": 0, "stderr": 0, "missing": ""}
    assert only(llm_keys(told(case(attempt()), log=empty), KEYS)).verdict == "pass"


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"log": {**LOG, "missing": "it was cut"}}, "the product's log is not whole: it was cut"),
        ({"log": None}, "the product's log was not searched"),
        ({"unsearched": ["the answer to openai, plain"]}, "the answer to openai, plain was too long"),
    ],
)
def test_where_not_all_was_searched_nobody_knows_of_keys(facts: Facts, reason: str) -> None:
    found = only(llm_keys(told(case(attempt()), **facts), KEYS))
    assert found.verdict == "unknown"
    assert reason in found.reason


def test_a_key_that_was_found_fails_although_not_all_was_searched() -> None:
    facts = {"keys": [{"key": "sk-mock-ope…", "where": "x"}], "log": {**LOG, "missing": "it was cut"}}
    verdicts = [found.verdict for found in llm_keys(told(case(attempt()), **facts), KEYS)]
    assert verdicts == ["fail", "unknown"]


def test_an_answer_with_more_than_the_model_said_is_not_what_it_said() -> None:
    twice = case(attempt(), text=f"{WHOLE} {WHOLE}")
    assert only(llm_answers(told(twice), ANSWERS)).verdict == "fail"


def test_an_answer_under_a_fault_that_is_not_shown_proves_nothing() -> None:
    hidden = failing(faulty(), due="either", claim="answer", whole=None, text="")
    assert only(llm_faults(told(hidden), FAULTS)).verdict == "unknown"


def test_conversations_that_went_well_are_told_in_one_line() -> None:
    found = only(llm_answers(told(case(attempt()), case(attempt()), case(attempt())), ANSWERS))
    assert found.reason.startswith("3 conversations; the first: openai, plain: whole")


def test_without_the_whole_journal_nobody_knows_what_was_asked() -> None:
    lost = History.of([{"t": 0.0, "event": "llm", "step": "", "unmatched": [], "missing": "connection refused"}])
    (found,) = unexpected_calls(lost)
    assert (found.verdict, found.reason) == ("unknown", "the LLM mock's journal is not whole: connection refused")


def test_calls_that_nobody_expected_fail_a_trial() -> None:
    refused = {"provider": "cohere", "method": "POST", "path": "/v2/chat"}
    told_of = History.of([{"t": 0.0, "event": "llm", "step": "", "unmatched": [refused]}])
    (found,) = unexpected_calls(told_of)
    assert (found.check, found.verdict) == ("calls", "fail")
    assert "cohere POST /v2/chat" in found.reason
    assert unexpected_calls(History.of([{"t": 0.0, "event": "llm", "step": "", "unmatched": []}])) == []
