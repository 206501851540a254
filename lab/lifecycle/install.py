"""Steps `install` and `upgrade`: an installer runs as a user would run it, then come the documented upgrade steps."""

import hashlib
import io
import re
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from lab.environment.images.fetched import pipx_archive
from lab.environment.images.wheelhouse import from_shelf
from lab.environment.places import Places
from lab.environment.traces import MARK, MARK_NAME
from lab.errors import DiskFullError, IndexUnavailableError, InfrastructureError
from lab.history import StepFailedError, StepSkippedError
from lab.lifecycle.installers import PIPX_FILE, Command, Job, day_of, index_failed
from lab.lifecycle.python_refusal import TRACEBACK, check_refusal, expectation
from lab.lifecycle.setting import Session, Setting
from lab.process import CommandResult
from lab.product.sources import IGNORED, Artifact, files_of, with_extra
from lab.product.upkeep import ExtraStep
from lab.scenario.steps import InstallStep, SetupStep, Slot, UpgradeStep
from lab.template import render

INSTALLER_ENVIRONMENT = {"UV_LINK_MODE": "copy", "UV_COMPILE_BYTECODE": "1",
                         "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}  # fmt: skip
NO_UPLOAD_TIMES = re.compile(r"missing an upload date|does not provide upload.time", re.IGNORECASE)
DISK_FULL = re.compile(r"no space left on device|os error 28|ENOSPC", re.IGNORECASE)


def install_commands(setting: Setting, slot: Slot, *, upgrade: bool) -> list[Command]:
    """Return what installs a version; run by the step and printed by the plan alike."""
    if setting.artifacts[slot].kind == "image":
        return []
    return setting.installer(slot).commands(job(setting, slot, upgrade=upgrade))


def job(setting: Setting, slot: Slot, *, upgrade: bool = False) -> Job:
    """Return what an installer is to do for a version that is not an image."""
    artifact, places = setting.artifacts[slot], setting.places
    what = {"package": artifact.requirement, "tree": places.tree, "wheel": _dropped(artifact, places)}[artifact.kind]
    return Job(
        what if artifact.lock and setting.installer(slot).keeps_locks else with_extra(what, artifact.extra),
        places,
        python=setting.bindings.python,
        upgrade=upgrade,
        lock=artifact.lock if setting.installer(slot).keeps_locks else "",
        as_of=day_of(setting.cell, setting.definitions[slot]),
        extra=artifact.extra,
    )


def install(session: Session, step: InstallStep, facts: dict[str, Any]) -> None:
    """Install into the empty environment.

    Raises StepFailedError when the installer fails, ExpectedEndError after a refusal that had to come.
    """
    facts["expected"] = expectation(session, step.version, facts)
    failure = run_installer(session, step.version, facts, upgrade=False)
    if facts["expected"] == "refusal":
        check_refusal(session, failure, facts)
    if failure is not None:
        raise StepFailedError(f"the installer failed:\n{failure}")
    session.installed = step.version


def upgrade(session: Session, step: UpgradeStep, facts: dict[str, Any]) -> None:
    """Install over the old version; configuration and data stay as they are.

    Raises StepFailedError when the installer or a documented upgrade step fails.
    """
    facts["expected"] = "success"
    facts["from_digest"] = session.setting.artifacts[session.slot].digest
    failure = run_installer(session, step.version, facts, upgrade=True)
    if failure is not None:
        raise StepFailedError(f"the installer failed:\n{failure}")
    old = session.slot
    session.installed = step.version
    take_steps(session, session.definition.upgrade_steps, session.configured or old, facts)


def setup(session: Session, _step: SetupStep, facts: dict[str, Any]) -> None:
    """Take the steps that the installed version needs before its first start.

    Raises StepSkippedError where there are none.
    """
    if not extra_steps(session.setting, session.definition.setup_steps):
        raise StepSkippedError("the definition names no step before the first start")
    facts["label"] = session.definition.label
    take_steps(session, session.definition.setup_steps, session.configured or session.slot, facts)


def extra_steps(setting: Setting, steps: list[ExtraStep]) -> list[ExtraStep]:
    """Return the steps that are taken in this cell: workarounds only where the matrix says so."""
    return [step for step in steps if step.documented or setting.workarounds]


def take_steps(session: Session, steps: list[ExtraStep], configured: Slot, facts: dict[str, Any]) -> None:
    """Run commands in order, all of them, with the configuration in force; note those that fail."""
    session.environment.services.ready()  # they may need the database
    variables = session.setting.definitions[configured].configuration.environment
    facts["extra_steps"] = []
    for step in extra_steps(session.setting, steps):
        scope, written = session.scope(), session.scope(configured)
        command = Command(tuple(render(step.argv, scope)), render(step.directory, scope), render(variables, written))
        result = run_command(session, command, installed=True)
        facts["extra_steps"].append(
            {
                "documented": step.documented,
                "undocumented": step.undocumented,
                "argv": list(result.argv),
                "exit_code": result.exit_code,
                "said": result.tail(),
            }
        )
        if not result.ok:
            ended = "did not end in time" if result.exit_code is None else f"ended with exit code {result.exit_code}"
            where = f"the documented step ({step.documented})" if step.documented else "the workaround"
            facts.setdefault("failures", []).append(f"{where} '{' '.join(step.argv):.200}' {ended}: {result.tail(3)}")


def run_installer(session: Session, slot: Slot, facts: dict[str, Any], *, upgrade: bool) -> str | None:
    """Run the installer; return its last words if it failed."""
    artifact = session.setting.artifacts[slot]
    facts |= {"label": artifact.label, "digest": artifact.digest, "kind": artifact.kind, "commands": []}
    if artifact.kind == "image":
        facts["image"] = session.images[slot]
        return None
    facts |= how_installed(session.setting, slot)
    if facts["installer"] == "pipx":
        session.environment.put(pipx_archive().read_bytes(), f"{session.setting.places.artifacts}/{PIPX_FILE}")
    if artifact.kind == "wheel" and artifact.path:
        session.environment.put(artifact.path.read_bytes(), _dropped(artifact, session.setting.places))
    if artifact.kind == "tree" and artifact.path:
        _lay_down(session, artifact.path)
    offline = from_shelf(session.setting.places.wheels(slot)) if session.setting.sealed else {}
    for wanted in install_commands(session.setting, slot, upgrade=upgrade):
        command = replace(wanted, environment={**offline, **wanted.environment})
        result = run_command(session, command, timeout=session.setting.timeouts.install, network=True)
        facts["commands"].append(
            {"argv": list(result.argv), "exit_code": result.exit_code, "seconds": round(result.seconds, 3)}
        )
        facts["traceback"] = TRACEBACK in result.stdout + result.stderr  # far above the last words, as a rule
        if not result.ok:
            check_machine(result, artifact.label)
            late = f"'{' '.join(command.argv)}' did not end within {session.setting.timeouts.install:g} s"
            return late if result.timed_out else result.tail()
    return None


def lock_left_out(setting: Setting, slot: Slot) -> str:
    """Say of a tree with a lock file that the installer does not use it; else nothing."""
    artifact, installer = setting.artifacts[slot], setting.installer(slot)
    return f"{installer.name} leaves out its {artifact.lock}" if artifact.lock and not installer.keeps_locks else ""


def how_installed(setting: Setting, slot: Slot) -> dict[str, str]:
    """Return what results tell of the way a version is installed, beside the commands themselves."""
    found = job(setting, slot)
    told: dict[str, str] = {"installer": setting.installer(slot).name}
    if left_out := lock_left_out(setting, slot):
        told["lock_left_out"] = left_out
    if found.as_of and not found.lock:
        told["as_of"] = found.as_of
    if setting.interpreter is not None:
        told |= {f"interpreter_{name}": value for name, value in setting.interpreter.facts.items()}
    return told


def check_machine(result: CommandResult, what: str) -> None:
    """Raise DiskFullError or IndexUnavailableError where a failed installer says that the machine is to blame."""
    said = (result.stdout + result.stderr).decode("utf8", "replace")
    if DISK_FULL.search(said):
        raise DiskFullError(f"no space was left while installing {what}: {result.tail(3)}")
    if NO_UPLOAD_TIMES.search(said):
        raise IndexUnavailableError(
            f"the package index does not say when things were uploaded, so that nobody can install {what} as of a day: "
            f"{result.tail(3)}",
            hint="use an index that does, such as PyPI itself, or choose the axis value as_of=now",
        )
    if index_failed(result):
        raise IndexUnavailableError(
            f"the package index did not answer while installing {what}:\n{result.tail(6)}",
            hint="check the network, the proxy and the index settings of this host",
        )


def run_command(
    session: Session,
    command: Command,
    *,
    timeout: float | None = None,
    network: bool = False,
    installed: bool = False,
) -> CommandResult:
    """Run a command and keep all that it wrote; `network` gives it the host's index settings, as installers need."""
    result = session.environment.run(
        command.argv,
        timeout=timeout or session.setting.timeouts.command,
        directory=command.directory,
        environment={**(_installer_environment(session.setting) if network else {}), **command.environment},
        network=network and not session.setting.sealed,
        installed=installed,
    )
    session.keep_output(result)
    return result


def _lay_down(session: Session, source: Path) -> None:
    """Put a tree in place; of an older one only its own files go, as with a checkout: what was added to it stays."""
    tree, drop = session.setting.places.tree, session.setting.places.artifacts
    old = session.setting.artifacts[session.installed] if session.installed is not None else None
    if old is not None and old.path is not None and old.kind == "tree":
        kept = files_of(source)
        gone = sorted(name for name in files_of(old.path) - kept if f"{tree}/{name}" not in session.written)
        session.environment.put("\0".join(gone).encode("utf8", "surrogateescape"), f"{drop}/gone")
        words = ["xargs", "--null", "--no-run-if-empty", f"--arg-file={drop}/gone", "rm", "-f", "--"]
        removed = session.environment.run(words, timeout=session.setting.timeouts.command, directory=tree)
        if not removed.ok:
            raise InfrastructureError(f"the old version's files cannot be removed from {tree}: {removed.tail(3)}")
    configured = {path.removeprefix(f"{tree}/") for path in session.written}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(source, ".", filter=lambda member: _owned_by_product(member, configured))
    session.environment.unpack(buffer.getvalue(), tree)


def _owned_by_product(member: tarfile.TarInfo, configured: set[str]) -> tarfile.TarInfo | None:
    """Leave out build leftovers, and what would overwrite the operator's configuration."""
    path = Path(member.name)
    if set(path.parts) & IGNORED or path.as_posix() in configured:
        return None
    member.uid = member.gid = 1000
    member.uname = member.gname = ""
    return member


def _installer_environment(setting: Setting) -> dict[str, str]:
    """Return the variables that every installer is given."""
    return {**INSTALLER_ENVIRONMENT, "UV_CACHE_DIR": setting.places.cache, MARK_NAME: MARK}


def _dropped(artifact: Artifact, places: Places) -> str:
    """Return the wheel's path in the environment; it holds the digest, so that no installer cache mixes two up."""
    name = artifact.path.name if artifact.path else hashlib.sha256(artifact.origin.encode()).hexdigest()
    return f"{places.artifacts}/{artifact.digest.removeprefix('sha256:')[:16]}/{name}"
