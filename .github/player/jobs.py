"""The jobs of a workflow, one after another: conditions, needs, outputs, and the cells of a matrix."""

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from player.expressions import Refused, render, value_of
from player.steps import Place, Shell, StepFailed, act
from player.workflow import cells_of, needs_of, with_sources

DEFAULT_MINUTES = 360


@dataclass
class Ended:
    """How a job ended: over all cells of its matrix."""

    result: str
    outputs: dict[str, str] = field(default_factory=dict)
    cells: list[tuple[str, str]] = field(default_factory=list)


def play(workflow: Mapping[str, Any], place: Place, only: str | None, cells: int | None) -> dict[str, Ended]:
    """Play all jobs in an order that their needs allow, or one and those whose outputs it takes."""
    jobs: dict[str, Any] = workflow["jobs"]
    wanted = set(jobs) if only is None else with_sources(jobs, only)
    ended: dict[str, Ended] = {name: Ended("success") for name in jobs if name not in wanted}
    while len(ended) < len(jobs):
        ready = [name for name in jobs if name not in ended and all(each in ended for each in needs_of(jobs[name]))]
        if not ready:
            raise Refused("the jobs need each other in a circle")
        name = ready[0]
        ended[name] = _job(name, jobs[name], ended, place, cells)
    return {name: ended[name] for name in jobs if name in wanted}


def _job(name: str, job: Mapping[str, Any], ended: Mapping[str, Ended], place: Place, cells: int | None) -> Ended:
    needs = {each: {"result": ended[each].result, "outputs": ended[each].outputs} for each in needs_of(job)}
    scope = {"needs": needs, "github": _github(place)}
    good = all(each["result"] == "success" for each in needs.values())
    if not _holds(job.get("if"), scope, good=good):
        print(f"== {name}: skipped")
        return Ended("skipped")
    told = Ended("success")
    strategy = job.get("strategy", {})
    for number, cell in enumerate(itertools.islice(cells_of(strategy.get("matrix"), scope), cells)):
        title = str(render(job.get("name", name), {**scope, "matrix": cell}))
        title = name if title == name and not cell else f"{name}: {title if title != name else cell}"
        if told.result == "failure" and strategy.get("fail-fast", True):
            told.cells.append((title, "cancelled"))
            continue
        print(f"== {title}", flush=True)
        result, told.outputs = _cell(job, {**scope, "matrix": cell}, place, f"{name}-{number}")
        told.cells.append((title, result))
        told.result = "failure" if result == "failure" else told.result
    return told


def _cell(job: Mapping[str, Any], scope: dict[str, Any], place: Place, label: str) -> tuple[str, dict[str, str]]:
    """Play the steps of one job; return its result and outputs. After a failure only `always()` steps go on."""
    minutes = float(render(job.get("timeout-minutes", DEFAULT_MINUTES), scope))
    scope = {**scope, "runner": {"temp": str(place.folder / label)}, "steps": {}}
    Path(scope["runner"]["temp"]).mkdir()
    shell = Shell(place, Path(scope["runner"]["temp"]), time.monotonic() + minutes * 60)
    result = "success"
    for step in job["steps"]:
        if not _holds(step.get("if"), scope, good=result == "success"):
            continue
        title = step.get("name") or step.get("uses", "").partition("@")[0] or step["run"].splitlines()[0]
        print(f"-- {title}", flush=True)
        given = {**step, **{key: render(step[key], scope) for key in ("with", "env", "run") if key in step}}
        try:
            outputs = shell.run(given) if "run" in step else act(given, place, shell)
        except StepFailed as failure:
            print(f"-- failed: {failure}", flush=True)
            result, outputs = "failure", {}
        if "id" in step:
            scope["steps"][step["id"]] = {"outputs": outputs}
    if result == "failure":
        return result, {}
    return result, {key: str(render(text, scope)) for key, text in job.get("outputs", {}).items()}


def _holds(condition: Any, scope: Mapping[str, Any], *, good: bool) -> bool:
    """Whether a job or step is to run; without a condition it does when all before it went well."""
    if condition is None:
        return good
    text = str(condition).strip()
    return bool(value_of(text if text.startswith("${{") else f"${{{{ {text} }}}}", scope))


def _github(place: Place) -> dict[str, Any]:
    return {"ref": "refs/heads/here", "run_attempt": 1, "workspace": str(place.checkout)}
