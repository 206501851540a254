"""A stored run as plain text, for a reader who knows neither the product nor the lab."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

from lab.records.model import RunRecord, TrialResult
from lab.records.store import run_folder, trial_folder
from lab.report.drift import drift
from lab.report.findings import BAD, Answer, Seen, answers, cell_ids, short_names
from lab.report.meaning import SETUPS, VERDICTS, promises
from lab.report.outcome import cells, headline, kept, outcome, subject, unanswered
from lab.report.steps import times
from lab.report.wording import columns, defined, plain, section, wrapped
from lab.wording import listed

MOST_PLACES = 5


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
    planned = cell_ids(run, sorted(trials, key=lambda result: result.cell))
    ordered = sorted(trials, key=lambda result: (planned.index(result.cell), result.trial, result.attempt))
    first = [result for result in ordered if result.attempt == 1]
    found = answers(run, ordered)
    lines = [
        f"{headline(run)}: {subject(run)}",
        "",
        *outcome(run, ordered, found, status or run.status),
        *section("Cells", cells(run, ordered)),
        *section("As of its day and today", (line for said in drift(run, ordered) for line in wrapped("  ", said))),
        *section("Findings, the most important first", _findings(found)),
        *section("Promises kept", kept(first, found)),
        *section("Promises without an answer", unanswered(first, found)),
        *section("Measured, of each kind the largest in a trial", _measures(run, first)),
        *section(_times_title(first), times(run, ordered)),
        *section("Left behind after a trial", _cleanup(ordered)),
        *section("Could not be read", (line for told in problems for line in wrapped("  ", told))),
        *section("Evidence", _evidence(folder or run_folder(run), ordered)),
        *section("To repeat it", [f"  {run.command}"]),
        *section("About this run", _about(run, first, status or run.status)),
        *section("Words", defined(_words(run, ordered, found))),
    ]
    return plain("\n".join(lines)) + "\n"


def _findings(found: Sequence[Answer]) -> Iterator[str]:
    """Tell of each check that did not pass what was promised, and what was seen instead, and where."""
    for number, answer in enumerate(found, start=1):
        if number > 1:
            yield ""
        yield f"  {number}. {answer.verdict.upper()}  {answer.check}".rstrip()
        promise = promises().get(answer.check, "")
        if promise:
            yield from wrapped("     promised: ", promise)
        for where, together in groupby(answer.seen, key=lambda seen: seen.where):
            if where:
                yield from wrapped("     seen ", f"{where}:", " " * 7)
            for seen in together:
                yield from _seen(seen, "" if seen.verdict == answer.verdict else f"{seen.verdict}: ")


def _seen(seen: Seen, mark: str) -> Iterator[str]:
    """Tell one thing, each of its points on a line of its own."""
    if len(seen.points) == 1:
        yield from wrapped("     - ", mark + seen.text, " " * 9)
        return
    yield from wrapped("     - ", f"{mark}{seen.head}:", " " * 9)
    for point in seen.points:
        yield from wrapped("         · ", point, " " * 13)


def _measures(run: RunRecord, first: Sequence[TrialResult]) -> Iterator[str]:
    """Tell the figures of each cell: the median over its trials of the largest in each, and the largest of all."""
    names = list(dict.fromkeys(name for result in first for name in result.measures))
    short = short_names(cell_ids(run, first))
    rows = [["", *(_unit(name) for name in names)]]
    for cell in dict.fromkeys(result.cell for result in first if result.measures):
        here = [result.measures for result in first if result.cell == cell]
        row = [short[cell]]
        for name in names:
            values = [measures[name] for measures in here if name in measures]
            most = f", at most {max(values):.2f}" if len(values) > 1 else ""
            row.append(f"{median(values):.2f}{most}" if values else "-")
        rows.append(row)
    if names:
        yield from columns(rows, right=range(1, len(names) + 1))


def _unit(name: str) -> str:
    unit = "MB" if name.endswith(("_mb", "_megabytes")) or "memory" in name else "s"
    return f"{re.sub(r'_(seconds|mb|megabytes)$', '', name).replace('_', ' ')}, {unit}"


def _times_title(first: Sequence[TrialResult]) -> str:
    return (
        "Steps"
        if len(first) == 1
        else f"Steps, with the median of the seconds over {len(first)} trials, to the largest"
    )


def _cleanup(trials: Sequence[TrialResult]) -> Iterator[str]:
    for result in trials:
        for problem in result.cleanup_problems:
            again = f" attempt {result.attempt}" if result.attempt > 1 else ""
            yield from wrapped("  ", f"{result.cell} trial {result.trial}{again}: {problem}")


def _evidence(folder: Path, trials: Sequence[TrialResult]) -> Iterator[str]:
    yield f"  {folder}"
    bad = [result for result in trials if result.verdict in BAD]
    for result in bad[:MOST_PLACES]:
        yield f"  {trial_folder(Path(), result.cell.replace('/', '~'), result.trial, result.attempt)}"
    if len(bad) > MOST_PLACES:
        yield f"  … and {len(bad) - MOST_PLACES} more"
    yield "  In trials/CELL/NUMBER/attempt-M: events.ndjson (what happened, in order), result.json, steps, logs."


def _about(run: RunRecord, first: Sequence[TrialResult], status: str) -> list[str]:
    ending = f"{run.exit.code}: {run.exit.reason}" if run.exit else "none yet: the run has not come to its end"
    rows = [
        ("run", run.run_id),
        *((f"version {slot}", _version(run, slot)) for slot in sorted(run.versions)),
        ("started", run.started),
        ("finished", run.finished or "not yet"),
        ("status", status),
        ("exit code", ending),
        ("at a time", str(run.workers)),
        ("seed", str(run.seed)),
        ("lab version", run.tool_version),
        *((f"host {name}", value) for name, value in _flat(run.host)),
        *_images(first),
    ]
    return defined(rows)


def _images(first: Sequence[TrialResult]) -> list[tuple[str, str]]:
    """Return the digest of the image in which each platform's trials ran, and that of the one it was made of."""
    found: dict[str, str] = {}
    for result in first:
        base = f", of {result.facts['platform_base']}" if result.facts.get("platform_base") else ""
        if identity := result.facts.get("platform_image_id"):
            found.setdefault(f"image {result.environment} on {result.platform}", f"{identity}{base}")
    return list(found.items())


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


def _words(run: RunRecord, trials: Sequence[TrialResult], found: Sequence[Answer]) -> list[tuple[str, str]]:
    """Explain the words that occur."""
    used: set[str] = {result.verdict for result in trials}
    used |= {check.verdict for result in trials for check in result.checks}
    used |= {seen.verdict for answer in found for seen in answer.seen}
    if any(cell.skip for cell in run.cells):
        used.add("skipped")
    axes = list(dict.fromkeys(axis for cell in run.cells for axis in cell.axes))
    named = f"; its name tells scenario, environment and platform, {listed(axes)}" if axes else ""
    setups = {cell.axes.get("setup") for cell in run.cells}
    return [
        *((verdict, meaning) for verdict, meaning in VERDICTS.items() if verdict in used),
        ("cell", f"one combination of environment, platform and options that the scenario is tried in{named}"),
        ("trial", "one independent try of a cell in a fresh environment; its first attempt counts"),
        ("step", "what the lab did in a trial, numbered in order, as 05-ready"),
        *((name, meaning) for name, meaning in SETUPS.items() if name in setups),
    ]
