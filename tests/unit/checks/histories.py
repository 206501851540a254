"""Histories made by hand: a step is its kind, how it went, and the facts that a check asks for."""

from dataclasses import dataclass, field
from typing import Any

from lab.history import History
from lab.records.model import Finding

Facts = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """A step that is to be told; its id comes from its place in the history."""

    kind: str
    facts: Facts
    outcome: str = "done"
    reason: str = ""
    parameters: Facts = field(default_factory=dict)
    seconds: float = 1.0


def history(*steps: Told, given: dict[str, Facts] | None = None, more: list[Facts] | None = None) -> History:
    """Return a history of these steps, numbered from 1; a step that is `running` has no end."""
    events: list[Facts] = [{"t": 0.0, "event": "given", "step": "", "versions": given or {}}]
    for number, told in enumerate(steps, start=1):
        name = f"{number:02d}-{told.kind}"
        start = {"t": float(number), "event": "step.start", "step": name, "kind": told.kind}
        events.append(start | {"parameters": told.parameters})
        if told.outcome != "running":
            end = {"outcome": told.outcome, "reason": told.reason, "seconds": told.seconds, "facts": told.facts}
            events.append({"t": number + 0.9, "event": "step.end", "step": name, "kind": told.kind} | end)
    return History.of(events + (more or []))


def told(findings: list[Finding]) -> list[tuple[str, str]]:
    """Return verdict and step of each finding."""
    return [(finding.verdict, finding.step) for finding in findings]


def only(findings: list[Finding]) -> Finding:
    (finding,) = findings
    return finding


STATE = {"running": True, "pid": 7, "started_at": "2026-03-04T05:06:07Z", "exit_code": None, "oom_killed": False,
         "health": "", "user": "1000", "healthcheck": False}  # fmt: skip
GONE = STATE | {"running": False, "pid": 0, "exit_code": 0}
OLD, NEW = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def install(**facts: Any) -> Told:
    return Told(
        "install", {"label": "0.1.4", "expected": "success", "digest": OLD} | facts, parameters={"version": "from"}
    )


def upgrade(outcome: str = "done", reason: str = "", to: str = "to", **facts: Any) -> Told:
    known = {"label": "0.2.0", "expected": "success", "from_digest": OLD, "digest": NEW, "extra_steps": []}
    return Told("upgrade", known | facts, outcome, reason, {"version": to})


def start(**state: Any) -> Told:
    return Told("start", {"image": "product:1", "state": STATE | state})


def ready(outcome: str = "done", reason: str = "", **facts: Any) -> Told:
    measured = {"consecutive": 3, "in_row": 3, "seconds_to_ready": 0.5, "state": STATE}
    return Told("ready", measured | facts, outcome, reason)


def inspect(version: str = "0.1.4", **facts: Any) -> Told:
    proofs = {place: {"version": version} for place in ("http", "command", "metadata")}
    return Told("inspect", {"version": version, "proofs": proofs} | facts)


def done(name: str, problem: str = "", **picked: Any) -> Facts:
    """An action that was performed."""
    return {"name": name, "problem": problem, "picked": picked}


def verify(*reads: Facts, version: str = "0.1.4", acknowledged: list[Facts] | None = None) -> Told:
    facts = {"version": version, "reads": list(reads), "acknowledged": acknowledged or []}
    return Told("verify", facts)


def flight(**changed: Any) -> Facts:
    """What became of the request in flight: by itself, its answer after the stop."""
    known = {"arrived": True, "request": "POST /run", "status": 200, "problem": "", "answered_after_stop": 0.9}
    return known | changed


def skip(kind: str, reason: str, **facts: Any) -> Told:
    """A step that has nothing to do in this cell."""
    return Told(kind, facts, "skipped", reason)


def watch(database: str = "stopped", outcome: str = "done", reason: str = "", **facts: Any) -> Told:
    """A watch of a product that is honest: unhealthy without its database, healthy again with it."""
    until = {"stopped": "unhealthy", "running": "healthy"}[database]
    problem = "status 503 instead of 200" if database == "stopped" else ""
    known = {
        "database": database, "until": until, "window": 15.0, "version": "0.2.0", "asked": 4, "reached": True,
        "since": 0.4, "last_at": 0.7, "last_status": 503, "last_problem": problem, "state": STATE, "probes": [],
    }  # fmt: skip
    return Told("watch", known | facts, outcome, reason)


def case(name: str = "API_KEY", **facts: Any) -> Facts:
    """A start that was refused as it should be."""
    known = {
        "case": name, "healthy_after": None, "exited": True, "not_started": False, "exit_code": 2, "seconds": 0.8,
        "window": 40.0, "said": f"{name} is not set", "named": True, "asked": True, "state": GONE | {"exit_code": 2},
        "tables_before": {"a": 2}, "tables_after": {"a": 2},
    }  # fmt: skip
    return known | facts


def refuse(*cases: Facts, because: str = "missing-setting", **facts: Any) -> Told:
    return Told("refuse", {"because": because, "version": "0.2.0", "cases": list(cases)} | facts)


def stop(*, in_flight: Facts | None = None, flying: bool = True, **facts: Any) -> Told:
    """A stop that kept every promise, but for what is said."""
    known = {
        "way": "signal", "budget": 20.0, "before": STATE, "promised_exit_codes": [0], "promised_in_flight": "complete",
        "killed": False, "seconds": 1.2, "after": GONE, "port_answers": False,
    }  # fmt: skip
    known |= {"in_flight": in_flight or flight()} if flying else {}
    return Told("stop", known | facts, parameters={"in_flight": flying})


def table(*keys: str | int, key: str = "id", rows: int | None = None, known: bool = True) -> Facts:
    """A table with one row for each key; `rows` is for one whose keys are not known."""
    count = len(keys) if rows is None else rows
    return {"rows": count, "columns": [key, "text"], "key": [key] if key else [], "keys": list(keys) if known else None}


def ledger(integrity: str = "ok", orphans: int = 0, **tables: Facts) -> Told:
    return Told("ledger", {"tables": tables, "integrity": integrity, "foreign_key_orphans": orphans})
