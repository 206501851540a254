"""Environments that outlive their run on purpose, and the removal of what has no right to be there any more."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import paths
from lab.environment import engine
from lab.environment.sweep import remove_all
from lab.errors import EngineError, InfrastructureError, UsageError
from lab.locks import is_held
from lab.records.store import LOCK_FILE

if TYPE_CHECKING:
    import docker

KEPT_FILE = "kept.json"
KEPT_SECONDS = 24 * 3600
CLIENT_FAILED = frozenset({125, 126, 127})
"""What the docker client ends with when there was no shell; any other code is the shell's own business."""


def note_kept(folder: Path, trial: str) -> None:
    """Write down that a trial's environment stays, and until when."""
    from lab.records.store import write_json

    write_json(folder / KEPT_FILE, {"trial": trial, "until": time.time() + KEPT_SECONDS})


def kept_trials(run: Path) -> dict[str, float]:
    """Return the kept trials of a run and the times (seconds since the epoch) until which they stay."""
    found = {}
    for path in sorted(run.glob(f"trials/*/*/*/{KEPT_FILE}")):
        told = json.loads(path.read_text("utf8"))
        found[told["trial"]] = float(told["until"])
    return found


def shell(name: str, role: str) -> int:
    """Open a shell in a kept container; return 0 however it ended, 3 when there was none."""
    from lab.records.store import find_run

    run = find_run(name)
    trials = kept_trials(run)
    if not trials:
        raise UsageError(f"{run.name} kept no environment", hint="run again with --keep failed or --keep always")
    client = engine.connect()
    trial = next(iter(trials))
    wanted = {"label": [f"{engine.TRIAL}={trial}", f"{engine.RUN}={_run_id(run)}"]}
    found = client.api.containers(all=True, filters=wanted)
    containers = {each["Labels"][engine.ROLE]: each for each in found}
    if role not in containers:
        raise UsageError(f"there is no '{role}' in {trial}", hint=f"there are: {', '.join(sorted(containers))}")
    if containers[role]["State"] != "running":
        raise UsageError(f"'{role}' of {trial} does not run any more", hint="its logs: lab logs")
    flags = "-it" if sys.stdin.isatty() else "-i"
    ended = subprocess.call(
        ["docker", "exec", flags, containers[role]["Id"], "sh"],
        env={**os.environ, "DOCKER_HOST": engine.address() or ""},
    )
    return InfrastructureError.exit_code if ended in CLIENT_FAILED else 0


def clean(*, cache: bool, keep_runs: int | None, kept: bool) -> Iterator[str]:
    """Sweep; yield what was done. Only objects of this results folder are touched, and none of a run that goes on."""
    from lab.records.index import rebuild

    try:
        client = engine.connect()
    except EngineError as error:
        yield f"no engine, so nothing of it to remove ({error.message})"
        client = None
    runs = sorted(paths.runs().glob("*-*")) if paths.runs().is_dir() else []
    if client is not None:
        tests = sorted((paths.lab_home() / "selftest").glob("*"))
        yield from _sweep(client, {_run_id(run): run for run in [*runs, *tests]}, kept=kept)
    if keep_runs is not None:
        for run in runs[: max(0, len(runs) - keep_runs)]:
            if not is_held(run / LOCK_FILE) and not kept_trials(run):
                shutil.rmtree(run)
                yield f"removed run {run.name}"
        for folder in sorted((paths.lab_home() / "selftest").glob("*")):
            if not is_held(folder / LOCK_FILE):
                shutil.rmtree(folder)
                yield f"removed self-test {folder.name}"
        yield from rebuild()
    if cache:
        yield from _drop_caches(client)
    yield "clean"


def _sweep(client: "docker.DockerClient", runs: dict[str, Path], *, kept: bool) -> Iterator[str]:
    for run_id, trials in sorted(_trials_on_engine(client).items()):
        run = runs.get(run_id)
        if run is not None and is_held(run / LOCK_FILE):
            yield f"run {run_id[:12]} goes on; left alone"
            continue
        staying = {} if run is None or kept else kept_trials(run)
        for trial in sorted(trials):
            until = staying.get(trial, 0.0)
            if until > time.time():
                yield f"kept until {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(until))}: {trial}"
                continue
            left = remove_all(client, {engine.RUN: run_id, engine.TRIAL: trial, engine.OWNER: paths.owner()})
            yield f"removed {trial} of run {run_id[:12]}"
            yield from left


def _trials_on_engine(client: "docker.DockerClient") -> dict[str, set[str]]:
    """Return the trials of this results folder that have objects, by run."""
    wanted = {"label": [f"{engine.OWNER}={paths.owner()}", engine.RUN]}
    objects: list[dict[str, Any]] = [
        *client.api.containers(all=True, filters=wanted),
        *client.api.networks(filters=wanted),
        *(client.api.volumes(filters=wanted)["Volumes"] or []),
    ]
    found: dict[str, set[str]] = {}
    for each in objects:
        found.setdefault(each["Labels"][engine.RUN], set()).add(each["Labels"][engine.TRIAL])
    return found


def _drop_caches(client: "docker.DockerClient | None") -> Iterator[str]:
    from docker.errors import APIError

    if client is not None:
        for image in client.api.images(filters={"label": engine.CACHE}):
            for tag in image["RepoTags"] or []:
                try:
                    client.api.remove_image(tag)
                    yield f"removed image {tag}"
                except APIError as error:
                    yield f"image {tag} stays: {error.explanation}"
        for volume in client.api.volumes(filters={"label": engine.CACHE})["Volumes"] or []:
            try:
                client.api.remove_volume(volume["Name"])
                yield f"removed volume {volume['Name']}"
            except APIError as error:
                yield f"volume {volume['Name']} stays: {error.explanation}"
    if paths.cache().is_dir():
        shutil.rmtree(paths.cache())
        yield f"removed {os.fspath(paths.cache())}"


def _run_id(run: Path) -> str:
    return run.name.rpartition("-")[2]
