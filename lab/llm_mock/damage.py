"""Spoiling what is said: the answer itself, how it is written, and refusing it."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from email.utils import formatdate

from lab.llm_mock.answer import Answer
from lab.llm_mock.fault import Fault, Kind
from lab.llm_mock.question import Question
from lab.llm_mock.wire.base import Family, Headers, Problem, Quota, Whole
from lab.llm_mock.wire.cut import cut

UNKNOWN = "_unknown"
RATE_LIMITED = 429
SERVER_ERROR = 500


def of(faults: Sequence[Fault], kind: Kind) -> Fault | None:
    """Return the first fault of a kind."""
    return next((fault for fault in faults if fault.kind == kind), None)


def place(fault: Fault, pieces: int) -> int:
    """Return after how many of the pieces a fault comes: after all of them where there are fewer than it says."""
    return pieces // 2 if fault.after is None else min(fault.after, pieces)


def spoilt(
    question: Question, answer: Answer, faults: Sequence[Fault], *, streamed: bool
) -> tuple[Answer, list[Fault]]:
    """Spoil what a model says; return also the faults that came to it, for an answer without calls has none to spoil.

    A stream is truncated where it is sent.
    """
    answer, given = cut(question, answer), []
    if (fault := of(faults, "bad-arguments")) and answer.calls:
        # Without its last character no JSON object is one.
        calls = tuple(replace(call, arguments=call.arguments.strip()[:-1] or "{") for call in answer.calls)
        answer = replace(answer, calls=calls)
        given.append(fault)
    if (fault := of(faults, "unknown-tool")) and answer.calls:
        first, *others = answer.calls
        answer = replace(answer, calls=(replace(first, name=_unoffered(question, first.name)), *others))
        given.append(fault)
    if (fault := of(faults, "truncate")) and not streamed:
        pieces = answer.pieces
        if (kept := place(fault, len(pieces))) < len(pieces):
            answer = replace(answer, text="".join(pieces[:kept]))
            given.append(fault)
    return answer, given


def _unoffered(question: Question, name: str) -> str:
    offered = {tool.name for tool in question.tools}
    name += UNKNOWN
    while name in offered:
        name += UNKNOWN
    return name


def rewritten(whole: Whole, faults: Sequence[Fault]) -> tuple[Whole, list[Fault]]:
    """Spoil an answer in one piece; return also the faults that came to it."""
    given = []
    if (fault := of(faults, "wrong-content-type")) is not None:
        whole = replace(whole, media_type="text/html; charset=utf-8")
        given.append(fault)
    if (fault := of(faults, "empty-body")) is not None:
        return replace(whole, body=b""), [*given, fault]
    if (fault := of(faults, "malformed-json")) is not None:
        whole = replace(whole, body=whole.body[: max(1, len(whole.body) // 2)])
        given.append(fault)
    return whole, given


def refusal(fault: Fault, family: Family, quota: Quota | None, clock: Callable[[], float] = time.time) -> Whole:
    """Write the error that a fault asks for, and when to come back; `clock` is for telling it as a date."""
    status = fault.status or SERVER_ERROR
    whole = family.error(problem(fault))
    headers = retry_headers(fault, clock)
    if status == RATE_LIMITED:
        told = quota or Quota(1000, 0, 100_000, 0, fault.retry_after or 1.0)
        headers = (*family.quota_headers(told), *headers)
    return with_headers(whole, headers)


def problem(fault: Fault) -> Problem:
    """Return what the provider complains of."""
    status = fault.status or SERVER_ERROR
    return Problem(
        status, fault.message or f"The mock was told to answer with status {status}.", retry_after=fault.retry_after
    )


def retry_headers(fault: Fault, clock: Callable[[], float] = time.time) -> Headers:
    """Say when to come back, and whether to: in whole seconds, in milliseconds, or as a date."""
    headers: list[tuple[str, str]] = []
    if fault.retry_after is not None:
        match fault.retry_after_form:
            case "seconds":
                headers.append(("retry-after", str(math.ceil(fault.retry_after))))
            case "ms":
                headers.append(("retry-after-ms", str(round(fault.retry_after * 1000))))
            case "date":
                headers.append(("retry-after", formatdate(math.ceil(clock() + fault.retry_after), usegmt=True)))
    if fault.retry_hint is not None:
        headers.append(("x-should-retry", "true" if fault.retry_hint else "false"))
    return tuple(headers)


def with_headers(whole: Whole, headers: Headers) -> Whole:
    """Add headers; they take the place of those of the same name."""
    names = {name.lower() for name, _ in headers}
    kept = tuple((name, value) for name, value in whole.headers if name.lower() not in names)
    return replace(whole, headers=(*kept, *headers))
