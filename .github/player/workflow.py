"""A workflow, read: only what this repository's workflows use is understood, all else is refused before a step runs."""

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from player.expressions import Refused, render, value_of

WORKFLOW_KEYS = {"name", "on", True, "permissions", "concurrency", "jobs"}  # YAML 1.1 reads `on` as a truth value
JOB_KEYS = {"name", "needs", "if", "runs-on", "timeout-minutes", "strategy", "outputs", "steps"}
STEP_KEYS = {"name", "id", "if", "uses", "with", "run", "env"}
ACTIONS = {
    "actions/checkout": {"persist-credentials"},
    "actions/setup-python": {"python-version"},
    "actions/upload-artifact": {"name", "path", "include-hidden-files", "if-no-files-found", "retention-days"},
}


def read(path: Path) -> dict[str, Any]:
    """Read a workflow; refuse whatever could not be played."""
    found = yaml.safe_load(path.read_text("utf8"))
    _only(found, WORKFLOW_KEYS, str(path))
    for name, job in found["jobs"].items():
        _only(job, JOB_KEYS, name)
        _only(job.get("strategy", {}), {"fail-fast", "matrix"}, f"{name}: strategy")
        for each in needs_of(job):
            if each not in found["jobs"]:
                raise Refused(f"{name} needs the job '{each}', which is not there")
        for step in job["steps"]:
            _only(step, STEP_KEYS, f"{name}: a step")
            if ("uses" in step) == ("run" in step):
                raise Refused(f"{name}: a step either uses an action or runs a command")
            action = str(step.get("uses", "")).partition("@")[0]
            if "uses" in step and action not in ACTIONS:
                raise Refused(f"{name}: the action '{action}' cannot be played here")
            _only(step.get("with", {}), ACTIONS.get(action, set()), f"{name}: {action}")
        for text in _texts(job):
            value_of(text, None)
    return dict(found)


def cells_of(matrix: Any, scope: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the cells: the product of the axes, or the entries of `include`."""
    found = render(matrix, scope) if matrix is not None else {}
    include = found.get("include")
    if (include is not None and len(found) > 1) or "exclude" in found:
        raise Refused("a matrix has axes, or `include`; both, or `exclude`, cannot be played here")
    if include is not None:
        if not include:
            raise Refused("the matrix is empty")
        yield from include
    else:
        for values in itertools.product(*found.values()):
            yield dict(zip(found, values, strict=True))


def needs_of(job: Mapping[str, Any]) -> list[str]:
    """Return the names of the jobs that come before."""
    needs = job.get("needs", [])
    return [needs] if isinstance(needs, str) else list(needs)


def with_sources(jobs: Mapping[str, Any], only: str) -> set[str]:
    """Return a job and those whose outputs it uses; of the others that it needs it is told that they succeeded."""
    if only not in jobs:
        raise Refused(f"there is no job '{only}'; there are: {', '.join(jobs)}")
    uses = {each for each in needs_of(jobs[only]) for text in _texts(jobs[only]) if f"needs.{each}.outputs." in text}
    return {only}.union(*(with_sources(jobs, each) for each in uses))


def _texts(value: Any) -> Iterator[str]:
    """Yield every text with an expression, and every condition as one."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from [f"${{{{ {each} }}}}"] if key == "if" and "${{" not in str(each) else _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _only(found: Mapping[Any, Any], known: set[Any], where: str) -> None:
    unknown = sorted(map(str, set(found) - known))
    if unknown:
        raise Refused(f"{where}: '{unknown[0]}' cannot be played here")
