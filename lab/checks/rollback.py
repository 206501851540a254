"""What became of the way back to the old version: did it work, was it refused, did it take a backup; as promised?"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lab.checks.base import failed, first_line, passed, unknown
from lab.history import History, StepRecord
from lab.jsonpath import same
from lab.records.model import Finding
from lab.scenario.checks import RollbackCheck

BY_SIGNAL = range(129, 160)
"""Exit codes with which a shell and the engine tell that a signal ended a process."""
TRACEBACK = re.compile(r"^Traceback \(most recent|^\s+File \".*\", line \d+", re.MULTILINE)
"""Last words that tell a developer where it broke, and an operator nothing; the first line may be cut off."""
PROMISED = {
    "works": "works on the data of {newer}",
    "refuses": "refuses the data of {newer} and leaves them alone",
    "restore": "works once a backup from before the upgrade is put back",
}
JUDGED_APART = frozenset({"verify", "exercise"})
"""Steps of which the reading is compared with the one before, or that have a check of their own."""
UNSEEN = "it could not be seen whether it left the database alone"


@dataclass(frozen=True)
class _Way:
    """What was seen after one downgrade."""

    step: StepRecord
    tried: StepRecord | None
    """Step `refuse`, if the old version was tried on the newer data."""
    restored: StepRecord | None
    verified: StepRecord | None
    before: StepRecord | None
    """The last reading by the old version before the backup or the upgrade."""
    broken: StepRecord | None
    """A later step that failed."""


def rollback(history: History, _check: RollbackCheck) -> list[Finding]:
    """Judge each downgrade by what followed it."""
    found: list[Finding] = []
    for number, step in enumerate(history.steps):
        if step.kind == "downgrade" and step.outcome not in {"running", "error", "interrupted"}:
            found += _judged(_way(history.steps, number))
    return found


def _way(steps: tuple[StepRecord, ...], number: int) -> _Way:
    told = [each for each in steps[number + 1 :] if each.outcome not in {"running", "error", "interrupted"}]
    later = {each.kind: each for each in reversed(told) if each.outcome != "skipped"}
    upgrades = [at for at, each in enumerate(steps[:number]) if each.kind == "upgrade"]
    early = steps[: upgrades[-1]] if upgrades else steps[:number]
    verified = [each for each in early if each.kind == "verify" and "reads" in each.facts]
    broken = next((each for each in told if each.outcome == "failed" and each.kind not in JUDGED_APART), None)
    before = verified[-1] if verified else None
    return _Way(steps[number], later.get("refuse"), later.get("restore"), later.get("verify"), before, broken)


def _judged(way: _Way) -> list[Finding]:
    facts = way.step.facts
    if way.step.outcome == "failed":
        return [failed(way.step, way.step.reason)]
    if any(name not in facts for name in ("promise", "label", "came_from")) or way.before is None:
        return [unknown(way.step, "it was not recorded what was promised of the way back, or what was there before")]
    old = facts["label"]
    promised = f"{old} {PROMISED[facts['promise']].format(newer=facts['came_from'])}"
    case: dict[str, Any] = next(iter((way.tried.facts if way.tried else {}).get("cases", [])), {})
    without = _without(way, case)
    if without is not None and not without[0]:
        return [failed(way.tried or way.step, f"promised: {promised}; seen: {without[1]}")]
    if facts["promise"] == "refuses":
        return [_turned_away(way, promised, without, case)]
    said = [f"without a backup {without[1]}"] if without else []
    found = [_reached(way, promised, said)]
    if without and _unseen(case):
        found.append(unknown(way.tried or way.step, f"promised: {promised}; without a backup {without[1]}; {UNSEEN}"))
    return found


def _turned_away(way: _Way, promised: str, without: tuple[bool, str] | None, case: dict[str, Any]) -> Finding:
    """Judge whether the old version refused the data of the newer one."""
    if without is None:
        return unknown(way.step, f"promised: {promised}; it was not tried")
    refused = without[1].startswith("it refused")
    if refused and case["exit_code"] is None:
        return unknown(way.tried or way.step, f"promised: {promised}; the environment does not tell its exit code")
    if refused and _unseen(case):
        return unknown(way.tried or way.step, f"promised: {promised}; seen: {without[1]}; {UNSEEN}")
    return (passed if refused else failed)(way.tried or way.step, f"promised: {promised}; seen: {without[1]}")


def _reached(way: _Way, promised: str, said: list[str]) -> Finding:
    """Judge whether the old version came back with its data, after a restore if that was promised."""
    if way.broken is not None:
        reason = f"promised: {promised}; seen: {way.broken.kind} failed: {first_line(way.broken.reason)}"
        return failed(way.broken, reason)
    if way.verified is None or "reads" not in way.verified.facts:
        return unknown(way.step, f"promised: {promised}; what was there before was not read again")
    if way.step.facts["promise"] == "restore" and way.restored is None:
        return unknown(way.step, f"promised: {promised}; no backup was put back")
    before = (way.before.facts if way.before else {}).get("reads", [])
    if all(done["problem"] for done in before):
        return unknown(way.verified, f"promised: {promised}; nothing could be read before the upgrade, either")
    wrong = list(_differences(before, way.verified.facts["reads"]))
    how = "with the backup put back" if way.restored else "without a backup"
    if wrong:
        return failed(way.verified, f"promised: {promised}; seen {how}: {'; '.join(wrong)}")
    count = sum(not done["problem"] for done in before)
    return passed(way.verified, "; ".join([f"{promised}: {count} items read as before the upgrade, {how}", *said]))


def _unseen(case: dict[str, Any]) -> bool:
    """Whether there is a database of which nobody saw what the old version left of it."""
    return bool(case.get("has_database")) and None in (case.get("tables_before"), case.get("tables_after"))


def _without(way: _Way, case: dict[str, Any]) -> tuple[bool, str] | None:
    """Say whether what the old version did with the newer data is bearable, and what it did."""
    if "exited" not in case:
        return None
    if case.get("not_started"):
        return False, f"it could not be executed at all: {first_line(case['said'])}"
    before, after = case.get("tables_before"), case.get("tables_after")
    damage = case.get("damaged_after") if before is not None and after is None else ""
    if case.get("healthy_after") is not None:
        return _worked(way, case, f"left no sound database: {damage}" if damage else "")
    if not case["exited"]:
        return False, f"it neither ended nor became healthy within {case['window']:g} s"
    changed = before is not None and after is not None and before != after
    return _refused(case, f"left no sound database: {damage}" if damage else "changed the database first" * changed)


def _worked(way: _Way, case: dict[str, Any], harm: str) -> tuple[bool, str]:
    """Say whether an old version that came up on the newer data reads them rightly."""
    took = "it took them for its own and was healthy"
    wrong = list(_differences((way.before.facts if way.before else {}).get("reads", []), case.get("reads", [])))
    if wrong:
        return False, f"{took}, and read them wrongly: {'; '.join(wrong[:4])}"
    return (False, f"{took}, and {harm}") if harm else (True, "it worked on them")


def _refused(case: dict[str, Any], harm: str) -> tuple[bool, str]:
    """Say whether the end of the old version was a clear refusal."""
    said = str(case.get("said", "")).strip()
    last = said.splitlines()[-1] if said else "it wrote nothing"
    ended = f"with exit code {case['exit_code']} after {case['seconds']:.1f} s"
    if harm:
        return False, f"it ended {ended}, and {harm}"
    if case["exit_code"] == 0 or case["exit_code"] in BY_SIGNAL or "wrote nothing" in last or TRACEBACK.search(said):
        return False, f"it ended {ended}, which is no clear refusal: {last}"
    return True, f"it refused {ended}: {last}"


def _differences(was: list[dict[str, Any]], now: list[dict[str, Any]]) -> Iterator[str]:
    later = {done["name"]: done for done in now}
    for done in was:
        found = later.get(done["name"])
        if found is None or done["problem"]:
            continue
        if found["problem"]:
            yield f"{done['name']}: {found['problem']}"
        elif not same(done["picked"], found["picked"]):
            yield f"{done['name']} reads otherwise"
