"""What is to be said to a request: an answer, with what is to go wrong with it, or why there is none."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lab.llm_mock import damage
from lab.llm_mock.decision import Decision
from lab.llm_mock.families import known
from lab.llm_mock.fault import Fault
from lab.llm_mock.fixed import fixed
from lab.llm_mock.journal import Outcome
from lab.llm_mock.question import Question
from lab.llm_mock.quota import UNLIMITED, Quotas
from lab.llm_mock.rules.rulebook import Rulebook
from lab.llm_mock.wire.base import (
    Endpoint,
    Family,
    Problem,
    Quota,
    Received,
    RejectedError,
    Streamed,
    Whole,
    parse,
    to_json,
)

BODY_LIMIT = 10 * 1024 * 1024
_LOG = logging.getLogger(__name__)


@fixed
class Reply:
    """An answer as it is to be sent, `faults` being what is to go wrong, `given` what has gone wrong with its content.

    `error` is the kind of exception that kept the mock from answering: a defect of its own.
    """

    said: Whole | Streamed
    outcome: Outcome
    endpoint: Endpoint | None = None
    question: Question | None = None
    decision: Decision | None = None
    faults: tuple[Fault, ...] = ()
    given: tuple[Fault, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What a reply depends on beside the request."""

    rulebook: Rulebook
    quotas: Quotas | None = None


def reply(name: str, received: Received, context: Context, refused: RejectedError | None = None) -> Reply:
    """Reply to a request of the named family; what goes wrong in here becomes an error of the provider.

    `refused` is why its body was not taken.
    """
    try:
        return _reply(known(name).family, name, received, context, refused)
    except RejectedError as rejected:
        return Reply(known(name).family.error(rejected.problem), "rejected")
    except Exception as error:  # noqa: BLE001, no request may end the mock
        return defect(name, error)


def defect(name: str, error: Exception) -> Reply:
    """Reply that the mock itself has failed, and log how."""
    _LOG.error("llm-mock failed to answer", exc_info=error)
    message = f"The mock itself failed: {type(error).__name__}."
    try:
        said = known(name).family.error(Problem(500, message))
    except Exception:  # noqa: BLE001, it may be the family that is broken
        said = Whole(to_json({"error": {"message": message}}), 500)
    return Reply(said, "rejected", error=type(error).__name__)


def _reply(
    family: Family, name: str, received: Received, context: Context, refused: RejectedError | None
) -> Reply:  # fmt: skip
    finder = known(name).finder
    found = finder.find(received.method, received.path)
    if not isinstance(found, tuple) and received.method == "HEAD":
        found = finder.find("GET", received.path)
    if not isinstance(found, tuple):
        return _unrouted(family, received, sorted(found))
    endpoint, words = found
    if refused is not None:
        raise refused
    question = endpoint.read(received, _content(received), words)
    decision = context.rulebook.decide(received, question)
    if decision.unmatched:
        problem = Problem(400, "The mock is strict, and none of its rules takes this request.")
        said = damage.with_headers(family.error(problem), (("x-should-retry", "false"),))
        return Reply(said, "unmatched", endpoint, question, decision)
    quota, granted = None, True
    if context.quotas is not None and received.method == "POST":
        answer = decision.answer
        quota, granted = context.quotas.take(received, answer.input_tokens + answer.output_tokens)
    if quota is not None and not granted:
        refusal = damage.refusal(_over(quota), family, quota)
        return Reply(refusal, "rejected", endpoint, question, decision)
    return _answered(family, endpoint, question, decision, quota)


def _unrouted(family: Family, received: Received, methods: list[str]) -> Reply:
    status = 405 if methods else 404
    said = family.error(Problem(status, f"Invalid URL ({received.method} {received.path})"))
    if methods:
        said = damage.with_headers(said, (("allow", ", ".join(methods)),))
    return Reply(said, "unmatched")


def _content(received: Received) -> Mapping[str, Any]:
    if received.method != "POST":
        return {}
    return parse(received.body)


def _over(quota: Quota) -> Fault:
    limits = ((quota.requests, "requests"), (quota.tokens, "tokens"))
    told = " and ".join(f"{most} {what}" for most, what in limits if most != UNLIMITED)
    message = f"Rate limit reached: {told} are the most."
    return Fault("status", status=429, message=message, retry_after=quota.reset_seconds)


def _answered(
    family: Family, endpoint: Endpoint, question: Question, decision: Decision, quota: Quota | None
) -> Reply:  # fmt: skip
    faults, answer = decision.faults, decision.answer
    given: list[Fault] = []
    streamed = question.stream and endpoint.stream is not None
    said: Whole | Streamed
    if faults and (refused := damage.of(faults, "status")) is not None:
        refusal = damage.refusal(refused, family, quota)
        return Reply(refusal, "answered", endpoint, question, decision, faults, (refused,))
    if faults and endpoint.spoken:
        answer, given = damage.spoilt(question, answer, faults, streamed=streamed)
    said = endpoint.stream(question, answer) if streamed and endpoint.stream else endpoint.whole(question, answer)
    if quota is not None:
        said = replace(said, headers=(*said.headers, *family.quota_headers(quota)))
    if answer is not decision.answer:
        decision = replace(decision, answer=answer)
    return Reply(said, "answered", endpoint, question, decision, faults, tuple(given))
