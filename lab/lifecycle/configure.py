"""Step `configure`: write what an operator writes before the first start."""

import hashlib
from typing import Any

from lab.lifecycle.setting import Session
from lab.product.model import Configuration
from lab.scenario.steps import ConfigureStep
from lab.template import render


def configure(session: Session, step: ConfigureStep, facts: dict[str, Any]) -> None:
    """Write the version's configuration files; from now on its environment applies, too."""
    scope = session.scope(step.version)
    configuration = session.setting.definitions[step.version].configuration
    facts["files"] = {}
    for file in configuration.files:
        path, content = render(file.path, scope), render(file.content, scope).encode()
        session.environment.put(content, path, mode=int(file.mode, 8))
        session.written[path] = facts["files"][path] = digest(content)
    facts["environment"] = sorted(configuration.environment)
    session.configured = step.version


def current(session: Session) -> Configuration:
    """Return the configuration in force: an upgrade keeps that of the old version."""
    return session.setting.definitions[session.configured or session.slot].configuration


def digests(session: Session) -> dict[str, str]:
    """Return the digests that the configuration files have now; empty for a file that is gone."""
    found = {path: session.environment.get(path) for path in sorted(session.written)}
    return {path: "" if content is None else digest(content) for path, content in found.items()}


def digest(content: bytes) -> str:
    """Return `sha256:…`."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
