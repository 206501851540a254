"""Do the product's own tests pass, all of them, but for failures that its definition allows with a reason?"""

from collections.abc import Iterator
from typing import Any

from lab.checks.base import failed, first_line, passed, skipped, unknown
from lab.history import History, StepRecord
from lab.product.upkeep import matches
from lab.records.model import Finding
from lab.scenario.checks import SuiteCheck

COUNTS = ("tests", "failures", "errors", "skipped", "duplicates", "untold")
MOST_TOLD = 10
"""Failing tests that are told one by one."""
ROUNDING = 1e-9
"""A share such as 0.55 of 100 cannot be written exactly."""
BY_SIGNAL = range(129, 160)
"""Exit codes with which a shell and the engine tell that a signal ended a process."""


def suite(history: History, check: SuiteCheck) -> list[Finding]:
    """Judge each run of the product's own tests."""
    found = []
    for step in history.of_kind("suite"):
        facts = step.facts
        if step.outcome == "skipped":
            found.append(skipped(step, step.reason))
        elif step.outcome == "failed":
            found.append(failed(step, step.reason))
        elif facts.get("not_installed"):
            found.append(failed(step, f"what its own tests need cannot be installed: {facts['not_installed']}"))
        elif not facts.get("ended"):
            found.append(unknown(step, "it was not recorded how the product's own tests ended"))
        elif "counts" not in facts:
            found.append(_uncounted(step))
        elif any(name not in facts["counts"] for name in COUNTS) or "bad" not in facts or "expect" not in facts:
            found.append(unknown(step, "it was not recorded what the product's own tests gave"))
        else:
            found += _counted(step, check.min_rate)
    return found


def _uncounted(step: StepRecord) -> Finding:
    """Judge a run without a report; one that called itself a success may have written it to another place."""
    ended, why = step.facts["ended"], step.facts.get("unreadable", "it was not recorded why")
    last = first_line(str(step.facts.get("said", "")))
    said = f"its own tests {_how(ended)}, and nothing could be counted: {why}" + (f" (it said: {last})" if last else "")
    return unknown(step, said) if ended["exit_code"] == 0 else failed(step, said)


def _how(ended: dict[str, Any]) -> str:
    if ended["exit_code"] is None:
        return f"did not end within {ended['window']:g} s"
    return f"ended with exit code {ended['exit_code']}"


def _counted(step: StepRecord, min_rate: float) -> list[Finding]:
    counts, expect, ended = step.facts["counts"], step.facts["expect"], step.facts["ended"]
    allowed, broken = _sorted(step.facts["bad"], expect["allow_failures"])
    bad = counts["failures"] + counts["errors"]
    ran = counts["tests"] - counts["skipped"]
    judged = ran - len(allowed)
    good = ran - bad
    share = f"{good} of {judged} own tests passed ({_percent(good, judged)})" if judged else ""
    rate = share or "none of its own tests passed"
    problems = list(_problems(counts, ended, expect["min_tests"], ran, bad))
    if judged and good < min_rate * judged - ROUNDING:
        problems += [f"{rate}: {_told(test)}" for test in broken[:MOST_TOLD]]
        more = bad - len(allowed) - min(len(broken), MOST_TOLD)
        problems += [f"{rate}: {more} more failed"] if more else []
    if problems:
        return [failed(step, problem) for problem in problems]
    if not judged:
        return [unknown(step, f"{rate}: all {ran} that ran failed, as the definition allows")]
    return [passed(step, "; ".join([rate, *_remarks(counts, allowed, broken, expect["allow_failures"])]))]


def _problems(counts: dict[str, int], ended: dict[str, Any], min_tests: int, ran: int, bad: int) -> Iterator[str]:
    """Say what is wrong with the run as a whole."""
    code = ended["exit_code"]
    if code is None or code < 0 or code in BY_SIGNAL:
        yield f"its own tests {_how(ended)}, after {ran} of them"
    elif code != 0 and not bad and ran:
        yield f"its own tests {_how(ended)}, although the report tells no failure"
    if ran < min_tests:
        rest = f", {counts['skipped']} were skipped" if counts["skipped"] else ""
        yield f"{ran} of its own tests ran{rest}, and there must be {min_tests} at least; they {_how(ended)}"
    if counts["untold"]:
        yield f"the report's totals tell {counts['untold']} failures more than it has tests for"


def _sorted(bad: list[dict[str, str]], allowances: list[dict[str, str]]) -> tuple[list[Any], list[Any]]:
    """Return the failures that are allowed, each with its allowance, and the others."""
    allowed: list[Any] = []
    broken: list[Any] = []
    for test in bad:
        allowance = next((each for each in allowances if matches(each["test"], test["name"])), None)
        if allowance is None:
            broken.append(test)
        else:
            allowed.append((test, allowance))
    return allowed, broken


def _told(test: dict[str, str]) -> str:
    verb = "broke" if test["outcome"] == "error" else "failed"
    said = first_line(test.get("message", ""))
    return f"{test['name']} {verb}" + (f": {said}" if said else "")


def _remarks(
    counts: dict[str, int], allowed: list[Any], broken: list[Any], allowances: list[dict[str, str]]
) -> Iterator[str]:
    """Say of a run that passed what else is worth knowing."""
    if counts["skipped"]:
        yield f"{counts['skipped']} skipped"
    if counts["duplicates"]:
        yield f"{counts['duplicates']} with a name that another one has"
    if broken:
        yield f"failed: {', '.join(test['name'] for test in broken[:MOST_TOLD])}"
    for each in allowances:
        matched = sum(allowance == each for _, allowance in allowed)
        used = f"{matched} failed as is allowed" if matched else "nothing failed that had to be allowed"
        yield f"{used}: {each['test']} ({each['reason']})"


def _percent(good: int, of: int) -> str:
    """Write a share so that less than all never reads as all."""
    share = 100 * good / of
    return f"{share:.1f}%" if good == of or share < 99.95 else f"{share:.4f}%"  # noqa: PLR2004 - would be rounded up
