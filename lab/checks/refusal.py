"""Where it cannot work: does the product end by itself, soon, with an error code, and leave its data alone?"""

from collections.abc import Iterator
from typing import Any

from lab.checks.base import failed, first_line, passed, skipped, unknown
from lab.history import History, StepRecord
from lab.records.model import Finding
from lab.scenario.checks import RefusalCheck

CONDITIONS = {
    "missing-setting": "without the setting {case}",
    "port-in-use": "with {case} in use",
    "database-stopped": "with its database stopped",
    "skipped-version": "on {case}, from which it is not to be reached directly",
}
NEEDED = ("case", "exited", "exit_code", "healthy_after", "window", "seconds", "said")
"""Facts without which nothing can be said of a case."""
ENDED_BY_SIGNAL = range(129, 160)
"""Exit codes with which a shell and the engine tell that a signal ended a process."""


def refusal(history: History, check: RefusalCheck) -> list[Finding]:
    """Judge each start under conditions that must not hold."""
    found = []
    for step in history.of_kind("refuse"):
        if step.parameters.get("because") == "newer-data":
            continue  # whether it may work on them is for the check `rollback` to say
        cases = step.facts.get("cases", [])
        left_out = step.facts.get("left_out") or ([step.reason] if step.outcome == "skipped" else [])
        found += [skipped(step, reason) for reason in left_out]
        if not cases and step.outcome != "skipped":
            found.append(unknown(step, "it was not recorded how a start under such conditions went"))
        for case in cases:
            found += _judged(step, case, check.within)
    return found


def _judged(step: StepRecord, case: dict[str, Any], within: float) -> list[Finding]:
    if any(name not in case for name in NEEDED) or step.facts.get("because") not in CONDITIONS:
        return [unknown(step, f"it was not recorded how a start went: {case.get('case', '')}")]
    condition = CONDITIONS[step.facts["because"]].format(case=case["case"])
    broken, missing = list(_broken(step, case, within)), list(_missing(step, case, within))
    if broken or missing:
        found = [failed(step, f"started {condition}, it {reason}") for reason in broken]
        return found + [unknown(step, f"started {condition}: {reason}") for reason in missing]
    if not case["exited"]:
        recovered = f"was healthy {case['recovered_after']:.1f} s after its database was back"
        return [passed(step, f"started {condition}, it waited, did not say that it was healthy, and {recovered}")]
    naming = "naming it" if case.get("named") else "without naming it"
    said = f"ended with exit code {case['exit_code']} after {case['seconds']:.1f} s, {naming}"
    return [passed(step, f"started {condition}, it {said}")]


def _broken(step: StepRecord, case: dict[str, Any], within: float) -> Iterator[str]:
    if case.get("not_started"):
        yield f"could not be executed at all: {first_line(case['said'])}"
    elif case["healthy_after"] is not None:
        yield f"said to be healthy after {case['healthy_after']:.1f} s{_elsewhere(case)}"
    elif not case["exited"]:
        if step.facts["because"] == "database-stopped":  # waiting for a database is honest, if it ends with it
            if "recovered_after" in case and case["recovered_after"] is None:
                yield f"waited, but was not healthy within {case['window']:g} s of its database's return"
        elif case["window"] >= within:
            yield f"neither ended nor became healthy within {case['window']:g} s"
    else:
        yield from _ended_badly(case, within)
    before, after = case.get("tables_before"), case.get("tables_after")
    if before is not None and after is not None and before != after:
        changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        yield f"changed its database first: {len(changed)} tables ({', '.join(changed[:5])})"


def _ended_badly(case: dict[str, Any], within: float) -> Iterator[str]:
    code = case["exit_code"]
    if code == 0:
        yield f"ended with exit code 0, as though all were well: {first_line(case['said'])}"
    elif case.get("state", {}).get("oom_killed"):
        yield "was ended by the kernel for want of memory"
    elif code in ENDED_BY_SIGNAL:
        yield f"was ended by a signal (exit code {code}) and did not end by itself"
    elif case["seconds"] > within:
        yield f"took {case['seconds']:.1f} s to end with exit code {code}, its budget is {within:g} s"


def _missing(step: StepRecord, case: dict[str, Any], within: float) -> Iterator[str]:
    """Say what was not measured although the verdict needs it."""
    if case["exited"] and case["exit_code"] is None and not case.get("not_started"):
        yield "the environment does not tell the exit code"
    waited = not case["exited"] and case["healthy_after"] is None
    may_wait = step.facts["because"] == "database-stopped"
    if waited and may_wait and (not case.get("asked") or "recovered_after" not in case):
        yield "nobody asked whether it was healthy"
    if waited and not may_wait and case["window"] < within:
        yield f"it was watched for {case['window']:g} s only, and had {within:g} s to end"
    unseen = case.get("tables_before") is None or case.get("tables_after") is None
    if case.get("has_database") and unseen and step.facts["because"] != "database-stopped":
        yield "it could not be seen whether it left its data alone"


def _elsewhere(case: dict[str, Any]) -> str:
    """Say that the data which was there is not in use, if that is what became of it."""
    same = case.get("tables_before") == case.get("tables_after") is not None
    return ", and its database was not touched" if same else ""
