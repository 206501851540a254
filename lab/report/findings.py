"""What a run found, each distinct thing once, however many cells, steps and trials showed it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple

from lab.records.model import WORST_FIRST, CheckResult, Finding, RunRecord, TrialResult, Verdict, worst
from lab.report.meaning import COMPLETED
from lab.report.reasons import blend, likeness, take_apart
from lab.report.steps import Place, places
from lab.wording import listed, some

BAD: frozenset[Verdict] = frozenset({"fail", "error", "unknown"})
MOST_CELLS = 4
BREAK = "\0"
"""Between what points have in common and the point; no tidied text holds it."""


@dataclass(frozen=True, order=True)
class Sight:
    """One time at which something was seen; cells are numbered in the order of the plan."""

    cell: int
    trial: int
    attempt: int
    step: str


class Point(NamedTuple):
    """What makes two points of reasons the same one."""

    verdict: Verdict
    check: str
    head: str
    text: str


@dataclass(frozen=True)
class Seen:
    """One distinct thing that was seen: points that share a beginning and were seen at the same times."""

    verdict: Verdict
    head: str
    points: tuple[str, ...]
    sights: tuple[Sight, ...]
    where: str
    """When, and in which cells and trials, in words."""

    @property
    def text(self) -> str:
        """Return what was seen as one text."""
        return f"{self.head}: {'; '.join(self.points)}" if self.head else "; ".join(self.points)


@dataclass(frozen=True)
class Answer:
    """What one check found in the whole run; the check's name is empty where a trial has no check that says why."""

    check: str
    verdict: Verdict
    seen: tuple[Seen, ...]


def cell_ids(run: RunRecord, trials: Iterable[TrialResult]) -> list[str]:
    """Return the cells in the order of the plan, then those that only results tell of."""
    return list(dict.fromkeys([*(cell.id for cell in run.cells), *(result.cell for result in trials)]))


def short_names(cells: Sequence[str]) -> dict[str, str]:
    """Return for each cell the end of its id by which it differs from the others."""
    parts = {cell: cell.split("/") for cell in cells}
    levels = zip(*(names[:-1] for names in parts.values()), strict=False)
    shared = len(list(takewhile(lambda level: len(set(level)) == 1, levels)))
    return {cell: "/".join(names[shared:]) for cell, names in parts.items()}


def told(check: CheckResult) -> list[Finding]:
    """Return the findings that gave a check its verdict; its own reason where it has none."""
    found = [finding for finding in check.findings if finding.verdict == check.verdict]
    return found or [Finding(verdict=check.verdict, step=check.step, reason=check.reason)]


def answers(run: RunRecord, trials: Sequence[TrialResult]) -> list[Answer]:
    """Return what did not pass, the worst first, then as the scenario orders its checks."""
    cells = cell_ids(run, trials)
    number = {cell: position for position, cell in enumerate(cells)}
    ordered = sorted(trials, key=lambda result: (number[result.cell], result.trial, result.attempt))
    placed = places(run)
    points: dict[Point, list[tuple[str, Sight]]] = {}
    for result in ordered:
        for check, finding in _bad(result):
            sight = Sight(number[result.cell], result.trial, result.attempt, finding.step)
            head, texts = take_apart(_unversioned(finding, placed))
            for text in texts:
                point = Point(finding.verdict, check, likeness(head), likeness(text))
                points.setdefault(point, []).append((f"{head}{BREAK}{text}", sight))
    together: dict[tuple[Verdict, str, str, tuple[Sight, ...]], list[str]] = {}
    for point, found in points.items():
        times = tuple(sorted({sight for _, sight in found}))
        key = (point.verdict, point.check, point.head or BREAK + point.text, times)  # what shares nothing stands alone
        together.setdefault(key, []).append(blend([text for text, _ in found]))
    by_check: dict[str, list[Seen]] = {}
    for (verdict, check, _, times), told_of in together.items():
        heads, _, ends = zip(*(text.partition(BREAK) for text in told_of), strict=True)
        seen = Seen(verdict, heads[0], ends, times, _where(run, ordered, times, placed))
        by_check.setdefault(check, []).append(seen)
    found_by = [
        Answer(check, worst(one.verdict for one in seen), tuple(sorted(seen, key=_importance)))
        for check, seen in by_check.items()
    ]
    order = {name: place for place, name in enumerate(dict.fromkeys(c.check for r in ordered for c in r.checks))}
    return sorted(found_by, key=lambda one: (WORST_FIRST.index(one.verdict), order.get(one.check, -1), one.check))


