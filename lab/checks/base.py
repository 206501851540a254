"""Checks are pure functions of a history: no finding, no pass."""

from lab.history import StepRecord
from lab.records.model import Finding


def passed(step: StepRecord, reason: str) -> Finding:
    """The promise was seen to be kept."""
    return Finding(verdict="pass", step=step.id, reason=reason)


def failed(step: StepRecord, reason: str) -> Finding:
    """The product broke a promise."""
    return Finding(verdict="fail", step=step.id, reason=reason)


def unknown(step: StepRecord, reason: str) -> Finding:
    """A measurement is missing, and missing is never a pass."""
    return Finding(verdict="unknown", step=step.id, reason=reason)


def skipped(step: StepRecord, reason: str) -> Finding:
    """The question has no meaning in this cell."""
    return Finding(verdict="skipped", step=step.id, reason=reason)


def first_line(text: str) -> str:
    """Return the first line that says something."""
    return next((line for line in text.splitlines() if line.strip()), "")
