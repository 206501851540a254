"""Steps `install` and `upgrade`: an installer runs as a user would run it, then come the documented upgrade steps."""

import hashlib
import io
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from lab.errors import DiskFullError, IndexUnavailableError, InfrastructureError
from lab.history import ExpectedEndError, StepFailedError
from lab.lifecycle.setting import Session, Setting
from lab.process import CommandResult
from lab.product.model import Definition
from lab.product.sources import IGNORED, Artifact, files_of
from lab.scenario.model import InstallStep, Slot, UpgradeStep
from lab.template import render

DROP = "/tmp/artifacts"  # noqa: S108 - inside the installer's container
"""Where the lab lays a wheel down for the installer."""
INSTALLER_ENVIRONMENT = {"UV_CACHE_DIR": "/cache/uv", "UV_LINK_MODE": "copy", "UV_COMPILE_BYTECODE": "1",
                         "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}  # fmt: skip
INDEX_FAILED = re.compile(
    r"error sending request|failed to lookup address|dns error|connection (?:refused|reset|timed out)"
    r"|temporary failure in name resolution|ReadTimeoutError|ConnectTimeoutError|NewConnectionError"
    r"|Max retries exceeded"
    r"|operation timed out|tls handshake|CERTIFICATE_VERIFY_FAILED|invalid peer certificate"
    r"|HTTP status (?:server error|client error) \((?:5\d\d|407|429)",
    re.IGNORECASE,
)
DISK_FULL = re.compile(r"no space left on device|os error 28|ENOSPC", re.IGNORECASE)
PYTHON_REFUSED = re.compile(r"python(?:\s+version|\s+requirement|>=|>|<|==|~=|\s*\d)|requires.python", re.IGNORECASE)


@dataclass(frozen=True)
class Command:
    """A command that an installer needs."""

    argv: tuple[str, ...]
    directory: str = "/"
    environment: Mapping[str, str] = field(default_factory=dict)


def install_commands(setting: Setting, slot: Slot, *, upgrade: bool) -> list[Command]:
    """Return what installs a version; run by the step and printed by the plan alike."""
    artifact, definition, places = setting.artifacts[slot], setting.definitions[slot], setting.places
    python = f"{places.venv}/bin/python"
    if artifact.kind == "image":
        return []
    if artifact.lock:
        variables = {"UV_PROJECT_ENVIRONMENT": places.venv}
        return [Command(("uv", "sync", "--frozen", "--no-dev", "--python", "python3"), places.tree, variables)]
    what = {"package": artifact.requirement, "tree": places.tree, "wheel": _dropped(artifact)}[artifact.kind]
    if definition.installer == "pip":
        make = [] if upgrade else [Command(("python3", "-m", "venv", places.venv))]
        return [*make, Command((python, "-m", "pip", "install", "--disable-pip-version-check", what))]
    make = [] if upgrade else [Command(("uv", "venv", "--quiet", "--python", "python3", places.venv))]
    return [*make, Command(("uv", "pip", "install", "--python", python, what))]


def install(session: Session, step: InstallStep, facts: dict[str, Any]) -> None:
    """Install into the empty environment.

    Raises StepFailedError when the installer fails, ExpectedEndError after a refusal that had to come.
    """
    facts["expected"] = _expectation(session, step.version, facts)
    failure = _install(session, step.version, facts, upgrade=False)
    if facts["expected"] == "refusal":
        facts["half_installed"] = _half_installed(session)
        if failure is None:
            raise StepFailedError(f"the installer accepted {facts['python']}, which the version excludes")
        facts["clean_refusal"] = bool(PYTHON_REFUSED.search(failure)) and "Traceback" not in failure
        if not facts["clean_refusal"] or facts["half_installed"]:
            raise StepFailedError(f"the refusal of Python {facts['python']} was not clean:\n{failure}")
        raise ExpectedEndError(f"refused Python {facts['python']} as requires-python says")
    if failure is not None:
        raise StepFailedError(f"the installer failed:\n{failure}")
    session.installed = step.version


def upgrade(session: Session, step: UpgradeStep, facts: dict[str, Any]) -> None:
    """Install over the old version; configuration and data stay as they are.

    Raises StepFailedError when the installer or a documented upgrade step fails.
    """
    facts["expected"] = "success"
    facts["from_digest"] = session.setting.artifacts[session.slot].digest
    failure = _install(session, step.version, facts, upgrade=True)
    if failure is not None:
        raise StepFailedError(f"the installer failed:\n{failure}")
    old = session.slot
    session.installed = step.version
    facts["documented_steps"] = []
    configuration = session.setting.definitions[session.configured or old].configuration
    for action in session.definition.upgrade_steps:
        scope = session.scope()
        result = _run(
            session, Command(tuple(render(action.argv, scope)), render(action.directory, scope),
                             render(configuration.environment, scope)), installed=True,
        )  # fmt: skip
        facts["documented_steps"].append(
            {
                "documented": action.documented,
                "argv": list(result.argv),
                "exit_code": result.exit_code,
                "said": result.tail(),
            }
        )
        if not result.ok:
            facts.setdefault("failures", []).append(
                f"the documented upgrade step '{' '.join(action.argv)}' ended with {result.exit_code}: {result.tail(3)}"
            )


def _install(session: Session, slot: Slot, facts: dict[str, Any], *, upgrade: bool) -> str | None:
    """Run the installer; return its last words if it failed."""
    artifact = session.setting.artifacts[slot]
    facts |= {"label": artifact.label, "digest": artifact.digest, "kind": artifact.kind, "commands": []}
    if artifact.kind == "image":
        facts["image"] = session.images[slot]
        return None
    if artifact.kind == "wheel" and artifact.path:
        session.environment.put(artifact.path.read_bytes(), _dropped(artifact))
    if artifact.kind == "tree" and artifact.path:
        _lay_down(session, artifact.path)
    for command in install_commands(session.setting, slot, upgrade=upgrade):
        result = _run(session, command, timeout=session.setting.timeouts.install, network=True)
        facts["commands"].append(
            {"argv": list(result.argv), "exit_code": result.exit_code, "seconds": round(result.seconds, 3)}
        )
        if result.timed_out:
            return f"'{' '.join(command.argv)}' did not end within {session.setting.timeouts.install:g} s"
        if not result.ok:
            said = (result.stdout + result.stderr).decode("utf8", "replace")
            if DISK_FULL.search(said):
                raise DiskFullError(f"no space was left while installing {artifact.label}: {result.tail(3)}")
            if INDEX_FAILED.search(said):
                raise IndexUnavailableError(
                    f"the package index did not answer while installing {artifact.label}:\n{result.tail(6)}",
                    hint="check the network, the proxy and the index settings of this host",
                )
            return result.tail()
    return None


def _run(
    session: Session,
    command: Command,
    *,
    timeout: float | None = None,
    network: bool = False,
    installed: bool = False,
) -> CommandResult:
    """Run a command and keep all that it wrote."""
    result = session.environment.run(
        command.argv,
        timeout=timeout or session.setting.timeouts.command,
        directory=command.directory,
        environment={**(INSTALLER_ENVIRONMENT if network else {}), **command.environment},
        network=network,
        installed=installed,
    )
    session.keep_output(result)
    return result


def _lay_down(session: Session, source: Path) -> None:
    """Put a tree in place; of an older one only its own files go, as with a checkout: what was added to it stays."""
    tree = session.setting.places.tree
    old = session.setting.artifacts[session.installed] if session.installed is not None else None
    if old is not None and old.path is not None and old.kind == "tree":
        kept = files_of(source)
        gone = sorted(name for name in files_of(old.path) - kept if f"{tree}/{name}" not in session.written)
        session.environment.put("\0".join(gone).encode("utf8", "surrogateescape"), f"{DROP}/gone")
        words = ["xargs", "--null", "--no-run-if-empty", f"--arg-file={DROP}/gone", "rm", "-f", "--"]
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


def _dropped(artifact: Artifact) -> str:
    """Return the wheel's path in the environment; it holds the digest, so that no installer cache mixes two up."""
    name = artifact.path.name if artifact.path else hashlib.sha256(artifact.origin.encode()).hexdigest()
    return f"{DROP}/{artifact.digest.removeprefix('sha256:')[:16]}/{name}"


def _expectation(session: Session, slot: Slot, facts: dict[str, Any]) -> str:
    """Say what must happen: `success`, or `refusal` where requires-python excludes the platform's Python."""
    artifact, definition = session.setting.artifacts[slot], session.setting.definitions[slot]
    if artifact.kind == "image":
        return "success"
    asked = session.environment.run(["python3", "-c", "import platform; print(platform.python_version())"], timeout=30)
    facts["python"] = asked.stdout.decode().strip()
    declared = requires_python(definition, artifact)
    facts["requires_python"] = declared
    return "success" if facts["python"] in SpecifierSet(declared, prereleases=True) else "refusal"


def requires_python(definition: Definition, artifact: Artifact) -> str:
    """Return what the definition declares, or else the artifact; nonsense in an artifact declares nothing."""
    declared = definition.requires_python or artifact.requires_python
    try:
        return str(SpecifierSet(declared))
    except InvalidSpecifier:
        return ""


def _half_installed(session: Session) -> bool:
    """Whether a refused installer left anything of the product behind."""
    places = session.setting.places
    found = session.environment.run(
        ["find", places.venv, "-path", "*/site-packages/*.dist-info", "-maxdepth", "5"], timeout=30
    )
    left = [line for line in found.stdout.decode().splitlines() if not re.search(r"/(pip|setuptools|wheel)-", line)]
    return bool(left)
