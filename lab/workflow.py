"""A run from top to bottom: load → expand → choose → preflight → resolve → plan → execute → report → exit code."""

import platform as host_platform
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import __version__
from lab.environment import engine
from lab.errors import InfrastructureError, Interrupted, LabError
from lab.history import now
from lab.locks import held
from lab.outcome import LAB_ERROR, conclude_run
from lab.planning import Draft, Wish, draft, make_up, plan_text, repeat_command, setting_of
from lab.product.sources import Artifact
from lab.records.model import CellRecord, Exit, RunRecord, TrialResult, VersionRecord
from lab.scenario.model import Slot
from lab.trial import TrialPlan

if TYPE_CHECKING:
    import docker

    from lab.report.terminal import Screen

INTERRUPTED = frozenset({130, 143})


def run(wish: Wish, screen: "Screen") -> Exit:
    """Do the whole run and return what it ended with.

    Raises LabError where the run could not be made; its exit code then counts, and the record of the run says so.
    """
    from lab.execution import guarded, interruptible
    from lab.preparation import resolve_all
    from lab.records.store import LOCK_FILE, create_run, read_trials

    with interruptible():
        planned = draft(wish)
        client = engine.connect()
        screen.say(f"{planned.loaded.scenario.name}: {planned.loaded.scenario.title}")
        artifacts = resolve_all(planned.choices)
        seed = secrets.randbits(32) if wish.seed is None else wish.seed
        record = _record(planned, artifacts, seed, client)
        folder = create_run(record)
        with held(folder / LOCK_FILE), guarded(record.run_id, folder):
            try:
                results = _execute(planned, artifacts, record, folder, client, screen)
                ended = conclude_run(results, record.cells, no_skip=wish.no_skip)
            except Interrupted as signal:
                ended = Exit(code=signal.exit_code, reason="interrupted; everything was taken down")
            except Exception as error:
                reason = error.message if isinstance(error, LabError) else f"a fault in the lab itself: {error!r}"
                code = error.exit_code if isinstance(error, LabError) else LAB_ERROR
                _close(record, folder, read_trials(folder).results, Exit(code=code, reason=reason), screen)
                raise
            record = _close(record, folder, read_trials(folder).results, ended, screen)
        client.close()
    screen.conclude(record, folder)
    return ended


def _execute(
    planned: Draft,
    artifacts: Mapping[Slot, Artifact],
    record: RunRecord,
    folder: Path,
    client: "docker.DockerClient",
    screen: "Screen",
) -> list[TrialResult]:
    """Make the images, write the plan, and run the trials."""
    from lab.execution import Execution
    from lab.preparation import cache_volume, prepare_images
    from lab.records.store import write_text

    write_text(folder / "plan.txt", plan_text(planned, artifacts))
    runnable = [cell.platform for cell in planned.cells if not cell.skip]
    if not runnable:
        screen.begin(record, [])
        return []
    stock = prepare_images(client, runnable, list(artifacts.values()), screen.say)
    volumes = {name: cache_volume(client, record.product, name) for name in stock.platform}
    plans = _plans(planned, artifacts, record, folder, stock.product)
    execution = Execution(stock, planned.wish.workers, planned.wish.retries, screen, planned.wish.host_port)
    screen.begin(record, plans)
    try:
        return execution.run(plans, lambda plan: volumes[plan.setting.cell.platform])
    finally:
        screen.end()


def _close(record: RunRecord, folder: Path, results: list[TrialResult], ended: Exit, screen: "Screen") -> RunRecord:
    """Write the run's record and reports, and put it into the index."""
    from lab.records.index import add_run
    from lab.records.store import write_json, write_text
    from lab.report.junit import junit

    status = "interrupted" if ended.code in INTERRUPTED else "finished"
    record = record.model_copy(update={"status": status, "finished": now(), "exit": ended})
    write_json(folder / "run.json", record)
    write_text(folder / "junit.xml", junit(record, results))
    try:
        notes = add_run(folder)
    except InfrastructureError as error:  # the run folder is the truth; its verdict stands without the index
        notes = [f"{error.message}; the run folder holds everything, and lab index reads it anew"]
    for note in notes:
        screen.say(note)
    return record


def _plans(
    planned: Draft,
    artifacts: Mapping[Slot, Artifact],
    record: RunRecord,
    folder: Path,
    images: Mapping[str, Mapping[str, str]],
) -> list[TrialPlan]:
    """Return the trials: the first of every cell, then the second of every cell, and so on."""
    from lab.environment.hostnet import host_network
    from lab.preparation import image_key
    from lab.records.store import trial_folder

    names = sorted({name for definition in planned.definitions.values() for name in definition.secrets})
    made_up = make_up(names, record.seed)
    return [
        TrialPlan(
            run_id=record.run_id,
            number=number,
            attempt=1,
            setting=setting_of(planned, cell, artifacts, made_up),
            folder=trial_folder(folder, cell.folder, number, 1),
            seed=record.seed,
            keep=planned.wish.keep,
            images={
                slot: images[cell.platform][image_key(artifact)]
                for slot, artifact in artifacts.items()
                if artifact.kind == "image"
            },
            secrets=(*made_up.values(), *host_network().secrets),
        )
        for number in range(1, planned.wish.trials + 1)
        for cell in planned.cells
        if not cell.skip
    ]


def _record(planned: Draft, artifacts: Mapping[Slot, Artifact], seed: int, client: "docker.DockerClient") -> RunRecord:
    scenario = planned.loaded.scenario
    return RunRecord(
        run_id=secrets.token_hex(16),
        status="running",
        scenario=scenario.name,
        product=planned.catalogued.product.name,
        versions={
            slot: VersionRecord(label=found.label, kind=found.kind, digest=found.digest, origin=found.origin)
            for slot, found in sorted(artifacts.items())
        },
        resolved=scenario.model_dump(by_alias=True, mode="json"),
        cells=[
            CellRecord(
                id=cell.id, environment=cell.environment, platform=cell.platform, axes=dict(cell.axes), skip=cell.skip
            )
            for cell in planned.cells
        ],
        trials=planned.wish.trials,
        workers=planned.wish.workers,
        seed=seed,
        tool_version=__version__,
        command=repeat_command(planned.wish, seed),
        started=now(),
        host=_host(client),
    )


def _host(client: "docker.DockerClient") -> dict[str, Any]:
    """Return facts that results depend on and that name nobody."""
    with engine.calls("asking the engine about itself"):
        told = client.info()
    return {
        "system": host_platform.system(),
        "kernel": host_platform.release(),
        "machine": host_platform.machine(),
        "python": host_platform.python_version(),
        "cpus": told["NCPU"],
        "memory_mb": told["MemTotal"] // 1_000_000,
        "engine": told["ServerVersion"],
        "storage_driver": told["Driver"],
        "cgroup_version": told.get("CgroupVersion", ""),
    }
