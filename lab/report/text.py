"""A stored run as plain text, for a reader who knows nothing of the lab."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from lab.records.model import CheckResult, Finding, RunRecord, TrialResult, Verdict, worst
from lab.records.store import run_folder, trial_folder

WIDTH = 100
ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
CONTROLS = re.compile(
    r"[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
WORDS: Mapping[Verdict, str] = {
    "pass": "every check was answered, and the product kept its promises",
    "fail": "the product broke a promise",
    "error": "the lab or what it stands on failed; this says nothing about the product",
    "unknown": "a measurement is missing, so nothing is proved",
    "skipped": "not tried, for the reason given",
}


def plain(text: str) -> str:
    """Return the text without what a terminal would obey: colours, titles, other control characters."""
    return CONTROLS.sub("", ESCAPES.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def report(
    run: RunRecord,
    trials: Sequence[TrialResult],
    folder: Path | None = None,
    *,
    status: str = "",
    problems: Sequence[str] = (),
) -> str:
    """Return the run's report.

    `folder` is where the run lies if not at its own place, `status` how it stands where its record does not know;
    `problems` tells what could not be read.
    """
    ordered = sorted(trials, key=lambda result: (result.cell, result.trial, result.attempt))
    lines = [
        *_header(run, status or run.status),
        *_section("Results", _results(run, ordered)),
        *_section("What did not pass", _reasons(ordered)),
        *_section("Measured (first attempts)", _measures(ordered)),
        *_section("Left behind after a trial", _cleanup(ordered)),
        *_section("Could not be read", (line for told in problems for line in _wrapped("  ", told))),
        *_section("Evidence", _evidence(folder or run_folder(run))),
        *_section("To repeat it", [f"  {run.command}"]),
        *_section("Words", _words(run, ordered)),
    ]
    return plain("\n".join(lines)) + "\n"


def cell_ids(run: RunRecord, trials: Iterable[TrialResult]) -> list[str]:
    """Return the cells in the order of the plan, then those that only results tell of."""
    return list(dict.fromkeys([*(cell.id for cell in run.cells), *(result.cell for result in trials)]))


def told(check: CheckResult) -> list[Finding]:
    """Return the findings that gave a check its verdict; its own reason where it has none."""
    found = [finding for finding in check.findings if finding.verdict == check.verdict]
    return found or [Finding(verdict=check.verdict, step=check.step, reason=check.reason)]


def _header(run: RunRecord, status: str) -> Iterator[str]:
    yield f"Test run {run.run_id}"
    yield ""
    ending = f"{run.exit.code}: {run.exit.reason}" if run.exit else "none yet: the run has not come to its end"
    rows = [
        ("scenario", run.scenario),
        ("product", run.product),
        *((f"version {slot}", _version(run, slot)) for slot in sorted(run.versions)),
        ("started", run.started),
        ("finished", run.finished or "not yet"),
        ("status", status),
        ("exit code", ending),
        ("planned", f"{_some(len(run.cells), 'cell')}, {_some(run.trials, 'trial')} each, {run.workers} at a time"),
        ("seed", str(run.seed)),
        ("lab version", run.tool_version),
        *((f"host {name}", value) for name, value in _flat(run.host)),
    ]
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        yield from _wrapped(f"  {name:<{width}}  ", value)


def _version(run: RunRecord, slot: str) -> str:
    version = run.versions[slot]
    algorithm, colon, digest = version.digest.rpartition(":")
    return f"{version.label} ({version.kind} {version.origin}, {algorithm}{colon}{digest[:12]})"


def _flat(facts: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in facts.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", str(value)


def _results(run: RunRecord, trials: Sequence[TrialResult]) -> Iterator[str]:
    skips = {cell.id: cell.skip for cell in run.cells if cell.skip}
    for cell in cell_ids(run, trials):
        here = [result for result in trials if result.cell == cell]
        if here:
            yield from _wrapped("  ", f"{cell}: {_tally(here)}")
        elif cell in skips:
            yield from _wrapped("  ", f"{cell}: skipped ({skips[cell]})")
        else:
            yield from _wrapped("  ", f"{cell}: no result is stored")


def _tally(here: Sequence[TrialResult]) -> str:
    """Return a cell in one line: how many first attempts passed, and what became of the others."""
    first = [result for result in here if result.attempt == 1]
    verdict = worst(result.verdict for result in first)
    k, n = sum(result.verdict == "pass" for result in first), sum(result.counts for result in first)
    line = f"{verdict}, {k}/{n} first attempts passed"
    others = [(word, sum(result.verdict == word for result in first)) for word in ("error", "unknown", "skipped")]
    if any(number for _, number in others):
        line += "; not counted: " + ", ".join(f"{number} {word}" for word, number in others if number)
    passed = {result.trial for result in first if result.verdict == "pass"}
    rescued = {result.trial for result in here if result.attempt > 1 and result.verdict == "pass"} - passed
    return line + (f"; {len(rescued)} passed after a retry, which does not count" if rescued else "")


def _reasons(trials: Sequence[TrialResult]) -> Iterator[str]:
    """Tell of each attempt that did not pass every finding that made it so."""
    for result in trials:
        if result.verdict == "pass":
            continue
        yield from _wrapped("  ", f"{_attempt(result)}: {result.verdict}")
        bad = [check for check in result.checks if check.verdict in {"fail", "error", "unknown"}]
        for check in bad:
            yield f"    {check.verdict}: {check.check}"
            for finding in told(check):
                at = f"step {finding.step}: " if finding.step else ""
                yield from _wrapped("      - ", at + finding.reason)
        if not any(check.verdict == result.verdict for check in bad):
            yield from _wrapped("      - ", result.reason)
        place = trial_folder(Path(), result.cell.replace("/", "~"), result.trial, result.attempt)
        yield f"      evidence: {place}"


def _measures(trials: Sequence[TrialResult]) -> Iterator[str]:
    first = [result for result in trials if result.attempt == 1 and result.measures]
    for cell in dict.fromkeys(result.cell for result in first):
        here = [result.measures for result in first if result.cell == cell]
        yield f"  {cell}"
        for name in dict.fromkeys(name for measures in here for name in measures):
            values = [measures[name] for measures in here if name in measures]
            unit = "MB" if name.endswith(("_mb", "_megabytes")) or "memory" in name else "s"
            label = re.sub(r"_(seconds|mb|megabytes)$", "", name).replace("_", " ")
            figures = f"median {median(values):.2f} {unit}, max {max(values):.2f} {unit}"
            yield f"    {label:<10} {figures} ({_some(len(values), 'trial')})"


def _cleanup(trials: Sequence[TrialResult]) -> Iterator[str]:
    for result in trials:
        for problem in result.cleanup_problems:
            yield from _wrapped("  ", f"{_attempt(result)}: {problem}")


def _evidence(folder: Path) -> Iterator[str]:
    yield f"  {folder}"
    yield "  In trials/CELL/NUMBER/attempt-M: events.ndjson (what happened, in order), result.json, logs."


def _words(run: RunRecord, trials: Sequence[TrialResult]) -> Iterator[str]:
    used: set[str] = {result.verdict for result in trials}
    used |= {check.verdict for result in trials for check in result.checks}
    if any(cell.skip for cell in run.cells):
        used.add("skipped")
    for verdict, meaning in WORDS.items():
        if verdict in used:
            yield f"  {verdict:<8} {meaning}"
    yield "  cell     one combination of environment, platform and options that the scenario is tried in"
    yield "  trial    one independent try of a cell in a fresh environment; its first attempt counts"


def _attempt(result: TrialResult) -> str:
    return f"{result.cell} trial {result.trial}" + (f" attempt {result.attempt}" if result.attempt > 1 else "")


def _some(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _section(title: str, lines: Iterable[str]) -> list[str]:
    """Return the lines under a title; of no lines nothing."""
    listed = list(lines)
    return ["", title, *listed] if listed else []


def _wrapped(indent: str, text: str) -> list[str]:
    """Wrap each line of a text, the first after the indent and the rest below it."""
    rest = " " * len(indent)
    found: list[str] = []
    for line in plain(text).strip("\n").split("\n"):
        before = rest if found else indent
        # A path or a digest is left whole, so that it can be copied.
        found += textwrap.wrap(
            line,
            WIDTH,
            initial_indent=before,
            subsequent_indent=rest,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [rest.rstrip()]
    return found
