"""Was each stop graceful: alive before, the request in flight answered, in budget, right exit code, no SIGKILL?"""

from collections.abc import Iterator

from lab.checks.base import failed, passed, unknown
from lab.history import History, StepRecord
from lab.records.model import Finding
from lab.scenario.model import GracefulStopCheck

CLEAN_ERROR = range(500, 600)


def graceful_stop(history: History, _check: GracefulStopCheck) -> list[Finding]:
    """Judge every stop step; a stop of something that did not run is no graceful stop."""
    found = []
    for step in history.of_kind("stop"):
        if step.outcome == "failed" and "after" not in step.facts:
            found.append(failed(step, step.reason))
        elif "after" in step.facts:
            broken = list(_broken(step))
            found += [failed(step, reason) for reason in broken]
            flight = step.facts.get("in_flight")
            if not broken and flight is None and step.parameters.get("in_flight"):
                found.append(unknown(step, "the definition names no request to be in flight"))
            elif not broken:
                with_flight = f", the request in flight answered {flight['status']}" if flight else ""
                code, seconds = step.facts["after"]["exit_code"], step.facts["seconds"]
                found.append(
                    passed(step, f"by {step.facts['way']}: exit code {code} after {seconds:.2f} s{with_flight}")
                )
    return found


def _broken(step: StepRecord) -> Iterator[str]:
    facts = step.facts
    if facts.get("request_problem"):
        yield f"the stop request was not taken: {facts['request_problem']}"
    flight = facts.get("in_flight")
    if flight is not None:
        yield from _flight(flight, facts["promised_in_flight"])
    if facts["killed"]:
        yield f"still running {facts['budget']:g} s after {facts['way']}; it took SIGKILL"
    elif facts["seconds"] > facts["budget"]:
        yield f"took {facts['seconds']:.1f} s, its budget is {facts['budget']:g} s"
    if facts["after"]["oom_killed"]:
        yield "ended by the kernel for want of memory"
    code = facts["after"]["exit_code"]
    if not facts["killed"] and code not in facts["promised_exit_codes"]:
        yield f"exit code {code} instead of {' or '.join(map(str, facts['promised_exit_codes']))}"
    if facts["port_answers"]:
        yield "something still answers on the port"


def _flight(flight: dict[str, object], promised: str) -> Iterator[str]:
    if not flight.get("received_by_llm"):
        yield f"{flight['request']} never reached the LLM, so no request was in flight"
        return
    problem, status = flight.get("problem"), flight.get("status")
    clean = isinstance(status, int) and status in CLEAN_ERROR
    if problem and not (promised == "clean-error" and clean):
        yield f"the request in flight was dropped: {problem}"
