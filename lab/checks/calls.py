"""Was any model asked for something that nobody expected? Told of every trial, and only where it was."""

from lab.history import History
from lab.records.model import CheckResult, Finding
from lab.wording import some

CALLS = "calls"
"""The check of every trial, which no scenario asks for."""
MOST_SHOWN = 3


def unexpected_calls(history: History) -> list[CheckResult]:
    """Return a failure where the LLM mock refused requests that the product was not said to make, else nothing.

    Where its journal was lost, nobody knows.
    """
    told = next((event for event in history.events if event["event"] == "llm"), None)
    if told is None:
        return []
    refused, missing = told["unmatched"], told.get("missing")
    if not refused and missing:
        reason = f"the LLM mock's journal is not whole: {missing}"
        return [CheckResult(check=CALLS, verdict="unknown", reason=reason)]
    if not refused:
        return []
    shown = ", ".join(
        f"{each['provider'] or 'nobody'} {each['method']} {each['path']}" for each in refused[:MOST_SHOWN]
    )
    reason = f"{some(len(refused), 'request')} to models that nobody expected: {shown}"
    finding = Finding(verdict="fail", reason=reason)
    return [CheckResult(check=CALLS, verdict=finding.verdict, reason=reason, findings=[finding])]
