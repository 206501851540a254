"""Whom the product asks, how often, and what it asks beside its conversations."""

from typing import Any

import pytest

from lab.checks.llm_routing import llm_routing
from lab.records.model import Finding
from lab.scenario.checks import LlmRoutingCheck

from .conversations import answered, case, failing, faulted, held
from .histories import Facts, Told, history, only

CHECK = LlmRoutingCheck(check="llm-routing")
SECOND = answered(1.2, turn=2)
STEPS = ("01-converse", "02-converse")


def judged(*cases: Facts, **more: Any) -> Finding:
    return only(llm_routing(held(*cases, **more), CHECK))


@pytest.mark.parametrize(
    "good",
    [
        case(answered()),
        case(answered(), SECOND, mode="tools"),
        case(answered(), mode="tools"),  # a gateway passes the call on
        case(answered(turn=4), answered(1.2, turn=5), mode="tools"),  # what was said before is told, too
        failing(faulted(1), answered(2.2)),
        failing(faulted(1), answered(2.2), answered(2.4, turn=2), mode="tools"),
        failing(faulted(1), faulted(2.2), faulted(4)),
        case(answered(outcome="client-disconnected"), answered(1.2)),
    ],
)
def test_one_answer_for_each_turn_is_as_it_should_be(good: Facts) -> None:
    assert judged(good).verdict == "pass"


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (case(answered(1), answered(1.2), answered(1.4)), "asked the model 3 times for one answer"),
        (case(answered(1), answered(1.2, turn=2)), "asked the model 2 times for one answer"),
        (failing(faulted(1), answered(2.2), answered(2.4)), "asked the model 2 times for one answer"),
        (case(answered(), answered(1.2), SECOND, mode="tools"), "asked the model 2 times for one answer (turn 1)"),
        (case(answered(), SECOND, SECOND, mode="tools"), "asked the model 2 times for one answer (turn 2)"),
        (
            case(answered(), SECOND, answered(1.4, turn=3), mode="streamed-tools"),
            "a stream was not asked for",
        ),
        (
            case(answered(), SECOND, answered(1.4, turn=3), mode="tools"),
            "asked the model 3 times for a call and an answer",
        ),
    ],
)
def test_a_model_that_is_asked_again_for_what_it_answered_fails(wrong: Facts, reason: str) -> None:
    found = judged(wrong)
    assert (found.verdict, found.reason) == ("fail", f"openai, plain: {reason}")


def vectors(**more: Any) -> Facts:
    return answered(**{"endpoint": "embeddings", "model": "text-embedding-3-small", **more})


def test_what_is_asked_beside_a_conversation_must_be_named() -> None:
    both = case(vectors(), answered(1.2))
    assert judged(both, also=["embeddings"]).reason == "openai, plain: m, 1 request"
    found = judged(both, also=["moderations"])
    assert found.verdict == "fail"
    assert found.reason.endswith("openai was asked at 'embeddings', which the definition's 'also' does not name")


def test_a_model_that_only_its_vectors_were_asked_of_was_not_reached() -> None:
    assert judged(case(vectors()), also=["embeddings"]).reason == "openai, plain: it reached no model"


def test_what_is_named_is_asked_of_a_provider_of_the_definition() -> None:
    found = judged(case(vectors(provider="groq", outcome="unmatched"), answered(1.2)), also=["embeddings"])
    assert found.reason.endswith("groq was asked at 'embeddings', and is no provider of the definition")


def test_so_it_is_for_what_belongs_to_no_conversation() -> None:
    other = vectors(path="/v1/embeddings", asked="something else")
    assert judged(case(answered()), others=[other], also=["embeddings"]).verdict == "pass"
    verdicts = llm_routing(held(case(answered()), others=[other]), CHECK)
    assert [found.verdict for found in verdicts] == ["pass", "fail"]
    assert verdicts[1].reason == (
        "openai was asked at 'embeddings', which the definition's 'also' does not name: something else"
    )


@pytest.mark.parametrize("endpoint", ["chat", None])
def test_a_request_to_a_model_that_no_conversation_explains_fails(endpoint: str | None) -> None:
    other = answered(endpoint=endpoint, path="/v1/x", asked="a title?")
    verdicts = llm_routing(held(case(answered()), others=[other], also=["embeddings"]), CHECK)
    assert [found.verdict for found in verdicts] == ["pass", "fail"]
    assert verdicts[1].reason == "a request that no conversation explains: openai, /v1/x: a title?"


def test_a_conversation_that_goes_on_after_its_answer_fails_the_step_that_it_is_of() -> None:
    def told(*late: Facts) -> list[Finding]:
        steps = [Told("converse", {"cases": [case(answered(), word=word)]}) for word in ("one", "two")]
        more = {"t": 9.0, "event": "llm", "step": "", "unmatched": [], "missing": "", "late": list(late)}
        return llm_routing(history(*steps, more=[more]), CHECK)

    late = {"word": "two", "provider": "openai", "model": "m"}
    assert [each.verdict for each in told()] == ["pass", "pass"]
    found = told(late, late)
    assert [(each.verdict, each.step) for each in found] == [("pass", STEPS[0]), ("pass", STEPS[1]), ("fail", STEPS[1])]
    first = "openai, plain: openai was asked for m"
    assert found[-1].reason == f"2 requests came after the product had answered; the first: {first}"
