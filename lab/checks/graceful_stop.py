"""Was each stop graceful: alive before, the request in flight answered, in budget, right exit code, no SIGKILL?"""

from collections.abc import Iterator
from typing import Any

from lab.checks.base import failed, passed, unknown
from lab.history import History, StepRecord
from lab.records.model import Finding
from lab.scenario.checks import GracefulStopCheck

CLEAN_ERROR = range(500, 600)


def graceful_stop(history: History, _check: GracefulStopCheck) -> list[Finding]:
    """Judge every stop step; a stop of something that did not run is no graceful stop."""
    found = []
    for step in history.of_kind("stop"):
        if step.outcome == "failed" and "after" not in step.facts:
            found.append(failed(step, step.reason))
        elif "port_answers" in step.facts:
            broken, missing = list(_broken(step)), list(_missing(step))
            found += [failed(step, reason) for reason in broken]
            found += [unknown(step, reason) for reason in missing]
            flight = step.facts.get("in_flight")
            if not broken and not missing:
                with_flight = f", the request in flight answered {flight['status']}" if flight else ""
                code, seconds = step.facts["after"]["exit_code"], step.facts["seconds"]
                found.append(
                    passed(step, f"by {step.facts['way']}: exit code {code} after {seconds:.2f} s{with_flight}")
                )
    return found


def _broken(step: StepRecord) -> Iterator[str]:
    facts = step.facts
    if not facts["before"]["running"]:
        yield "the product was not running before the stop"
    if facts.get("request_problem"):
        yield f"the stop request was not taken: {facts['request_problem']}"
    flight = facts.get("in_flight")
    if flight is not None and not flight.get("unheld") and not _cut_short(facts):
        yield from _flight(flight, facts["promised_in_flight"])
    if facts["killed"] and not _cut_short(facts):
        yield f"still running {facts['budget']:g} s after {facts['way']}; it took SIGKILL"
    elif facts["seconds"] > facts["budget"]:
        yield f"took {facts['seconds']:.1f} s, its budget is {facts['budget']:g} s"
    if facts["after"]["oom_killed"]:
        yield "ended by the kernel for want of memory"
    code = facts["after"]["exit_code"]
    if not facts["killed"] and code is not None and code not in facts["promised_exit_codes"]:
        yield f"exit code {code} instead of {' or '.join(map(str, facts['promised_exit_codes']))}"
    if facts["port_answers"]:
        yield "something still answers on the port"


def _missing(step: StepRecord) -> Iterator[str]:
    """Say what was not measured although the verdict needs it."""
    facts = step.facts
    flight = facts.get("in_flight")
    if flight is None and step.parameters.get("in_flight"):
        yield "the definition names no request to be in flight"
    elif flight is not None and flight.get("unheld"):
        yield f"no request was in flight: {flight['unheld']}"
    elif flight is not None and not flight.get("arrived") and flight.get("problem") == "":
        yield "the request was answered before it could be seen that it was under way"
    elif flight is not None and flight.get("arrived"):
        if "problem" not in flight:
            yield "it was not recorded what became of the request in flight"
        elif flight.get("answered_after_stop", 0) < 0:
            yield "the request in flight had ended before the stop began"
    if _cut_short(facts):
        yield f"the lab killed it after {facts['seconds']:.1f} s, before its budget of {facts['budget']:g} s ended"
    if not facts["killed"] and facts["after"]["exit_code"] is None:
        yield "the environment does not tell the exit code"


def _cut_short(facts: dict[str, Any]) -> bool:
    """Whether the lab's own time-out ended the stop before the product's budget did."""
    return bool(facts["killed"] and facts["seconds"] < facts["budget"])


def _flight(flight: dict[str, object], promised: str) -> Iterator[str]:
    if not flight.get("arrived"):
        if flight.get("problem") == "":
            return  # it was answered well, only not seen under way: that is for the missing measurements to say
        yield f"{flight['request']} never got to where the lab holds it up, so no request was in flight"
        return
    problem, status = flight.get("problem"), flight.get("status")
    clean = isinstance(status, int) and status in CLEAN_ERROR
    if problem and not (promised == "clean-error" and clean):
        became = "dropped" if status is None else "not answered as promised"
        yield f"the request in flight was {became}: {problem}"
