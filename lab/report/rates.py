"""Success rates over first attempts: always with their numbers, never a bare percentage."""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from statistics import median
from typing import Any, Literal, NamedTuple

from lab.records.model import TrialResult
from lab.records.statistics import ERROR_CAP, Claim, Interval, claim, inconclusive, wilson

Level = Literal["environment", "cell", "overall"]
Trial = tuple[str, str, int]
"""What is tried again by a retry: run, cell, number of the trial."""
NO_DATA = "No stored trial fits: there is no first attempt to count, and no rate."


class Build(NamedTuple):
    """What is tried in a trial, whatever its place; trials of different builds are different experiments."""

    artifacts: tuple[tuple[str, str], ...]
    scenario: str
    budget_factor: float


@dataclass(frozen=True)
class RateRow:
    """The rate of one group of trials; k of n first attempts that gave an answer passed."""

    level: Level
    environment: str
    product: str
    versions: str
    scenario: str
    cell: str
    k: int
    n: int
    errors: int
    """First attempts in which the lab or its infrastructure failed."""
    unknown: int
    """First attempts in which a measurement is missing."""
    passed_after_retry: int
    """Trials whose first attempt did not pass and a later one did."""
    wilson: Interval
    claim: Claim
    target: float
    confidence: float
    word: str
    """The claim's word, `inconclusive` where too many first attempts gave no answer, `mixed builds` where there is more
    than one: a claim begins anew with each build."""
    seconds: float | None
    """Median duration of the first attempts that passed or failed, from the first step to the last trace removed."""
    days: int
    builds: int
    """How many builds stand behind the group, those on different images of one platform apart."""
    differences: tuple[str, ...]
    """In what the builds differ, in words."""

    @property
    def missing(self) -> int:
        """First attempts that gave no answer."""
        return self.errors + self.unknown


def rates(results: Iterable[TrialResult], target: float, confidence: float = 0.95) -> list[RateRow]:
    """Return, for each product, pair of versions and scenario, the rates of environments, of cells, and of all last.

    Rates of different products, versions or scenarios are never put together, and those with undocumented workarounds
    stand in their own cells alone. Of no data there is nothing.
    """
    attempts = {(r.run_id, r.cell, r.trial, r.attempt): r for r in results if r.verdict != "skipped"}
    ordered = sorted(attempts.values(), key=lambda result: (*_group(result), *_trial(result), result.attempt))
    rows = []
    for subject, of_subject in groupby(ordered, key=_subject):
        together = list(of_subject)
        for environment, there in groupby(together, key=lambda result: result.environment):
            members = list(there)
            rows.append(_row("environment", (*subject, environment, ""), _documented(members), target, confidence))
            for group, cell in groupby(members, key=_group):
                rows.append(_row("cell", group, list(cell), target, confidence))
        rows.append(_row("overall", (*subject, "", ""), _documented(together), target, confidence))
    return [row for row in rows if row.n + row.missing]


def as_text(rows: Sequence[RateRow]) -> str:
    """Return the rates as a table and what must be known to read it."""
    if not rows:
        return NO_DATA + "\n"
    head = ("", "passed", "Wilson 95%", f"at least {100 * rows[0].target:g}%?", "no answer", "retried", "median time")
    table = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(head))]
    lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in table]
    notes = [textwrap.fill(note, 100, subsequent_indent="  ") for note in _notes(rows)]
    return "\n".join([*lines, "", *notes]) + "\n"


def as_json(rows: Sequence[RateRow]) -> dict[str, Any]:
    """Return the rates as plain values for other programs; rates lie between 0 and 1."""
    listed = [
        asdict(row)
        | {"rate": _share(row.k, row.n), "rate_with_errors": _share(row.k, row.n + row.missing)}
        | {"missing": row.missing, "differences": list(row.differences)}
        for row in rows
    ]
    return {"schema_version": 1, "rates": listed, "notes": _notes(rows)}


def _row(level: Level, group: tuple[str, ...], members: list[TrialResult], target: float, confidence: float) -> RateRow:
    first = [result for result in members if result.attempt == 1]
    n = sum(result.counts for result in first)
    k = sum(result.verdict == "pass" for result in first)
    errors = sum(result.verdict == "error" for result in first)
    unknown = sum(result.verdict == "unknown" for result in first)
    passed = {_trial(result) for result in first if result.verdict == "pass"}
    rescued = {_trial(result) for result in members if result.attempt > 1 and result.verdict == "pass"} - passed
    product, versions, scenario, environment, cell = group
    builds, differences = _builds(first)
    times = [result.seconds for result in first if result.counts]
    return RateRow(
        level=level,
        environment=environment,
        product=product,
        versions=versions,
        scenario=scenario,
        cell=cell,
        k=k,
        n=n,
        errors=errors,
        unknown=unknown,
        passed_after_retry=len(rescued),
        wilson=wilson(k, n),
        claim=claim(k, n, target, confidence),
        target=target,
        confidence=confidence,
        word=_word(k, n, errors + unknown, target, confidence) if builds <= 1 else "mixed builds",
        seconds=round(median(times), 1) if times else None,
        days=len({result.started[:10] for result in first}),
        builds=builds,
        differences=differences,
    )


