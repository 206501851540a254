"""Small records, made by hand, for the tests of what is stored and reported."""

from typing import Any

from lab.records.model import (
    CellRecord,
    CheckResult,
    Finding,
    RunRecord,
    StepResult,
    TrialResult,
    Verdict,
    VersionRecord,
)

RUN_ID = "0123456789abcdef0123456789abcdef"
OTHER_ID = "0123ffff89abcdef0123456789abcdef"
SQLITE = "upgrade/docker-debian-12/sqlite"
POSTGRESQL = "upgrade/docker-debian-12/postgresql"
VERSIONS = {
    "from": VersionRecord(label="0.1.4", kind="wheel", digest="sha256:" + "a" * 64, origin="dist/a.whl"),
    "to": VersionRecord(label="0.2.0", kind="wheel", digest="sha256:" + "b" * 64, origin="dist/b.whl"),
}


def cell(name: str = SQLITE, skip: str = "") -> CellRecord:
    return CellRecord(
        id=name,
        environment="docker",
        platform="debian-12",
        axes={"database": name.rpartition("/")[2]},
        skip=skip,
    )


def run(**changed: Any) -> RunRecord:
    given: dict[str, Any] = {
        "run_id": RUN_ID,
        "status": "finished",
        "scenario": "upgrade",
        "product": "agents",
        "versions": VERSIONS,
        "resolved": {"steps": []},
        "cells": [cell()],
        "trials": 2,
        "workers": 1,
        "seed": 42,
        "tool_version": "0.1.0",
        "command": "lab run upgrade --trials 2 --seed 42",
        "started": "2026-03-04T05:06:07.890Z",
        "finished": "2026-03-04T05:09:07.890Z",
        "host": {"system": "Linux 6.1", "cores": 2},
        "exit": {"code": 1, "reason": "1 of 2 first attempts failed"},
    }
    return RunRecord.model_validate(given | changed)


def check(verdict: Verdict = "pass", name: str = "health", *findings: Finding, reason: str = "") -> CheckResult:
    told = reason or (findings[0].reason if findings else f"{name} says {verdict}")
    return CheckResult(check=name, verdict=verdict, reason=told, findings=list(findings))


def trial(number: int = 1, verdict: Verdict = "pass", **changed: Any) -> TrialResult:
    given: dict[str, Any] = {
        "run_id": RUN_ID,
        "scenario": "upgrade",
        "cell": SQLITE,
        "environment": "docker",
        "platform": "debian-12",
        "axes": {"database": "sqlite"},
        "product": "agents",
        "versions": VERSIONS,
        "trial": number,
        "attempt": 1,
        "verdict": verdict,
        "reason": f"the trial's verdict is {verdict}",
        "started": "2026-03-04T05:06:08.000Z",
        "seconds": 12.5,
        "seed": 42,
        "checks": [check(verdict)],
        "steps": [StepResult(id="01-install", kind="install", outcome="done", seconds=3.0)],
        "measures": {"install_seconds": 3.0, "memory_mb": 80.0},
    }
    return TrialResult.model_validate(given | changed)
