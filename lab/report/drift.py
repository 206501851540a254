"""What it means that a version works as of one day and not as of another: who has changed, the release or the world."""

from collections.abc import Iterator, Sequence

from lab.records.model import CellRecord, RunRecord, TrialResult, Verdict, worst
from lab.wording import listed

AXIS, NOW = "as_of", "now"
MEANING = {
    ("pass", "pass"): "works as of its day and as of today: nothing that was uploaded since has broken it",
    ("pass", "fail"): "works as of its day, and is broken as of today: the world moved on, the release did not",
    ("fail", "pass"): "was broken on its day, and works as of today: something that it depends on has mended it",
    ("fail", "fail"): "is broken as of its day and as of today: it is the release, and not what was uploaded since",
}
"""Verdict as of its day and as of today, and what they say together of a version."""


def drift(run: RunRecord, trials: Sequence[TrialResult]) -> list[str]:
    """Return a sentence for each place in which a version was tried as of its day and as of today."""
    return [f"{_subject(run)}{where} {said}." for where, said in _told(run, trials)]


def _told(run: RunRecord, trials: Sequence[TrialResult]) -> Iterator[tuple[str, str]]:
    places: dict[tuple[str, ...], list[CellRecord]] = {}
    for cell in run.cells:
        if AXIS in cell.axes:
            rest = [value for axis, value in cell.axes.items() if axis != AXIS]
            places.setdefault((f"{cell.environment}-{cell.platform}", *rest), []).append(cell)
    for place, cells in places.items():
        today = [cell for cell in cells if cell.axes[AXIS] == NOW]
        where = f" on {'/'.join(place)}" if len(places) > 1 else ""
        for then in (cell for cell in cells if cell.axes[AXIS] != NOW and today):
            yield where, _meaning(then, today[0], trials)


def _meaning(then: CellRecord, today: CellRecord, trials: Sequence[TrialResult]) -> str:
    """Say what two cells mean together; where one of them has no answer, that nobody can say."""
    verdicts = (_verdict(then, trials), _verdict(today, trials))
    known = MEANING.get(verdicts)
    day = then.axes[AXIS]
    if known is not None:
        return known if day == "then" else known.replace("its day", day).replace("on its day", f"on {day}")
    days = ("its day" if day == "then" else day, "today")
    missing = [
        f"as of {name}: {cell.skip or verdict}"
        for name, cell, verdict in zip(days, (then, today), verdicts, strict=True)
        if verdict not in {"pass", "fail"}
    ]
    return f"was not tried as of both days, so that nothing can be said of what was uploaded since ({listed(missing)})"


def _verdict(cell: CellRecord, trials: Sequence[TrialResult]) -> Verdict:
    """Return the verdict of a cell's first attempts."""
    if cell.skip:
        return "skipped"
    return worst(each.verdict for each in trials if each.cell == cell.id and each.attempt == 1)


def _subject(run: RunRecord) -> str:
    labels = [version.label for _, version in sorted(run.versions.items())]
    return f"{run.product} {listed(labels)}"
