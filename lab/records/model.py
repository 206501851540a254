"""What is stored of a run: the words in which it is told to reports, the index and other programs."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Verdict = Literal["pass", "fail", "error", "unknown", "skipped"]
WORST_FIRST: tuple[Verdict, ...] = ("fail", "error", "unknown", "pass", "skipped")
ABOUT_SCENARIO = frozenset({"title", "description", "tags", "target", "matrix"})
"""What a scenario says about itself, and which cells it has: no trial becomes another by it."""


class Stored(BaseModel):
    """A stored record: keys that a later lab adds are kept out of the way of an earlier one."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Finding(Stored):
    """One answer of a check, and the step it is about."""

    verdict: Verdict
    step: str = ""
    reason: str


class CheckResult(Stored):
    """A check's verdict: that of its worst finding."""

    check: str
    verdict: Verdict
    step: str = ""
    reason: str
    findings: list[Finding] = []


class StepResult(Stored):
    """How a step went; `seconds` by a monotonic clock."""

    id: str
    kind: str
    outcome: str
    reason: str = ""
    seconds: float | None = None


class VersionRecord(Stored):
    """A version as it was resolved."""

    label: str
    kind: str
    digest: str
    origin: str


class TrialResult(Stored):
    """`result.json` of one attempt."""

    schema_version: int = 1
    run_id: str
    scenario: str
    cell: str
    environment: str
    platform: str
    axes: dict[str, str]
    product: str
    versions: dict[str, VersionRecord]
    scenario_digest: str = ""
    """What tells one text of the scenario from another; empty in the records of an older lab."""
    budget_factor: float = 1.0
    """What the scenario's budgets of time were multiplied by."""
    trial: int
    attempt: int = 1
    verdict: Verdict
    reason: str
    started: str
    seconds: float
    seed: int
    checks: list[CheckResult] = []
    steps: list[StepResult] = []
    measures: dict[str, float] = {}
    """Named figures: seconds, or megabytes where the name says so."""
    facts: dict[str, Any] = {}
    cleanup_problems: list[str] = []

    @property
    def counts(self) -> bool:
        """Whether the trial is a sample of the success rate: first attempts that passed or failed."""
        return self.attempt == 1 and self.verdict in {"pass", "fail"}


class Exit(Stored):
    """What `lab` ended with, and why."""

    code: int
    reason: str


class CellRecord(Stored):
    """A cell of the plan; `skip` says why it did not run."""

    id: str
    environment: str
    platform: str
    axes: dict[str, str]
    skip: str = ""


class RunRecord(Stored):
    """`run.json`."""

    schema_version: int = 1
    run_id: str
    status: Literal["running", "finished", "interrupted"]
    scenario: str
    product: str
    versions: dict[str, VersionRecord]
    resolved: dict[str, Any]
    """The scenario with all defaults."""
    cells: list[CellRecord]
    trials: int
    workers: int
    seed: int
    tool_version: str
    command: str
    """The command line that repeats the run."""
    started: str
    finished: str = ""
    host: dict[str, Any] = {}
    auto: str = ""
    """What the environment `auto` meant, and why; empty where the run asked for others."""
    budget_factor: float = 1.0
    """What the scenario's budgets of time were multiplied by; `resolved` has the products."""
    exit: Exit | None = None


def scenario_digest(resolved: Mapping[str, Any]) -> str:
    """Return `sha256:…` over what a scenario, as `RunRecord.resolved` has it, asks of a trial; order says nothing."""
    told = {key: value for key, value in resolved.items() if key not in ABOUT_SCENARIO}
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst verdict; of nothing at all: unknown."""
    found = set(verdicts)
    return next((verdict for verdict in WORST_FIRST if verdict in found), "unknown")
