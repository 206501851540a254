"""What a run ends with: the exit code and why, from the results alone."""

from collections import Counter
from collections.abc import Sequence

from lab.records.model import CellRecord, Exit, TrialResult

ERRORS_FORGIVEN, OF_AT_LEAST = 0.10, 10
"""Lab errors are a warning up to this share of at least so many trials of a cell."""
PRODUCT_FAILURE, LAB_ERROR, INCONCLUSIVE, NOTHING_RAN = 1, 3, 4, 5


def conclude_run(results: Sequence[TrialResult], cells: Sequence[CellRecord], *, no_skip: bool) -> Exit:
    """Return exit code and reason; a failure outweighs an error, which outweighs what is missing."""
    first = [result for result in results if result.attempt == 1]
    skipped = [cell for cell in cells if cell.skip]
    ran = sorted({result.cell for result in first})
    by_cell = {cell: Counter(result.verdict for result in first if result.cell == cell) for cell in ran}
    failed = [cell for cell in ran if by_cell[cell]["fail"]]
    broken = [cell for cell in ran if too_many_errors(by_cell[cell]["error"], by_cell[cell].total())]
    broken += [cell.id for cell in cells if first and not cell.skip and cell.id not in ran]  # not one result of it
    unsure = [cell for cell in ran if by_cell[cell]["unknown"] or by_cell[cell]["skipped"]]
    counts = Counter(result.verdict for result in first)
    said = f"{counts['pass']} of {len(first)} trials passed"
    if failed:
        return Exit(code=PRODUCT_FAILURE, reason=f"the product failed in {_some(failed)}; {said}")
    if broken:
        return Exit(code=LAB_ERROR, reason=f"the lab or its infrastructure failed in {_some(broken)}; {said}")
    if unsure:
        return Exit(code=INCONCLUSIVE, reason=f"a measurement is missing in {_some(unsure)}; {said}")
    if no_skip and skipped:
        return Exit(code=INCONCLUSIVE, reason=f"--no-skip, and {len(skipped)} cells were skipped; {said}")
    if not first:
        return Exit(code=NOTHING_RAN, reason=f"nothing ran: {len(skipped)} of {len(cells)} cells skipped")
    of_cells = f"{len(ran)} of {len(cells)} cells" + (f", {len(skipped)} skipped" if skipped else "")
    return Exit(code=0, reason=f"{said}, {of_cells}")


def too_many_errors(errors: int, trials: int) -> bool:
    """Whether errors are more than a warning."""
    return errors > 0 and (trials < OF_AT_LEAST or errors > ERRORS_FORGIVEN * trials)


def _some(cells: Sequence[str]) -> str:
    more = len(cells) - 1
    return cells[0] + (f" and {more} more {'cell' if more == 1 else 'cells'}" if more else "")


def interrupted(results: Sequence[TrialResult]) -> str:
    """Say what became of what an interrupted run had made."""
    left = [problem for result in results for problem in result.cleanup_problems]
    if not left:
        return "interrupted; everything was taken down"
    return f"interrupted; not removed: {'; '.join(left)} (lab clean tries again)"
