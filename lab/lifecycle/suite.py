"""Step `suite`: run the product's own tests where it is installed, and read the report that they write."""

from dataclasses import asdict
from typing import Any

from lab.history import StepFailedError, StepSkippedError
from lab.lifecycle.install import check_machine, run_command
from lab.lifecycle.installers import Command
from lab.lifecycle.junit_report import UnreadableReportError, read_report
from lab.lifecycle.setting import Session
from lab.product.suite import Suite
from lab.scenario.steps import SuiteStep
from lab.template import render

NO_SUITE = "the definition names no tests of the product's own"
EVIDENCE = "junit.xml"
"""Name under which the report lies in the step's folder."""


def suite(session: Session, _step: SuiteStep, facts: dict[str, Any]) -> None:
    """Install what the product's own tests need, run them once, and count what their report tells.

    Tests that fail are recorded; what that is worth, the check says. Raises StepSkippedError where there are none,
    StepFailedError where no report could be written, and DiskFullError or IndexUnavailableError where the machine kept
    them from being installed.
    """
    wanted = session.definition.suite
    if wanted is None:
        raise StepSkippedError(NO_SUITE)
    if session.setting.as_image:
        raise StepSkippedError("the product runs from an image of its own, in which its tests are not installed")
    facts |= {"version": session.definition.label, "expect": wanted.expect.model_dump()}
    session.environment.services.ready()  # they may need the database
    problem = _prepare(session, wanted)
    if problem:
        facts |= {"not_installed": problem, "problem": problem}
        return
    path = render(wanted.junit, session.scope())
    _forget(session, path)
    _run(session, wanted, facts)
    _read(session, path, facts)


def _prepare(session: Session, wanted: Suite) -> str:
    """Run the commands that fetch what the tests need; return the last words of one that failed."""
    timeout = session.setting.timeouts.install
    for argv in wanted.install:
        result = run_command(session, _command(session, wanted, argv), timeout=timeout, network=True, installed=True)
        if not result.ok:
            check_machine(result, f"what the tests of {session.definition.label} need")
            if result.timed_out:
                return f"'{' '.join(argv):.200}' did not end within {timeout:g} s"
            return f"'{' '.join(argv):.200}' ended with exit code {result.exit_code}: {result.tail(3)}"
    return ""


def _command(session: Session, wanted: Suite, argv: list[str]) -> Command:
    scope = session.scope()
    return Command(tuple(render(argv, scope)), render(wanted.directory, scope), render(wanted.environment, scope))


def _forget(session: Session, path: str) -> None:
    """Remove the report of an earlier run: it would be counted if this one wrote none.

    Raises StepFailedError where it cannot be removed, such as a folder of that name.
    """
    removed = session.environment.run(["rm", "-f", "--", path], timeout=session.setting.timeouts.command)
    if not removed.ok:
        raise StepFailedError(f"what lies where the tests are to write their report cannot go: {removed.tail(3)}")


def _run(session: Session, wanted: Suite, facts: dict[str, Any]) -> None:
    """Run the tests, once: one that passes when it is tried again did not pass."""
    timeout = session.setting.timeouts.suite
    result = run_command(session, _command(session, wanted, wanted.argv), timeout=timeout, installed=True)
    facts["argv"] = list(result.argv)
    facts["ended"] = {"exit_code": result.exit_code, "seconds": round(result.seconds, 3), "window": timeout}
    facts["said"] = result.tail(3)
    if not result.ok:
        facts["problem"] = f"the product's own tests ended with exit code {result.exit_code}"


def _read(session: Session, path: str, facts: dict[str, Any]) -> None:
    """Keep the report as evidence and count its tests."""
    data = session.environment.get(path)
    if data is None:
        facts["unreadable"] = f"there is no report at {path}"
        return
    folder = session.folder / "steps" / session.record.step_id
    folder.mkdir(parents=True, exist_ok=True)
    (folder / EVIDENCE).write_bytes(session.record.redact.bytes(data))
    try:
        report = read_report(data)
    except UnreadableReportError as reason:
        facts["unreadable"] = f"the report at {path} cannot be read: {reason}"
        return
    told = asdict(report)
    facts["bad"] = [{key: test[key] for key in ("name", "outcome", "message")} for test in told.pop("bad")]
    facts["counts"] = told
