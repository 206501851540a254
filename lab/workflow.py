"""A run from top to bottom: load → expand → choose → preflight → resolve → plan → execute → report → exit code."""

import os
import platform as host_platform
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import __version__
from lab.environment.containers import engine
from lab.environment.kinds import own_platform
from lab.errors import InfrastructureError, Interrupted, LabError
from lab.history import now
from lab.lifecycle.setting import Setting
from lab.locks import held
from lab.outcome import LAB_ERROR, conclude_run, interrupted
from lab.planning import Draft, draft, make_up, needs_engine, plan_text, secret_names, setting_of
from lab.product.sources import Artifact
from lab.records.model import CellRecord, Exit, RunRecord, TrialResult, VersionRecord
from lab.redact import Redactor
from lab.scenario.steps import Slot
from lab.trial import TrialPlan
from lab.wish import Wish, repeat_command

if TYPE_CHECKING:
    import docker

    from lab.building import Site
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
        client = engine.connect() if needs_engine(planned) else None
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
                ended = Exit(code=signal.exit_code, reason=interrupted(read_trials(folder).results))
            except Exception as error:
                reason = error.message if isinstance(error, LabError) else f"a fault in the lab itself: {error!r}"
                code = error.exit_code if isinstance(error, LabError) else LAB_ERROR
                _close(record, folder, read_trials(folder).results, Exit(code=code, reason=reason), screen)
                raise
            record = _close(record, folder, read_trials(folder).results, ended, screen)
        if client is not None:
            client.close()
    screen.conclude(record, folder)
    return ended


def _execute(
    planned: Draft,
    artifacts: Mapping[Slot, Artifact],
    record: RunRecord,
    folder: Path,
    client: "docker.DockerClient | None",
    screen: "Screen",
) -> list[TrialResult]:
    """Make the images, write the plan, and run the trials."""
    from lab.building import prepare_site
    from lab.execution import Execution
    from lab.records.store import write_text

    write_text(folder / "plan.txt", Redactor()(plan_text(planned, artifacts)))
    made_up = make_up(secret_names(planned.definitions), record.seed)
    settings = [setting_of(planned, cell, artifacts, made_up) for cell in planned.cells if not cell.skip]
    if not settings:
        screen.begin(record, [])
        return []
    site = prepare_site(settings, client, screen.say, planned.wish.host_port)
    plans = _plans(planned.wish, settings, site, record, folder)
    execution = Execution(site, planned.wish.workers, planned.wish.retries, screen)
    screen.begin(record, plans)
    try:
        return execution.run(plans)
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


def _plans(wish: Wish, settings: Sequence[Setting], site: "Site", record: RunRecord, folder: Path) -> list[TrialPlan]:
    """Return the trials: the first of every cell, then the second of every cell, and so on."""
    from lab.environment.hostnet import host_network
    from lab.records.store import trial_folder

    return [
        TrialPlan(
            run_id=record.run_id,
            number=number,
            attempt=1,
            setting=setting,
            folder=trial_folder(folder, setting.cell.folder, number, 1),
            seed=record.seed,
            keep=wish.keep,
            images=site.images(setting),
            secrets=(*setting.secrets.values(), *host_network().secrets),
            budget_factor=wish.budget_factor,
        )
        for number in range(1, wish.trials + 1)
        for setting in settings
    ]


def _record(
    planned: Draft, artifacts: Mapping[Slot, Artifact], seed: int, client: "docker.DockerClient | None"
) -> RunRecord:
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
        command=Redactor()(repeat_command(planned.wish, seed)),  # an address may hold a token
        started=now(),
        host=_host(client) | planned.wish.brought.facts,
        auto=planned.auto,
        budget_factor=planned.wish.budget_factor,
    )


def _host(client: "docker.DockerClient | None") -> dict[str, Any]:
    """Return facts that results depend on and that name nobody."""
    own = {
        "system": host_platform.system(),
        "kernel": host_platform.release(),
        "machine": host_platform.machine(),
        "python": host_platform.python_version(),
        "platform": own_platform(),
    }
    if client is None:
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return {**own, "cpus": os.cpu_count() or 1, "memory_mb": pages // 1_000_000}
    with engine.calls("asking the engine about itself"):
        told = client.info()
    return {
        **own,
        "cpus": told["NCPU"],
        "memory_mb": told["MemTotal"] // 1_000_000,
        "engine": told["ServerVersion"],
        "storage_driver": told["Driver"],
        "cgroup_version": told.get("CgroupVersion", ""),
    }
