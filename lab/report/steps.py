"""Which version was installed when a step ran, and how long the steps took."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from lab.records.model import RunRecord, TrialResult
from lab.report.meaning import deeds
from lab.report.wording import columns

LONGEST = 64


@dataclass(frozen=True)
class Place:
    """Where in a scenario a step stands."""

    version: str = ""
    """Label of the version that was installed, or was being installed; empty before that."""
    when: str = ""
    """The same in words."""


def places(run: RunRecord) -> dict[str, Place]:
    """Return the place of every step by its id, as the scenario's install and upgrade steps tell it."""
    given = run.resolved.get("steps")
    steps = [step if isinstance(step, dict) else {} for step in (given if isinstance(given, list) else [])]
    kinds = [str(step.get("step", "")) for step in steps]
    last_upgrade = max((number for number, kind in enumerate(kinds) if kind == "upgrade"), default=-1)
    found = {"00-prepare": Place("", "before anything was installed")}
    version, upgraded, back = "", False, False
    for number, (kind, step) in enumerate(zip(kinds, steps, strict=True)):
        if kind in {"install", "upgrade", "downgrade"}:
            old, version = version, _label(run, step.get("version"))
            upgraded, back = kind == "upgrade", kind == "downgrade"
            when = f"while upgrading from {old} to {version}" if upgraded else f"while installing {version}"
            when = f"while going back from {old} to {version}" if back else when
        elif not version:
            when = "before anything was installed"
        elif back:
            when = f"after going back, with {version}"
        elif upgraded:
            when = f"after the upgrade, with {version}"
        else:
            when = f"before the upgrade, with {version}" if number < last_upgrade else f"with {version}"
        found[f"{number + 1:02d}-{kind}"] = Place(version, when)
    return found


def _label(run: RunRecord, slot: object) -> str:
    version = run.versions.get(slot) if isinstance(slot, str) else None
    return version.label if version else str(slot or "")


def times(run: RunRecord, trials: Sequence[TrialResult]) -> Iterator[str]:
    """Tell how long each step took, over all first attempts that came to it."""
    first = [result for result in trials if result.attempt == 1]
    taken: dict[tuple[str, str], list[float]] = {}
    for result in first:
        for step in result.steps:
            if step.seconds is not None:
                taken.setdefault((step.id, step.kind), []).append(step.seconds)
    if not taken:
        return
    where = places(run)
    rows = [["step", "version", "seconds", "", "what was done"]]
    for (step_id, kind), seconds in sorted(taken.items()):
        version = where.get(step_id, Place()).version
        spread = f"to {max(seconds):.2f}" if len(seconds) > 1 else ""
        if len(seconds) < len(first):
            spread = f"{spread} in {len(seconds)} of {len(first)}".strip()
        rows.append(
            [
                step_id,
                version or "-",
                f"{median(seconds):.2f}",
                spread,
                textwrap.shorten(deeds().get(kind, kind), LONGEST, placeholder=" …"),
            ]
        )
    if not any(row[3] for row in rows):
        rows = [[*row[:3], row[4]] for row in rows]
    yield from columns(rows, right=(2,))
