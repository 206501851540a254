"""The conversations with models that a history tells of, for the checks that ask about them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lab.checks.base import passed, unknown
from lab.history import History, StepRecord
from lab.records.model import Finding

Case = Mapping[str, Any]


def held(history: History) -> Iterator[tuple[StepRecord, list[Case]]]:
    """Yield each step with conversations; a step without any has none of them in its record."""
    for step in history.of_kind("converse"):
        if step.outcome != "skipped":
            yield step, list(step.facts.get("cases") or [])


def unrecorded(step: StepRecord) -> Finding:
    """Say that a step ended without a record of what it is about."""
    return unknown(step, step.reason or "no conversation was recorded")


def whole(case: Case) -> bool:
    """Whether the product presented all that the model said, and nothing else; True where it shows no text."""
    return case.get("whole") is None or case["whole"] == str(case.get("text")).strip()


def summed(step: StepRecord, findings: Sequence[Finding]) -> list[Finding]:
    """Return what went wrong conversation by conversation, and what went well in one line."""
    good = [finding for finding in findings if finding.verdict == "pass"]
    rest = [finding for finding in findings if finding.verdict != "pass"]
    if not good:
        return rest
    first = good[0].reason
    return [*rest, good[0] if len(good) == 1 else passed(step, f"{len(good)} conversations; the first: {first}")]


def said(case: Case) -> str:
    """Return what the product made of it, in a few words."""
    match case["claim"]:
        case "answer":
            return f"answered '{str(case['text'])[:80]}'" if case["text"] else "answered without a text"
        case "late":
            return f"gave no complete answer within {case['seconds']:.1f} s"
        case _:
            return str(case["problem"])[:200]
