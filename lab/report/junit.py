"""A stored run as JUnit XML: a suite for each cell, a case for each check of each attempt."""

from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from lab.records.model import CellRecord, RunRecord, TrialResult, Verdict, worst
from lab.report.findings import cell_ids, told
from lab.report.wording import plain

ELEMENT: dict[Verdict, str] = {
    "fail": "failure",
    "error": "error",
    "unknown": "skipped",
    "skipped": "skipped",
}
COUNTS = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def junit(run: RunRecord, trials: Sequence[TrialResult]) -> str:
    """Return the document; the same records always make the same one."""
    root = ET.Element("testsuites", name=plain(f"{run.product} {run.scenario}"))
    planned = {cell.id: cell for cell in run.cells}
    ordered = sorted(trials, key=lambda result: (result.trial, result.attempt))
    for cell in cell_ids(run, trials):
        here = [result for result in ordered if result.cell == cell]
        suite = ET.SubElement(root, "testsuite", name=plain(cell), timestamp=_time(run, here))
        _properties(suite, run)
        for result in here:
            _attempt(suite, result)
        if not here:
            _not_run(suite, planned[cell])
        _count(suite, sum(result.seconds for result in here))
    _count(root, sum(result.seconds for result in trials))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _attempt(suite: ET.Element, result: TrialResult) -> None:
    """Add a case for each check; the first one bears the time of the whole attempt."""
    name = f"trial {result.trial:03d}" + (f" attempt {result.attempt}" if result.attempt > 1 else "")
    seconds, first = result.seconds, None
    for check in result.checks:
        text = "\n".join(
            f"{finding.step}: {finding.reason}" if finding.step else finding.reason for finding in told(check)
        )
        case = _case(suite, f"{name}: {check.check}", seconds, check.verdict, check.reason, text)
        seconds, first = 0.0, case if first is None else first
    if not result.checks or worst(check.verdict for check in result.checks) != result.verdict:
        case = _case(suite, name, seconds, result.verdict, result.reason, result.reason)
        first = case if first is None else first
    if result.cleanup_problems and first is not None:
        ET.SubElement(first, "system-err").text = plain("\n".join(result.cleanup_problems))


def _not_run(suite: ET.Element, cell: CellRecord) -> None:
    """Add one case for a cell without results: skipped for a reason, or missing, which is the lab's error."""
    if cell.skip:
        _case(suite, "cell", 0.0, "skipped", cell.skip, "")
    else:
        _case(suite, "cell", 0.0, "error", "planned, but no result is stored", "")


def _case(suite: ET.Element, name: str, seconds: float, verdict: Verdict, reason: str, text: str) -> ET.Element:
    case = ET.SubElement(suite, "testcase", classname=suite.attrib["name"], name=plain(name), time=f"{seconds:.3f}")
    if verdict == "pass":
        return case
    told_first = plain(reason).partition("\n")[0]
    message = f"unknown: {told_first}" if verdict == "unknown" else told_first
    element = ET.SubElement(case, ELEMENT[verdict], message=message)
    if verdict != "skipped":
        element.set("type", verdict)
        element.text = plain(text)
    return case


def _properties(suite: ET.Element, run: RunRecord) -> None:
    holder = ET.SubElement(suite, "properties")
    facts = {"run": run.run_id, "product": run.product, "seed": str(run.seed)}
    facts |= {f"version.{slot}": version.label for slot, version in sorted(run.versions.items())}
    facts |= {f"digest.{slot}": version.digest for slot, version in sorted(run.versions.items())}
    for name, value in facts.items():
        ET.SubElement(holder, "property", name=plain(name), value=plain(value))


def _count(element: ET.Element, seconds: float) -> None:
    """Write the sums that readers of the format take from the element itself."""
    element.set("tests", str(len(list(element.iter("testcase")))))
    for attribute, kind in COUNTS.items():
        element.set(attribute, str(sum(case.find(kind) is not None for case in element.iter("testcase"))))
    element.set("time", f"{seconds:.3f}")


def _time(run: RunRecord, here: Sequence[TrialResult]) -> str:
    """Return when the cell began; the format knows neither zones nor fractions."""
    started = min((result.started for result in here), default=run.started)
    return datetime.fromisoformat(started).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