def _word(k: int, n: int, missing: int, target: float, confidence: float) -> str:
    """Say what is concluded; without enough answers only what would stand if every missing one were a pass."""
    word = claim(k, n, target, confidence).word
    if not inconclusive(missing, n + missing):
        return word
    at_best = claim(k + missing, n + missing, target, confidence).word
    return "refuted" if word == at_best == "refuted" else "inconclusive"


def _cells(row: RateRow) -> tuple[str, ...]:
    """Return the columns of a row."""
    name = {
        "environment": f"{row.product} {row.versions}  {row.scenario} in {row.environment}",
        "cell": f"  {row.cell}",
        "overall": f"{row.product} {row.versions}  {row.scenario} in all environments",
    }[row.level]
    rate = f"{row.k}/{row.n}" + (f" = {_percent(row.k / row.n)}" if row.n else "")
    missing = "-"
    if row.missing:
        counted = [(row.errors, "error" if row.errors == 1 else "errors"), (row.unknown, "unknown")]
        asked = row.n + row.missing
        missing = ", ".join(f"{number} {word}" for number, word in counted if number)
        missing += f" (with them {row.k}/{asked} = {_percent(row.k / asked)})"
    retried = f"{row.passed_after_retry} passed after a retry" if row.passed_after_retry else "-"
    time = f"{row.seconds:.1f} s" if row.seconds is not None else "-"
    return (name, rate, _interval(row), _told(row), missing, retried, time)


def _interval(row: RateRow) -> str:
    return f"{100 * row.wilson.low:.1f}-{_percent(row.wilson.high)}" if row.n else "-"


def _told(row: RateRow) -> str:
    if row.word == "not yet shown":
        return f"{row.word}, +{row.claim.more_trials} trials needed"
    return f"{row.word} ({', '.join(row.differences)})" if row.differences else row.word


def _notes(rows: Sequence[RateRow]) -> list[str]:
    """Return what a reader must know to make no more of the numbers than there is in them."""
    if not rows:
        return [NO_DATA]
    target, confidence = f"{100 * rows[0].target:g}%", f"{100 * rows[0].confidence:g}%"
    overall = [row for row in rows if row.level == "overall"] or rows
    asked, days = sum(row.n + row.missing for row in overall), max(row.days for row in overall)
    notes = [
        (
            "Counted are first attempts that passed or failed. Those without an answer (an error of the lab, a missing "
            "measurement) leave the denominator and stand beside it; a pass after a retry never counts."
        ),
        (
            f"shown: the exact one-sided {confidence} lower bound (Clopper-Pearson) reaches {target}. refuted: the "
            "upper bound lies below it. not yet shown: neither; +N more trials would show it if all of them pass."
        ),
        (
            f"These {asked} first attempts come from {days} day(s). Repeats on one host "
            "and day are correlated: m of them with correlation r are worth n / (1 + (m - 1) r) independent trials, so "
            "the true intervals are wider than these."
        ),
    ]
    if any(row.word == "inconclusive" for row in rows):
        notes.append(f"inconclusive: more than {_percent(ERROR_CAP)} of the first attempts gave no answer.")
    if any(row.builds > 1 for row in rows):
        notes.append(
            "mixed builds: the trials differ in what the brackets name: the artifacts under one version label, the "
            "text of the scenario (an older lab did not keep it with its trials), the factor on its budgets, or the "
            "image of a platform. A claim begins anew with each build."
        )
    return notes


def _subject(result: TrialResult) -> tuple[str, str, str]:
    labels = " -> ".join(version.label for _, version in sorted(result.versions.items()))
    return result.product, labels, result.scenario


def _documented(results: list[TrialResult]) -> list[TrialResult]:
    """Leave out trials that took workarounds: no user was told of them."""
    return [result for result in results if result.axes.get("setup") != "workaround"]


def _group(result: TrialResult) -> tuple[str, str, str, str, str]:
    return *_subject(result), result.environment, result.cell


def _trial(result: TrialResult) -> Trial:
    return result.run_id, result.cell, result.trial


def _builds(first: Sequence[TrialResult]) -> tuple[int, tuple[str, ...]]:
    """Return how many builds stand behind first attempts, and in what they differ.

    Each platform has an image of its own, so that only those of one are compared; an attempt that broke off before it
    had one, and a place without images, tell none.
    """
    found = {_build(result) for result in first}
    images: dict[tuple[str, str], set[tuple[Build, str]]] = {}
    for result in first:
        if image := result.facts.get("platform_image_id"):
            images.setdefault((result.environment, result.platform), set()).add((_build(result), str(image)))
    differing = [
        name for name, told in zip(Build._fields, zip(*found, strict=True), strict=False) if len(set(told)) > 1
    ]
    if any(len({image for _, image in there}) > 1 for there in images.values()):
        differing.append("platform_image")
    most = max([len(found), *map(len, images.values())])
    return most, tuple(name.replace("_", " ") for name in differing)


def _build(result: TrialResult) -> Build:
    digests = tuple((slot, version.digest) for slot, version in sorted(result.versions.items()))
    return Build(digests, result.scenario_digest, result.budget_factor)


def _share(k: int, n: int) -> float | None:
    return k / n if n else None


def _percent(share: float) -> str:
    """Return a percentage with as many digits as it needs, one at most, and 100% only for all."""
    rounded = f"{100 * share:.1f}"
    if share < 1 and rounded == "100.0":
        rounded = "99.9"
    return f"{rounded.removesuffix('.0')}%"