def _importance(seen: Seen) -> tuple[int, int, str, tuple[Sight, ...]]:
    """Failures first; of them what was seen in the most cells, then what was seen first: it may be a cause."""
    cells = len({sight.cell for sight in seen.sights})
    return WORST_FIRST.index(seen.verdict), -cells, min(sight.step for sight in seen.sights), seen.sights


def _bad(result: TrialResult) -> list[tuple[str, Finding]]:
    """Return what did not pass in a trial; what a torn-down place shows (a skipped trial) is nobody's failure."""
    if result.verdict not in BAD:
        return []
    found: list[tuple[str, Finding]] = []
    broken_off: list[tuple[str, Finding]] = []
    for check in result.checks:
        if check.verdict not in BAD:
            continue
        own = [finding for finding in check.findings if finding.verdict in BAD] or told(check)
        (broken_off if check.check == COMPLETED else found).extend((check.check, finding) for finding in own)
    # That a step broke off says nothing where another check says what went wrong in it.
    explained = {(finding.verdict, finding.step) for _, finding in found}
    found = [each for each in broken_off if (each[1].verdict, each[1].step) not in explained] + found
    if not any(finding.verdict == result.verdict for _, finding in found):
        found.append(("", Finding(verdict=result.verdict, reason=result.reason)))
    return found


def _unversioned(finding: Finding, placed: dict[str, Place]) -> str:
    """Return the reason without the version that the step tells, so that both versions' reasons can be the same."""
    version = placed.get(finding.step, Place()).version
    return finding.reason.removeprefix(f"version {version}: ") if version else finding.reason


def _where(run: RunRecord, trials: Sequence[TrialResult], sights: Sequence[Sight], placed: dict[str, Place]) -> str:
    """Say in words when and where something was seen."""
    steps: dict[str, list[str]] = {}
    for step in sorted({sight.step for sight in sights if sight.step}):
        steps.setdefault(placed.get(step, Place()).when, []).append(step)
    when = listed([f"{when} ({', '.join(ids)})" if when else f"at {', '.join(ids)}" for when, ids in steps.items()])
    return ", ".join(part for part in (when, _cells(run, trials, sights), _trials(run, trials, sights)) if part)


def _cells(run: RunRecord, trials: Sequence[TrialResult], sights: Sequence[Sight]) -> str:
    cells = cell_ids(run, trials)
    ran = {result.cell for result in trials if result.verdict != "skipped"}
    seen = {cells[sight.cell] for sight in sights}
    if len(ran) == 1:
        return ""
    if seen == ran:
        return "in both cells" if len(ran) == 2 else f"in all {len(ran)} cells"  # noqa: PLR2004
    short = short_names(cells)
    names = [short[cell] for cell in cells if cell in seen]
    more = [some(len(names) - MOST_CELLS, "more cell")] if len(names) > MOST_CELLS else []
    return f"in {listed(names[:MOST_CELLS] + more)}"


def _trials(run: RunRecord, trials: Sequence[TrialResult], sights: Sequence[Sight]) -> str:
    """Say in how many of the trials of those cells it was seen; nothing if there was one of each."""
    cells = cell_ids(run, trials)
    seen = {cells[sight.cell] for sight in sights}
    of_cells = {(each.cell, each.trial) for each in trials if each.cell in seen and each.verdict != "skipped"}
    first = {(sight.cell, sight.trial) for sight in sights if sight.attempt == 1}
    if not first:
        return "only when tried again"
    if len(of_cells) == len(seen):
        return ""
    return f"in {len(first)} of {len(of_cells)} trials"
