"""Environments that outlive their run on purpose, and the removal of what has no right to be there any more."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lab import paths
from lab.environment.containers import engine
from lab.environment.containers.sweep import remove_all, trials_of
from lab.environment.images.momentary import remove_abandoned
from lab.errors import EngineError, InfrastructureError, UsageError
from lab.locks import is_held
from lab.reaper import HOST_NOTES, end_processes, remove_from_hosts, remove_places
from lab.records.store import LOCK_FILE

if TYPE_CHECKING:
    import docker

KEPT_FILE = "kept.json"
KEPT_SECONDS = 24 * 3600
CLIENT_FAILED = frozenset({125, 126, 127})
"""What the docker client ends with when there was no shell; any other code is the shell's own business."""
SSH_FAILED = 255
"""What ssh ends with when there is no connection, or none any more."""


class Line(NamedTuple):
    """What a sweep says of one thing."""

    text: str
    stays: bool = False
    """Whether it should have gone, and could not be removed."""


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
    """Open a shell in a kept container or folder; return 0 however it ended, 3 when there was none."""
    from lab.records.store import find_run

    run = find_run(name)
    trials = kept_trials(run)
    if not trials:
        raise UsageError(f"{run.name} kept no environment", hint="run again with --keep failed or --keep always")
    trial = next(iter(trials))
    place = paths.place(run, _run_id(run), trial)
    if (note := run / HOST_NOTES / f"{place.name}.json").is_file():
        from lab.environment.remote.trial import shell_words

        words = shell_words(note)
        no_shell = CLIENT_FAILED | ({SSH_FAILED} if words[0] == "ssh" else set())
        return InfrastructureError.exit_code if subprocess.call(words) in no_shell else 0
    if place.is_dir():
        ended = subprocess.call([os.environ.get("SHELL", "sh")], cwd=place)
        return InfrastructureError.exit_code if ended in CLIENT_FAILED else 0
    client = engine.connect()
    wanted = {"label": [f"{engine.TRIAL}={trial}", f"{engine.RUN}={_run_id(run)}"]}
    found = client.api.containers(all=True, filters=wanted)
    containers = {each["Labels"][engine.ROLE]: each for each in found}
    if role == "toolbox" and "machine" in containers:  # where installers run, too
        role = "machine"
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


def clean(*, cache: bool, keep_runs: int | None, kept: bool) -> Iterator[Line]:
    """Sweep; yield what was done. Only objects of this results folder are touched, and none of a run that goes on.

    Raises InfrastructureError where caches are to go that a run may be using.
    """
    from lab.records.index import rebuild

    runs, tests = _folders()
    if cache:
        _refuse_while_in_use([*runs, *tests])
    try:
        client = engine.connect()
    except EngineError as error:
        yield Line(f"no engine, so nothing of it to remove ({error.message})")
        client = None
    yield from _sweep_places([*runs, *tests], kept=kept)
    if client is not None:
        yield from _sweep(client, kept=kept)
        yield from (Line(left, stays=True) for left in remove_abandoned(client))
    if keep_runs is not None:
        for run in runs[: max(0, len(runs) - keep_runs)]:
            if not kept_trials(run):
                yield from _remove_folder(run, "run")
        for folder in tests:
            yield from _remove_folder(folder, "self-test")
        yield from map(Line, rebuild())
    if cache:
        yield from _drop_caches(client)
    if client is not None:
        client.close()


def _folders() -> tuple[list[Path], list[Path]]:
    """Return the folders of runs, and those of self-tests, oldest runs first."""
    return sorted(paths.runs().glob("*-*")), sorted((paths.lab_home() / "selftest").glob("*"))


def _refuse_while_in_use(runs: Sequence[Path]) -> None:
    going_on = [run.name for run in runs if is_held(run / LOCK_FILE)]
    if going_on:
        raise InfrastructureError(
            f"--cache would take away what runs need that go on: {', '.join(going_on)}",
            hint="wait for their end, or sweep without --cache",
        )


def _remove_folder(run: Path, what: str) -> Iterator[Line]:
    """Remove a run's folder; not while it alone knows of something that is still to be removed elsewhere."""
    if is_held(run / LOCK_FILE):
        return
    if _has_more(run):
        yield Line(f"{what} {run.name} stays: it alone knows what it has left on machines")
        return
    try:
        shutil.rmtree(run)
    except OSError as error:
        yield Line(f"{what} {run.name} stays: {error}", stays=True)
    else:
        yield Line(f"removed {what} {run.name}")


def _has_more(run: Path) -> bool:
    """Whether a run has something on this machine itself, or on machines of an inventory."""
    return (run / paths.PLACES).is_dir() or any((run / HOST_NOTES).glob("*.json"))


def _sweep_places(runs: Sequence[Path], *, kept: bool) -> Iterator[Line]:
    """Remove what ran on this machine itself; of a run with a kept trial, when the last of its trials may go."""
    for run in runs:
        if is_held(run / LOCK_FILE) or not _has_more(run):
            continue
        until = max(kept_trials(run).values(), default=0.0)
        if until > time.time() and not kept:
            yield Line(f"kept until {_moment(until)}: {run / paths.PLACES}")
            continue
        end_processes(_run_id(run), run)
        left = [*remove_from_hosts(run, _run_id(run)), *remove_places(run)]
        yield from (Line(each, stays=True) for each in left)
        if not left:
            yield Line(f"removed {run / paths.PLACES} and its processes, and what the run had on other machines")


def _sweep(client: "docker.DockerClient", *, kept: bool) -> Iterator[Line]:
    on_engine = sorted(trials_of(client, {engine.OWNER: paths.owner()}).items())
    # Looked for now: a run that began meanwhile had a folder before it had an object.
    runs = {_run_id(run): run for each in _folders() for run in each}
    for run_id, trials in on_engine:
        run = runs.get(run_id)
        if run is not None and is_held(run / LOCK_FILE):
            yield Line(f"run {run_id[:12]} goes on; left alone")
            continue
        staying = {} if run is None or kept else kept_trials(run)
        for trial in sorted(trials):
            until = staying.get(trial, 0.0)
            if until > time.time():
                yield Line(f"kept until {_moment(until)}: {trial}")
                continue
            left = remove_all(client, {engine.RUN: run_id, engine.TRIAL: trial, engine.OWNER: paths.owner()})
            yield from (Line(f"{trial} of run {run_id[:12]}: {each}", stays=True) for each in left)
            if not left:
                yield Line(f"removed {trial} of run {run_id[:12]}")


def _drop_caches(client: "docker.DockerClient | None") -> Iterator[Line]:
    from docker.errors import APIError

    if client is not None:
        with engine.calls("dropping what is cached on the engine"):
            api, wanted = client.api, {"label": engine.CACHE}
            tags = [tag for image in api.images(filters=wanted) for tag in image["RepoTags"] or []]
            removals = {f"image {tag}": partial(api.remove_image, tag) for tag in tags}
            volumes = [volume["Name"] for volume in api.volumes(filters=wanted)["Volumes"] or []]
            removals |= {f"volume {name}": partial(api.remove_volume, name) for name in volumes}
            for what, remove in removals.items():
                try:
                    remove()
                    yield Line(f"removed {what}")
                except APIError as error:
                    yield Line(f"{what} stays: {error.explanation}", stays=True)
    if paths.cache().is_dir():
        try:
            shutil.rmtree(paths.cache())
        except OSError as error:
            yield Line(f"{os.fspath(paths.cache())} stays: {error}", stays=True)
        else:
            yield Line(f"removed {os.fspath(paths.cache())}")


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _run_id(run: Path) -> str:
    return run.name.rpartition("-")[2]
