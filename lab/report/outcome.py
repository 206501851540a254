"""How a run came out, in a few plain sentences, and which promises were kept."""

from collections import Counter
from collections.abc import Iterator, Sequence

from lab.records.model import CellRecord, CheckResult, RunRecord, TrialResult, worst
from lab.report.findings import BAD, Answer, cell_ids, told
from lab.report.meaning import COMPLETED, HEADLINES, promises
from lab.report.wording import defined, wrapped
from lab.wording import listed, some


def subject(run: RunRecord) -> str:
    """Return what was tested: the product and its versions, the old one first."""
    labels = {slot: version.label for slot, version in run.versions.items()}
    if set(labels) == {"from", "to"}:
        return f"{run.product}, from {labels['from']} to {labels['to']}"
    return " ".join([run.product, *(label for _, label in sorted(labels.items()))])


def headline(run: RunRecord) -> str:
    """Return the verdict in a word or two."""
    return HEADLINES.get(run.exit.code, "ENDED") if run.exit else "NOT FINISHED"


def outcome(run: RunRecord, trials: Sequence[TrialResult], found: Sequence[Answer], status: str) -> Iterator[str]:
    """Tell what was tried, where, and how it came out."""
    title = str(run.resolved.get("title", ""))
    yield from wrapped("  ", f"Scenario {run.scenario}" + (f": {title}." if title else "."))
    first = [result for result in trials if result.attempt == 1]
    cells = [cell for cell in run.cells if not cell.skip]
    where = sorted({f"{cell.environment} on {cell.platform}" for cell in cells or run.cells})
    tried = f"Tried with {subject(run)}, in {listed(where) or 'no place'}: {some(len(cells), 'cell')}"
    tried += f", {some(run.trials, 'trial')} each" if cells else ""
    left_out = len(run.cells) - len(cells)
    yield from wrapped("  ", tried + (f"; {left_out} more skipped." if left_out else "."))
    for line in circumstances(run):
        yield from wrapped("  ", f"{line}.")
    passed = sum(result.verdict == "pass" for result in first)
    sentences = [f"{passed} of {some(len(first), 'trial')} passed{_retried(trials)}.", tally(first, found)]
    if run.exit is None:
        sentences.insert(0, f"The run has not come to its end ({status}).")
    elif run.exit.code > 1:
        sentences.append(f"The run ended with: {run.exit.reason}.")
    yield from wrapped("  ", " ".join(each for each in sentences if each))


def circumstances(run: RunRecord) -> list[str]:
    """Tell under what the run was easier on the product, or less apart from this machine, than it would have been."""
    told = [run.auto] if run.auto.startswith("auto is local") else []
    if run.budget_factor != 1:
        told.append(f"every budget of time is multiplied by {run.budget_factor:g}")
    return told


def tally(first: Sequence[TrialResult], found: Sequence[Answer]) -> str:
    """Count the promises that were broken and kept; of nothing asked nothing."""
    asked = _asked(first)
    broken = sum(answer.verdict == "fail" for answer in found if answer.check in asked)
    kept = len(kept_checks(first, found))
    if not asked:
        return ""
    if kept == len(asked):
        return f"The product kept {'its one promise' if kept == 1 else f'all {kept} promises'} that it was asked for."
    rest = len(asked) - broken - kept
    were = f"{broken} were" if broken > 1 else f"{broken or 'none'} was"
    said = f"Of {some(len(asked), 'promise')}, {were} broken and {kept} kept"
    return said + (f"; {rest} got no answer." if rest else ".")


def kept_checks(first: Sequence[TrialResult], found: Sequence[Answer]) -> list[str]:
    """Return the checks that passed wherever they got an answer, and got one."""
    bad = {answer.check for answer in found}
    asked = _asked(first)
    return [check for check, each in asked.items() if check not in bad and any(one.verdict == "pass" for one in each)]


def kept(first: Sequence[TrialResult], found: Sequence[Answer]) -> list[str]:
    """List the promises that were kept."""
    asked = _asked(first)
    rows = []
    for check in kept_checks(first, found):
        passed = sum(one.verdict == "pass" for one in asked[check])
        partly = f" (in {passed} of {len(first)} trials; the others did not come to it)" if passed < len(first) else ""
        rows.append((check, promises().get(check, "") + partly))
    return defined(rows)


def unanswered(first: Sequence[TrialResult], found: Sequence[Answer]) -> Iterator[str]:
    """List the promises that no trial could answer for, and nothing else tells of, by the reason."""
    bad = {answer.check for answer in found}
    reasons: dict[str, list[str]] = {}
    for check, each in _asked(first).items():
        if check not in bad and all(one.verdict == "skipped" for one in each):
            reasons.setdefault(told(each[0])[0].reason, []).append(check)
    for reason, checks in reasons.items():
        yield from wrapped("  ", f"{', '.join(checks)}: {reason}")


def cells(run: RunRecord, trials: Sequence[TrialResult]) -> Iterator[str]:
    """Tell of each cell how it went, and of those that were skipped how many there are for each reason."""
    left_out = {cell.id for cell in run.cells if cell.skip}
    for cell in cell_ids(run, trials):
        here = [result for result in trials if result.cell == cell]
        if here:
            yield from wrapped("  ", f"{cell}: {_tally(here)}")
        elif cell not in left_out:
            yield from wrapped("  ", f"{cell}: no result is stored")
    for line in skipped(run.cells):
        yield from wrapped("  ", line)


def skipped(planned: Sequence[CellRecord]) -> list[str]:
    """Tell how many cells were skipped, a line for each reason."""
    reasons = Counter(cell.skip for cell in planned if cell.skip)
    return [f"skipped {some(number, 'cell')}: {reason}" for reason, number in reasons.items()]


def _tally(here: Sequence[TrialResult]) -> str:
    """Return a cell in one line: how many first attempts passed, and what became of the others."""
    first = [result for result in here if result.attempt == 1]
    k, n = sum(result.verdict == "pass" for result in first), sum(result.counts for result in first)
    line = f"{worst(result.verdict for result in first)}, {k} of {some(n, 'trial')} passed"
    others = [(word, sum(result.verdict == word for result in first)) for word in ("error", "unknown", "skipped")]
    if any(number for _, number in others):
        line += "; not counted: " + ", ".join(f"{number} {word}" for word, number in others if number)
    reasons = sorted({result.reason for result in first if result.verdict == "skipped"})
    return line + (f" ({'; '.join(reasons)})" if reasons else "") + _retried(here)


def _retried(trials: Sequence[TrialResult]) -> str:
    passed = {(result.cell, result.trial) for result in trials if result.attempt == 1 and result.verdict == "pass"}
    again = {(result.cell, result.trial) for result in trials if result.attempt > 1 and result.verdict == "pass"}
    return f"; {len(again - passed)} passed when tried again, which does not count" if again - passed else ""


def _asked(first: Sequence[TrialResult]) -> dict[str, list[CheckResult]]:
    """Return the answers to each check in the trials that count for something."""
    found: dict[str, list[CheckResult]] = {}
    for result in first:
        for check in result.checks if result.verdict in {*BAD, "pass"} else []:
            if check.check != COMPLETED:
                found.setdefault(check.check, []).append(check)
    return found
