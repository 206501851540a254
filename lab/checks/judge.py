"""A history becomes verdicts: every declared check is asked, and whether the trial came to its end."""

from collections.abc import Callable
from typing import Any

from lab.checks.api_surface import api_surface
from lab.checks.base import first_line
from lab.checks.budgets import durations, memory
from lab.checks.calls import unexpected_calls
from lab.checks.configuration import configuration
from lab.checks.container import container
from lab.checks.data import data
from lab.checks.egress import egress
from lab.checks.exercise import exercise
from lab.checks.graceful_stop import graceful_stop
from lab.checks.health import health
from lab.checks.honest_health import honest_health
from lab.checks.install import install
from lab.checks.leaks import leaks
from lab.checks.leftovers import leftovers
from lab.checks.llm_answers import llm_answers
from lab.checks.llm_faults import llm_faults
from lab.checks.llm_keys import llm_keys
from lab.checks.llm_log import llm_log
from lab.checks.llm_retries import llm_retries
from lab.checks.llm_routing import llm_routing
from lab.checks.orphans import orphans
from lab.checks.private import private
from lab.checks.refusal import refusal
from lab.checks.rollback import rollback
from lab.checks.rows import rows
from lab.checks.suite import suite
from lab.checks.tidy import tidy
from lab.checks.unchanged import unchanged
from lab.checks.unit import unit
from lab.checks.version import version
from lab.history import History
from lab.records.model import CheckResult, Finding, Verdict, worst
from lab.scenario.model import Scenario

QUESTIONS: dict[str, Callable[[History, Any], list[Finding]]] = {
    "install": install,
    "health": health,
    "container": container,
    "version": version,
    "data": data,
    "exercise": exercise,
    "honest-health": honest_health,
    "refusal": refusal,
    "orphans": orphans,
    "rows": rows,
    "graceful-stop": graceful_stop,
    "api-surface": api_surface,
    "configuration": configuration,
    "suite": suite,
    "egress": egress,
    "leaks": leaks,
    "unit": unit,
    "private": private,
    "leftovers": leftovers,
    "tidy": tidy,
    "unchanged": unchanged,
    "rollback": rollback,
    "llm-answers": llm_answers,
    "llm-routing": llm_routing,
    "llm-faults": llm_faults,
    "llm-retries": llm_retries,
    "llm-log": llm_log,
    "llm-keys": llm_keys,
    "durations": durations,
    "memory": memory,
}


def judge(history: History, scenario: Scenario) -> list[CheckResult]:
    """Ask every check of the scenario, and `completed` of every trial; a check that crashes is an error."""
    results = [_completed(history, scenario), *unexpected_calls(history)]
    for check in scenario.checks:
        try:
            findings = QUESTIONS[check.check](history, check)
        except Exception as error:  # noqa: BLE001 - a broken check must not hide the others' answers
            reason = f"the check itself broke: {type(error).__name__}: {error}"
            findings = [Finding(verdict="error", reason=reason)]
        results.append(_summed(check.check, findings, history))
    return results


def conclude(results: list[CheckResult]) -> tuple[Verdict, str]:
    """Return the trial's verdict and its reason in one line."""
    verdict = worst(result.verdict for result in results)
    if verdict == "pass":
        kept = sum(result.verdict == "pass" for result in results)
        asked = [result for result in results if result.check != "completed"]
        if asked and all(result.verdict == "skipped" for result in asked):  # that steps end is no promise of a product
            return "skipped", f"{asked[0].check}: {first_line(asked[0].reason)}"
        return verdict, f"{kept} checks passed"
    of_kind = [result for result in results if result.verdict == verdict]
    # What a particular check says is worth more than that the trial broke off.
    told = next((result for result in of_kind if result.check != "completed"), of_kind[0])
    return verdict, f"{told.check}: {first_line(told.reason)}"


def _completed(history: History, scenario: Scenario) -> CheckResult:
    """Did every step come to its end? A step that is cut short by the product is the product's failure."""
    broken = history.went_wrong
    if broken is None:
        ran = {step.id for step in history.steps if step.outcome in {"done", "skipped"}}
        missing = [name for name in _step_ids(scenario) if name not in ran]
        if history.trouble:
            return CheckResult(check="completed", verdict="error", reason=history.trouble)
        if missing and not history.ended_early:
            reason = f"the history breaks off: {missing[0]} and {len(missing) - 1} later steps are not in it"
            return CheckResult(check="completed", verdict="error", step=missing[0], reason=reason)
        return CheckResult(check="completed", verdict="pass", reason=f"{len(ran)} steps came to their end")
    verdict: Verdict = "fail" if broken.outcome == "failed" else "error"
    reason = broken.reason or f"the step was cut short ({broken.outcome})"
    return CheckResult(check="completed", verdict=verdict, step=broken.id, reason=f"{broken.kind}: {reason}")


def _step_ids(scenario: Scenario) -> list[str]:
    return [f"{number:02d}-{step.step}" for number, step in enumerate(scenario.steps, start=1)]


def _summed(check: str, findings: list[Finding], history: History) -> CheckResult:
    if findings:
        verdict = worst(finding.verdict for finding in findings)
        told = [finding for finding in findings if finding.verdict == verdict]
        reason = told[0].reason + (f" (and {len(told) - 1} more)" if len(told) > 1 and verdict != "pass" else "")
        return CheckResult(check=check, verdict=verdict, step=told[0].step, reason=reason, findings=findings)
    broken = history.broken_off
    if broken is not None:
        return CheckResult(check=check, verdict="skipped", reason=f"not reached: {broken.kind} was the last step")
    if history.ended_early or history.trouble:
        reason = f"not reached: {history.ended_early or history.trouble}"
        return CheckResult(check=check, verdict="skipped", reason=reason)
    return CheckResult(check=check, verdict="unknown", reason="nothing was recorded that could answer this")
